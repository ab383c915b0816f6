"""Which ztunnels are on screen: their dumps are taken oftener, and where not all logs can be followed theirs are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ztui.model.flow import AccessLogEntry
from ztui.model.observation import LookAt
from ztui.store.edges import EdgeRow
from ztui.tables.balance import BackendRow
from ztui.tables.health import HealthRow
from ztui.tables.holdings import WorkloadRow
from ztui.tables.nodewise import CertificateRow, ConnectionRow

if TYPE_CHECKING:
    from ztui.store.mesh import Mesh
    from ztui.ui.panes.pane import Pane

STEADY_S = 5.0
"""A pane's rows change their order all the time: no more than one wish in so long while the same pane is looked at."""


@dataclass(slots=True)
class _Named:
    """How rows name what they are about: ztunnels themselves, their nodes, or pods on their nodes."""

    keys: set[str] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)
    pods: set[str] = field(default_factory=set)

    def add(self, row: object) -> None:
        """Take what one row names; of some rows (a service, a policy) no ztunnel is closer than any other."""
        match row:
            case HealthRow():
                self.keys.add(row.key)
            case CertificateRow():
                self.keys.add(row.held.ztunnel)
            case ConnectionRow():
                self.keys.add(row.open.row.ztunnel)
            case AccessLogEntry():
                self.keys.add(row.shape.origin.key)
            case WorkloadRow():
                self.nodes.add(row.workload.node or "")
            case BackendRow():
                self.pods.add(row.backend.name)
            case EdgeRow():
                self.nodes |= _values(row, "node", "src.node", "dst.node")
                self.pods |= _values(row, "src.workload", "dst.workload")

    def ztunnels(self, mesh: Mesh) -> frozenset[str]:
        """Find the ztunnels that are meant, by `Origin.key`."""
        pods = mesh.cluster.pods.values() if self.pods else ()
        nodes = self.nodes | {pod.node for pod in pods if pod.name in self.pods}
        found = mesh.cluster.ztunnels.values()
        return frozenset(one.key for one in found if one.key in self.keys or (one.node and one.node in nodes))


def _values(row: EdgeRow, *keys: str) -> set[str]:
    return {value for key in keys if (value := row.keys.get(key))}


def _rows_on_glass(pane: Pane) -> Iterator[object]:
    """Give the rows one looks at. A list that runs with the newest is not looked at row by row."""
    for part in pane.parts:
        if part.display and not part.table.view.follow:
            yield from part.table.rows_shown


def looked_at(pane: Pane, mesh: Mesh, also_pods: Iterable[str] = ()) -> frozenset[str]:
    """Tell which ztunnels a pane shows, by `Origin.key`."""
    named = _Named(pods=set(also_pods))
    for row in _rows_on_glass(pane):
        named.add(row)
    return named.ztunnels(mesh)


class Looking:
    """Remembers what was wished last, so that only a change is a wish."""

    def __init__(self) -> None:
        self._told: frozenset[str] = frozenset()
        self._pane = ""
        self._told_at = -STEADY_S

    def wish(self, pane: Pane, mesh: Mesh, followed: str | None, at: float) -> LookAt | None:
        """Say what is looked at now, where it differs from what was said; `at` is a monotonic time."""
        if self._pane == pane.NAME and at < self._told_at + STEADY_S:
            return None
        self._pane, self._told_at = pane.NAME, at
        now = looked_at(pane, mesh, [followed] if followed else [])
        if now == self._told:
            return None
        self._told = now
        return LookAt(ztunnels=now)
