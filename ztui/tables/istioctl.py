"""The tables of `istioctl ztunnel-config KIND`, byte for byte as istioctl 1.30 prints them (`-o short`).

Read from istioctl's `istioctl/pkg/writer/ztunnel/configdump`; its columns are aligned by Go's `text/tabwriter` with a
minimal width of 0, blanks as padding and a padding of 1, for certificates of 5. What a dump does not say is an empty
cell there, and what several ztunnels say is never mixed: each table is of one dump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ztui.model.certificate import Certificate, CertificateChain, CertificateState
from ztui.model.configdump import ConfigDump
from ztui.model.flow import Direction
from ztui.model.service import Service
from ztui.model.workload import HealthStatus, Waypoint, Workload, WorkloadState

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortFilter:
    """What istioctl's flags leave out, and ztui's own `namespaces` and `pods`. None leaves out nothing."""

    workload_namespace: str | None = None
    workload_node: str | None = None
    address: str | None = None
    service_namespace: str | None = None
    policy_namespace: str | None = None
    direction: Direction | None = None
    pods: frozenset[tuple[str, str]] | None = None
    """Namespace and name of the pods whose workloads and connections are asked for."""
    namespaces: frozenset[str] | None = None
    """Namespaces of workloads, services, policies and connections."""
    is_raw: bool = False
    """Whether connections show addresses instead of names."""


EVERYTHING = ShortFilter()


def short(
    kind: str, dump: ConfigDump, *, now: float, where: ShortFilter = EVERYTHING, with_headers: bool = False
) -> str:
    """Print one kind (`workloads`, `services`, `policies`, `certificates`, `connections`), or `all` of them in turn.

    `now`, in Unix seconds, decides which certificates are valid. `with_headers` puts a title above each table of `all`,
    which heeds none of istioctl's flags, as there.
    Raises KeyError for another kind.
    """
    if kind != "all":
        return _TABLES[kind](dump, now, where)
    wide = ShortFilter(namespaces=where.namespaces)
    return "".join(
        (f"\n------ {title} INFO ------\n\n" if with_headers else "\n") + _TABLES[name](dump, now, wide)
        for name, title in _TITLES.items()
    )


def align(rows: Iterable[Sequence[str]], padding: int = 1) -> str:
    """Align rows as Go's tabwriter does; every cell but the last of a row is padded."""
    lines = list(rows)
    widths = [max(map(len, column)) + padding for column in zip(*lines, strict=True)]
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=False)) + line[-1] + "\n"
        for line in lines
    )


def _is(value: str | None, wanted: str | None) -> bool:
    """Compare as Go's EqualFold; nothing wanted is always met."""
    return not wanted or (value or "").casefold() == wanted.casefold()


def _is_within(namespace: str | None, where: ShortFilter) -> bool:
    return where.namespaces is None or namespace in where.namespaces


def _workloads(dump: ConfigDump, now: float, where: ShortFilter) -> str:  # noqa: ARG001  one signature for all tables
    rows = [("NAMESPACE", "POD NAME", "ADDRESS", "NODE", "WAYPOINT", "PROTOCOL")]
    names = _waypoint_names(dump.services)
    wanted = (workload for workload in dump.workloads if _is_wanted(workload, where))
    rows += (
        (
            workload.namespace,
            workload.name,
            ",".join(workload.ips) or workload.hostname or "",
            workload.node or "",
            _waypoint(workload.waypoint, names),
            workload.protocol or "",
        )
        for workload in sorted(wanted, key=lambda w: (f"{w.namespace}.{w.name}", w.node or ""))
    )
    return align(rows)


def _is_wanted(workload: Workload, where: ShortFilter) -> bool:
    if where.pods is not None and (workload.namespace, workload.name) not in where.pods:
        return False
    if not _is_within(workload.namespace, where):
        return False
    if where.address and not any(_is(ip, where.address) for ip in workload.ips):
        return False
    return _is(workload.namespace, where.workload_namespace) and _is(workload.node, where.workload_node)


def _waypoint_names(services: Iterable[Service]) -> dict[str, str]:
    """Name the first service found under each destination a waypoint can have: `namespace/hostname` or `network/ip`."""
    names: dict[str, str] = {}
    for service in services:
        for destination in (service.key, *service.vips):
            names.setdefault(destination, service.name)
    return names


def _waypoint(waypoint: Waypoint | None, names: dict[str, str]) -> str:
    return "None" if waypoint is None else names.get(waypoint.destination, "NA")


def _services(dump: ConfigDump, now: float, where: ShortFilter) -> str:  # noqa: ARG001  one signature for all tables
    rows = [("NAMESPACE", "SERVICE NAME", "SERVICE VIP", "WAYPOINT", "ENDPOINTS")]
    names = _waypoint_names(dump.services)
    healthy = {workload.uid for workload in dump.workloads if workload.status == HealthStatus.HEALTHY}
    within = (service for service in dump.services if _is_within(service.namespace, where))
    wanted = (service for service in within if _is(service.namespace, where.service_namespace))
    for service in sorted(wanted, key=lambda s: (s.namespace, s.name, s.hostname)):
        up = sum(endpoint.workload_uid in healthy for endpoint in service.endpoints)
        rows.append(
            (
                service.namespace,
                service.name,
                ",".join(vip.partition("/")[2] for vip in service.vips),
                _waypoint(service.waypoint, names),
                f"{up}/{len(service.endpoints)}",
            )
        )
    return align(rows)


def _policies(dump: ConfigDump, now: float, where: ShortFilter) -> str:  # noqa: ARG001  one signature for all tables
    rows = [("NAMESPACE", "POLICY NAME", "ACTION", "SCOPE")]
    within = (policy for policy in dump.policies if _is_within(policy.namespace, where))
    wanted = (policy for policy in within if _is(policy.namespace, where.policy_namespace))
    rows += (
        (policy.namespace, policy.name, policy.action or "", policy.scope or "")
        for policy in sorted(wanted, key=lambda p: (p.namespace, p.name))
    )
    return align(rows)


def _certificates(dump: ConfigDump, now: float, where: ShortFilter) -> str:  # noqa: ARG001  one signature for all
    rows: list[Row] = [("CERTIFICATE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE")]
    for chain in dump.certificates:
        state = chain.state or ""
        if CertificateState.UNAVAILABLE.value in state:
            state = CertificateState.UNAVAILABLE.value
        if not chain.chain:
            rows.append((chain.identity, "NA", state, "false", "NA", "NA", "NA"))
            continue
        rows += (
            (
                chain.identity,
                type_,
                state,
                "true" if _is_valid(certificate, now) else "false",
                "<nil>" if certificate.serial is None else f"{certificate.serial:x}",
                certificate.expiration_time or "NA",
                certificate.valid_from or "NA",
            )
            for type_, certificate in _types(chain)
        )
    return align(rows, padding=5)


def _types(chain: CertificateChain) -> list[tuple[str, Certificate]]:
    """Say what each certificate is; where the roots are not separate, the last of a chain is the root."""
    types = ["Leaf"] + ["Intermediate"] * (len(chain.chain) - 1)
    if not chain.root_certs and len(types) > 1:
        types[-1] = "Root"
    return [*zip(types, chain.chain, strict=True), *(("Root", root) for root in chain.root_certs or ())]


def _is_valid(certificate: Certificate, now: float) -> bool:
    if certificate.not_before is None or certificate.not_after is None:
        return False
    return certificate.not_before < now < certificate.not_after


def _connections(dump: ConfigDump, now: float, where: ShortFilter) -> str:  # noqa: ARG001  one signature for all
    rows: list[Row] = [("WORKLOAD", "DIRECTION", "LOCAL", "REMOTE", "REMOTE TARGET", "PROTOCOL")]
    named = str if where.is_raw else _namer(dump)
    for state in sorted(dump.states, key=lambda s: (s.namespace or "", s.name or "")):
        if _is_shown(state, where):
            rows += _connection_rows(state, where.direction, named)
    return align(rows)


def _is_shown(state: WorkloadState, where: ShortFilter) -> bool:
    if where.pods is not None and (state.namespace, state.name) not in where.pods:
        return False
    if not _is_within(state.namespace, where):
        return False
    return not where.workload_namespace or state.namespace == where.workload_namespace


def _connection_rows(state: WorkloadState, wanted: Direction | None, named: Callable[[str], str]) -> list[Row]:
    """List inbound rows, then outbound ones. An inbound row's target is a hostname already."""
    workload = f"{state.name or ''}.{state.namespace or ''}"
    rows: list[Row] = []
    for connection in state.connections or ():
        src, actual, original = connection.src or "", connection.actual_dst or "", connection.original_dst or ""
        if wanted is not None and connection.direction != wanted:
            continue
        if connection.direction == Direction.INBOUND:
            cells = ("Inbound", named(actual), named(src), original)
        else:
            cells = ("Outbound", named(src), named(actual), named(original))
        rows.append((workload, *cells, connection.protocol or ""))
    return rows


def _namer(dump: ConfigDump) -> Callable[[str], str]:
    """Put a service's hostname, or a pod's `name.namespace`, in place of its first address."""
    names = {workload.ips[0]: f"{workload.name}.{workload.namespace}" for workload in dump.workloads if workload.ips}
    names |= {service.ips[0]: service.hostname for service in dump.services if service.vips}

    def name(address: str) -> str:
        host, _, port = address.rpartition(":")
        known = names.get(host.removeprefix("[").removesuffix("]"))
        return address if known is None else f"{known}:{port}"

    return name


_TABLES: dict[str, Callable[[ConfigDump, float, ShortFilter], str]] = {
    "workloads": _workloads,
    "services": _services,
    "policies": _policies,
    "certificates": _certificates,
    "connections": _connections,
}
_TITLES = {
    "workloads": "WORKLOAD",
    "services": "SERVICE",
    "policies": "POLICY",
    "certificates": "SECRET",
    "connections": "CONNECTIONS",
}
"""The order of `all`, and istioctl's titles."""
