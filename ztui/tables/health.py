"""The table of ztunnels as they are observed: their streams, certificates, versions and restarts; one row a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ztui import units
from ztui.model.cluster import Ztunnel
from ztui.model.streams import StreamKind, StreamState
from ztui.tables.columns import NOTHING, Cell, Column, Context, Meaning, Table, number_column, text_column
from ztui.tables.nodewise import CertificateRow, certificate_rows, verdict_cell

if TYPE_CHECKING:
    from ztui.store.mesh import Mesh
    from ztui.store.streams import StreamRow


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRow:
    """How one ztunnel is, and how well it is observed."""

    key: str
    ztunnel: Ztunnel | None
    """None for a saved log or dump."""
    node: str | None
    version: str | None
    log: StreamRow | None
    dump: StreamRow | None
    dump_age_s: float | None
    certificates: tuple[CertificateRow, ...]
    """Those of its certificates that need attention, the worst first."""
    now: float

    @property
    def is_problem(self) -> bool:
        """Whether something is wrong. Dumps that one may not take are a limit of what is seen, not of the mesh."""
        bad = (StreamState.UNAVAILABLE, StreamState.ERROR, StreamState.LAGGING)
        log = self.log.effective_state(self.now) if self.log is not None else None
        dump = self.dump.effective_state(self.now) if self.dump is not None else None
        is_unready = self.ztunnel is not None and self.ztunnel.ready is False
        is_unread = log in bad or log is StreamState.NOT_PERMITTED or dump in bad
        return is_unready or bool(self.certificates) or is_unread


def health_rows(mesh: Mesh, now: float) -> list[HealthRow]:
    """Gather one row per ztunnel (or saved file), by node."""
    ztunnels = mesh.cluster.ztunnels
    logs = {row.key.of: row for row in mesh.streams.of_kind(StreamKind.LOG, StreamKind.FILE)}
    dumps = {row.key.of: row for row in mesh.streams.of_kind(StreamKind.CONFIG_DUMP)}
    bad: dict[str, list[CertificateRow]] = {}
    for row in certificate_rows(mesh, now):
        if row.status.is_problem:
            bad.setdefault(row.held.ztunnel, []).append(row)
    keys = dict.fromkeys([*ztunnels, *(() if ztunnels else (*logs, *dumps, *mesh.inventory.dumps))])
    rows = []
    for key in keys:
        ztunnel, known = ztunnels.get(key), mesh.inventory.dumps.get(key)
        rows.append(
            HealthRow(
                key=key,
                ztunnel=ztunnel,
                node=(ztunnel.node if ztunnel else None) or (known.node if known else None),
                version=(known.dump.version if known else None) or (ztunnel.version if ztunnel else None),
                log=logs.get(key),
                dump=dumps.get(key),
                dump_age_s=mesh.inventory.age_s(key, now),
                certificates=tuple(bad.get(key, ())),
                now=now,
            )
        )
    rows.sort(key=lambda row: (row.node or "", row.key))
    return rows


LAMPS = {
    StreamState.WAITING: ("·", Meaning.DIM),
    StreamState.CONNECTING: ("·", Meaning.DIM),
    StreamState.CONNECTED: ("●", Meaning.OK),
    StreamState.LAGGING: ("◐", Meaning.WARN),
    StreamState.UNAVAILABLE: ("○", Meaning.ERROR),
    StreamState.NOT_PERMITTED: ("⊘", Meaning.WARN),
    StreamState.ERROR: ("✖", Meaning.ERROR),
    StreamState.GONE: ("·", Meaning.DIM),
}
"""Glyph and meaning of a stream's state: one lamp."""


def lamp(row: StreamRow | None, now: float, age_s: float | None = None) -> Cell:
    """Draw a stream's state with the number that matters: its lag, since when it is idle or lost, or its age."""
    if row is None:
        return NOTHING
    state = row.effective_state(now)
    glyph, meaning = LAMPS[state]
    idle_s = row.idle_s(now)
    if state in (StreamState.CONNECTED, StreamState.LAGGING):
        if idle_s is not None:
            probed = ", probed" if row.is_probed else ""
            return Cell(f"{glyph} idle {units.format_age(idle_s)}{probed}", meaning)
        number = age_s if age_s is not None else row.lag_s
        return Cell(f"{glyph} {units.format_age(max(number, 0.0))}" if number is not None else f"{glyph} on", meaning)
    if state is StreamState.UNAVAILABLE and row.since is not None:
        return Cell(f"{glyph} lost {units.format_age(now - row.since)}", meaning)
    return Cell(f"{glyph} {state.value}", meaning)


def _dump_cell(row: HealthRow, context: Context) -> Cell:
    is_silent = row.dump is None or row.dump.state in (StreamState.WAITING, StreamState.CONNECTING)
    if is_silent and row.dump_age_s is not None:
        return Cell(f"● {units.format_age(row.dump_age_s)}", Meaning.OK)
    return lamp(row.dump, context.now, row.dump_age_s)


def _ready_cell(row: HealthRow, _: Context) -> Cell:
    ready = row.ztunnel.ready if row.ztunnel else None
    if ready is None:
        return NOTHING
    return Cell("· yes", Meaning.OK) if ready else Cell("✖ no", Meaning.ERROR)


def _certificates_cell(row: HealthRow, _: Context) -> Cell:
    if row.dump_age_s is None:
        return NOTHING
    if not row.certificates:
        return Cell("· ok", Meaning.OK)
    worst = verdict_cell(row.certificates[0].status)
    return Cell(f"{worst.text} ({len(row.certificates)})", worst.meaning)


def _restarts_cell(row: HealthRow, _: Context) -> Cell:
    if row.ztunnel is None or row.ztunnel.restarts is None:
        return NOTHING
    reason = row.ztunnel.last_restart_reason
    text = f"{row.ztunnel.restarts} ({reason})" if reason and row.ztunnel.restarts else f"{row.ztunnel.restarts}"
    return Cell(text, Meaning.WARN if row.ztunnel.restarts else Meaning.DIM)


def _state_word(row: StreamRow | None, now: float) -> str | None:
    return row.effective_state(now).value if row else None


def _reason_of(row: HealthRow) -> str | None:
    reasons = [stream.reason for stream in (row.log, row.dump) if stream is not None and stream.reason]
    return "; ".join(dict.fromkeys(reasons)) or None


def _health_document(row: HealthRow) -> dict[str, object]:
    found = {
        "node": row.node,
        "ztunnel": row.ztunnel.name if row.ztunnel else None,
        "version": row.version,
        "ready": row.ztunnel.ready if row.ztunnel else None,
        "restarts": row.ztunnel.restarts if row.ztunnel else None,
        "restart_reason": row.ztunnel.last_restart_reason if row.ztunnel else None,
        "log": _stream_document(row.log, row.now),
        "dump": _stream_document(row.dump, row.now),
        "dump_age_s": round(row.dump_age_s, 3) if row.dump_age_s is not None else None,
        "certificates": {"problems": len(row.certificates)} if row.dump_age_s is not None else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _stream_document(row: StreamRow | None, now: float) -> dict[str, object] | None:
    if row is None:
        return None
    idle_s = row.idle_s(now)
    found = {
        "state": row.effective_state(now).value,
        "reason": row.reason,
        "lag_s": round(row.lag_s, 3) if row.lag_s is not None and idle_s is None else None,
        "idle_s": round(idle_s, 3) if idle_s is not None else None,
        "lines": row.lines.received or None,
        "gaps": row.gap_count or None,
    }
    return {key: value for key, value in found.items() if value is not None}


HEALTH: Table[HealthRow] = Table(
    name="health",
    columns=(
        text_column("node", "node", lambda r: r.node, meaning=Meaning.NAME, width=12, priority=1),
        text_column("ztunnel", "ztunnel", lambda r: r.ztunnel.name if r.ztunnel else r.key, width=16, priority=2),
        text_column("version", "version", lambda r: r.version, width=10, priority=4),
        Column(
            key="ready",
            title="ready",
            value=lambda r: r.ztunnel.ready if r.ztunnel else None,
            cell=_ready_cell,
            width=5,
            priority=3,
        ),
        Column(
            key="log",
            title="log",
            value=lambda r: _state_word(r.log, r.now),
            cell=lambda r, c: lamp(r.log, c.now),
            width=19,
            min_width=8,
            priority=1,
            sort="log",
        ),
        number_column(
            "rate", "lines/s", lambda r: r.log.lines_per_s(r.now) if r.log else None, form=units.format_rate, width=7
        ),
        Column(
            key="dump",
            title="dump",
            value=lambda r: r.dump_age_s,
            cell=_dump_cell,
            width=14,
            min_width=8,
            priority=1,
            sort="dump",
        ),
        Column(
            key="certificates",
            title="certificates",
            value=lambda r: len(r.certificates) if r.dump_age_s is not None else None,
            cell=_certificates_cell,
            width=16,
            priority=2,
            sort="certificates",
        ),
        Column(
            key="restarts",
            title="restarts",
            value=lambda r: r.ztunnel.restarts if r.ztunnel else None,
            cell=_restarts_cell,
            width=14,
            min_width=4,
            priority=3,
            sort="restarts",
        ),
        number_column(
            "gaps", "gaps", lambda r: r.log.gap_count if r.log else None, zero="·", meaning=Meaning.WARN, width=4
        ),
        text_column("reason", "reason", _reason_of, meaning=Meaning.WARN, width=40, priority=8),
    ),
    row_key=lambda row: row.key,
    row_name=lambda row: f"node/{row.node}" if row.node else f"ztunnel/{row.key}",
    document=_health_document,
    is_problem=lambda row: row.is_problem,
)
