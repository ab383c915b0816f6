"""Where a log was read to, exactly: so that it can be re-opened without losing a line and without reading one twice.

The kubelet's `sinceTime` is cut to whole seconds, so a re-opened log repeats the last second. Its lines are known again
by timestamp and checksum; a repeat of which nothing is known again tells that the log was rotated meanwhile.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

LARGEST_SECOND_BYTES = 8 << 20
"""More than this of one second is not kept: a resume within it drops by time alone, and says that lines may miss."""

_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d)(?= )")
_SECOND = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGap:
    """An interval of which lines may be missing. Unix seconds, by the node's clock."""

    first: float
    last: float
    why: str


def stamp_of(line: bytes, start: int = 0) -> bytes | None:
    """Find the kubelet's timestamp that begins a line at `start`; None where there is none."""
    found = _STAMP.match(line, start)
    return found[0] if found else None


def seconds_of(stamp: bytes) -> float:
    """Read a kubelet's timestamp as Unix seconds."""
    return datetime.fromisoformat(stamp[:26].decode() + stamp[29:].decode()).timestamp()


class ResumePoint:
    """How far one container's log was delivered: the last timestamp, and the bytes of its whole second."""

    def __init__(self) -> None:
        self.last: bytes | None = None
        """The timestamp of the last line delivered."""
        self._second_blocks: list[bytes] = []
        self._second_bytes = 0

    def clear(self) -> None:
        """Forget all: another container's log begins."""
        self.last = None
        self._second_blocks, self._second_bytes = [], 0

    def delivered(self, block: bytes) -> None:
        """Note that whole lines were delivered. Costs the same for one line and for a thousand."""
        stamp = _last_stamp(block)
        if stamp is None:
            return
        second = stamp[:_SECOND]
        if self.last is None or second != self.last[:_SECOND]:
            start = 0 if block.startswith(second) else block.find(b"\n" + second) + 1
            self._second_blocks, self._second_bytes = [], 0
            block = block[start:]
        self.last = stamp
        self._second_bytes += len(block)
        if self._second_bytes <= LARGEST_SECOND_BYTES:
            self._second_blocks.append(block)
        else:
            self._second_blocks = []

    def replay(self) -> Replay | None:
        """Make the filter for what a re-opened log repeats; None where nothing was delivered yet."""
        if self.last is None:
            return None
        is_whole = self._second_bytes <= LARGEST_SECOND_BYTES
        return Replay(self.last, _keys(b"".join(self._second_blocks)) if is_whole else None)


class Replay:
    """Drops from a re-opened log the lines that were delivered before; judges line by line until that is decided."""

    def __init__(self, last: bytes, keys: Counter[tuple[bytes, int]] | None) -> None:
        self._last = last
        self._keys = keys
        self._has_match = False
        self.is_done = False
        self.dropped = 0
        """Lines that were repeated."""
        self.gap: LogGap | None = None
        if keys is None:
            at = seconds_of(last)
            self.gap = LogGap(first=at, last=at, why="too many lines within one second to tell which were read")

    def filter(self, block: bytes) -> bytes:
        """Give of a block of whole lines those that are new."""
        kept, start = [], 0
        while start < len(block) and not self.is_done:
            end = block.index(b"\n", start) + 1
            line = block[start:end]
            if self._is_repeated(line):
                self.dropped += 1
                start = end
            elif not self.is_done:
                kept.append(line)
                start = end
        kept.append(block[start:])
        return b"".join(kept)

    def _is_repeated(self, line: bytes) -> bool:
        """Judge one line. Being done means: this line and all that follow are new."""
        stamp = stamp_of(line)
        if stamp is None:
            return False
        if self._keys is None:
            self.is_done = stamp > self._last
            return not self.is_done
        key = (stamp, zlib.crc32(line))
        if self._keys[key] > 0:
            self._has_match = True
            self._keys[key] -= 1
            if not self._keys[key]:
                del self._keys[key]
            return True
        if not self._has_match:
            first, last = seconds_of(self._last), seconds_of(stamp)
            self.gap = LogGap(first=first, last=max(first, last), why="the log was rotated while it was not followed")
        self.is_done = not self._has_match or not self._keys or stamp[:_SECOND] > self._last[:_SECOND]
        return False


def _last_stamp(block: bytes) -> bytes | None:
    """Find the timestamp of the last line that has one: text of the kubelet itself has none."""
    end = len(block)
    while end > 0:
        start = block.rfind(b"\n", 0, end - 1) + 1
        if stamp := stamp_of(block, start):
            return stamp
        end = start
    return None


def _keys(lines: bytes) -> Counter[tuple[bytes, int]]:
    keys: Counter[tuple[bytes, int]] = Counter()
    for line in lines.split(b"\n"):
        if stamp := stamp_of(line):
            keys[stamp, zlib.crc32(line + b"\n")] += 1
    return keys
