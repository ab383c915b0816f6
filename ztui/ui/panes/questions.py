"""What panes ask the memory, as views: edges for the keys chosen with `a`, single flows, rows of config dumps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ztui.model.fields import LABELS, Field, Kind
from ztui.model.flow import AccessLogEntry, Direction, Flow
from ztui.store.flowview import FlowView
from ztui.store.mesh import Topic
from ztui.store.views import TableView, as_texts
from ztui.tables.columns import Align, Cell, Column, Context, Table, Value
from ztui.tables.edges import edges_table
from ztui.tables.flows import FLOWS
from ztui.tables.labelled import PodLabels

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.store.edges import EdgeRow
    from ztui.ui.stage import Stage

T = TypeVar("T")
S = TypeVar("S")
_MOST_VALUES_ASKED = 20_000


def fields_of(table: Table[T]) -> dict[str, Field[T]]:
    """Make fields to sort and search by of a table's columns."""
    fields: dict[str, Field[T]] = {}
    for column in table.columns:
        kind = Kind.NUMBER if column.align is Align.RIGHT else Kind.TEXT
        field = Field(name=column.key, getter=column.value, kind=kind, title=column.title)
        fields.setdefault(column.key, field)
        if column.sort is not None:
            fields.setdefault(column.sort, field)
    return fields


def as_flow(entry: AccessLogEntry) -> Flow:
    """Take an entry for the half of a connection that it is."""
    return Flow(inbound=entry) if entry.shape.direction == Direction.INBOUND else Flow(outbound=entry)


def dressed(table: Table[S], change: Callable[[T], S]) -> Table[T]:
    """Make a table of rows T of a table of what they stand for."""
    change = _once(change)
    return Table(
        name=table.name,
        columns=tuple(_dressed_column(column, change) for column in table.columns),
        row_key=lambda row: table.row_key(change(row)),
        row_name=lambda row: table.row_name(change(row)),
        document=lambda row: table.document(change(row)),
        is_problem=None,
        default_sort=table.default_sort,
    )


def _once(change: Callable[[T], S]) -> Callable[[T], S]:
    """Remember the latest answer: a row is asked for column by column."""
    latest: list[tuple[T, S]] = []

    def changed(row: T) -> S:
        if not latest or latest[0][0] is not row:
            latest[:] = [(row, change(row))]
        return latest[0][1]

    return changed


def _dressed_column(column: Column[S], change: Callable[[T], S]) -> Column[T]:
    def value(row: T) -> Value:
        return column.value(change(row))

    def cell(row: T, context: Context) -> Cell:
        return column.cell(change(row), context)

    changed: Any = replace(column, value=value, cell=cell)  # type: ignore[arg-type]  # the row's type changes with both
    dressed_column: Column[T] = changed
    return dressed_column


HALVES: Table[AccessLogEntry] = dressed(FLOWS, as_flow)
"""Single flows, one row per half: joining halves is asked for one by one, not for a list that runs."""


class Edges:
    """Edges by the keys, window and filter chosen now."""

    def __init__(self, stage: Stage, by: Callable[[], tuple[str, ...]]) -> None:
        self._stage = stage
        self._by = by
        self.where: FlowFilter | None = None
        self._asked: tuple[object, ...] = ()
        self._answer: tuple[object, Sequence[EdgeRow]] | None = None
        self.view = self._make_view()

    @property
    def by(self) -> tuple[str, ...]:
        """The keys rows are grouped by."""
        return self._by()

    @property
    def table(self) -> Table[EdgeRow]:
        """The columns for these keys."""
        return edges_table(self.by)

    def _make_view(self) -> TableView[EdgeRow]:
        table = self.table
        return TableView(
            rows=self.rows,
            key=table.row_key,
            fields=fields_of(table),
            version=self._version,
            is_problem=table.is_problem,
            default_sort=table.default_sort,
        )

    def _version(self) -> int:
        stage = self._stage
        known = stage.mesh.version_of(Topic.EDGES, Topic.DUMPS, Topic.CLUSTER)
        return hash((known, int(stage.now), stage.window_s, self.where.text if self.where else None))

    def rows(self) -> Sequence[EdgeRow]:
        """Ask the memory: once a tick, though the table and its tab's badge both want to know."""
        asked = (self.by, self._version())
        if self._answer is None or self._answer[0] != asked:
            self._answer = asked, self._ask()
        return self._answer[1]

    def _ask(self) -> Sequence[EdgeRow]:
        stage, where = self._stage, self.where
        if where is not None and where.needs_entry:
            return stage.mesh.edges.rows_of_entries(
                self.by, self._entries(), where=where, window_s=stage.window_s, now=stage.moment
            )
        return stage.mesh.edges.rows(self.by, where=where, window_s=stage.window_s, now=self._now)

    @property
    def _now(self) -> float | None:
        return None if self._stage.is_finite else self._stage.now

    def _entries(self) -> Iterator[AccessLogEntry]:
        stage, mesh = self._stage, self._stage.mesh
        return (mesh.entries.entry(seq) for seq in mesh.entries.scan(self.where, mesh.inventory, now=stage.moment))

    def refresh(self) -> bool:
        """Catch up with the memory; whether the columns are others than before."""
        stage = self._stage
        asked = (self.by, stage.window_s, self.where.text if self.where else None)
        has_new_columns = not self._asked or asked[0] != self._asked[0]
        if has_new_columns and self._asked:
            self.view = self._make_view()
        catch_up(self.view, stage, has_changed=asked != self._asked)
        self._asked = asked
        return has_new_columns

    def failing(self) -> int:
        """How many edges had failures in the window."""
        return sum(1 for row in self.rows() if row.failed)


def catch_up(view: TableView[Any] | FlowView, stage: Stage, *, has_changed: bool = False) -> None:
    """Let a view follow what is chosen for all panes: pause, problems only; then take what is new."""
    if view.problems_only != stage.is_problems_only:
        view.set_problems_only(stage.is_problems_only)
    if has_changed or not stage.is_paused:
        # Another question deserves an answer even while paused.
        view.resume()
    view.refresh(stage.moment)
    if stage.is_paused:
        view.pause()


class DumpRows(Generic[T]):
    """Rows that config dumps or the cluster tell, filtered by what their columns say."""

    def __init__(
        self,
        stage: Stage,
        table: Table[T],
        rows: Callable[[], Sequence[T]],
        *topics: Topic,
        fields: Mapping[str, Field[T]] | None = None,
        every_second: bool = False,
    ) -> None:
        self._stage = stage
        self._topics = topics
        self._every_second = every_second
        self.rows = rows
        self.table = table
        labels: Field[T] = Field(name=LABELS, getter=PodLabels(stage.mesh).getter(table.name))
        self.view: TableView[T] = TableView(
            rows=rows,
            key=table.row_key,
            fields={**fields_of(table), **(fields or {}), LABELS: labels},
            version=self._version,
            is_problem=table.is_problem,
            default_sort=table.default_sort,
        )

    def _version(self) -> int:
        version = self._stage.mesh.version_of(*self._topics)
        if self.view.filter is not None and LABELS in self.view.filter.keys:
            version = hash((version, self._stage.mesh.inventory.version))
        return hash((version, int(self._stage.now))) if self._every_second else version

    def refresh(self) -> None:
        """Catch up with the memory."""
        catch_up(self.view, self._stage)

    def set_filter(self, own: FlowFilter | None, everywhere: FlowFilter | None) -> None:
        """Filter by what was typed here, and by what holds everywhere as far as these rows know its keys."""
        known = everywhere.only(self.view.fields.keys()) if everywhere is not None else None
        both = own & known if own is not None and known is not None else own or known
        if (both.text if both else None) != (self.view.filter.text if self.view.filter else None):
            self.view.set_filter(both)

    def problem_count(self) -> int:
        """How many rows have a problem."""
        is_problem = self.table.is_problem
        return 0 if is_problem is None else sum(1 for row in self.rows() if is_problem(row))

    def values(self, key: str) -> Mapping[str, int]:
        """Values that exist for a key of the filter, each with how often."""
        field = self.view.fields.get(key)
        if field is None:
            return {}
        return Counter(text for row in self.rows()[:_MOST_VALUES_ASKED] for text in as_texts(field.getter(row))[:1])
