"""Why a pane is empty, and what would fill it: one or two plain sentences, never a blank."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ztui import units
from ztui.model.fields import LABELS
from ztui.model.streams import StreamKind, StreamState
from ztui.ui.looks import Line, Span, line

if TYPE_CHECKING:
    from ztui.store.streams import StreamRow
    from ztui.ui.stage import Stage

_MOST_REASONS = 4


def no_entries(stage: Stage, kept: int, filter_text: str, window_text: str) -> list[Line]:
    """Say why there are no connections to show; `kept` entries are in memory."""
    if kept and not filter_text and not stage.is_problems_only:
        return [
            line(f"  No connection closed within the window ({window_text}); {kept} entries are kept."),
            line("  ", Span(stage.key("window_longer"), "key"), " looks back longer."),
        ]
    if kept:
        return filtered_away(stage, kept, filter_text)
    if stage.is_finite:
        if not stage.mesh.exhausted:
            return [line("  Reading the files …")]
        return _files_without("access log lines", "ztunnel's log: `kubectl logs` of each ztunnel pod, --tail=-1")
    lines = _troubles(stage, StreamKind.LOG, "log")
    if not lines and stage.mesh.lines.received:
        seen = units.format_count(stage.mesh.lines.received)
        lines = [
            line(f"  {seen} log lines were read, none of a connection that ended."),
            line(
                "  ztunnel writes an entry when a connection closes; at log level warn it writes none that succeeded."
            ),
        ]
    return lines or _searching(stage, "Connected; no connection has closed yet.")


def no_dump_rows(stage: Stage, what: str, total: int, filter_text: str) -> list[Line]:
    """Say why there is nothing of what config dumps tell."""
    if total:
        return filtered_away(stage, total, filter_text)
    if stage.mesh.inventory.dumps:
        return [line(f"  The ztunnels hold no {what}.")]
    if stage.is_finite:
        if not stage.mesh.exhausted:
            return [line("  Reading the files …")]
        return _files_without("config dump", "one: --file w1-config_dump.json (istioctl ztunnel-config all -o json)")
    if stage.settings.is_without_dumps:
        return [line(f"  Config dumps are switched off (--no-dumps), and only they tell of {what}.")]
    lines = _troubles(stage, StreamKind.CONFIG_DUMP, "config dump")
    if lines:
        lines.append(line(f"  Without a config dump there are no {what}; flows need only the logs."))
    return lines or _searching(stage, "Waiting for the first config dump …")


def no_ztunnels(stage: Stage, total: int, filter_text: str) -> list[Line]:
    """Say why there is no ztunnel to tell of."""
    if total:
        return filtered_away(stage, total, filter_text)
    if stage.is_finite:
        return [line("  Neither a log nor a config dump of a ztunnel is among the files given.")]
    troubles = _troubles(stage, StreamKind.WATCH, "")
    return troubles or [line("  Looking for ztunnels in the cluster …")]


def filtered_away(stage: Stage, total: int, filter_text: str) -> list[Line]:
    """Say that the filter (or problems only) leaves nothing."""
    if stage.is_problems_only:
        return [
            line(
                "  ",
                Span("·", "ok"),
                f" No problem among {total} rows. ",
                Span(stage.key("problems"), "key"),
                " shows everything.",
            )
        ]
    if stage.scope is not None and LABELS in stage.scope.keys and not stage.mesh.cluster.pods:
        # Nothing is selected by what nobody can see: that it does not match would be a lie.
        troubles = _troubles(stage, StreamKind.WATCH, "")
        return [line("  The labels of no pod are known, so -l selects nothing yet."), *troubles]
    return [
        line(f"  Nothing matches {filter_text!r}; without the filter there are {total} rows."),
        line(
            "  ",
            Span(stage.key("back"), "key"),
            " clears the filter, ",
            Span(stage.key("filter"), "key"),
            " changes it.",
        ),
    ]


def _files_without(what: str, give: str) -> list[Line]:
    return [line(f"  There is no {what} in the files given."), line(f"  To fill this pane give {give}.")]


def _searching(stage: Stage, else_text: str) -> list[Line]:
    if not stage.mesh.cluster.ztunnels:
        return no_ztunnels(stage, 0, "")
    return [line(f"  {else_text}")]


def _troubles(stage: Stage, kind: StreamKind, what: str) -> list[Line]:
    """Name what does not work and what to do, each reason and remedy once, with how many it stands for."""
    rows = [row for row in stage.mesh.streams.of_kind(kind) if _is_lost(row)]
    counted: dict[tuple[StreamState, str], list[StreamRow]] = {}
    for row in rows:
        counted.setdefault((row.state, reason_of(row)), []).append(row)
    lines: list[Line] = []
    said: set[str] = set()
    for (state, reason), same in list(counted.items())[:_MOST_REASONS]:
        glyph = "⊘" if state is StreamState.NOT_PERMITTED else "○"
        names = [row.key.of for row in same]
        whose = ", ".join(names) if len(names) == 1 or kind is StreamKind.WATCH else f"{len(names)} ztunnels"
        retry = soonest(same)
        soon = f"; next try in {units.format_age(max(0.0, retry - stage.now))}" if retry is not None else ""
        lines.append(
            line(
                "  ",
                Span(glyph, "warn"),
                f" {what} of {whose}: {reason}{soon}" if what else f" {whose}: {reason}{soon}",
            )
        )
        remedy = next((row.remedy for row in same if row.remedy), None)
        if remedy and remedy not in said:
            said.add(remedy)
            lines.append(line("    ", Span(remedy)))
    return lines


def reason_of(row: StreamRow) -> str:
    """Say why a stream is as it is, in words that are the same for every ztunnel with the same trouble."""
    name = row.key.of.rpartition("/")[2]
    return (row.reason or row.state.value).rstrip(".").replace(f"pod {name}", "its pod")


def soonest(rows: Iterable[StreamRow]) -> float | None:
    """Tell when the first of these streams is tried again."""
    return min((row.retry_at for row in rows if row.retry_at is not None), default=None)


def _is_lost(row: StreamRow) -> bool:
    return row.state in (StreamState.UNAVAILABLE, StreamState.NOT_PERMITTED, StreamState.ERROR)
