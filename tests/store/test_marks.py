"""Marks: named points in time."""

from __future__ import annotations

from ztui.model.observation import MarkSet
from ztui.store.marks import Marks


def test_marks_stand_in_the_order_of_time_and_the_oldest_go() -> None:
    marks = Marks(max_marks=3)
    assert list(marks) == []
    for at in (5, 1, 9, 3):
        marks.add(MarkSet(name=f"at {at}", at=at))
    assert [mark.at for mark in marks] == [3, 5, 9]
    assert len(marks) == 3
    assert marks.latest == MarkSet(name="at 9", at=9)
    assert [mark.at for mark in marks.between(3, 5)] == [3, 5]
    assert marks.between(10, 20) == []
