"""The one wire between an observer and a mesh, and the one border between threads.

Two collecting threads, each with an event loop of its own: *follow* reads logs, paced; *ask* lists, watches and
takes dumps, never paced (one loop for both starves everything that is not a log). What they deliver waits in an
inbox until the main thread drains it into the mesh, so the mesh needs no lock.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from ztui.analysis.overload import Lateness, Overload
from ztui.model.flow import LineCounts, Measures, Shape, Tally
from ztui.model.observation import (
    ConfigDumpTaken,
    ConnectionsCounted,
    Detail,
    EntriesCounted,
    EntriesRead,
    Exhausted,
    Observation,
    Observer,
    Shed,
    Wish,
)
from ztui.model.text import logged_at

if TYPE_CHECKING:
    from ztui.clock import Clock
    from ztui.model.streams import StreamKey

_SWITCH_INTERVAL_S = 0.0005
"""The default 5 ms lets a parsing thread hold up the screen: p99 of a 10 ms callback 13 ms against 5.7 ms."""
_ROWS_PER_BATCH = 10
"""So many rows a waiting batch is taken for at least, for the bound: live ones may have one or none."""
_JUDGED_EVERY_S = 1.0
SLICE_S = 0.008
"""So long what waits is taken in at a time on the screen's loop: half of what a key may wait for is left to drawing."""
_MOST_EARLY = 100
"""Calls that are kept for a loop that does not run yet."""
_GC_THRESHOLDS = (50_000, 20, 100)


class Memory(Protocol):
    """What a session feeds: a mesh, or a command that prints entries as they come."""

    def ingest(self, observation: Observation) -> None:
        """Take one observation; called on the main thread only."""


@dataclass(slots=True)
class _Folded:
    """Sums of batches of one stream and ten seconds whose rows had to go."""

    first: EntriesRead
    tallies: dict[Shape, Tally] = field(default_factory=dict)
    lines: LineCounts = LineCounts()
    byte_count: int = 0

    def add(self, read: EntriesRead) -> None:
        batch = read.batch
        self.lines += batch.lines
        self.byte_count += batch.byte_count
        for shape, sent, recv, duration in zip(batch.shapes, batch.sent, batch.recv, batch.duration_ms, strict=True):
            tally = self.tallies.get(shape)
            if tally is None:
                tally = self.tallies[shape] = Tally()
            tally.add(sent, recv, duration if shape.measures & Measures.DURATION else None)

    def observation(self) -> EntriesCounted:
        batch = self.first.batch
        return EntriesCounted(
            stream=self.first.stream,
            origin=batch.origin,
            logged_at=batch.times[0] if batch.times else b"",
            tallies=self.tallies,
            lines=self.lines,
            byte_count=self.byte_count,
            observed_at=self.first.observed_at,
        )


class Inbox:
    """What has been observed and not yet remembered: bounded in rows, complete in counts.

    Past `max_rows` the oldest rows of a live observer go after their counts are summed; a finite observer is made to
    wait instead, until half of them are taken: the two threads take turns of many rows, not one for one. State changes
    and gaps are never dropped; of config dumps only the latest of each ztunnel waits.
    """

    def __init__(self, *, max_rows: int, is_patient: bool) -> None:
        self._max_rows = max_rows
        self._is_patient = is_patient
        self._arrived = threading.Condition()
        self._wanted_rows = 1
        self._entries: deque[EntriesRead] = deque()
        self._rows = 0
        self._folded: dict[tuple[str, bytes], _Folded] = {}
        self._counted: dict[tuple[StreamKey, bytes], ConnectionsCounted] = {}
        self._facts: deque[Observation] = deque()
        self._dumps: dict[str, ConfigDumpTaken] = {}
        self._exhausted: Exhausted | None = None
        self._is_closed = False

    def put(self, observation: Observation) -> None:
        """Hand over one observation, from any thread. Blocks a finite observer while the inbox is full."""
        with self._arrived:
            if isinstance(observation, EntriesRead):
                self._put_entries(observation)
            elif isinstance(observation, ConfigDumpTaken):
                self._dumps[observation.origin.key] = observation
            elif isinstance(observation, ConnectionsCounted):
                self._put_counted(observation)
            elif isinstance(observation, Exhausted):
                self._exhausted = observation
            else:
                self._facts.append(observation)
            if not self._is_waiting_for_more:
                self._arrived.notify_all()

    def _put_entries(self, read: EntriesRead) -> None:
        if self._is_patient and self._rows >= self._max_rows:
            self._arrived.wait_for(lambda: self._rows <= self._max_rows // 2 or self._is_closed)
        self._entries.append(read)
        self._rows += len(read.batch)
        while not self._is_patient and self._is_over() and len(self._entries) > 1:
            oldest = self._entries.popleft()
            self._rows -= len(oldest.batch)
            self._fold(oldest)

    def _is_over(self) -> bool:
        return self._rows > self._max_rows or len(self._entries) > self._max_rows // _ROWS_PER_BATCH

    def _put_counted(self, counted: ConnectionsCounted) -> None:
        key = (counted.stream, counted.logged_at)
        waiting = self._counted.get(key)
        if waiting is not None:
            counted = replace(counted, counted=Counter(waiting.counted) + Counter(counted.counted))
        self._counted[key] = counted

    def _fold(self, read: EntriesRead) -> None:
        # "2026-01-31T09:08:0" is the time without its last second digit: ten seconds of log.
        ten_seconds = read.batch.times[0][:18] if read.batch.times else b""
        key = (read.batch.origin.key, ten_seconds)
        folded = self._folded.get(key)
        if folded is None:
            folded = self._folded[key] = _Folded(first=read)
        folded.add(read)

    def take(self) -> Iterator[Observation]:
        """Everything that waits, in an order in which facts precede the entries they explain. Main thread only."""
        while True:
            with self._arrived:
                observation = self._next()
                if observation is None:
                    return
                if self._rows <= self._max_rows // 2:  # else whoever waits for room would wake for nothing
                    self._arrived.notify_all()
            yield observation

    def _next(self) -> Observation | None:
        if self._facts:
            return self._facts.popleft()
        if self._dumps:
            return self._dumps.pop(next(iter(self._dumps)))
        if self._counted:
            return self._counted.pop(next(iter(self._counted)))
        if self._folded:
            return self._folded.pop(next(iter(self._folded))).observation()
        if self._entries:
            read = self._entries.popleft()
            self._rows -= len(read.batch)
            return read
        exhausted, self._exhausted = self._exhausted, None
        return exhausted

    @property
    def rows(self) -> int:
        """Rows that wait: the backlog."""
        return self._rows

    @property
    def _is_waiting_for_more(self) -> bool:
        """Whether nothing waits but fewer rows than are wanted."""
        return self._rows < self._wanted_rows and not self._has_facts

    @property
    def _has_facts(self) -> bool:
        return bool(self._facts or self._dumps or self._folded or self._counted or self._exhausted)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all waits."""
        return not (self._has_facts or self._entries)

    def wait(self, timeout_s: float, rows: int = 1) -> bool:
        """Block until something waits (of entries, `rows` rows) or the inbox is closed; whether something does."""
        with self._arrived:
            self._wanted_rows = min(rows, self._max_rows)
            self._arrived.wait_for(lambda: self._is_closed or not self._is_waiting_for_more, timeout_s)
            return not self.is_empty

    def close(self) -> None:
        """Let go of everybody who waits."""
        with self._arrived:
            self._is_closed = True
            self._arrived.notify_all()


class Pacer:
    """Trades latency for CPU on the follow loop by one rule.

    A live line is one TLS record, one chunk and one wake-up: 27–41 µs, against 2 µs of reading. Sleeping between two
    turns of the loop lets lines gather. Under `QUIET` lines a second nothing is paced; above it the pause is half a
    millisecond for each stream that spoke in the last second, within 5 and 250 ms, so that reads stay near 2,000/s.
    """

    QUIET = 200
    PER_STREAM_S = 0.0005
    SHORTEST_S, LONGEST_S = 0.005, 0.25
    IDLE_S = 0.25
    TURNS = 4
    """Of the loop between two pauses: the socket, TLS, the stream's wake-up, its reader. What is left over waits for
    another pause: with two turns half the lines were counted after 85 ms, with four after 37 ms, at the same CPU."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()
        self._lines = 0
        self._speaking: set[str] = set()
        self.pause_s = 0.0

    def saw(self, stream: str, lines: int) -> None:
        """Note that `lines` arrived on a stream. Called on the follow thread."""
        self._lines += lines
        self._speaking.add(stream)

    def measure(self) -> None:
        """Choose the pause anew, once a second."""
        elapsed = self._clock.monotonic() - self._since
        if elapsed < 1.0:
            return
        rate = self._lines / elapsed
        pause = min(max(self.PER_STREAM_S * len(self._speaking), self.SHORTEST_S), self.LONGEST_S)
        self.pause_s = pause if rate > self.QUIET else 0.0
        self._since += elapsed
        self._lines = 0
        self._speaking.clear()

    async def run(self) -> None:
        """Pace the running loop until cancelled."""
        while True:
            self.measure()
            if self.pause_s:
                # The whole loop is meant to stand still, and the GIL is free meanwhile.
                time.sleep(self.pause_s)  # noqa: ASYNC251
                for _ in range(self.TURNS):
                    await asyncio.sleep(0)
            else:
                await asyncio.sleep(self.IDLE_S)


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
        self._follow_thread = _LoopThread("follow", self._follow, self._failed)
        self._ask_thread = _LoopThread("ask", lambda: observer.ask(self._inbox.put), self._failed)
        self._overload = Overload()
        self._lateness = Lateness()
        self._judged_at = clock.monotonic()
        self._lines = 0
        self.failure: BaseException | None = None

    def read_saved(self) -> None:
        """Let an observer of what is saved tell all of it, here and now, straight into the memory.

        For who has nothing else to do meanwhile: a thread that reads beside one that remembers takes a fifth more.
        """
        gc.disable()  # reading makes no circles, and the collector would look through all that is kept each time
        try:
            asyncio.run(self.observer.follow(self._memory.ingest))
        finally:
            gc.freeze()  # nor need it look there while the answer is made, and when the program ends
            gc.set_threshold(*_GC_THRESHOLDS)
            gc.enable()

    def start(self) -> None:
        """Start collecting. Returns at once."""
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        gc.set_threshold(*_GC_THRESHOLDS)
        for thread in self._threads:
            thread.start()

    @property
    def _threads(self) -> tuple[_LoopThread, ...]:
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


class _LoopThread:
    """One daemon thread with one event loop that runs one coroutine until it ends or is cancelled."""

    def __init__(
        self, name: str, work: Callable[[], Coroutine[None, None, None]], failed: Callable[[BaseException], None]
    ) -> None:
        self._work = work
        self._failed = failed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_cancelled = False
        self._early: deque[Callable[[], None]] = deque(maxlen=_MOST_EARLY)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"ztui-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            pass
        except BaseException as failure:  # noqa: BLE001  a bug must reach the main thread, whatever it is
            self._failed(failure)

    async def _main(self) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.current_task()
            if self._is_cancelled:
                return
            for function in self._early:
                self._loop.call_soon(function)
            self._early.clear()
        await self._work()

    def call(self, function: Callable[[], None]) -> None:
        """Call this on the thread's loop, as soon as there is one."""
        with self._lock:
            loop = self._loop
            if loop is None:
                self._early.append(function)
        if loop is not None and not loop.is_closed():
            _call_soon(loop, function)

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
            loop, task = self._loop, self._task
        if loop is not None and task is not None and not loop.is_closed():
            _call_soon(loop, task.cancel)

    def join(self, timeout_s: float) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout_s)


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        # The loop closed between the question and the call: its work is over, and so is the reason to call.
        return
