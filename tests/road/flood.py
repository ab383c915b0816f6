"""A server of logs that grow faster than they can be read, for a while: `python -m tests.road.flood STREAMS FAST SLOW`.

FAST and SLOW are lines a second of all streams together; `/fast?for_s=` says how long FAST lasts, from now on. A log is
a file as the kubelet has it: what nobody has read yet waits in it, with the times it was written at.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

from aiohttp import web

from tests.kube.apiserver import ApiServer, Authority

SLOT_S = 0.05
KUBELET, ZTUNNEL = b"2026-01-01T00:00:00.000000000Z", b"2026-01-01T00:00:00.000000Z"
LINE = (
    b"%b %b\tinfo\taccess\tconnection complete\tsrc.addr=10.0.0.%d:40%03d "
    b'src.workload="client-%d" src.namespace="shop" src.identity="spiffe://cluster.local/ns/shop/sa/client" '
    b"dst.addr=10.0.1.%d:15008 dst.hbone_addr=10.0.1.%d:8080 "
    b'dst.service="web.shop.svc.cluster.local" dst.workload="web-%d" dst.namespace="shop" '
    b'dst.identity="spiffe://cluster.local/ns/shop/sa/web" direction="outbound" bytes_sent=%d bytes_recv=2 '
    b'duration="3ms"\n'
)
FAILED_EVERY = 50
BACKENDS = 7


class Flood:
    """When how much is written, and how much was."""

    def __init__(self, streams: int, fast: float, slow: float) -> None:
        self._fast, self._slow = fast / streams, slow / streams
        self._fast_from = self._fast_until = float("inf")
        self._ends_at = float("inf")
        self._written: Counter[int] = Counter()
        """Blocks by the number of their lines."""
        self._blocks: dict[int, bytes] = {}

    def begin(self, for_s: float) -> None:
        self._fast_from = time.time()
        self._fast_until = self._fast_from + for_s

    def end(self) -> None:
        self._ends_at = time.time()

    def has(self, slot: float) -> bool:
        return slot < self._ends_at

    def block(self, slot: float) -> bytes:
        """What one ztunnel writes in the 50 ms that begin then."""
        rate = self._fast if self._fast_from <= slot < self._fast_until else self._slow
        lines = max(1, round(rate * SLOT_S))
        self._written[lines] += 1
        if lines not in self._blocks:
            self._blocks[lines] = b"".join(map(_line, range(lines)))
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(slot)).encode()
        ztunnel = b"%b.%06dZ" % (second, int(slot % 1 * 1_000_000))
        return self._blocks[lines].replace(KUBELET, ztunnel[:-1] + b"000Z").replace(ZTUNNEL, ztunnel)

    def written(self) -> Counter[str]:
        """How many lines were written, how many of them failed, and how many there are `of` each backend."""
        told: Counter[str] = Counter()
        for lines, blocks in self._written.items():
            told["lines"] += lines * blocks
            told["failed"] += blocks * sum(map(_has_failed, range(lines)))
            told.update(Counter(f"of web-{number % BACKENDS}" for number in range(lines) for _ in range(blocks)))
        return told


def _has_failed(number: int) -> bool:
    return number % FAILED_EVERY == 1


def _line(number: int) -> bytes:
    client, web_ = number % 40, number % BACKENDS
    line = LINE % (KUBELET, ZTUNNEL, client, number % 1000, client, web_, web_, web_, number)
    if _has_failed(number):
        line = line.replace(b"\tinfo\t", b"\terror\t").replace(b"\n", b' error="io error: connection reset"\n')
    return line


async def serve(streams: int, fast: float, slow: float) -> None:
    """Serve until killed."""
    authority, flood = Authority(), Flood(streams, fast, slow)
    api = ApiServer(authority)

    async def log(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"")
        slot = time.time()
        while "follow" in request.query:
            await asyncio.sleep(max(0.0, slot - time.time()))
            if flood.has(slot):
                await response.write(flood.block(slot))
            slot += SLOT_S
        return response

    async def fast_for(request: web.Request) -> web.StreamResponse:
        flood.begin(float(request.query["for_s"]))
        return web.json_response({})

    async def end(_request: web.Request) -> web.StreamResponse:
        flood.end()
        return web.json_response({})

    async def written(_request: web.Request) -> web.StreamResponse:
        return web.json_response(flood.written())

    class Routes(dict[str, object]):
        def get(self, path: str, default: object = None) -> object:
            return log if path.endswith("/log") else super().get(path, default)

    api.routes = Routes(api.routes)  # type: ignore[assignment]
    api.routes |= {"/fast": fast_for, "/end": end, "/written": written}
    await api.start()
    print(json.dumps({"server": f"https://127.0.0.1:{api.port}", "authority": authority.pem.decode()}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
