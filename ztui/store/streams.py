"""Streams: how each is, since when and why; how far it lags, what it lost, how many lines it brought."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ztui.model.flow import LineCounts
from ztui.model.streams import Gap, StreamKey, StreamKind, StreamState

if TYPE_CHECKING:
    from ztui.model.observation import StreamChanged

RATE_WINDOW_S = 10.0
IDLE_AFTER_S = 10.0
"""A connected log stream without a line for so long is idle: not lagging, only quiet."""
_LAGGING_S = 5.0
_MAX_SAMPLES = 64
_LOST = (StreamState.UNAVAILABLE, StreamState.NOT_PERMITTED, StreamState.ERROR, StreamState.GONE)


@dataclass(slots=True)
class StreamRow:
    """What is known of one stream. Times are Unix seconds; lag and skew are None until they can be told."""

    key: StreamKey
    state: StreamState = StreamState.WAITING
    reason: str | None = None
    remedy: str | None = None
    since: float | None = None
    """When it entered this state."""
    confirmed_at: float | None = None
    retry_at: float | None = None
    probed_at: float | None = None
    oldest_available: float | None = None
    lines: LineCounts = LineCounts()
    byte_count: int = 0
    last_logged_at: float | None = None
    """The log's own time of its latest entry."""
    last_observed_at: float | None = None
    """Our time when something arrived last."""
    lag_s: float | None = None
    """Observed minus logged time of the latest batch, as measured; skew of the node's clock is part of it. None while
    what was logged before the stream was there is read: history is not late."""
    skew_s: float | None = None
    """How far the node's clock is ahead of ours at least: where entries seem to come from the future."""
    gaps: deque[Gap] = field(default_factory=lambda: deque(maxlen=100))
    gap_count: int = 0
    _samples: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=_MAX_SAMPLES))
    """Times with the lines and bytes that came then."""

    def lines_per_s(self, now: float) -> float:
        """Lines received per second, over the last ten seconds or, where it is younger, since the stream is there."""
        span_s = self._span_s(now)
        return sum(lines for at, lines, _ in self._samples if at > now - span_s) / span_s

    def bytes_per_s(self, now: float) -> float:
        """Bytes received per second, over the same time."""
        span_s = self._span_s(now)
        return sum(size for at, _, size in self._samples if at > now - span_s) / span_s

    def _span_s(self, now: float) -> float:
        age_s = RATE_WINDOW_S if self.since is None else now - self.since
        return min(RATE_WINDOW_S, max(1.0, age_s))

    def idle_s(self, now: float) -> float | None:
        """For how long a connected log stream has been quiet; None where it is not, or nothing is known."""
        if self.state not in (StreamState.CONNECTED, StreamState.LAGGING) or self.key.kind != StreamKind.LOG:
            return None
        last = self.last_observed_at if self.last_observed_at is not None else self.since
        if last is None or now - last < IDLE_AFTER_S:
            return None
        return now - last

    @property
    def is_probed(self) -> bool:
        """Whether it was proved alive since it went quiet."""
        quiet_since = self.last_observed_at if self.last_observed_at is not None else self.since
        return self.probed_at is not None and (quiet_since is None or self.probed_at >= quiet_since)

    def effective_state(self, now: float) -> StreamState:
        """Its state, with `lagging` for a connected log stream whose latest lines came late."""
        is_late = self.lag_s is not None and self.lag_s >= _LAGGING_S and self.idle_s(now) is None
        if self.state == StreamState.CONNECTED and self.key.kind == StreamKind.LOG and is_late:
            return StreamState.LAGGING
        return self.state

    def saw(self, lines: LineCounts, byte_count: int, observed_at: float, logged_at: float | None) -> None:
        """Note a batch."""
        self.lines += lines
        self.byte_count += byte_count
        self.last_observed_at = observed_at
        is_history = logged_at is not None and self.since is not None and logged_at < self.since
        if not is_history:
            self._sample(observed_at, lines.received, byte_count)
        if logged_at is not None:
            self.last_logged_at = max(logged_at, self.last_logged_at or logged_at)
            self.lag_s = None if is_history else observed_at - logged_at
            if logged_at > observed_at:
                self.skew_s = max(self.skew_s or 0.0, logged_at - observed_at)

    def _sample(self, at: float, lines: int, size: int) -> None:
        """Count lines of now: what was logged before the stream was there is no rate."""
        if self._samples and at - self._samples[-1][0] < RATE_WINDOW_S / _MAX_SAMPLES * 2:
            at, lines_before, size_before = self._samples.pop()
            lines, size = lines + lines_before, size + size_before
        self._samples.append((at, lines, size))


class StreamTable:
    """Every stream by its key. Rows of streams that are gone stay while there is room: their counts are history."""

    def __init__(self, *, max_streams: int = 20_000) -> None:
        self.max_streams = max_streams
        self._rows: dict[StreamKey, StreamRow] = {}
        self._forgotten = LineCounts()

    def __iter__(self) -> Iterator[StreamRow]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: StreamKey) -> StreamRow | None:
        """Give what is known of a stream."""
        return self._rows.get(key)

    def of(self, origin: str) -> dict[StreamKind, StreamRow]:
        """Give the streams of one ztunnel (`Origin.key`) or resource, by kind."""
        return {
            kind: row for kind in StreamKind if (row := self._rows.get(StreamKey(kind=kind, of=origin))) is not None
        }

    def of_kind(self, *kinds: StreamKind) -> list[StreamRow]:
        """All streams of these kinds."""
        return [row for row in self._rows.values() if row.key.kind in kinds]

    def row(self, key: StreamKey) -> StreamRow:
        """Give the row of a stream, made where there is none."""
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= self.max_streams:
                self._forget_one()
            row = self._rows[key] = StreamRow(key)
        return row

    def _forget_one(self) -> None:
        gone = next((key for key, row in self._rows.items() if row.state == StreamState.GONE), next(iter(self._rows)))
        self._forgotten += self._rows.pop(gone).lines

    def change(self, change: StreamChanged) -> None:
        """Take another state."""
        row = self.row(change.stream)
        if row.state != change.state or row.since is None:
            row.since = change.at
        row.state, row.retry_at = change.state, change.retry_at
        row.reason, row.remedy = change.reason, change.remedy
        row.confirmed_at = change.at
        if change.probed_at is not None:
            row.probed_at = change.probed_at
        if change.oldest_available is not None:
            row.oldest_available = change.oldest_available

    def add_gap(self, gap: Gap) -> None:
        """Take note of a loss."""
        row = self.row(gap.stream)
        row.gaps.append(gap)
        row.gap_count += 1

    def lines(self) -> LineCounts:
        """Where every line of all streams went, those forgotten included."""
        return sum((row.lines for row in self._rows.values()), self._forgotten)

    def lines_per_s(self, now: float) -> float:
        """Lines received per second over all streams."""
        return sum(row.lines_per_s(now) for row in self._rows.values())

    def bytes_per_s(self, now: float) -> float:
        """Bytes of log lines received per second over all streams."""
        return sum(row.bytes_per_s(now) for row in self._rows.values())

    def lag_s(self, now: float) -> float | None:
        """Give the longest lag of a log stream that is neither idle nor lost; None where there is none."""
        logs: Iterable[StreamRow] = self.of_kind(StreamKind.LOG)
        late = (row for row in logs if row.state not in _LOST and row.idle_s(now) is None)
        lags = [row.lag_s for row in late if row.lag_s is not None]
        return max(lags, default=None)
