"""Kubernetes' JSON reduced to the nouns of model/cluster.py. Tolerant: what is absent stays absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from sys import intern
from typing import Any

from ztui.model.cluster import KubeService, Namespace, Node, Pod, Ztunnel
from ztui.model.text import clean

Json = Mapping[str, Any]

ZTUNNEL_CONTAINER = "istio-proxy"


def slim_pod(pod: Json) -> Pod:
    """Reduce a pod; of its containers ztunnel's own counts, else the first."""
    metadata, spec, status = _part(pod, "metadata"), _part(pod, "spec"), _part(pod, "status")
    container = _main_container(status)
    running = _part(_part(container, "state"), "running")
    return Pod(
        uid=_text(metadata, "uid") or "",
        name=_text(metadata, "name") or "",
        namespace=_text(metadata, "namespace") or "",
        node=_text(spec, "nodeName"),
        ips=_ips(status),
        phase=_text(status, "phase") or "",
        ready=_condition(status, "Ready") is True,
        restarts=sum(_number(each, "restartCount") for each in _list(status, "containerStatuses")),
        created_at=_time(metadata.get("creationTimestamp")),
        started_at=_time(running.get("startedAt")) or _time(status.get("startTime")),
        deleted_at=_time(metadata.get("deletionTimestamp")),
        labels=_texts(metadata, "labels"),
        annotations={key: text for key, text in _texts(metadata, "annotations").items() if "istio.io/" in key},
        owner=_owner(metadata),
        last_restart_reason=_text(_part(_part(container, "lastState"), "terminated"), "reason"),
        image=_text(container, "image"),
        container_id=_text(container, "containerID"),
        host_network=spec.get("hostNetwork") is True,
    )


def slim_node(node: Json) -> Node:
    """Reduce a node."""
    metadata, status = _part(node, "metadata"), _part(node, "status")
    labels = _texts(metadata, "labels")
    return Node(
        name=_text(metadata, "name") or "",
        ready=_condition(status, "Ready"),
        zone=labels.get("topology.kubernetes.io/zone"),
        region=labels.get("topology.kubernetes.io/region"),
        kubelet_version=_text(_part(status, "nodeInfo"), "kubeletVersion"),
    )


def slim_service(service: Json) -> KubeService:
    """Reduce a service."""
    metadata, spec = _part(service, "metadata"), _part(service, "spec")
    addresses = _list(spec, "clusterIPs") or [spec.get("clusterIP")]
    return KubeService(
        uid=_text(metadata, "uid") or "",
        name=_text(metadata, "name") or "",
        namespace=_text(metadata, "namespace") or "",
        type=_text(spec, "type") or "ClusterIP",
        cluster_ips=tuple(clean(ip) for ip in addresses if isinstance(ip, str) and ip),
        ports=tuple(_number(port, "port") for port in _list(spec, "ports") if isinstance(port, dict)),
        selector=_texts(spec, "selector"),
        labels=_texts(metadata, "labels"),
    )


def slim_namespace(namespace: Json) -> Namespace:
    """Reduce a namespace."""
    metadata = _part(namespace, "metadata")
    return Namespace(name=_text(metadata, "name") or "", labels=_texts(metadata, "labels"))


def container_of(pod: Json) -> tuple[str, bool, int]:
    """Name the container that writes a ztunnel's log, whether it runs or ran, and how often it was restarted."""
    names = [str(each.get("name")) for each in _list(_part(pod, "spec"), "containers") if isinstance(each, dict)]
    name = ZTUNNEL_CONTAINER if ZTUNNEL_CONTAINER in names or not names else names[0]
    status = _part(pod, "status")
    for each in _list(status, "containerStatuses"):
        if isinstance(each, dict) and each.get("name") == name:
            restarts = _number(each, "restartCount")
            return name, restarts > 0 or "waiting" not in _part(each, "state"), restarts
    return name, status.get("phase") in ("Running", "Succeeded", "Failed"), 0


def ztunnel_of(pod: Pod) -> Ztunnel:
    """See a pod as the ztunnel it runs."""
    return Ztunnel(
        name=pod.name,
        namespace=pod.namespace,
        node=pod.node,
        uid=pod.uid,
        ready=pod.ready,
        restarts=pod.restarts,
        last_restart_reason=pod.last_restart_reason,
        started_at=pod.started_at,
        version=_version(pod.image),
    )


def _version(image: str | None) -> str | None:
    """Read an image's tag: `docker.io/istio/ztunnel:1.28.0-distroless` is 1.28.0. A digest tells nothing."""
    _, colon, tag = (image or "").partition("@")[0].rpartition(":")
    if not colon or "/" in tag:
        return None
    return tag.removesuffix("-distroless").removesuffix("-debug") or None


def _main_container(status: Json) -> Json:
    containers = [each for each in _list(status, "containerStatuses") if isinstance(each, dict)]
    return next(
        (each for each in containers if each.get("name") == ZTUNNEL_CONTAINER), containers[0] if containers else {}
    )


def _ips(status: Json) -> tuple[str, ...]:
    found: Iterable[Any] = [each.get("ip") for each in _list(status, "podIPs") if isinstance(each, dict)]
    found = list(found) or [status.get("podIP")]
    return tuple(clean(ip) for ip in found if isinstance(ip, str) and ip)


def _owner(metadata: Json) -> str | None:
    for reference in _list(metadata, "ownerReferences"):
        if isinstance(reference, dict) and reference.get("controller"):
            return clean(f"{reference.get('kind')}/{reference.get('name')}")
    return None


def _condition(status: Json, kind: str) -> bool | None:
    """Read a condition: True, False, or None where it is Unknown or absent."""
    for condition in _list(status, "conditions"):
        if isinstance(condition, dict) and condition.get("type") == kind:
            return {"True": True, "False": False}.get(str(condition.get("status")))
    return None


def _part(thing: Json, key: str) -> Json:
    part = thing.get(key)
    return part if isinstance(part, dict) else {}


def _list(thing: Json, key: str) -> list[Any]:
    part = thing.get(key)
    return part if isinstance(part, list) else []


def _text(thing: Json, key: str) -> str | None:
    text = thing.get(key)
    return clean(text) if isinstance(text, str) and text else None


def _number(thing: Json, key: str) -> int:
    number = thing.get(key)
    return number if isinstance(number, int) else 0


def _texts(thing: Json, key: str) -> dict[str, str]:
    """Read a map of texts; the same few keys and values come with every object, so they are shared."""
    return {intern(clean(str(name))): intern(clean(str(text))) for name, text in _part(thing, key).items()}


def _time(text: object) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None
    except ValueError:
        return None
