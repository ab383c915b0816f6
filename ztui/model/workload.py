"""Workloads as a ztunnel holds them, the state of its node's own pods, and their open connections.

Sources: ztunnel's `src/state/workload.rs`, `src/inpod/admin.rs`, `src/proxy/connection_manager.rs`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ztui.model.dumpitem import (
    DumpItem,
    JsonObject,
    clean_json,
    flag_at,
    is_ip,
    number_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
    word_at,
)
from ztui.model.flow import Direction


class Protocol(StrEnum):
    """How a workload is reached. A dump may say other words; slots keep them as they are."""

    TCP = "TCP"
    HBONE = "HBONE"
    DOUBLE_HBONE = "DOUBLEHBONE"


class HealthStatus(StrEnum):
    """ztunnel's own word about a workload or endpoint."""

    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locality:
    """Where a workload runs, as far as its node's labels say."""

    region: str | None = None
    zone: str | None = None
    subzone: str | None = None

    def __str__(self) -> str:
        return "/".join(part or "" for part in (self.region, self.zone, self.subzone)).rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waypoint:
    """Where a waypoint (or a network gateway) is: the dump's `GatewayAddress`.

    `destination` is one string of two forms, `network/ip` (the network may be empty: `/10.96.65.117`) and
    `namespace/hostname`; the parsed slots of the other form are None.
    """

    destination: str
    network: str | None = None
    ip: str | None = None
    namespace: str | None = None
    hostname: str | None = None
    hbone_port: int | None = None
    weight: int | None = None
    """Its share of the draws, where several waypoints are weighted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload(DumpItem):
    """One workload as a ztunnel holds it: mostly a pod, also a WorkloadEntry, an inline endpoint or a gateway."""

    uid: str | None = None
    """`cluster/group/kind/namespace/name[/section]`; not Kubernetes' `metadata.uid`."""
    name: str = ""
    """The pod's name, for a pod."""
    namespace: str = ""
    workload_name: str | None = None
    """The owner's name where istiod says it (a Deployment's); current istiod repeats the pod's."""
    workload_type: str | None = None
    ips: tuple[str, ...] = ()
    hostname: str | None = None
    """Set for workloads that are found by DNS; they have no addresses."""
    node: str | None = None
    network: str | None = None
    network_mode: str | None = None
    protocol: str | None = None
    """`TCP` or `HBONE`. `TCP` is normal for a waypoint's pod."""
    native_tunnel: bool = False
    """Whether it speaks HBONE by itself (a waypoint, gateway or sidecar): no ztunnel writes its inbound entries."""
    status: str | None = None
    capacity: int | None = None
    """Its weight in ztunnel's draws; None before 1.26, where every weight is 1."""
    service_account: str | None = None
    trust_domain: str | None = None
    cluster_id: str | None = None
    canonical_name: str | None = None
    canonical_revision: str | None = None
    locality: Locality | None = None
    services: tuple[str, ...] = ()
    """`namespace/hostname` of each service it belongs to; empty before 1.24, where dumps do not say."""
    waypoint: Waypoint | None = None
    network_gateway: Waypoint | None = None
    policies: tuple[str, ...] = ()
    """`namespace/name` of the policies that select it. Namespace-wide and global ones apply besides."""
    tunnel_protocol: str | None = None
    """`applicationTunnel.protocol`, for a workload that wants traffic in a tunnel of its own (`PROXY`)."""
    tunnel_port: int | None = None

    @property
    def key(self) -> str:
        """What makes two dumps speak of the same workload: its uid, or `namespace/name` where a dump has none."""
        return self.uid or f"{self.namespace}/{self.name}"

    @property
    def app(self) -> str:
        """Its owner's name (Deployment, DaemonSet …) where istiod says it, else its own."""
        return self.workload_name or self.name

    @property
    def identity(self) -> str | None:
        """Its SPIFFE identity; None where the dump lacks a part of it."""
        if self.trust_domain is None or self.service_account is None:
            return None
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{self.service_account}"

    @property
    def is_hbone(self) -> bool:
        return self.protocol == Protocol.HBONE

    @property
    def is_healthy(self) -> bool | None:
        """What ztunnel says of its health; None where the dump does not say."""
        return None if self.status is None else self.status == HealthStatus.HEALTHY

    @property
    def is_pod(self) -> bool:
        """Whether it stands for a Kubernetes pod."""
        return self.uid is not None and "//Pod/" in self.uid


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConnection:
    """A connection that was open when the dump was taken. The dump knows neither age nor bytes.

    Inbound rows repeat the tunnel's source port, and one row stands for all streams of a tunnel to one address.
    """

    direction: Direction
    pod_uid: str
    """Kubernetes' uid of the node's own pod."""
    name: str | None = None
    """That pod's name."""
    namespace: str | None = None
    src: str | None = None
    original_dst: str | None = None
    """Outbound: the address that was dialled; inbound: the service's hostname, where one is known."""
    actual_dst: str | None = None
    protocol: str | None = None
    """`HBONE`, `TCP` or `DOUBLEHBONE`; None before 1.26."""
    json: JsonObject = field(default_factory=dict, repr=False, compare=False, hash=False)

    @property
    def key(self) -> str:
        """Stays the same from dump to dump as long as the connection is open."""
        ends = (self.pod_uid, self.direction.value, self.src, self.original_dst, self.actual_dst, self.protocol)
        return "|".join(end or "" for end in ends)

    def raw(self) -> dict[str, Any]:
        """Repeat the dump's own keys and values, unknown ones kept, text made inert."""
        return {**clean_json(self.json)}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadState(DumpItem):
    """How a ztunnel serves one pod of its own node."""

    pod_uid: str
    state: str | None = None
    """`Up`, or `Pending` while its listeners could not be started."""
    name: str | None = None
    namespace: str | None = None
    service_account: str | None = None
    trust_domain: str | None = None
    connections: tuple[OpenConnection, ...] | None = None
    """None where the dump says nothing of connections (a pending pod, a dump before 1.23)."""


def read_workload(obj: JsonObject, text: str = "") -> Workload:
    """Read one element of a dump's `workloads`."""
    tunnel = object_at(obj, "applicationTunnel")
    return Workload(
        text=text,
        uid=text_at(obj, "uid"),
        name=text_at(obj, "name") or "",
        namespace=word_at(obj, "namespace") or "",
        workload_name=text_at(obj, "workloadName"),
        workload_type=word_at(obj, "workloadType"),
        ips=texts_at(obj, "workloadIps"),
        hostname=text_at(obj, "hostname"),
        node=word_at(obj, "node"),
        network=word_at(obj, "network"),
        network_mode=word_at(obj, "networkMode"),
        protocol=word_at(obj, "protocol"),
        native_tunnel=flag_at(obj, "nativeTunnel") or False,
        status=word_at(obj, "status"),
        capacity=number_at(obj, "capacity"),
        service_account=word_at(obj, "serviceAccount"),
        trust_domain=word_at(obj, "trustDomain"),
        cluster_id=word_at(obj, "clusterId"),
        canonical_name=word_at(obj, "canonicalName"),
        canonical_revision=word_at(obj, "canonicalRevision"),
        locality=_read_locality(object_at(obj, "locality")),
        services=tuple(map(sys.intern, texts_at(obj, "services"))),
        waypoint=read_waypoint(obj.get("waypoint")),
        network_gateway=read_waypoint(obj.get("networkGateway")),
        policies=tuple(map(sys.intern, texts_at(obj, "authorizationPolicies"))),
        tunnel_protocol=word_at(tunnel, "protocol"),
        tunnel_port=number_at(tunnel, "port"),
    )


def _read_locality(obj: JsonObject) -> Locality | None:
    region, zone, subzone = word_at(obj, "region"), word_at(obj, "zone"), word_at(obj, "subzone")
    if region is None and zone is None and subzone is None:
        return None
    return Locality(region=region, zone=zone, subzone=subzone)


def read_waypoint(value: object, weight: int | None = None) -> Waypoint | None:
    """Read a GatewayAddress; None where there is none."""
    if not isinstance(value, Mapping):
        return None
    destination = text_at(value, "destination")
    if destination is None:
        return None
    port = number_at(value, "hboneMtlsPort")
    if port is None:
        port = number_at(value, "port")  # its name in very old dumps
    left, _, right = destination.partition("/")
    if is_ip(right):
        return Waypoint(destination=destination, network=left or None, ip=right, hbone_port=port, weight=weight)
    return Waypoint(
        destination=destination, namespace=left or None, hostname=right or None, hbone_port=port, weight=weight
    )


def read_state(pod_uid: str, obj: JsonObject, text: str = "") -> WorkloadState:
    """Read one entry of a dump's `workloadState`."""
    info = object_at(obj, "info")
    name, namespace = text_at(info, "name"), word_at(info, "namespace")
    connections = obj.get("connections")
    return WorkloadState(
        text=text,
        pod_uid=pod_uid,
        state=word_at(obj, "state"),
        name=name,
        namespace=namespace,
        service_account=word_at(info, "serviceAccount"),
        trust_domain=word_at(info, "trustDomain"),
        connections=_read_connections(connections, pod_uid, name, namespace) if isinstance(connections, dict) else None,
    )


def _read_connections(
    obj: JsonObject, pod_uid: str, name: str | None, namespace: str | None
) -> tuple[OpenConnection, ...]:
    return tuple(
        OpenConnection(
            direction=direction,
            pod_uid=pod_uid,
            name=name,
            namespace=namespace,
            src=text_at(row, "src"),
            original_dst=text_at(row, "originalDst"),
            actual_dst=text_at(row, "actualDst"),
            protocol=word_at(row, "protocol"),
            json=row,
        )
        for direction in Direction
        for row in objects_at(obj, direction.value)
    )
