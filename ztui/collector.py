"""Python's cyclic collector, kept from looking at what was just read or imported.

A large answer is hundreds of thousands of new objects without one circle. While it is decoded each collection would
look through up to 50,000 of them, which holds up every thread for 15 to 45 ms.
"""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

MANY = 5_000
"""So many new objects are not left to the next collection: they are set aside, for good (they die when unused)."""


class Undisturbed:
    """While any thread is within such a block nothing is collected; at the end of it what is new is set aside."""

    _lock = threading.Lock()
    _within = 0
    _was_on = False

    def __enter__(self) -> None:
        """Hold the collector off."""
        with Undisturbed._lock:
            if not Undisturbed._within:
                Undisturbed._was_on = gc.isenabled()
                gc.disable()
            Undisturbed._within += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Set aside what is new, and let the collector go on."""
        with Undisturbed._lock:
            Undisturbed._within -= 1
            if gc.get_count()[0] >= MANY:
                gc.freeze()
            if not Undisturbed._within and Undisturbed._was_on:
                gc.enable()
