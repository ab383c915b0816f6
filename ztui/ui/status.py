"""The status row's words: what is observed, how well, how fast, and what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ztui import units
from ztui.analysis.overload import SAMPLED_SHARE
from ztui.model.observation import Detail
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.tables.columns import Zone, clock_text
from ztui.tables.health import LAMPS
from ztui.ui.looks import Line, Span
from ztui.ui.widgets.rows import Part

if TYPE_CHECKING:
    from ztui.store.mesh import Mesh
    from ztui.store.streams import StreamRow
    from ztui.ui.stage import Stage

_MOST_LAMPS = 12
_ZTUNNELS = StreamKey(kind=StreamKind.WATCH, of="ztunnels")


def lamps(rows: list[StreamRow], now: float) -> Line:
    """One lamp a stream, the troubled ones first; counted where there are many."""
    drawn = Counter(LAMPS[row.effective_state(now)] for row in rows if row.state is not StreamState.GONE)
    is_counted = sum(drawn.values()) > _MOST_LAMPS
    worst_first = [lamp for lamp in dict.fromkeys(reversed(LAMPS.values())) if lamp in drawn]
    return tuple(
        Span(f"{glyph}{drawn[glyph, meaning]} " if is_counted else glyph * drawn[glyph, meaning], meaning.value)
        for glyph, meaning in worst_first
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What the status row says besides the memory: how the screen itself is."""

    stage: Stage
    pane_key: str
    pane_title: str
    is_short: bool
    """Whether there is no room for tabs, so that the pane is named here."""
    is_slowed: bool
    problem_count: int


def status_parts(glance: Glance) -> list[Part]:
    """Write the parts of the status row, in reading order; the least important go first where room is short."""
    stage = glance.stage
    parts = [
        Part((Span("ztui", "title"),), 8),
        Part((Span(stage.title, "name"),), 4),
        *_scope_parts(stage),
        *(_file_parts(stage) if stage.is_finite else _stream_parts(stage)),
        *_pace_parts(glance),
    ]
    if glance.is_short:
        parts.append(Part((Span(f"{glance.pane_key} {glance.pane_title}", "title"),), 2))
    if stage.is_unverified:
        parts.insert(0, Part((Span(" TLS not verified ", "loud"),), 0))
    if stage.is_paused:
        parts.insert(0, Part((Span(f" PAUSED  +{stage.news:,} new ".replace(",", " "), "loud"),), 0))
    return parts


def _scope_parts(stage: Stage) -> list[Part]:
    settings = stage.settings
    if stage.is_finite:
        return []
    namespaces = ", ".join(settings.namespaces) if settings.namespaces and not settings.is_all_namespaces else ""
    nodes = ", ".join(settings.nodes)
    words = " · ".join(part for part in (namespaces or "all namespaces", f"on {nodes}" if nodes else "") if part)
    return [Part((Span(words, "dim"),), 7)]


def _stream_parts(stage: Stage) -> list[Part]:
    mesh = stage.mesh
    logs = mesh.streams.of_kind(StreamKind.LOG)
    known, followed = len(mesh.cluster.ztunnels), len(mesh.cluster.followed)
    spans = lamps(logs, stage.now)
    is_partial = followed < known
    if is_partial:
        words = f"{followed} of {known} ztunnels"
    else:
        words = f"{known} ztunnel{'' if known == 1 else 's'}" if known else "looking for ztunnels"
    lost = _lost_watch(stage)
    parts = [Part(spans, 1)] if spans else []
    if lost:
        parts.append(Part(lost, 2 if known else 1))
        since = mesh.streams.row(_ZTUNNELS).since
        parts += [Part((Span(f"for {units.format_age(stage.now - since)}", "warn"),), 6)] if since is not None else []
    if known or not lost:
        parts.append(Part((Span(words, "plain"),), 3 if is_partial or not known else 5))
    rate, lag = mesh.streams.lines_per_s(stage.now), mesh.streams.lag_s(stage.now)
    parts.append(Part((Span(f"{units.format_count(rate)} lines/s"),), 3))
    if lag is not None:
        parts.append(Part((Span(f"lag {units.format_age(max(lag, 0.0))}", "warn" if lag >= 5 else "plain"),), 5))
    parts += _overload_parts(mesh)
    age = mesh.inventory.oldest_age_s(stage.now)
    if age is not None:
        parts.append(Part((Span(f"dumps {units.format_age(age)}", "warn" if age > 120 else "plain"),), 6))
    dumps = mesh.streams.of_kind(StreamKind.CONFIG_DUMP)
    if any(row.state is StreamState.NOT_PERMITTED for row in dumps):
        parts.append(Part((Span("⊘ dumps not permitted", "warn"),), 3))
    return parts


def _lost_watch(stage: Stage) -> Line:
    """Say that the list of ztunnels cannot be had: then nobody is looking for them, and what is known grows old."""
    row = stage.mesh.streams.get(_ZTUNNELS)
    if row is None or row.state not in (StreamState.UNAVAILABLE, StreamState.NOT_PERMITTED, StreamState.ERROR):
        return ()
    glyph, meaning = LAMPS[row.state]
    if not stage.mesh.cluster.ztunnels:
        why = "not permitted" if row.state is StreamState.NOT_PERMITTED else "no answer"
        return (Span(f"{glyph} no ztunnels: {why}", meaning.value),)
    return (Span(f"{glyph} list lost", meaning.value),)


def _overload_parts(mesh: Mesh) -> list[Part]:
    """Say what overload leaves out now; since when and of what stands on the Health pane."""
    match mesh.detail:
        case Detail.FULL:
            return []
        case Detail.NO_HISTORY:
            words = "overload: only failures kept"
        case Detail.SAMPLED:
            words = f"overload: ≈ bytes and durations of 1 in {round(1 / SAMPLED_SHARE)} lines"
        case Detail.SKIP:
            words = "overload: only failures read"
    return [Part((Span(words, "warn"),), 2)]


def _file_parts(stage: Stage) -> list[Part]:
    lines, dumps = stage.mesh.lines.received, len(stage.mesh.inventory.dumps)
    words = [f"{lines:,} lines".replace(",", " ")] if lines else []
    if dumps:
        words.append(f"{dumps} config dump{'' if dumps == 1 else 's'}")
    state = "read to the end" if stage.mesh.exhausted else "reading …"
    return [Part((Span(" · ".join([*words, state])),), 3)]


def _pace_parts(glance: Glance) -> list[Part]:
    parts = []
    if glance.stage.followed:
        parts.append(Part((Span(f"only {glance.stage.followed}", "accent"),), 2))
    if glance.stage.is_problems_only:
        parts.append(Part((Span("problems only", "accent"),), 2))
    if glance.is_slowed:
        parts.append(Part((Span("slow terminal: fewer pictures", "warn"),), 3))
    gaps = sum(row.gap_count for row in glance.stage.mesh.streams)
    if gaps:
        parts.append(Part((Span(f"! {gaps} gap{'' if gaps == 1 else 's'}", "warn"),), 2))
    if glance.problem_count:
        text = f"✖ {glance.problem_count} problem{'' if glance.problem_count == 1 else 's'}"
        parts.append(Part((Span(text, "error"),), 1))
    return parts


def status_right(stage: Stage) -> Line:
    """Write the clock, in the zone that times are written in."""
    zone = Zone.LOCAL if stage.zone is Zone.LOCAL else Zone.UTC
    return (Span(f"{clock_text(stage.now, zone)[:8]} {'local' if zone is Zone.LOCAL else 'UTC'}", "dim"),)
