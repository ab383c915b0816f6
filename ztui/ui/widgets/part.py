"""A part of a pane: a table under a title that says what is shown, how much of it, and through which filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from textual.app import ComposeResult
from textual.widget import Widget

from ztui.ui.looks import Line, Span, line_width, spread
from ztui.ui.widgets.lines import PaintedLines
from ztui.ui.widgets.table import WindowTable

T = TypeVar("T")


class TitleRow(PaintedLines):
    """One line: what stands below at the left, how much of it is in sight at the right, a rule between them."""

    def __init__(self, heading: Callable[[], Line], extent: Callable[[], Line]) -> None:
        super().__init__(classes="title")
        self._heading = heading
        self._extent = extent
        self.is_active = True

    def lines_now(self, width: int, height: int) -> Sequence[Line]:  # noqa: ARG002  one line by design
        """Write the title now."""
        look = "title" if self.is_active else "header"
        heading = tuple(Span(span.text, look if span.look == "plain" else span.look) for span in self._heading())
        left: Line = (Span("─ ", "dim"), *heading, Span(" "))
        right = self._extent()
        room = width - line_width(left) - line_width(right)
        return [spread((*left, Span("─" * max(0, room - 2), "dim")), right, width)]


class Part(Widget, Generic[T]):
    """A titled table."""

    DEFAULT_CSS = """
    Part { height: 1fr; layout: vertical; }
    """

    def __init__(self, heading: Callable[[], Line], table: WindowTable[T], *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self.table = table
        self._title = TitleRow(heading, self._extent)

    def compose(self) -> ComposeResult:
        """Title above, table below."""
        yield self._title
        yield self.table

    def set_active(self, is_active: bool) -> None:
        """Let keys go here, or not."""
        self.table.is_active = self._title.is_active = is_active
        self.sync()

    def sync(self) -> int:
        """Repaint what differs; how many lines did."""
        painted = self.table.sync()
        return painted + self._title.sync()

    def sync_cursor(self) -> int:
        """Repaint what differs because the cursor moved; how many lines did."""
        painted = self.table.sync_cursor()
        return painted + self._title.sync()

    def _extent(self) -> Line:
        first, last, count = self.table.range_shown
        if not count:
            return ()
        hidden = self.table.hidden_columns
        more = (
            f" · {hidden} more column{'' if hidden == 1 else 's'}: v"
            if hidden and self.table.is_active and self.size.width >= 100
            else ""
        )
        return (Span(f"{first}–{last} of {count}{more}", "dim"),)


AnyPart = Part[Any]
