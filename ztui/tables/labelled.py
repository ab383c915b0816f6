"""Which pods a row is about, by their labels: what `--selector` means for the tables of what ztunnels hold.

Labels are Kubernetes' word, not in any config dump. A workload is its own pod; a service has the pods behind it, a
policy those it applies to, a certificate those of its identity on its node; a connection has its two ends, a ztunnel
the pods of its node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ztui.model.fields import split_address
from ztui.model.labels import labels_text

if TYPE_CHECKING:
    from ztui.model.workload import Workload
    from ztui.store.mesh import Mesh
    from ztui.tables.health import HealthRow
    from ztui.tables.holdings import PolicyRow, ServiceRow, WorkloadRow
    from ztui.tables.nodewise import CertificateRow, ConnectionRow

Texts = tuple[str, ...]
Index = Mapping[tuple[str, ...], frozenset[str]]


class PodLabels:
    """Gives the labels of the pods behind a row, as texts of `labels_text`; made anew when the mesh knows more."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._version = -1
        self._index: Index = {}

    def getter(self, table: str) -> Callable[[Any], Texts]:
        """Give the function from a row of that table to the labels of its pods; of a table without any, nothing."""
        getters: dict[str, Callable[[Any], Texts]] = {
            "workloads": self._of_workload,
            "services": self._of_service,
            "policies": self._of_policy,
            "certificates": self._of_certificate,
            "connections": self._of_connection,
            "health": self._of_ztunnel,
        }
        return getters.get(table, lambda _: ())

    def _of_workload(self, row: WorkloadRow) -> Texts:
        return self._known("workload", row.held.key)

    def _of_service(self, row: ServiceRow) -> Texts:
        return self._known("service", row.service.key)

    def _of_policy(self, row: PolicyRow) -> Texts:
        match row.policy.scope:
            case "Global":
                return self._known("all")
            case "Namespace":
                return self._known("namespace", row.policy.namespace)
        return self._known("policy", row.held.key)

    def _of_certificate(self, row: CertificateRow) -> Texts:
        return self._known("identity", row.status.identity, row.status.node or "")

    def _of_connection(self, row: ConnectionRow) -> Texts:
        connection, inventory = row.open.connection, self._mesh.inventory
        found = {inventory.labels(connection.namespace, connection.name)}
        for address in (connection.src, connection.actual_dst):
            host = split_address(address)[0]
            found.add(inventory.labels_at(host) if host else None)
        return tuple(text for text in found if text is not None)

    def _of_ztunnel(self, row: HealthRow) -> Texts:
        return self._known("node", row.node or "")

    # -- what is known of pods

    def _known(self, *key: str) -> Texts:
        version = self._mesh.inventory.version
        if version != self._version:
            self._version, self._index = version, self._gather()
        return tuple(self._index.get(key, ()))

    def _gather(self) -> Index:
        found: dict[tuple[str, ...], set[str]] = {}
        for each in self._mesh.cluster.pods.values():
            places: tuple[tuple[str, ...], ...] = (("node", each.node or ""), ("namespace", each.namespace), ("all",))
            for place in places:
                found.setdefault(place, set()).add(labels_text(each.labels))
        members = self._members()
        for held in self._mesh.inventory.workloads:
            workload = held.item
            pod = self._mesh.cluster.pod(workload.namespace, workload.name)
            if pod is None or workload.node not in (None, pod.node):  # another cluster may have a pod of the same name
                continue
            behind = members.get(workload.uid or "", frozenset())
            for key in (("workload", held.key), *_keys(workload, {*workload.services, *behind})):
                found.setdefault(key, set()).add(labels_text(pod.labels))
        return {key: frozenset(texts) for key, texts in found.items()}

    def _members(self) -> Mapping[str, frozenset[str]]:
        """Find the services of a workload by their endpoints: before 1.24 workloads do not say."""
        found: dict[str, set[str]] = {}
        for held in self._mesh.inventory.services:
            for endpoint in held.item.endpoints:
                if endpoint.workload_uid:
                    found.setdefault(endpoint.workload_uid, set()).add(held.item.key)
        return {uid: frozenset(services) for uid, services in found.items()}


def _keys(workload: Workload, services: Iterable[str]) -> Iterable[tuple[str, ...]]:
    yield from (("service", service) for service in services)
    yield from (("policy", policy) for policy in workload.policies)
    if workload.identity:
        yield "identity", workload.identity, workload.node or ""
