"""The *ask* side of a live cluster: which ztunnels there are, what Kubernetes says, and the dumps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from ztui.model.cluster import Pod
from ztui.model.observation import (
    ClusterChanged,
    ConfigDumpTaken,
    Deliver,
    LookAt,
    Observation,
    PollNow,
    StreamChanged,
    Wish,
)
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.observers.live.dumps import Dumps
from ztui.observers.live.fleet import Ztunnels, slim_ztunnel_pod
from ztui.observers.live.logs import Wanted, unfollowed
from ztui.observers.live.slim import slim_namespace, slim_node, slim_pod, slim_service
from ztui.observers.live.targeting import Targeting
from ztui.observers.live.watches import Kind, Watch

if TYPE_CHECKING:
    from random import Random

    from ztui.analysis.target import PodName
    from ztui.kube.client import Client
    from ztui.kube.reflector import Changes
    from ztui.observers.live.fleet import ZtunnelPod
    from ztui.observers.live.mailbox import Mailbox
    from ztui.observers.live.options import LiveOptions
    from ztui.observers.live.watches import Explain

T = TypeVar("T")
AT_ONCE = 500
"""Objects that are handed over together: memory takes them in within a few milliseconds."""
_LOST = (StreamState.NOT_PERMITTED, StreamState.UNAVAILABLE, StreamState.ERROR)


class Asking:
    """Lists, watches and takes dumps, and tells *follow* which logs are wanted."""

    def __init__(
        self, client: Client, options: LiveOptions, deliver: Deliver, rng: Random, *, wanted: Mailbox[Wanted],
        explain: Explain,
    ) -> None:  # fmt: skip
        self._options = options
        self._clock = client.clock
        self._deliver = deliver
        self._wanted = wanted
        self._client = client
        self._explain = explain
        self._rng = rng
        self._ztunnels = Ztunnels(options, self._chosen)
        self._dumps = Dumps(client, options, self._dump_taken, rng) if options.takes_dumps else None
        self._targeting = Targeting(options, narrow=self._ztunnels.narrow, need_dump=self._take_first_dump)
        self._has_told = False
        self._told = self._ztunnels.found
        self._unfollowed: frozenset[str] = frozenset()
        self._pods = self._watch(self._pod_kind(), self._cluster_told("pods"))
        self._watches: list[Watch[Any]] = [
            self._watch(self._ztunnel_kind(), self._ztunnels_told),
            self._pods,
            self._watch(self._named("nodes", slim_node), self._cluster_told("nodes")),
            self._watch(self._named("namespaces", slim_namespace), self._cluster_told("namespaces")),
            self._watch(self._service_kind(), self._cluster_told("services")),
        ]

    async def run(self, peers: Mailbox[frozenset[PodName]]) -> None:
        """Ask until cancelled. `peers` brings with whom the target's pods were seen to speak."""
        async with asyncio.TaskGroup() as tasks:
            for watch in self._watches:
                tasks.create_task(watch.run())
            if self._dumps is not None:
                tasks.create_task(self._dumps.run())
            tasks.create_task(self._targeting.run())
            if self._options.target:
                tasks.create_task(self._await_pods())
                tasks.create_task(self._take_peers(peers))

    def wish(self, wish: Wish) -> None:
        """Take a wish."""
        match wish:
            case LookAt():
                self._ztunnels.look_at(wish.ztunnels)
                if self._dumps is not None:
                    self._dumps.look_at(wish.ztunnels)
            case PollNow() if self._dumps is not None:
                self._dumps.poll_now(wish.ztunnels)

    # -- kinds of objects

    def _watch(self, kind: Kind[T], on_changes: Callable[[Changes[T]], None]) -> Watch[T]:
        return Watch(
            self._client, kind, deliver=self._deliver, on_changes=on_changes, explain=self._explain, rng=self._rng
        )

    def _ztunnel_kind(self) -> Kind[ZtunnelPod]:
        options = self._options
        return Kind(
            stream="ztunnels",
            resource="pods",
            slim=slim_ztunnel_pod,
            key=lambda pod: pod.ztunnel.uid,
            namespace=options.ztunnel_namespace,
            selector=options.ztunnel_selector,
            instead=(options.istio_namespace,),
            is_enough=True,
        )

    def _pod_kind(self) -> Kind[Pod]:
        return Kind(
            stream="pods", resource="pods", slim=slim_pod, key=attrgetter("uid"), instead=self._options.namespaces
        )

    def _service_kind(self) -> Kind[Any]:
        return Kind(
            stream="services",
            resource="services",
            slim=slim_service,
            key=attrgetter("uid"),
            instead=self._options.namespaces,
        )

    def _named(self, resource: str, slim: Callable[[Any], Any]) -> Kind[Any]:
        return Kind(stream=resource, resource=resource, slim=slim, key=attrgetter("name"))

    # -- what they tell

    def _cluster_told(self, resource: str) -> Callable[[Changes[Any]], None]:
        def tell(changes: Changes[Any]) -> None:
            for part in in_parts(resource, changes):
                self._deliver(part)
            if resource == "pods" and self._options.target:
                self._targeting.know_pods({pod.uid: pod for pod in changes.changed}, changes.deleted)

        return tell

    def _ztunnels_told(self, changes: Changes[ZtunnelPod]) -> None:
        self._ztunnels.take(changes)
        self._targeting.know_ztunnels(self._ztunnels.all)

    async def _await_pods(self) -> None:
        await self._pods.is_told.wait()
        self._targeting.told(pods=True)

    async def _take_peers(self, peers: Mailbox[frozenset[PodName]]) -> None:
        while True:
            self._targeting.know_peers(await peers.take())

    def _take_first_dump(self) -> None:
        """Take the dump of any one ztunnel: each holds every workload of the mesh."""
        ready = [ztunnel for ztunnel in self._ztunnels.all if ztunnel.ready] or self._ztunnels.all
        if self._dumps is not None:
            self._dumps.choose(ready[:1])

    def _dump_taken(self, observation: Observation) -> None:
        self._deliver(observation)
        if not self._options.target:
            return
        if isinstance(observation, ConfigDumpTaken):
            self._targeting.know_workloads(observation.dump.workloads)
        elif isinstance(observation, StreamChanged) and observation.state in _LOST:
            self._targeting.told(dump=True)

    def _chosen(self) -> None:
        """Pass on which ztunnels there are and which are read; dumps first, so that they are known to be coming."""
        found, chosen = self._ztunnels.found, self._ztunnels.chosen
        if self._dumps is not None:
            self._dumps.choose(chosen)
        if not self._has_told or found != self._told:
            self._has_told, self._told = True, found
            self._deliver(found)
        why = f"Not followed: no more than {self._options.max_log_requests} logs at once (--max-log-requests)."
        if self._options.follows_logs:
            self._tell_unfollowed(frozenset(ztunnel.key for ztunnel in chosen) - found.followed, why)
        self._wanted.put(
            Wanted(
                targets=tuple(self._ztunnels.targets()),
                nodes={ztunnel.uid: ztunnel.node for ztunnel in self._ztunnels.all},
                about=self._ztunnels.scope.about if self._ztunnels.scope else frozenset(),
                unfollowed=why,
            )
        )

    def _tell_unfollowed(self, keys: frozenset[str], why: str) -> None:
        for key in keys - self._unfollowed:
            stream = StreamKey(kind=StreamKind.LOG, of=key)
            self._deliver(unfollowed(stream, why, self._clock.now()))
        self._unfollowed = keys


def in_parts(resource: str, changes: Changes[Any]) -> Iterator[ClusterChanged]:
    """Cut a long list: the screen is drawn, and keys are answered, between two parts of it."""
    deleted, rest = changes.deleted, changes.changed
    while len(rest) > AT_ONCE:
        yield ClusterChanged(resource=resource, changed=rest[:AT_ONCE], deleted=deleted, synced=False)
        deleted, rest = (), rest[AT_ONCE:]
    yield ClusterChanged(resource=resource, changed=rest, deleted=deleted)
