"""What many log streams cost one process, measured: `python -m tests.kube.streams [STREAMS] [LINES/S EACH] [SECONDS]`.

The server is another process on loopback, over TLS; it writes the lines and says how many. What is counted here is the
product's own way: a Client, a LogFleet and the session's pacing, nothing of the reading of lines. Linux only (/proc).
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from aiohttp import web

from tests.kube.apiserver import ApiServer, Authority
from ztui.clock import SystemClock
from ztui.kube.client import Client
from ztui.kube.credentials import Credentials
from ztui.kube.fleet import LogFleet
from ztui.kube.kubeconfig import ClusterAccess, Secret, Token
from ztui.kube.logtypes import Backfill, LogReport, LogState, LogTarget
from ztui.kube.resume import LogGap
from ztui.session import Pacer

TURNS_PER_S = 10
LINE = b" 2026-01-01T00:00:00.000000Z\tinfo\taccess\tconnection complete\t" + b"x" * 400 + b"\n"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What was measured."""

    streams: int
    lines_per_s: float
    following_after_s: float
    """Until every stream followed."""
    opening_cpu_s: float
    sockets_per_stream: float
    rss_per_stream_kib: float
    """Growth of this process' resident memory over what it was with one connection."""
    cpu_share: float
    """Of one core, while the lines came."""
    lines_written: int
    lines_read: int
    gaps: int


class _Count:
    """Counts what the streams bring."""

    def __init__(self, pacer: Pacer) -> None:
        self.lines = 0
        self.gaps = 0
        self._pacer = pacer

    def lines_read(self, target: LogTarget, block: bytes) -> None:
        lines = block.count(b"\n")
        self.lines += lines
        self._pacer.saw(target.uid, lines)

    def state_changed(self, target: LogTarget, report: LogReport) -> None:
        if report.state is LogState.RETRYING:
            print(report.why, file=sys.stderr)

    def lines_lost(self, target: LogTarget, gap: LogGap) -> None:
        self.gaps += 1


async def measure(streams: int, lines_per_s: float, seconds: float) -> Cost:
    """Follow so many logs of a server in another process for a while."""
    clock = SystemClock()
    pacer = Pacer(clock)
    count = _Count(pacer)
    with _server(lines_per_s) as (process, access):
        credentials = Credentials(access, clock)
        async with Client(access, credentials, clock=clock) as client:
            await client.get("/version", client.asked("the API server"))
            rss, files, cpu, began = _rss_kib(), _files(), time.process_time(), time.monotonic()
            fleet = LogFleet(client, count, backfill=Backfill(), rng=Random(1))
            fleet.follow([LogTarget(uid=f"u{i}", namespace="ns", pod=f"p{i}", container="c") for i in range(streams)])
            async with asyncio.TaskGroup() as tasks:
                pacing, running = tasks.create_task(pacer.run()), tasks.create_task(fleet.run())
                await _until(lambda: fleet.active_streams == streams, 120.0)
                followed, opened_cpu = time.monotonic() - began, time.process_time() - cpu
                cpu, began = time.process_time(), time.monotonic()
                await asyncio.sleep(seconds)
                share = (time.process_time() - cpu) / (time.monotonic() - began)
                rss, files = _rss_kib() - rss, _files() - files
                written = await _ask_to_stop(client)
                await _until(lambda: count.lines >= written, 30.0)
                pacing.cancel()
                running.cancel()
        process.terminate()
    return Cost(
        streams=streams,
        lines_per_s=lines_per_s,
        following_after_s=round(followed, 1),
        opening_cpu_s=round(opened_cpu, 2),
        sockets_per_stream=round(files / streams, 2),
        rss_per_stream_kib=round(rss / streams, 1),
        cpu_share=round(share, 3),
        lines_written=written,
        lines_read=count.lines,
        gaps=count.gaps,
    )


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    for _ in range(int(timeout_s / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)


async def _ask_to_stop(client: Client) -> int:
    return int((await client.get("/stop", client.asked("the server"))).json()["written"])


def _rss_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


def _files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  a count


@contextmanager
def _server(lines_per_s: float) -> Iterator[tuple[subprocess.Popen[str], ClusterAccess]]:
    command = [sys.executable, "-m", "tests.kube.streams", "serve", str(lines_per_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        token = Token(token=Secret("token"))
        try:
            yield (
                process,
                ClusterAccess(
                    context="streams", server=told["server"], authority=told["authority"].encode(), auth=token
                ),
            )
        finally:
            process.terminate()


async def serve(lines_per_s: float) -> None:
    """Serve any number of logs, each growing by so many lines a second; `/stop` ends that and tells how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65_536)), hard))
    authority, written, is_over = Authority(), 0, False
    api = ApiServer(authority)

    async def log(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"")
        if "follow" not in request.query:
            return response
        due, owed = time.monotonic() + Random(request.path).random() / TURNS_PER_S, 0.0
        while not is_over:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += max(1 / TURNS_PER_S, 1 / lines_per_s)
            owed += lines_per_s * max(1 / TURNS_PER_S, 1 / lines_per_s)
            now = time.time_ns()
            whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9))
            stamp = f"{whole}.{now % 10**9:09d}Z".encode()
            lines, owed = int(owed), owed - int(owed)
            written += lines
            await response.write((stamp + LINE) * lines)
        await asyncio.Event().wait()
        return response

    async def stop(_request: web.Request) -> web.StreamResponse:
        nonlocal is_over
        is_over = True
        await asyncio.sleep(1.5)
        return web.json_response({"written": written})

    class Routes(dict[str, object]):
        def get(self, path: str, default: object = None) -> object:
            return log if path.endswith("/log") else super().get(path, default)

    api.routes = Routes(api.routes)  # type: ignore[assignment]
    api.routes["/stop"] = stop
    await api.start()
    print(json.dumps({"server": f"https://127.0.0.1:{api.port}", "authority": authority.pem.decode()}), flush=True)
    await asyncio.Event().wait()


def main(words: list[str]) -> None:
    """Measure, or be the server of a measurement."""
    if words[:1] == ["serve"]:
        asyncio.run(serve(float(words[1])))
        return
    streams, lines_per_s, seconds = map(float, [*words, *("1000", "1", "10")[len(words) :]])
    cost = asyncio.run(measure(int(streams), lines_per_s, seconds))
    print(json.dumps(asdict(cost), indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
