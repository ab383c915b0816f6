"""Cutting and padding: what is lost is marked, and what tells names apart is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ztui.tables.columns import Align
from ztui.ui.looks import Line, Span, cut, differing_width, filled, fit, line_width, spread, width_of


@pytest.mark.parametrize("width", range(1, 40))
@pytest.mark.parametrize("text", ["", "loadgen-whr6jt8zzz-kb8zw", "名前の長いポッド", "ns/default/sa/bookinfo-details"])
@pytest.mark.parametrize("is_name", [True, False])
def test_a_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int, is_name: bool) -> None:
    assert width_of(fit(text, width, is_name=is_name)) == width


def test_a_name_is_cut_in_its_middle_so_that_replicas_stay_apart() -> None:
    cut_names = {fit(f"loadgen-whr6jt8zzz-{end}", 14, is_name=True) for end in ("kb8zw", "hjthf")}
    assert len(cut_names) == 2
    assert fit("ns/default/sa/bookinfo-details", 18, is_name=True) == "ns/defaul…-details"


def test_other_text_is_cut_at_its_end() -> None:
    assert fit("connection timed out", 12) == "connection …"
    assert fit("484 kB", 8, Align.RIGHT) == "  484 kB"


def test_spread_cuts_the_left_and_never_exceeds_the_width() -> None:
    for width in range(30):
        assert line_width(spread((Span("left text"),), (Span("right"),), width)) <= max(width, 0)


def test_cut_marks_what_was_lost() -> None:
    assert "".join(span.text for span in cut((Span("ab"), Span("cdef")), 4)) == "abc…"


LINES = st.lists(
    st.builds(Span, st.text(alphabet="ab 名…", max_size=6), st.sampled_from(["plain", "name", "cursor ok"]))
)


@given(LINES.map(tuple), st.integers(1, 30))
def test_a_filled_line_is_exactly_as_wide_as_asked(spans: Line, width: int) -> None:
    assert line_width(filled(spans, width)) == width


def _cells(spans: Line) -> list[tuple[str, str]]:
    """What stands in each cell; the second cell of a wide character is part of it."""
    return [(char, span.look) for span in spans for char in span.text for _ in range(width_of(char))]


@given(LINES.map(tuple), LINES.map(tuple), st.integers(1, 30))
def test_painting_up_to_the_last_difference_makes_one_line_of_the_other(old: Line, new: Line, width: int) -> None:
    before, now = _cells(filled(old, width)), _cells(filled(new, width))
    end = differing_width(filled(old, width), filled(new, width))
    assert now[:end] + before[end:] == now
    assert end == 0 or now[end - 1] != before[end - 1]


def test_blanks_under_the_cursor_differ_from_blanks() -> None:
    assert differing_width(filled((Span("a", "cursor plain"),), 8), filled((Span("a"),), 8)) == 8
