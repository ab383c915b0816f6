"""Objects as kubectl wants them drawn: the server-side Table, and metadata alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ztui.simulator.clock import SECOND, read_stamp

Json = dict[str, Any]
Cell = Callable[[Json, int], object]

AS_OBJECT = "object"
AS_TABLE = "table"
AS_METADATA = "metadata"


def wanted_form(accept: str) -> str:
    """Which form an Accept header asks for first."""
    first = accept.split(",", maxsplit=1)[0]
    if "as=Table" in first:
        return AS_TABLE
    return AS_METADATA if "as=PartialObjectMetadata" in first else AS_OBJECT


def metadata_only(value: Json) -> Json:
    """Keep an object's metadata and nothing else."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]}


_INCLUDED: dict[str, Callable[[Json], Json | None]] = {"Object": lambda value: value, "None": lambda _value: None}


def table(
    plural: str, values: Iterable[Json], now_us: int, metadata: Json | None = None, *, include: str = "Metadata"
) -> Json:
    """Draw a Table of objects; wide columns have priority 1, and `include` is how much of the object each row holds."""
    shown = _INCLUDED.get(include, metadata_only)
    columns = _COLUMNS.get(plural, _PLAIN)
    definitions = [
        {
            "name": name,
            "type": "string",
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": 1 if wide else 0,
        }
        for name, wide, _ in columns
    ]
    rows = [{"cells": [cell(value, now_us) for _, _, cell in columns], "object": shown(value)} for value in values]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata or {},
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _name(value: Json, _now_us: int) -> object:
    return value["metadata"]["name"]


def _age(value: Json, now_us: int) -> object:
    seconds = max((now_us - read_stamp(value["metadata"]["creationTimestamp"])) // SECOND, 0)
    for size, unit, few in ((86_400, "d", 2), (3_600, "h", 3), (60, "m", 10)):
        if seconds >= size * few or (unit == "m" and seconds >= 120):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _at(*path: str) -> Cell:
    """Make a cell that walks down the object; `<none>` where the way ends."""

    def cell(value: Json, _now_us: int) -> object:
        found: Any = value
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return "<none>" if found is None else found

    return cell


def _ready(value: Json, _now_us: int) -> object:
    containers = value["status"].get("containerStatuses", [])
    return f"{sum(1 for one in containers if one['ready'])}/{len(value['spec']['containers'])}"


def _pod_state(value: Json, _now_us: int) -> object:
    if "deletionTimestamp" in value["metadata"]:
        return "Terminating"
    containers = value["status"].get("containerStatuses", [])
    waiting = [one["state"]["waiting"]["reason"] for one in containers if "waiting" in one["state"]]
    return waiting[0] if waiting else value["status"]["phase"]


def _restarts(value: Json, _now_us: int) -> object:
    return sum(one["restartCount"] for one in value["status"].get("containerStatuses", []))


def _node_state(value: Json, _now_us: int) -> object:
    ready = next(one for one in value["status"]["conditions"] if one["type"] == "Ready")
    return "Ready" if ready["status"] == "True" else "NotReady"


def _ports(value: Json, _now_us: int) -> object:
    return ",".join(f"{one['port']}/{one['protocol']}" for one in value["spec"]["ports"])


def _replicas(value: Json, _now_us: int) -> object:
    return f"{value['status'].get('readyReplicas', 0)}/{value['spec']['replicas']}"


def _constant(text: str) -> Cell:
    return lambda _value, _now_us: text


_PLAIN: tuple[tuple[str, bool, Cell], ...] = (("Name", False, _name), ("Age", False, _age))
_COLUMNS: dict[str, tuple[tuple[str, bool, Cell], ...]] = {
    "pods": (
        ("Name", False, _name),
        ("Ready", False, _ready),
        ("Status", False, _pod_state),
        ("Restarts", False, _restarts),
        ("Age", False, _age),
        ("IP", True, _at("status", "podIP")),
        ("Node", True, _at("spec", "nodeName")),
        ("Nominated Node", True, _constant("<none>")),
        ("Readiness Gates", True, _constant("<none>")),
    ),
    "nodes": (
        ("Name", False, _name),
        ("Status", False, _node_state),
        ("Roles", False, _constant("<none>")),
        ("Age", False, _age),
        ("Version", False, _at("status", "nodeInfo", "kubeletVersion")),
    ),
    "services": (
        ("Name", False, _name),
        ("Type", False, _at("spec", "type")),
        ("Cluster-IP", False, _at("spec", "clusterIP")),
        ("External-IP", False, _constant("<none>")),
        ("Port(s)", False, _ports),
        ("Age", False, _age),
    ),
    "namespaces": (("Name", False, _name), ("Status", False, _at("status", "phase")), ("Age", False, _age)),
    "deployments": (
        ("Name", False, _name),
        ("Ready", False, _replicas),
        ("Up-to-date", False, _at("status", "updatedReplicas")),
        ("Available", False, _at("status", "availableReplicas")),
        ("Age", False, _age),
    ),
    "daemonsets": (
        ("Name", False, _name),
        ("Desired", False, _at("status", "desiredNumberScheduled")),
        ("Current", False, _at("status", "currentNumberScheduled")),
        ("Ready", False, _at("status", "numberReady")),
        ("Up-to-date", False, _at("status", "updatedNumberScheduled")),
        ("Available", False, _at("status", "numberAvailable")),
        ("Node Selector", False, _constant("<none>")),
        ("Age", False, _age),
    ),
    "replicasets": (
        ("Name", False, _name),
        ("Desired", False, _at("spec", "replicas")),
        ("Current", False, _at("status", "replicas")),
        ("Ready", False, _at("status", "readyReplicas")),
        ("Age", False, _age),
    ),
}
