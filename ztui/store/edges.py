"""Edges: connections aggregated by any of the keys of `--by`, over a window or since the start.

Sums of closed ten seconds are kept per question (keys, filter), so a question asked four times a second costs one
open bucket and a merge. Bytes are always in the client's view: sent = client → server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ztui.model.fields import BY_KEYS, Lookup
from ztui.model.flow import AccessLogEntry, Direction, Measures, Shape, Verdict, round_duration
from ztui.store.capture import Capture
from ztui.store.rates import BUCKET_S, OPENED, Rates, Share, is_other, logged_at
from ztui.store.sources import SourceNotes

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter

DEFAULT_BY = ("src.workload", "dst.service")
TREND_BUCKETS = 12
_EXACT_DURATIONS = 1024
"""Distinct durations an edge keeps apart; beyond, they are rounded to two digits."""
_QUESTIONS = 8
_OTHER_KNOWS = frozenset({"dir", "security", "verdict", "node", "ztunnel"})
"""Filter keys that can still be asked of edges that were forgotten; any other would be guessed."""
_OTHER_FORGOT = frozenset({"error", "response_flag"})
"""Keys of `--by` that the shape of forgotten edges would answer with a text of its own."""
_overlap, _DURATION = int.__and__, Measures.DURATION.value  # an IntFlag's own operator costs 2 µs

Group = tuple[str | None, ...]
_Growing = dict[int, dict[Group, "Sums"]]
"""Sums of the buckets that are still open: made once for a question, and thrown away."""


class Sums:
    """Sums over the connections of one edge. Durations are only counted when somebody asks for them."""

    __slots__ = (
        "_counted",
        "_raw",
        "bytes_recv",
        "bytes_sent",
        "denied",
        "failed",
        "flows",
        "last",
        "last_error",
        "last_error_at",
    )

    def __init__(self) -> None:
        self.flows = self.failed = self.denied = 0
        self.bytes_sent = self.bytes_recv = 0
        self.last = self.last_error_at = b""
        self.last_error: str | None = None
        self._counted: Counter[int] | None = None
        self._raw: list[int] = []

    @property
    def durations(self) -> Counter[int]:
        """Duration in milliseconds → how often."""
        if self._counted is None:
            self._counted = Counter()
        if self._raw:
            self._counted.update(self._raw)
            self._raw.clear()
            if len(self._counted) > _EXACT_DURATIONS:
                self._counted = _rounded(self._counted)
        return self._counted

    def add_failed(self, entries: int, kind: _Kind, time: bytes) -> None:
        """Add failed entries of one kind, the latest of them at `time`."""
        self.failed += entries
        if kind.is_denied:
            self.denied += entries
        if time >= self.last_error_at:
            self.last_error_at, self.last_error = time, kind.error

    def add_durations(self, durations_ms: Sequence[int], weight: float) -> None:
        """Add durations, each of which stands for `weight` entries."""
        if weight == 1.0:
            self._raw += durations_ms
            return
        often, counted = round(weight), self.durations
        for duration in durations_ms:
            counted[duration] += often

    def merge(self, more: Sums) -> None:
        """Add another edge's numbers, but not its durations: those are merged when a percentile is asked for."""
        self.flows += more.flows
        self.failed += more.failed
        self.denied += more.denied
        self.bytes_sent += more.bytes_sent
        self.bytes_recv += more.bytes_recv
        self.last = max(self.last, more.last)
        if more.last_error_at > self.last_error_at:
            self.last_error_at, self.last_error = more.last_error_at, more.last_error


def _rounded(durations: Mapping[int, int]) -> Counter[int]:
    rounded: Counter[int] = Counter()
    for duration, often in durations.items():
        rounded[round_duration(duration)] += often
    return rounded


def percentile(durations: Mapping[int, int], share: float) -> float | None:
    """Give the smallest value that at least `share` of all are not above; None of nothing."""
    total = sum(durations.values())
    if not total:
        return None
    reached, wanted = 0, share * total
    for value in sorted(durations):
        reached += durations[value]
        if reached >= wanted:
            return float(value)
    return float(max(durations))


class EdgeRow:
    """One edge: its keys, and what its connections add up to. `failed` includes `denied`; drained are neither.

    Percentiles are found when asked for: merging durations costs more than all the sums together.
    """

    __slots__ = ("_durations", "_parts", "_total", "failed_per_s", "is_other", "keys", "rate_per_s", "trend")

    def __init__(self, keys: dict[str, str | None], parts: list[Sums], span_s: float, trend: tuple[float, ...]) -> None:
        total = Sums()
        for part in parts:
            total.merge(part)
        self.keys = keys
        self._total = total
        self._parts = parts
        self._durations: Counter[int] | None = None
        self.is_other = False
        """Whether it stands for edges that were forgotten because there were too many."""
        self.rate_per_s = total.flows / span_s
        self.failed_per_s = total.failed / span_s
        self.trend = trend
        """Connections per second in each of the last ten seconds, oldest first."""

    @property
    def flows(self) -> int:
        """Connections (entries, where direction was asked for)."""
        return self._total.flows

    @property
    def failed(self) -> int:
        """Connections that failed or were denied."""
        return self._total.failed

    @property
    def denied(self) -> int:
        """Connections that a policy refused."""
        return self._total.denied

    @property
    def bytes_sent(self) -> int:
        """Client → server."""
        return self._total.bytes_sent

    @property
    def bytes_recv(self) -> int:
        """Server → client."""
        return self._total.bytes_recv

    @property
    def last_seen(self) -> float | None:
        """Unix seconds: when the latest was logged."""
        return logged_at(self._total.last)

    @property
    def last_error(self) -> str | None:
        """The latest error's text, as logged."""
        return self._total.last_error

    @property
    def durations_ms(self) -> Mapping[int, int]:
        """Duration → how often."""
        if self._durations is None:
            merged: Counter[int] = Counter()
            for part in self._parts:
                merged.update(part.durations)
            self._durations = merged
        return self._durations

    @property
    def p50(self) -> float | None:
        """Median duration in milliseconds; None where no entry carried one."""
        return percentile(self.durations_ms, 0.50)

    @property
    def p99(self) -> float | None:
        """99th percentile of the durations in milliseconds."""
        return percentile(self.durations_ms, 0.99)

    def __repr__(self) -> str:
        return f"EdgeRow({self.keys}, flows={self.flows}, failed={self.failed})"


class _Kind:
    """What a question makes of one shape: its group, and how its entries add up."""

    __slots__ = ("error", "group", "has_durations", "is_denied", "is_failed", "is_flipped")

    def __init__(self, shape: Shape, group: Group) -> None:
        verdict = shape.verdict
        self.group = group
        self.is_flipped = shape.direction == Direction.INBOUND
        self.is_denied = verdict == Verdict.DENIED
        self.is_failed = self.is_denied or verdict == Verdict.FAILED
        self.has_durations = bool(_overlap(shape.measures, _DURATION))
        self.error = shape.error


class _Question:
    """Keys and filter, with the sums of every closed bucket as far as they were needed."""

    def __init__(
        self,
        by: tuple[str, ...],
        where: FlowFilter | None,
        lookup: Lookup,
        capture: Capture,
        *,
        as_they_are: bool = False,
    ) -> None:
        self.by = by
        self._getters = [BY_KEYS[key] for key in by]
        self._lookup = lookup
        self._capture = capture
        self._judge = where.judge(lookup) if where is not None else None
        self._judges_other = where is None or where.keys <= _OTHER_KNOWS
        self._as_they_are = as_they_are or "direction" in by or (where is not None and "dir" in where.keys)
        self._kinds: dict[Shape, _Kind | None] = {}
        self.closed: dict[int, tuple[int, dict[Group, Sums]]] = {}
        """Bucket → the number of parts it had, and its sums."""
        self.past: tuple[int, dict[Group, Sums]] = (-1, {})

    def kind(self, shape: Shape) -> _Kind | None:
        """How a shape adds up; None where it does not count or is filtered out."""
        if not self._counts(shape) or (self._judge is not None and not self._judge(shape)):
            return None
        group = tuple(getter(shape, self._lookup) or None for getter in self._getters)
        if not is_other(shape):
            return _Kind(shape, group)
        if not self._judges_other:
            return None
        known = (None if key in _OTHER_FORGOT else value for key, value in zip(self.by, group, strict=True))
        return _Kind(shape, (*known, "other"))

    def _counts(self, shape: Shape) -> bool:
        if self._as_they_are:
            return not shape.is_opened and shape.message != OPENED
        return self._capture.is_counted(shape)

    def sums(self, shares: Iterable[Share]) -> dict[Group, Sums]:
        """Give sums per group of what one bucket knows."""
        kinds, groups = self._kinds, dict[Group, Sums]()
        for shape, entries, sent, recv, time, durations, weight in shares:
            try:
                kind = kinds[shape]
            except KeyError:
                kind = kinds[shape] = self.kind(shape)
            if kind is None:
                continue
            sums = groups.get(kind.group)
            if sums is None:
                sums = groups[kind.group] = Sums()
            sums.flows += entries
            if kind.is_flipped:
                sums.bytes_sent += recv
                sums.bytes_recv += sent
            else:
                sums.bytes_sent += sent
                sums.bytes_recv += recv
            sums.last = max(sums.last, time)
            if kind.is_failed:
                sums.add_failed(entries, kind, time)
            if kind.has_durations:
                sums.add_durations(durations, weight)
        return groups

    def forget_shapes(self, limit: int) -> None:
        """Keep the memory of shapes bounded."""
        if len(self._kinds) > limit:
            self._kinds.clear()

    def forget_buckets(self, alive: Collection[int]) -> None:
        """Let go of buckets that are gone."""
        for bucket in self.closed.keys() - alive:
            del self.closed[bucket]


class EdgeStore:
    """Counts every entry and answers questions about edges; see Rates for its bounds."""

    def __init__(
        self,
        lookup: Lookup,
        capture: Capture,
        *,
        max_buckets: int = 360,
        max_shapes: int = 65_536,
        max_cells: int = 400_000,
        is_timed: bool = True,
    ) -> None:
        self._lookup = lookup
        self.capture = capture
        self.rates = Rates(
            is_counted=capture.is_counted,
            max_buckets=max_buckets,
            max_shapes=max_shapes,
            max_cells=max_cells,
            is_timed=is_timed,
        )
        self.sources = SourceNotes()
        self._questions: dict[tuple[object, ...], _Question] = {}
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
        growing = {bucket: question.sums(self.rates.open_shares(bucket)) for bucket in self.rates.open_buckets()}
        groups = self._gather(question, span, growing)
        trends = self._trends(question, span, growing)
        length = span.length_s
        rows = []
        for group, parts in groups.items():
            row = EdgeRow(dict(zip(by, group, strict=False)), parts, length, tuple(trends.get(group, ())))
            row.is_other = len(group) > len(by)
            rows.append(row)
        rows.sort(key=lambda row: -row.flows)
        return rows

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
        question = _Question(
            by, None, self._lookup, self.capture, as_they_are=where is not None and "dir" in where.keys
        )
        first = "" if window_s is None else _written(end - window_s)
        extent: list[str] = []
        groups = question.sums(
            self._share_of(entry, extent)
            for entry in entries
            if entry.time >= first and (where is None or where.matches(entry, self._lookup, now=end))
        )
        length = max(_length_s(extent) if window_s is None else window_s, BUCKET_S)
        rows = [EdgeRow(dict(zip(by, group, strict=False)), [sums], length, ()) for group, sums in groups.items()]
        rows.sort(key=lambda row: -row.flows)
        return rows

    def _share_of(self, entry: AccessLogEntry, extent: list[str]) -> Share:
        """Give what one entry adds, and widen the first and last time by it."""
        time = entry.time
        extent[:] = (min(extent[0], time), max(extent[1], time)) if extent else (time, time)
        durations = (entry.duration_ms,) if entry.duration_ms is not None else ()
        shape = self.sources.note(entry.shape, entry.src_addr)
        return shape, 1, entry.bytes_sent or 0, entry.bytes_recv or 0, time.encode(), durations, 1.0

    def learn(self) -> None:
        """Take note of what new entries prove about capture."""
        if self._learned_version != self.rates.version:
            self._learned_version = self.rates.version
            self.capture.learn(self.rates.shapes())

    def _question(self, by: tuple[str, ...], where: FlowFilter | None) -> _Question:
        self.learn()
        key = (by, where.text if where is not None else None, self._lookup.version, self.capture.version)
        question = self._questions.pop(key, None)
        if question is None:
            question = _Question(by, where, self._lookup, self.capture)
            for old in [k for k in self._questions if k[2:] != key[2:]]:
                del self._questions[old]
            while len(self._questions) >= _QUESTIONS:
                del self._questions[next(iter(self._questions))]
        self._questions[key] = question
        question.forget_shapes(4 * self.rates.max_shapes)
        return question

    def _closed(self, question: _Question, bucket: int) -> dict[Group, Sums]:
        parts = self.rates.closed_parts(bucket)
        known = question.closed.get(bucket)
        if known is None or known[0] != parts:
            known = question.closed[bucket] = (parts, question.sums(self.rates.closed_shares(bucket)))
        return known[1]

    def _gather(self, question: _Question, span: _Span, growing: _Growing) -> dict[Group, list[Sums]]:
        groups: dict[Group, list[Sums]] = {}
        for sums in self._parts(question, span, growing):
            for group, part in sums.items():
                groups.setdefault(group, []).append(part)
        return groups

    def _parts(self, question: _Question, span: _Span, growing: _Growing) -> Iterator[dict[Group, Sums]]:
        if span.with_past:
            if question.past[0] != self.rates.past_version:
                question.past = (self.rates.past_version, question.sums(self.rates.past_shares()))
            yield question.past[1]
        closed = self.rates.closed_buckets()
        question.forget_buckets(closed)
        for bucket in closed:
            if span.covers(bucket):
                yield self._closed(question, bucket)
        for bucket, sums in growing.items():
            if span.covers(bucket):
                yield sums

    def _span(self, window_s: float | None, now: float | None) -> _Span:
        newest = self.rates.newest_bucket
        end = (newest + 1) * BUCKET_S if now is None else now
        if window_s is None:
            oldest = self.rates.oldest_bucket
            start = (newest if oldest is None else oldest) * BUCKET_S
            return _Span(first=None, last=newest, length_s=max(end - start, BUCKET_S), with_past=True)
        last = int(end) // BUCKET_S if now is not None else newest
        first = last - max(round(window_s / BUCKET_S), 1) + (now is None)
        oldest = self.rates.oldest_bucket
        with_past = oldest is not None and oldest >= first
        if not with_past:  # the past cannot be divided: what is asked beyond the buckets is neither counted nor timed
            first = max(first, min(self.rates.kept_from, last))
        return _Span(first=first, last=last, length_s=max(end - first * BUCKET_S, 1.0), with_past=with_past)

    def _trends(self, question: _Question, span: _Span, growing: _Growing) -> dict[Group, list[float]]:
        """Give connections per second of each group in the last ten-second buckets, oldest first."""
        trends: dict[Group, list[float]] = {}
        first = span.last - TREND_BUCKETS + 1
        for bucket in set(self.rates.closed_buckets()) | growing.keys():
            if not first <= bucket <= span.last:
                continue
            parts = [self._closed(question, bucket)]
            if bucket in growing:
                parts.append(growing[bucket])
            for groups in parts:
                for group, sums in groups.items():
                    trends.setdefault(group, [0.0] * TREND_BUCKETS)[bucket - first] += sums.flows / BUCKET_S
        return trends


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Which buckets a question covers, and how many seconds that is."""

    first: int | None
    last: int
    length_s: float
    with_past: bool

    def covers(self, bucket: int) -> bool:
        return (self.first is None or self.first <= bucket) and (bucket <= self.last or self.with_past)


def _written(at: float) -> str:
    """Write a moment as logs do, to the second: what is logged later is a greater text."""
    return datetime.fromtimestamp(max(at, 0.0), tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _length_s(extent: Sequence[str]) -> float:
    first, last = (logged_at(time) for time in extent) if extent else (None, None)
    return 0.0 if first is None or last is None else last - first
