"""The tables of what the ztunnels hold: workloads, services and policies, one row each over all ztunnels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ztui.analysis.capture import Capture, CaptureVerdict, Listening, capture_of
from ztui.analysis.merge import Merged, to_json
from ztui.model.policy import Action, AuthorizationPolicy
from ztui.model.service import Endpoint, Service
from ztui.model.workload import HealthStatus, Waypoint, Workload, WorkloadState
from ztui.tables.columns import NOTHING, Cell, Column, Context, Meaning, Table, number_column, text_column

if TYPE_CHECKING:
    from collections.abc import Callable

    from ztui.store.inventory import Inventory
    from ztui.store.mesh import Mesh

H = TypeVar("H", bound="_Held")


class _Held:
    """A row of something that several ztunnels hold."""

    __slots__ = ()
    held: Merged[Workload] | Merged[Service] | Merged[AuthorizationPolicy]


def _is_disputed(row: _Held) -> bool:
    return not row.held.is_agreed


def _held_cell(row: _Held, _: Context) -> Cell:
    """`3/3`, or with a warning how many hold it, and in how many keys those that do differ."""
    text = f"{row.held.holding}/{row.held.asked}"
    if row.held.is_agreed:
        return Cell(text, Meaning.DIM)
    differs = ", ".join(row.held.differs)
    return Cell(f"! {text}" + (f" differ in {differs}" if differs else ""), Meaning.WARN)


def held_column() -> Column[H]:
    """Make the column that tells how many ztunnels hold a row."""
    return Column(
        key="ztunnels",
        title="held by",
        value=lambda row: f"{row.held.holding}/{row.held.asked}",
        cell=_held_cell,
        width=8,
        min_width=3,
        priority=4,
        sort="ztunnels",
    )


def waypoint_name(waypoint: Waypoint | None, inventory: Inventory) -> str | None:
    """Name a waypoint by the service that is found under its address, else as the dump writes it."""
    if waypoint is None:
        return None
    service = inventory.service(waypoint.destination)
    if service is None and waypoint.ip is not None:
        service = inventory.service_at(waypoint.ip)
    return f"{service.name}.{service.namespace}" if service else waypoint.destination


# -- workloads


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRow(_Held):
    """A workload as most ztunnels hold it."""

    held: Merged[Workload]
    waypoint: str | None = None
    capture: Capture | None = None
    """Whether its pod is captured by what the sources say; None where pods are not known."""

    @property
    def workload(self) -> Workload:
        """What the dump says."""
        return self.held.item

    @property
    def is_problem(self) -> bool:
        is_uncaptured = self.capture is not None and self.capture.is_problem
        return self.workload.is_healthy is False or is_uncaptured or not self.held.is_agreed


def workload_rows(mesh: Mesh) -> list[WorkloadRow]:
    """Gather every workload that some ztunnel holds, by namespace and name."""
    states = _states(mesh.inventory)
    rows = []
    for held in mesh.inventory.workloads:
        workload = held.item
        pod = mesh.cluster.pod(workload.namespace, workload.name)
        capture = None
        if pod is not None and workload.node in (None, pod.node):  # another cluster may have a pod of the same name
            namespace = mesh.cluster.namespaces.get(pod.namespace)
            served = states.get(pod.node) if pod.node is not None else None
            capture = capture_of(pod, namespace=namespace, states=served, workload=workload)
        rows.append(WorkloadRow(held=held, waypoint=waypoint_name(workload.waypoint, mesh.inventory), capture=capture))
    rows.sort(key=lambda row: (row.workload.namespace, row.workload.name, row.held.key))
    return rows


def _states(inventory: Inventory) -> dict[str, dict[str, WorkloadState]]:
    """Say by node and pod uid how pods are served; while ztunnel is upgraded a node has two, and `Up` in one is up."""
    states: dict[str, dict[str, WorkloadState]] = {}
    for known in inventory.dumps.values():
        if known.node is None:
            continue
        served = states.setdefault(known.node, {})
        for state in known.dump.states:
            if state.pod_uid not in served or state.state == Listening.UP:
                served[state.pod_uid] = state
    return states


def _health_cell(row: WorkloadRow, _: Context) -> Cell:
    match row.workload.is_healthy:
        case None:
            return Cell("? not said", Meaning.DIM)
        case True:
            return Cell("· healthy", Meaning.OK)
        case False:
            return Cell("! unhealthy", Meaning.WARN)


_CAPTURE_CELLS = {
    CaptureVerdict.CONSISTENT: Cell("· consistent", Meaning.OK),
    CaptureVerdict.OUTSIDE: Cell("· outside", Meaning.DIM),
    CaptureVerdict.NATIVE: Cell("· native", Meaning.DIM),
    CaptureVerdict.SIDECAR: Cell("· sidecar", Meaning.DIM),
    CaptureVerdict.LAGGING: Cell("! lagging", Meaning.WARN),
    CaptureVerdict.UNCAPTURED: Cell("✖ not captured", Meaning.ERROR),
    CaptureVerdict.BROKEN: Cell("✖ broken", Meaning.ERROR),
    CaptureVerdict.UNKNOWN: Cell("? not known", Meaning.DIM),
}


def _capture_cell(row: WorkloadRow, _: Context) -> Cell:
    return _CAPTURE_CELLS[row.capture.verdict] if row.capture else Cell("? not known", Meaning.DIM)


def _of_workload(name: str) -> Callable[[WorkloadRow], str | None]:
    def value(row: WorkloadRow) -> str | None:
        text: str | None = getattr(row.workload, name)
        return text

    return value


WORKLOADS: Table[WorkloadRow] = Table(
    name="workloads",
    columns=(
        text_column("namespace", "namespace", _of_workload("namespace"), width=14, priority=3),
        text_column("name", "name", _of_workload("name"), meaning=Meaning.NAME, width=34, min_width=10, priority=1),
        text_column("address", "address", lambda r: ",".join(r.workload.ips) or r.workload.hostname, width=15),
        text_column("node", "node", _of_workload("node"), width=12),
        text_column("protocol", "protocol", _of_workload("protocol"), width=8, priority=4),
        Column(
            key="capture",
            title="capture",
            value=lambda r: r.capture.verdict.value if r.capture else None,
            cell=_capture_cell,
            width=14,
            priority=2,
            sort="capture",
        ),
        Column(
            key="status",
            title="status",
            value=lambda r: r.workload.status,
            cell=_health_cell,
            width=11,
            priority=3,
            sort="status",
        ),
        text_column("waypoint", "waypoint", lambda r: r.waypoint, width=18, priority=7),
        held_column(),
        number_column("capacity", "capacity", lambda r: r.workload.capacity, width=8, wide=True),
        text_column("app", "app", lambda r: r.workload.app, width=18, wide=True),
        text_column("revision", "revision", _of_workload("canonical_revision"), width=8, wide=True),
        text_column("identity", "identity", _of_workload("identity"), width=44, wide=True),
        text_column("zone", "zone", lambda r: r.workload.locality.zone if r.workload.locality else None, wide=True),
        text_column("policies", "policies", lambda r: ",".join(r.workload.policies), width=20, wide=True),
        text_column("why", "why", lambda r: r.capture.says if r.capture else None, width=40, wide=True),
    ),
    row_key=lambda row: row.held.key,
    row_name=lambda row: f"workload/{row.workload.name}.{row.workload.namespace}",
    document=lambda row: to_json(row.held),
    is_problem=lambda row: row.is_problem,
)


# -- services


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow(_Held):
    """A service as most ztunnels hold it, with its endpoints counted honestly.

    ztunnel drops unhealthy endpoints unless the service's policy keeps them, so `backends` counts the workloads that
    say they belong to the service, where dumps say so (since 1.24).
    """

    held: Merged[Service]
    healthy: int
    backends: int
    waypoint: str | None = None

    @property
    def service(self) -> Service:
        """What the dump says."""
        return self.held.item

    @property
    def is_problem(self) -> bool:
        return self.healthy < self.backends or not self.held.is_agreed


def service_rows(mesh: Mesh) -> list[ServiceRow]:
    """Gather every service that some ztunnel holds, by namespace and name."""
    inventory = mesh.inventory
    members: dict[str, int] = {}
    for held in inventory.workloads:
        for service in held.item.services:
            members[service] = members.get(service, 0) + 1
    rows = []
    for held_service in inventory.services:
        item = held_service.item
        healthy = sum(_is_usable(endpoint, inventory) for endpoint in item.endpoints)
        rows.append(
            ServiceRow(
                held=held_service,
                healthy=healthy,
                backends=max(len(item.endpoints), members.get(item.key, 0)),
                waypoint=waypoint_name(item.waypoint, inventory),
            )
        )
    rows.sort(key=lambda row: (row.service.namespace, row.service.name, row.held.key))
    return rows


def _is_usable(endpoint: Endpoint, inventory: Inventory) -> bool:
    """Whether ztunnel would draw it: not where its workload is unhealthy or, as far as is known, does not exist."""
    workload = inventory.workload_of(endpoint.workload_uid or endpoint.key)
    if workload is None or endpoint.status == HealthStatus.UNHEALTHY:
        return False
    return workload.is_healthy is not False


def _endpoints_cell(row: ServiceRow, _: Context) -> Cell:
    text = f"{row.healthy}/{row.backends}"
    if not row.backends:
        return Cell(text, Meaning.DIM)
    if not row.healthy:
        return Cell(f"✖ {text}", Meaning.ERROR)
    return Cell(f"! {text}", Meaning.WARN) if row.healthy < row.backends else Cell(f"· {text}", Meaning.OK)


def _ports(service: Service) -> str:
    return ",".join(
        f"{port}" if target in (port, 0) else f"{port}→{target}" for port, target in sorted(service.ports.items())
    )


def _balancing(service: Service) -> str | None:
    """How endpoints are narrowed: `Failover region/zone`, `Standard`."""
    if service.load_balancer is None:
        return None
    mode, preferences = service.load_balancer.mode, service.load_balancer.routing_preferences
    return " ".join(part for part in (mode, "/".join(preferences)) if part) or None


SERVICES: Table[ServiceRow] = Table(
    name="services",
    columns=(
        text_column("namespace", "namespace", lambda r: r.service.namespace, width=14, priority=3),
        text_column("name", "name", lambda r: r.service.name, meaning=Meaning.NAME, width=24, min_width=10, priority=1),
        text_column("vips", "vip", lambda r: ",".join(r.service.ips), width=15),
        text_column("ports", "ports", lambda r: _ports(r.service), width=12),
        Column(
            key="endpoints",
            title="endpoints",
            value=lambda r: r.healthy,
            cell=_endpoints_cell,
            width=9,
            priority=2,
            sort="endpoints",
        ),
        text_column("waypoint", "waypoint", lambda r: r.waypoint, width=18, priority=6),
        text_column("balancing", "balancing", lambda r: _balancing(r.service), width=12, priority=7),
        held_column(),
        text_column("hostname", "hostname", lambda r: r.service.hostname, width=40, wide=True),
        text_column("families", "ip families", lambda r: r.service.ip_families, wide=True),
        text_column("visibility", "visibility", lambda r: r.service.visibility, wide=True),
    ),
    row_key=lambda row: row.held.key,
    row_name=lambda row: f"service/{row.service.name}.{row.service.namespace}",
    document=lambda row: to_json(row.held),
    is_problem=lambda row: row.is_problem,
)


# -- policies


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow(_Held):
    """A policy as most ztunnels hold it. `selected` counts the workloads that name it; None for wider scopes."""

    held: Merged[AuthorizationPolicy]
    selected: int | None = None

    @property
    def policy(self) -> AuthorizationPolicy:
        """What the dump says."""
        return self.held.item


def policy_rows(mesh: Mesh) -> list[PolicyRow]:
    """Gather every policy that some ztunnel holds, by namespace and name."""
    selected: dict[str, int] = {}
    for held in mesh.inventory.workloads:
        for key in held.item.policies:
            selected[key] = selected.get(key, 0) + 1
    rows = [
        PolicyRow(
            held=held,
            selected=selected.get(held.key, 0) if held.item.scope == "WorkloadSelector" else None,
        )
        for held in mesh.inventory.policies
    ]
    rows.sort(key=lambda row: (row.policy.namespace, row.policy.name))
    return rows


def _action_cell(row: PolicyRow, _: Context) -> Cell:
    action = row.policy.action
    if action is None:
        return NOTHING
    text = f"{action} (dry run)" if row.policy.dry_run else action
    return Cell(text, Meaning.WARN if action == Action.DENY else Meaning.PLAIN)


POLICIES: Table[PolicyRow] = Table(
    name="policies",
    columns=(
        text_column("namespace", "namespace", lambda r: r.policy.namespace, width=14, priority=3),
        text_column("name", "name", lambda r: r.policy.name, meaning=Meaning.NAME, width=32, min_width=10, priority=1),
        Column(
            key="action",
            title="action",
            value=lambda r: r.policy.action,
            cell=_action_cell,
            width=7,
            priority=2,
            sort="action",
        ),
        text_column("scope", "scope", lambda r: r.policy.scope, width=16),
        number_column("rules", "rules", lambda r: len(r.policy.rules), width=5),
        number_column("workloads", "workloads", lambda r: r.selected, width=9),
        held_column(),
    ),
    row_key=lambda row: row.held.key,
    row_name=lambda row: f"policy/{row.policy.name}.{row.policy.namespace}",
    document=lambda row: to_json(row.held),
    is_problem=_is_disputed,
)
