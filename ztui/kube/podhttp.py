"""HTTP/1.1 with a pod through a Forward: one request at a time on a connection, a few connections kept warm."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ztui.kube.exceptions import in_words
from ztui.kube.failures import Kind, KubeError
from ztui.kube.portforward import Forward

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ztui.kube.client import Client

LONGEST_HEAD_BYTES = 64 * 1024
LARGEST_BODY_BYTES = 256 << 20
TOTAL_TIMEOUT_S = 60.0
AT_ONCE = 16
"""Requests under way at the same time, whatever the callers do: each is a connection of the API server to a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodAnswer:
    """What a pod's own HTTP server answered, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    is_kept: bool = False
    """Whether the connection can carry another request."""


@dataclass(frozen=True, slots=True)
class _Port:
    namespace: str
    pod: str
    port: int


@dataclass(slots=True)
class _Warm:
    forward: Forward
    since: float


class PodHttp:
    """Requests to ports of pods. Keeps up to `warm` forwards open for `warm_s` after their last use."""

    def __init__(
        self,
        client: Client,
        *,
        warm: int = 8,
        warm_s: float = 60.0,
        at_once: int = AT_ONCE,
        total_s: float = TOTAL_TIMEOUT_S,
        idle_s: float = 10.0,
        largest_body_bytes: int = LARGEST_BODY_BYTES,
    ) -> None:
        self._client = client
        self._warm_limit = warm
        self._warm_s = warm_s
        self._total_s = total_s
        self._idle_s = idle_s
        self._largest_body_bytes = largest_body_bytes
        self._warm: dict[_Port, _Warm] = {}
        self._slots = asyncio.Semaphore(at_once)

    async def get(self, namespace: str, pod: str, port: int, path: str) -> PodAnswer:
        """GET a path of a pod. Raises KubeError."""
        return await self._ask(_Port(namespace, pod, port), "GET", path)

    async def post(self, namespace: str, pod: str, port: int, path: str) -> PodAnswer:
        """POST to a path of a pod, without a body. Raises KubeError; never sent twice."""
        return await self._ask(_Port(namespace, pod, port), "POST", path)

    async def close(self) -> None:
        """Close the connections that were kept."""
        while self._warm:
            await self._warm.popitem()[1].forward.close()

    async def _ask(self, port: _Port, method: str, path: str) -> PodAnswer:
        async with self._slots:
            await self._drop_cold()
            return await self._ask_now(port, method, path)

    async def _ask_now(self, port: _Port, method: str, path: str) -> PodAnswer:
        asked = self._client.asked("pods/portforward", verb="create", namespace=port.namespace, name=port.pod)
        with in_words(asked):
            async with asyncio.timeout(self._total_s):
                kept = self._warm.pop(port, None) if method == "GET" else None
                if kept is not None:
                    try:
                        return await self._exchange(kept.forward, port, method, path)
                    except KubeError as error:
                        if error.kind not in (Kind.CUT, Kind.FORWARD):
                            raise  # a kept connection may have been closed meanwhile; anything else is news
                forward = await Forward.open(self._client, port.namespace, port.pod, port.port, idle_s=self._idle_s)
                return await self._exchange(forward, port, method, path)

    async def _exchange(self, forward: Forward, port: _Port, method: str, path: str) -> PodAnswer:
        is_done = False
        try:
            await forward.send(_request(method, path, port.port))
            answer = await _read_answer(forward, self._largest_body_bytes)
            is_done = answer.is_kept and port not in self._warm
            return answer
        finally:
            if is_done:
                self._warm[port] = _Warm(forward, self._client.clock.monotonic())
                await self._drop_cold()
            else:
                await forward.close()

    async def _drop_cold(self) -> None:
        """Close what was not used lately, and the oldest above the bound (a dict keeps the order of last use)."""
        now = self._client.clock.monotonic()
        cold = [port for port, kept in self._warm.items() if now - kept.since > self._warm_s]
        surplus = max(0, len(self._warm) - len(cold) - self._warm_limit)
        cold += [port for port in self._warm if port not in cold][:surplus]
        for kept in [self._warm.pop(port) for port in cold]:
            await kept.forward.close()


def _request(method: str, path: str, port: int) -> bytes:
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: */*\r\n{length}\r\n".encode()


async def _read_answer(forward: Forward, largest_body_bytes: int) -> PodAnswer:
    status = 100
    headers: dict[str, str] = {}
    while 100 <= status < 200:
        status, headers = _read_head(forward, await forward.read_until(b"\r\n\r\n", LONGEST_HEAD_BYTES))
    is_kept = "close" not in headers.get("connection", "").lower()
    length = headers.get("content-length", "")
    if status in (204, 304):
        body = b""
    elif "chunked" in headers.get("transfer-encoding", "").lower():
        body = await _read_chunks(forward, largest_body_bytes)
    elif length.isascii() and length.isdigit():
        _check_size(forward, int(length), largest_body_bytes)
        body = await forward.read_exactly(int(length))
    else:
        body, is_kept = await forward.read_to_end(largest_body_bytes), False
    return PodAnswer(status=status, headers=headers, body=body, is_kept=is_kept)


def _read_head(forward: Forward, head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if not parts[0].startswith("HTTP/1.") or len(parts) < 2 or not parts[1].isdigit():
        raise forward.unexpected("it is not HTTP")
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    usual = {"connection": "close"} if parts[0] == "HTTP/1.0" else {}
    return int(parts[1]), usual | {name.strip().lower(): value.strip() for name, value in pairs}


async def _read_chunks(forward: Forward, largest_body_bytes: int) -> bytes:
    body = bytearray()
    while True:
        size_text = (await forward.read_until(b"\r\n", LONGEST_HEAD_BYTES)).split(b";")[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError as error:
            raise forward.unexpected("its chunks have no size") from error
        _check_size(forward, len(body) + size, largest_body_bytes)
        if size == 0:
            while await forward.read_until(b"\r\n", LONGEST_HEAD_BYTES) != b"\r\n":
                pass  # trailers say nothing to us
            return bytes(body)
        body += await forward.read_exactly(size)
        await forward.read_exactly(2)


def _check_size(forward: Forward, size: int, limit: int) -> None:
    if not 0 <= size <= limit:
        raise forward.unexpected(f"its {size} bytes are more than {limit}")
