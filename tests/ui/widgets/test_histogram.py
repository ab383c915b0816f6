"""The histogram: a bar takes what room there is, and what can be said of the bars is never crowded out by them."""

from __future__ import annotations

from dataclasses import replace

from tests.ui.stand_ins import TABLE, OneWidget, Row, context, list_view, shown
from ztui.tables.columns import Context, Meaning
from ztui.ui.looks import Line, line
from ztui.ui.widgets.histogram import BarCell, Histogram, bar_column

BARS = replace(
    TABLE,
    columns=(
        TABLE.columns[0],
        bar_column("│ expected", lambda row: BarCell("", Meaning.ACCENT, row.count / 10, 1.0, expected=0.5)),
        TABLE.columns[1],
    ),
)


def histogram(rows: list[Row], *sentences: str, is_ascii: bool = False) -> Histogram[Row]:
    said: list[Line] = [line(" · ", text) for text in sentences]
    return Histogram(
        BARS,
        list_view(rows),
        lambda: Context(now=0.0, ascii=is_ascii) if is_ascii else context(),
        sentences=lambda: said,
        empty=lambda: [line("nothing here")],
    )


async def test_bars_fill_the_room_between_names_and_numbers() -> None:
    widget = histogram([Row("a", 10), Row("b", 5), Row("c", 1)], "what can be said")
    async with OneWidget(widget).run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        lines = shown(widget)
        a, b, c = lines[1:4]
        width = len(a) - a.index("█")  # from the bar to the end of the number
        assert a.count("█") + a.count("│") > 30
        assert a.index("│") == b.index("│") == c.index("│")  # expected is the same for all
        assert a.count("█") + 1 > 2 * c.count("█")
        assert width <= 58
        assert lines[4:6] == ["", " · what can be said"]
        await pilot.resize_terminal(40, 12)
        await pilot.pause()
        assert "│" in shown(widget)[3]
        assert all(len(text) <= 40 for text in shown(widget))


async def test_sentences_keep_a_third_of_the_room() -> None:
    widget = histogram([Row(f"r{i}", 1) for i in range(50)], "one", "two", "three")
    async with OneWidget(widget).run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        lines = shown(widget)
        assert [text.strip(" ·") for text in lines[-3:]] == ["one", "two", "three"]
        assert widget.range_shown == (1, 6, 50)
        await pilot.resize_terminal(40, 7)
        await pilot.pause()
        assert shown(widget)[-2:] == [" · one", "  … more: Enter"]


async def test_nothing_is_said_of_no_rows() -> None:
    widget = histogram([], "one")
    async with OneWidget(widget).run_test(size=(40, 8)) as pilot:
        await pilot.pause()
        assert shown(widget)[1] == "nothing here"
        assert not any("one" in text for text in shown(widget))


async def test_ascii() -> None:
    widget = histogram([Row("a", 10), Row("b", 3)], is_ascii=True)
    async with OneWidget(widget, ascii_only=True).run_test(size=(50, 6)) as pilot:
        await pilot.pause()
        text = "\n".join(shown(widget))
        assert text.isascii()
        assert "#" in text
        assert shown(widget)[2].count("|") == 1  # the mark, and nothing that looks like it
