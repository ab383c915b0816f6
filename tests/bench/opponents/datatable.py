"""Edges of a piped log in Textual's DataTable, four times a second: `… | python datatable.py`; `l` lists entries."""

import os
import sys
import threading
from collections.abc import Iterator

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable, Footer, Header

from tests.bench.opponents.naive import UNESCAPED, Edge, Entry, line_of

LINE = line_of(UNESCAPED)  # the faster one

COLUMNS = ("from", "to", "flows", "failed", "sent", "recv", "error")
ENTRY_COLUMNS = ("time", "from", "to", "direction", "sent", "recv", "duration", "error")


class EdgesApp(App[None]):
    BINDINGS = [("l", "list", "List"), ("q", "quit", "Quit")]  # noqa: RUF012

    def __init__(self, log: Iterator[str]) -> None:
        super().__init__()
        self.log_lines = log
        self.lock = threading.Lock()
        self.edges: dict[str, tuple[Entry, Edge]] = {}
        self.changed: set[str] = set()
        self.shown: set[str] = set()
        self.entries: list[Entry] = []

    def compose(self) -> ComposeResult:
        yield Header()
        yield DataTable(cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        for column in COLUMNS:
            table.add_column(column, key=column)
        threading.Thread(target=self.read, daemon=True).start()
        self.timer = self.set_interval(0.25, self.tick)

    def read(self) -> None:
        for line in self.log_lines:
            found = LINE.match(line)
            if found is None:
                continue
            entry = Entry(**found.groupdict())
            with self.lock:
                self.entries.append(entry)
                if len(self.entries) > 100_000:
                    del self.entries[:10_000]
                if entry.direction == "outbound":
                    self.count(entry)

    def count(self, entry: Entry) -> None:
        key = f"{entry.src_workload} {entry.dst_service}"
        _, edge = self.edges.setdefault(key, (entry, Edge()))
        edge.flows += 1
        edge.failed += entry.error is not None
        edge.sent += int(entry.bytes_sent or 0)
        edge.recv += int(entry.bytes_recv or 0)
        self.changed.add(key)

    def tick(self) -> None:
        """Update what changed, add what is new, the busiest on top."""
        table = self.query_one(DataTable)
        with self.lock:
            changed, self.changed = self.changed, set()
            for key in changed:
                entry, edge = self.edges[key]
                if key in self.shown:
                    table.update_cell(key, "flows", edge.flows)
                    table.update_cell(key, "failed", edge.failed)
                    table.update_cell(key, "sent", edge.sent)
                    table.update_cell(key, "recv", edge.recv)
                else:
                    ends = Text(entry.src_workload or "-"), Text(entry.dst_service or "-")
                    error = Text(entry.error or "")
                    table.add_row(*ends, edge.flows, edge.failed, edge.sent, edge.recv, error, key=key)
                    self.shown.add(key)
        if changed:
            table.sort("flows", reverse=True)

    def action_list(self) -> None:
        """Show single entries instead."""
        self.timer.stop()
        table = self.query_one(DataTable)
        table.clear(columns=True)
        table.add_columns(*ENTRY_COLUMNS)
        with self.lock:
            table.add_rows(
                (
                    Text(e.time),
                    Text(e.src_workload or "-"),
                    Text(e.dst_service or "-"),
                    e.direction,
                    e.bytes_sent,
                    e.bytes_recv,
                    e.duration,
                    Text(e.error or ""),
                )
                for e in self.entries
            )


if __name__ == "__main__":
    log = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
    os.dup2(os.open("/dev/tty", os.O_RDWR), 0)
    EdgesApp(log).run()
    sys.stdout.flush()
    os._exit(0)
