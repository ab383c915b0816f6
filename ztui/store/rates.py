"""How often each shape of entry was logged, when, with how many bytes and how long: in buckets of ten seconds.

Counting is the one thing done for every line, so it is one dictionary look-up and one list append per line. A bucket
that lines no longer reach is packed and goes into the history. Time is the log's own, never the observer's.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

from ztui.model.flow import EntryBatch, Shape, Tally
from ztui.store.history import Bounds, History
from ztui.store.segments import Cells, Share

BUCKET_S = 10
_PREFIX = 18
"""`2026-01-31T09:08:0`: a time as written, to its ten seconds."""
_OPEN_BUCKETS = 3
_OPEN_LINES = 100_000
_OPEN_LINES_TIMELESS = 1_500_000

Flat = defaultdict[Shape, list[int]]
"""Where time does not matter: shape → [sent, recv, duration, sent, recv, duration, …]."""


def bucket_of(prefix: bytes) -> int | None:
    """Give number of the ten seconds an 18-byte time prefix lies in; None for what is no time."""
    try:
        at = datetime.strptime(prefix.decode("ascii") + "0", "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp()) // BUCKET_S


def _cell(numbers: list[int]) -> list[Any]:
    """Give the cell of one shape's numbers as they are counted where time does not matter."""
    return [sum(numbers[::3]), sum(numbers[1::3]), b"", *numbers[2::3]]


class Rates:
    """Counts entries per shape and ten seconds. `version` grows with every batch.

    What lines no longer reach is in `history`, within its `bounds`. `is_counted` decides whether a shape that is about
    to be forgotten counts as a connection: eviction freezes that. Without `is_timed` all time is one bucket: a cell per
    shape, enough for an answer without windows, rates and trends.

    What was counted since `take_news` is kept apart from the rest of its bucket, so that who keeps running sums gets
    only what is new; `learn` is told of shapes that are packed before anybody took the news of them.
    """

    def __init__(
        self,
        *,
        is_counted: Callable[[Shape], bool],
        learn: Callable[[Iterable[Shape]], None],
        bounds: Bounds,
        is_timed: bool = True,
    ) -> None:
        self._learn = learn
        self._is_timed = is_timed
        self._max_open_lines = _OPEN_LINES if is_timed else _OPEN_LINES_TIMELESS
        self.history = History(bounds, is_counted)
        self.version = 0
        self.entries = 0
        """Entries counted since the start, those in *other* included."""
        self._open: dict[int, Cells] = {}
        self._fresh: dict[int, Cells] = {}
        """Of open buckets: what was counted since `take_news`."""
        self._touched: dict[int, int] = {}
        """Of open buckets: the version at which something came last."""
        self._flat: Flat = defaultdict(list)
        self._open_lines = 0
        self._prefixes: dict[bytes, int] = {}
        self._newest = 0
        self._oldest: int | None = None

    # -- counting

    def count(self, batch: EntryBatch) -> None:
        """Count a batch's entries."""
        times = batch.times
        if not times:
            return
        self.entries += len(times)
        self._open_lines += len(times)
        if not self._is_timed:
            self._count_timeless(batch)
        elif (first := (batch.earliest or min(times))[:_PREFIX]) == (batch.latest or max(times))[:_PREFIX]:
            self._count_one_bucket(batch, self._cells_of(first))
        else:
            self._count_several_buckets(batch)
        self.history.tend()
        self.version += 1  # not before: a bucket that closes meanwhile makes the news be taken
        if self._open_lines > self._max_open_lines:
            self._close_all()

    def _count_timeless(self, batch: EntryBatch) -> None:
        """Count without noting when: numbers are put behind each other, no line is seen by the interpreter."""
        numbers = zip(batch.sent, batch.recv, batch.duration_ms, strict=True)
        deque(map(list.extend, map(self._flat.__getitem__, batch.shapes), numbers), maxlen=0)

    def _count_one_bucket(self, batch: EntryBatch, cells: Cells) -> None:
        cell_of = cells.get
        for shape, sent, recv, time, duration in zip(
            batch.shapes, batch.sent, batch.recv, batch.times, batch.duration_ms, strict=True
        ):
            cell = cell_of(shape)
            if cell is None:
                cells[shape] = [sent, recv, time, duration]
            else:
                cell[0] += sent
                cell[1] += recv
                if time > cell[2]:  # noqa: PLR1730  a call for each line takes twice as long
                    cell[2] = time
                cell.append(duration)

    def _count_several_buckets(self, batch: EntryBatch) -> None:
        prefix = b""
        cells: Cells = {}
        for shape, sent, recv, time, duration in zip(
            batch.shapes, batch.sent, batch.recv, batch.times, batch.duration_ms, strict=True
        ):
            if time[:_PREFIX] != prefix:
                prefix = time[:_PREFIX]
                cells = self._cells_of(prefix)
            cell = cells.get(shape)
            if cell is None:
                cells[shape] = [sent, recv, time, duration]
            else:
                cell[0] += sent
                cell[1] += recv
                if time > cell[2]:  # noqa: PLR1730  a call for each line takes twice as long
                    cell[2] = time
                cell.append(duration)

    def count_tallies(self, time: bytes, tallies: Mapping[Shape, Tally]) -> None:
        """Count sums whose entries are gone; all lie in the ten seconds of `time`."""
        bucket = self._bucket(time[:_PREFIX])
        self.version += 1
        cells: Cells = {}
        for shape, tally in tallies.items():
            durations = [value for value, often in tally.durations_ms.items() for _ in range(often)]
            durations += [0] * (tally.entries - len(durations))
            cells[shape] = [tally.bytes_sent, tally.bytes_recv, time, *durations]
            self.entries += tally.entries
        self._learn(cells)
        self._see(bucket)
        self.history.add(bucket, cells)

    def count_unmeasured(self, time: bytes, counted: Mapping[Shape, int]) -> None:
        """Count connections whose numbers nobody read; all lie in the ten seconds of `time`."""
        if not counted:
            return
        cells = self._cells_of(time[:_PREFIX]) if self._is_timed else self._open.setdefault(0, {})
        for shape, entries in counted.items():
            cell = cells.get(shape)
            if cell is None:
                cell = cells[shape] = [0, 0, time]
            cell.extend(repeat(0, entries))
        self.version += 1
        lines = sum(counted.values())
        self.entries += lines
        self._open_lines += lines
        if self._open_lines > self._max_open_lines:
            self._close_all()

    def take_news(self) -> dict[int, Cells]:
        """Give what was counted in each open bucket since the last time; to be read before anything more is counted.

        Without `is_timed` there is no news: ask for `shapes` instead.
        """
        return {bucket: self._gather(bucket) for bucket in list(self._fresh)}

    def _gather(self, bucket: int) -> Cells:
        """Add what is new in an open bucket to the rest of it, and give it."""
        cells, fresh = self._open[bucket], self._fresh.pop(bucket, {})
        if not cells:
            cells.update(fresh)
            return fresh
        for shape, cell in fresh.items():
            known = cells.get(shape)
            if known is None:
                cells[shape] = cell
            else:
                known[0] += cell[0]
                known[1] += cell[1]
                known[2] = max(known[2], cell[2])
                known += cell[3:]
        return fresh

    def _bucket(self, prefix: bytes) -> int:
        bucket = self._prefixes.get(prefix)
        if bucket is None:
            if len(self._prefixes) > 4096:
                self._prefixes.clear()
            found = bucket_of(prefix)
            bucket = self._prefixes[prefix] = self._newest if found is None else found
        return bucket

    def _cells_of(self, prefix: bytes) -> Cells:
        bucket = self._bucket(prefix)
        if bucket not in self._open:
            self._open[bucket] = {}
            if len(self._open) > _OPEN_BUCKETS:
                self._close(min(self._open) if bucket >= self._newest else next(iter(self._open)))
            self._see(bucket)
        self._touched[bucket] = self.version
        cells = self._fresh.get(bucket)
        if cells is None:
            cells = self._fresh[bucket] = {}
        return cells

    def _see(self, bucket: int) -> None:
        if bucket > self._newest:
            self._newest = bucket
            self.history.age(bucket)
        if bucket and (self._oldest is None or bucket < self._oldest):  # 0: lines without a readable time
            self._oldest = bucket

    # -- closing

    def _close(self, bucket: int) -> None:
        self._learn(self._gather(bucket))
        cells = self._open.pop(bucket)
        self._touched.pop(bucket, None)
        self._open_lines -= sum(map(len, cells.values())) - 3 * len(cells)
        self.history.add(bucket, cells)

    def _close_all(self) -> None:
        if self._flat:
            self._learn(self._flat)
            self.history.add(0, {shape: _cell(numbers) for shape, numbers in self._flat.items()})
            self._flat.clear()
        for bucket in sorted(self._open):
            self._close(bucket)
        self._open_lines = 0

    # -- reading

    @property
    def newest_bucket(self) -> int:
        """Number of the latest ten seconds anything was logged in; 0 before the first."""
        return self._newest

    @property
    def oldest_bucket(self) -> int | None:
        """Number of the first ten seconds anything was logged in."""
        return self._oldest

    @property
    def is_timed(self) -> bool:
        """Whether it is known when something was logged; else all time is one bucket."""
        return self._is_timed

    def open_buckets(self) -> list[int]:
        """Numbers of the buckets that still grow."""
        return sorted(self._open.keys() | {0}) if self._flat else sorted(self._open)

    def open_state(self, bucket: int) -> int:
        """Give a number that changes whenever something came to an open bucket."""
        return self._touched.get(bucket, self.version)

    def open_cells(self, bucket: int) -> Cells:
        """Give what an open bucket knows, but for news nobody took, as it is kept: to be read.

        Opened again it is another object.
        """
        if bucket or not self._flat:
            return self._open[bucket]
        cells = {shape: _cell(numbers) for shape, numbers in self._flat.items()}
        for shape, (sent, recv, time, *durations) in self._open.get(bucket, {}).items():
            known = cells.get(shape, (0, 0, b""))
            cells[shape] = [sent + known[0], recv + known[1], time, *known[3:], *durations]
        return cells

    def open_shares(self, bucket: int) -> Iterator[Share]:
        """Give what an open bucket knows; a shape may come more than once."""
        for cells in (self._open.get(bucket, {}), self._fresh.get(bucket, {})):
            for shape, cell in cells.items():
                yield shape, len(cell) - 3, cell[0], cell[1], cell[2], cell[3:], 1.0
        if not bucket:
            for shape, numbers in self._flat.items():
                if len(numbers) == 3:  # most shapes of a large mesh occur once
                    yield shape, 1, numbers[0], numbers[1], b"", numbers[2:], 1.0
                else:
                    yield shape, len(numbers) // 3, sum(numbers[::3]), sum(numbers[1::3]), b"", numbers[2::3], 1.0

    def shapes(self) -> Iterator[Shape]:
        """Every shape that is remembered; one may come more than once."""
        for cells in (*self._open.values(), *self._fresh.values()):
            yield from cells
        yield from self._flat
        yield from self.history.shapes()
