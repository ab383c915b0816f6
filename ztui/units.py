"""Sizes, spans of time and rates, as people write and read them: `1MB`, `250ms`, `15m`.

Decimal sizes (`kB`, `MB`) count in thousands, binary ones (`KiB`, `MiB`) in 1,024s. What is printed is at most six
characters wide, so that columns of numbers stay columns.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf

_SIZES = {
    "": 1, "b": 1,
    "k": 1000, "kb": 1000, "m": 1000**2, "mb": 1000**2, "g": 1000**3, "gb": 1000**3, "t": 1000**4, "tb": 1000**4,
    "ki": 1 << 10, "kib": 1 << 10, "mi": 1 << 20, "mib": 1 << 20, "gi": 1 << 30, "gib": 1 << 30, "ti": 1 << 40,
    "tib": 1 << 40,
}  # fmt: skip
_SPANS_S = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class UnitError(ValueError):
    """A text that is no number with a unit ztui knows; the message says which units there are."""


def _split(text: str) -> tuple[str, str]:
    """Split `250ms` into its number and its unit."""
    text = text.strip()
    end = len(text)
    for i, char in enumerate(text):
        if not (char.isdigit() or char == "."):
            end = i
            break
    return text[:end], text[end:].strip()


def parse_bytes(text: str) -> int:
    """Read a size such as `1MB`, `64MiB` or `512` as bytes. Raises UnitError."""
    number, unit = _split(text)
    try:
        return round(float(number) * _SIZES[unit.lower()])
    except (ValueError, KeyError, OverflowError):
        raise UnitError(f"{text!r} is not a size: write a number and B, kB, MB, GB, KiB, MiB or GiB") from None


def parse_duration_s(text: str) -> float:
    """Read a span of time such as `250ms`, `15m`, `1h30m` or `10` (seconds) as seconds. Raises UnitError."""
    rest, total, seen = text.strip(), 0.0, False
    while rest:
        number, tail = _split(rest)
        length = next((i for i, char in enumerate(tail) if not char.isalpha()), len(tail))
        unit, rest = tail[:length], tail[length:]
        try:
            total += float(number) * (_SPANS_S[unit] if unit or seen or rest else 1.0)
        except (ValueError, KeyError):
            raise UnitError(f"{text!r} is not a span of time: write a number and ms, s, m, h or d") from None
        seen = True
    if not seen or total == inf:
        raise UnitError(f"{text!r} is not a span of time: write a number and ms, s, m, h or d")
    return total


def parse_time(text: str) -> float | None:
    """Unix seconds of an RFC 3339 time, as ztunnel and Kubernetes write them; None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def format_time(at: float) -> str:
    """Write a moment in Unix seconds as RFC 3339 has it, in UTC and whole seconds: `2026-11-24T09:04:40Z`."""
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _three(value: float) -> str:
    """Three significant digits at most: `1.2`, `12`, `123`."""
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"


def _scaled(value: float, units: tuple[str, ...]) -> str:
    """Write a number with the first of the units (each a thousand times the one before) that leaves it below 1,000."""
    step = 0
    while value >= 999.5 and step < len(units) - 1:
        value, step = value / 1000, step + 1
    return (_three(value) if step else f"{value:.0f}") + units[step]


def format_count(count: float) -> str:
    """Write a count for a narrow column: `999`, `9999`, `12k`, `34M`."""
    return f"{count:.0f}" if count < 9_999.5 else _scaled(count, ("", "k", "M", "G", "T"))


def format_bytes(size: float) -> str:
    """Write a size in decimal units: `297 B`, `1.1 kB`, `3.9 MB`."""
    return _scaled(size, (" B", " kB", " MB", " GB", " TB", " PB"))


def format_duration_ms(duration_ms: float) -> str:
    """How long something took: `9 ms`, `1.5 s`, `10 s`, `2 m 05 s`."""
    if duration_ms < 999.5:
        return f"{duration_ms:.0f} ms"
    if duration_ms < 59_950:
        return f"{_three(duration_ms / 1000)} s"
    return format_age(duration_ms / 1000)


def format_age(seconds: float) -> str:
    """Write a span of time from seconds to days in two units: `0.1 s`, `41 s`, `2 m 05 s`, `3 h 12 m`, `4 d 2 h`."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s".replace(".0 ", " ")
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def format_rate(per_second: float) -> str:
    """Events a second, without the unit: `0.4`, `7.1`, `214`."""
    if 0 < per_second < 0.095:
        return f"{per_second:.2f}" if per_second >= 0.005 else "<0.01"
    return f"{per_second:.1f}" if per_second < 99.95 else format_count(per_second)


def format_share(share: float) -> str:
    """Write a share of one as per cent: `33.7 %`."""
    return f"{100 * share:.1f} %"
