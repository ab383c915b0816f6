"""Edges: connections aggregated by any of the keys of `--by`, over a window or since the start.

What was summed is kept per question (keys, filter), so a question asked four times a second costs what got entries
in between. Bytes are always in the client's view: sent = client → server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

from ztui.model.fields import Lookup
from ztui.model.flow import AccessLogEntry
from ztui.model.text import logged_at
from ztui.store.capture import Capture
from ztui.store.edgequestion import Base, Group, Question
from ztui.store.edgesums import EdgeRow, Sums, percentile
from ztui.store.history import USUAL, Bounds
from ztui.store.rates import BUCKET_S, Rates
from ztui.store.segments import Share
from ztui.store.settled import PAST
from ztui.store.sources import SourceNotes

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.model.flow import Shape

__all__ = ["DEFAULT_BY", "EdgeRow", "EdgeStore", "percentile"]

DEFAULT_BY = ("src.workload", "dst.service")
TREND_BUCKETS = 12
_FLOWS = attrgetter("flows")
_QUESTIONS = 8
_GROWING_QUESTIONS = 3
"""Questions whose sums are kept running: a screen asks two at each tick."""


class EdgeStore:
    """Counts every entry and answers questions about edges; see Rates for its bounds."""

    def __init__(
        self,
        lookup: Lookup,
        capture: Capture,
        *,
        bounds: Bounds = USUAL,
        is_timed: bool = True,
    ) -> None:
        self._lookup = lookup
        self.capture = capture
        self.bounds = bounds
        self.rates = Rates(
            is_counted=self._is_counted,
            learn=capture.learn,
            bounds=self.bounds,
            is_timed=is_timed,
        )
        self.sources = SourceNotes()
        self._questions: dict[tuple[object, ...], Question] = {}
        self._learned_version = -1

    # -- questions

    def rows(
        self,
        by: tuple[str, ...] = DEFAULT_BY,
        *,
        where: FlowFilter | None = None,
        window_s: float | None = None,
        now: float | None = None,
    ) -> list[EdgeRow]:
        """Edges by these keys, most connections first; over the last `window_s` of logged time, or all there is.

        `now` is the end of the window in Unix seconds: the latest logged time where it is not given. A filter must
        be one that shapes decide (`FlowFilter.needs_entry` False); see `rows_of_entries` for others.
        Raises KeyError for a key that `--by` does not know.
        """
        question = self._question(by, where)
        span = self._span(window_s, now)
        growing, grown = question.grow(self.rates)
        base = self._base(question, span)
        covered = [bucket for bucket in growing if span.covers(bucket)]
        sums = [base.totals, *(growing[bucket] for bucket in covered)]
        answered = (base, span.length_s, question.version)
        # Of equal edges the one seen first stands first: one that is new before the last bucket has its place there.
        is_amiss = any(group not in question.rows for bucket in covered[:-1] for group in grown[bucket])
        if question.rows_of != answered or is_amiss:
            question.rows_of, question.rows = answered, {}
            changed: Iterable[Group] = dict.fromkeys(chain.from_iterable(sums))
        else:
            changed = dict.fromkeys(chain.from_iterable(grown.values()))
        trending = [
            (at, groups)
            for bucket, groups in growing.items()
            if self.rates.is_timed
            for at in span.trends(bucket, bucket + 1)
        ]
        for group in changed:
            parts = [part for groups in sums if (part := groups.get(group)) is not None]
            if parts:
                trend = _trend(base.trends.get(group), [(at, groups.get(group)) for at, groups in trending])
                question.rows[group] = _row(by, group, parts, span.length_s, trend)
        return sorted(question.rows.values(), key=_FLOWS, reverse=True)

    def rows_of_entries(
        self,
        by: tuple[str, ...],
        entries: Iterable[AccessLogEntry],
        *,
        where: FlowFilter | None = None,
        window_s: float | None = None,
        now: float | None = None,
    ) -> list[EdgeRow]:
        """Edges of just these entries: for filters that ask more than a shape can tell (`bytes>1MB`).

        Window and ages count back from `now`: from the latest logged time where it is not given.
        """
        self.learn()
        end = (self.rates.newest_bucket + 1) * BUCKET_S if now is None else now
        question = Question(by, None, self._lookup, self.capture, as_they_are=where is not None and "dir" in where.keys)
        first = "" if window_s is None else _written(end - window_s)
        extent: list[str] = []
        shares = (
            self._share_of(entry, extent)
            for entry in entries
            if entry.time >= first and (where is None or where.matches(entry, self._lookup, now=end))
        )
        groups = question.sums(shares, PAST)
        length = max(_length_s(extent) if window_s is None else window_s, BUCKET_S)
        return sorted((_row(by, group, [sums], length, ()) for group, sums in groups.items()), key=_FLOWS, reverse=True)

    def _share_of(self, entry: AccessLogEntry, extent: list[str]) -> Share:
        """Give what one entry adds, and widen the first and last time by it."""
        time = entry.time
        extent[:] = (min(extent[0], time), max(extent[1], time)) if extent else (time, time)
        durations = (entry.duration_ms,) if entry.duration_ms is not None else ()
        shape = self.sources.note(entry.shape, entry.src_addr)
        return shape, 1, entry.bytes_sent or 0, entry.bytes_recv or 0, time.encode(), durations, 1.0

    def off_by_s(self, window_s: float, now: float) -> float:
        """Seconds by which a window is longer or shorter than asked: old buckets may be joined, and cannot be cut."""
        first, last = int(now - window_s) // BUCKET_S, int(now) // BUCKET_S
        return abs(self.rates.history.window(first, last)[0] - first) * BUCKET_S

    def hold(self, *, is_held: bool) -> None:
        """Leave old buckets as they are while somebody looks at a moment that has passed: they would be joined else."""
        self.rates.history.is_held = is_held

    def kept_s(self, now: float) -> float | None:
        """Seconds back from `now` of which single tens are kept: no window reaches further. None while all are."""
        first = self.rates.history.kept_from
        return now - first * BUCKET_S if first else None

    def learn(self) -> None:
        """Take note of what new entries prove about capture."""
        if self._learned_version == self.rates.version:
            return
        self._learned_version = self.rates.version
        if not self.rates.is_timed:
            self.capture.learn(self.rates.shapes())
            return
        news = self.rates.take_news()
        self.capture.learn(chain.from_iterable(news.values()))
        for question in self._questions.values():
            question.add(news)

    def _is_counted(self, shape: Shape) -> bool:
        """Decide with all that was logged by now: what is forgotten cannot be decided again."""
        self.learn()
        return self.capture.is_counted(shape)

    def _question(self, by: tuple[str, ...], where: FlowFilter | None) -> Question:
        self.learn()
        key = (by, where.text if where is not None else None, self._lookup.version, self.capture.watch_version)
        question = self._questions.pop(key, None)
        if question is None:
            question = Question(by, where, self._lookup, self.capture)
            for old in [k for k in self._questions if k[2:] != key[2:]]:
                del self._questions[old]
            while len(self._questions) >= _QUESTIONS:
                del self._questions[next(iter(self._questions))]
        self._questions[key] = question
        for seldom in list(self._questions.values())[:-_GROWING_QUESTIONS]:
            seldom.rest()
        question.forget_shapes(4 * self.bounds.max_shapes)
        question.learn()
        return question

    def _base(self, question: Question, span: _Span) -> Base:
        """Give the sums of all that does not grow, made anew when a bucket closes or the window moves on."""
        history = self.rates.history
        asked = (span.first, span.last, span.with_past, history.version, question.version)
        if question.base is None or question.base.asked != asked:
            closed = history.buckets()
            parts = []
            if span.with_past and question.base is not None:
                parts.append(question.settled(history, span.trend_first))
                closed = [bucket for bucket in closed if history.end(bucket) > span.trend_first]
            elif span.with_past:  # asked for the first time, maybe the only one
                parts.append(question.sums(history.past_shares(), PAST))
            # What the window has passed is not asked again; kept for an hour, it took 4 MB a minute at 2,000 lines/s.
            trending = {bucket: places for bucket in closed if (places := span.trends(bucket, history.end(bucket)))}
            question.forget_buckets({bucket for bucket in closed if span.covers(bucket) or bucket in trending})
            parts += [question.closed(history, bucket) for bucket in closed if span.covers(bucket)]
            trends: dict[Group, list[float]] = {}
            for bucket, places in trending.items():
                length_s = (history.end(bucket) - bucket) * BUCKET_S
                for group, sums in question.closed(history, bucket).items():
                    trend = trends.setdefault(group, [0.0] * TREND_BUCKETS)
                    for place in places:
                        trend[place] += sums.flows / length_s
            question.base = Base(asked, parts, trends)
        return question.base

    def _span(self, window_s: float | None, now: float | None) -> _Span:
        newest = self.rates.newest_bucket
        end = (newest + 1) * BUCKET_S if now is None else now
        if window_s is None:
            oldest = self.rates.oldest_bucket
            start = (newest if oldest is None else oldest) * BUCKET_S
            return _Span(first=None, last=newest, length_s=max(end - start, BUCKET_S), with_past=True)
        last = int(end) // BUCKET_S if now is not None else newest
        first = last - max(round(window_s / BUCKET_S), 1) + (now is None)
        oldest, history = self.rates.oldest_bucket, self.rates.history
        with_past = oldest is not None and oldest >= first
        first, whole = history.window(first, last)
        if whole != last:  # what it ends in was joined: it ended long ago
            last, end = whole, (whole + 1) * BUCKET_S
        # What is asked beyond what was read, or is kept as buckets (the past cannot be divided), is not timed either.
        reach = oldest if with_past and oldest is not None else max(first, min(history.kept_from, last))
        length_s = max(end - reach * BUCKET_S, BUCKET_S if with_past else 1.0)
        return _Span(first=first if with_past else reach, last=last, length_s=length_s, with_past=with_past)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Which buckets a question covers, and how many seconds that is."""

    first: int | None
    last: int
    length_s: float
    with_past: bool

    def covers(self, bucket: int) -> bool:
        return (self.first is None or self.first <= bucket) and (bucket <= self.last or self.with_past)

    @property
    def trend_first(self) -> int:
        """The first bucket that a trend shows."""
        return self.last - TREND_BUCKETS + 1

    def trends(self, bucket: int, end: int) -> range:
        """Where a trend shows a bucket that ends before ten seconds `end`; nowhere most often."""
        return range(max(bucket - self.trend_first, 0), min(end - self.trend_first, TREND_BUCKETS))


def _row(by: tuple[str, ...], group: Group, parts: list[Sums], span_s: float, trend: tuple[float, ...]) -> EdgeRow:
    total = parts[0] if len(parts) == 1 else Sums.of(parts)
    return EdgeRow(by, group, total, span_s, trend)


def _trend(closed: tuple[float, ...] | None, growing: Sequence[tuple[int, Sums | None]]) -> tuple[float, ...]:
    """Give connections per second in the last ten-second buckets, oldest first; nothing where there were none."""
    more = [(at, sums.flows / BUCKET_S) for at, sums in growing if sums is not None]
    if not more:
        return closed or ()
    values = list(closed or (0.0,) * TREND_BUCKETS)
    for at, rate in more:
        values[at] += rate
    return tuple(values)


def _written(at: float) -> str:
    """Write a moment as logs do, to the second: what is logged later is a greater text."""
    return datetime.fromtimestamp(max(at, 0.0), tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _length_s(extent: Sequence[str]) -> float:
    first, last = (logged_at(time) for time in extent) if extent else (None, None)
    return 0.0 if first is None or last is None else last - first
