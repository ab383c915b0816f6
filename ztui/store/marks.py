"""Marks: named points in time, set by the user or by something that happened."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ztui.model.observation import MarkSet


class Marks:
    """The newest `max_marks` marks, in the order of time."""

    def __init__(self, *, max_marks: int = 1_000) -> None:
        self.max_marks = max_marks
        self._marks: list[MarkSet] = []

    def add(self, mark: MarkSet) -> None:
        """Keep a mark, at the price of the oldest."""
        insort(self._marks, mark, key=lambda one: one.at)
        del self._marks[: -self.max_marks]

    def __iter__(self) -> Iterator[MarkSet]:
        return iter(self._marks)

    def __len__(self) -> int:
        return len(self._marks)

    @property
    def latest(self) -> MarkSet | None:
        """The newest mark in time."""
        return self._marks[-1] if self._marks else None

    def between(self, first: float, last: float) -> list[MarkSet]:
        """Give marks of [first, last], oldest first."""
        return [mark for mark in self._marks if first <= mark.at <= last]
