"""The one wire between an observer and a mesh, and the one border between threads.

Two collecting threads, each with an event loop of its own: *follow* reads logs, paced; *ask* lists, watches and
takes dumps, never paced (one loop for both starves everything that is not a log). What they deliver waits in an
inbox until the main thread drains it into the mesh, so the mesh needs no lock.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING, Protocol

from ztui.analysis.overload import Lateness, Overload
from ztui.collector import Undisturbed
from ztui.model.observation import Detail, EntriesRead, Observation, Observer, Shed, Wish
from ztui.model.text import logged_at
from ztui.session.inbox import Inbox
from ztui.session.loops import LoopThread, Pacer

if TYPE_CHECKING:
    from ztui.clock import Clock

_SWITCH_INTERVAL_S = 0.0005
"""The default 5 ms lets a parsing thread hold up the screen: p99 of a 10 ms callback 13 ms against 5.7 ms."""
_JUDGED_EVERY_S = 1.0
SLICE_S = 0.008
"""So long what waits is taken in at a time on the screen's loop: half of what a key may wait for is left to drawing."""
_GC_THRESHOLDS = (50_000, 20, 100)


class Memory(Protocol):
    """What a session feeds: a mesh, or a command that prints entries as they come."""

    def ingest(self, observation: Observation) -> None:
        """Take one observation; called on the main thread only."""


class Session:
    """Runs one observer on its threads, hands what it observes to one memory, and carries wishes back.

    `start`, `drain`, `wait`, `wish` and `stop` belong to the main thread. A bug in the observer ends up in `failure`.
    """

    def __init__(self, observer: Observer, memory: Memory, clock: Clock, *, max_waiting_rows: int = 200_000) -> None:
        self.observer = observer
        self._memory = memory
        self._clock = clock
        self._inbox = Inbox(max_rows=max_waiting_rows, is_patient=observer.is_finite)
        self._pacer = Pacer(clock)
        self._follow_thread = LoopThread("follow", self._follow, self._failed)
        self._ask_thread = LoopThread("ask", lambda: observer.ask(self._inbox.put), self._failed)
        self._overload = Overload()
        self._lateness = Lateness()
        self._judged_at = clock.monotonic()
        self._lines = 0
        self.failure: BaseException | None = None

    def read_saved(self) -> None:
        """Let an observer of what is saved tell all of it, here and now, straight into the memory.

        For who has nothing else to do meanwhile: a thread that reads beside one that remembers takes a fifth more.
        """
        gc.set_threshold(*_GC_THRESHOLDS)
        with Undisturbed():
            asyncio.run(self.observer.follow(self._memory.ingest))

    def start(self) -> None:
        """Start collecting. Returns at once."""
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        gc.set_threshold(*_GC_THRESHOLDS)
        for thread in self._threads:
            thread.start()

    @property
    def _threads(self) -> tuple[LoopThread, ...]:
        return self._follow_thread, self._ask_thread

    async def _follow(self) -> None:
        if self.observer.is_finite:
            await self.observer.follow(self._inbox.put)
            return
        async with asyncio.TaskGroup() as group:
            pacing = group.create_task(self._pacer.run())
            try:
                await self.observer.follow(self._deliver_paced)
            finally:
                pacing.cancel()

    def _deliver_paced(self, observation: Observation) -> None:
        if isinstance(observation, EntriesRead):
            self._pacer.saw(observation.stream.of, observation.batch.lines.received)
        self._inbox.put(observation)

    def _failed(self, failure: BaseException) -> None:
        while isinstance(failure, BaseExceptionGroup):  # the first of what a task group held is what went wrong
            failure = failure.exceptions[0]
        self.failure = self.failure or failure
        self._inbox.close()

    def drain(self, budget_s: float = 0.02) -> int:
        """Ingest what waits, for about `budget_s` seconds; how many observations that was."""
        taken = 0
        deadline = self._clock.monotonic() + budget_s
        for observation in self._inbox.take():
            self._memory.ingest(observation)
            if not self.observer.is_finite and isinstance(observation, EntriesRead):
                self._measure(observation)
            taken += 1
            if self._clock.monotonic() >= deadline:
                break
        self._judge()
        return taken

    def take_in(self) -> float | None:
        """Ingest one slice of what waits; in how many seconds the next one is due, None where nothing is left.

        For a loop that answers keys between two slices: however much waits, it gets half of the time.
        """
        self.drain(SLICE_S)
        return None if self._inbox.is_empty else SLICE_S

    def _measure(self, read: EntriesRead) -> None:
        """Note how late the latest line of a batch got here, time in the inbox included."""
        self._lines += read.batch.lines.received
        written = logged_at(read.batch.latest) if read.batch.latest else None
        if written is not None:
            self._lateness.saw(read.stream.of, self._clock.now() - written)

    def _judge(self) -> None:
        """Let the observer read with less detail, or more again, by how late the lines of the last second are."""
        now = self._clock.monotonic()
        if self.observer.is_finite or now < self._judged_at + _JUDGED_EVERY_S:
            return
        lines_per_s = self._lines / (now - self._judged_at)
        self._judged_at, self._lines = now, 0
        before = self._overload.detail
        detail = self._overload.see(self._lateness.take_worst(now) or 0.0, now, lines_per_s=lines_per_s)
        if detail is not before:
            self.wish(Shed(detail=detail))

    @property
    def detail(self) -> Detail:
        """How much is kept of what is read: less than all while more is written than can be read."""
        return self._overload.detail

    def wait(self, timeout_s: float, rows: int = 1) -> bool:
        """Block until something waits to be drained; False after `timeout_s` or when the observer failed.

        Who needs no single entry soon waits for many `rows`: two threads that take turns for each batch cost a tenth.
        """
        return self._inbox.wait(timeout_s, rows)

    @property
    def backlog_rows(self) -> int:
        """Rows observed and not yet remembered."""
        return self._inbox.rows

    @property
    def pause_s(self) -> float:
        """How long the follow loop now sleeps between reads, in seconds."""
        return self._pacer.pause_s

    def wish(self, wish: Wish) -> None:
        """Ask the observer for something; carried to its thread, never awaited. One that comes early is kept."""
        self._ask_thread.call(lambda: self.observer.wish(wish))

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop collecting and wait for the threads, `timeout_s` each at most (they are daemons)."""
        self._inbox.close()
        for thread in self._threads:
            thread.cancel()
        for thread in self._threads:
            thread.join(timeout_s)
