"""The API server's shelf: every object with its resource version, and what changed lately for those who watch."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ztui.simulator.api.objects import render
from ztui.simulator.api.resources import RESOURCES
from ztui.simulator.cluster import App, Cluster, Revision, Service

Json = dict[str, Any]

_KINDS = {one.plural: one for one in RESOURCES}
_EVENTS_KEPT = 4_000
_FIRST_VERSION = 1_000


@dataclass(slots=True, eq=False)
class Item:
    """One object. `thing` is the cluster's own; its JSON is made when it is asked for and kept until it changes."""

    thing: object
    rv: int
    value: Json | None = None
    text: bytes | None = None


@dataclass(slots=True, frozen=True)
class Change:
    """One event of a watch, with the object before it where there was one."""

    rv: int
    what: str
    plural: str
    value: Json
    before: Json | None


class Shelf:
    """Objects by resource and key, in the order of keys, and a bounded log of changes."""

    def __init__(self, cluster: Cluster) -> None:
        self._rv = _FIRST_VERSION
        self._items: dict[str, dict[tuple[str, str], Item]] = {one.plural: {} for one in RESOURCES}
        self._order: dict[str, list[tuple[str, str]]] = {}
        self.changes: deque[Change] = deque(maxlen=_EVENTS_KEPT)
        self.oldest = self._rv
        """Watches from an older version are told 410."""
        self.on_change: list[Callable[[], None]] = []
        for plural, things in _beginning(cluster):
            for thing in things:
                self._put(plural, thing)
        self.oldest = self._rv
        cluster.listeners.append(self._hear)

    @property
    def version(self) -> int:
        """The newest resource version."""
        return self._rv

    def items(self, plural: str, namespace: str | None) -> list[tuple[tuple[str, str], Item]]:
        """All objects of a resource, or of one namespace, sorted by namespace and name."""
        found = self._items[plural]
        keys = self._order.get(plural)
        if keys is None:
            keys = self._order[plural] = sorted(found)
        return [(key, found[key]) for key in keys if namespace is None or key[0] == namespace]

    def get(self, plural: str, namespace: str, name: str) -> Item | None:
        """One object; `namespace` is empty for cluster-wide resources."""
        return self._items[plural].get((namespace, name))

    def value(self, plural: str, item: Item) -> Json:
        """Render the object with kind, version and resource version."""
        if item.value is None:
            kind = _KINDS[plural]
            body = render(plural, item.thing)
            body["metadata"]["resourceVersion"] = str(item.rv)
            item.value = {"kind": kind.kind, "apiVersion": kind.api_version, **body}
        return item.value

    def text(self, plural: str, item: Item) -> bytes:
        """Render the object's JSON."""
        if item.text is None:
            item.text = json.dumps(self.value(plural, item), separators=(",", ":")).encode()
        return item.text

    def compact(self) -> None:
        """Forget all changes, so that every older version is too old."""
        self.changes.clear()
        self._rv += 1
        self.oldest = self._rv

    def since(self, rv: int, plural: str) -> Iterator[Change]:
        """List the changes of a resource after a version, oldest first."""
        newer: list[Change] = []
        for change in reversed(self.changes):
            if change.rv <= rv:
                break
            if change.plural == plural:
                newer.append(change)
        return reversed(newer)

    def _hear(self, what: str, plural: str, thing: object) -> None:
        key = _key(plural, thing)
        old = self._items[plural].get(key)
        before = self.value(plural, old) if old is not None and old.value is not None else None
        if what == "DELETED":
            if old is None:
                return
            self._rv += 1
            del self._items[plural][key]
            self._order.pop(plural, None)
            item = Item(thing, self._rv)
        else:
            what = "MODIFIED" if old is not None else "ADDED"
            item = self._put(plural, thing)
        if len(self.changes) == self.changes.maxlen:
            self.oldest = self.changes[0].rv
        self.changes.append(Change(item.rv, what, plural, self.value(plural, item), before))
        for listener in self.on_change:
            listener()

    def _put(self, plural: str, thing: object) -> Item:
        self._rv += 1
        key = _key(plural, thing)
        if key not in self._items[plural]:
            self._order.pop(plural, None)
        item = self._items[plural][key] = Item(thing, self._rv)
        return item


def _beginning(cluster: Cluster) -> list[tuple[str, list[Any]]]:
    apps = list(cluster.apps.values())
    deployments = [app for app in apps if app.kind == "Deployment"]
    return [
        ("namespaces", list(cluster.namespaces.values())),
        ("nodes", list(cluster.nodes.values())),
        ("pods", list(cluster.pods.values())),
        ("services", list(cluster.services.values())),
        ("endpointslices", list(cluster.services.values())),
        ("deployments", deployments),
        ("replicasets", [(app, revision) for app in deployments for revision in app.revisions]),
        ("daemonsets", [app for app in apps if app.kind == "DaemonSet"]),
        ("authorizationpolicies", list(cluster.policies.values())),
    ]


def _key(plural: str, thing: Any) -> tuple[str, str]:
    if plural == "replicasets":
        app, revision = thing
        assert isinstance(app, App) and isinstance(revision, Revision)
        return app.namespace, revision.name
    if plural == "endpointslices":
        assert isinstance(thing, Service)
        return thing.namespace, thing.slice_name
    return ("" if not _KINDS[plural].namespaced else thing.namespace, thing.name)
