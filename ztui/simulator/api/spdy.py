"""As much SPDY/3.1 as port-forwarding speaks: streams opened with headers, data, ends, pings.

A control frame is `1 version(15) type(16) flags(8) length(24)`, a data frame `0 stream(31) flags(8) length(24)`, all
big-endian. Header blocks are one zlib stream for each direction, begun with a dictionary the protocol gives.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

_VERSION = 3
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING = 1, 2, 3, 6
_FIN = 1
_HEAD_BYTES = 8
_LARGEST_FRAME_BYTES = 1 << 24
_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    "Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    "00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-"
    "8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in _WORDS.split()) + _TAIL.encode()
)


class Kind(Enum):
    """What a frame does."""

    OPEN = "open"
    DATA = "data"
    RESET = "reset"
    PING = "ping"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame from the client."""

    kind: Kind
    stream: int = 0
    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    is_last: bool = False


class Reader:
    """Takes the client's bytes apart."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Give every whole frame. Raises ValueError for what is not SPDY."""
        self._buffer += data
        while len(self._buffer) >= _HEAD_BYTES:
            first, second = struct.unpack_from(">II", self._buffer)
            end = _HEAD_BYTES + (second & (_LARGEST_FRAME_BYTES - 1))
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEAD_BYTES:end])
            del self._buffer[:end]
            is_last = bool(second >> 24 & _FIN)
            if first >> 31:
                yield self._control(first, body, is_last=is_last)
            else:
                yield Frame(kind=Kind.DATA, stream=first, data=body, is_last=is_last)

    def _control(self, first: int, body: bytes, *, is_last: bool) -> Frame:
        if first >> 16 & 0x7FFF != _VERSION:
            raise ValueError(f"version {first >> 16 & 0x7FFF} of SPDY")
        what = first & 0xFFFF
        try:
            number = struct.unpack_from(">I", body)[0] & 0x7FFFFFFF
            if what == _SYN_STREAM:
                return Frame(kind=Kind.OPEN, stream=number, headers=self._headers(body[10:]), is_last=is_last)
        except (struct.error, zlib.error) as error:
            raise ValueError(f"a broken frame of type {what}: {error}") from error
        if what == _RST_STREAM:
            return Frame(kind=Kind.RESET, stream=number)
        return Frame(kind=Kind.PING, data=body) if what == _PING else Frame(kind=Kind.OTHER)

    def _headers(self, block: bytes) -> dict[str, str]:
        text = self._inflate.decompress(block)
        count, at = struct.unpack_from(">I", text)[0], 4
        words: list[str] = []
        for _ in range(2 * count):
            length = struct.unpack_from(">I", text, at)[0]
            words.append(text[at + 4 : at + 4 + length].decode("utf-8", "replace"))
            at += 4 + length
        return dict(zip(words[::2], words[1::2], strict=True))


class Writer:
    """Puts the server's frames together."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def accept(self, stream: int) -> bytes:
        """Answer an opened stream, without headers."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(_SYN_REPLY, struct.pack(">I", stream) + block)

    def data(self, stream: int, data: bytes, *, is_last: bool = False) -> bytes:
        """Carry bytes of a stream; the last of it says so."""
        return struct.pack(">II", stream, (_FIN if is_last else 0) << 24 | len(data)) + data

    def pong(self, ping: bytes) -> bytes:
        """Send a ping back as it came."""
        return _control(_PING, ping)


def _control(what: int, body: bytes) -> bytes:
    return struct.pack(">II", 1 << 31 | _VERSION << 16 | what, len(body)) + body
