"""Text of the cluster made inert, and Rust's Debug read as it was written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ztui.model.text import clean, read_bytes, unquote_debug


@pytest.mark.parametrize(
    ("hostile", "inert"),
    [
        ("plain", "plain"),
        ("größe ✓ 日本", "größe ✓ 日本"),
        ("a\x1b[2Jb", "a\ufffd[2Jb"),
        ("a\x9b2Jb", "a\ufffd2Jb"),
        ("a\nb\tc\rd", "a b c d"),
        ("a\u00a0b\u3000c", "a b c"),
        ("a\u202eb\u2066c", "a\ufffdb\ufffdc"),
        ("a\u200bb\ufeffc", "a\ufffdb\ufffdc"),
        ("a\u2028b\x85c", "a\ufffdb\ufffdc"),
        ("a\x00\x07\x7fb", "a\ufffd\ufffd\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_what_could_move_a_cursor_or_hide_is_replaced(hostile: str, inert: str) -> None:
    assert clean(hostile) == inert


@given(st.text())
def test_any_text_comes_out_printable_as_long_and_only_once(text: str) -> None:
    inert = clean(text)
    assert inert.isprintable()
    assert len(inert) == len(text)
    assert clean(inert) == inert
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp", "Cs") for c in inert)


def test_bytes_that_are_no_utf8() -> None:
    assert read_bytes(b"a\xff\xc3(b") == "a\ufffd\ufffd(b"


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        (r"say \"no\"", 'say "no"'),
        (r"C:\\x", "C:\\x"),
        (r"a\nb\tc\rd\0e", "a b c d\ufffde"),
        (r"\u{1b}[31m", "\ufffd[31m"),
        (r"\u{e9}\u{1F600}", "é😀"),
        (r"\u{110000}", "\ufffd"),
        (r"\u{d800}", "\ufffd"),
        ("it's", "it's"),
        (r"\x", "x"),
    ],
)
def test_debug_of_rust_is_not_json(quoted: str, text: str) -> None:
    assert unquote_debug(quoted) == text
