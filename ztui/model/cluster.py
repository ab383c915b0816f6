"""Kubernetes objects, slimmed to what ztui says about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod as the API server sees it. Times are Unix seconds."""

    uid: str
    name: str
    namespace: str
    node: str | None = None
    ips: tuple[str, ...] = ()
    phase: str = ""
    ready: bool = False
    restarts: int = 0
    created_at: float | None = None
    started_at: float | None = None
    deleted_at: float | None = None
    """When its deletion was asked for; the pod may still be terminating."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Only those of Istio; the rest is dropped when read."""
    owner: str | None = None
    """`kind/name` of its controller."""
    last_restart_reason: str | None = None
    """Why its container ended last time (`OOMKilled` …)."""
    image: str | None = None
    container_id: str | None = None
    host_network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node as the API server sees it."""

    name: str
    ready: bool | None = None
    """None where its condition is Unknown."""
    zone: str | None = None
    region: str | None = None
    kubelet_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeService:
    """A Kubernetes Service."""

    uid: str
    name: str
    namespace: str
    type: str = "ClusterIP"
    cluster_ips: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace with the labels that decide about enrolment."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ztunnel:
    """One ztunnel pod: where it runs and how Kubernetes sees it. `key` (`namespace/name`) is its Origin's key."""

    name: str
    namespace: str
    node: str | None = None
    uid: str = ""
    ready: bool | None = None
    restarts: int | None = None
    last_restart_reason: str | None = None
    started_at: float | None = None
    version: str | None = None
    """From its image's tag; the dump's own word, where there is one, is better."""

    @property
    def key(self) -> str:
        """`namespace/name`, as in Origin.key."""
        return f"{self.namespace}/{self.name}"
