"""Reading log lines with the detail there is time for: all, no history, sampled, or skipped with a recorded gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ztui.analysis.overload import SAMPLED_SHARE
from ztui.model.observation import ConnectionsCounted, Deliver, Detail, EntriesRead, GapFound
from ztui.model.streams import Gap

if TYPE_CHECKING:
    from random import Random

    from ztui.clock import Clock
    from ztui.model.accesslog_counting import CountingReader
    from ztui.model.flow import EntryBatch
    from ztui.model.streams import StreamKey

FLUSHED_EVERY_S = 1.0
WHY_SKIPPED = "more was written than could be read: lines were counted and dropped, but for failures"


@dataclass(slots=True)
class _Skipped:
    """What one stream skips now. Times are ours, Unix seconds."""

    first: float
    last: float
    lines: int = 0


class Shedding:
    """Reads blocks of whole lines as the step of overload says, and delivers what comes of it."""

    def __init__(self, deliver: Deliver, clock: Clock, rng: Random) -> None:
        self._deliver = deliver
        self._clock = clock
        self._rng = rng
        self._detail = Detail.FULL
        self._counting: dict[StreamKey, CountingReader] = {}
        self._skipped: dict[StreamKey, _Skipped] = {}
        self._flushed_at = 0.0

    def change(self, detail: Detail) -> None:
        """Take another step; what was begun in the one before is delivered."""
        if detail is not self._detail:
            self.flush()
            self._detail = detail

    def read(self, reader: CountingReader, stream: StreamKey, block: bytes) -> EntryBatch:
        """Read a block of whole lines, and deliver it."""
        match self._detail:
            case Detail.FULL | Detail.NO_HISTORY:
                batch = reader.feed(block)
            case Detail.SAMPLED:
                batch = self._sample(reader, stream, block)
            case Detail.SKIP:
                batch = self._skip(reader, stream, block)
        now = self._clock.now()
        self._deliver(EntriesRead(stream=stream, batch=batch, observed_at=now, detail=self._detail))
        if self._counting and self._clock.monotonic() >= self._flushed_at + FLUSHED_EVERY_S:
            self._flush_counts()
        return batch

    def _sample(self, reader: CountingReader, stream: StreamKey, block: bytes) -> EntryBatch:
        if self._rng.random() < SAMPLED_SHARE:
            return reader.feed(block)
        self._counting[stream] = reader
        return reader.count(block)

    def _skip(self, reader: CountingReader, stream: StreamKey, block: bytes) -> EntryBatch:
        batch = reader.skip(block)
        self._counting[stream] = reader
        now = self._clock.now()
        skipped = self._skipped.get(stream)
        if skipped is None:
            skipped = self._skipped[stream] = _Skipped(first=now, last=now)
        skipped.last = now
        skipped.lines += batch.lines.counted_only
        return batch

    def flush(self) -> None:
        """Deliver what was counted, and the gaps that what was skipped has left."""
        self._flush_counts()
        for stream, skipped in self._skipped.items():
            gap = Gap(stream=stream, first=skipped.first, last=skipped.last, why=WHY_SKIPPED, lines=skipped.lines)
            self._deliver(GapFound(gap=gap))
        self._skipped.clear()

    def _flush_counts(self) -> None:
        self._flushed_at = self._clock.monotonic()
        for stream, reader in self._counting.items():
            for logged_at, counted in reader.take_counted():
                self._deliver(ConnectionsCounted(stream=stream, logged_at=logged_at, counted=counted))
            failed = reader.take_failed()
            if failed.lines.received:
                self._deliver(
                    EntriesRead(stream=stream, batch=failed, observed_at=self._clock.now(), detail=self._detail)
                )
        self._counting.clear()
