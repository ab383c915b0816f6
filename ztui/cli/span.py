"""Which part of a log is asked for: --since-time, --until and --tail, applied before anything is counted or printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import compress
from typing import TYPE_CHECKING, Any

from ztui.model.flow import EntryBatch, Origin
from ztui.model.observation import EntriesRead, Exhausted, Observation

if TYPE_CHECKING:
    from ztui.session import Memory
    from ztui.settings import Settings

_MANY = Origin(key="")
"""Stands in a batch gathered from several ztunnels; each of its shapes knows its own."""
_COLUMNS = ("times", "addrs", "shapes", "sent", "recv", "duration_ms")


def written(at: float) -> bytes:
    """Write a time as logs do: there, equal length makes the order of text the order of time."""
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()


def rows_between(batch: EntryBatch, first: bytes, last: bytes) -> Sequence[int]:
    """Find the rows of a batch that were logged between two times, both included; all of them at no cost."""
    times = batch.times
    if batch.earliest and first <= batch.earliest and batch.latest <= last:
        return range(len(times))
    return [i for i, time in enumerate(times) if first <= time <= last]


def joined(parts: Sequence[tuple[EntryBatch, Sequence[int]]], origin: Origin = _MANY) -> EntryBatch:
    """Make one batch of some rows of many."""
    columns: dict[str, Any] = {name: [] for name in _COLUMNS}
    for batch, rows in parts:
        wanted = None
        if len(rows) != len(batch):
            wanted = bytearray(len(batch))
            for i in rows:
                wanted[i] = 1
        for name, gathered in columns.items():
            column = getattr(batch, name)
            gathered.extend(column if wanted is None else compress(column, wanted))
    return EntryBatch(origin=origin, **columns)


def last_rows(batches: Sequence[EntryBatch], count: int) -> list[EntryBatch]:
    """Keep the last `count` entries of each log."""
    left: dict[str, int] = {}
    kept: list[EntryBatch] = []
    for batch in reversed(batches):
        room = left.setdefault(batch.origin.key, count)
        left[batch.origin.key] = max(0, room - len(batch))
        if room >= len(batch):
            kept.append(batch)
        elif room:
            kept.append(joined([(batch, range(len(batch) - room, len(batch)))], batch.origin))
    kept.reverse()
    return kept


class Span:
    """Stands in front of a memory and lets only the entries through that are asked for."""

    def __init__(self, memory: Memory, settings: Settings) -> None:
        self._memory = memory
        self._first = b"" if settings.since_time is None else written(settings.since_time)
        self._last = b"\xff" if settings.until is None else written(settings.until)
        self._tail = settings.tail if settings.files else None  # of a cluster, the kubelet cuts it
        self._held: list[EntriesRead] = []

    @classmethod
    def before(cls, memory: Memory, settings: Settings) -> Memory:
        """Give the memory itself where all of the log is asked for."""
        is_all = settings.since_time is None and settings.until is None and settings.tail is None
        return memory if is_all else cls(memory, settings)

    def ingest(self, observation: Observation) -> None:
        """Take one observation; what is no entry goes through."""
        if isinstance(observation, Exhausted):
            self._let_go()
        if not isinstance(observation, EntriesRead):
            self._memory.ingest(observation)
        elif self._tail is None:
            self._memory.ingest(self._cut(observation))
        else:
            self._held.append(observation)

    def _let_go(self) -> None:
        """Hand on the end of each log."""
        held, self._held = self._held, []
        if self._tail is None:
            return
        reads = {read.batch.origin.key: read for read in held}
        for batch in last_rows([read.batch for read in held], self._tail):
            read = reads[batch.origin.key]
            self._memory.ingest(self._cut(replace(read, batch=batch)))

    def _cut(self, read: EntriesRead) -> EntriesRead:
        rows = rows_between(read.batch, self._first, self._last)
        if len(rows) == len(read.batch):
            return read
        batch = replace(
            joined([(read.batch, rows)], read.batch.origin), lines=read.batch.lines, byte_count=read.batch.byte_count
        )
        return replace(read, batch=batch)
