"""Filter flags, in the order written, as the filter that the prompt of the screen makes too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ztui.model.filter import from_flags, parse

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.settings import Settings


def flow_filter(settings: Settings, target: str | None = None) -> FlowFilter | None:
    """Make the filter the settings and TARGET ask for; None where they ask for nothing. Raises FilterError."""
    where = from_flags(_flags(settings, has_target=target is not None))
    if target is None:
        return where
    about = parse(_about(target, settings.namespaces[0] if settings.namespaces else None))
    return about if where is None else about & where


def _about(target: str, namespace: str | None) -> str:
    """Write a TARGET as an expression: traffic of that node, service, workload, or as that ztunnel reported it."""
    kind, _, name = target.rpartition("/")
    whole = f"{name}.{namespace}" if namespace else name
    match kind:
        case "node" | "nodes" | "no":
            return f"node:{quoted(name)}"
        case "service" | "services" | "svc":
            return f"service:{quoted(whole)}"
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
