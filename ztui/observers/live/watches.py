"""Watches of Kubernetes objects, as far as one is permitted: of all namespaces, else of those that were named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ztui.kube.reflector import Changes, Reflector, Resource, WatchReport, WatchState
from ztui.model.observation import Deliver, StreamChanged
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.observers.live.words import watch_changed

if TYPE_CHECKING:
    from random import Random

    from ztui.kube.client import Client
    from ztui.kube.failures import KubeError

T = TypeVar("T")
Explain = Callable[["KubeError"], "KubeError"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """Which objects are watched, what is kept of each, and where."""

    stream: str
    """What its stream is called: `pods`, `ztunnels`."""
    resource: str
    """Plural, lower case, as RBAC spells it."""
    slim: Callable[[Mapping[str, Any]], T]
    key: Callable[[T], str]
    namespace: str | None = None
    """The only namespace that is asked; None for all."""
    selector: str | None = None
    instead: tuple[str, ...] = ()
    """Namespaces to ask where all may not be asked."""
    is_enough: bool = False
    """Whether those namespaces stand for all of it: then the stream is theirs, with a word about the rest."""


class Watch(Generic[T]):
    """Keeps the objects of one kind and says how well. Belongs to the *ask* thread."""

    def __init__(
        self,
        client: Client,
        kind: Kind[T],
        *,
        deliver: Deliver,
        on_changes: Callable[[Changes[T]], None],
        explain: Explain,
        rng: Random,
    ) -> None:
        self._client = client
        self._kind = kind
        self._deliver = deliver
        self._on_changes = on_changes
        self._explain = explain
        self._rng = rng
        self._wide = self._reflector(kind.namespace, on_changes, self._wide_changed)
        self._narrow: list[Reflector[T]] = []
        self._is_denied = asyncio.Event()
        self._is_allowed = asyncio.Event()
        self._denial: KubeError | None = None
        self.is_told = asyncio.Event()
        """Set once there is a first word: a list, or why there is none."""

    async def run(self) -> None:
        """Keep the copy until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._wide.run())
            while self._kind.instead and self._kind.namespace is None:
                await self._is_denied.wait()
                self._is_allowed.clear()
                narrow = [tasks.create_task(self._watch_only(place).run()) for place in self._kind.instead]
                await self._is_allowed.wait()
                for task in narrow:
                    task.cancel()
                self._forget_narrow()

    def _reflector(
        self, namespace: str | None, on_changes: Callable[[Changes[T]], None], on_state: Callable[[WatchReport], None]
    ) -> Reflector[T]:
        kind = self._kind
        return Reflector(
            self._client,
            Resource.core(kind.resource, namespace=namespace, label_selector=kind.selector),
            slim=kind.slim,
            key=kind.key,
            on_changes=on_changes,
            on_state=on_state,
            rng=self._rng,
        )

    def _watch_only(self, namespace: str) -> Reflector[T]:
        reflector = self._reflector(namespace, self._on_changes, lambda report: self._narrow_changed(namespace, report))
        self._narrow.append(reflector)
        return reflector

    def _forget_narrow(self) -> None:
        """Drop what only the narrow watches knew: the wide one has listed all there is."""
        left = {key for reflector in self._narrow for key in reflector.items} - self._wide.items.keys()
        self._narrow.clear()
        if left:
            self._on_changes(Changes(deleted=tuple(left)))

    def _wide_changed(self, report: WatchReport) -> None:
        if report.state is WatchState.DENIED and self._kind.instead:
            self._denial = report.why
            self._is_denied.set()
            if self._kind.is_enough:
                return
        elif report.state is WatchState.LIVE and self._is_denied.is_set():
            self._is_denied.clear()
            self._is_allowed.set()
        elif self._narrow:
            return  # the narrow ones speak, until this one has something better to say
        self._tell(self._kind.stream, report)

    def _narrow_changed(self, namespace: str, report: WatchReport) -> None:
        if not self._kind.is_enough:
            self._tell(f"{self._kind.stream} in {namespace}", report)
            return
        change = self._tell(self._kind.stream, report)
        if report.state is WatchState.LIVE and self._denial is not None:
            reason = f"Looked for in {namespace} only. {self._denial.what}"
            self._deliver(replace(change, reason=reason, remedy=self._denial.remedy))

    def _tell(self, name: str, report: WatchReport) -> StreamChanged:
        """Deliver how a watch is. That it is tried again is no news: what was wrong holds until it went well."""
        if report.why is not None:
            report = replace(report, why=self._explain(report.why))
        change = watch_changed(StreamKey(kind=StreamKind.WATCH, of=name), report, self._client.clock.now())
        if change.state is not StreamState.CONNECTING or not self.is_told.is_set():
            self._deliver(change)
        if change.state is not StreamState.CONNECTING:
            self.is_told.set()
        return change
