"""`edges`: flows aggregated by `--by KEYS`, counted once each by the rules of what a connection is."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from ztui.cli.filters import flow_filter, say_forgotten, say_without_labels, without_labels
from ztui.cli.headless import watching
from ztui.cli.output import context_of, form_of, print_rows
from ztui.cli.span import Span
from ztui.clock import SystemClock
from ztui.errors import UsageError
from ztui.model.fields import BY_KEYS
from ztui.store.history import Bounds
from ztui.store.mesh import Mesh, Topic
from ztui.store.rates import BUCKET_S
from ztui.tables.edges import edges_table
from ztui.tables.render import choose_columns, sort_rows

if TYPE_CHECKING:
    from ztui.cli.headless import Watch
    from ztui.cli.parser import Invocation
    from ztui.settings import Settings
    from ztui.store.edges import EdgeRow

_TICK_S = 2.0
_COLUMNS = ("flows", "failed", "denied", "sent", "recv", "p50", "p99", "error")
"""What a snapshot shows beside its keys; rates and trends are for the screen, and for -o wide."""
_TIMED = ("rate", "trend", "failing", "last")
_MOST_SHAPES = 4_000_000
"""A command that prints every edge of a saved log must not fold any: memory is bounded by the log's own variety."""
_LEAST_BUCKETS = 360


def run(invocation: Invocation) -> int:
    """Print edges: once, or with -w again whenever they changed."""
    settings = invocation.settings
    target = invocation.arguments[0] if invocation.arguments else None
    question = _Question(settings, target)
    with watching(settings, question.memory, target=target) as watch:
        watch.settle()
        watch.require_log()
        question.print(watch)
        seen = question.version
        for _ in watch.ticks(_TICK_S) if settings.is_watching and not watch.progress.is_exhausted else ():
            if question.version != seen:
                seen = question.version
                question.print(watch)
        return watch.finish()


class _Question:
    """Which edges are asked for, with the memory that answers."""

    def __init__(self, settings: Settings, target: str | None) -> None:
        unknown = [key for key in settings.by if key not in BY_KEYS]
        if unknown:
            raise UsageError(f"--by does not know {unknown[0]!r}.", f"Choose from {', '.join(BY_KEYS)}.")
        self._settings = settings
        self._where = flow_filter(settings, target)
        self._table = edges_table(settings.by)
        form_of(settings, "edges")
        choose_columns(self._table, keys=settings.columns)
        sort_rows(self._table, (), settings.sort)  # refuses a column that does not exist before anything is read
        self._clock = SystemClock()
        self.mesh = Mesh(
            clock=self._clock,
            max_rows=settings.max_rows if self._needs_entries else 0,
            max_bytes=settings.max_bytes,
            bounds=Bounds(
                max_buckets=max(_LEAST_BUCKETS, ceil((settings.since_s or 0) / BUCKET_S) + 2),
                max_shapes=_MOST_SHAPES,
                joined_cells=_MOST_SHAPES,
                max_cells=_MOST_SHAPES,
            ),
            is_timed=self._asks_for_times,
        )
        self.memory = Span.before(self.mesh, settings)

    @property
    def _asks_for_times(self) -> bool:
        """Whether the answer has rates, trends or a window: else how often and how much is enough."""
        settings = self._settings
        shown = {*settings.columns, settings.sort}
        is_plain = settings.output not in ("wide", "csv") or bool(settings.columns)
        return not (settings.files and settings.since_s is None and is_plain and shown.isdisjoint(_TIMED))

    @property
    def _needs_entries(self) -> bool:
        return self._where is not None and self._where.needs_entry

    @property
    def version(self) -> int:
        """Grows when the answer may have changed."""
        return self.mesh.version_of(Topic.EDGES)

    def _rows(self) -> list[EdgeRow]:
        if self._needs_entries:
            return self.mesh.edges.rows_of_entries(
                self._settings.by,
                self.mesh.entries.oldest(),
                where=self._where,
                window_s=self._settings.since_s,
                now=self.mesh.now_logged if self._settings.files else self._clock.now(),
            )
        return self.mesh.edges.rows(self._settings.by, where=self._where, window_s=self._settings.since_s)

    def print(self, watch: Watch) -> None:
        """Print the answer as it is now."""
        if self._needs_entries:
            say_forgotten(self.mesh)
        if self._settings.selector:
            say_without_labels(without_labels(self.mesh.edges.rates.shapes(), self.mesh.inventory))
        context = context_of(self._settings, self._clock.now())
        print_rows(
            self._table,
            self._rows(),
            self._settings,
            context,
            columns=(*self._settings.by, *_COLUMNS),
            observed=watch.observed(),
        )
