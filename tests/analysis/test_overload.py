"""When detail goes and when it comes back: a table of what is measured each second, and what becomes of it."""

from __future__ import annotations

import pytest

from ztui.analysis.overload import LATE_S, STEPS, WORTH_LINES_PER_S, Lateness, Overload
from ztui.model.observation import Detail

F, N, S, X = STEPS


@pytest.mark.parametrize(
    ("late", "steps"),
    [
        pytest.param([0.0] * 3, [F] * 3, id="well"),
        pytest.param([1.9] * 10, [F] * 10, id="a little late is no overload"),
        pytest.param([2.0, 2.0, 4.9, 4.9], [N] * 4, id="late"),
        pytest.param([6.0, 6.0, 6.0], [N, S, S], id="a step is given a second to help"),
        pytest.param([30.0] * 5, [N, S, X, X, X], id="far too late"),
        pytest.param([2.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], [N, N, N, N, N, N, F], id="back after five good seconds"),
        pytest.param([2.0] + [0.5] * 4 + [1.0] + [0.5] * 6, [N] * 11 + [F], id="a late second begins the five anew"),
        pytest.param([6.0, 6.0] + [0.0] * 11, [N] + [S] * 6 + [N] * 5 + [F], id="one step at a time, each as slowly"),
        pytest.param([2.0] + [1.5] * 20, [N] * 21, id="between the two nothing changes"),
        pytest.param([30.0] * 3 + [0.0] * 6 + [6.0], [N, S, X] + [X] * 5 + [S, S], id="skipping ends like any other"),
    ],
)
def test_steps(late: list[float], steps: list[Detail]) -> None:
    overload = Overload()
    assert [overload.see(late_s, float(second)) for second, late_s in enumerate(late)] == steps


def test_within_a_second_only_one_step_is_taken() -> None:
    overload = Overload()
    assert [overload.see(100.0, at) for at in (0.0, 0.3, 0.9, 1.0, 1.5, 2.0)] == [N, N, N, S, S, X]


def test_few_lines_are_never_left_out_however_late_they_are() -> None:
    overload = Overload()
    assert {overload.see(100.0, float(at), lines_per_s=WORTH_LINES_PER_S - 1) for at in range(20)} == {F}
    assert overload.see(100.0, 20.0, lines_per_s=WORTH_LINES_PER_S) is N
    seen = [overload.see(100.0, 21.0 + at, lines_per_s=5.0) for at in range(6)]
    assert seen == [N] * 5 + [F]


def test_each_step_is_later_than_the_one_before() -> None:
    assert list(LATE_S) == list(STEPS[:-1])
    assert sorted(LATE_S.values()) == list(LATE_S.values())


def test_the_past_that_a_stream_begins_with_is_not_late() -> None:
    lateness = Lateness()
    for second, lag_s in enumerate([600.0, 300.0, 10.0, 0.1]):
        lateness.saw("w1", lag_s)
        assert lateness.take_worst(float(second)) == 0.0
    lateness.saw("w1", 7.1)
    assert lateness.take_worst(4.0) == pytest.approx(7.0)


@pytest.mark.parametrize("skew_s", [-30.0, 30.0])
def test_a_clock_that_is_off_is_not_late(skew_s: float) -> None:
    lateness = Lateness()
    for second in range(1_000):
        lateness.saw("w1", skew_s + 0.1)
        assert lateness.take_worst(float(second)) == 0.0
    lateness.saw("w1", skew_s + 5.1)
    assert lateness.take_worst(1_000.0) == pytest.approx(5.0)


def test_a_clock_that_was_set_is_late_only_until_that_is_usual() -> None:
    lateness = Lateness()
    seen = []
    for second in range(1_000):
        lateness.saw("w1", 0.1 if second < 10 else 60.1)
        seen.append(lateness.take_worst(float(second)))
    assert seen[20] == pytest.approx(60.0)
    assert seen[-1] == 0.0


def test_the_worst_stream_counts_and_only_those_that_spoke() -> None:
    lateness = Lateness()
    for stream in ("w1", "w2"):
        lateness.saw(stream, 0.0)
    lateness.take_worst(0.0)
    lateness.saw("w1", 1.0)
    lateness.saw("w2", 3.0)
    lateness.saw("w2", 2.0)
    assert lateness.take_worst(1.0) == 2.0
    assert lateness.take_worst(2.0) is None
