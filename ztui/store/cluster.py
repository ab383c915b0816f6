"""What the API server says: pods, nodes, services, namespaces and the ztunnels among them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ztui.model.cluster import KubeService, Namespace, Node, Pod, Ztunnel
from ztui.model.observation import ClusterChanged, ZtunnelsFound

Thing = Pod | Node | KubeService | Namespace


def _key(thing: Thing) -> str:
    return thing.uid if isinstance(thing, Pod | KubeService) else thing.name


def _naming(thing: Thing) -> object:
    match thing:
        case Pod():
            return thing.name, thing.node, thing.owner, thing.ips, thing.phase, thing.labels
        case Node():
            return thing.zone
        case _:
            return None


class ClusterState:
    """Kubernetes objects as last listed and watched. `version` grows with every change.

    Bounded by the cluster itself; `max_objects` of a kind is where more are no longer taken.
    """

    def __init__(self, *, max_objects: int = 200_000) -> None:
        self.max_objects = max_objects
        self.version = 0
        self.naming_version = 0
        """Grows only when a name, owner, label, node, address or zone may have changed: not with every status."""
        self.pods: dict[str, Pod] = {}
        """By uid."""
        self.nodes: dict[str, Node] = {}
        """By name."""
        self.services: dict[str, KubeService] = {}
        """By uid."""
        self.namespaces: dict[str, Namespace] = {}
        """By name."""
        self._ztunnels: dict[str, Ztunnel] = {}
        self.followed: frozenset[str] = frozenset()
        """Keys of the ztunnels whose logs are followed."""
        self.synced: set[str] = set()
        """Resources whose first list was complete."""
        self._pods_by_name: dict[tuple[str, str], Pod] = {}
        self._pods_by_ip: dict[str, Pod] = {}
        self._labels_of_gone: dict[tuple[str, str], Mapping[str, str]] = {}

    @property
    def ztunnels(self) -> Mapping[str, Ztunnel]:
        """Every ztunnel that exists now, by key, in the order of nodes."""
        return MappingProxyType(self._ztunnels)

    def take_ztunnels(self, found: ZtunnelsFound) -> None:
        """Take the whole set of ztunnels."""
        self.version += 1
        self._ztunnels = {z.key: z for z in sorted(found.ztunnels, key=lambda z: (z.node or "", z.key))}
        self.followed = found.followed

    def take(self, change: ClusterChanged) -> None:
        """Take a list or a change of one resource."""
        self.version += 1
        if change.synced:
            self.synced.add(change.resource)
        kept: dict[str, Thing] | None = getattr(self, change.resource, None) if change.resource in _RESOURCES else None
        if kept is None:
            return
        gone = set(kept) - {_key(thing) for thing in change.changed} if change.replaces_all else set(change.deleted)
        for key in gone:
            thing = kept.pop(key, None)
            self.naming_version += 1
            if isinstance(thing, Pod):
                self._forget(thing)
                self._remember_labels(thing)
        for thing in change.changed:
            key = _key(thing)
            if key in kept or len(kept) < self.max_objects:
                before = kept.get(key)
                if before is None or _naming(before) != _naming(thing):
                    self.naming_version += 1
                if isinstance(before, Pod):
                    self._forget(before)
                kept[key] = thing
                if isinstance(thing, Pod):
                    self._index(thing)

    def _index(self, pod: Pod) -> None:
        self._pods_by_name[pod.namespace, pod.name] = pod
        if not pod.host_network and pod.phase not in ("Succeeded", "Failed"):
            for ip in pod.ips:
                self._pods_by_ip[ip] = pod

    def _remember_labels(self, pod: Pod) -> None:
        """Keep the labels of a pod that is gone: lines about it come after it."""
        gone = self._labels_of_gone
        gone[pod.namespace, pod.name] = pod.labels
        if len(gone) > _MOST_GONE:
            del gone[next(iter(gone))]

    def _forget(self, pod: Pod) -> None:
        if self._pods_by_name.get((pod.namespace, pod.name)) is pod:
            del self._pods_by_name[pod.namespace, pod.name]
        for ip in pod.ips:
            if self._pods_by_ip.get(ip) is pod:
                del self._pods_by_ip[ip]

    def pod(self, namespace: str, name: str) -> Pod | None:
        """Give the pod of that name, if there is one now."""
        return self._pods_by_name.get((namespace, name))

    def labels(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Give the labels of the pod of that name, also of one that was deleted since we look; None if not known."""
        pod = self._pods_by_name.get((namespace, name))
        return pod.labels if pod is not None else self._labels_of_gone.get((namespace, name))

    def pod_at(self, ip: str) -> Pod | None:
        """Give the running pod that has this address."""
        return self._pods_by_ip.get(ip)


_MOST_GONE = 10_000
_RESOURCES = frozenset({"pods", "nodes", "services", "namespaces"})
