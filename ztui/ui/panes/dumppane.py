"""A pane of one table over rows that dumps or the cluster tell: what five of the numbered panes are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from textual.app import ComposeResult

from ztui.ui import why
from ztui.ui.detail import column_lines, document_lines, titled
from ztui.ui.hints import not_told
from ztui.ui.looks import BLANK, Line, Span, line
from ztui.ui.panes.pane import Pane
from ztui.ui.panes.questions import DumpRows
from ztui.ui.widgets.noted import NotedTable
from ztui.ui.widgets.part import Part

if TYPE_CHECKING:
    from ztui.model.fields import Field
    from ztui.model.filter import FlowFilter
    from ztui.store.mesh import Topic
    from ztui.tables.columns import Table
    from ztui.ui.stage import Stage

T = TypeVar("T")


class DumpPane(Pane, Generic[T]):
    """One table. Subclasses say which rows, which words of the filter they know, and how a row is named."""

    def __init__(
        self,
        stage: Stage,
        table: Table[T],
        rows: Callable[[], Sequence[T]],
        *topics: Topic,
        fields: Mapping[str, Field[T]],
        every_second: bool = False,
    ) -> None:
        super().__init__(stage)
        self.asked: DumpRows[T] = DumpRows(stage, table, rows, *topics, fields=fields, every_second=every_second)
        self._part: Part[T] = Part(
            self._heading,
            NotedTable(table, self.asked.view, stage.context, sentences=self.notes, empty=self.why_empty),
        )
        self.parts = [self._part]

    def compose(self) -> ComposeResult:
        """One part."""
        yield self._part

    def refresh_views(self) -> None:
        """Let the view catch up."""
        self.asked.refresh()

    def set_filter(self, own: FlowFilter | None, everywhere: FlowFilter | None) -> None:
        """Filter by what the columns say."""
        self.asked.set_filter(own, everywhere)

    def problem_count(self) -> int:
        """Rows with a problem."""
        return self.asked.problem_count()

    @property
    def filter_keys(self) -> Collection[str]:
        """Keys that the rows have something for."""
        return self.asked.view.fields.keys()

    def hint_values(self, key: str) -> Mapping[str, int]:
        """Values the rows have."""
        return self.asked.values(key)

    def heading(self) -> str:
        """Say in the title what stands below."""
        return self.TITLE

    def _heading(self) -> Line:
        where = self.asked.view.filter
        words: Line = (Span(self.heading()),)
        return words if where is None else (*words, Span(" · ", "dim"), Span(where.sentence(), "accent"))

    def notes(self) -> Sequence[Line]:
        """Say under the rows what they add up to."""
        return ()

    def why_empty(self) -> Sequence[Line]:
        """Say why there is nothing, and what would fill the pane."""
        where = self.asked.view.filter
        lines = why.no_dump_rows(self.stage, self.TITLE.lower(), self.asked.view.total, where.text if where else "")
        return [*lines, *self._why_filtered()]

    def _why_filtered(self) -> Sequence[Line]:
        """Say where it is no wonder that a filter leaves nothing."""
        where = self.asked.view.filter
        text = not_told(where, self.filter_keys) if where is not None and self.asked.view.total else None
        return [line("  ", Span("!", "warn"), f" {text[0].upper()}{text[1:]}.")] if text else []

    # -- the row under the cursor ---------------------------------------------------------------------------------

    def detail(self) -> Sequence[Line] | None:
        """Say everything: the columns, more where the pane knows more, and the dump's own words."""
        row: T | None = self.row
        if row is None:
            return None
        table = self.asked.table
        lines = titled(table.row_name(row))
        lines += column_lines(table, row, self.stage.context())
        lines += self.more(row)
        lines += [BLANK, line(Span(" As the dump says it", "header")), *document_lines(table.document(row))]
        return lines

    def more(self, row: T) -> Sequence[Line]:  # noqa: ARG002  a pane may know no more
        """Say what else is known about a row."""
        return ()

    def documents(self) -> Sequence[Mapping[str, object]]:
        """Give the row as JSON has it."""
        row: T | None = self.row
        return () if row is None else (self.asked.table.document(row),)
