"""The table shows a window of rows, repaints only what changed, and gives up columns before it gives up sense."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region

from tests.ui.stand_ins import TABLE, OneWidget, Row, context, list_view, shown
from ztui.store.views import TableView
from ztui.ui.looks import line
from ztui.ui.widgets.table import WindowTable


def _table(view: TableView[Row]) -> WindowTable[Row]:
    return WindowTable(TABLE, view, context, empty=lambda: [line("  nothing here")])


async def test_header_rows_and_cursor() -> None:
    view = list_view([Row("reviews", 7), Row("details", 0, "connection refused")], selected=1)
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(50, 5)):
        assert shown(widget) == [
            "  name      count  error",
            "  reviews       7",
            "▶ details       0  connection refused",
            "",
            "",
        ]


async def test_only_changed_lines_are_repainted() -> None:
    rows = [Row(f"row{i}", i) for i in range(20)]
    view = list_view(rows)
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(50, 12)):
        assert widget.sync() == 0
        rows[3] = Row("row3", 99)
        rows[15] = Row("row15", 99)  # not in sight
        view.refresh()
        assert widget.sync() == 1
        view.move(1)
        assert widget.sync() == 2


async def test_a_line_is_repainted_up_to_what_changed_in_it() -> None:
    rows = [Row("reviews", 7), Row("details", 8)]
    view = list_view(rows)
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(50, 5)):
        widget._exchange_repaint_regions()
        rows[1] = Row("details", 9)
        view.refresh()
        assert widget.sync() == 1
        assert widget._exchange_repaint_regions() == {Region(0, 2, len("  details       9"), 1)}


async def test_neighbours_that_are_drawn_alike_are_one_stretch() -> None:
    widget = _table(list_view([Row("reviews", 7), Row("details", 8, "refused")], selected=0))
    async with OneWidget(widget).run_test(size=(50, 5)):
        texts = [segment.text for segment in widget.render_line(2)]
        assert [text.strip() for text in texts] == ["details       8", "refused", ""]


async def test_a_row_that_says_the_same_is_the_same_line_wherever_it_stands() -> None:
    view = list_view([Row(f"row{i}", i) for i in range(20)])
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(50, 12)):
        before = widget.lines_now(50, 12)
        view.move(11)
        after = widget.lines_now(50, 12)
        assert [line is kept for line, kept in zip(after[1:11], before[2:12], strict=True)] == [True] * 10
        widget.find_text = "row7"
        widget.is_active = False
        again = widget.lines_now(50, 12)
        assert any(span.look == "match" for line in again for span in line)
        assert not any(span.look.startswith("cursor") for line in again for span in line)


async def test_where_the_cursor_alone_moves_only_rows_that_come_into_sight_are_asked() -> None:
    rows = [Row(f"row{i:02}", i) for i in range(40)]
    view = list_view(rows)
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(50, 11)):
        asked: list[int] = []
        page = view.page

        def counted(first: int, height: int) -> Sequence[Row]:
            asked.append(height)
            return page(first, height)

        view.page = counted  # type: ignore[method-assign]
        for delta, height in ((4, []), (9, [4]), (-13, [4]), (30, [10])):
            asked.clear()
            widget.move(delta)
            widget.sync_cursor()
            assert asked == height
            assert [line.split() for line in shown(widget)[1:]] == [
                [*("▶" * (i == view.selected_index)), f"row{i:02}", str(i)]
                for i in range(widget.first, widget.first + 10)
            ]
        rows[25] = Row("other", 25)
        view.refresh()
        widget.sync_cursor()
        assert any("other" in line for line in shown(widget))


async def test_columns_go_by_priority_and_names_stay() -> None:
    view = list_view([Row("reviews", 7, "no")])
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(50, 5)) as pilot:
        assert list(widget.columns_shown) == ["name", "count", "error"]
        await pilot.resize_terminal(20, 5)
        assert list(widget.columns_shown) == ["name", "count"]
        await pilot.resize_terminal(9, 5)
        assert list(widget.columns_shown) == ["name"]
        for size in ((2, 1), (1, 1), (200, 60)):
            await pilot.resize_terminal(*size)
        assert shown(widget)[1] == "▶ reviews       7  no"


async def test_wide_shows_more_and_sets_show_the_rest() -> None:
    widget = _table(list_view([Row("reviews", 7, "no")]))
    async with OneWidget(widget).run_test(size=(30, 5)):
        widget.toggle_wide()
        assert "more" not in widget.columns_shown  # no room
        widget.toggle_wide()
        widget.next_columns()
        assert list(widget.columns_shown) == ["name", "more"]
        widget.next_columns()
        assert list(widget.columns_shown) == ["name", "count", "error"]


async def test_empty_table_says_why() -> None:
    widget = _table(list_view([]))
    async with OneWidget(widget).run_test(size=(40, 4)):
        assert shown(widget)[1] == "  nothing here"


async def test_scrolls_to_the_selection_and_follows_the_newest() -> None:
    view = list_view([Row(f"row{i}", i) for i in range(100)], selected=0)
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(40, 11)):
        widget.page(1)
        assert view.selected_index == 9
        widget.page(1)
        assert view.selected_index == 18
        widget.sync()
        assert widget.range_shown == (10, 19, 100)
        widget.go_newest()
        widget.sync()
        assert widget.range_shown == (91, 100, 100)
        assert "row99" in shown(widget)[-1]


async def test_sorting_by_a_chosen_column() -> None:
    view = list_view([Row("a", 1), Row("b", 2)])
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(60, 4)):
        widget.choose_column(1)
        widget.choose_column(1)
        assert widget.sort_chosen() == "sorted by count, descending"
        assert (view.sort_name, view.descending) == ("count", True)
        assert "count↓" in shown(widget)[0]
        assert widget.sort_chosen() == "sorted by count, ascending"


async def test_click_selects_and_a_click_on_the_header_sorts() -> None:
    view = list_view([Row("a", 1), Row("b", 2)])
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(60, 4)) as pilot:
        await pilot.click(widget, offset=(4, 2))
        assert view.selected_index == 1
        await pilot.click(widget, offset=(3, 0))
        assert (view.sort_name, view.descending) == ("name", False)


async def test_hits_are_highlighted() -> None:
    widget = _table(list_view([Row("reviews", 7)]))
    async with OneWidget(widget).run_test(size=(40, 3)):
        widget.find_text = "VIEW"
        widget.sync()
        spans = [span for span in widget._painted[1] if span.look == "match"]
        assert [span.text for span in spans] == ["view"]


async def test_ascii_has_no_glyphs() -> None:
    widget = _table(list_view([Row("a", 1), Row("x" * 80)], selected=0))
    async with OneWidget(widget, ascii_only=True).run_test(size=(40, 4)):
        assert "".join(shown(widget)).isascii()


async def test_wide_characters_keep_the_columns_straight() -> None:
    view = list_view([Row("日本語日本語日本語日本語", 1, "e"), Row("plain", 2, "e")])
    widget = _table(view)
    async with OneWidget(widget).run_test(size=(60, 4)):
        assert {widget.render_line(y).cell_length for y in range(4)} == {60}
