"""Small stand-ins the widget tests show: rows, a view over a list, an app around one widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.app import App, ComposeResult
from textual.widget import Widget

from ztui.tables.columns import Cell, Column, Context, Meaning, Table, number_column, text_column
from ztui.ui.themes import DARK


@dataclass
class Row:
    name: str
    count: int = 0
    error: str = ""


@dataclass
class ListView:
    """A view over a list: order as given, selection by position."""

    rows: list[Row] = field(default_factory=list)
    selected_index: int | None = None
    sort: tuple[str, bool] | None = None
    follow: bool = False

    @property
    def count(self) -> int:
        return len(self.rows)

    def page(self, first: int, height: int) -> Sequence[Row]:
        return self.rows[first : first + height]

    def select_index(self, index: int) -> None:
        self.selected_index = max(0, min(index, len(self.rows) - 1))

    def move(self, delta: int) -> None:
        self.select_index((self.selected_index or 0) + delta)

    def go_first(self) -> None:
        self.select_index(0)

    def go_last(self) -> None:
        self.select_index(len(self.rows) - 1)

    def sort_by(self, name: str | None, descending: bool = False) -> None:
        self.sort = (name, descending) if name else None


TABLE: Table[Row] = Table(
    name="rows",
    columns=(
        text_column("name", "name", lambda row: row.name, meaning=Meaning.NAME, width=10, priority=1),
        number_column("count", "count", lambda row: row.count, priority=2),
        Column(
            key="error",
            title="error",
            value=lambda row: row.error,
            cell=lambda row, _: Cell(row.error, Meaning.ERROR),
            min_width=8,
            priority=3,
        ),
        text_column("more", "more", lambda row: row.name * 2, wide=True),
    ),
    row_key=lambda row: row.name,
    row_name=lambda row: row.name,
    document=lambda row: {"name": row.name},
)


def context() -> Context:
    return Context(now=0.0)


class OneWidget(App[None]):
    """An app that shows one widget on the whole screen."""

    CSS = "Screen > * { height: 1fr; }"

    def __init__(self, widget: Widget, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.widget = widget
        self.ascii_only = ascii_only
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield self.widget


def shown(widget: Widget) -> list[str]:
    """What the widget has on glass, line by line, without trailing blanks."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]
