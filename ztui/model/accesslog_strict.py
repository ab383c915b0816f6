"""The strict reader: one line of a ztunnel's log at a time, by the grammar of `src/telemetry.rs`, slowly and plainly.

It defines what a line means. The fast reader in `accesslog.py` must agree with it on every line (a test compares them
on a million mutated ones), and hands it every line that is out of the ordinary.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from ztui.model.flow import CLIP, Diagnostic, Measures, Origin, Shape
from ztui.model.text import clean, read_bytes, unquote_debug

ATTRIBUTES = {
    "src.workload": "src_workload",
    "src.namespace": "src_namespace",
    "src.identity": "src_identity",
    "src.cluster": "src_cluster",
    "dst.addr": "dst_addr",
    "dst.hbone_addr": "dst_hbone_addr",
    "dst.service": "dst_service",
    "dst.workload": "dst_workload",
    "dst.namespace": "dst_namespace",
    "dst.identity": "dst_identity",
    "dst.cluster": "dst_cluster",
    "direction": "direction",
    "error": "error",
}
"""ztunnel's name of a field that repeats, and the attribute of `Shape` that holds it."""

VOLATILE = frozenset({"src.addr", "bytes_sent", "bytes_recv", "duration"})
"""Fields that differ from line to line."""

_U64 = 2**64 - 1
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,19})\Z")

_DAY = r"[0-9]{4}-[01][0-9]-[0-3][0-9]"
_CLOCK = r"[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
_TIME = rf"{_DAY}T{_CLOCK}\.[0-9]{{6}}Z"
_STAMP = rf"{_DAY}T{_CLOCK}\.[0-9]{{N}}(?:Z|[+-][0-9][0-9]:[0-9][0-9])"
_CRI = re.compile(_STAMP.replace("{N}", "{1,9}") + r" (?:stdout|stderr) ([FP])(?: |\Z)")
_KUBELET = re.compile(_STAMP.replace("{N}", "{9}") + r"(?: |\Z)")
_LEVELS = ("error", "warn", "info", "debug", "trace")
_HEAD = re.compile(rf"({_TIME})(?:\t([A-Za-z]+)\t|[ \t]+({'|'.join(_LEVELS)})[ \t]+)")
_FIELD = re.compile(
    r'([A-Za-z_][A-Za-z0-9_.]*)=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^" \t][^ \t]*|))(?:[ \t]+|\Z)', re.DOTALL
)
_FIRST_FIELD = re.compile(r"(?:^|[ \t])(?=[A-Za-z_][A-Za-z0-9_.]*=)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StrictEntry:
    """One access log line, read field by field."""

    time: str
    level: str
    message: str
    src_addr: str | None
    bytes_sent: int | None
    bytes_recv: int | None
    duration_ms: int | None
    known: dict[str, str]
    """Values by attribute of `Shape`."""
    other: tuple[tuple[str, str], ...]

    @property
    def measures(self) -> Measures:
        """Which numbers the line carried."""
        present = Measures.NONE
        if self.bytes_sent is not None:
            present |= Measures.SENT
        if self.bytes_recv is not None:
            present |= Measures.RECV
        if self.duration_ms is not None:
            present |= Measures.DURATION
        return present

    def shape(self, origin: Origin) -> Shape:
        """Make the shape of this line: all of it that can repeat."""
        return Shape(
            origin=origin,
            level=self.level,
            message=self.message,
            measures=self.measures,
            other=self.other,
            **self.known,
        )


def read_line(line: bytes) -> StrictEntry | Diagnostic | None:
    """Read one line without its line feed.

    An access line gives an entry, a line of another scope a diagnostic with a time, an access line or a piece of a line
    that cannot be understood a diagnostic with nothing but `text`. A line that no log line begins with gives None: it
    continues a message that spans lines, or is not of a log; only its neighbours can tell.
    """
    line = line.removesuffix(b"\r")
    text = without_prefix(line.decode("utf-8", "replace"))
    if text is None:
        return Diagnostic(text=read_bytes(line)[:CLIP])
    if text.lstrip(" \t").startswith("{"):
        return _read_json(text)
    head = _HEAD.match(text)
    if head is None or not is_date(head[1]):
        return None
    rest = text[head.end() :]
    scope, message, fields = _columns(rest)
    if scope != "access":
        return Diagnostic(
            time=head[1],
            level=head[2] or head[3],
            scope=scope and clean(scope),
            text=clean(f"{message} {fields}").strip()[:CLIP],
        )
    pairs = _plain_fields(fields)
    if pairs is None:
        return Diagnostic(text=clean(text)[:CLIP])
    return _entry(head[1], head[2] or head[3], clean(message), pairs)


def without_prefix(text: str) -> str | None:
    """Drop what the kubelet or the container runtime wrote in front; None for a piece the runtime cut from a line."""
    cri = _CRI.match(text)
    if cri is not None:
        return text[cri.end() :] if cri[1] == "F" else None
    kubelet = _KUBELET.match(text)
    return text if kubelet is None else text[kubelet.end() :]


def spans_lines(line: bytes) -> bool:
    """Whether a diagnostic's message goes on in the lines below: ztunnel ends every plain message with a tab."""
    text = without_prefix(line.decode("utf-8", "replace"))
    return text is not None and not text.lstrip(" \t").startswith("{") and text.count("\t") < 4


def is_blank(line: bytes) -> bool:
    """Whether nothing is in a line but blanks, after what the kubelet wrote in front of it."""
    text = without_prefix(line.decode("utf-8", "replace"))
    return text is not None and not text.strip()


def is_date(time: str) -> bool:
    """Whether the day of an RFC 3339 time exists and its hour is below 24."""
    try:
        date(int(time[:4]), int(time[5:7]), int(time[8:10]))
    except ValueError:
        return False
    return time[11:13] < "24"


def _columns(rest: str) -> tuple[str | None, str, str]:
    """Split what follows time and level into scope, message and fields: at tabs, or at spaces if someone pasted it."""
    columns = rest.split("\t", 2)
    if len(columns) == 3:
        return columns[0], columns[1], columns[2].strip(" \t")
    if len(columns) == 2:
        scope, message = columns
    else:
        scope, _, message = rest.partition(" ")
        if scope != "access":
            return None, rest, ""
        message = message.lstrip(" ")
    if scope != "access":
        return scope, message, ""
    first = _FIRST_FIELD.search(message)
    if first is None:
        return scope, message.strip(" "), ""
    return scope, message[: first.end()].strip(" "), message[first.end() :].strip(" ")


def _plain_fields(text: str) -> list[tuple[str, str]] | None:
    """Split `key=value key="value" …`; None where anything stands between that is not such a field."""
    pairs = []
    at = 0
    while at < len(text):
        field = _FIELD.match(text, at)
        if field is None:
            return None
        key, quoted, bare = field.groups()
        pairs.append((key, clean(bare) if quoted is None else unquote_debug(quoted)))
        at = field.end()
    return pairs


class _Literal(str):
    """A number of a JSON line, as written."""

    __slots__ = ()


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _read_json(text: str) -> StrictEntry | Diagnostic | None:
    try:
        found = json.loads(text, parse_int=_Literal, parse_float=_Literal, parse_constant=_no_constant)
        return _json_line(found) if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        return None


def _json_line(found: dict[str, Any]) -> StrictEntry | Diagnostic | None:
    time, level = found.pop("time", None), found.pop("level", None)
    if type(time) is not str or type(level) is not str:
        return None
    if not (re.fullmatch(_TIME, time) and re.fullmatch("[A-Za-z]+", level) and is_date(time)):
        return None
    scope, message = found.pop("scope", None), found.pop("message", None)
    if scope != "access" or type(message) is not str:
        return _json_diagnostic(time, level, scope, message, found)
    absent = {key for key, value in found.items() if value is None and (key in ATTRIBUTES or key in VOLATILE)}
    pairs = [(clean(key), _json_text(value)) for key, value in found.items() if key not in absent]
    return _entry(time, level, clean(message), pairs)


def _json_text(value: Any) -> str:
    """Give a string's text, and anything else as JSON writes it; numbers as they were written."""
    return clean(value if isinstance(value, str) else _as_json(value))


def _as_json(value: Any) -> str:
    if isinstance(value, _Literal):
        return value
    if isinstance(value, dict):
        return "{" + ",".join(f"{_as_json(key)}:{_as_json(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_as_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _json_diagnostic(time: str, level: str, scope: Any, message: Any, fields: dict[str, Any]) -> Diagnostic:
    said = [] if message is None else [_json_text(message)]
    said += [f"{clean(key)}={_json_text(value)}" for key, value in fields.items()]
    where = None if scope is None else _json_text(scope).removeprefix("ztunnel::")
    return Diagnostic(time=time, level=level, scope=where, text=" ".join(said).strip()[:CLIP])


def _entry(time: str, level: str, message: str, pairs: list[tuple[str, str]]) -> StrictEntry:
    """Sort the fields of an access line by what they are. Of a repeated key the last value stands."""
    fields = dict(pairs)
    numbers = {
        "bytes_sent": _number(fields.get("bytes_sent")),
        "bytes_recv": _number(fields.get("bytes_recv")),
        "duration": _number((fields.get("duration") or "").removesuffix("ms")) if _has_ms(fields) else None,
    }
    for key, value in numbers.items():
        if value is not None:
            del fields[key]
    return StrictEntry(
        time=time,
        level=level,
        message=message,
        src_addr=fields.pop("src.addr", None),
        bytes_sent=numbers["bytes_sent"],
        bytes_recv=numbers["bytes_recv"],
        duration_ms=numbers["duration"],
        known={ATTRIBUTES[key]: value for key, value in fields.items() if key in ATTRIBUTES},
        other=tuple((key, value) for key, value in fields.items() if key not in ATTRIBUTES),
    )


def _has_ms(fields: dict[str, str]) -> bool:
    return fields.get("duration", "").endswith("ms")


def _number(text: str | None) -> int | None:
    """Read a plain unsigned 64-bit number; None for anything else, which then stays text."""
    if text is None or _NUMBER.match(text) is None:
        return None
    value = int(text)
    return value if value <= _U64 else None
