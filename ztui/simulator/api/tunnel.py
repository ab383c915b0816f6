"""kubectl's port-forward: a SPDY session inside a WebSocket, in it a pair of streams for each connection to a port.

The client opens a stream of type `error` and one of type `data` with the same request id. An error stream carries the
reason where a connection cannot be made, and its end tells that the connection is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import WSMsgType

from ztui.simulator.api.spdy import Frame, Kind, Reader, Writer

if TYPE_CHECKING:
    from aiohttp import web

    from ztui.simulator.podports import PodConnection

PROTOCOL = "SPDY/3.1+portforward.k8s.io"
_FRAME_BYTES = 32 << 10


@dataclass(slots=True)
class _Pair:
    """The two streams of one connection; 0 while one has not been opened."""

    error: int = 0
    data: int = 0
    connection: PodConnection | None = None


class Tunnel:
    """The server's end of the session. `dial` gives a connection, or the text why there is none."""

    def __init__(self, socket: web.WebSocketResponse, dial: Callable[[int], PodConnection | str]) -> None:
        self._socket = socket
        self._dial = dial
        self._reader = Reader()
        self._writer = Writer()
        self._pairs: dict[str, _Pair] = {}
        self._by_data: dict[int, str] = {}

    async def run(self) -> None:
        """Serve until the client goes away, or speaks something else."""
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY:
                break
            try:
                frames = list(self._reader.feed(message.data))
            except ValueError:
                break
            for frame in frames:
                await self._take(frame)
        await self._socket.close()

    async def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.OPEN:
            await self._open(frame)
        elif frame.kind is Kind.DATA:
            await self._carry(frame)
        elif frame.kind is Kind.RESET:
            self._forget(frame.stream)
        elif frame.kind is Kind.PING:
            await self._socket.send_bytes(self._writer.pong(frame.data))

    async def _open(self, frame: Frame) -> None:
        await self._socket.send_bytes(self._writer.accept(frame.stream))
        request = frame.headers.get("requestid", "")
        pair = self._pairs.setdefault(request, _Pair())
        if frame.headers.get("streamtype") == "error":
            pair.error = frame.stream
            return
        pair.data = frame.stream
        self._by_data[frame.stream] = request
        port = frame.headers.get("port", "")
        found = self._dial(int(port) if port.isdecimal() else 0)
        if isinstance(found, str):
            await self._end(frame.stream, found)
        else:
            pair.connection = found

    async def _carry(self, frame: Frame) -> None:
        """Hand bytes to the connection and send what comes back; the end of either side ends both."""
        pair = self._pairs.get(self._by_data.get(frame.stream, ""))
        if pair is None or pair.connection is None:
            return
        answer = pair.connection.receive(frame.data)
        for start in range(0, len(answer), _FRAME_BYTES):
            await self._socket.send_bytes(self._writer.data(frame.stream, answer[start : start + _FRAME_BYTES]))
        if frame.is_last or pair.connection.is_closed:
            await self._end(frame.stream, "")

    async def _end(self, stream: int, why: str) -> None:
        pair = self._forget(stream)
        if pair is None:
            return
        ends = [(pair.error, why.encode()), (pair.data, b"")]
        for number, text in ends:
            if number:
                await self._socket.send_bytes(self._writer.data(number, text, is_last=True))

    def _forget(self, stream: int) -> _Pair | None:
        request = self._by_data.pop(stream, None)
        return self._pairs.pop(request, None) if request is not None else None
