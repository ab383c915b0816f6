"""Printing rows as they come: of one log as it is read, of several in the order of time, with -f until stopped."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from ztui.cli.filters import flow_filter
from ztui.cli.headless import watching
from ztui.cli.output import context_of, form_of, has_color, print_lines
from ztui.cli.tape import Tape
from ztui.clock import SystemClock
from ztui.tables.render import TableWriter, choose_columns, csv_lines, json_text, sort_rows, yaml_text

if TYPE_CHECKING:
    from ztui.cli.headless import Watch
    from ztui.cli.parser import Invocation
    from ztui.model.flow import EntryBatch, Shape
    from ztui.settings import Settings
    from ztui.tables.columns import Table

T = TypeVar("T")
WriteJson = Callable[["EntryBatch", Sequence[int]], bytes]
_QUIET_TICKS = 4
_TICK_S = 0.25
"""How long lines of several ztunnels are gathered to be put in the order of time, while following."""


class RowStream(Generic[T]):
    """Writes rows of batches in the format asked for, as they come.

    `row_of` makes row `i` of a batch; `write_json`, where given, writes many as JSON lines faster than one by one.
    """

    def __init__(
        self,
        settings: Settings,
        table: Table[T],
        row_of: Callable[[EntryBatch, int], T],
        write_json: WriteJson | None = None,
    ) -> None:
        self._table, self._row_of, self._sort = table, row_of, settings.sort
        self._form = form_of(settings, table.name)
        self._columns = choose_columns(table, keys=settings.columns, wide=self._form in ("wide", "csv"))
        self._has_headers = not settings.is_without_headers
        context = context_of(settings, SystemClock().now())
        self._writer = TableWriter(self._columns, context, headers=self._has_headers, color=has_color(settings))
        self._is_first = True
        self.sorts = settings.sort not in (None, "none", "time")
        """Whether everything must be there before the first line can be written."""
        if self.sorts:
            sort_rows(table, (), settings.sort)  # refuses a column that does not exist before anything is read
        self._write_json = write_json if write_json and not self.sorts else self._json_of_rows

    def write(self, batch: EntryBatch, order: Sequence[int]) -> None:
        """Write these rows of a batch."""
        if self._form in ("json", "jsonl"):
            self._write_bytes(self._write_json(batch, order))
        else:
            print_lines(self._lines(self._rows(batch, order)))
            self._is_first = False

    def _rows(self, batch: EntryBatch, order: Sequence[int]) -> Iterable[T]:
        rows = (self._row_of(batch, i) for i in order)
        return sort_rows(self._table, rows, self._sort) if self.sorts else rows

    def _json_of_rows(self, batch: EntryBatch, order: Sequence[int]) -> bytes:
        return b"".join(json_text(self._table.document(row)).encode() + b"\n" for row in self._rows(batch, order))

    def _write_bytes(self, lines: bytes) -> None:
        if not lines:
            return
        if self._form == "json":
            lines = (b"[" if self._is_first else b",") + lines[:-1].replace(b"\n", b"\n,") + b"\n"
        self._is_first = False
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()

    def _lines(self, rows: Iterable[T]) -> Iterator[str]:
        match self._form:
            case "csv":
                return csv_lines(self._columns, rows, headers=self._has_headers and self._is_first)
            case "yaml":
                return (yaml_text([self._table.document(row)]) for row in rows)
            case "name":
                return (self._table.row_name(row) for row in rows)
            case _:
                return self._writer.lines(rows)

    def close(self, *, is_cut: bool = False) -> None:
        """Write what belongs at the end; where it was cut before anything was written, nothing is the truth."""
        if self._form == "json" and not (is_cut and self._is_first):
            sys.stdout.buffer.write(b"[]\n" if self._is_first else b"]\n")
            sys.stdout.buffer.flush()


def stream(invocation: Invocation, rows: RowStream[T], wants: Callable[[Shape], bool] | None = None) -> int:
    """Print rows until the input ends, a cluster's past is told, or with -f the user stops it; the exit code."""
    settings = invocation.settings
    if settings.files and (settings.tail is not None or all(map(os.path.isfile, settings.files))):
        settings = replace(settings, is_following=False)  # files that lie still have an end, and only it has a tail
    target = invocation.arguments[0] if invocation.arguments else None
    tape = Tape(settings, flow_filter(settings, target), rows.write, keeps_all=rows.sorts, wants=wants)
    with _closed_when_cut(rows), watching(settings, tape, target=target) as watch:
        if rows.sorts or not (settings.is_following or (tape.is_streaming and watch.is_finite)):
            watch.settle()
        else:
            _print_as_they_come(watch, tape, is_following=settings.is_following)
        watch.require_log()
        tape.finish()
        rows.close()
        return watch.finish()


@contextmanager
def _closed_when_cut(rows: RowStream[T]) -> Iterator[None]:
    """Write what belongs at the end also where a signal ends the program: a list that was begun stays JSON."""
    try:
        yield
    except Exception:
        raise
    except BaseException:  # Ctrl-C, and the signals that __main__ makes exceptions of
        rows.close(is_cut=True)
        raise


def _print_as_they_come(watch: Watch, tape: Tape, *, is_following: bool) -> None:
    """Print what gathers of several ztunnels: with -f at each tick, else when nothing more has come for a second.

    A pipe brings the past of one ztunnel after the other: printed at once it would not be in the order of time.
    """
    quiet = 0
    for _ in watch.ticks(_TICK_S):
        quiet, tape.has_news = 0 if tape.has_news else quiet + 1, False
        if is_following or quiet >= _QUIET_TICKS:
            tape.flush()
    watch.require()
