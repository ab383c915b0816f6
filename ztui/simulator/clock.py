"""The simulated cluster's own time: microseconds since the epoch, real, faster than real, or stepped by hand."""

from __future__ import annotations

import time
from datetime import datetime

MILLI = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_seconds: dict[int, str] = {}


class WorldClock:
    """Tells the world's time; `speed` stretches it, and a stepped clock stands still until it is told."""

    def __init__(self, *, start_us: int | None = None, speed: float = 1.0, stepped: bool = False) -> None:
        self._origin_us = time.time_ns() // 1_000 if start_us is None else start_us
        self._zero = time.monotonic()
        self.speed = speed
        self.stepped = stepped

    def now_us(self) -> int:
        """Tell the world's time in microseconds since the epoch."""
        if self.stepped:
            return self._origin_us
        return self._origin_us + int((time.monotonic() - self._zero) * SECOND * self.speed)

    def step_to(self, now_us: int) -> None:
        """Set a stepped clock; it never goes back."""
        if not self.stepped:
            raise ValueError("this clock runs by itself")
        self._origin_us = max(self._origin_us, now_us)


def stamp(us: int) -> str:
    """RFC 3339 to the second, as in Kubernetes objects: `2026-01-31T09:08:07Z`."""
    return _second(us // SECOND) + "Z"


def stamp_micro(us: int) -> str:
    """As ztunnel writes the time of a line: six fractional digits."""
    return f"{_second(us // SECOND)}.{us % SECOND:06d}Z"


def stamp_nano(ns: int) -> str:
    """As the kubelet writes the time of a log line: nine fractional digits, always 30 characters."""
    return f"{_second(ns // 1_000_000_000)}.{ns % 1_000_000_000:09d}Z"


def read_stamp(text: str) -> int:
    """Microseconds since the epoch from RFC 3339 text with or without a fraction; ValueError for anything else."""
    when = datetime.fromisoformat(_six_digits(text))
    if when.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return int(when.timestamp()) * SECOND + when.microsecond


def read_duration(text: str) -> int:
    """Microseconds from `90s`, `4m`, `-6m`, `2h` or `250ms`."""
    for unit, size in (("ms", MILLI), ("s", SECOND), ("m", MINUTE), ("h", HOUR)):
        if text.endswith(unit):
            return int(float(text.removesuffix(unit)) * size)
    raise ValueError(f"not a duration: {text!r}")


def _six_digits(text: str) -> str:
    """Python reads at most six fractional digits; the rest is below what anything here asks for."""
    head, dot, tail = text.partition(".")
    if not dot:
        return text
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[: min(digits, 6)].ljust(6, '0')}{tail[digits:]}"


def _second(second: int) -> str:
    text = _seconds.get(second)
    if text is None:
        if len(_seconds) > 4_096:
            _seconds.clear()
        text = _seconds[second] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    return text
