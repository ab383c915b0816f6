"""The collecting threads: one event loop each, and the pace at which the one that follows logs reads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ztui.clock import Clock

_MOST_EARLY = 100
"""Calls that are kept for a loop that does not run yet."""


class Pacer:
    """Trades latency for CPU on the follow loop by one rule.

    What a live line costs is its stream's turn (a TLS record, a chunk, a batch of its own), not its reading. Sleeping
    between two turns of the loop lets lines gather. Under `QUIET` lines a second nothing is paced; above it the pause
    is 0.55 milliseconds for each stream that spoke in the last second, within 5 and 250 ms, so that there are at most
    some 1,800 turns a second. With 100 streams of 50 lines/s each half the lines are counted within 32 ms; a tenth
    less pause costs a twentieth more CPU.
    """

    QUIET = 200
    PER_STREAM_S = 0.00055
    SHORTEST_S, LONGEST_S = 0.005, 0.25
    IDLE_S = 0.25
    TURNS = 3
    """Of the loop between two pauses: one finds the sockets, one reads them, one reads what came meanwhile. With a
    fourth lines have gathered less: a tenth more CPU, 1 ms less latency."""

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


class LoopThread:
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
