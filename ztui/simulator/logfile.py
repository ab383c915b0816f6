"""One container's log as the kubelet keeps it: stamped lines, bounded, read by followers at their own pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from ztui.simulator.clock import stamp_nano


@dataclass(slots=True, eq=False)
class LogFile:
    """The lines of one container. Lines are numbered from 0 for ever; the oldest fall off past `limit_bytes`."""

    limit_bytes: int
    lines: deque[tuple[int, bytes]] = field(default_factory=deque)
    """(nanoseconds the runtime read the line at, the line without its newline)."""
    first: int = 0
    """Number of the oldest line still kept."""
    size: int = 0
    access: int = 0
    """How many of all lines ever written were access log lines."""
    closed: bool = False
    last_ns: int = 0

    @property
    def written(self) -> int:
        """How many lines were ever written; also the number of the next one."""
        return self.first + len(self.lines)

    def append(self, at_us: int, line: bytes) -> None:
        """Write one line; the runtime reads it a little later, and never before the line above."""
        wait_ns = 30_000 + (at_us * 7_919) % 500_000
        self.last_ns = max(self.last_ns + 1_000, at_us * 1_000 + wait_ns)
        self.lines.append((self.last_ns, line))
        self.size += len(line)
        while self.size > self.limit_bytes:
            self.size -= len(self.lines.popleft()[1])
            self.first += 1

    def rotate(self) -> None:
        """Start a new file, as the kubelet does: what was in the old one can be read no more."""
        self.first += len(self.lines)
        self.lines.clear()
        self.size = 0

    def number_since(self, ns: int) -> int:
        """Find the number of the first line stamped at or after `ns`."""
        for back, (at, _) in enumerate(reversed(self.lines)):
            if at < ns:
                return self.written - back
        return self.first

    def read(self, number: int, most: int, *, stamps: bool) -> tuple[bytes, int]:
        """Up to `most` lines from `number` on as the log API sends them, and the number to go on with."""
        start = max(number - self.first, 0)
        taken = list(self._between(start, most))
        if stamps:
            text = b"".join([stamp_nano(ns).encode() + b" " + line + b"\n" for ns, line in taken])
        else:
            text = b"".join([line + b"\n" for _, line in taken])
        return text, self.first + start + len(taken)

    def _between(self, start: int, most: int) -> Iterator[tuple[int, bytes]]:
        """Near the end a deque is cheap to walk backwards, and that is where followers read."""
        missing = len(self.lines) - start
        if missing <= 0:
            return iter(())
        if missing < start:
            tail = list(islice(reversed(self.lines), missing))
            tail.reverse()
            return iter(tail[:most])
        return islice(self.lines, start, start + most)
