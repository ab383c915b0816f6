"""Health (9): one row per node: its ztunnel, and how well that is observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from ztui import units
from ztui.model.streams import StreamState
from ztui.store.mesh import Topic
from ztui.tables.columns import time_cell
from ztui.tables.health import HEALTH, HealthRow, health_rows, lamp
from ztui.ui import why
from ztui.ui.detail import labelled
from ztui.ui.looks import BLANK, Line, Span
from ztui.ui.panes.dumppane import DumpPane
from ztui.ui.panes.fields import HEALTH_FIELDS
from ztui.ui.panes.healthnotes import health_notes

if TYPE_CHECKING:
    from ztui.store.streams import StreamRow
    from ztui.ui.stage import Stage

_MOST_GAPS = 10


class HealthPane(DumpPane[HealthRow]):
    """One row per ztunnel."""

    NAME: ClassVar[str] = "health"
    TITLE: ClassVar[str] = "Health"
    SHORT: ClassVar[str] = "Hlth"
    ABOUT: ClassVar[tuple[str, ...]] = (
        """A lamp per stream with the number that matters: a log's lag, a dump's age. A quiet log reads idle: it is
        probed after 60 s, and only then known to be alive.""",
        "Lag includes the difference between the node's clock and ours. Enter shows reasons, gaps and counts.",
    )

    def __init__(self, stage: Stage) -> None:
        mesh = stage.mesh
        super().__init__(
            stage,
            HEALTH,
            lambda: health_rows(mesh, stage.now),
            Topic.STREAMS,
            Topic.CLUSTER,
            Topic.DUMPS,
            fields=HEALTH_FIELDS,
            every_second=True,
        )

    def heading(self) -> str:
        """Say what comes through the API server now, how many lines came in, and how much of it is kept."""
        mesh, now = self.stage.mesh, self.stage.now
        words = ["Health"]
        if not self.stage.is_finite:
            lines_per_s = units.format_count(mesh.streams.lines_per_s(now))
            size_per_s = units.format_bytes(mesh.streams.bytes_per_s(now))
            words.append(f"{lines_per_s} lines/s, {size_per_s}/s of logs through the API server")
        size = units.format_bytes(sum(row.byte_count for row in mesh.streams))
        words.append(f"{units.format_count(mesh.lines.received)} lines, {size} read")
        return " · ".join(words)

    def notes(self) -> Sequence[Line]:
        """Say what is wrong, what is missing, and whose log tells of failures only."""
        mesh, view = self.stage.mesh, self.asked.view
        return health_notes(view.page(0, view.count), mesh, self.stage.now)

    def why_empty(self) -> Sequence[Line]:
        """Say what is being looked for."""
        where = self.asked.view.filter
        lines = why.no_ztunnels(self.stage, self.asked.view.total, where.text if where else "")
        return [*lines, *self._why_filtered()]

    def more(self, row: HealthRow) -> Sequence[Line]:
        """Say how each stream is, why, and what it lost."""
        lines: list[Line] = []
        for what, stream in (("Log", row.log), ("Config dump", row.dump)):
            if stream is not None:
                lines += [BLANK, *self._stream_lines(what, stream)]
        return lines

    def _stream_lines(self, what: str, stream: StreamRow) -> list[Line]:
        now, context = self.stage.now, self.stage.context()
        lines = [labelled(what, lamp(stream, now))]
        if stream.reason and stream.state is not StreamState.CONNECTED:
            lines.append(labelled("Reason", stream.reason))
            if stream.remedy:
                lines.append(labelled("What to do", stream.remedy))
        if stream.retry_at is not None:
            lines.append(labelled("Next try", f"in {units.format_age(max(0.0, stream.retry_at - now))}"))
        if stream.oldest_available is not None:
            lines.append(labelled("Oldest", time_cell(stream.oldest_available, context), " is the oldest available"))
        counts = stream.lines
        if counts.received:
            said = f"{counts.entries} entries, {counts.diagnostics} of other scopes, {counts.unreadable} unreadable"
            lines.append(labelled("Lines", f"{counts.received} read: {said}"))
        for gap in list(stream.gaps)[-_MOST_GAPS:]:
            span = (time_cell(gap.first, context), Span(" … "), time_cell(gap.last, context))
            lines.append(labelled("Gap", *span, f"  lines may be missing: {gap.why}"))
        return lines
