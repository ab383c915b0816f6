"""Bodies come out of their frames whole, however the bytes of the frame were cut; a broken frame is never a body."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ztui.kube.framing import LONGEST_SIZE_LINE_BYTES, Chunked, FramingError, Sized, UntilClosed, framing_of

BODY = b"a line\n\r\nanother\r\n0\r\n\r\n"


def chunked(body: bytes, sizes: list[int]) -> bytes:
    """Write a body in chunks of these sizes, and what is left in one more."""
    parts, at = [], 0
    for size in [*sizes, len(body)]:
        if part := body[at : at + size]:
            parts.append(b"%x\r\n%b\r\n" % (len(part), part))
        at += size
    return b"".join([*parts, b"0\r\n\r\n"])


@given(st.binary(max_size=200), st.lists(st.integers(1, 60), max_size=8), st.integers())
def test_a_body_in_chunks_is_the_same_however_it_is_cut(body: bytes, sizes: list[int], seed: int) -> None:
    rng, framing = Random(seed), Chunked()
    wire = chunked(body, sizes)
    found = b""
    while wire:
        assert not framing.is_ended
        cut = rng.randint(1, 30)
        found += framing.feed(wire[:cut])
        wire = wire[cut:]
    assert found == body
    assert framing.is_ended


@pytest.mark.parametrize("size", range(1, 40))
def test_every_length_of_cut(size: int) -> None:
    framing, wire = Chunked(), chunked(BODY, [3, 10])
    found = b"".join(framing.feed(wire[at : at + size]) for at in range(0, len(wire), size))
    assert (found, framing.is_ended) == (BODY, True)


def test_extensions_capital_digits_and_a_trailer_say_nothing_to_us() -> None:
    framing = Chunked()
    assert framing.feed(b'A;name="value"\r\n0123456789\r\n0\r\nDate: today\r\nX: y\r\n\r\nnot ours') == b"0123456789"
    assert framing.is_ended


@pytest.mark.parametrize(
    "wire",
    [b"\r\n", b"-5\r\nhello\r\n", b"1_0\r\n", b"zz\r\n", b"+5\r\nhello\r\n", b"5\r\nhello!\r\n", b"\xd9\xa3\r\n"],
)
def test_what_is_no_size_is_refused(wire: bytes) -> None:
    with pytest.raises(FramingError):
        Chunked().feed(wire)


def test_a_size_without_end_is_not_kept_for_ever() -> None:
    framing = Chunked()
    for _ in range(LONGEST_SIZE_LINE_BYTES):
        framing.feed(b"0")
    with pytest.raises(FramingError):
        framing.feed(b"0")


def test_a_body_of_known_length_and_one_without() -> None:
    framing = framing_of(200, {"Content-Length": "5"})
    assert isinstance(framing, Sized)
    assert framing.feed(b"hel") + framing.feed(b"lo and more") == b"hello"
    assert framing.is_ended
    assert framing_of(200, {"Content-Length": "0"}).is_ended
    assert framing_of(204, {"Content-Length": "5"}).is_ended
    endless = framing_of(200, {})
    assert isinstance(endless, UntilClosed)
    assert endless.feed(b"x") == b"x"
    assert isinstance(framing_of(200, {"Transfer-Encoding": "Chunked", "Content-Length": "5"}), Chunked)


@pytest.mark.parametrize(
    "headers", [{"Content-Length": "-1"}, {"Content-Length": "5, 5"}, {"Transfer-Encoding": "gzip, chunked"}]
)
def test_a_frame_that_is_not_known_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(FramingError):
        framing_of(200, headers)
