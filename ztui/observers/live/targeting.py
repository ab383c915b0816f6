"""What TARGET and --node mean in a cluster that changes: on which nodes it runs, and who it speaks with."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ztui.analysis.target import PodName, Surroundings, Target, TargetError, resolve
from ztui.observers.live.fleet import Scope

if TYPE_CHECKING:
    from ztui.model.cluster import Pod, Ztunnel
    from ztui.model.workload import Workload
    from ztui.observers.live.options import LiveOptions

PAUSE_S = 0.5
"""Pods change often, what a TARGET means does not; only peers that are new are looked for at once."""


class Targeting:
    """Finds what is meant, and keeps it while pods move and peers are discovered. Belongs to the *ask* thread.

    `narrow` is told which ztunnels are read; `need_dump` is called where only a config dump can tell what is meant.
    """

    def __init__(self, options: LiveOptions, *, narrow: Callable[[Scope], None], need_dump: Callable[[], None]) -> None:
        self._options = options
        self._narrow = narrow
        self._need_dump = need_dump
        self._ztunnels: list[Ztunnel] | None = None
        self._pods: dict[str, Pod] = {}
        self._workloads: tuple[Workload, ...] = ()
        self._peers: frozenset[PodName] = frozenset()
        self._target: Target | None = None
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()
        self.are_pods_told = False
        """Whether the pods are listed, or will not be."""
        self.is_dump_told = not options.takes_dumps
        """Whether a config dump was read, or will not be."""

    def know_ztunnels(self, ztunnels: list[Ztunnel]) -> None:
        """Learn which ztunnels there are."""
        self._ztunnels = ztunnels
        self._news.set()

    def know_pods(self, changed: Mapping[str, Pod], deleted: tuple[str, ...]) -> None:
        """Learn what became of pods, by uid."""
        for uid in deleted:
            self._pods.pop(uid, None)
        self._pods |= changed
        self._news.set()

    def know_workloads(self, workloads: tuple[Workload, ...]) -> None:
        """Learn what a config dump says of workloads: owners, services and accounts, and nodes."""
        self._workloads, self.is_dump_told = workloads, True
        self._news.set()

    def know_peers(self, peers: frozenset[PodName]) -> None:
        """Learn with whom the target's pods had connections."""
        self._peers = peers
        self._hurry.set()
        self._news.set()

    def told(self, *, pods: bool = False, dump: bool = False) -> None:
        """Learn that there is nothing to wait for, though nothing may have come."""
        self.are_pods_told |= pods
        self.is_dump_told |= dump
        self._news.set()

    async def run(self) -> None:
        """Keep the scope true until cancelled. Raises TargetError once it is sure that nothing is meant."""
        if not self._options.target and not self._options.nodes:
            self._narrow(Scope())
            return
        while True:
            await self._news.wait()
            self._news.clear()
            if self._ztunnels is not None:
                self._hurry.clear()
                self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE_S if self._target else 0.0):
                        await self._hurry.wait()

    def _look(self) -> None:
        if not self._ztunnels:
            self._narrow(Scope())  # that there is none at all is said first
            return
        try:
            scope = self._find()
        except TargetError:
            if self._target is not None:
                return  # what was meant is gone for now: what it left behind is still shown
            if not self._options.target or (self.are_pods_told and self.is_dump_told):
                raise
            if self.are_pods_told:
                self._need_dump()
        else:
            self._narrow(scope)

    def _find(self) -> Scope:
        """Find the nodes that are meant. Raises TargetError."""
        here = Surroundings(ztunnels=self._ztunnels or (), pods=tuple(self._pods.values()), workloads=self._workloads)
        if not self._options.target:
            found = [resolve(f"node/{node}", here) for node in self._options.nodes]
            self._target = found[0]
            return Scope(nodes=frozenset(self._options.nodes))
        target = self._target = resolve(self._options.target, here, namespace=self._options.target_namespace)
        nodes = target.nodes | (self._nodes_of(self._peers) if target.pods else frozenset())
        nodes &= frozenset(self._options.nodes) or nodes
        return Scope(
            nodes=nodes, keys=frozenset() if target.nodes else target.ztunnels, about=target.pods or frozenset()
        )

    def _nodes_of(self, names: frozenset[PodName]) -> frozenset[str]:
        """Find where pods run: by Kubernetes' word, and by the dumps'."""
        nodes = {pod.node for pod in self._pods.values() if (pod.namespace, pod.name) in names}
        nodes |= {each.node for each in self._workloads if (each.namespace, each.name) in names}
        return frozenset(node for node in nodes if node)
