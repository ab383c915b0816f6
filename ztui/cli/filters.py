"""Filter flags, in the order written, as the filter that the prompt of the screen makes too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ztui.model.filter import from_flags

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.settings import Settings


def flow_filter(settings: Settings) -> FlowFilter | None:
    """Make the filter the settings ask for; None where they ask for nothing. Raises FilterError."""
    return from_flags(_flags(settings))


def _flags(settings: Settings) -> Iterator[tuple[str, str]]:
    for is_negated, name, value in settings.flow_terms:
        if is_negated:
            yield "not", ""
        yield name, value
    if settings.filter:
        yield "filter", settings.filter
    if not settings.is_all_namespaces:
        for namespace in settings.namespaces:
            yield "ns", namespace
    if settings.files:  # of a cluster, only these nodes' ztunnels are followed
        for node in settings.nodes:
            yield "node", node
