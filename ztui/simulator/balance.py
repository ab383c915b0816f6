"""How ztunnel chooses a backend: an independent draw per connection, weighted by capacity, after locality."""

from __future__ import annotations

import random
from itertools import accumulate

from ztui.simulator.cluster import Service, Workload

Candidates = tuple[list[Workload], list[int]]
"""The workloads that can be drawn and the running sums of their capacities."""


def choose(draw: random.Random, candidates: Candidates) -> Workload | None:
    """One workload by its share of the capacity; None where nothing can be drawn."""
    workloads, sums = candidates
    if not workloads or not sums[-1]:
        return None
    if len(workloads) == 1:
        return workloads[0]
    return draw.choices(workloads, cum_weights=sums)[0]


def candidates_for(source: Workload, service: Service) -> Candidates:
    """Who can be drawn for a connection of `source` to `service`, by the service's routing preferences."""
    members = service.endpoints()
    wanted = service.routing_preferences
    if service.mode == "Strict":
        members = [one for one in members if _rank(source, one, wanted) == len(wanted)]
    elif service.mode == "Failover" and members:
        ranks = [_rank(source, one, wanted) for one in members]
        best = max(ranks)
        members = [one for one, rank in zip(members, ranks, strict=True) if rank == best]
    return members, list(accumulate(one.capacity for one in members))


def locality_class(source: Workload, service: Service) -> tuple[str, ...]:
    """Class sources: those of one class see the same candidates, so that candidates can be kept."""
    if not service.routing_preferences:
        return ()
    return (source.region, source.zone, source.node.name if source.node else "")


def _rank(source: Workload, target: Workload, wanted: tuple[str, ...]) -> int:
    """How many leading preferences match. Everything here is in one network, so `Network` always does."""
    rank = 0
    for preference in wanted:
        if not _matches(source, target, preference):
            break
        rank += 1
    return rank


def _matches(source: Workload, target: Workload, preference: str) -> bool:
    if preference == "Region":
        return source.region == target.region
    if preference == "Zone":
        return (source.region, source.zone) == (target.region, target.zone)
    if preference == "Node":
        return source.node is not None and source.node is target.node
    return preference in ("Network", "Cluster", "Subzone")
