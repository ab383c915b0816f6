"""What a saved file is, by its first bytes: names and endings lie, and a pipe has none."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from enum import Enum

from ztui.model.text import read_bytes

HEAD_BYTES = 64 * 1024
"""So much is looked at before it is decided."""

_LOG_KEYS = frozenset({"time", "level", "scope", "message"})
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive", "Unpack it, and name the files in it."),
    (b"\x7fELF", "a program", None),
    (b"%PDF", "a PDF document", None),
    (b"\x89PNG", "a picture", None),
    (
        BOM_UTF16_LE,
        "text in UTF-16",
        "Save it as UTF-8; in PowerShell with `| Out-File -Encoding utf8`.",
    ),
    (BOM_UTF16_BE, "text in UTF-16", "Save it as UTF-8."),
)
_TAR_MAGIC = slice(257, 262)
_QUOTED = 60
_PREFIX = re.compile(rb"^\[pod/[^/\]\s]+/[^\]\s]+\] ", re.MULTILINE)


class Unreadable(Exception):  # noqa: N818  it says what the file is, not what went wrong in here
    """A file is nothing that can be read; `reason` says why, `remedy` what to do, where that is known."""

    def __init__(self, reason: str, remedy: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class Kind(Enum):
    """What a file holds."""

    LOG = "a ztunnel's log"
    PREFIXED_LOG = "logs of several pods, each line with its pod before it"
    DOCUMENT = "one JSON text"


def recognise(head: bytes, *, is_all: bool) -> Kind | None:
    """Say what begins with these bytes; None where more is needed. Raises Unreadable.

    `is_all` says that nothing follows.
    """
    _refuse_foreign(head)
    text = head.removeprefix(BOM_UTF8).lstrip()
    if not text:
        if is_all:
            raise Unreadable("it is empty")
        return None if len(head) < HEAD_BYTES else Kind.LOG
    if _PREFIX.search(head):
        return Kind.PREFIXED_LOG
    if text[:1] not in b"{[":
        return Kind.LOG
    line, newline, _ = text.partition(b"\n")
    if not newline and not is_all and len(head) < HEAD_BYTES:
        return None
    return Kind.LOG if _is_log_line(line) else Kind.DOCUMENT


def _refuse_foreign(head: bytes) -> None:
    for magic, name, remedy in _FOREIGN:
        if head.startswith(magic):
            raise Unreadable(f"it is {name}", remedy)
    if head[_TAR_MAGIC] == b"ustar":
        raise Unreadable("it is a tar archive", "Unpack it, and name the files in it.")
    if b"\0" in head[:HEAD_BYTES]:
        raise Unreadable("it is a binary file")


def _is_log_line(line: bytes) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and len(_LOG_KEYS & found.keys()) > 1


def beginning(head: bytes) -> str:
    """Quote how a file begins, so that its user sees what was mistaken for a log."""
    line = read_bytes(head.removeprefix(BOM_UTF8).lstrip().partition(b"\n")[0]).strip()
    return f"{line[:_QUOTED]}…" if len(line) > _QUOTED else line
