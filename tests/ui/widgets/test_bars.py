"""Bars say how much, to the eighth of a cell, and where the expected share stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ztui.ui.widgets.bars import EXPECTED_MARK, bar, gauge


@pytest.mark.parametrize(
    ("value", "top", "drawn"),
    [
        (0, 8, "        "),
        (8, 8, "████████"),
        (4, 8, "████    "),
        (4.5, 8, "████▌   "),
        (0.001, 8, "▏       "),
        (9, 8, "████████"),
        (1, 0, "▏       "),
    ],
)
def test_bar(value: float, top: float, drawn: str) -> None:
    assert bar(value, top, 8) == drawn


def test_the_expected_mark_is_a_line_in_the_blank_and_a_notch_in_the_bar() -> None:
    assert bar(2, 8, 8, expected=6) == "██    │ "
    assert bar(8, 8, 8, expected=4) == "████│███"
    assert bar(8, 8, 8, expected=8) == "███████│"


def test_ascii_bars_have_nothing_that_looks_like_the_mark() -> None:
    assert bar(4.5, 8, 8, is_ascii=True) == "####-   "
    assert bar(4.8, 8, 8, is_ascii=True) == "####=   "
    assert bar(0.001, 8, 8, is_ascii=True) == "-       "
    assert bar(2, 8, 8, expected=6, is_ascii=True) == "##    | "
    for eighth in range(65):
        assert "|" not in bar(eighth, 64, 8, is_ascii=True)


def test_gauge_has_edges() -> None:
    assert gauge(0.5, 10) == "▕████    ▏"
    assert gauge(7, 6) == "▕████▏"


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.integers(1, 80), st.none() | st.floats(0, 1e6))
def test_a_bar_is_as_wide_as_asked(value: float, top: float, width: int, expected: float | None) -> None:
    drawn = bar(value, top, width, expected=expected)
    assert len(drawn) == width
    assert (EXPECTED_MARK in drawn) == bool(expected and top > 0)
