"""Filter flags, in the order written, as the filter that the prompt of the screen makes too."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from functools import reduce
from typing import TYPE_CHECKING

from ztui.errors import UsageError
from ztui.model.filter import FlowFilter, from_flags, labelled, parse

if TYPE_CHECKING:
    from ztui.model.fields import Lookup
    from ztui.model.flow import Shape
    from ztui.settings import Settings
    from ztui.store.mesh import Mesh


def flow_filter(settings: Settings, target: str | None = None) -> FlowFilter | None:
    """Make the filter the settings and TARGET ask for; None where they ask for nothing. Raises FilterError."""
    about = None
    if target is not None:
        namespaces = () if settings.is_all_namespaces else settings.namespaces
        about = parse(_about(target, namespaces[0] if namespaces else None))
    parts = (about, from_flags(_flags(settings, has_target=target is not None)), label_filter(settings))
    found = [part for part in parts if part is not None]
    return reduce(FlowFilter.__and__, found) if found else None


def label_filter(settings: Settings) -> FlowFilter | None:
    """Make the filter of --selector; None without one. Raises UsageError: bad grammar, or saved files."""
    where = labelled(settings.selector) if settings.selector else None
    if where is not None and settings.files:
        raise UsageError(
            "Labels of pods are not in saved logs or dumps: only a cluster can tell which pods -l selects.",
            "Use --filter: from:curl, service:reviews, or leave --file out.",
        )
    return where


def without_labels(shapes: Iterable[Shape], lookup: Lookup) -> set[tuple[str, str]]:
    """Find the workloads of entries whose labels nobody knows: pods that were gone before we looked, mostly."""
    found: set[tuple[str, str]] = set()
    for shape in shapes:
        for namespace, name in ((shape.src_namespace, shape.src_workload), (shape.dst_namespace, shape.dst_workload)):
            if namespace and name and lookup.labels(namespace, name) is None:
                found.add((namespace, name))
    return found


def say_without_labels(unknown: Collection[tuple[str, str]]) -> None:
    """Say on stderr which workloads --selector could not judge."""
    if unknown:
        first = ", ".join(f"{name}.{namespace}" for namespace, name in sorted(unknown)[:3])
        names = first if len(unknown) <= 3 else f"{first} and {len(unknown) - 3} more"
        print(f"-l goes by the pods there are: it cannot tell what labels {names} had.", file=sys.stderr)


def say_forgotten(mesh: Mesh) -> None:
    """Say on stderr that a filter on single entries could not see all of them, where some were forgotten."""
    if lost := mesh.entries.first_seq:
        kept = len(mesh.entries)
        print(f"This filter looks at single entries: at the last {kept}, not at {lost} before.", file=sys.stderr)
        print("--buffer and --memory keep more of them.", file=sys.stderr)


def _about(target: str, namespace: str | None) -> str:
    """Write a TARGET as an expression: traffic of that node, service, workload, or as that ztunnel reported it."""
    kind, _, name = target.rpartition("/")
    kind = kind.lower()
    whole = f"{name}.{namespace}" if namespace else name
    match kind:
        case "node" | "nodes" | "no":
            return f"node:{quoted(name)}"
        case "service" | "services" | "svc":
            return f"service:{quoted(whole)}"
        case "sa" | "serviceaccount" | "serviceaccounts":
            return f"identity:{quoted(whole)}"
        case "rs" | "replicaset" | "replicasets":  # its pods bear its name and five letters
            owner, dot, place = whole.partition(".")
            return "workload:" + quoted(f"{owner}-?????{dot}{place}")
        case "":
            return f"(workload:{quoted(whole)} or ztunnel:{quoted(whole)})"
        case _:
            return f"workload:{quoted(whole)}"


def quoted(value: str) -> str:
    """Write a value so that the filter takes it as one word."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _flags(settings: Settings, *, has_target: bool) -> Iterator[tuple[str, str]]:
    for is_negated, name, value in settings.flow_terms:
        if is_negated:
            yield "not", ""
        yield name, value
    if settings.filter:
        yield "filter", settings.filter
    if not settings.is_all_namespaces and not has_target:  # with a TARGET, -n is its namespace
        for namespace in settings.namespaces:
            yield "ns", namespace
    if settings.files:  # of a cluster, only these nodes' ztunnels are followed
        for node in settings.nodes:
            yield "node", node
