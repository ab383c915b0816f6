"""Inventory: the last good config dump of every ztunnel, merged; and what can be looked up in it.

Dumps arrive every few seconds and mostly say what the last one said: sections that are the same object cost nothing,
and `version`, which answers of the Lookup depend on, grows only when workloads or services changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

from ztui.analysis.merge import Merged, MergedDumps, OnZtunnel, list_items, merge_items
from ztui.model.labels import labels_text

if TYPE_CHECKING:
    from ztui.model.certificate import CertificateChain
    from ztui.model.configdump import ConfigDump
    from ztui.model.flow import Origin
    from ztui.model.observation import ConfigDumpTaken
    from ztui.model.policy import AuthorizationPolicy
    from ztui.model.service import Service
    from ztui.model.workload import OpenConnection, Workload
    from ztui.store.cluster import ClusterState


V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDump:
    """The last good dump of one ztunnel."""

    origin: Origin
    dump: ConfigDump
    taken_at: float

    @property
    def node(self) -> str | None:
        """The node it speaks for: by discovery, else by the dump itself."""
        return self.origin.node or self.dump.local_node


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNow:
    """An open connection with the time we first saw it: a dump does not know how old it is."""

    row: OnZtunnel[OpenConnection]
    first_seen: float
    last_seen: float
    is_older: bool = False
    """Whether its ztunnel's first dump had it already: it was opened before, nobody knows when."""

    @property
    def key(self) -> str:
        """Stays the same as long as the connection is open."""
        return self.row.key

    @property
    def connection(self) -> OpenConnection:
        """The dump's own row."""
        return self.row.item


class Inventory:
    """Last good dumps by `Origin.key`, bounded by `max_dumps`. `dumps_version` grows with every dump."""

    def __init__(self, cluster: ClusterState, *, max_dumps: int = 5_000) -> None:
        self._cluster = cluster
        self.max_dumps = max_dumps
        self.dumps_version = 0
        self._content_version = 0
        self._dumps: dict[str, KnownDump] = {}
        self._views: dict[str, tuple[int, object]] = {}
        self._first_seen: dict[str, dict[str, float]] = {}
        self._known_since: dict[str, float] = {}
        self._index: _Index | None = None

    # -- taking

    def take(self, taken: ConfigDumpTaken) -> None:
        """Remember a dump in place of its ztunnel's last one."""
        key = taken.origin.key
        before = self._dumps.get(key)
        if before is None and len(self._dumps) >= self.max_dumps:
            return
        self._dumps[key] = KnownDump(origin=taken.origin, dump=taken.dump, taken_at=taken.taken_at)
        self.dumps_version += 1
        if before is None or not _same_content(before.dump, taken.dump):
            self._content_version += 1
            self._index = None
        known = self._first_seen.get(key, {})
        self._known_since.setdefault(key, taken.taken_at)
        self._first_seen[key] = {
            connection.key: known.get(connection.key, taken.taken_at) for connection in taken.dump.connections
        }

    def keep_only(self, origins: Iterable[str]) -> None:
        """Forget the dumps of ztunnels that do not exist any more."""
        for key in self._dumps.keys() - set(origins):
            del self._dumps[key]
            self._first_seen.pop(key, None)
            self._known_since.pop(key, None)
            self.dumps_version += 1
            self._content_version += 1
            self._index = None

    # -- what the ztunnels hold

    @property
    def dumps(self) -> Mapping[str, KnownDump]:
        """The last good dump of each ztunnel, by `Origin.key`."""
        return self._dumps

    def age_s(self, origin: str, now: float) -> float | None:
        """How old a ztunnel's last good dump is; None where there is none."""
        known = self._dumps.get(origin)
        return None if known is None else now - known.taken_at

    def oldest_age_s(self, now: float) -> float | None:
        """How old the oldest of the last good dumps is: what a merged answer may be behind by."""
        return max((now - known.taken_at for known in self._dumps.values()), default=None)

    @property
    def merged(self) -> MergedDumps:
        """Everything merged; parts are only computed when a dump changed them."""
        return MergedDumps(
            workloads=self.workloads,
            services=self.services,
            policies=self.policies,
            certificates=self.certificates,
            connections=tuple(one.row for one in self.connections),
        )

    @property
    def workloads(self) -> tuple[Merged[Workload], ...]:
        """One row per workload, over all ztunnels."""
        sections = {key: known.dump.workloads for key, known in self._dumps.items()}
        return self._view("workloads", self._content_version, lambda: merge_items(sections))

    @property
    def services(self) -> tuple[Merged[Service], ...]:
        """One row per service, over all ztunnels."""
        sections = {key: known.dump.services for key, known in self._dumps.items()}
        return self._view("services", self._content_version, lambda: merge_items(sections))

    @property
    def policies(self) -> tuple[Merged[AuthorizationPolicy], ...]:
        """One row per policy, over all ztunnels."""
        sections = {key: known.dump.policies for key, known in self._dumps.items()}
        return self._view("policies", self._content_version, lambda: merge_items(sections))

    @property
    def certificates(self) -> tuple[OnZtunnel[CertificateChain], ...]:
        """Every certificate chain of every ztunnel."""
        return self._view(
            "certificates", self.dumps_version, lambda: list_items(self._plain(), lambda dump: dump.certificates)
        )

    @property
    def connections(self) -> tuple[OpenNow, ...]:
        """What is open now, with the time it was first seen."""
        return self._view("connections", self.dumps_version, self._open_now)

    def _open_now(self) -> tuple[OpenNow, ...]:
        rows = list_items(self._plain(), lambda dump: dump.connections)
        return tuple(
            OpenNow(
                row=row,
                first_seen=self._first_seen[row.ztunnel][row.item.key],
                last_seen=self._dumps[row.ztunnel].taken_at,
                is_older=self._first_seen[row.ztunnel][row.item.key] <= self._known_since[row.ztunnel],
            )
            for row in rows
        )

    def _plain(self) -> dict[str, ConfigDump]:
        return {key: known.dump for key, known in self._dumps.items()}

    def _view(self, name: str, version: int, make: Callable[[], V]) -> V:
        known = self._views.get(name)
        if known is None or known[0] != version:
            known = self._views[name] = (version, make())
        return cast("V", known[1])

    # -- looking up

    @property
    def version(self) -> int:
        """Grows whenever an answer of the look-ups below may have changed."""
        return self._content_version + self._cluster.naming_version

    def _indexed(self) -> _Index:
        if self._index is None:
            clusters = frozenset(known.dump.cluster_id for known in self._dumps.values())
            self._index = _Index(self.workloads, self.services, clusters)
        return self._index

    def workload(self, namespace: str | None, name: str | None) -> Workload | None:
        """Give the workload of that name, as most ztunnels hold it."""
        return self._indexed().by_name.get((namespace or "", name or ""))

    def workload_of(self, uid: str) -> Workload | None:
        """Give the workload of that uid (istiod's, not Kubernetes')."""
        return self._indexed().by_uid.get(uid)

    def workload_at(self, ip: str) -> Workload | None:
        """Give the workload that has this address."""
        return self._indexed().by_ip.get(ip)

    def service(self, name: str) -> Service | None:
        """Find a service by hostname, `namespace/hostname`, `name.ns`, `ns/name`; by a bare name if just one has it."""
        return self._indexed().services.get(name)

    def service_at(self, vip: str) -> Service | None:
        """Give the service that has this virtual address."""
        return self._indexed().by_vip.get(vip)

    def app(self, namespace: str | None, name: str | None) -> str | None:
        """Give a workload's owner: by istiod's word where that differs from the pod's name, else by Kubernetes'."""
        if name is None:
            return None
        workload = self.workload(namespace, name)
        if workload is not None and workload.app != workload.name:
            return workload.app
        pod = self._cluster.pod(namespace or "", name)
        if pod is not None and pod.owner:
            return owner_name(pod.owner, pod.labels)
        return workload.app if workload is not None else None

    def node(self, namespace: str | None, name: str | None) -> str | None:
        """Give the node a workload runs on."""
        workload = self.workload(namespace, name)
        if workload is not None and workload.node:
            return workload.node
        pod = self._cluster.pod(namespace or "", name or "")
        return pod.node if pod is not None else None

    def zone(self, namespace: str | None, name: str | None) -> str | None:
        """Give the zone a workload runs in, by its locality, else by its node's label."""
        workload = self.workload(namespace, name)
        if workload is not None and workload.locality is not None and workload.locality.zone:
            return workload.locality.zone
        node = self._cluster.nodes.get(self.node(namespace, name) or "")
        return node.zone if node is not None else None

    def revision(self, namespace: str | None, name: str | None) -> str | None:
        """Give the canonical revision of a workload."""
        workload = self.workload(namespace, name)
        return workload.canonical_revision if workload is not None else None

    def labels(self, namespace: str | None, name: str | None) -> str | None:
        """Give the labels of a pod by Kubernetes' word; None where they are not known."""
        found = self._cluster.labels(namespace or "", name or "")
        return None if found is None else labels_text(found)

    def labels_at(self, ip: str) -> str | None:
        """Give the labels of the pod that has this address."""
        pod = self._cluster.pod_at(ip)
        return None if pod is None else labels_text(pod.labels)

    def service_of(self, namespace: str | None, name: str | None, port: int | None) -> str | None:
        """Give the hostname of the one service that reaches this port of a workload; None if not just one."""
        workload = self.workload(namespace, name)
        if workload is None or port is None:
            return None
        hostnames = self._indexed().hostnames_of(workload.key, port)
        return next(iter(hostnames)) if len(hostnames) == 1 else None


class _Index:
    """Look-up tables over merged workloads and services, made anew when these change."""

    def __init__(
        self,
        workloads: tuple[Merged[Workload], ...],
        services: tuple[Merged[Service], ...],
        clusters: frozenset[str | None],
    ) -> None:
        items = [row.item for row in workloads]
        # Lines and pods name namespace and name alone: a pod of the ztunnels' own cluster comes before its namesakes.
        by_rank = sorted(items, key=lambda item: (item.cluster_id in clusters, item.is_pod))
        self.by_name = {(item.namespace, item.name): item for item in by_rank}
        self.by_uid = {item.uid: item for item in items if item.uid is not None}
        self.by_ip = _by_ip(items)
        self._services = [row.item for row in services]
        self.by_vip = {ip: item for item in self._services for ip in item.ips}

    @cached_property
    def services(self) -> dict[str, Service]:
        """Every way to write a service, ambiguous bare names left out."""
        named: dict[str, Service] = {}
        bare: dict[str, list[Service]] = {}
        for item in self._services:
            for name in (item.hostname, item.key, f"{item.name}.{item.namespace}", f"{item.namespace}/{item.name}"):
                named.setdefault(name, item)
            bare.setdefault(item.name, []).append(item)
        return {name: same[0] for name, same in bare.items() if len(same) == 1} | named

    @cached_property
    def _hostnames(self) -> dict[tuple[str, int], set[str]]:
        found: dict[tuple[str, int], set[str]] = {}
        for service in self._services:
            for endpoint in service.endpoints:
                for port in endpoint.ports.values():
                    found.setdefault((endpoint.workload_uid or endpoint.key, port), set()).add(service.hostname)
        return found

    def hostnames_of(self, workload_key: str, port: int) -> set[str]:
        return self._hostnames.get((workload_key, port), set())


def _by_ip(items: Iterable[Workload]) -> dict[str, Workload]:
    """Index workloads by address; one that several share (pods of a host's network) names none of them.

    Where just one of them is a pod with an address of its own, it is the one: the others only point at it.
    """
    found: dict[str, list[Workload]] = {}
    for item in items:
        if item.network_mode != "HostNetwork":
            for ip in item.ips:
                found.setdefault(ip, []).append(item)
    named: dict[str, Workload] = {}
    for ip, sharing in found.items():
        pods = sharing if len(sharing) == 1 else [item for item in sharing if item.is_pod]
        if len(pods) == 1:
            named[ip] = pods[0]
    return named


def _same_content(before: ConfigDump, now: ConfigDump) -> bool:
    return before.workloads is now.workloads and before.services is now.services and before.policies is now.policies


def owner_name(owner: str, labels: Mapping[str, str]) -> str:
    """Give the owner a user knows: a ReplicaSet's Deployment (the name without the template's hash), else itself."""
    kind, _, name = owner.partition("/")
    template = labels.get("pod-template-hash")
    if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
        return name[: -len(template) - 1]
    return name
