"""The tables of what each ztunnel has for itself: certificates and open connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ztui import units
from ztui.analysis.certificates import CertificateStatus, CertificateVerdict, judge, urgency
from ztui.analysis.merge import OnZtunnel, to_json
from ztui.model.certificate import CertificateChain
from ztui.model.fields import split_address
from ztui.model.flow import Direction
from ztui.tables.columns import (
    NOTHING,
    Cell,
    Column,
    Context,
    Meaning,
    Table,
    Zone,
    date_text,
    text_column,
    time_cell,
)
from ztui.tables.edges import short_service

if TYPE_CHECKING:
    from ztui.store.inventory import Inventory, OpenNow
    from ztui.store.mesh import Mesh

# -- certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRow:
    """One identity's certificate on one node, judged by its dates."""

    held: OnZtunnel[CertificateChain]
    status: CertificateStatus

    @property
    def key(self) -> str:
        return self.status.key


def certificate_rows(mesh: Mesh, now: float) -> list[CertificateRow]:
    """Judge every certificate at `now` (Unix seconds), the most urgent first."""
    rows = [
        CertificateRow(held=held, status=judge(held.item, now=now, ztunnel=held.ztunnel, node=_node_of(mesh, held)))
        for held in mesh.inventory.certificates
    ]
    rows.sort(key=lambda row: urgency(row.status))
    return rows


def _node_of(mesh: Mesh, held: OnZtunnel[CertificateChain]) -> str | None:
    known = mesh.inventory.dumps.get(held.ztunnel)
    return held.node or (known.node if known else None)


VERDICT_CELLS = {
    CertificateVerdict.FRESH: Cell("· fresh", Meaning.OK),
    CertificateVerdict.RENEWING: Cell("· renewing", Meaning.OK),
    CertificateVerdict.INITIALIZING: Cell("! initializing", Meaning.WARN),
    CertificateVerdict.OVERDUE: Cell("! overdue", Meaning.WARN),
    CertificateVerdict.UNAVAILABLE: Cell("✖ unavailable", Meaning.ERROR),
    CertificateVerdict.EXPIRED: Cell("✖ expired", Meaning.ERROR),
    None: Cell("? no dates", Meaning.WARN),
}


def verdict_cell(status: CertificateStatus) -> Cell:
    """Write the verdict; an overdue renewal is an error once only the last fifth of the life is left."""
    if status.verdict is CertificateVerdict.OVERDUE and status.is_urgent:
        return Cell("✖ overdue", Meaning.ERROR)
    return VERDICT_CELLS[status.verdict]


def _expiry_cell(row: CertificateRow, context: Context) -> Cell:
    not_after = row.status.not_after
    if not_after is None:
        return NOTHING
    left = not_after - context.now
    text = units.format_age(left) if left >= 0 else f"{units.format_age(-left)} ago"
    meaning = Meaning.ERROR if left < 0 else Meaning.WARN if row.status.is_urgent else Meaning.PLAIN
    return Cell(text, meaning)


def _reason_cell(row: CertificateRow, _: Context) -> Cell:
    return Cell(row.status.reason, Meaning.WARN if row.status.is_problem else Meaning.PLAIN)


def _when(at: float | None, context: Context) -> Cell:
    """Write date and time: these moments are days away."""
    if at is None:
        return NOTHING
    if context.zone is Zone.RELATIVE:
        return time_cell(at, context)
    return Cell(date_text(at, context.zone), Meaning.DIM)


CERTIFICATES: Table[CertificateRow] = Table(
    name="certificates",
    columns=(
        Column(
            key="verdict",
            title="verdict",
            value=lambda r: r.status.verdict.value if r.status.verdict else None,
            cell=lambda r, _: verdict_cell(r.status),
            width=14,
            min_width=9,
            priority=1,
            sort="verdict",
        ),
        text_column(
            "identity", "identity", lambda r: r.status.name, meaning=Meaning.NAME, width=40, min_width=18, priority=1
        ),
        text_column("node", "node", lambda r: r.status.node, width=12, priority=2),
        text_column("state", "state", lambda r: r.status.state, width=11, priority=5),
        Column(
            key="renewal",
            title="renewal",
            value=lambda r: r.status.renews_at,
            cell=_reason_cell,
            width=22,
            min_width=19,
            priority=2,
            sort="renewal",
        ),
        Column(
            key="expires",
            title="expires in",
            value=lambda r: r.status.not_after,
            cell=_expiry_cell,
            width=10,
            min_width=8,
            priority=3,
            sort="expires",
        ),
        text_column("root", "root", lambda r: ",".join(root[:8] for root in r.status.roots), width=8, priority=6),
        text_column("ztunnel", "ztunnel", lambda r: r.held.ztunnel, width=24, wide=True),
        Column(
            key="not_before",
            title="not before",
            value=lambda r: r.status.not_before,
            cell=lambda r, c: _when(r.status.not_before, c),
            width=20,
            wide=True,
        ),
        Column(
            key="not_after",
            title="not after",
            value=lambda r: r.status.not_after,
            cell=lambda r, c: _when(r.status.not_after, c),
            width=20,
            wide=True,
        ),
        text_column(
            "serial",
            "serial",
            lambda r: None if r.status.serial is None else f"{r.status.serial:x}",
            width=32,
            wide=True,
        ),
    ),
    row_key=lambda row: row.key,
    row_name=lambda row: f"certificate/{row.status.identity}",
    document=lambda row: to_json(row.held),
    is_problem=lambda row: row.status.is_problem,
)


# -- open connections


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRow:
    """A connection that was open when its ztunnel was last asked, with names for its addresses where they are known."""

    open: OpenNow
    node: str | None
    source: str | None
    destination: str | None
    service: str | None

    @property
    def key(self) -> str:
        return self.open.key


def connection_rows(mesh: Mesh, *, is_raw: bool = False) -> list[ConnectionRow]:
    """Gather what is open now; `is_raw` leaves addresses as they are."""
    rows = [_connection_row(mesh, one, is_raw) for one in mesh.inventory.connections]
    rows.sort(key=lambda row: (row.open.connection.namespace or "", row.open.connection.name or "", row.key))
    return rows


def _connection_row(mesh: Mesh, one: OpenNow, is_raw: bool) -> ConnectionRow:
    connection, inventory = one.connection, mesh.inventory
    known = inventory.dumps.get(one.row.ztunnel)
    own = connection.name
    is_outbound = connection.direction == Direction.OUTBOUND
    named = _plain if is_raw else lambda address: _name(inventory, address)
    return ConnectionRow(
        open=one,
        node=known.node if known else one.row.node,
        source=own if is_outbound and not is_raw else named(connection.src),
        destination=named(connection.actual_dst),
        service=named(connection.original_dst) if is_outbound else connection.original_dst,
    )


def _plain(address: str | None) -> str | None:
    return address


def _name(inventory: Inventory, address: str | None) -> str | None:
    """Put the pod's or service's name in place of an address that is known."""
    host, port = split_address(address)
    if host is None:
        return address
    workload = inventory.workload_at(host)
    service = inventory.service_at(host) if workload is None else None
    name = workload.name if workload else service.hostname if service else None
    return f"{name}:{port}" if name else address


def _first_seen_cell(row: ConnectionRow, context: Context) -> Cell:
    """When it was first seen; `≥` an age and `≤` a time where its ztunnel's first dump had it already."""
    cell = time_cell(row.open.first_seen, context)
    if not row.open.is_older:
        return cell
    return Cell(f"{'≥' if context.zone is Zone.RELATIVE else '≤'}{cell.text}", cell.meaning)


def _service_cell(row: ConnectionRow, _: Context) -> Cell:
    return Cell(short_service(row.service)) if row.service else NOTHING


CONNECTIONS: Table[ConnectionRow] = Table(
    name="connections",
    columns=(
        text_column("namespace", "namespace", lambda r: r.open.connection.namespace, width=14, priority=6),
        text_column(
            "workload",
            "workload",
            lambda r: r.open.connection.name,
            meaning=Meaning.NAME,
            width=30,
            min_width=10,
            priority=5,  # it is told by the direction as well: the source of outbound ones, else the destination
        ),
        text_column(
            "direction",
            "direction",
            lambda r: r.open.connection.direction.value,
            meaning=Meaning.DIM,
            width=9,
            priority=2,
        ),
        text_column("from", "from", lambda r: r.source, meaning=Meaning.NAME, width=30, min_width=12, priority=1),
        text_column("to", "to", lambda r: r.destination, meaning=Meaning.NAME, width=36, min_width=16, priority=1),
        Column(
            key="service",
            title="service",
            value=lambda r: r.service,
            cell=_service_cell,
            width=28,
            min_width=14,
            priority=3,
            sort="service",
        ),
        text_column("protocol", "protocol", lambda r: r.open.connection.protocol, width=8, priority=7),
        text_column("node", "node", lambda r: r.node, width=10, priority=4),
        Column(
            key="first_seen",
            title="first seen",
            value=lambda r: r.open.first_seen,
            cell=_first_seen_cell,
            width=11,
            priority=8,
            sort="first_seen",
            wide=True,
        ),
    ),
    row_key=lambda row: row.key,
    row_name=lambda row: f"connection/{row.open.connection.src}",
    document=lambda row: to_json(row.open.row),
)
