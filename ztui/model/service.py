"""Services and their endpoints as a ztunnel holds them. Source: ztunnel's `src/state/service.rs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ztui.model.dumpitem import (
    DumpItem,
    JsonObject,
    flag_at,
    number_at,
    object_at,
    objects_at,
    ports_at,
    text_at,
    texts_at,
    word_at,
)
from ztui.model.text import clean
from ztui.model.workload import Waypoint, read_waypoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One workload behind a service. Unhealthy ones are absent unless the service's health policy allows them."""

    key: str
    """Its key in the dump: the workload's uid; up to 1.23 `uid:network/ip`."""
    workload_uid: str | None = None
    ports: Mapping[int, int] = field(default_factory=dict, hash=False)
    """Service port → port of the workload."""
    status: str | None = None
    """None up to 1.23, where dumps do not say."""
    address: str | None = None
    """`network/ip`, up to 1.23."""
    service: str | None = None
    """`namespace/hostname`, up to 1.23."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """How ztunnel narrows a service's endpoints before it draws one at random by capacity."""

    mode: str | None = None
    """`Standard`, `Strict`, `Failover`, `Passthrough`."""
    routing_preferences: tuple[str, ...] = ()
    health_policy: str | None = None
    """`OnlyHealthy` or `AllowAll`; None before 1.24."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(DumpItem):
    """One service as a ztunnel holds it."""

    name: str = ""
    namespace: str = ""
    hostname: str = ""
    vips: tuple[str, ...] = ()
    """`network/ip`; the network is often empty: `/10.96.1.2`."""
    cidr_vips: tuple[str, ...] = ()
    """`network/cidr`."""
    ports: Mapping[int, int] = field(default_factory=dict, hash=False)
    """Service port → target port; 0 where the target is named and each endpoint has its own."""
    endpoints: tuple[Endpoint, ...] = ()
    subject_alt_names: tuple[str, ...] = ()
    waypoint: Waypoint | None = None
    weighted_waypoints: tuple[Waypoint, ...] = ()
    load_balancer: LoadBalancer | None = None
    ip_families: str | None = None
    canonical: bool | None = None
    visibility: str | None = None

    @property
    def key(self) -> str:
        """`namespace/hostname`: what workloads call it, and what makes two dumps speak of the same service."""
        return f"{self.namespace}/{self.hostname}"

    @property
    def ips(self) -> tuple[str, ...]:
        """Its virtual addresses without their network."""
        return tuple(vip.partition("/")[2] or vip for vip in self.vips)


def read_service(obj: JsonObject, text: str = "") -> Service:
    """Read one element of a dump's `services`."""
    return Service(
        text=text,
        name=text_at(obj, "name") or "",
        namespace=word_at(obj, "namespace") or "",
        hostname=text_at(obj, "hostname") or "",
        vips=texts_at(obj, "vips"),
        cidr_vips=tuple(
            f"{text_at(vip, 'network') or ''}/{text_at(vip, 'cidr') or ''}" for vip in objects_at(obj, "cidrVips")
        ),
        ports=ports_at(obj, "ports"),
        endpoints=_read_endpoints(object_at(obj, "endpoints")),
        subject_alt_names=texts_at(obj, "subjectAltNames"),
        waypoint=read_waypoint(obj.get("waypoint")),
        weighted_waypoints=_read_weighted(objects_at(obj, "weightedWaypoints")),
        load_balancer=_read_load_balancer(obj.get("loadBalancer")),
        ip_families=word_at(obj, "ipFamilies"),
        canonical=flag_at(obj, "canonical"),
        visibility=word_at(obj, "visibility"),
    )


def _read_endpoints(endpoints: JsonObject) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(
            key=clean(key),
            workload_uid=text_at(obj, "workloadUid"),
            ports=ports_at(obj, "port"),
            status=word_at(obj, "status"),
            address=_read_address(obj.get("address")),
            service=text_at(obj, "service"),
        )
        for key, obj in endpoints.items()
        if isinstance(obj, dict)
    )


def _read_address(value: object) -> str | None:
    """Read the address of an old endpoint: `network/ip`, or an object of the two."""
    if isinstance(value, str):
        return clean(value) or None
    if isinstance(value, dict) and (address := text_at(value, "address")):
        return f"{text_at(value, 'network') or ''}/{address}"
    return None


def _read_weighted(waypoints: tuple[JsonObject, ...]) -> tuple[Waypoint, ...]:
    read = (read_waypoint(obj.get("destination"), number_at(obj, "weight")) for obj in waypoints)
    return tuple(waypoint for waypoint in read if waypoint is not None)


def _read_load_balancer(value: object) -> LoadBalancer | None:
    if not isinstance(value, dict):
        return None
    return LoadBalancer(
        mode=word_at(value, "mode"),
        routing_preferences=texts_at(value, "routingPreferences"),
        health_policy=word_at(value, "healthPolicy"),
    )
