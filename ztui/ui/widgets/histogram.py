"""The histogram: rows of a table, one of whose columns is a bar as long as there is room, and sentences below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ztui.tables.columns import Cell, Column, Context, Table
from ztui.ui.looks import BLANK, Line
from ztui.ui.widgets.bars import bar
from ztui.ui.widgets.noted import NotedTable
from ztui.ui.widgets.table import WIDEST_WANT
from ztui.ui.widgets.view import View

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


class Histogram(NotedTable[T]):
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
        super().__init__(table, view, context, sentences=sentences, empty=empty)
        self._caption = caption

    def lines_now(self, width: int, height: int) -> Sequence[Line]:
        """Add a caption where there is no title."""
        above = [self._caption()] if self.screen.has_class("-tiny") and self.view.count else []
        return [*above, *super().lines_now(width, height - len(above))]

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
