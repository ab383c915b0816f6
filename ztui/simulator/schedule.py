"""What is going to happen in the world, in order of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any


class Schedule:
    """A queue of calls; each gets the time it was planned for. Calls of one time run in the order of planning."""

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us
        self._count = 0
        self._calls: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []

    def at(self, at_us: int, call: Callable[..., None], *args: Any) -> None:
        """Plan `call(time, *args)`; a time that has passed means now."""
        self._count += 1
        heapq.heappush(self._calls, (max(at_us, self.now_us), self._count, call, args))

    def run(self, until_us: int) -> None:
        """Make every call up to and including `until_us`, which is the time afterwards."""
        calls = self._calls
        while calls and calls[0][0] <= until_us:
            at_us, _, call, args = heapq.heappop(calls)
            self.now_us = at_us
            call(at_us, *args)
        self.now_us = max(self.now_us, until_us)
