"""Services as most ztunnels hold them, with the workloads behind them and the ways to write their names."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ztui.analysis.draws import Held
from ztui.model.fields import service_names

if TYPE_CHECKING:
    from ztui.model.service import Service
    from ztui.model.workload import Waypoint, Workload
    from ztui.store.inventory import Inventory


def waypoint_service(waypoint: Waypoint | None, inventory: Inventory) -> Service | None:
    """Find the service that stands for a waypoint, by its name or its address."""
    if waypoint is None:
        return None
    if waypoint.ip is not None:
        return inventory.service_at(waypoint.ip)
    return inventory.service(f"{waypoint.namespace}/{waypoint.hostname}")


class HeldServices:
    """Services with their workloads, as long as the dumps say the same."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._agreed = {row.key: row.is_agreed for row in inventory.services}
        self._unhealthy: defaultdict[str, list[Workload]] = defaultdict(list)
        self._held: dict[str, Held] = {}
        for row in inventory.workloads:
            if row.item.is_healthy is False:
                for service in row.item.services:
                    self._unhealthy[service].append(row.item)

    def held(self, service: Service) -> Held:
        held = self._held.get(service.key)
        if held is None:
            uids = (
                (endpoint, endpoint.workload_uid or endpoint.key.partition(":")[0]) for endpoint in service.endpoints
            )
            found = [(endpoint, self._inventory.workload_of(uid)) for endpoint, uid in uids]
            endpoints = tuple((endpoint, workload) for endpoint, workload in found if workload is not None)
            drawn = {workload.key for _, workload in endpoints}
            held = self._held[service.key] = Held(
                service=service,
                endpoints=endpoints,
                unhealthy=tuple(one for one in self._unhealthy.get(service.key, ()) if one.key not in drawn),
                is_agreed=self._agreed.get(service.key, True),
            )
        return held


def names_of(service: str, held: Service | None) -> tuple[str, ...]:
    """Every way a user may write a service."""
    names = dict.fromkeys(service_names(service))
    if held is not None:
        named = (held.hostname, held.name, f"{held.name}.{held.namespace}", f"{held.namespace}/{held.name}", held.key)
        names |= dict.fromkeys(named)
    return tuple(names)
