"""Ten seconds of counts, packed into arrays, and sums of all that is older: what counts take once they stand still."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from ztui.model.flow import Shape

_TEN_SECONDS = len("2026-01-31T09:08:0")
KEPT_DURATIONS = 256
"""Durations kept of one shape in one closed bucket: beyond it evenly spaced quantiles stand for all."""
_GOLDEN = 0.618_033_988_749_895  # its multiples, without their whole part, are spread evenly

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


def thin(durations: list[int]) -> list[int]:
    """Give at most 256 durations that have the same quantiles."""
    count = len(durations)
    if count <= KEPT_DURATIONS:
        return durations
    ordered = sorted(durations)
    return [ordered[(2 * i + 1) * count // (2 * KEPT_DURATIONS)] for i in range(KEPT_DURATIONS)]


def _resampled(*parts: tuple[Sequence[int], int]) -> list[int]:
    """Choose 256 durations with the quantiles of several lists together, each of which stands for so many entries.

    Where the first quantile lies differs from time to time: always in the middle of its step, a few slow connections
    among many would be left out each time, and never be seen.
    """
    weighted = sorted((value, entries / len(values)) for values, entries in parts for value in values)
    total = sum(entries for _, entries in parts)
    offset = (total * _GOLDEN) % 1
    chosen: list[int] = []
    reached = 0.0
    for value, weight in weighted:
        reached += weight * KEPT_DURATIONS / total
        while len(chosen) + offset < reached and len(chosen) < KEPT_DURATIONS:
            chosen.append(value)
    return chosen


class Segment:
    """A closed bucket, or a part of one, packed: about 45 bytes a shape."""

    __slots__ = ("_since", "durations", "entries", "recv", "sent", "shapes", "times")

    def __init__(self, cells: Cells) -> None:
        rows = cells.values()
        self.shapes = list(cells)
        self.entries = _packed("HI", [len(cell) - 3 for cell in rows])
        self.sent = _packed("IQ", [cell[0] for cell in rows])
        self.recv = _packed("IQ", [cell[1] for cell in rows])
        times = [cell[2] for cell in rows]
        first = times[0][:_TEN_SECONDS]
        # Mostly all of them are of the same ten seconds: what is kept of a time is then eight bytes.
        self._since = first if all(time.startswith(first) for time in times) else b""
        self.times = b"\n".join([time[len(self._since) :] for time in times])
        durations: list[int] = []
        for cell in rows:
            if len(cell) == 4:  # most shapes of a large mesh occur once in ten seconds
                durations.append(cell[3])
            else:
                durations += thin(cell[3:])
        self.durations = _packed("HI", durations)

    def shares(self) -> Iterator[Share]:
        """Give what it knows of each shape."""
        start, durations, since = 0, self.durations, self._since
        for shape, entries, sent, recv, time in zip(
            self.shapes, self.entries, self.sent, self.recv, self.times.split(b"\n"), strict=True
        ):
            if entries <= KEPT_DURATIONS:
                yield shape, entries, sent, recv, since + time, durations[start : start + entries], 1.0
                start += entries
            else:
                kept = durations[start : start + KEPT_DURATIONS]
                yield shape, entries, sent, recv, since + time, kept, entries / KEPT_DURATIONS
                start += KEPT_DURATIONS


class Sum:
    """All of one shape's entries that are older than the buckets."""

    __slots__ = ("durations", "entries", "recv", "sent", "time")

    def __init__(self) -> None:
        self.entries = self.sent = self.recv = 0
        self.time = b""
        self.durations: list[int] = []

    def add(self, entries: int, sent: int, recv: int, time: bytes, durations: Sequence[int]) -> None:
        """Add entries: their number and bytes, the time of the latest, and durations that stand for all of them."""
        if self.entries * len(durations) == entries * len(self.durations):  # each stands for equally many
            self.durations += durations
            if len(self.durations) > 2 * KEPT_DURATIONS:
                self.durations = thin(self.durations)
        else:
            self.durations = _resampled((self.durations, self.entries), (durations, entries))
        self.entries += entries
        self.sent += sent
        self.recv += recv
        self.time = max(self.time, time)
