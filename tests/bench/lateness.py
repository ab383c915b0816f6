"""How late a callback of the UI's loop comes while facts arrive: one process, prints milliseconds as JSON.

`lines` and `dump` take the program's way: threads collect, the UI's loop drains what waits at each tick.
`lines-in-loop` and `dump-in-loop` do the reading in the UI's loop, as an app does that has no threads for it.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import pkgutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.bench.measure import percentile
from ztui.cli.observing import make_observer
from ztui.clock import SystemClock
from ztui.model.accesslog import Reader, ShapeTable
from ztui.model.flow import Origin
from ztui.model.observation import ConfigDumpTaken, EntriesRead, Observation
from ztui.model.streams import StreamKey, StreamKind
from ztui.session import Memory, Session
from ztui.settings import Settings
from ztui.store.mesh import Mesh

EVERY_S = 0.01
TICK_S = 0.25
IN_LOOP_TICK_S = 0.1
_WARM_UP_S = 2.0
_LONGEST_S = 180.0


class Metronome:
    """A callback every 10 ms, and how late each was."""

    def __init__(self, tick: Callable[[], None], tick_s: float) -> None:
        self._tick, self._tick_s = tick, tick_s
        self.late_s: list[float] = []

    async def beat(self, is_done: Callable[[float], bool]) -> None:
        loop = asyncio.get_running_loop()
        began = due = loop.time()
        next_tick = began + self._tick_s
        while not is_done(loop.time() - began):
            due += EVERY_S
            await asyncio.sleep(due - loop.time())
            now = loop.time()
            self.late_s.append(now - due)
            due = max(due, now - EVERY_S)
            if now >= next_tick:
                next_tick = now + self._tick_s
                self._tick()

    def print(self, **more: object) -> None:
        late = self.late_s
        found = {"p99_ms": percentile(late, 0.99) * 1_000, "longest_ms": max(late) * 1_000, **more}
        print(json.dumps(found), flush=True)


class Intake:
    """Takes in what waits as the program's frame does: a slice at each tick, and more of them while more is left."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next: asyncio.TimerHandle | None = None

    def tick(self) -> None:
        if self._next is None:
            self._take_in()
        if self._session.failure is not None:
            raise self._session.failure

    def _take_in(self) -> None:
        again_s = self._session.take_in()
        self._next = None if again_s is None else asyncio.get_running_loop().call_later(again_s, self._take_in)


class Noting:
    """Stands in front of the memory and notes whether a dump has come."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.has_dump = False

    def ingest(self, observation: Observation) -> None:
        self._memory.ingest(observation)
        self.has_dump = self.has_dump or isinstance(observation, ConfigDumpTaken)


def lines(seconds: float) -> None:
    """Read the log on standard input as `ztui --file -` does."""
    clock = SystemClock()
    mesh = Mesh(clock=clock)
    session = Session(make_observer(replace(Settings(), files=("-",)), clock), mesh, clock)
    session.start()
    asyncio.run(_take_in_for(session, mesh, seconds))


async def _take_in_for(session: Session, mesh: Mesh, seconds: float) -> None:
    metronome = Metronome(Intake(session).tick, TICK_S)
    await metronome.beat(lambda elapsed: elapsed > _WARM_UP_S)
    metronome.late_s.clear()
    before, at = mesh.lines.received, time.monotonic()
    await metronome.beat(lambda elapsed: elapsed > seconds)
    metronome.print(lines_per_s=(mesh.lines.received - before) / (time.monotonic() - at))


def lines_in_loop(seconds: float) -> None:
    """Read the log on standard input in a tick of the UI's own loop; a thread only collects the bytes."""
    mesh = Mesh(clock=SystemClock())
    reader = Reader(Origin(key="-"), ShapeTable())
    stream = StreamKey(kind=StreamKind.FILE, of="-")
    waiting: deque[bytes] = deque()

    def collect() -> None:
        while data := os.read(0, 1 << 16):
            waiting.append(data)

    def tick() -> None:
        blocks = [waiting.popleft() for _ in range(len(waiting))]
        batch = reader.feed(b"".join(blocks))
        mesh.ingest(EntriesRead(stream=stream, batch=batch, observed_at=time.time()))

    threading.Thread(target=collect, daemon=True).start()
    metronome = Metronome(tick, IN_LOOP_TICK_S)
    asyncio.run(metronome.beat(lambda elapsed: elapsed > _WARM_UP_S))
    metronome.late_s.clear()
    before, at = mesh.lines.received, time.monotonic()
    asyncio.run(metronome.beat(lambda elapsed: elapsed > seconds))
    metronome.print(lines_per_s=(mesh.lines.received - before) / (time.monotonic() - at))


def dump(kubeconfig: str) -> None:
    """Watch a cluster until its first config dump is in memory."""
    import ztui.observers.live  # noqa: PLC0415

    for module in pkgutil.iter_modules(ztui.observers.live.__path__, "ztui.observers.live."):
        importlib.import_module(module.name)  # what the first seconds of a start cost is another figure
    clock = SystemClock()
    memory = Noting(Mesh(clock=clock))
    settings = replace(Settings(), kubeconfig=kubeconfig, request_timeout_s=60.0, tail=0)
    session = Session(make_observer(settings, clock), memory, clock)
    session.start()
    asyncio.run(_take_in_dump(session, memory))


async def _take_in_dump(session: Session, memory: Noting) -> None:
    metronome = Metronome(Intake(session).tick, TICK_S)
    await metronome.beat(lambda elapsed: memory.has_dump or elapsed > _LONGEST_S)
    await metronome.beat(lambda elapsed: elapsed > 2 * TICK_S)
    if not memory.has_dump:
        raise TimeoutError("no dump arrived")
    metronome.print()


def dump_in_loop(path: str) -> None:
    """Read a config dump in the UI's loop."""
    text = Path(path).read_bytes()
    held: list[object] = []
    metronome = Metronome(lambda: held.append(json.loads(text)) if not held else None, IN_LOOP_TICK_S)
    asyncio.run(metronome.beat(lambda elapsed: elapsed > 2.0))
    metronome.print(bytes=len(text))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["lines", seconds]:
            lines(float(seconds))
        case ["lines-in-loop", seconds]:
            lines_in_loop(float(seconds))
        case ["dump", kubeconfig]:
            dump(kubeconfig)
        case ["dump-in-loop", path]:
            dump_in_loop(path)
        case _:
            sys.exit("python -m tests.bench.lateness lines|lines-in-loop SECONDS, dump KUBECONFIG, dump-in-loop FILE")
    os._exit(0)
