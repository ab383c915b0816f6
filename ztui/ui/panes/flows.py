"""Flows (1): who talks to whom and what fails; `a` cycles what is aggregated, down to single flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from ztui.model.fields import BY_KEYS, ENTRY_KEYS, SHAPE_KEYS
from ztui.model.flow import AccessLogEntry
from ztui.store.edges import EdgeRow
from ztui.store.flowview import FlowView
from ztui.store.views import as_texts
from ztui.tables.documents import entry_document
from ztui.ui import why
from ztui.ui.detail import column_lines, entry_lines, labelled, titled
from ztui.ui.looks import BLANK, Line, Span, line
from ztui.ui.panes.pane import Pane
from ztui.ui.panes.questions import HALVES, Edges, catch_up
from ztui.ui.widgets.part import Part
from ztui.ui.widgets.table import WindowTable

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.model.flow import Shape
    from ztui.store.mesh import Mesh
    from ztui.tables.columns import Context
    from ztui.ui.stage import Stage

_ALIKE_SHOWN = 5
_MOST_ASKED = 200_000


class Latest:
    """Single flows as they come, the newest at the bottom."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        mesh = stage.mesh
        self.view = FlowView(mesh.entries, mesh.inventory, is_complete=lambda: mesh.exhausted)

    def refresh(self) -> None:
        """Catch up with the memory."""
        catch_up(self.view, self._stage)

    def set_filter(self, where: FlowFilter | None) -> None:
        """Show only what passes."""
        if (where.text if where else None) != (self.view.filter.text if self.view.filter else None):
            self.view.set_filter(where)


class FlowsPane(Pane):
    """Edges, or single flows."""

    NAME: ClassVar[str] = "flows"
    TITLE: ClassVar[str] = "Flows"
    SHORT: ClassVar[str] = "Flow"
    HAS_WINDOW: ClassVar[bool] = True
    IS_AGGREGATED: ClassVar[bool] = True
    ABOUT: ClassVar[tuple[str, ...]] = (
        """Connections through every followed ztunnel, counted once each, when they close: by the outbound entry, or by
        the inbound one where no watched ztunnel could have written the outbound one.""",
        """a cycles what is aggregated, from workload → service down to single flows; { and } change the window. Bytes
        are in the client's view: ⇡ sent, ⇣ received.""",
        "A failure is ztunnel's own word: an error, or a policy's denial. Drained connections count as neither.",
    )

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._where: FlowFilter | None = None
        self.edges = Edges(stage, lambda: stage.by or ("src.workload", "dst.service"))
        self.latest = Latest(stage)
        self._edges_part = Part(
            self._edges_heading, WindowTable(self.edges.table, self.edges.view, stage.context, empty=self._why_empty)
        )
        self._latest_part = Part(
            self._latest_heading, WindowTable(HALVES, self.latest.view, stage.context, empty=self._why_empty)
        )
        self._latest_part.display = False
        self.parts = [self._edges_part]

    def compose(self) -> ComposeResult:
        """Both tables; one is shown."""
        yield self._edges_part
        yield self._latest_part

    def refresh_views(self) -> None:
        """Let the view that is shown catch up."""
        is_single = not self.stage.by
        if is_single is not self._latest_part.display:
            self._latest_part.display, self._edges_part.display = is_single, not is_single
            self.parts = [self._latest_part if is_single else self._edges_part]
            self.activate(0)
        if is_single:
            self.latest.refresh()
        else:
            show_edges(self.edges, self._edges_part.table)

    def set_filter(self, own: FlowFilter | None, everywhere: FlowFilter | None) -> None:
        """Filter entries before they are counted."""
        self._where = own & everywhere if own is not None and everywhere is not None else own or everywhere
        self.edges.where = self._where
        self.latest.set_filter(self._where)

    def problem_count(self) -> int:
        """Edges that failed within the window."""
        return self.edges.failing()

    def hint_values(self, key: str) -> Mapping[str, int]:
        """Values that entries in memory have."""
        return entry_values(self.stage.mesh, key)

    def _edges_heading(self) -> Line:
        return edges_heading(self.stage, self._where)

    def _latest_heading(self) -> Line:
        follow = "following" if self.latest.view.follow else f"{self.stage.key('newest')} follows the newest"
        return (Span("Single flows · newest at the bottom · " + follow), *filter_words(self._where))

    def _why_empty(self) -> Sequence[Line]:
        text = self._where.text if self._where else ""
        return why.no_entries(self.stage, len(self.stage.mesh.entries), text, self.stage.window_text)

    # -- the row under the cursor ---------------------------------------------------------------------------------

    def detail(self) -> Sequence[Line] | None:
        """Say everything about an edge or a flow."""
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


def show_edges(edges: Edges, table: WindowTable[EdgeRow]) -> None:
    """Let edges catch up and their table follow."""
    if edges.refresh():
        table.set_table(edges.table)
        table.view = edges.view


def filter_words(where: FlowFilter | None) -> Line:
    """Say a filter in a title."""
    return () if where is None else (Span(" · ", "dim"), Span(where.sentence(), "accent"))


def edges_heading(stage: Stage, where: FlowFilter | None) -> Line:
    """Say what edges are counted by, over which window."""
    by = " → ".join(stage.by) if len(stage.by) == 2 else ", ".join(stage.by)
    words = f"Flows · {stage.window_text} · by {by or 'src.workload → dst.service'}"
    return (Span(words), *filter_words(where))


def entry_values(mesh: Mesh, key: str) -> Mapping[str, int]:
    """Count the values of a filter key among the entries that are counted."""
    of_shape = SHAPE_KEYS.get(key)
    if of_shape is None or key in ENTRY_KEYS:
        return {}
    counts: Counter[str] = Counter()
    for row in mesh.edges.rows(("verdict",)) if key == "verdict" else ():
        counts[row.keys["verdict"] or ""] += row.flows
    if counts:
        return counts
    for seq in range(max(mesh.entries.first_seq, mesh.entries.next_seq - _MOST_ASKED), mesh.entries.next_seq):
        for text in as_texts(of_shape(mesh.entries.shape(seq), mesh.inventory))[:1]:
            counts[text] += 1
    return counts


def flow_detail(stage: Stage, row: object, edges: WindowTable[EdgeRow]) -> Sequence[Line] | None:
    """Say everything about an edge or about a single flow."""
    context = stage.context()
    if isinstance(row, AccessLogEntry):
        return entry_lines(row, stage, alike(stage.mesh, row.shape))
    if isinstance(row, EdgeRow):
        return edge_lines(stage, row, edges, context)
    return None


def alike(mesh: Mesh, shape: Shape) -> tuple[int, str | None]:
    """Count the kept entries of the same shape, with the time of the first."""
    count, first = 0, None
    for entry in mesh.entries.rows_of(lambda one: one is shape):
        count, first = count + 1, first or entry.time
    return count, first


def edge_lines(stage: Stage, row: EdgeRow, edges: WindowTable[EdgeRow], context: Context) -> list[Line]:
    """Say everything about an edge, with its latest flows."""
    lines = titled(" → ".join(value or "–" for value in row.keys.values()), Span(stage.window_text, "dim"))
    lines += column_lines(edges.table, row, context)
    if row.failed:
        lines += [BLANK, labelled("What it means", f"{row.failed} of {row.flows} connections failed or were denied.")]
    latest = _latest_of(stage, row)
    if latest:
        lines += [
            BLANK,
            line(
                Span(" Latest", "header"),
                Span(f"   one line per half; {stage.key('aggregation')} shows single flows", "dim"),
            ),
        ]
        for entry in latest:
            spans: list[Span | str] = [" "]
            for column in HALVES.columns:
                cell = column.cell(entry, context)
                if not column.wide and cell.text:
                    spans += [" ", Span(cell.text, cell.meaning.value)]
            lines.append(line(*spans))
    return lines


def _latest_of(stage: Stage, row: EdgeRow) -> list[AccessLogEntry]:
    mesh = stage.mesh
    wanted = [(BY_KEYS[key], value) for key, value in row.keys.items()]
    found = mesh.entries.rows_of(
        lambda shape: all((getter(shape, mesh.inventory) or None) == value for getter, value in wanted)
    )
    return list(found)[-_ALIKE_SHOWN:]


def flow_documents(row: object, edges: WindowTable[EdgeRow]) -> Sequence[Mapping[str, object]]:
    """Give an edge or an entry as JSON has it."""
    if isinstance(row, AccessLogEntry):
        return (entry_document(row),)
    return (edges.table.document(row),) if isinstance(row, EdgeRow) else ()


def workload_of(row: object) -> str | None:
    """Name the workload to follow: the source, else the destination."""
    if isinstance(row, AccessLogEntry):
        return row.shape.src_workload or row.shape.dst_workload
    if isinstance(row, EdgeRow):
        keys = ("src.workload", "src.app", "dst.workload", "dst.app")
        return next((value for key in keys if (value := row.keys.get(key))), None)
    return None


def service_of(row: object) -> str | None:
    """Name the service that was meant."""
    if isinstance(row, AccessLogEntry):
        return row.shape.dst_service
    return row.keys.get("dst.service") if isinstance(row, EdgeRow) else None
