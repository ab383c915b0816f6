"""What a block of log lines becomes while it is read: what one pass found, and the columns of a batch."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from ztui.model.accesslog_forms import JSON_FORM, PLAIN_FORM
from ztui.model.flow import REFUSED, Diagnostic, EntryBatch, LineCounts, RawRemark, Shape

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
    """What one pass found, line by line: an odd line has only its text at first, an ordinary one has none.

    Where no line is odd there is no column of them.
    """

    times: list[bytes]
    addrs: list[bytes]
    keys: list[bytes]
    numbers: list[bytes]
    odd: list[bytes | None]

    @classmethod
    def of(cls, found: list[bytes]) -> Lines:
        """Take apart what `FORMATS` split: four parts of each ordinary line, and what stood before it."""
        found[-1] = found[-1][:-1]  # the line feed that ends the block
        lines = cls(found[1::5], found[2::5], found[3::5], found[4::5], [])
        between = found[::5]
        if any(between):
            lines._mix(between)
        return lines

    def _mix(self, between: list[bytes]) -> None:
        """Put the lines that stood before ordinary ones (or after the last) in their places, each after a line feed."""
        ordinary = (self.times, self.addrs, self.keys, self.numbers)
        mixed: tuple[list[Any], ...] = ([], [], [], [])
        start = 0
        for end, text in enumerate(between):
            if text or end == len(between) - 1:
                lines = text[1:].split(b"\n") if text else []
                blanks = [None] * len(lines)
                for column, more in zip(mixed, ordinary, strict=True):
                    column.extend(more[start:end])
                    column.extend(blanks)
                self.odd += [None] * (end - start)
                self.odd += lines
                start = end
        self.times, self.addrs, self.keys, self.numbers = mixed

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
        odd = self.odd[i] if self.odd else None
        if odd is not None:
            return odd
        form = PLAIN_FORM if self.keys[i][:1] == b" " else JSON_FORM
        return form % (self.times[i], self.addrs[i], self.keys[i], self.numbers[i])
