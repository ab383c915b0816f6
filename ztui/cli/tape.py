"""Entries on their way to stdout: filtered, put in the order of time, and let go. Nothing is remembered of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import compress
from typing import TYPE_CHECKING

from ztui.clock import SystemClock
from ztui.model.accesslog import entry_at
from ztui.model.flow import EntryBatch, Origin, Shape
from ztui.model.observation import EntriesRead, Observation
from ztui.store.mesh import Mesh

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.settings import Settings

_CHUNK = 10_000
_MANY = Origin(key="")
"""Stands in a batch gathered from several ztunnels; each of its shapes knows its own."""


class Tape:
    """A memory that keeps entries only until they are written.

    Entries of one saved log are written as they are read; those of several ztunnels are gathered until `flush` and
    merged by time (`--sort none` leaves them as they came). `write` gets a batch and the rows to write, in order.
    """

    def __init__(
        self,
        settings: Settings,
        where: FlowFilter | None,
        write: Callable[[EntryBatch, Sequence[int]], None],
        *,
        keeps_all: bool = False,
        wants: Callable[[Shape], bool] | None = None,
    ) -> None:
        clock = SystemClock()
        self._mesh = Mesh(clock=clock, max_rows=1)
        self._lookup = self._mesh.inventory
        self._now = clock.now()
        self._where = where
        self._judge = where.judge(self._lookup) if where is not None else None
        self._wants = wants
        self._write = write
        self._tail = settings.tail if settings.files else None
        self._files = settings.files
        self._merges = settings.sort != "none"
        self.is_streaming = not keeps_all and self._tail is None and (not self._merges or len(settings.files) == 1)
        """Whether entries are written as they are read."""
        self._first, self._last = _bounds(settings, self._now)
        self._gathered: list[EntryBatch] = []

    def ingest(self, observation: Observation) -> None:
        """Take one observation; what is no entry only helps the filter (`src.app` needs a dump)."""
        if not isinstance(observation, EntriesRead):
            self._mesh.ingest(observation)
            return
        batch = observation.batch
        if not batch.shapes:
            return
        if self.is_streaming and (not self._merges or batch.origin.key in self._files):
            self._write(batch, self._rows(batch))
        else:
            self._gathered.append(batch)

    def flush(self) -> None:
        """Write what has gathered, in the order of time."""
        batches, self._gathered = self._gathered, []
        if self._tail is not None:
            batches = _last_rows(batches, self._tail)
        kept = [(batch, self._rows(batch)) for batch in batches]
        if not self._merges:
            for batch, rows in kept:
                self._write(batch, rows)
            return
        whole = _joined(kept)
        times = whole.times
        order = sorted(range(len(times)), key=times.__getitem__)
        for at in range(0, len(order), _CHUNK):
            self._write(whole, order[at : at + _CHUNK])

    def _rows(self, batch: EntryBatch) -> Sequence[int]:
        """Find the rows of a batch that are asked for."""
        rows: Sequence[int] = range(len(batch))
        if self._wants is not None:
            wanted = {shape for shape in set(batch.shapes) if self._wants(shape)}
            rows = [i for i in rows if batch.shapes[i] in wanted]
        if self._first is not None or self._last is not None:
            first, last, times = self._first or b"", self._last or b"\xff", batch.times
            rows = [i for i in rows if first <= times[i] <= last]
        if self._where is not None and self._judge is not None:
            verdicts = {shape: self._judge(shape) for shape in set(batch.shapes)}
            rows = [i for i in rows if self._lets_through(batch, i, verdicts[batch.shapes[i]])]
        return rows

    def _lets_through(self, batch: EntryBatch, i: int, verdict: bool | None) -> bool:
        """Whether a row passes the filter; its shape decides, or the row itself where the shape leaves it open."""
        if verdict is None and self._where is not None:
            return self._where.matches(entry_at(batch, i), self._lookup, now=self._now)
        return bool(verdict)


def _bounds(settings: Settings, now: float) -> tuple[bytes | None, bytes | None]:
    """First and last time wanted, as logs write them: there, equal length makes text order the order of time."""
    first = settings.since_time
    if settings.since_s is not None:
        first = max(first or 0.0, now - settings.since_s)
    return (_written(first) if first is not None else None), (_written(settings.until) if settings.until else None)


def _written(at: float) -> bytes:
    moment = datetime.fromtimestamp(at, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()


def _last_rows(batches: list[EntryBatch], count: int) -> list[EntryBatch]:
    """Keep the last `count` entries of each log."""
    left: dict[str, int] = {}
    kept: list[EntryBatch] = []
    for batch in reversed(batches):
        room = left.setdefault(batch.origin.key, count)
        left[batch.origin.key] = max(0, room - len(batch))
        if room >= len(batch):
            kept.append(batch)
        elif room:
            kept.append(_joined([(batch, range(len(batch) - room, len(batch)))]))
    kept.reverse()
    return kept


def _joined(parts: list[tuple[EntryBatch, Sequence[int]]]) -> EntryBatch:
    """Make one batch of some rows of many."""
    whole = EntryBatch(origin=_MANY)
    for batch, rows in parts:
        if len(rows) == len(batch):
            wanted = None
        else:
            wanted = bytearray(len(batch))
            for i in rows:
                wanted[i] = 1
        for name in ("times", "addrs", "shapes", "sent", "recv", "duration_ms"):
            column = getattr(batch, name)
            getattr(whole, name).extend(column if wanted is None else compress(column, wanted))
    return whole
