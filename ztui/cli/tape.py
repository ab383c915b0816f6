"""Entries on their way to stdout: filtered, put in the order of time, and let go. Nothing is remembered of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ztui.cli.filters import say_without_labels, without_labels
from ztui.cli.span import joined, last_rows, rows_between, written
from ztui.clock import SystemClock
from ztui.model.accesslog import entry_at
from ztui.model.fields import LABELS
from ztui.model.flow import EntryBatch, Shape
from ztui.model.observation import EntriesRead, Observation
from ztui.model.text import logged_at
from ztui.store.mesh import Mesh

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.settings import Settings
    from ztui.store.inventory import Inventory

_CHUNK = 10_000


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
        self._clock = SystemClock()
        self._mesh = Mesh(clock=self._clock, max_rows=0)
        self._lookup = self._mesh.inventory
        self._now = self._clock.now()
        self._where = where
        self._judge = _Judge(where, self._lookup) if where is not None else None
        self._wants = wants
        self._write = write
        self._tail = settings.tail if settings.files else None
        self._files = settings.files
        keys = where.keys if where is not None else frozenset[str]()
        self.needs_labels = LABELS in keys
        """Whether nothing can be judged before the pods of the cluster are known."""
        self._unlabelled: set[tuple[str, str]] = set()
        self._merges = settings.sort != "none"
        # A span counts back from now; in saved logs from their end, which is known when they were read to it.
        is_saved = bool(settings.files) and not settings.is_following
        self._since_end_s = settings.since_s if is_saved else None
        self._counts_from_end = is_saved and (settings.since_s is not None or "age" in keys)
        self._is_saved = is_saved
        self._first = _first_wanted(settings, None if is_saved else self._now)
        self._last = b"\xff" if settings.until is None else written(settings.until)
        needs_dumps = where is not None and where.asks_lookup and len(settings.files) > 1
        is_known = self._tail is None and not (self._counts_from_end or self.needs_labels or needs_dumps)
        self.is_streaming = not keeps_all and is_known and (not self._merges or len(settings.files) == 1)
        """Whether entries are written as they are read."""
        self._gathered: list[EntryBatch] = []
        self.has_news = False
        """Whether entries have been gathered since this was last set to False."""

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
            self.has_news = True

    def flush(self) -> None:
        """Write what has gathered, in the order of time."""
        batches, self._gathered = self._gathered, []
        if self._tail is not None:
            batches = last_rows(batches, self._tail)
        if self._counts_from_end and batches:
            end = logged_at(max(batch.latest or max(batch.times) for batch in batches))
            self._now = end or self._now
            if self._since_end_s is not None:
                self._first = max(self._first, written(self._now - self._since_end_s))
        kept = [(batch, self._rows(batch)) for batch in batches]
        if not self._merges:
            for batch, rows in kept:
                self._write(batch, rows)
            return
        whole = joined(kept)
        times = whole.times
        order = sorted(range(len(times)), key=times.__getitem__)
        for at in range(0, len(order), _CHUNK):
            self._write(whole, order[at : at + _CHUNK])

    def finish(self) -> None:
        """Write what is left, and say what could not be judged."""
        self.flush()
        say_without_labels(self._unlabelled)

    def _rows(self, batch: EntryBatch) -> Sequence[int]:
        """Find the rows of a batch that are asked for."""
        if not self._is_saved:
            self._now = self._clock.now()
        rows = rows_between(batch, self._first, self._last)
        if self._wants is not None:
            wanted = {shape for shape in set(batch.shapes) if self._wants(shape)}
            rows = [i for i in rows if batch.shapes[i] in wanted]
        if self._where is not None and self._judge is not None:
            judge = self._judge.now()
            if self.needs_labels:
                self._unlabelled |= without_labels(set(batch.shapes), self._lookup)
            verdicts = {shape: judge(shape) for shape in set(batch.shapes)}
            rows = [i for i in rows if self._lets_through(batch, i, verdicts[batch.shapes[i]])]
        return rows

    def _lets_through(self, batch: EntryBatch, i: int, verdict: bool | None) -> bool:
        """Whether a row passes the filter; its shape decides, or the row itself where the shape leaves it open."""
        if verdict is None and self._where is not None:
            return self._where.matches(entry_at(batch, i), self._lookup, now=self._now)
        return bool(verdict)


class _Judge:
    """A filter's judge of shapes that forgets its verdicts when dumps or the cluster tell more."""

    def __init__(self, where: FlowFilter, lookup: Inventory) -> None:
        self._where, self._lookup = where, lookup
        self._version = lookup.version
        self._judge = where.judge(lookup)

    def now(self) -> Callable[[Shape], bool | None]:
        """Give the judge by what is known now."""
        if self._version != self._lookup.version:
            self._version, self._judge = self._lookup.version, self._where.judge(self._lookup)
        return self._judge


def _first_wanted(settings: Settings, now: float | None) -> bytes:
    """Give the first time that is wanted: the later of --since-time and, counted back from `now`, --since."""
    bounds = [settings.since_time] if settings.since_time is not None else []
    if settings.since_s is not None and now is not None:
        bounds.append(now - settings.since_s)
    return written(max(bounds)) if bounds else b""
