"""Overview (0): live flows, the balance of the selected service, the next expiries, together from 100 columns on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from ztui.model.fields import identity_names
from ztui.store.mesh import Topic
from ztui.tables.balance import BackendRow, balance_document
from ztui.tables.columns import Cell, Context, Meaning, Table, text_column
from ztui.tables.nodewise import CERTIFICATES, CertificateRow, certificate_rows, verdict_cell
from ztui.ui import why
from ztui.ui.detail import column_lines, titled
from ztui.ui.looks import Line, Span
from ztui.ui.panes.balance import Balance, backend_lines, balance_part
from ztui.ui.panes.fields import CERTIFICATE_FIELDS
from ztui.ui.panes.flows import (
    Latest,
    edges_heading,
    entry_values,
    filter_words,
    flow_detail,
    flow_documents,
    service_of,
    show_edges,
    workload_of,
)
from ztui.ui.panes.pane import Pane
from ztui.ui.panes.questions import HALVES, DumpRows, Edges
from ztui.ui.widgets.part import Part
from ztui.ui.widgets.table import WindowTable

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.ui.stage import Stage


def _glyph_cell(row: CertificateRow, _: Context) -> Cell:
    verdict = verdict_cell(row.status)
    return Cell(verdict.text[0], verdict.meaning)


def _short_identity(row: CertificateRow) -> str:
    """Name an identity `bookinfo-reviews.default`: what it begins with tells it from its neighbours."""
    names = identity_names(row.status.identity)
    return names[4] if len(names) > 4 else row.status.name


def _short_renewal(row: CertificateRow, _: Context) -> Cell:
    """Leave out what the title says already: `in 3 h 12 m`."""
    reason = row.status.reason.removeprefix("renews ").removeprefix("renewal ")
    reason = reason.replace("not valid for another", "valid in")
    return Cell(reason, Meaning.WARN if row.status.is_problem else Meaning.PLAIN)


def next_table(table: Table[CertificateRow]) -> Table[CertificateRow]:
    """Make a table of certificates for little room: a glyph for the verdict, whose word the renewal column says.

    When something is due comes before where: the node goes first. An identity is cut at its end (its namespace).
    """
    glyph = replace(table.column("verdict"), title="", cell=_glyph_cell, width=1, min_width=1)
    identity = text_column("identity", "identity", _short_identity, width=24, min_width=16, priority=1)
    node = replace(table.column("node"), priority=3)
    renewal = replace(table.column("renewal"), cell=_short_renewal, width=13, min_width=12)
    mine = ("verdict", "identity", "node", "renewal")
    rest = (replace(c, wide=c.key == "state" or c.wide) for c in table.columns if c.key not in mine)
    return replace(table, columns=(glyph, identity, node, renewal, *rest))


NEXT = next_table(CERTIFICATES)


class OverviewPane(Pane):
    """The start."""

    NAME: ClassVar[str] = "overview"
    TITLE: ClassVar[str] = "Overview"
    SHORT: ClassVar[str] = "Over"
    HAS_WINDOW: ClassVar[bool] = True
    IS_AGGREGATED: ClassVar[bool] = True
    ABOUT: ClassVar[tuple[str, ...]] = (
        """Who talks to whom, the latest connections, how the selected service's connections spread over its backends,
        and the certificates that are due next. Below 100 columns one at a time: Tab goes on.""",
    )
    SCOPED_CSS = False
    DEFAULT_CSS = """
    OverviewPane { layout: horizontal; }
    OverviewPane > .column { height: 1fr; layout: vertical; }
    OverviewPane > .left { width: 3fr; }
    OverviewPane > .right { width: 2fr; border-left: solid $panel; }
    OverviewPane > .right.-ascii { border-left: ascii $panel; }
    .-narrow OverviewPane > .right, .-narrow OverviewPane > .right.-ascii { border-left: none; }
    .-maximised OverviewPane > .right, .-maximised OverviewPane > .right.-ascii { border-left: none; }
    .-narrow OverviewPane > .column, .-narrow OverviewPane Part { display: none; }
    .-narrow OverviewPane > .column.-active, .-narrow OverviewPane Part.-active { display: block; width: 1fr; }
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._where: FlowFilter | None = None
        self.edges = Edges(stage, lambda: stage.by or ("src.workload", "dst.service"))
        self.latest = Latest(stage)
        self.balance = Balance(stage, lambda: service_of(self.edges.view.selected))
        self.certificates: DumpRows[CertificateRow] = DumpRows(
            stage,
            NEXT,
            lambda: certificate_rows(stage.mesh, stage.now),
            Topic.DUMPS,
            fields=CERTIFICATE_FIELDS,
            every_second=True,
        )
        self._edges_part = Part(
            self._edges_heading,
            WindowTable(self.edges.table, self.edges.view, stage.context, empty=self._why_empty),
        )
        self._latest_part = Part(
            lambda: self._heading((Span("Latest"), *filter_words(self._where))),
            WindowTable(HALVES, self.latest.view, stage.context, empty=self._why_empty),
        )
        self._balance_part = balance_part(stage, self.balance, lambda: self._heading(self.balance.heading()))
        self._certificates_part = Part(
            lambda: self._heading((Span("Certificates · next"),)),
            WindowTable(NEXT, self.certificates.view, stage.context, empty=self._why_no_certificates),
        )
        self.parts = [self._edges_part, self._latest_part, self._balance_part, self._certificates_part]
        self._columns = {
            "left": Vertical(self._edges_part, self._latest_part, classes="column left"),
            "right": Vertical(self._balance_part, self._certificates_part, classes="column right"),
        }
        self._columns["right"].set_class(stage.settings.is_ascii, "-ascii")

    def compose(self) -> ComposeResult:
        """Flows at the left, balance and certificates at the right."""
        yield from self._columns.values()

    def on_mount(self) -> None:
        """Give the keys to the first part."""
        self.activate(0)

    def activate(self, index: int) -> None:
        """Give the keys to a part, and bring it to the front where only one is shown."""
        super().activate(index)
        for part in self.parts:
            part.set_class(part is self.part, "-active")
        for column in self._columns.values():
            column.set_class(self.part in column.children, "-active")

    def _heading(self, words: Line) -> Line:
        """Say in a title that there is more, where only one part is shown."""
        if not self.screen.has_class("-narrow"):
            return words
        place = f"Tab {self._active + 1}/{len(self.parts)}"
        return (Span(place, "key"), Span(" · ", "dim"), *words)

    def _edges_heading(self) -> Line:
        if self.screen.has_class("-narrow"):  # the columns tell what flows are aggregated by
            return self._heading((Span(f"Flows · {self.stage.window_text}"), *filter_words(self._where)))
        return edges_heading(self.stage, self._where)

    def refresh_views(self) -> None:
        """Let all views catch up."""
        show_edges(self.edges, self._edges_part.table)
        self.latest.refresh()
        if self.balance.refresh():
            self._balance_part.table.forget_widths()
        self.certificates.refresh()

    def cursor_moved(self) -> None:
        """Follow the cursor; among the edges it chooses whose balance is shown."""
        if self.part is self._edges_part:
            self.sync()
        else:
            super().cursor_moved()

    def set_filter(self, own: FlowFilter | None, everywhere: FlowFilter | None) -> None:
        """Filter flows."""
        self._where = own & everywhere if own is not None and everywhere is not None else own or everywhere
        self.edges.where = self._where
        self.latest.set_filter(self._where)
        self.balance.where = self._where
        self.certificates.set_filter(None, everywhere)

    def hint_values(self, key: str) -> Mapping[str, int]:
        """Values that entries in memory have."""
        return entry_values(self.stage.mesh, key)

    def _why_empty(self) -> Sequence[Line]:
        text = self._where.text if self._where else ""
        return why.no_entries(self.stage, len(self.stage.mesh.entries), text, self.stage.window_text)

    def _why_no_certificates(self) -> Sequence[Line]:
        where = self.certificates.view.filter
        text = where.text if where is not None else ""
        return why.no_dump_rows(self.stage, "certificates", self.certificates.view.total, text)

    # -- the row under the cursor ---------------------------------------------------------------------------------

    def detail(self) -> Sequence[Line] | None:
        """Say everything about the row of the active part."""
        row = self.row
        if isinstance(row, BackendRow):
            return backend_lines(self.stage, row)
        if isinstance(row, CertificateRow):
            return [*titled(CERTIFICATES.row_name(row)), *column_lines(CERTIFICATES, row, self.stage.context())]
        return flow_detail(self.stage, row, self._edges_part.table)

    def documents(self) -> Sequence[Mapping[str, object]]:
        """Give the row as JSON has it; of a backend the whole balance."""
        row = self.row
        if isinstance(row, BackendRow):
            return (balance_document(row.result),)
        if isinstance(row, CertificateRow):
            return (CERTIFICATES.document(row),)
        return flow_documents(row, self._edges_part.table)

    def workload(self) -> str | None:
        """Name the source, else the destination; of a balance the backend."""
        row = self.row
        return row.backend.name if isinstance(row, BackendRow) else workload_of(row)

    def service(self) -> str | None:
        """Name the destination's service; at the right that of the balance shown."""
        result = self.balance.result
        return service_of(self.row) or (result.service if result is not None else None)
