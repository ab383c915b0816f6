"""What a block of log lines becomes while it is read: what one pass found, and the columns of a batch."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

from ztui.model.accesslog_forms import JSON_FORM, PLAIN_FORM
from ztui.model.flow import Diagnostic, EntryBatch, LineCounts, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ztui.model.accesslog_strict import StrictEntry
    from ztui.model.flow import Origin


class Rows:
    """Columns of a batch that is being read."""

    def __init__(self) -> None:
        self.times: list[bytes] = []
        self.addrs: list[bytes] = []
        self.shapes: list[Shape] = []
        self.sent = array("Q")
        self.recv = array("Q")
        self.duration_ms = array("Q")
        self.earliest = b""
        self.latest = b""
        self.diagnostics: list[Diagnostic] = []
        self.received = 0
        self.counted_only = 0
        self.continuation = 0
        self.unreadable = 0

    def spans(self, earliest: bytes, latest: bytes) -> None:
        self.earliest = min(self.earliest or earliest, earliest)
        self.latest = max(self.latest, latest)

    def add(self, entry: StrictEntry, shape: Shape) -> None:
        time = entry.time.encode()
        self.spans(time, time)
        self.times.append(time)
        self.addrs.append((entry.src_addr or "").encode())
        self.shapes.append(shape)
        self.sent.append(entry.bytes_sent or 0)
        self.recv.append(entry.bytes_recv or 0)
        self.duration_ms.append(entry.duration_ms or 0)

    def batch(self, origin: Origin, byte_count: int) -> EntryBatch:
        entries = len(self.shapes)
        counts = LineCounts(
            received=self.received,
            entries=entries,
            counted_only=self.counted_only,
            diagnostics=self.received - entries - self.counted_only - self.continuation - self.unreadable,
            continuation=self.continuation,
            unreadable=self.unreadable,
        )
        return EntryBatch(
            origin=origin,
            times=self.times,
            addrs=self.addrs,
            shapes=self.shapes,
            sent=self.sent,
            recv=self.recv,
            duration_ms=self.duration_ms,
            earliest=self.earliest,
            latest=self.latest,
            diagnostics=tuple(self.diagnostics),
            lines=counts,
            byte_count=byte_count,
        )


@dataclass(slots=True)
class Lines:
    """What one pass found, line by line: an odd line has only its text at first, an ordinary one has none."""

    times: list[bytes]
    addrs: list[bytes]
    keys: list[bytes]
    numbers: list[bytes]
    odd: list[bytes | None]

    def places_of_odd(self) -> Iterator[tuple[int, bytes]]:
        for i, line in enumerate(self.odd):
            if line is not None:
                yield i, line

    def put(self, i: int, entry: StrictEntry, key: bytes) -> None:
        self.times[i] = entry.time.encode()
        self.addrs[i] = (entry.src_addr or "").encode()
        self.keys[i] = key
        self.numbers[i] = b"%d,%d,%d" % (entry.bytes_sent or 0, entry.bytes_recv or 0, entry.duration_ms or 0)

    def keep(self, wanted: bytearray) -> None:
        for name in ("times", "addrs", "keys", "numbers", "odd"):
            setattr(self, name, list(compress(getattr(self, name), wanted)))

    def line(self, i: int) -> bytes:
        """Give the text of line `i`; an ordinary one is put together again."""
        odd = self.odd[i]
        if odd is not None:
            return odd
        form = PLAIN_FORM if self.keys[i][:1] == b" " else JSON_FORM
        return form % (self.times[i], self.addrs[i], self.keys[i], self.numbers[i])
