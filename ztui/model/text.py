"""Text from the cluster made inert: nothing that was read can move a cursor, hide or reverse what is shown."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

_BAD = "\N{REPLACEMENT CHARACTER}"
_UNUSUAL = re.compile(r"[^ -~]")
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def clean(text: str) -> str:
    """Make text of the cluster inert: without control, bidirectional, zero-width and line-separating characters.

    Blanks of any kind (tab, line feed, no-break space) become a space, everything else that cannot be printed U+FFFD.
    """
    if text.isprintable():
        return text
    return _UNUSUAL.sub(_inert, text)


def _inert(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    if character in "\t\n\r" or unicodedata.category(character) == "Zs":
        return " "
    return _BAD


def read_bytes(data: bytes) -> str:
    """Read bytes of the cluster as inert text; what is not UTF-8 becomes U+FFFD."""
    return clean(data.decode("utf-8", "replace"))


def unquote_debug(text: str) -> str:
    r"""Read what Rust's `Debug` wrote between quotes (`\"`, `\n`, `\u{1b}`, …), made inert.

    This is not JSON: `\u{…}` and `\0` do not exist there. An escape Rust never writes stands for its own character.
    """
    if "\\" in text:
        text = _ESCAPE.sub(_unescape, text)
    return clean(text)


def _unescape(match: re.Match[str]) -> str:
    code, character = match.groups()
    if code is None:
        return _NAMED.get(character, character)
    value = int(code, 16)
    return chr(value) if value <= 0x10FFFF else _BAD


def logged_at(time: bytes | str) -> float | None:
    """Unix seconds of a time as written; None for what is no time."""
    text = time.decode("ascii", "replace") if isinstance(time, bytes) else time
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
