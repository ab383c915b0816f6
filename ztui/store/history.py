"""What was counted and stands still: packed buckets of ten seconds, and one sum per shape of all that is older.

A bucket older than an hour is added to the past, where a shape has one sum. A past with too many shapes folds the idle
ones into *other*, which keeps the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ztui.model.flow import Shape
from ztui.store.others import is_other, other_shape
from ztui.store.segments import Cells, Segment, Share, Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is remembered of what was counted: buckets of ten seconds, cells (packed shapes) in all of them
    together, and shapes of the time before them.
    """

    max_buckets: int = 360
    max_cells: int = 400_000
    max_shapes: int = 65_536


USUAL = Bounds()


class History:
    """Buckets that lines no longer reach, by number, and the past before them.

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
        self.kept_from = 0
        """Number of the first ten seconds of which nothing has been added to the past."""
        self._newest = 0
        self._packed = 0
        self._cells = 0
        self._closed: dict[int, list[Segment]] = {}
        self._past: dict[Shape, bytes] = {}
        """Sums, packed: a mesh that rolls out has ever more shapes that are only remembered."""
        self._others: dict[tuple[object, ...], Shape] = {}

    # -- growing old

    def add(self, bucket: int, cells: Cells) -> None:
        """Pack what was counted in a bucket; it may have parts already."""
        if not cells:
            return
        self.version += 1
        self._packed += 1
        self._closed.setdefault(bucket, []).append(Segment(cells, self._packed))
        self._cells += len(cells)
        if bucket <= self._newest - self._bounds.max_buckets:
            self._retire(bucket)
        while self._cells > self._bounds.max_cells and len(self._closed) > 1:
            self._retire(min(self._closed))

    def age(self, newest: int) -> None:
        """Note the latest ten seconds anything was logged in."""
        self._newest = newest
        for old in [one for one in self._closed if one <= newest - self._bounds.max_buckets]:
            self._retire(old)

    def _retire(self, bucket: int) -> None:
        """Add a bucket to the past."""
        self.version += 1
        self.kept_from = max(self.kept_from, bucket + 1)
        past = self._past
        for segment in self._closed.pop(bucket):
            self.retired += 1
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
