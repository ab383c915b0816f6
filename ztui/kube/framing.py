"""How the body of an HTTP/1.1 answer is framed, and taking it out of its frame piece by piece at a low price.

A followed log comes in one chunk per line; nothing else of HTTP is done so often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_SIZE_LINE_BYTES = 4096


class FramingError(ValueError):
    """What came is no body of the announced kind."""


class Framing(Protocol):
    """Takes a body out of its frame."""

    is_ended: bool
    """Whether all of the body has come."""
    may_be_cut: bool
    """Whether the end of the connection is the end of the body."""

    def feed(self, data: bytes) -> bytes:
        """Take what arrived; gives what is new of the body. Raises FramingError."""


class Chunked:
    """A body in chunks, each behind its size (RFC 9112 §7.1)."""

    may_be_cut = False

    def __init__(self) -> None:
        self.is_ended = False
        self._held = b""
        self._left = 0
        """Bytes that the present chunk still lacks."""
        self._is_after_chunk = False
        self._is_in_trailer = False

    def feed(self, data: bytes) -> bytes:
        """Take what arrived; gives what is new of the body. Raises FramingError."""
        if self._held:
            data, self._held = self._held + data, b""
        at, parts = 0, []
        while at < len(data) and not self.is_ended:
            if self._left:
                parts.append(data[at : at + self._left])
                at += len(parts[-1])
                self._left -= len(parts[-1])
                continue
            cut = data.find(b"\r\n", at)
            if cut < 0:
                self._hold(data[at:])
                break
            line, at = data[at:cut], cut + 2
            if self._is_after_chunk or self._is_in_trailer:
                self._end_part(line)
                continue
            size = _size_of(line)
            end = at + size
            if size and data[end : end + 2] == b"\r\n":  # whole, as nearly all are
                parts.append(data[at:end])
                at = end + 2
            else:
                self._left, self._is_after_chunk, self._is_in_trailer = size, size > 0, size == 0
        return b"".join(parts)

    def _end_part(self, line: bytes) -> None:
        """Take the empty line behind a chunk, or a line of the trailer, which says nothing to us."""
        if self._is_in_trailer:
            self.is_ended = not line
        elif line:
            raise FramingError("a chunk is longer than its size")
        self._is_after_chunk = False

    def _hold(self, rest: bytes) -> None:
        if len(rest) > LONGEST_SIZE_LINE_BYTES:
            raise FramingError("the size of a chunk has no end")
        self._held = rest


class Sized:
    """A body of a length that was announced."""

    may_be_cut = False

    def __init__(self, size: int) -> None:
        self._left = size
        self.is_ended = size == 0

    def feed(self, data: bytes) -> bytes:
        """Take what arrived; gives what is new of the body."""
        part = data[: self._left]
        self._left -= len(part)
        self.is_ended = self._left == 0
        return part


class UntilClosed:
    """A body that ends with its connection."""

    may_be_cut = True
    is_ended = False

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, all of which is new of the body."""
        return data


def framing_of(status: int, headers: Mapping[str, str]) -> Framing:
    """Choose by what the head of an answer to a GET says (RFC 9112 §6.3). Raises FramingError."""
    if status in (204, 304):
        return Sized(0)
    coding = headers.get("Transfer-Encoding")
    if coding is not None:
        if coding.strip().lower() != "chunked":
            raise FramingError(f"its transfer coding is {coding}")
        return Chunked()
    length = headers.get("Content-Length")
    if length is None:
        return UntilClosed()
    if not (length.isascii() and length.isdigit()):
        raise FramingError("its length is no number")
    return Sized(int(length))


def _size_of(line: bytes) -> int:
    text = line.partition(b";")[0].strip()
    try:
        if text.isalnum():  # else int() would also take signs and underscores
            return int(text, 16)
    except ValueError:
        pass
    raise FramingError("a chunk has no size")
