"""A second, strict reader of ztunnel's access lines, which shares nothing with ztui: every character is accounted for.

Written from the grammar of ztunnel's own formatter: `time TAB level TAB scope TAB message TAB key=value …`, values bare
or quoted as Rust's Debug quotes text; as JSON, one flat object a line.
"""

from __future__ import annotations

import json
from typing import Any

Entry = dict[str, Any]

ENDS = {"src", "dst"}
OF_AN_END = {"addr", "workload", "namespace", "identity", "cluster", "service", "hbone_addr"}
NUMBERS = {"bytes_sent": "bytes_sent", "bytes_recv": "bytes_recv", "duration": "duration_ms"}
PLACED = {"src.service", "src.hbone_addr"}
"""Keys that no ztunnel writes, though their parts exist."""
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "'": "'", "0": "\0"}


def access_lines(text: str, form: str) -> list[Entry]:
    """Read every line of scope access; a line of access that breaks the grammar raises."""
    read = _json_line if form == "json" else _plain_line
    return [entry for line in text.split("\n") if line and (entry := read(line)) is not None]


def _plain_line(line: str) -> Entry | None:
    head = line.split("\t", 4)
    if len(head) < 4 or head[2] != "access":
        return None
    time, level, _, message, fields = head
    return _entry(time, level, message, _fields(fields))


def _fields(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        end = text.index("=", at)
        key, at = text[at:end], end + 1
        assert key and all(c.isalnum() or c in "._" for c in key), text
        value, at = _quoted(text, at + 1) if text[at] == '"' else _bare(text, at)
        found.append((key, value))
        assert at == len(text) or text[at] == " ", text
        at += 1
    return found


def _bare(text: str, at: int) -> tuple[str, int]:
    end = text.find(" ", at)
    end = len(text) if end < 0 else end
    assert end > at
    assert '"' not in text[at:end], text
    return text[at:end], end


def _quoted(text: str, at: int) -> tuple[str, int]:
    out: list[str] = []
    while text[at] != '"':
        if text[at] != "\\":
            out.append(text[at])
            at += 1
        elif text[at + 1] == "u":
            end = text.index("}", at)
            out.append(chr(int(text[at + 3 : end], 16)))
            at = end + 1
        else:
            out.append(ESCAPES[text[at + 1]])
            at += 2
    return "".join(out), at + 1


def _json_line(line: str) -> Entry | None:
    found: list[tuple[str, Any]] = json.loads(line, object_pairs_hook=lambda pairs: pairs)
    head = dict(found)
    if head.get("scope") != "access":
        return None
    rest = [(key, value) for key, value in found if key not in ("time", "level", "scope", "message")]
    assert all(isinstance(value, str | int) and not isinstance(value, bool) for _, value in rest), line
    return _entry(head["time"], head["level"], head["message"], [(key, str(value)) for key, value in rest])


def _entry(time: str, level: str, message: str, fields: list[tuple[str, str]]) -> Entry:
    entry: Entry = {"time": time, "level": level, "message": message}
    assert len({key for key, _ in fields}) == len(fields), "a key is written twice"
    for key, text in fields:
        end, dot, name = key.partition(".")
        if dot and end in ENDS and name in OF_AN_END and key not in PLACED:
            entry.setdefault(end, {})[name] = text
        elif key in NUMBERS:
            number = text.removesuffix("ms") if key == "duration" else text
            assert number.isdecimal(), f"{key}={text}"
            entry[NUMBERS[key]] = int(number)
        elif key in ("direction", "error"):
            entry[key] = text
        else:
            entry.setdefault("other", {})[key] = text
    return entry
