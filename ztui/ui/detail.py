"""Everything that is known about one row, as lines: what its columns say, what else was seen, what to ask next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ztui import units
from ztui.model.flow import Verdict
from ztui.tables.columns import MISSING, Cell, Context, Table
from ztui.tables.flows import VERDICT_CELLS, destination_of, source_of
from ztui.ui.looks import BLANK, Line, Span, line

if TYPE_CHECKING:
    from ztui.model.flow import AccessLogEntry, Shape
    from ztui.model.policy import AuthorizationPolicy
    from ztui.model.workload import Workload
    from ztui.store.mesh import Mesh
    from ztui.ui.stage import Stage

_LABEL = 16
_MOST_VALUES = 200


def titled(title: str, *beside: Cell | Span) -> list[Line]:
    """Begin a detail with its title."""
    spans: list[Cell | Span] = [Span(f" {title}", "title")]
    for part in beside:
        spans += [Span("   "), part]
    return [line(*spans), BLANK]


def labelled(label: str, *parts: Cell | Span | str) -> Line:
    """Write a label and what it stands for."""
    return line(Span(f" {label:<{_LABEL}}", "header"), " ", *parts)


def column_lines(table: Table[Any], row: Any, context: Context) -> list[Line]:
    """Write all columns of a table, those without a value left out."""
    lines = []
    for column in table.columns:
        cell = column.cell(row, context)
        if cell.text and cell.text != MISSING:
            lines.append(labelled(column.title or column.key, cell))
    return lines


def document_lines(document: Mapping[str, object]) -> list[Line]:
    """Write a row's own words, nested keys with dots; lists one element a line."""
    lines: list[Line] = []
    for key, value in _flattened(document, ""):
        if len(lines) >= _MOST_VALUES:
            lines.append(labelled("…", Span("more under y", "dim")))
            break
        lines.append(labelled(key, str(value)))
    return lines


def _flattened(value: object, prefix: str) -> Iterable[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flattened(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _flattened(inner, prefix)
    else:
        yield prefix, value


def entry_lines(entry: AccessLogEntry, stage: Stage, alike: tuple[int, str | None]) -> list[Line]:
    """Say what one ztunnel wrote about one connection, and what else is known that bears on it."""
    shape = entry.shape
    names = f"{source_of(shape, entry.src_addr) or MISSING} → {destination_of(shape) or MISSING}"
    lines = titled(names, VERDICT_CELLS[shape.verdict], Span(f"at {entry.time}", "dim"))
    lines += [labelled(label, text) for label, text in _said(entry)]
    lines += [BLANK, *_means(shape)]
    lines += _evidence(shape, stage.mesh, alike)
    lines += [BLANK, labelled("Next", *_next(shape, stage.key))]
    return lines


def _said(entry: AccessLogEntry) -> Iterable[tuple[str, str]]:
    shape = entry.shape
    written_by = " on ".join(part for part in (shape.origin.ztunnel or shape.origin.key, shape.origin.node) if part)
    numbers = [
        text
        for text, number in (
            (units.format_bytes(entry.bytes_sent or 0) + " sent", entry.bytes_sent),
            (units.format_bytes(entry.bytes_recv or 0) + " received", entry.bytes_recv),
            (units.format_duration_ms(entry.duration_ms or 0), entry.duration_ms),
        )
        if number is not None
    ]
    said = (
        ("Written by", written_by),
        ("Message", f"{shape.level} {shape.message}" + (f" ({shape.direction})" if shape.direction else "")),
        ("Error", shape.error),
        ("Measured", ", ".join(numbers) + " (as this side sees it)" if numbers else None),
        ("From", _end(shape.src_workload, shape.src_namespace, entry.src_addr)),
        ("Identity", shape.src_identity),
        ("To", _end(shape.dst_workload, shape.dst_namespace, shape.dst_addr)),
        ("Inside tunnel", shape.dst_hbone_addr),
        ("Service", shape.dst_service),
        ("Identity", shape.dst_identity),
        *((name, text) for name, text in shape.other if not name.startswith("\x00")),
    )
    return ((label, text) for label, text in said if text)


def _end(workload: str | None, namespace: str | None, address: str | None) -> str | None:
    name = f"{namespace}/{workload}" if workload and namespace else workload
    return " at ".join(part for part in (name, address) if part) or None


_MEANS: Mapping[Verdict | None, str] = {
    Verdict.FORWARDED: "The connection ended, and this ztunnel saw nothing wrong with it.",
    Verdict.DENIED: "A policy refused the connection. Only the destination's ztunnel says why.",
    Verdict.FAILED: "The connection could not be made or broke off; the error above is ztunnel's own text.",
    Verdict.DRAINED: "The connection was ended because its pod or ztunnel went away: neutral.",
    None: "The connection was opened; another line follows when it ends.",
}


def _means(shape: Shape) -> list[Line]:
    lines = [labelled("What it means", _MEANS[shape.verdict])]
    if not shape.is_mtls:
        lines.append(labelled("", "It was plaintext on this side: no tunnel, no verified identity."))
    return lines


def _evidence(shape: Shape, mesh: Mesh, alike: tuple[int, str | None]) -> list[Line]:
    count, since = alike
    evidence = [f"{count} alike kept" + (f" since {since[11:19]}" if since else "")]
    workload = mesh.inventory.workload(shape.dst_namespace, shape.dst_workload)
    if workload is not None and shape.verdict is Verdict.DENIED:
        named = [policy.item for policy in mesh.inventory.policies if _concerns(policy.item, workload)]
        evidence += [f"policy {policy.key} ({policy.action or 'no action'}) applies to it" for policy in named[:10]]
    return [labelled("Evidence" if index == 0 else "", text) for index, text in enumerate(evidence)]


def _concerns(policy: AuthorizationPolicy, workload: Workload) -> bool:
    if policy.key in workload.policies or policy.scope == "Global":
        return True
    return policy.scope == "Namespace" and policy.namespace == workload.namespace


def _next(shape: Shape, key: Callable[[str], str]) -> Sequence[Span]:
    spans = [Span(key("raw"), "key"), Span(" raw   "), Span(key("next_failure"), "key"), Span(" next failure")]
    if shape.src_workload or shape.dst_workload:
        spans += [
            Span("   "),
            Span(key("follow_workload"), "key"),
            Span(f" follow {shape.src_workload or shape.dst_workload}"),
        ]
    if shape.verdict is Verdict.DENIED:
        spans += [Span("   "), Span(key("pane.policies"), "key"), Span(" policies")]
    if shape.dst_service:
        spans += [Span("   "), Span(key("pane.balance"), "key"), Span(" balance")]
    return spans
