"""What a block of log lines becomes while it is read: what one pass found, and the columns of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ztui.model.accesslog_forms import JSON_FORM, PLAIN_FORM
from ztui.model.flow import REFUSED, Diagnostic, EntryBatch, LineCounts, RawRemark, Shape

if TYPE_CHECKING:
    from ztui.model.accesslog_strict import StrictEntry
    from ztui.model.flow import Origin


class Rows:
    """Columns of a batch that is being read."""

    def __init__(self) -> None:
        self.times: list[bytes] = []
        self.addrs: list[bytes] = []
        self.shapes: list[Shape] = []
        self.sent: list[int] = []
        self.recv: list[int] = []
        self.duration_ms: list[int] = []
        self.earliest = b""
        self.latest = b""
        self.refused: list[int] = []
        self.remarks: list[Diagnostic | RawRemark] = []
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
        if shape.message == REFUSED:
            self.refused.append(len(self.shapes))
        self.times.append(time)
        self.addrs.append((entry.src_addr or "").encode())
        self.shapes.append(shape)
        self.sent.append(entry.bytes_sent or 0)
        self.recv.append(entry.bytes_recv or 0)
        self.duration_ms.append(entry.duration_ms or 0)

    def extend(self, lines: Lines, shapes: list[Shape], numbers: list[int]) -> None:
        """Take over lines with their shapes, and three numbers of each."""
        before = len(self.shapes)
        self.refused += [before + i for i in lines.places if shapes[i].message == REFUSED]
        self.times += lines.times
        self.addrs += lines.addrs
        self.shapes += shapes
        self.sent += numbers[::3]
        self.recv += numbers[1::3]
        self.duration_ms += numbers[2::3]

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
            refused=tuple(self.refused),
            remarks=tuple(self.remarks),
            lines=counts,
            byte_count=byte_count,
        )


@dataclass(slots=True)
class Lines:
    """Lines that are entries, taken apart: what repeats of each, and what does not.

    Where no line is odd there is no column of them; else it has the text of each odd line, and None for the others.
    """

    times: list[bytes]
    addrs: list[bytes]
    keys: list[bytes]
    numbers: list[bytes]
    odd: list[bytes | None] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Where the odd lines stand."""

    def extend(self, more: Lines, first: int, last: int) -> None:
        """Take over ordinary lines `first` … `last - 1` of others."""
        self.times += more.times[first:last]
        self.addrs += more.addrs[first:last]
        self.keys += more.keys[first:last]
        self.numbers += more.numbers[first:last]
        self.odd += [None] * (last - first)

    def add(self, line: bytes, time: bytes, addr: bytes, key: bytes, numbers: bytes) -> None:
        """Take an odd line."""
        self.places.append(len(self.times))
        self.times.append(time)
        self.addrs.append(addr)
        self.keys.append(key)
        self.numbers.append(numbers)
        self.odd.append(line)

    def put(self, i: int, entry: StrictEntry, key: bytes) -> None:
        """Write what a line says over what was taken for it."""
        self.times[i], self.addrs[i], self.keys[i], self.numbers[i] = parts_of(entry, key)

    def line(self, i: int) -> bytes:
        """Give the text of line `i`; an ordinary one is put together again."""
        odd = self.odd[i] if self.odd else None
        if odd is not None:
            return odd
        form = PLAIN_FORM if self.keys[i][:1] == b" " else JSON_FORM
        return form % (self.times[i], self.addrs[i], self.keys[i], self.numbers[i])


def parts_of(entry: StrictEntry, key: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Write an entry as the parts of a line: time, address, what repeats, numbers."""
    numbers = b"%d,%d,%d" % (entry.bytes_sent or 0, entry.bytes_recv or 0, entry.duration_ms or 0)
    return entry.time.encode(), (entry.src_addr or "").encode(), key, numbers
