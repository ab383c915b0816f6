"""What was counted and stands still: packed buckets, and one sum per shape of all that is older.

Buckets are of ten seconds each. In a mesh with very many edges an hour of them would take 60 MB, so old ones are joined
there: the older a bucket is, the longer it may be. One older than an hour is added to the past, where a shape has one
sum. A past with too many shapes folds the idle ones into *other*, which keeps the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ztui.model.flow import Shape
from ztui.store.others import is_other, other_shape
from ztui.store.segments import Cells, Joining, Segment, Share, Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is remembered of what was counted. A cell is what one bucket knows of one shape."""

    max_buckets: int = 360
    """Ten seconds, an hour of them."""
    joined_cells: int = 150_000
    """More cells than this are made fewer by joining old buckets, as far as that leaves them short for their age."""
    max_cells: int = 400_000
    max_shapes: int = 65_536
    """Shapes in the past."""


USUAL = Bounds()
_APART = 12
"""Buckets at the end that are never joined: a trend shows them one by one."""
_JOINED_AT_ONCE = 400
"""Shapes."""
_LONGEST_FOR_AGE = 1 / 3
"""How long a joined bucket may be at most, as a part of its age: a window is off by up to half of that."""


class History:
    """Buckets that lines no longer reach, by the number of their first ten seconds, and the past before them.

    `is_counted` decides whether a shape that is about to be forgotten counts as a connection: eviction freezes that.
    """

    def __init__(self, bounds: Bounds, is_counted: Callable[[Shape], bool]) -> None:
        self._bounds = bounds
        self._is_counted = is_counted
        self.version = 0
        """Grows whenever anything changes."""
        self.retired = 0
        """Packed parts of buckets that have been added to the past."""
        self.folds = 0
        """How often idle shapes of the past were folded into *other*."""
        self._joining: tuple[int, int, Joining] | None = None
        """Two buckets, and what is to become of them."""
        self._tended = 0
        self.is_held = False
        """Whether nothing is joined for now, as somebody looks at a moment that has passed."""
        self.kept_from = 0
        """Number of the first ten seconds of which nothing has been added to the past."""
        self._newest = 0
        self._packed = 0
        self._cells = 0
        self._closed: dict[int, list[Segment]] = {}
        self._states: dict[int, int] = {}
        self._lengths: dict[int, int] = {}
        """Of joined buckets: how many times ten seconds they are long."""
        self._past: dict[Shape, bytes] = {}
        """Sums, packed: a mesh that rolls out has ever more shapes that are only remembered."""
        self._others: dict[tuple[object, ...], Shape] = {}

    # -- growing old

    def add(self, bucket: int, cells: Cells) -> None:
        """Pack what was counted in ten seconds; they may have parts already."""
        if not cells:
            return
        bucket = self._holding(bucket)
        self._packed += 1
        self._put(bucket, [*self.segments(bucket), Segment.of_cells(cells, self._packed)])
        self._cells += len(cells)
        if self.end(bucket) <= self._newest - self._bounds.max_buckets + 1:
            self._retire(bucket)
        while self._cells > self._bounds.max_cells and len(self._closed) > 1:
            self._retire(min(self._closed))

    def tend(self) -> None:
        """Go on with what is to be joined: about a millisecond's worth."""
        if self.is_held:
            self._joining = None
        elif self._joining is not None:
            self._go_on(*self._joining)
        elif self._cells > self._bounds.joined_cells and self._tended != self.version:
            self._tended = self.version
            self._joining = self._next_to_join()

    def _go_on(self, first: int, second: int, joining: Joining) -> None:
        segment = joining.step(_JOINED_AT_ONCE)
        if segment is None:
            return
        self._joining = None
        end = self.end(second)
        within = [bucket for bucket in self._closed if first <= bucket < end]
        found = [part for bucket in within for part in self._closed[bucket]]
        late = [part for part in found if part not in joining.parts]
        if len(found) != len(late) + len(joining.parts):
            return  # one of them has become part of the past meanwhile
        for bucket in within:
            self._take(bucket)
        self._lengths[first] = end - first
        self._cells += len(segment.shapes) - sum(len(part.shapes) for part in joining.parts)
        self._put(first, [segment, *late])

    def _put(self, bucket: int, parts: list[Segment]) -> None:
        self.version += 1
        self._states[bucket] = self.version
        self._closed[bucket] = parts

    def _next_to_join(self) -> tuple[int, int, Joining] | None:
        """Choose the two neighbours that are shortest together for their age, if they are short enough."""
        least = _LONGEST_FOR_AGE
        chosen: tuple[int, int] | None = None
        for first, second in pairwise(self.buckets()):
            end = self.end(second)
            age = self._newest + 1 - end
            if age < _APART:
                break
            if (end - first) / age < least:
                least, chosen = (end - first) / age, (first, second)
        return None if chosen is None else (*chosen, Joining([part for one in chosen for part in self._closed[one]]))

    def _take(self, bucket: int) -> list[Segment]:
        del self._states[bucket]
        self._lengths.pop(bucket, None)
        return self._closed.pop(bucket)

    def age(self, newest: int) -> None:
        """Note the latest ten seconds anything was logged in."""
        self._newest = newest
        for old in [one for one in self._closed if self.end(one) <= newest - self._bounds.max_buckets + 1]:
            self._retire(old)

    def _retire(self, bucket: int) -> None:
        """Add a bucket to the past."""
        self.version += 1
        self.kept_from = max(self.kept_from, self.end(bucket))
        past = self._past
        for segment in self._take(bucket):
            self.retired += len(segment.numbers)
            self._cells -= len(segment.shapes)
            for shape, entries, sent, recv, time, durations, _ in segment.shares():
                known = past.get(shape)
                total = Sum() if known is None else Sum.unpacked(known)
                total.add(entries, sent, recv, time, durations)
                past[shape] = total.packed()
        if len(past) > self._bounds.max_shapes:
            self._fold_idle()

    def _fold_idle(self) -> None:
        """Fold the quarter of shapes that has been idle longest into *other*."""
        self.folds += 1
        past = {shape: Sum.unpacked(data) for shape, data in self._past.items()}
        idle = sorted(past, key=lambda shape: past[shape].time)
        for shape in idle[: max(len(idle) // 4, len(idle) - self._bounds.max_shapes)]:
            if is_other(shape):
                continue
            total = past.pop(shape)
            past.setdefault(self._other(shape), Sum()).add_all(total)
        self._past = {shape: total.packed() for shape, total in past.items()}

    def _other(self, shape: Shape) -> Shape:
        """Give the shape that stands for all forgotten ones that are alike in who reports them and how they count."""
        verdict = shape.verdict
        is_counted = self._is_counted(shape)
        key = (shape.origin.key, shape.direction, verdict, shape.is_mtls, is_counted, shape.measures)
        other = self._others.get(key)
        if other is None:
            other = self._others[key] = other_shape(shape, verdict, is_counted=is_counted)
        return other

    # -- reading

    def buckets(self) -> list[int]:
        """Numbers of the buckets that are packed (a late line may still open one of them again)."""
        return sorted(self._closed)

    def end(self, bucket: int) -> int:
        """Give the number of the ten seconds that follow a bucket: a joined one has room for several."""
        return bucket + self._lengths.get(bucket, 1)

    def window(self, first: int, last: int) -> tuple[int, int]:
        """Give the first and the last ten seconds of whole buckets that come nearest to these."""
        begin, end = self._boundary(first), self._boundary(last + 1)
        if begin >= end:
            begin = self._holding(first)
            end = self.end(begin)
        return begin, end - 1

    def _boundary(self, ten_seconds: int) -> int:
        """Give where these ten seconds begin, or within a joined bucket the nearer of its ends."""
        first = self._holding(ten_seconds)
        end = self.end(first)
        return first if ten_seconds - first <= end - ten_seconds else end

    def _holding(self, ten_seconds: int) -> int:
        """Give the bucket these ten seconds belong to."""
        for first, length in self._lengths.items():
            if first <= ten_seconds < first + length:
                return first
        return ten_seconds

    def state(self, bucket: int) -> int:
        """Give a number that changes whenever a bucket does."""
        return self._states.get(bucket, 0)

    def segments(self, bucket: int) -> Sequence[Segment]:
        """Give the packed parts of a bucket."""
        return self._closed.get(bucket, ())

    def shares(self, bucket: int) -> Iterator[Share]:
        """Give what a bucket knows; a shape may come more than once."""
        for segment in self.segments(bucket):
            yield from segment.shares()

    def past_shares(self) -> Iterator[Share]:
        """Give what is known of the time before the buckets; a shape may come more than once."""
        for shape, data in self._past.items():
            yield from Sum.unpacked(data).shares(shape)

    def shapes(self) -> Iterator[Shape]:
        """Every shape that is remembered; one may come more than once."""
        for segments in self._closed.values():
            for segment in segments:
                yield from segment.shapes
        yield from self._past
