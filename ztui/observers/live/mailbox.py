"""Handing a value to the loop of another thread: what *ask* finds to *follow*, and what *follow* reads to *ask*."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Room for one value: the latest wins. `put` from any thread, `take` on one loop, which need not run yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[T] = deque(maxlen=1)
        self._reader: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def put(self, value: T) -> None:
        """Leave a value; one that was not taken yet is replaced."""
        with self._lock:
            self._waiting.append(value)
            reader = self._reader
        if reader is not None:
            loop, arrived = reader
            with contextlib.suppress(RuntimeError):  # its loop has closed: nobody reads any more
                loop.call_soon_threadsafe(arrived.set)

    async def take(self) -> T:
        """Wait for a value that was not taken before."""
        arrived = asyncio.Event()
        with self._lock:
            self._reader = (asyncio.get_running_loop(), arrived)
        while True:
            with self._lock:
                if self._waiting:
                    return self._waiting.popleft()
                arrived.clear()
            await arrived.wait()
