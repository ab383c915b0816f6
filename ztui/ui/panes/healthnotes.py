"""Sentences under the Health table: each trouble once, with the nodes it stands for and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ztui import units
from ztui.model.streams import StreamState
from ztui.tables.health import LAMPS
from ztui.ui.looks import Line, Span, line
from ztui.ui.why import reason_of, soonest

if TYPE_CHECKING:
    from ztui.store.mesh import Mesh
    from ztui.store.streams import StreamRow
    from ztui.tables.health import HealthRow

_NODES_NAMED = 4
_LEAST_ENTRIES = 20
"""Fewer entries than this, all failures, say nothing of a log level."""


def health_notes(rows: Sequence[HealthRow], mesh: Mesh, now: float) -> list[Line]:
    """Write what the rows have no room for: the gravest first."""
    kept = f" {len(mesh.entries):,} of at most {mesh.entries.max_rows:,} entries are kept.".replace(",", " ")
    bound = line(" ", Span("·", "dim"), kept)
    return [*_lost(rows, now), *_gaps(rows), *_younger(rows, now), *_without_success(rows, mesh), bound]


def _named(nodes: Iterable[str]) -> str:
    """Name a few nodes, and count the others."""
    every = list(dict.fromkeys(nodes))
    more = len(every) - _NODES_NAMED
    return ", ".join(every[:_NODES_NAMED]) + (f" and {more} more" if more > 0 else "")


def _node(row: HealthRow) -> str:
    return row.node or row.key


def _lost(rows: Sequence[HealthRow], now: float) -> Iterable[Line]:
    bad = (StreamState.UNAVAILABLE, StreamState.NOT_PERMITTED, StreamState.ERROR)
    same: dict[tuple[StreamState, str, str], list[tuple[str, StreamRow]]] = {}
    for row in rows:
        for what, stream in (("log", row.log), ("config dump", row.dump)):
            if stream is not None and stream.state in bad:
                same.setdefault((stream.state, what, reason_of(stream)), []).append((_node(row), stream))
    for (state, what, reason), of in same.items():
        first = of[0][1]
        retry = soonest(stream for _, stream in of)
        soon = f"; next try in {units.format_age(max(0.0, retry - now))}" if retry is not None else ""
        glyph, meaning = LAMPS[state]
        nodes = _named(node for node, _ in of)
        remedy = f" {first.remedy}" if first.remedy else ""
        yield line(" ", Span(glyph, meaning.value), f" {nodes}: {what}: {reason}{soon}.{remedy}")


def _gaps(rows: Sequence[HealthRow]) -> Iterable[Line]:
    for row in rows:
        gaps = list(row.log.gaps) if row.log is not None else []
        if gaps:
            lost_s = sum(max(0.0, gap.last - gap.first) for gap in gaps)
            text = f" {_node(row)}: lines of {units.format_age(lost_s)} may be missing: {gaps[-1].why}"
            yield line(" ", Span("!", "warn"), text)


def _younger(rows: Sequence[HealthRow], now: float) -> Iterable[Line]:
    """Tell whose log begins later than was asked for: the kubelet has the current file only."""
    found = {_node(row): row.log.oldest_available for row in rows if row.log and row.log.oldest_available}
    if found:
        youngest_s = now - max(found.values())
        nodes = _named(found)
        yield line(
            " ",
            Span("!", "warn"),
            f" {nodes}: oldest available {units.format_age(max(0.0, youngest_s))}: what was asked for begins earlier"
            " than the kubelet's current log file.",
        )


def _without_success(rows: Sequence[HealthRow], mesh: Mesh) -> Iterable[Line]:
    """Tell whose log holds failures only: at level warn ztunnel writes no connection that succeeded."""
    known = {row.node for row in rows}
    silent = [
        edge.keys["node"]
        for edge in mesh.edges.rows(("node",))
        if edge.flows >= _LEAST_ENTRIES and edge.failed == edge.flows and edge.keys["node"] in known
    ]
    if silent:
        nodes = _named(node for node in silent if node)
        yield line(
            " ",
            Span("!", "warn"),
            f" {nodes}: every connection in the log failed. At log level warn ztunnel logs none that succeeded:"
            " look at its level before believing it.",
        )
