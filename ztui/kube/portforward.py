"""A byte stream to a port of a pod, inside this process: WebSocket `v4.channel.k8s.io`, and nothing listens locally.

Each message's first byte is its channel: 0 data, 1 the error text. The first two bytes on each channel are the port.
There is no half-close, and a pod that closes may not be noticed by the server at all: so every read has its time.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

import aiohttp

from ztui.kube.exceptions import FAILURES, in_words
from ztui.kube.failures import Asked, Kind, KubeError, failure

if TYPE_CHECKING:
    from ztui.kube.client import Client

PROTOCOL = "v4.channel.k8s.io"
IDLE_TIMEOUT_S = 10.0
LARGEST_MESSAGE_BYTES = 32 * 1024
_DATA, _ERROR = 0, 1


class Forward:
    """One connection to one port of one pod. Reads raise KubeError: FORWARD with the far end's words, TIMEOUT, CUT."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, asked: Asked, *, idle_s: float) -> None:
        self._socket = socket
        self._asked = asked
        self._idle_s = idle_s
        self._port_bytes_due = {_DATA: 2, _ERROR: 2}
        self._data = bytearray()
        self._error = bytearray()
        self._is_closed = False

    @classmethod
    async def open(cls, client: Client, namespace: str, pod: str, port: int, *, idle_s: float = IDLE_TIMEOUT_S) -> Self:
        """Ask for the connection. Whether the port answers is only known once something is read."""
        asked = client.asked("pods/portforward", verb="create", namespace=namespace, name=pod)
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
        return cls(await client.open_websocket(path, asked, {"ports": port}, PROTOCOL), asked, idle_s=idle_s)

    async def close(self) -> None:
        """Close the connection; a far end that does not answer is not waited for."""
        with contextlib.suppress(*FAILURES):
            await self._socket.close()

    async def send(self, data: bytes) -> None:
        """Send bytes. If the far end has closed already, what it said is raised instead of our failure to send."""
        try:
            for start in range(0, len(data), LARGEST_MESSAGE_BYTES):
                await self._socket.send_bytes(bytes((_DATA,)) + data[start : start + LARGEST_MESSAGE_BYTES])
        except FAILURES as error:
            while not self._is_closed:
                await self._fill()
            raise failure(Kind.CUT, self._asked, str(error)) from error

    async def read_until(self, end: bytes, limit: int) -> bytes:
        """Read up to and with `end`; BAD_ANSWER where it does not come within `limit` bytes."""
        start = 0
        while (at := self._data.find(end, start)) < 0:
            if len(self._data) > limit:
                raise self.unexpected(f"its head has no end within {limit} bytes")
            start = max(0, len(self._data) - len(end) + 1)
            await self._need()
        return self._take(at + len(end))

    async def read_exactly(self, count: int) -> bytes:
        """Read `count` bytes."""
        while len(self._data) < count:
            await self._need()
        return self._take(count)

    async def read_to_end(self, limit: int) -> bytes:
        """Read until the far end closes, `limit` bytes at most."""
        while not self._is_closed and len(self._data) <= limit:
            await self._fill()
        if len(self._data) > limit:
            raise self.unexpected(f"it is longer than {limit} bytes")
        return self._take(len(self._data))

    def unexpected(self, detail: str) -> KubeError:
        """Say that the far end's answer is not what it should be."""
        return failure(Kind.BAD_ANSWER, self._asked, detail)

    def _take(self, count: int) -> bytes:
        with memoryview(self._data) as view:
            taken = bytes(view[:count])  # one copy, not two, of what may be a large body
        del self._data[:count]
        return taken

    async def _need(self) -> None:
        """Read more, because what is here does not suffice."""
        if self._is_closed:
            raise failure(Kind.CUT, self._asked, "closed before the end of the answer")
        await self._fill()

    async def _fill(self) -> None:
        """Receive one message. Raises what the error channel said once there is no data before it."""
        with in_words(self._asked):
            async with asyncio.timeout(self._idle_s):
                message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            self._sort(message.data)
        elif message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
            self._is_closed = True
        else:
            self._is_closed = True
            raise failure(Kind.CUT, self._asked, f"unexpected message of type {message.type.name}")
        if self._error:
            raise self._said()

    def _sort(self, message: bytes) -> None:
        """Put a message's bytes where they belong, less the port that comes first on each channel."""
        if not message or message[0] not in self._port_bytes_due:
            return
        channel = message[0]
        port_bytes = min(self._port_bytes_due[channel], len(message) - 1)
        self._port_bytes_due[channel] -= port_bytes
        (self._data if channel == _DATA else self._error).extend(message[1 + port_bytes :])

    def _said(self) -> KubeError:
        return failure(Kind.FORWARD, self._asked, self._error.decode("utf-8", "replace"))
