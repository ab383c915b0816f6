"""The words of the filter that rows of config dumps know: the same keys as for flows, where they mean something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ztui.model.fields import Field, Value, identity_names, names, service_names
from ztui.tables.health import HealthRow
from ztui.tables.holdings import PolicyRow, ServiceRow, WorkloadRow
from ztui.tables.nodewise import CertificateRow, ConnectionRow

T = TypeVar("T")


def _fields(getters: Mapping[str, Callable[[T], Value]]) -> dict[str, Field[T]]:
    return {name: Field(name=name, getter=getter, title=name) for name, getter in getters.items()}


def _services_of(row: WorkloadRow) -> tuple[str, ...]:
    return tuple(name for key in row.workload.services for name in service_names(key.partition("/")[2]))


def _workload_names(row: WorkloadRow) -> tuple[str, ...]:
    workload = row.workload
    return names(workload.name, workload.namespace, workload.app) + workload.ips


WORKLOAD_FIELDS = _fields(
    {
        "workload": _workload_names,
        "from": _workload_names,
        "to": _workload_names,
        "ns": lambda row: row.workload.namespace,
        "node": lambda row: row.workload.node,
        "service": _services_of,
        "identity": lambda row: identity_names(row.workload.identity),
        "protocol": lambda row: row.workload.protocol,
        "revision": lambda row: row.workload.canonical_revision,
    }
)
SERVICE_FIELDS: dict[str, Field[ServiceRow]] = _fields(
    {
        "service": lambda row: service_names(row.service.hostname) or row.service.name,
        "to": lambda row: service_names(row.service.hostname) + row.service.ips,
        "ns": lambda row: row.service.namespace,
        "port": lambda row: tuple(map(str, row.service.ports)),
    }
)
POLICY_FIELDS: dict[str, Field[PolicyRow]] = _fields(
    {"ns": lambda row: row.policy.namespace, "policy": lambda row: names(row.policy.name, row.policy.namespace)}
)
CERTIFICATE_FIELDS: dict[str, Field[CertificateRow]] = _fields(
    {
        "identity": lambda row: identity_names(row.status.identity),
        "ns": lambda row: row.status.identity.partition("/ns/")[2].partition("/")[0] or None,
        "node": lambda row: row.status.node,
        "ztunnel": lambda row: row.held.ztunnel,
    }
)
CONNECTION_FIELDS: dict[str, Field[ConnectionRow]] = _fields(
    {
        "workload": lambda row: names(row.open.connection.name, row.open.connection.namespace),
        "from": lambda row: row.source,
        "to": lambda row: row.destination,
        "ns": lambda row: row.open.connection.namespace,
        "service": lambda row: service_names(row.service),
        "node": lambda row: row.node,
        "dir": lambda row: row.open.connection.direction.value,
        "protocol": lambda row: row.open.connection.protocol,
        "ztunnel": lambda row: row.open.row.ztunnel,
    }
)
HEALTH_FIELDS: dict[str, Field[HealthRow]] = _fields({"node": lambda row: row.node, "ztunnel": lambda row: row.key})
