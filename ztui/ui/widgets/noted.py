"""A table with sentences under its rows: what they add up to, what is wrong, what they cannot say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ztui.tables.columns import Context, Table
from ztui.ui.looks import BLANK, Line, Span
from ztui.ui.widgets.sheet import wrap
from ztui.ui.widgets.table import WindowTable
from ztui.ui.widgets.view import View

T = TypeVar("T")


class NotedTable(WindowTable[T]):
    """Rows, and sentences right under them, also where there is little room."""

    def __init__(
        self,
        table: Table[T],
        view: View[T],
        context: Callable[[], Context],
        *,
        sentences: Callable[[], Sequence[Line]],
        empty: Callable[[], Sequence[Line]] = lambda: (),
    ) -> None:
        super().__init__(table, view, context, empty=empty)
        self._sentences = sentences

    def lines_now(self, width: int, height: int) -> Sequence[Line]:
        """Header, rows, and what can be said of them; of many rows a few go before the sentences do."""
        count = self.view.count
        said = [part for sentence in self._sentences() for part in wrap(sentence, width)] if count else []
        if not said:
            return super().lines_now(width, height)
        room = min(len(said), max(height - 1 - count, height // 3))
        has_gap = height - 1 - count > len(said)
        lines = super().lines_now(width, height - room - has_gap)
        shown = said[:room]
        if room < len(said) and shown:
            shown[-1] = (Span("  … more: Enter", "dim"),)
        return [*lines[: height - room - has_gap], *([BLANK] if has_gap else []), *shown]
