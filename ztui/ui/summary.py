"""The few lines that `Q` leaves in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztui import units

if TYPE_CHECKING:
    from ztui.ui.stage import Stage

_MOST_EDGES = 5


def summary(stage: Stage) -> str:
    """Sum up what was seen since the start: lines, connections, the worst edges, what may be missing."""
    mesh = stage.mesh
    rows = mesh.edges.rows(("src.workload", "dst.service"))
    flows, failed = sum(row.flows for row in rows), sum(row.failed for row in rows)
    counted = f"{units.format_count(flows)} connections counted, {units.format_count(failed)} failed or denied"
    lines = [f"ztui · {stage.title}: {mesh.lines.received} log lines read, {counted}"]
    worst = sorted((row for row in rows if row.failed), key=lambda row: -row.failed)[:_MOST_EDGES]
    for row in worst:
        names = " → ".join(value or "–" for value in row.keys.values())
        error = f": {row.last_error}" if row.last_error else ""
        lines.append(f"  ✖ {names}: {row.failed} of {row.flows}{error}")
    gaps = sum(row.gap_count for row in mesh.streams)
    if gaps:
        lines.append(f"  ! {gaps} gap{'' if gaps == 1 else 's'} in the logs: lines may be missing")
    lines += [f"  mark {mark.name}" for mark in mesh.marks]
    return "\n".join(lines)
