"""Which ztunnels there are, and which of them are read: kept from the pods that carry their label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ztui.kube.logs import LogTarget
from ztui.model.observation import ZtunnelsFound
from ztui.observers.live.slim import container_of, slim_pod, ztunnel_of

if TYPE_CHECKING:
    from ztui.kube.reflector import Changes
    from ztui.model.cluster import Ztunnel
    from ztui.observers.live.options import LiveOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ZtunnelPod:
    """A pod that runs a ztunnel, with what is needed to follow its log."""

    ztunnel: Ztunnel
    container: str
    restarts: int
    is_running: bool


def slim_ztunnel_pod(pod: Mapping[str, Any]) -> ZtunnelPod:
    """Reduce a ztunnel's pod."""
    container, is_running, restarts = container_of(pod)
    return ZtunnelPod(ztunnel=ztunnel_of(slim_pod(pod)), container=container, restarts=restarts, is_running=is_running)


class Ztunnels:
    """The ztunnels that exist, and the choice of those that are read. Belongs to the *ask* thread."""

    def __init__(self, options: LiveOptions, on_change: Callable[[ZtunnelsFound], None]) -> None:
        self._options = options
        self._on_change = on_change
        self._pods: dict[str, ZtunnelPod] = {}
        self._first: frozenset[str] | None = None
        self._looked_at: frozenset[str] = frozenset()
        self.found = ZtunnelsFound(ztunnels=(), followed=frozenset())

    @property
    def is_known(self) -> bool:
        """Whether a complete list was seen."""
        return self._first is not None

    @property
    def chosen(self) -> list[ZtunnelPod]:
        """The pods that are read at all, whether or not there is room to follow their logs."""
        return [pod for pod in self._pods.values() if self._is_chosen(pod.ztunnel)]

    def take(self, changes: Changes[ZtunnelPod]) -> None:
        """Take what became different."""
        for uid in changes.deleted:
            self._pods.pop(uid, None)
        self._pods.update((pod.ztunnel.uid, pod) for pod in changes.changed)
        if self._first is None and changes.is_first:
            self._first = frozenset(self._pods)
        self._choose()

    def look_at(self, keys: frozenset[str]) -> None:
        """These come first where not all can be followed."""
        self._looked_at = keys
        if len(self._pods) > self._options.max_log_requests:
            self._choose()

    def targets(self) -> list[LogTarget]:
        """The logs to follow now."""
        followed = self.found.followed
        return [
            LogTarget(
                uid=pod.ztunnel.uid,
                namespace=pod.ztunnel.namespace,
                pod=pod.ztunnel.name,
                container=pod.container,
                restarts=pod.restarts,
                is_running=pod.is_running,
                is_new=pod.ztunnel.uid not in (self._first or frozenset()),
            )
            for pod in self._pods.values()
            if pod.ztunnel.key in followed
        ]

    def _is_chosen(self, ztunnel: Ztunnel) -> bool:
        options = self._options
        return (not options.nodes or ztunnel.node in options.nodes) and (
            not options.ztunnels or ztunnel.key in options.ztunnels
        )

    def _choose(self) -> None:
        """Choose whose logs are followed: what is looked at, then what was followed already, up to the bound."""
        keys = sorted({pod.ztunnel.key for pod in self.chosen}) if self._options.follows_logs else []
        before = self.found.followed
        keys.sort(key=lambda key: (key not in self._looked_at, key not in before))
        self.found = ZtunnelsFound(
            ztunnels=tuple(sorted((pod.ztunnel for pod in self._pods.values()), key=lambda z: (z.node or "", z.key))),
            followed=frozenset(keys[: self._options.max_log_requests]),
        )
        self._on_change(self.found)
