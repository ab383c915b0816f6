"""The only source of time. Whatever needs "now" is handed a Clock, so a test or a picture can hand in its own."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is shown and compared with logs, monotonic time for intervals. Both in seconds."""

    def now(self) -> float:
        """Unix time in seconds."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Unix time in seconds."""
        return time.time()  # noqa: TID251  the one place that may ask

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back."""
        return time.monotonic()  # noqa: TID251


class ManualClock:
    """A clock that stands still until it is moved: for tests, pictures and stepped simulations."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> float:
        """Unix time in seconds."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since this clock was made, by its own count."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now += seconds
        self._monotonic += seconds
