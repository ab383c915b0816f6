"""One question about edges (keys, filter), and the sums that are kept to answer it again four times a second.

A closed bucket is summed once. To the sums of a bucket that still grows only what is new is added. What was handed out
is never changed: sums that grow are copied first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ztui.model.fields import BY_KEYS, Lookup
from ztui.model.flow import Direction, Measures, Origin, Shape, Verdict
from ztui.store.capture import Doubts
from ztui.store.edgesums import Sums
from ztui.store.others import OPENED, is_other
from ztui.store.segments import Share
from ztui.store.settled import PAST, Kept

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.store.capture import Capture, Name
    from ztui.store.edgesums import EdgeRow
    from ztui.store.rates import Rates
    from ztui.store.segments import Cells

Group = tuple[str | None, ...]
Groups = dict[Group, Sums]
_OTHER_KNOWS = frozenset({"dir", "security", "verdict", "node", "ztunnel"})
"""Filter keys that can still be asked of edges that were forgotten; any other would be guessed."""
_OTHER_FORGOT = frozenset({"error", "response_flag"})
"""Keys of `--by` that the shape of forgotten edges would answer with a text of its own."""
_overlap, _DURATION, _ALL = int.__and__, Measures.DURATION.value, Measures.ALL.value  # a flag's operator takes 2 µs


class Manner:
    """How entries add up, by what their shapes say of level, message, direction, error and measures."""

    __slots__ = ("error", "has_durations", "is_denied", "is_failed", "is_flipped", "is_unread")

    def __init__(self, shape: Shape) -> None:
        verdict = shape.verdict
        self.is_flipped = shape.direction == Direction.INBOUND
        self.is_denied = verdict == Verdict.DENIED
        self.is_failed = self.is_denied or verdict == Verdict.FAILED
        self.has_durations = bool(_overlap(shape.measures, _DURATION))
        self.is_unread = shape.is_unread
        self.error = shape.error

    def add(
        self, sums: Sums, entries: int, sent: int, recv: int, time: bytes, durations: Sequence[int], weight: float
    ) -> None:
        """Add entries to the sums of their group."""
        sums.flows += entries
        if self.is_flipped:
            sums.bytes_sent += recv
            sums.bytes_recv += sent
        else:
            sums.bytes_sent += sent
            sums.bytes_recv += recv
        sums.last = max(sums.last, time)
        if self.is_failed:
            sums.add_failed(entries, time, self.error, is_denied=self.is_denied)
        if self.has_durations:
            sums.add_durations(durations, weight)
        if self.is_unread:
            sums.unread += entries


class Kind:
    """What a question makes of shapes that are alike to it: their group, and how their entries add up."""

    __slots__ = ("first", "group", "manner", "sources")

    def __init__(self, group: Group, manner: Manner, sources: tuple[Name, ...]) -> None:
        self.group = group
        self.manner = manner
        self.sources = sources
        """Whose capture would take their entries out of the count."""
        self.first: int | None = None
        """The first bucket they were counted in."""


class Growing:
    """Running sums of one bucket that is still open."""

    __slots__ = ("_grown", "bucket", "cells", "groups")

    def __init__(self, bucket: int, cells: Cells) -> None:
        self.bucket = bucket
        self.cells = cells
        """Where the bucket is kept: tells it from another of the same ten seconds, opened for late lines."""
        self.groups: Groups = {}
        self._grown: Groups = {}

    def add(self, news: Cells, kind_of: Callable[[Shape], Kind | None]) -> None:
        """Add what came to the bucket."""
        grown = self._grown
        for shape, cell in news.items():
            kind = kind_of(shape)
            if kind is None:
                continue
            sums = grown.get(kind.group)
            if sums is None:
                old = self.groups.get(kind.group)
                sums = grown[kind.group] = self.groups[kind.group] = Sums() if old is None else old.copied()
            if kind.first is None or self.bucket < kind.first:
                kind.first = self.bucket
            kind.manner.add(sums, len(cell) - 3, cell[0], cell[1], cell[2], cell[3:], 1.0)

    def take_grown(self) -> Groups:
        """Give the groups that grew since the last time."""
        grown, self._grown = self._grown, {}
        return grown


_UNKNOWN = Kind((), Manner(Shape(origin=Origin(key=""), level="", message="")), ())
"""Stands for the kind of a shape nobody asked for yet: None is one that does not count."""


class Question(Kept[Group, Sums, Growing]):
    """Keys and filter, with the sums of every bucket as far as they were needed."""

    def __init__(
        self,
        by: tuple[str, ...],
        where: FlowFilter | None,
        lookup: Lookup,
        capture: Capture,
        *,
        as_they_are: bool = False,
    ) -> None:
        super().__init__()
        self.by = by
        self._getters = [BY_KEYS[key] for key in by]
        self._lookup = lookup
        self._capture = capture
        self._judge = where.judge(lookup) if where is not None else None
        self._judges_other = where is None or where.keys <= _OTHER_KNOWS
        self._as_they_are = as_they_are or "direction" in by or (where is not None and "dir" in where.keys)
        self._kinds: dict[Shape, Kind | None] = {}
        self._kind_of_group: dict[Group, Kind] = {}
        """Of the first shape of a group: most of the others are alike."""
        self._manners: dict[tuple[object, ...], Manner] = {}
        self._doubts = Doubts(capture)
        self.version = 0
        """Grows when sums that were kept are no longer true."""
        self.base: Base | None = None
        self.rows: dict[Group, EdgeRow] = {}
        self.rows_of: tuple[object, ...] = ()
        """What `rows` answered."""

    # -- what shapes stand for

    def kind_of(self, shape: Shape) -> Kind | None:
        """How a shape adds up; None where it does not count or is filtered out."""
        kind = self._kinds.get(shape, _UNKNOWN)
        if kind is _UNKNOWN:
            kind = self._kinds[shape] = self._kind(shape)
        return kind

    def _kind(self, shape: Shape) -> Kind | None:
        if not self._counts(shape) or (self._judge is not None and not self._judge(shape)):
            return None
        group = tuple([getter(shape, self._lookup) or None for getter in self._getters])
        if not is_other(shape):
            return self._shared(shape, group)
        if not self._judges_other:
            return None
        known = (None if key in _OTHER_FORGOT else value for key, value in zip(self.by, group, strict=True))
        return Kind((*known, "other"), self._manner(shape), ())

    def _counts(self, shape: Shape) -> bool:
        if self._as_they_are:
            return not shape.is_opened and shape.message != OPENED
        return self._capture.is_counted(shape)

    def _shared(self, shape: Shape, group: Group) -> Kind:
        """Give the kind of a shape, and note whose capture would take it out of the count."""
        sources = () if self._as_they_are else self._doubts.note(shape)
        manner = self._manner(shape)
        known = self._kind_of_group.get(group)
        if known is None:
            known = self._kind_of_group[group] = Kind(group, manner, sources)
        is_alike = known.manner is manner and known.sources == sources
        return known if is_alike else Kind(group, manner, sources)

    def _manner(self, shape: Shape) -> Manner:
        # A flag hashes in Python; the number it is does not.
        key = (shape.level, shape.message, shape.direction, shape.error, _overlap(shape.measures, _ALL))
        manner = self._manners.get(key)
        if manner is None:
            manner = self._manners[key] = Manner(shape)
        return manner

    def learn(self) -> None:
        """Take the shapes out of the count whose sources are known to be captured by now."""
        wrong: list[int] = []
        for shape in self._doubts.take_refuted():
            kind = self._kinds.get(shape)
            self._kinds[shape] = None
            if kind is not None:
                self._kind_of_group.pop(kind.group, None)
                wrong += () if kind.first is None else (kind.first,)
        if wrong:
            self.forget_since(min(wrong))

    def forget_since(self, first: int) -> None:
        """Let go of sums that are not true from this bucket on."""
        self.version += 1
        super().forget_since(first)

    def forget_shapes(self, limit: int) -> None:
        """Keep the memory of shapes bounded; sums that nobody could correct any more go with it."""
        if len(self._kinds) > limit:
            self._kinds.clear()
            self._kind_of_group.clear()
            self._manners.clear()
            self._doubts.clear()
            self.forget_since(PAST)

    # -- sums

    def add(self, news: Mapping[int, Cells]) -> None:
        """Add to the running sums what came to their buckets."""
        for bucket, cells in news.items():
            growing = self._growing.get(bucket)
            if growing is not None:
                growing.add(cells, self.kind_of)

    def rest(self) -> None:
        """Let go of running sums: whoever asks again counts anew."""
        self._growing.clear()
        self.unsettle()
        self.base, self.rows, self.rows_of = None, {}, ()

    def grow(self, rates: Rates) -> tuple[dict[int, Groups], dict[int, Groups]]:
        """Bring the sums of open buckets up to date: all of them, and those that something came to."""
        if not rates.is_timed:  # asked once, when all has been read: no sums to keep running
            groups = {bucket: self.sums(rates.open_shares(bucket), bucket) for bucket in rates.open_buckets()}
            return groups, groups
        known, self._growing = self._growing, {}
        grown: dict[int, Groups] = {}
        for bucket in rates.open_buckets():
            cells = rates.open_cells(bucket)
            growing = known.get(bucket)
            if growing is None or growing.cells is not cells:
                growing = Growing(bucket, cells)
                growing.add(cells, self.kind_of)
                self.version += 1
            self._growing[bucket] = growing
            grown[bucket] = growing.take_grown()
        return {bucket: growing.groups for bucket, growing in self._growing.items()}, grown

    total = staticmethod(Sums.settled)

    def sums(self, shares: Iterable[Share], bucket: int, length: int = 1) -> Groups:  # noqa: ARG002  a trend asks for it
        """Give sums per group of what one bucket knows."""
        kinds, groups = self._kinds, Groups()
        for shape, entries, sent, recv, time, durations, weight in shares:
            kind = kinds.get(shape, _UNKNOWN)
            if kind is _UNKNOWN:
                kind = kinds[shape] = self._kind(shape)
            if kind is None:
                continue
            sums = groups.get(kind.group)
            if sums is None:
                sums = groups[kind.group] = Sums()
            if kind.first is None or bucket < kind.first:
                kind.first = bucket
            kind.manner.add(sums, entries, sent, recv, time, durations, weight)
        return groups


class Base:
    """What one question adds up to in everything that does not grow any more."""

    __slots__ = ("asked", "totals", "trends")

    def __init__(self, asked: tuple[object, ...], parts: Iterable[Groups], trends: dict[Group, list[float]]) -> None:
        self.asked = asked
        gathered: dict[Group, list[Sums]] = {}
        for groups in parts:
            for group, sums in groups.items():
                gathered.setdefault(group, []).append(sums)
        self.totals = {group: sums[0] if len(sums) == 1 else Sums.of(sums) for group, sums in gathered.items()}
        self.trends = {group: tuple(trend) for group, trend in trends.items()}
