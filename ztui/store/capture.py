"""Which entries are connections: the counting rule, decided when it is asked, since dumps and pods arrive late.

A connection counts by its outbound entry. An inbound entry counts only where no watched ztunnel could have written
the outbound one: its source is not a captured workload of a watched ztunnel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ztui.model.flow import Direction, Shape
from ztui.store.others import NEVER_COUNTED, OTHER, is_other

if TYPE_CHECKING:
    from ztui.model.fields import Lookup
    from ztui.model.workload import Workload

Name = tuple[str | None, str]
"""Namespace and name of a workload, as lines have them."""


class Capture:
    """What logs and dumps prove about capture.

    `version` grows when a decision may have changed; `watch_version` only when it may have for any workload: otherwise
    `names` got longer, whose inbound entries count no more.

    A workload is captured by a watched ztunnel if that ztunnel wrote an outbound entry with it as source or an inbound
    one with it as destination; or if a dump says it is HBONE without a native tunnel, on the node of a watched ztunnel.
    """

    def __init__(self, lookup: Lookup, *, max_workloads: int = 100_000) -> None:
        self._lookup = lookup
        self._max_workloads = max_workloads
        self._captured: set[Name] = set()
        self.names: list[Name] = []
        """Workloads that logs prove to be captured, in the order they did."""
        self._nodes: set[str] = set()
        self._followed: frozenset[str] = frozenset()
        self.version = 0
        self.watch_version = 0

    def learn(self, shapes: Iterable[Shape]) -> None:
        """Learn from entries that were logged."""
        origin, captured = None, self._captured
        for shape in shapes:
            if shape.origin is not origin:
                origin = shape.origin
                if origin.node is not None:
                    self._add_node(origin.node)
            own = own_workload(shape)
            if own is not None and own not in captured and len(captured) < self._max_workloads:
                captured.add(own)
                self.names.append(own)
                self.version += 1

    def follow(self, nodes: Iterable[str]) -> None:
        """Take note of the nodes whose ztunnels are followed now."""
        followed = frozenset(nodes)
        if followed != self._followed:
            self._followed = followed
            self._watch()

    def _add_node(self, node: str) -> None:
        if node not in self._nodes:
            self._nodes.add(node)
            if node not in self._followed:
                self._watch()

    def _watch(self) -> None:
        self.version += 1
        self.watch_version += 1

    def is_watched(self, node: str | None) -> bool:
        """Whether a ztunnel of that node is followed, or was heard."""
        return node is not None and (node in self._followed or node in self._nodes)

    def is_captured(self, namespace: str | None, name: str | None) -> bool:
        """Whether a watched ztunnel writes this workload's entries."""
        if name is None:
            return False
        if (namespace, name) in self._captured:
            return True
        workload = self._lookup.workload(namespace, name)
        return workload is not None and self.is_captured_workload(workload)

    def is_captured_workload(self, workload: Workload) -> bool:
        """Whether a watched ztunnel writes the entries of this workload of a dump."""
        if (workload.namespace, workload.name) in self._captured:
            return True
        return workload.is_hbone and not workload.native_tunnel and self.is_watched(workload.node)

    def is_counted(self, shape: Shape) -> bool:
        """Whether entries of this shape are connections."""
        if shape.message in NEVER_COUNTED:
            return False
        if shape.direction != Direction.INBOUND or shape.message == OTHER:
            return True
        if shape.src_workload is None:
            return not self._is_captured_source(shape)
        return not self.is_captured(shape.src_namespace, shape.src_workload)

    def sources_of(self, shape: Shape) -> tuple[Name, ...]:
        """Give the workloads each of which would take a counted entry out of the count, once it is captured."""
        if shape.direction != Direction.INBOUND or is_other(shape):
            return ()
        if shape.src_workload is None:
            ip = source_ip(shape)
            workload = self._lookup.workload_at(ip) if ip else None
            return (workload_name(workload),) if workload is not None else ()
        named = (shape.src_namespace, shape.src_workload)
        workload = self._lookup.workload(*named)
        return (named,) if workload is None or workload_name(workload) == named else (named, workload_name(workload))

    def _is_captured_source(self, shape: Shape) -> bool:
        """Early refusals name no source; where its address was noted, the dump may tell whose it is."""
        ip = source_ip(shape)
        workload = self._lookup.workload_at(ip) if ip else None
        return workload is not None and self.is_captured_workload(workload)


class Doubts:
    """Shapes that count until a workload they name as source turns out to be captured."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._shapes: dict[Name, list[Shape]] = {}
        self._names_known = len(capture.names)

    def note(self, shape: Shape) -> tuple[Name, ...]:
        """Note a shape that counts, and give whose capture would take it out of the count."""
        sources = self._capture.sources_of(shape)
        for source in sources:
            self._shapes.setdefault(source, []).append(shape)
        return sources

    def take_refuted(self) -> list[Shape]:
        """Give the noted shapes whose sources turned out to be captured since the last time."""
        names = self._capture.names
        refuted = [shape for name in names[self._names_known :] for shape in self._shapes.pop(name, ())]
        self._names_known = len(names)
        return refuted

    def clear(self) -> None:
        """Forget all shapes."""
        self._shapes.clear()


SOURCE_IP = "src.ip"
"""Name under which the counting notes the source's address in a refused entry's shape."""


def source_ip(shape: Shape) -> str | None:
    """Give the noted address of a source that the entry does not name."""
    for name, text in shape.other:
        if name == SOURCE_IP:
            return text
    return None


def workload_name(workload: Workload) -> Name:
    """Give namespace and name of a dump's workload, as lines have them."""
    return workload.namespace, workload.name


def own_workload(shape: Shape) -> Name | None:
    """Give the workload an entry was written for: an outbound one's source, an inbound one's destination."""
    if shape.direction == Direction.OUTBOUND and shape.src_workload:
        return shape.src_namespace, shape.src_workload
    if shape.direction == Direction.INBOUND and shape.dst_workload:
        return shape.dst_namespace, shape.dst_workload
    return None
