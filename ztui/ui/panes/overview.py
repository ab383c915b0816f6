"""Overview (0): live flows, the balance of the selected service, the next expiries, together from 100 columns on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from ztui.ui import why
from ztui.ui.looks import Line, Span
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
from ztui.ui.panes.questions import HALVES, Edges
from ztui.ui.widgets.part import Part
from ztui.ui.widgets.table import WindowTable

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.ui.stage import Stage


class OverviewPane(Pane):
    """The start."""

    NAME: ClassVar[str] = "overview"
    TITLE: ClassVar[str] = "Overview"
    SHORT: ClassVar[str] = "Over"
    ABOUT: ClassVar[tuple[str, ...]] = (
        """Who talks to whom, the latest connections, how the selected service's connections spread over its backends,
        and the certificates that are due next. Below 100 columns one at a time: Tab goes on.""",
    )
    DEFAULT_CSS = """
    OverviewPane { layout: horizontal; }
    OverviewPane > .left { width: 3fr; height: 1fr; }
    OverviewPane > .beside { width: 2fr; height: 1fr; border-left: solid $panel; }
    .-narrow OverviewPane > .beside { display: none; }
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._where: FlowFilter | None = None
        self.edges = Edges(stage, lambda: stage.by or ("src.workload", "dst.service"))
        self.latest = Latest(stage)
        self._edges_part = Part(
            lambda: edges_heading(stage, self._where),
            WindowTable(self.edges.table, self.edges.view, stage.context, empty=self._why_empty),
        )
        self._latest_part = Part(
            lambda: (Span("Latest"), *filter_words(self._where)),
            WindowTable(HALVES, self.latest.view, stage.context, empty=self._why_empty),
        )
        self.parts = [self._edges_part, self._latest_part]

    def compose(self) -> ComposeResult:
        """Flows at the left, balance and certificates at the right."""
        yield Vertical(self._edges_part, self._latest_part, classes="left")

    def on_mount(self) -> None:
        """Give the keys to the first part."""
        self.activate(0)

    def refresh_views(self) -> None:
        """Let all views catch up."""
        show_edges(self.edges, self._edges_part.table)
        self.latest.refresh()

    def set_filter(self, own: FlowFilter | None, everywhere: FlowFilter | None) -> None:
        """Filter flows."""
        self._where = own & everywhere if own is not None and everywhere is not None else own or everywhere
        self.edges.where = self._where
        self.latest.set_filter(self._where)

    def hint_values(self, key: str) -> Mapping[str, int]:
        """Values that entries in memory have."""
        return entry_values(self.stage.mesh, key)

    def _why_empty(self) -> Sequence[Line]:
        text = self._where.text if self._where else ""
        return why.no_entries(self.stage, len(self.stage.mesh.entries), text, self.stage.window_text)

    # -- the row under the cursor ---------------------------------------------------------------------------------

    def detail(self) -> Sequence[Line] | None:
        """Say everything about the row of the active part."""
        return flow_detail(self.stage, self.row, self._edges_part.table)

    def documents(self) -> Sequence[Mapping[str, object]]:
        """Give the row as JSON has it."""
        return flow_documents(self.row, self._edges_part.table)

    def workload(self) -> str | None:
        """Name the source, else the destination."""
        return workload_of(self.row)

    def service(self) -> str | None:
        """Name the destination's service."""
        return service_of(self.row)
