"""Small stand-ins the widget tests show: rows, a view over a list, an app around one widget."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from textual.app import App, ComposeResult
from textual.widget import Widget

from ztui.model.fields import Field, Kind
from ztui.store.views import TableView
from ztui.tables.columns import Cell, Column, Context, Meaning, Table, number_column, text_column
from ztui.ui.themes import DARK
from ztui.ui.widgets.lines import LookScreen


@dataclass
class Row:
    name: str
    count: int = 0
    error: str = ""


def list_view(rows: list[Row], selected: int = 0) -> TableView[Row]:
    """A view over a list that may change under it."""
    fields: dict[str, Field[Row]] = {
        "name": Field(name="name", getter=lambda row: row.name),
        "count": Field(name="count", getter=lambda row: row.count, kind=Kind.NUMBER),
    }
    version = count()
    view = TableView(rows=lambda: rows, key=lambda row: row.name, fields=fields, version=lambda: next(version))
    view.refresh()
    view.select_index(selected)
    return view


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

    def get_default_screen(self) -> LookScreen:
        return LookScreen(id="_default")

    def compose(self) -> ComposeResult:
        yield self.widget


def shown(widget: Widget) -> list[str]:
    """What the widget has on glass, line by line, without trailing blanks."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]
