"""Ten seconds of counts, packed into arrays, and sums of all that is older: what counts take once they stand still."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from marshal import dumps, loads
from typing import Any, NamedTuple

from ztui.model.flow import Shape

KEPT_DURATIONS = 256
"""Durations kept of one shape in one closed bucket: beyond it evenly spaced quantiles stand for all."""
_KEPT_OF_JOINED = 64
"""The same where several buckets have been joined to one."""
_KEPT_OF_PAST = 128
"""The same of one shape in all the time before the buckets."""
_GOLDEN = 0.618_033_988_749_895  # its multiples, without their whole part, are spread evenly

_TEN_SECONDS = len("2026-01-31T09:08:0")

Cells = dict[Shape, list[Any]]
"""Of one open bucket: shape → [sent, recv, time of the latest, duration, duration, …]: one duration per entry, 0 where
the line had none (then the shape's measures say so)."""

Share = tuple[Shape, int, int, int, bytes, Sequence[int], float]
"""What one bucket (or the past) knows about one shape, plain because there are many: shape, entries, bytes sent and
received, time of the latest as written, durations in ms, and how many entries one of these durations stands for."""


def _packed(codes: str, numbers: list[int]) -> Sequence[int]:
    """Pack numbers into the first of these kinds of array that has room for all of them."""
    for code in codes:
        try:
            return array(code, numbers)
        except OverflowError:
            continue
    return numbers


def thin(durations: list[int], kept: int = KEPT_DURATIONS) -> list[int]:
    """Give at most `kept` durations that have the same quantiles."""
    count = len(durations)
    if count <= kept:
        return durations
    ordered = sorted(durations)
    return [ordered[(2 * i + 1) * count // (2 * kept)] for i in range(kept)]


def _resampled(kept: int, *parts: tuple[Sequence[int], int]) -> list[int]:
    """Choose `kept` durations with the quantiles of several lists together, each of which stands for so many entries.

    Where the first quantile lies differs from time to time: always in the middle of its step, a few slow connections
    among many would be left out each time, and never be seen.
    """
    weighted = sorted((value, entries / len(values)) for values, entries in parts for value in values)
    total = sum(entries for _, entries in parts)
    offset = (total * _GOLDEN) % 1
    chosen: list[int] = []
    reached = 0.0
    for value, weight in weighted:
        reached += weight * kept / total
        while len(chosen) + offset < reached and len(chosen) < kept:
            chosen.append(value)
    return chosen + [weighted[-1][0]] * (kept - len(chosen))  # what rounding has left out


class Spread:
    """Durations of ever more entries: as they came while they are few, then evenly spaced quantiles of all.

    What came last is kept as it is until there is enough of it: to choose anew for each would take longer.
    """

    __slots__ = ("_entries", "_kept", "_latest", "_quantiles")

    def __init__(self, kept: int = KEPT_DURATIONS) -> None:
        self._kept = kept
        self._entries = 0
        self._quantiles: Sequence[int] = ()
        self._latest: Sequence[int] = ()

    def add(self, durations: Sequence[int], entries: int) -> None:
        """Add durations that stand for so many entries, each for equally many."""
        if not durations:
            return
        if entries != len(durations):
            self._choose((durations, entries))
            return
        self._latest = _packed("HI", [*self._latest, *durations])
        if len(self._latest) > self._kept:
            latest, self._latest = self._latest, ()
            self._choose((latest, len(latest)))

    def _choose(self, more: tuple[Sequence[int], int]) -> None:
        durations, entries = more
        if self._entries or self._latest:
            parts = ((self._quantiles, self._entries), (self._latest, len(self._latest)), more)
            self._quantiles = _packed("HI", _resampled(self._kept, *(part for part in parts if part[1])))
        else:
            self._quantiles = _packed("HI", thin(list(durations), self._kept))
        self._entries += len(self._latest) + entries
        self._latest = ()

    def parts(self) -> Iterator[tuple[Sequence[int], float]]:
        """Give the durations, and how many entries each of them stands for."""
        if self._quantiles:
            yield self._quantiles, self._entries / len(self._quantiles)
        if self._latest:
            yield self._latest, 1.0

    def state(self) -> tuple[int, str, bytes, str, bytes]:
        """Give all it knows as plain values: entries of the quantiles, then both lists with their kind of number."""
        return (self._entries, *_plain(self._quantiles), *_plain(self._latest))

    @classmethod
    def of(cls, kept: int, entries: int, kind: str, quantiles: bytes, latest_kind: str, latest: bytes) -> Spread:
        """Make one of what `state` gave."""
        spread = cls(kept)
        spread._entries = entries
        spread._quantiles = array(kind, quantiles)
        spread._latest = array(latest_kind, latest)
        return spread


def _plain(numbers: Sequence[int]) -> tuple[str, bytes]:
    numbers = numbers if isinstance(numbers, array) else array("Q", numbers)
    return numbers.typecode, numbers.tobytes()


class Columns(NamedTuple):
    """What is known of some shapes. Each has a duration per entry, or evenly spaced quantiles of very many."""

    shapes: list[Shape]
    entries: list[int]
    sent: list[int]
    recv: list[int]
    times: list[bytes]
    """As written, of the latest entry of each."""
    durations: list[int]


class Segment:
    """A closed bucket, a part of one, or several joined to one, packed: about 45 bytes a shape.

    `numbers` tell it from all others: its own, or those of all that were joined.
    """

    __slots__ = ("_kept", "_since", "durations", "entries", "numbers", "recv", "sent", "shapes", "times")

    def __init__(self, known: Columns, numbers: frozenset[int], kept: int) -> None:
        self.numbers = numbers
        self._kept = kept
        self.shapes = known.shapes
        self.entries = _packed("HI", known.entries)
        self.sent = _packed("IQ", known.sent)
        self.recv = _packed("IQ", known.recv)
        # What the least and the greatest begin with, all of them begin with: it is kept once.
        least, greatest, begin = min(known.times), max(known.times), _TEN_SECONDS
        while least[:begin] != greatest[:begin]:
            begin -= 1
        self._since = least[:begin]
        self.times = b"\n".join([time[begin:] for time in known.times])
        self.durations = _packed("HI", known.durations)

    @classmethod
    def of_cells(cls, cells: Cells, number: int) -> Segment:
        """Pack a bucket that lines no longer reach."""
        rows = cells.values()
        durations: list[int] = []
        for cell in rows:
            if len(cell) == 4:  # most shapes of a large mesh occur once in ten seconds
                durations.append(cell[3])
            else:
                durations += thin(cell[3:])
        known = Columns(
            shapes=list(cells),
            entries=[len(cell) - 3 for cell in rows],
            sent=[cell[0] for cell in rows],
            recv=[cell[1] for cell in rows],
            times=[cell[2] for cell in rows],
            durations=durations,
        )
        return cls(known, frozenset((number,)), KEPT_DURATIONS)

    def shares(self) -> Iterator[Share]:
        """Give what it knows of each shape."""
        start, durations, since, most = 0, self.durations, self._since, self._kept
        for shape, entries, sent, recv, time in zip(
            self.shapes, self.entries, self.sent, self.recv, self.times.split(b"\n"), strict=True
        ):
            if entries <= most:
                yield shape, entries, sent, recv, since + time, durations[start : start + entries], 1.0
                start += entries
            else:
                yield shape, entries, sent, recv, since + time, durations[start : start + most], entries / most
                start += most


class Joining:
    """Makes one segment of several, a little at a time: to do it at once would hold a screen for 50 ms."""

    def __init__(self, parts: Sequence[Segment]) -> None:
        self.parts = parts
        self._known: dict[Shape, list[Share]] = {}
        self._joined = Columns([], [], [], [], [], [])
        self._to_read = chain.from_iterable(part.shares() for part in parts)
        self._to_join: Iterator[list[Share]] | None = None

    def step(self, most: int) -> Segment | None:
        """Go on with so many shapes; gives the segment at the end."""
        if self._to_join is None:
            read = 0
            for share in islice(self._to_read, most):
                self._known.setdefault(share[0], []).append(share)
                read += 1
            if read < most:
                self._to_join = iter(self._known.values())
            return None
        known = self._joined
        for shares in self._to_join:
            shape, entries, sent, recv, time, durations, _ = _joined(shares)
            known.shapes.append(shape)
            known.entries.append(entries)
            known.sent.append(sent)
            known.recv.append(recv)
            known.times.append(time)
            known.durations.extend(durations)
            most -= 1 + len(durations) // 8  # many of them are sorted and chosen from
            if most <= 0:
                break
        if len(known.shapes) < len(self._known):
            return None
        numbers = frozenset[int]().union(*(part.numbers for part in self.parts))
        return Segment(known, numbers, _KEPT_OF_JOINED)


def _joined(shares: Sequence[Share]) -> Share:
    """Add up what several buckets know of one shape."""
    shape, entries, sent, recv, time, durations, _ = shares[0]
    if len(shares) == 1 and len(durations) <= _KEPT_OF_JOINED:
        return shares[0]
    for share in shares[1:]:
        entries += share[1]
        sent += share[2]
        recv += share[3]
        time = max(time, share[4])
    if entries <= KEPT_DURATIONS and all(share[6] == 1.0 for share in shares):
        durations = thin([duration for share in shares for duration in share[5]], _KEPT_OF_JOINED)
    else:
        durations = _resampled(_KEPT_OF_JOINED, *((share[5], share[1]) for share in shares))
    return shape, entries, sent, recv, time, durations, entries / len(durations)


class Sum:
    """All of one shape's entries that are older than the buckets."""

    __slots__ = ("_durations", "entries", "recv", "sent", "time")

    def __init__(self) -> None:
        self.entries = self.sent = self.recv = 0
        self.time = b""
        self._durations = Spread(_KEPT_OF_PAST)

    def add(self, entries: int, sent: int, recv: int, time: bytes, durations: Sequence[int]) -> None:
        """Add entries: their number and bytes, the time of the latest, and durations that stand for all of them."""
        self._durations.add(durations, entries)
        self.entries += entries
        self.sent += sent
        self.recv += recv
        self.time = max(self.time, time)

    def packed(self) -> bytes:
        """Give it as one run of bytes: a third of what it takes as objects."""
        return dumps((self.entries, self.sent, self.recv, self.time, *self._durations.state()))

    @classmethod
    def unpacked(cls, data: bytes) -> Sum:
        """Make one of what `packed` gave."""
        total = cls()
        total.entries, total.sent, total.recv, total.time, *durations = loads(data)  # noqa: S302  nobody else's bytes
        total._durations = Spread.of(_KEPT_OF_PAST, *durations)
        return total

    def add_all(self, other: Sum) -> None:
        """Add all of another shape's."""
        self.add(other.entries, other.sent, other.recv, other.time, ())
        for durations, weight in other._durations.parts():
            self._durations.add(durations, round(weight * len(durations)))

    def shares(self, shape: Shape) -> Iterator[Share]:
        """Give what it knows; durations that stand for different numbers of entries come apart."""
        parts = list(self._durations.parts()) or [((), 1.0)]
        yield shape, self.entries, self.sent, self.recv, self.time, *parts[0]
        for durations, weight in parts[1:]:
            yield shape, 0, 0, 0, self.time, durations, weight
