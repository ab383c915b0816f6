"""A sheet wraps, scrolls, finds, and says how much is below."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.ui.stand_ins import OneWidget, shown
from ztui.ui.looks import Span, line, line_width
from ztui.ui.widgets.sheet import Sheet, wrap


def _text(spans: tuple[Span, ...]) -> str:
    return "".join(span.text for span in spans)


async def test_scrolls_and_says_what_is_below() -> None:
    sheet = Sheet()
    sheet.add_class("-open")
    async with OneWidget(sheet).run_test(size=(30, 4)):
        sheet.show([line(f" line {i}") for i in range(10)])
        assert shown(sheet) == [" line 0", " line 1", " line 2", "  ↓ 7 more lines"]
        sheet.scroll_page(1)
        assert shown(sheet)[0] == " line 2"
        sheet.go_last()
        assert shown(sheet) == [f" line {i}" for i in range(6, 10)]
        sheet.go_first()
        assert sheet.find("LINE 5")
        assert shown(sheet)[0] == " line 5"
        assert not sheet.find("nowhere")
        assert sheet.text.splitlines()[9] == " line 9"


def test_long_lines_are_wrapped_at_blanks_and_indented() -> None:
    wrapped = wrap(line(" What it means  the destination's ztunnel refused"), 24)
    assert [_text(spans).rstrip() for spans in wrapped] == [
        " What it means  the",
        "   destination's ztunnel",
        "   refused",
    ]


def test_blanks_at_the_end_never_overflow() -> None:
    assert [line_width(spans) for spans in wrap((Span("aaa   "),), 5)] == [5]


@given(st.text(alphabet="ab 日x", max_size=120), st.integers(5, 40))
def test_wrapping_loses_nothing_and_never_overflows(text: str, width: int) -> None:
    wrapped = wrap((Span(text),), width)
    assert all(line_width(spans) <= width or line_width((spans[-1],)) <= 2 for spans in wrapped) or width < 5
    assert "".join(_text(spans) for spans in wrapped).replace(" ", "") == text.replace(" ", "")
