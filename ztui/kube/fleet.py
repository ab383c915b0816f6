"""Many log streams at once: opened at a measured rate, probed when silent, with one look-out for a lost API server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ztui.kube.failures import Kind, KubeError, failure
from ztui.kube.logs import LogStream
from ztui.kube.logtypes import Backfill, LogListener, LogReport, LogState, LogTarget
from ztui.kube.pace import Pace
from ztui.kube.resume import seconds_of, stamp_of
from ztui.kube.sockets import raise_file_limit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from ztui.kube.client import Client

OPENING_AT_ONCE = 64
"""Each opening takes five or six turns of a loop that is paced: fewer would be held up by our own pauses."""
OPENINGS_PER_S = 100.0
OPENING_HELD_S = 5.0
"""A server that sends no headers before the first line must not keep others from opening."""
PROBES_AT_ONCE = 10
PROBE_TIMEOUT_S = 10.0
LOOK_EVERY_S = 2.0
FIRST_PROBE_BUSY_S = 15.0
FIRST_PROBE_S = 60.0
LONGEST_PROBE_S = 600.0
BUSY_LINES = 3
FILES_RESERVED = 60
"""Open files besides those of log streams: requests, forwards, the terminal, the libraries' own."""
SERVER_PROBE_S = 2.0
SKEW_S = 5.0
"""The clocks of a node and of the API server may differ by this much."""
LEFT_KEPT = 2_000


class LogFleet:
    """The log streams of a changing set of containers. Used on one loop only."""

    def __init__(self, client: Client, listener: LogListener, *, backfill: Backfill, rng: Random) -> None:
        self._client = client
        self._clock = client.clock
        self._listener = listener
        self._backfill = backfill
        self._rng = rng
        self._wanted: dict[str, LogTarget] = {}
        self._streams: dict[str, LogStream] = {}
        self._left: dict[str, LogStream] = {}  # ended; one that is wanted again goes on where it left off
        self._left_out: dict[str, LogTarget] = {}
        self._file_limit = 0
        self._probe_due: dict[str, _ProbePlan] = {}
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(OPENING_AT_ONCE)
        self._probes = asyncio.Semaphore(PROBES_AT_ONCE)
        self._openings = Pace(OPENINGS_PER_S, self._clock, burst_s=OPENING_AT_ONCE / OPENINGS_PER_S)
        self._is_server_down = asyncio.Event()
        self._is_server_up = asyncio.Event()
        self._is_server_up.set()
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def streams(self) -> Collection[LogStream]:
        """The streams that exist now."""
        return self._streams.values()

    @property
    def active_streams(self) -> int:
        """How many are connected: what a paced reader takes its pace from."""
        return sum(stream.state is LogState.FOLLOWING for stream in self._streams.values())

    def follow(self, targets: Collection[LogTarget]) -> None:
        """Say which containers to follow from now on. One that is left out is read to its end."""
        self._wanted = {target.uid: target for target in targets}
        self._changed.set()

    async def run(self) -> None:
        """Follow them until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._look_out_for_server())
            self._tasks.create_task(self._look_for_silence())
            while True:
                await self._changed.wait()
                self._changed.clear()
                self._reconcile(self._tasks)

    def _reconcile(self, tasks: asyncio.TaskGroup) -> None:
        room = self._room()
        for uid, target in self._wanted.items():
            if uid in self._streams:
                self._streams[uid].update(target)
                continue
            if len(self._streams) >= room:
                self._leave_out(target)
                continue
            self._left_out.pop(uid, None)
            stream = self._streams[uid] = self._left.pop(uid) if uid in self._left else self._new(target)
            stream.revive(target)
            tasks.create_task(self._run(uid, stream))
        for uid, stream in self._streams.items():
            if uid not in self._wanted:
                stream.retire()
        for uid in self._left_out.keys() - self._wanted.keys():
            self._listener.state_changed(self._left_out.pop(uid), LogReport(state=LogState.ENDED))

    def _room(self) -> int:
        """How many streams this process has files for."""
        self._file_limit = raise_file_limit(int(len(self._wanted) * 1.2) + 256)
        return max(1, self._file_limit - FILES_RESERVED)

    def _leave_out(self, target: LogTarget) -> None:
        """Say, once, of a log that it is not followed because there are no files left; one that ends makes room."""
        if target.uid in self._left_out:
            return
        self._left_out[target.uid] = target
        asked = self._client.asked("pods/log", namespace=target.namespace, name=target.pod)
        why = failure(Kind.TOO_MANY_FILES, asked, f"the limit is {self._file_limit}, so this log is not followed.")
        self._listener.state_changed(target, LogReport(state=LogState.WAITING, why=why))

    def _new(self, target: LogTarget) -> LogStream:
        return LogStream(self._client, target, self._listener, self, backfill=self._backfill, rng=self._rng)

    async def _run(self, uid: str, stream: LogStream) -> None:
        try:
            await stream.run()
        finally:
            self._left[uid] = self._streams.pop(uid)
            if len(self._left) > LEFT_KEPT:
                del self._left[next(iter(self._left))]
            self._probe_due.pop(uid, None)
        if uid in self._wanted or self._left_out:
            self._changed.set()  # wanted again while it was ending, or its place is wanted

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[Callable[[], None]]:
        """Wait for a turn to open a stream: 64 at once, 100 a second. The value says that it is open."""
        is_held = False

        def release() -> None:
            nonlocal is_held
            if is_held:
                is_held = False
                self._slots.release()

        await self._slots.acquire()
        is_held = True
        timer = asyncio.get_running_loop().call_later(OPENING_HELD_S, release)
        try:
            await self._openings.wait()
            yield release
        finally:
            timer.cancel()
            release()

    async def server_answers(self) -> None:
        """Wait until the API server answers; then not all at once."""
        self._is_server_up.clear()
        self._is_server_down.set()
        await self._is_server_up.wait()
        await asyncio.sleep(self._rng.uniform(0.0, min(2.0, len(self._streams) / OPENINGS_PER_S)))

    def later(self, work: Awaitable[None]) -> None:
        """Do a small request beside the streams, few at once."""

        async def one_of_few() -> None:
            async with self._probes:
                await work

        assert self._tasks is not None, "streams run within the fleet"
        task = self._tasks.create_task(one_of_few())
        if isinstance(work, Coroutine):
            task.add_done_callback(lambda _: work.close())  # where it was cancelled before its turn

    async def _look_out_for_server(self) -> None:
        """While the API server is away, ask for it every two seconds, for all streams."""
        asked = self._client.asked("the API server")
        while True:
            await self._is_server_down.wait()
            await asyncio.sleep(SERVER_PROBE_S * self._rng.uniform(0.25, 1.0))
            try:
                await self._client.get("/version", asked, timeout_s=5.0)
            except KubeError as error:
                if error.is_of_server or error.kind in (Kind.TIMEOUT, Kind.SILENT, Kind.CUT):
                    continue
            self._is_server_down.clear()
            self._is_server_up.set()

    async def _look_for_silence(self) -> None:
        """Tell idle streams from dead ones: nothing else notices a stream that is open and silent for good."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now = self._clock.monotonic()
            for uid, stream in self._streams.items():
                plan = self._probe_due.get(uid)
                if plan is None or plan.silent_since != stream.last_byte_at:
                    plan = self._probe_due[uid] = _ProbePlan(stream, self._rng)
                if plan.is_due(now) and stream.state in (LogState.FOLLOWING, LogState.CONNECTING):
                    plan.postpone(now, self._rng)
                    self.later(self._probe(stream))

    async def _probe(self, stream: LogStream) -> None:
        """Ask the kubelet for the last line it has: newer than ours means that the stream is stuck."""
        silent_since = stream.last_byte_at
        params: dict[str, str | int] = {"container": stream.target.container, "timestamps": "true", "tailLines": 1}
        try:
            answer = await self._client.get(f"{stream.path}/log", stream.asked, params, timeout_s=PROBE_TIMEOUT_S)
        except KubeError as error:
            if error.kind in (Kind.TIMEOUT, Kind.NODE_UNREACHABLE) and stream.last_byte_at == silent_since:
                stream.interrupt(error)
            return
        is_newer = _is_newer(stamp_of(answer.body), stream)
        if is_newer:
            await asyncio.sleep(1.0)  # it may be on its way to us
        if stream.last_byte_at != silent_since:
            return
        if is_newer:
            stream.interrupt(failure(Kind.SILENT, stream.asked, "its log goes on, its stream does not"))
        elif stream.state in (LogState.FOLLOWING, LogState.CONNECTING):
            stream.confirm_idle()


def _is_newer(newest: bytes | None, stream: LogStream) -> bool:
    """Whether the kubelet has a line that should have arrived. Of a stream without a line, the opening's time tells."""
    if newest is None:
        return False
    if stream.point.last is not None:
        return newest > stream.point.last
    return stream.floor is not None and seconds_of(newest) > stream.floor + SKEW_S


class _ProbePlan:
    """When a silent stream is probed: soon if it was busy, and ever more rarely while it stays silent."""

    def __init__(self, stream: LogStream, rng: Random) -> None:
        self.silent_since = stream.last_byte_at
        is_busy = stream.recent_lines >= BUSY_LINES
        self._due = self.silent_since + (FIRST_PROBE_BUSY_S if is_busy else FIRST_PROBE_S) * rng.uniform(1.0, 1.1)
        self._next_s = FIRST_PROBE_S

    def is_due(self, now: float) -> bool:
        return now >= self._due

    def postpone(self, now: float, rng: Random) -> None:
        self._due = now + self._next_s * rng.uniform(1.0, 1.1)
        self._next_s = min(self._next_s * 2, LONGEST_PROBE_S)
