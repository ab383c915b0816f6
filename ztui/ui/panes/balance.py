"""Balance (i): how the connections to one service spread over its backends, beside what draws by weight give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from ztui.analysis.draws import Weights
from ztui.store.choices import Choices
from ztui.store.choices import Span as Bounds
from ztui.store.mesh import Topic
from ztui.store.rates import BUCKET_S
from ztui.store.views import TableView
from ztui.tables.balance import BackendRow, backend_rows, balance_document, balance_table, short_pod
from ztui.tables.columns import Meaning, Table
from ztui.ui import why
from ztui.ui.detail import column_lines, labelled, titled
from ztui.ui.looks import BLANK, Line, Span, line
from ztui.ui.panes.flows import entry_values, filter_words
from ztui.ui.panes.pane import Pane
from ztui.ui.panes.questions import catch_up, fields_of
from ztui.ui.widgets.histogram import BarCell, Histogram, bar_column
from ztui.ui.widgets.part import Part

if TYPE_CHECKING:
    from ztui.analysis.draws import BalanceResult
    from ztui.model.filter import FlowFilter
    from ztui.ui.stage import Stage

_SOURCES_SHOWN = 10


def _bar_cell(row: BackendRow) -> BarCell:
    """Draw the observed share, scaled so that the greatest share, observed or expected, fills the column."""
    drawn = row.result.drawn
    top = max((share for one in drawn for share in (one.share, one.expected) if share), default=1.0)
    return BarCell("", Meaning.ACCENT, row.backend.share or 0.0, top, expected=row.backend.expected)


def with_bars(table: Table[BackendRow]) -> Table[BackendRow]:
    """Add a column that draws the observed share, with a mark where the expected one stands."""
    at = table.keys.index("observed")
    return replace(
        table, columns=(*table.columns[:at], bar_column("│ expect", _bar_cell), *table.columns[at:]), is_problem=None
    )


TABLE = with_bars(balance_table(is_short=True))


class Balance:
    """The balance of one service as it is chosen now, and the busiest one's where none is."""

    def __init__(self, stage: Stage, service: Callable[[], str | None]) -> None:
        self._stage = stage
        self._service = service
        self._choices = Choices(stage.mesh, is_saved=stage.is_finite)
        self.where: FlowFilter | None = None
        self.result: BalanceResult | None = None
        """None where there is no service to tell of."""
        self._asked: tuple[object, ...] = ()
        # No row is ever left out: a share means something only beside the others.
        self.view: TableView[BackendRow] = TableView(
            rows=self._rows, key=TABLE.row_key, fields=fields_of(TABLE), version=self._version
        )

    def _question(self) -> tuple[object, ...]:
        return self._service(), self._stage.window_s, self.where.text if self.where else None

    def _version(self) -> int:
        stage = self._stage
        known = stage.mesh.version_of(Topic.EDGES, Topic.DUMPS, Topic.CLUSTER)
        return hash((known, int(stage.now), *self._question()))

    def _rows(self) -> Sequence[BackendRow]:
        stage = self._stage
        now = None if stage.is_finite else stage.now
        service = self._service() or self._choices.busiest(stage.window_s, now, self.where)
        self.result = None if service is None else self._choices.balance(service, self._bounds(), self.where)
        return backend_rows(self.result, with_all=False) if self.result is not None else []

    def _bounds(self) -> Bounds:
        """Give the window as bounds of time; in saved logs it counts back from their end."""
        stage = self._stage
        newest = (stage.mesh.edges.rates.newest_bucket + 1) * BUCKET_S
        end = newest if stage.is_finite else stage.now
        since = None if stage.window_s is None else end - stage.window_s
        return Bounds(since=since, until=stage.now if stage.is_paused else None, length_s=stage.window_s)

    def refresh(self) -> bool:
        """Catch up with the memory; whether another service is told of than before."""
        before = self.result.service if self.result is not None else None
        asked = self._question()
        catch_up(self.view, self._stage, has_changed=asked != self._asked)
        self._asked = asked
        return before != (self.result.service if self.result is not None else None)

    # -- words --------------------------------------------------------------------------------------------------------

    def heading(self) -> Line:
        """Say whose balance it is, from whom, and over which window."""
        result = self.result
        if result is None:
            return (Span(f"Balance · {self._stage.window_text}"), *filter_words(self.where))
        whose = result.title if self._service() else f"{result.title}, the busiest"
        words = ["Balance", whose, *_from(result), self._stage.window_text]
        return (Span(" · ".join(words)), *filter_words(self.where))

    def sentences(self) -> Sequence[Line]:
        """Say what the numbers can support, the most important first."""
        return said(self.result) if self.result is not None else ()

    def why_empty(self) -> Sequence[Line]:
        """Say why there is no backend to show, and what would fill the pane."""
        if self.result is not None:
            return [
                *said(self.result),
                line("  ", Span(self._stage.key("window_longer"), "key"), " looks back longer."),
            ]
        text = self.where.text if self.where else ""
        stage = self._stage
        where = f"Flows ({stage.key('pane.flows')}) or Services ({stage.key('pane.services')})"
        how = line(
            "  ", Span(stage.key("pane.balance"), "key"), f" on a row of {where} shows that service's balance here."
        )
        return [*why.no_entries(stage, len(stage.mesh.entries), text, stage.window_text), how]


def _from(result: BalanceResult) -> list[str]:
    if not result.sources:
        return []
    (_, name), _ = result.sources[0]
    if len(result.sources) == 1:
        return [f"from {short_pod(name) or 'unnamed sources'}"]
    return [f"from {len(result.sources)} workloads"]


def said(result: BalanceResult, *, is_short: bool = True) -> list[Line]:
    """Write the sentences of a balance: what to be careful about with a mark of its own; pods as the rows name them."""
    short = {one.name: short_pod(one.name, result.name) for one in result.drawn} if is_short else {}
    lines = []
    for text, is_caution in result.sentences:
        for name, brief in short.items():
            text = text.replace(name, brief)  # noqa: PLW2901  name by name
        lines.append(line(Span(" ! ", "warn") if is_caution else Span(" · ", "dim"), text))
    return lines


def backend_lines(stage: Stage, row: BackendRow) -> list[Line]:
    """Say everything about one backend, and from whom its service's connections come."""
    result = row.result
    lines = titled(f"{row.backend.name} of {result.title}", Span(stage.window_text, "dim"))
    lines += [one for one in column_lines(balance_table(), row, stage.context()) if one]
    lines += [BLANK, line(Span(" What can be said", "header")), *said(result, is_short=False)]
    if result.sources:
        lines += [BLANK, line(Span(" Opened by", "header"))]
        for (namespace, name), count in result.sources[:_SOURCES_SHOWN]:
            whole = f"{namespace}/{name}" if namespace else name or "(no name)"
            lines.append(labelled(str(count), whole))
        more = len(result.sources) - _SOURCES_SHOWN
        lines += [labelled("…", f"{more} more under {stage.key('raw')}")] if more > 0 else []
    if result.weights is Weights.CAPACITY:
        note = "A weight is the endpoint's capacity in the config dumps; a Deployment's pod always has 1."
        lines += [BLANK, line(Span(f" {note}", "dim"))]
    return lines


def balance_part(stage: Stage, balance: Balance, heading: Callable[[], Line]) -> Part[BackendRow]:
    """Make the part that shows a balance under this heading."""
    histogram = Histogram(
        TABLE,
        balance.view,
        stage.context,
        sentences=balance.sentences,
        caption=balance.heading,
        empty=balance.why_empty,
    )
    return Part(heading, histogram)


class BalancePane(Pane):
    """One service's balance."""

    NAME: ClassVar[str] = "balance"
    TITLE: ClassVar[str] = "Balance"
    SHORT: ClassVar[str] = "Bal"
    HAS_WINDOW: ClassVar[bool] = True
    ABOUT: ClassVar[tuple[str, ...]] = (
        """Connections to one service by the backend they went to, counted when they were opened: closed ones by their
        end less their duration (to ten seconds), and those still open. i on a row of another pane chooses the service;
        without a choice it is the busiest.""",
        """The bar is the observed share, │ the expected one: what random draws by the endpoints' weights give. ztunnel
        does not take turns, so shares differ from it; no verdict is given whether they differ too much.""",
        """Open now and the bytes of closed connections are load, not choice: a long-lived connection stays with its
        backend. Failed counts connections that ended in the window.""",
    )

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.balance = Balance(stage, lambda: stage.balance_service)
        self._part = balance_part(stage, self.balance, self.balance.heading)
        self.parts = [self._part]

    def compose(self) -> ComposeResult:
        """One part."""
        yield self._part

    def refresh_views(self) -> None:
        """Let the balance catch up."""
        if self.balance.refresh():
            self._part.table.forget_widths()

    def set_filter(self, own: FlowFilter | None, everywhere: FlowFilter | None) -> None:
        """Filter connections before they are counted."""
        self.balance.where = own & everywhere if own is not None and everywhere is not None else own or everywhere

    def hint_values(self, key: str) -> Mapping[str, int]:
        """Values that entries in memory have."""
        return entry_values(self.stage.mesh, key)

    # -- the row under the cursor -------------------------------------------------------------------------------------

    def detail(self) -> Sequence[Line] | None:
        """Say everything about a backend."""
        return backend_lines(self.stage, self.row) if isinstance(self.row, BackendRow) else None

    def documents(self) -> Sequence[Mapping[str, object]]:
        """Give the whole balance, as `ztui balance SERVICE -o json` prints it."""
        return (balance_document(self.balance.result),) if self.balance.result is not None else ()

    def workload(self) -> str | None:
        """Name the backend."""
        return self.row.backend.name if isinstance(self.row, BackendRow) else None

    def service(self) -> str | None:
        """Name the service that is shown."""
        return self.balance.result.service if self.balance.result is not None else None
