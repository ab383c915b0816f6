"""How fast we may ask: an even pace with a burst, so that a thousand streams or a sweep do not arrive at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from ztui.clock import Clock


class Pace:
    """At most `per_s` turns a second on average; up to `burst_s` seconds' worth of them at once."""

    def __init__(self, per_s: float, clock: Clock, *, burst_s: float = 2.0) -> None:
        self._interval_s = 1 / per_s
        self._burst_s = burst_s
        self._clock = clock
        self._due = 0.0

    async def wait(self) -> None:
        """Wait for one's turn."""
        now = self._clock.monotonic()
        self._due = max(now, self._due) + self._interval_s
        if (ahead := self._due - now - self._burst_s) > 0:
            await asyncio.sleep(ahead)


class Backoff:
    """Growing, jittered delays between attempts: uniform(0.5, 1) × min(30 s, 0.5 s · 2ⁿ)."""

    def __init__(self, rng: Random, *, longest_s: float = 30.0) -> None:
        self._rng = rng
        self._longest_s = longest_s
        self._failures = 0

    def reset(self) -> None:
        """Begin again with short delays."""
        self._failures = 0

    def next_s(self, floor_s: float | None = None) -> float:
        """Take the next delay, in seconds; a server's Retry-After is its floor."""
        delay = self._rng.uniform(0.5, 1.0) * min(self._longest_s, 0.5 * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        return max(delay, floor_s or 0.0)

    def rarely_s(self) -> float:
        """Take a delay for what only somebody's decision can change: 150 to 300 s."""
        return self._rng.uniform(150.0, 300.0)
