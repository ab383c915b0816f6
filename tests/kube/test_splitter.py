"""Lines are cut the same whatever the chunks they arrive in."""

from __future__ import annotations

import pytest

from ztui.kube.splitter import KEPT_OF_LONG_LINE_BYTES, LONGEST_LINE_BYTES, Splitter


@pytest.mark.parametrize("size", [1, 2, 3, 7, 30, 4096])
def test_lines_are_cut_on_newlines_only(size: int) -> None:
    text = "é\u2028x\u0085y\x0bz\r\n\nlast line\nrest".encode()
    splitter = Splitter()
    blocks = [splitter.feed(text[i : i + size]) for i in range(0, len(text), size)]
    assert b"".join(blocks) == text[: text.rindex(b"\n") + 1]
    assert all(block.endswith(b"\n") for block in blocks if block)
    assert splitter.rest == b"rest"


@pytest.mark.parametrize("size", [1000, 65_536, 131_072])
def test_a_line_of_three_megabytes_keeps_its_beginning_whatever_the_chunks(size: int) -> None:
    text = b"a\n" + b"x" * 3_000_000 + b"\nb\n"
    splitter = Splitter()
    out = b"".join(splitter.feed(text[i : i + size]) for i in range(0, len(text), size))
    assert out == b"a\n" + b"x" * KEPT_OF_LONG_LINE_BYTES + b"\nb\n"
    assert splitter.truncated == 1


def test_a_line_just_short_of_too_long_is_kept_whole() -> None:
    line = b"x" * (LONGEST_LINE_BYTES - 1) + b"\n"
    splitter = Splitter()
    out = b"".join(splitter.feed(line[i : i + 65_536]) for i in range(0, len(line), 65_536))
    assert out == line
    assert splitter.truncated == 0


def test_a_carriage_return_before_the_newline_stays() -> None:
    """What a Windows container ends its lines with is for the reader of the line to judge."""
    splitter = Splitter()
    assert splitter.feed(b"a\r") == b""
    assert splitter.feed(b"\nb\r\n") == b"a\r\nb\r\n"


def test_what_has_no_newline_yet_is_the_rest_however_long() -> None:
    splitter = Splitter()
    for _ in range(40):
        assert splitter.feed(b"y" * 65_536) == b""
    assert splitter.rest == b"y" * KEPT_OF_LONG_LINE_BYTES
