"""A ztunnel's `/config_dump`: pretty-printed JSON with keys in order, as serde prints it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ztui.simulator.certificates import Authority
from ztui.simulator.cluster import CLUSTER_ID, TRUST_DOMAIN, Cluster, Pod, Policy, Service, Workload
from ztui.simulator.config import as_json, start_config
from ztui.simulator.traffic import Connection, Traffic
from ztui.simulator.ztunnel import Ztunnel, version_facts

Json = dict[str, Any]


class DumpPrinter:
    """Prints dumps. What every ztunnel holds alike is printed once for each version of the mesh."""

    def __init__(self, cluster: Cluster, traffic: Traffic, authority: Authority) -> None:
        self._cluster = cluster
        self._traffic = traffic
        self._authority = authority
        self._shared: dict[str, tuple[int, Json]] = {}
        self._workload_texts: dict[str, tuple[str, str]] = {}

    def dump(self, ztunnel: Ztunnel) -> bytes:
        """Everything this ztunnel holds now, without a newline at the end."""
        shared = self._shared_sections(ztunnel.version)
        certificates = sorted(ztunnel.certificates.values(), key=lambda one: one.identity)
        sections = {
            "certificates": _pretty([self._authority.describe(one) for one in certificates]),
            "config": _pretty(_sorted(as_json(start_config(ztunnel.node.name, ztunnel.pod.name)))),
            "policies": shared["policies"],
            "services": shared["services"],
            "stagedServices": "{}",
            "staticConfig": _pretty({"policies": [], "services": [], "workloads": []}),
            "version": _pretty(version_facts(ztunnel.version)),
            "workloadState": _pretty(self._states(ztunnel)),
            "workloads": shared["workloads"],
        }
        body = ",\n".join(f'  "{name}": {text}' for name, text in sections.items())
        return f"{{\n{body}\n}}".encode()

    def _shared_sections(self, version: str) -> Json:
        kept = self._shared.get(version)
        if kept is not None and kept[0] == self._cluster.mesh_version:
            return kept[1]
        workloads = sorted(self._cluster.workloads(), key=lambda one: one.mesh_uid)
        self._workload_texts = {one.mesh_uid: self._workload_text(one) for one in workloads}
        services = sorted(self._cluster.services.values(), key=lambda one: one.hostname)
        policies = sorted(self._cluster.policies.values(), key=lambda one: one.key)
        sections = {
            "policies": _pretty([_policy(one) for one in policies]),
            "services": _pretty([_service(one, version) for one in services]),
            "workloads": _list(self._workload_texts[one.mesh_uid][1] for one in workloads),
        }
        self._shared[version] = (self._cluster.mesh_version, sections)
        return sections

    def _workload_text(self, workload: Workload) -> tuple[str, str]:
        """Keep the text of a workload while what changes about it stays the same: its address and its health."""
        state = f"{workload.address} {workload.healthy} {workload.hbone}"
        kept = self._workload_texts.get(workload.mesh_uid)
        if kept is not None and kept[0] == state:
            return kept
        return state, _pretty(_workload(workload), indent="    ")

    def _states(self, ztunnel: Ztunnel) -> Json:
        return {uid: self._state(ztunnel, pod) for uid, pod in sorted(ztunnel.local.items())}

    def _state(self, ztunnel: Ztunnel, pod: Pod) -> Json:
        connections = self._traffic.connections_of(pod)
        outbound = [_outbound(one) for one in connections if one.pair.route.src is pod and one.pair.out is ztunnel]
        inbound = {
            json.dumps(row): row
            for row in (_inbound(one) for one in connections if one.pair.route.dst is pod and not one.server_ended)
        }
        return {
            "connections": {"inbound": list(inbound.values()), "outbound": outbound},
            "info": {"name": pod.name, "namespace": pod.namespace, "serviceAccount": pod.service_account},
            "state": "Up",
        }


def _outbound(connection: Connection) -> Json:
    route = connection.pair.route
    return {
        "actualDst": route.dst_address,
        "originalDst": connection.dialled,
        "protocol": "HBONE" if route.hbone_address else "TCP",
        "src": f"{route.src.address}:{connection.port}",
    }


def _inbound(connection: Connection) -> Json:
    """Show one row: the tunnel's port stands for every stream in it, so equal rows are one."""
    route = connection.pair.route
    port = connection.pair.tunnel_port if route.hbone_address else connection.port
    return {
        "actualDst": route.hbone_address or route.dst_address,
        "originalDst": route.service.hostname if route.service and route.hbone_address else None,
        "protocol": "HBONE" if route.hbone_address else "TCP",
        "src": f"{route.src.address}:{port}",
    }


def _workload(workload: Workload) -> Json:
    found: Json = {}
    if workload.policies:
        found["authorizationPolicies"] = list(workload.policies)
    found |= {
        "canonicalName": workload.canonical_name,
        "canonicalRevision": workload.canonical_revision,
        "capacity": workload.capacity,
        "clusterId": CLUSTER_ID,
        "locality": {"region": workload.region, "subzone": "", "zone": workload.zone},
        "name": workload.name,
        "namespace": workload.namespace,
        "networkMode": "Standard",
    }
    if workload.node is not None:
        found["node"] = workload.node.name
    found |= {"protocol": "HBONE" if workload.hbone else "TCP", "serviceAccount": workload.service_account}
    if workload.services:
        found["services"] = [service.key for service in workload.services]
    return found | {
        "status": "Healthy" if workload.healthy else "Unhealthy",
        "trustDomain": TRUST_DOMAIN,
        "uid": workload.mesh_uid,
        "workloadIps": [workload.address],
        "workloadName": workload.workload_name,
        "workloadType": "pod",
    }


def _service(service: Service, version: str) -> Json:
    ports = {str(port): target for port, target in service.ports.items()}
    found: Json = {
        "canonical": True,
        "endpoints": {
            one.mesh_uid: {"port": ports, "status": "Healthy", "workloadUid": one.mesh_uid}
            for one in sorted(service.endpoints(), key=lambda one: one.mesh_uid)
        },
        "hostname": service.hostname,
        "ipFamilies": "IPv4",
    }
    if service.routing_preferences:
        found["loadBalancer"] = {
            "healthPolicy": "OnlyHealthy",
            "mode": service.mode,
            "routingPreferences": list(service.routing_preferences),
        }
    found |= {
        "name": service.name,
        "namespace": service.namespace,
        "ports": ports,
        "subjectAltNames": [],
        "vips": [f"/{service.address}"],
    }
    if version != "1.30":
        found["visibility"] = "Public"
    return found


def _policy(policy: Policy) -> Json:
    match: Json = {}
    if policy.ports:
        match["destinationPorts"] = list(policy.ports)
    if policy.principals:
        match["principals"] = [{"Exact": principal} for principal in policy.principals]
    return {
        "action": policy.action,
        "dryRun": False,
        "name": policy.name,
        "namespace": policy.namespace,
        "rules": [[[match]]] if match else [],
        "scope": policy.scope,
    }


def _sorted(value: Any) -> Any:
    """Keys in alphabetical order, all the way down."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def _pretty(value: object, indent: str = "  ") -> str:
    """JSON as it stands `indent` deep in a document that is indented by two."""
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", f"\n{indent}")


def _list(texts: Iterable[str]) -> str:
    """Print a list of texts that were printed for four spaces already."""
    body = ",\n".join(f"    {text}" for text in texts)
    return f"[\n{body}\n  ]" if body else "[]"
