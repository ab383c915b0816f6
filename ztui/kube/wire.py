"""A connection of its own for one answer that goes on: a socket, TLS and HTTP/1.1 with as little as possible between.

A live log brings a line at a time, and what a line costs is its way through the layers. Here whatever a socket has is
decrypted, taken out of its chunks and handed on within the one callback that found it readable, without a task in
between; and a connection that waits holds no buffers but OpenSSL's own, which it gives back while there is nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from http.client import HTTPException, parse_headers
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import aiohttp
from multidict import CIMultiDict

from ztui.kube.framing import Framing, FramingError, framing_of
from ztui.kube.tls import Tls

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    Into = Callable[[bytes], None]

LONGEST_HEAD_BYTES = 64 * 1024
_READ_BYTES = 8 * 1024
"""From a socket in one system call; OpenSSL keeps room for the most that was ever read at once."""
_MOST_AT_ONCE_BYTES = 256 * 1024
"""From one socket, before others have their turn."""


class NotHttpError(aiohttp.ClientError):
    """What answered does not speak HTTP/1.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first lines of an answer."""

    status: int
    headers: CIMultiDict[str]

    @property
    def content_type(self) -> str:
        """Give the type of the body, without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class Wire:
    """One connection, for one request and one reader: `begin_tls`, `send`, `head`, then `read`, then `pour`.

    Whatever is waited for may raise OSError (ssl.SSLError with it), ClientPayloadError where the body was cut.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._tls: Tls | None = None
        self._rest = b""
        """What was read behind the head."""
        self._end: Exception | None = None
        """Why nothing follows what was read; EOFError where the connection was closed as it should be."""
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._framing: Framing | None = None

    async def begin_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Begin TLS with who can show that this is its name. Raises NotTlsError, or SSLCertVerificationError."""
        tls = Tls(context, name)
        received = None
        try:
            while not tls.begin(received):
                await self._loop.sock_sendall(self._socket, tls.outgoing)
                received = await self._loop.sock_recv(self._socket, _READ_BYTES)
                if not received:
                    raise ConnectionResetError("it was closed while TLS began")
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                await self._loop.sock_sendall(self._socket, tls.outgoing)  # an alert that says why
            raise
        await self._loop.sock_sendall(self._socket, tls.outgoing)
        self._rest, self._end = tls.decrypt(None)
        self._tls = tls

    async def send(self, request: bytes) -> None:
        """Send a request."""
        if self._tls is not None:
            self._tls.encrypt(request)
            request = self._tls.outgoing
        await self._loop.sock_sendall(self._socket, request)

    async def head(self) -> Head:
        """Wait for the head of the answer. Raises NotHttpError."""
        data, self._rest = self._rest, b""
        while True:
            text, end, rest = data.partition(b"\r\n\r\n")
            if len(text) > LONGEST_HEAD_BYTES or not b"HTTP/1.".startswith(text[:7]):
                raise NotHttpError("it does not answer in HTTP/1.1")
            if not end:
                data += await self._receive_more_of_head()
                continue
            head = _read_head(text)
            if head.status >= 200:
                break
            data = rest
        try:
            self._framing = framing_of(head.status, head.headers)
        except FramingError as error:
            raise NotHttpError(str(error)) from error
        self._rest, self._headers = rest, head.headers
        return head

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer."""
        return self._headers

    async def read(self) -> bytes:
        """Wait for more of the body; nothing at its end."""
        while True:
            data, self._rest = self._rest, b""
            if data and (body := self._unframed(data)):
                return body
            if self._is_whole():
                return b""
            self._rest = await self._receive()

    async def read_briefly(self, most: int, seconds: float) -> bytes:
        """Give the body up to so many bytes, or as much of it as comes within so many seconds."""
        found = b""
        with contextlib.suppress(TimeoutError, aiohttp.ClientPayloadError, OSError):
            async with asyncio.timeout(seconds):
                while len(found) < most and (piece := await self.read()):
                    found += piece
        return found[:most]

    async def pour(self, into: Into) -> None:
        """Hand on what comes of the body until its end, in the callback that found it. Raises what `into` raises."""
        if self._rest and (body := await self.read()):
            into(body)
        if self._is_whole():
            return
        ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._socket, self._pour_some, into, ended)
        try:
            await ended
        finally:
            self._loop.remove_reader(self._socket)

    def close(self) -> None:
        """Break off."""
        self._socket.close()

    def _pour_some(self, into: Into, ended: asyncio.Future[None]) -> None:
        """Hand on what there is; a failure, `into`'s own with it, is its owner's to hear of."""
        if ended.done():
            return
        try:
            data = self._take()
            if data and (body := self._unframed(data)):
                into(body)
            if self._is_whole():
                ended.set_result(None)
        except Exception as error:  # noqa: BLE001  a bug must reach its owner too
            ended.set_exception(error)

    def _take(self) -> bytes:
        """Give what can be read now."""
        parts: list[bytes] = []
        taken = 0
        try:
            while taken < _MOST_AT_ONCE_BYTES and self._end is None:
                received = self._socket.recv(_READ_BYTES)
                taken += len(received)
                parts.append(self._opened(received))
                if 0 < len(received) < _READ_BYTES:
                    break
        except BlockingIOError:
            pass
        except OSError as error:
            self._end = error
        if self._tls is not None and (outgoing := self._tls.outgoing):
            self._socket.send(outgoing)  # a few bytes, once in a while, where nothing else is ever sent
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _receive_more_of_head(self) -> bytes:
        data = await self._receive()
        if not data and self._end is not None:
            raise aiohttp.ServerDisconnectedError if isinstance(self._end, EOFError) else self._end
        return data

    async def _receive(self) -> bytes:
        """Wait for bytes; where none come, `_end` says why."""
        try:
            while self._end is None:
                if data := self._opened(await self._loop.sock_recv(self._socket, _READ_BYTES)):
                    return data
        except OSError as error:
            self._end = error
        return b""

    def _opened(self, received: bytes) -> bytes:
        """Decrypt what was received, and note whether it was the last."""
        if self._tls is not None:
            data, self._end = self._tls.decrypt(received)
            return data
        if not received:
            self._end = EOFError()
        return received

    def _is_whole(self) -> bool:
        """Whether all of the body has come; raises why it never will."""
        framing = self._framed
        if framing.is_ended or self._end is None:
            return framing.is_ended
        if not isinstance(self._end, EOFError):  # whatever it was (ETIMEDOUT is no timeout of ours): it was cut
            raise aiohttp.ClientPayloadError(str(self._end)) from self._end
        if not framing.may_be_cut:
            raise aiohttp.ClientPayloadError("the answer is not complete")
        return True

    @property
    def _framed(self) -> Framing:
        assert self._framing is not None, "the head comes before the body"
        return self._framing

    def _unframed(self, data: bytes) -> bytes:
        try:
            return self._framed.feed(data)
        except FramingError as error:
            raise aiohttp.ClientPayloadError(str(error)) from error


def _read_head(text: bytes) -> Head:
    first, _, lines = text.partition(b"\r\n")
    status = first[9:12]
    if len(first) < 12 or not status.isdigit():
        raise NotHttpError("it does not answer in HTTP/1.1")
    try:
        headers = parse_headers(BytesIO(lines + b"\r\n\r\n"))
    except HTTPException as error:
        raise NotHttpError("its headers cannot be read") from error
    return Head(status=int(status), headers=CIMultiDict(headers.items()))


def request_of(url: str, params: Mapping[str, str | int], headers: Mapping[str, str]) -> bytes:
    """Write a GET. Raises ValueError where a header would break out of its line."""
    parts = urlsplit(url)
    lines = [f"GET {parts.path}?{urlencode(params)} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() != "accept-encoding"]
    lines.append("Accept-Encoding: identity")
    if any(end in line for line in lines for end in "\r\n\0"):
        raise ValueError("a header of a request has more than one line")
    return "\r\n".join([*lines, "", ""]).encode()
