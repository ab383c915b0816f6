"""Lines written into a pipe at a steady rate, as `kubectl logs -f` would bring them."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY_S = 0.01
_TIME = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.MULTILINE)


def blocks(log: Path, lines_each: int) -> Iterator[bytes]:
    """Cut a log into blocks of so many lines, over and over."""
    while True:
        with log.open("rb") as file:
            while block := b"".join(file.readline() for _ in range(lines_each)):
                yield block


def stamped(block: bytes) -> bytes:
    """The same lines, as if they were logged now."""
    now = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    return _TIME.sub(now, block)


class Feed:
    """Writes blocks into a pipe, one every `every_s` seconds, until it is closed. `reader` is the pipe's other end."""

    def __init__(self, source: Iterator[bytes], *, every_s: float = _EVERY_S, first: Sequence[bytes] = ()) -> None:
        self.reader, self._writer = os.pipe()
        self._source, self._every_s, self._first = source, every_s, first
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def _write(self) -> None:
        try:
            for block in self._first:
                self._put(block)
            due = time.monotonic()
            for block in self._source:
                due += self._every_s
                if self._is_closed.wait(max(0.0, due - time.monotonic())):
                    return
                self._put(block)
        except BrokenPipeError:
            return

    def _put(self, block: bytes) -> None:
        while block:
            block = block[os.write(self._writer, block) :]

    def start(self) -> None:
        """Begin to write; the program has its end of the pipe by now."""
        os.close(self.reader)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_closed.set()
        self._thread.join(5)
        os.close(self._writer)
