"""The histogram: rows of a table, one of whose columns is a bar as long as there is room, and sentences below them.

What the numbers can and cannot support stands right under them, also where there is little room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ztui.tables.columns import Cell, Column, Context, Table
from ztui.ui.looks import BLANK, Line, Span
from ztui.ui.widgets.bars import bar
from ztui.ui.widgets.sheet import wrap
from ztui.ui.widgets.table import WIDEST_WANT, View, WindowTable

T = TypeVar("T")

BAR = "bar"
"""Key of the column that is drawn as a bar."""


@dataclass(frozen=True, slots=True)
class BarCell(Cell):
    """A share that becomes a bar when the width of its column is known."""

    value: float = 0.0
    top: float = 1.0
    expected: float | None = None


def bar_column(title: str, cell: Callable[[T], BarCell]) -> Column[T]:
    """Make the column of bars."""
    return Column(
        key=BAR,
        title=title,
        value=lambda row: cell(row).value,
        cell=lambda row, _: cell(row),
        width=16,
        min_width=8,
        priority=2,
    )


class Histogram(WindowTable[T]):
    """A table with bars, and sentences under its rows; `caption` stands above where there is no room for a title."""

    def __init__(
        self,
        table: Table[T],
        view: View[T],
        context: Callable[[], Context],
        *,
        sentences: Callable[[], Sequence[Line]],
        caption: Callable[[], Line] = lambda: BLANK,
        empty: Callable[[], Sequence[Line]] = lambda: (),
    ) -> None:
        super().__init__(table, view, context, empty=empty)
        self._sentences = sentences
        self._caption = caption

    def lines_now(self, width: int, height: int) -> Sequence[Line]:
        """Header, bars, and what can be said of them; of many rows a few go before the sentences do."""
        above = [self._caption()] if self.screen.has_class("-tiny") and self.view.count else []
        height -= len(above)
        count = self.view.count
        said = [part for sentence in self._sentences() for part in wrap(sentence, width)] if count else []
        room = min(len(said), max(height - 1 - count, height // 3))
        has_gap = bool(said) and height - 1 - count > len(said)
        lines = super().lines_now(width, height - room - has_gap)
        if not said:
            return [*above, *lines]
        shown = said[:room]
        if room < len(said) and shown:
            shown[-1] = (Span("  … more: Enter", "dim"),)
        return [*above, *lines[: height - room - has_gap], *([BLANK] if has_gap else []), *shown]

    def _measure(self, rows: Sequence[T], context: Context) -> list[list[Cell]]:
        """Measure as every table; a bar takes all room that is left."""
        cells = super()._measure(rows, context)
        self._wanted[BAR] = WIDEST_WANT
        return cells

    def _row(self, cells: Sequence[Cell], *, is_cursor: bool, width: int) -> Line:
        is_ascii = self._make_context().ascii
        drawn = [
            Cell(_drawn(cell, placed.width, is_ascii=is_ascii), cell.meaning) if isinstance(cell, BarCell) else cell
            for placed, cell in zip(self._placed, cells, strict=False)
        ]
        return super()._row(drawn, is_cursor=is_cursor, width=width)


def _drawn(cell: BarCell, width: int, *, is_ascii: bool) -> str:
    return bar(cell.value, cell.top, width, expected=cell.expected, is_ascii=is_ascii)
