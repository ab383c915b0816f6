"""How Rust prints a string for debugging, which is how ztunnel quotes every text in its log."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


@lru_cache(maxsize=8_192)
def quote(text: str) -> str:
    r"""Quote as Rust's `Debug` for `&str`: `\"`, `\n`, and `\u{1b}` for what cannot be printed."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_escape, text)) + '"'


def _escape(char: str) -> str:
    named = _NAMED.get(char)
    if named is not None:
        return named
    if char == " " or (char.isprintable() and unicodedata.category(char) not in ("Mn", "Me")):
        return char
    return f"\\u{{{ord(char):x}}}"
