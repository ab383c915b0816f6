"""The table: a window onto a view. It asks for the rows that are visible, and paints the lines that changed.

No widget, no timer and no message per row; 50,000 rows cost what 50 do. Filter, order and selection belong to the
view in the store, formatting to the columns in `tables`; what is left here is glass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from textual import events
from textual.message import Message

from ztui.store.views import TableView
from ztui.tables.columns import Cell, Column, Context, Meaning, Table
from ztui.ui.looks import Line, Span, fit, width_of
from ztui.ui.widgets.layout import GAP, Placed, column_sets, place
from ztui.ui.widgets.lines import PaintedLines
from ztui.ui.widgets.sheet import wrap
from ztui.ui.widgets.view import View

T = TypeVar("T")

GUTTER = 2
"""Cells left of the first column: the cursor's mark, and a blank."""
WIDEST_WANT = 200
"""No column asks for more than this, however long its text."""


class WindowTable(PaintedLines, Generic[T]):
    """Rows of one view under the header of one table."""

    DEFAULT_CSS = """
    WindowTable { height: 1fr; }
    """

    class Opened(Message):
        """A row was clicked that was selected already."""

    class Touched(Message):
        """The table was clicked or scrolled: it becomes the active one."""

        def __init__(self, table: WindowTable[Any]) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> WindowTable[Any]:
            """The table itself."""
            return self.table

    def __init__(
        self,
        table: Table[T],
        view: View[T],
        context: Callable[[], Context],
        *,
        empty: Callable[[], Sequence[Line]] = lambda: (),
    ) -> None:
        super().__init__()
        self.table = table
        self.view = view
        self.first = 0
        self.is_active = True
        """Whether keys go here: only then the cursor is drawn in full."""
        self.is_touched = False
        """Whether the cursor was moved; until then it stays on the first row, whichever that is."""
        self.is_wide = False
        self.find_text = ""
        self._make_context = context
        self._empty = empty
        self._wanted: dict[str, int] = {}
        self._chosen: str | None = None
        self._set_index = 0
        self._placed: tuple[Placed, ...] = ()
        self._placed_for: tuple[object, ...] = ()
        """What the columns were last placed for: nothing is placed anew while it is the same."""
        self._rows_height = 0
        self._drawn: dict[tuple[object, ...], Line] = {}
        """The lines last drawn, by what stands in them: most rows are the same from one frame to the next."""
        self._drawn_for: tuple[object, ...] = ()
        self._cells: dict[int, list[Cell]] = {}
        """The cells on glass, by the row's place in the list."""
        self._cells_for: tuple[object, ...] = ()
        self._only_cursor_moved = False

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def range_shown(self) -> tuple[int, int, int]:
        """First and last row on glass, counted from 1, and how many there are."""
        count = self.view.count
        first = min(self.first, max(0, count - 1))
        return (first + 1 if count else 0, min(count, first + self._rows_height), count)

    @property
    def rows_shown(self) -> Sequence[T]:
        """The rows on glass."""
        return self.view.page(self.first, self._rows_height)

    @property
    def columns_shown(self) -> tuple[str, ...]:
        """Keys of the columns on glass."""
        return tuple(placed.column.key for placed in self._placed)

    @property
    def hidden_columns(self) -> int:
        """How many columns did not fit or are shown only when wide."""
        return len(self.table.columns) - len(self._placed)

    def set_table(self, table: Table[T]) -> None:
        """Show other columns of the same view."""
        self.table = table
        self.forget_widths()

    def forget_widths(self) -> None:
        """Measure columns anew: other rows, another width."""
        self._wanted.clear()

    def _candidates(self) -> list[Column[T]]:
        return [column for column in self.table.columns if self.is_wide or not column.wide]

    def _place(self, width: int) -> None:
        asked = (width, self.is_wide, self._set_index, self.table, tuple(self._wanted.items()))
        if asked == self._placed_for:
            return
        self._placed_for = asked
        room = max(1, width - GUTTER - 1)
        columns: Sequence[Column[T]] = self._candidates()
        sets = column_sets(list(self.table.columns), self._wanted, room) if self._set_index else []
        if self._set_index and sets:
            self._set_index %= len(sets)
            columns = sets[self._set_index]
        self._placed = place(columns, self._wanted, room)

    def sync_cursor(self) -> int:
        """Follow the cursor: rows that are on glass are not asked again what they say, that is for the next tick."""
        self._only_cursor_moved = True
        try:
            return self.sync()
        finally:
            self._only_cursor_moved = False

    def lines_now(self, width: int, height: int) -> Sequence[Line]:
        """Header and the visible rows; or why there are none, in lines as long as there is room."""
        self._rows_height = max(0, height - 1)
        self._scroll_to_selection()
        self._place(width)
        shown = self.columns_shown
        cells = self._cells_now()
        self._place(width)
        if self.columns_shown != shown:
            cells = self._cells_now()
        lines = [self._header(), *self._lines(cells, width)]
        if not cells:
            lines.extend(part for text in self._empty() for part in wrap(text, width))
        return lines

    def _cells_now(self) -> list[list[Cell]]:
        """Make the cells of the visible rows, or only of those that came into sight where the cursor alone moved."""
        window = range(self.first, min(self.first + self._rows_height, self.view.count))
        made_for = (self.view, self.view.version, self.table, self.columns_shown)
        kept = self._cells if self._only_cursor_moved and made_for == self._cells_for else {}
        missing = [place for place in window if place not in kept]
        rows = self.view.page(missing[0], missing[-1] + 1 - missing[0]) if missing else ()
        if len(rows) != len(missing):  # the list is shorter by now, or those on glass lie between them
            kept, missing, rows = {}, list(window), self.view.page(self.first, len(window))
        known = kept | dict(zip(missing, self._measure(rows, self._make_context()), strict=False))
        self._cells = {place: known[place] for place in window if place in known}
        self._cells_for = made_for
        return list(self._cells.values())

    def _lines(self, cells: Sequence[Sequence[Cell]], width: int) -> list[Line]:
        """Draw rows; a row that says what one on glass says is that line."""
        drawn_for = (self._placed, width, self.is_active, self.find_text)
        before = self._drawn if drawn_for == self._drawn_for else {}
        self._drawn, self._drawn_for = {}, drawn_for
        selected = self.view.selected_index - self.first
        lines: list[Line] = []
        for offset, row in enumerate(cells):
            said = (offset == selected, *row)
            found = before.get(said)
            if found is None:
                found = self._row(row, is_cursor=offset == selected, width=width)
            self._drawn[said] = found
            lines.append(found)
        return lines

    def _measure(self, rows: Sequence[T], context: Context) -> list[list[Cell]]:
        """Make the cells of the visible rows; columns ask for the widest text they have shown so far."""
        cells = [[placed.column.cell(row, context) for placed in self._placed] for row in rows]
        for index, placed in enumerate(self._placed):
            key = placed.column.key
            widest = max((width_of(row[index].text) for row in cells), default=0)
            least = width_of(placed.column.title) + 1
            self._wanted[key] = min(WIDEST_WANT, max(self._wanted.get(key, 0), widest, least))
        return cells

    def _header(self) -> Line:
        spans = [Span(" " * GUTTER, "header")]
        view = self.view
        sort = view.sort_name if isinstance(view, TableView) else None
        arrow = "↓" if isinstance(view, TableView) and view.descending else "↑"
        for index, placed in enumerate(self._placed):
            title = placed.column.title
            if sort is not None and placed.column.sort == sort:
                title += arrow
            look = "chosen" if placed.column.key == self._chosen else "header"
            text = fit(title, placed.width, placed.column.align)
            if index:
                spans.append(Span(" " * GAP, "header"))
            spans.append(Span(text, look))
        return _merged(spans)

    def _row(self, cells: Sequence[Cell], *, is_cursor: bool, width: int) -> Line:
        has_cursor = is_cursor and self.is_active
        prefix = "cursor " if has_cursor else ""
        spans = [Span("▶ " if has_cursor else "▸ ", f"{prefix}title") if is_cursor else Span(" " * GUTTER)]
        last = len(self._placed) - 1
        for index, (placed, cell) in enumerate(zip(self._placed, cells, strict=False)):
            column, meaning = placed.column, cell.meaning
            text = fit(cell.text, placed.width, column.align, is_name=meaning is Meaning.NAME)
            look = f"{prefix}{meaning._value_}"  # as `value`, which costs as much as the rest of the line
            spans.extend(self._highlighted(text, look) if self.find_text else (Span(text, look),))
            if index < last:
                spans.append(Span(" " * GAP, f"{prefix}plain"))
        if has_cursor:
            used = sum(width_of(span.text) for span in spans)
            spans.append(Span(" " * max(0, width - used), "cursor plain"))
        return _merged(spans)

    def _highlighted(self, text: str, look: str) -> list[Span]:
        wanted = self.find_text.casefold()
        at = text.casefold().find(wanted) if wanted else -1
        if at < 0 or len(text.casefold()) != len(text):
            return [Span(text, look)]
        end = at + len(wanted)
        return [Span(text[:at], look), Span(text[at:end], "match"), Span(text[end:], look)]

    # -- moving: who moves the cursor syncs what shows it ---------------------------------------------------------

    def _scroll_to_selection(self) -> None:
        count, height = self.view.count, self._rows_height
        if height:
            selected = self.view.selected_index
            self.first = max(min(self.first, selected), selected - height + 1)
        self.first = max(0, min(self.first, count - height))

    def move(self, delta: int) -> None:
        """Move the cursor by rows."""
        self.is_touched = True
        self.view.move(delta)

    def page(self, delta: int) -> None:
        """Move the cursor by screens, keeping one row in sight."""
        self.is_touched = True
        self.view.move(delta * max(1, self._rows_height - 1))

    def go_first(self) -> None:
        """Go to the first row, and stay there whatever becomes the first."""
        self.is_touched = False
        self.view.go_first()

    def go_newest(self) -> None:
        """Go to the last row and stay there."""
        self.is_touched = True
        self.view.go_last(follow=True)

    def find_again(self, delta: int) -> bool:
        """Go to the next row that shows `find_text`; whether there is one."""
        self.is_touched = True
        return bool(self.find_text) and self.view.find(self.find_text, delta > 0)

    def next_problem(self, delta: int) -> bool:
        """Go to the next row with a problem; whether there is one."""
        self.is_touched = True
        return self.view.next_problem(delta > 0)

    # -- columns ------------------------------------------------------------------------------------------------

    def choose_column(self, delta: int) -> None:
        """Choose the next column that can be sorted by; it is shown even if it did not fit."""
        is_sortable = isinstance(self.view, TableView)
        sortable = [column.key for column in self._candidates() if column.sort and is_sortable]
        if not sortable:
            return
        here = sortable.index(self._chosen) if self._chosen in sortable else (-1 if delta > 0 else 0)
        self._chosen = sortable[(here + delta) % len(sortable)]
        sets = column_sets(list(self.table.columns), self._wanted, max(1, self.size.width - GUTTER - 1))
        if self._chosen not in self.columns_shown:
            self._set_index = next(
                (i for i, columns in enumerate(sets) if any(c.key == self._chosen for c in columns)), self._set_index
            )
        self.sync()

    def sort_chosen(self) -> str | None:
        """Sort by the chosen column, or turn the order round; what it is now in words."""
        column = next((c for c in self.table.columns if c.key == self._chosen), None)
        view = self.view
        if column is None or column.sort is None or not isinstance(view, TableView):
            return None
        view.sort_by(column.sort)
        self.sync()
        return f"sorted by {column.title or column.key}, {'descending' if view.descending else 'ascending'}"

    def next_columns(self) -> None:
        """Show the next set of columns that did not fit."""
        sets = column_sets(list(self.table.columns), self._wanted, max(1, self.size.width - GUTTER - 1))
        self._set_index = (self._set_index + 1) % len(sets)
        self.sync()

    def toggle_wide(self) -> None:
        """Show all columns there is room for, or the usual ones."""
        self.is_wide = not self.is_wide
        self._set_index = 0
        self.sync()

    # -- the mouse ----------------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Measure and place the columns anew."""
        self.forget_widths()
        super().on_resize(event)

    def on_click(self, event: events.Click) -> None:
        """Choose a column by its header, a row by itself; a row that is chosen already is opened."""
        self.post_message(self.Touched(self))
        if event.y == 0:
            self._click_header(event.x)
            return
        index = self.first + event.y - 1
        if index >= self.view.count:
            return
        if self.view.selected_index == index and event.chain > 1:
            self.post_message(self.Opened())
        self.is_touched = True
        self.view.select_index(index)
        self.sync()

    def _click_header(self, x: int) -> None:
        left = GUTTER
        for placed in self._placed:
            if left <= x < left + placed.width + GAP and placed.column.sort:
                self._chosen = placed.column.key
                self.sort_chosen()
                return
            left += placed.width + GAP

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move down by three rows."""
        event.stop()
        self.post_message(self.Touched(self))
        self.move(3)
        self.sync()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move up by three rows."""
        event.stop()
        self.post_message(self.Touched(self))
        self.move(-3)
        self.sync()


def _merged(spans: Sequence[Span]) -> Line:
    """Join neighbours of one look, and blanks to what stands before them."""
    merged: list[Span] = []
    text, look = "", ""
    for span in spans:
        if text and (span.look == look or (span.text.isspace() and _is_blank_safe(look))):
            text += span.text
        elif span.text:
            if text:
                merged.append(Span(text, look))
            text, look = span.text, span.look
    return (*merged, Span(text, look)) if text else tuple(merged)


@cache
def _is_blank_safe(look: str) -> bool:
    """Whether blanks drawn in this look are just blanks: nothing reversed or underlined."""
    return not any(part in ("match", "chosen", "tab-on", "loud") for part in look.split())
