"""Which ztunnels there are, and which of them are read: kept from the pods that carry their label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ztui.errors import UsageError
from ztui.kube.logtypes import LogTarget
from ztui.model.observation import ZtunnelsFound
from ztui.observers.live.slim import container_of, slim_pod, ztunnel_of

if TYPE_CHECKING:
    from ztui.analysis.target import PodName
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which ztunnels are read: all, or those of some nodes and those that are named."""

    nodes: frozenset[str] | None = None
    """None for all."""
    keys: frozenset[str] = frozenset()
    """`namespace/name` of ztunnels besides."""
    about: frozenset[PodName] = frozenset()
    """The pods that are meant, whose peers are wanted; empty where whole ztunnels are."""

    def includes(self, ztunnel: Ztunnel) -> bool:
        """Whether this one is read."""
        return self.nodes is None or ztunnel.node in self.nodes or ztunnel.key in self.keys


class Ztunnels:
    """The ztunnels that exist, and the choice of those that are read. Belongs to the *ask* thread.

    Tells of them once there is a complete list and a scope.
    """

    def __init__(self, options: LiveOptions, on_change: Callable[[], None]) -> None:
        self._options = options
        self._on_change = on_change
        self._pods: dict[str, ZtunnelPod] = {}
        self._first: frozenset[str] | None = None
        self.scope: Scope | None = None
        """What is read; None until that is known."""
        self._looked_at: frozenset[str] = frozenset()
        self.found = ZtunnelsFound(ztunnels=(), followed=frozenset())

    @property
    def is_known(self) -> bool:
        """Whether a complete list was seen."""
        return self._first is not None

    @property
    def all(self) -> list[Ztunnel]:
        """Every ztunnel there is."""
        return [pod.ztunnel for pod in self._pods.values()]

    @property
    def chosen(self) -> list[Ztunnel]:
        """Those that are read at all, whether or not there is room to follow their logs."""
        return [ztunnel for ztunnel in self.all if self.scope is not None and self.scope.includes(ztunnel)]

    def take(self, changes: Changes[ZtunnelPod]) -> None:
        """Take what became different. Raises UsageError where there are more than may be, and that is an error."""
        for uid in changes.deleted:
            self._pods.pop(uid, None)
        self._pods.update((pod.ztunnel.uid, pod) for pod in changes.changed)
        if self._first is None and changes.is_first:
            self._first = frozenset(self._pods)
        self._choose()

    def narrow(self, scope: Scope) -> None:
        """Read these from now on."""
        if scope != self.scope:
            self.scope = scope
            self._choose()

    def look_at(self, keys: frozenset[str]) -> None:
        """Prefer these where not all can be followed."""
        self._looked_at = keys
        if len(self._pods) > self._options.max_log_requests:
            self._choose()

    def targets(self) -> list[LogTarget]:
        """Give the logs to follow now."""
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

    def _choose(self) -> None:
        """Choose whose logs are followed: what is looked at, then what was followed already, up to the bound."""
        if self._first is None or self.scope is None:
            return
        options, before = self._options, self.found.followed
        keys = sorted({ztunnel.key for ztunnel in self.chosen}) if options.follows_logs else []
        if options.refuses_more and len(keys) > options.max_log_requests:
            raise UsageError(
                f"{len(keys)} ztunnels are more than the {options.max_log_requests} logs that may be followed.",
                f"Allow them with --max-log-requests {len(keys)}, or name a TARGET or --node.",
            )
        keys.sort(key=lambda key: (key not in self._looked_at, key not in before))
        self.found = ZtunnelsFound(
            ztunnels=tuple(sorted(self.all, key=lambda ztunnel: (ztunnel.node or "", ztunnel.key))),
            followed=frozenset(keys[: options.max_log_requests]),
        )
        self._on_change()
