"""The tables of traffic: entries as the ztunnels wrote them, and flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztui import units
from ztui.model.fields import port_of
from ztui.model.flow import AccessLogEntry, Direction, Flow, Measures, Shape, Verdict
from ztui.tables.columns import (
    NOTHING,
    Cell,
    Column,
    Context,
    Meaning,
    Table,
    logged_cell,
    number_column,
    text_column,
)
from ztui.tables.documents import entry_document, flow_document, flow_verdict, halves_of

if TYPE_CHECKING:
    from collections.abc import Callable


VERDICT_CELLS = {
    Verdict.FORWARDED: Cell("· ok", Meaning.OK),
    Verdict.DENIED: Cell("✖ denied", Meaning.ERROR),
    Verdict.FAILED: Cell("✖ failed", Meaning.ERROR),
    Verdict.DRAINED: Cell("· drained", Meaning.DIM),
    None: Cell("· opened", Meaning.DIM),
}
_ARROWS: dict[str, str] = {Direction.OUTBOUND: "⇢", Direction.INBOUND: "⇠"}


def source_of(shape: Shape, src_addr: str | None) -> str | None:
    """Give the shortest true name of the source: its workload, else its address without the port."""
    return shape.src_workload or (src_addr.rpartition(":")[0] or src_addr if src_addr else None)


def destination_of(shape: Shape) -> str | None:
    """Give the shortest true name of the destination: its workload, else its service, else its address."""
    if shape.dst_workload:
        port = port_of(shape)
        return f"{shape.dst_workload}:{port}" if port is not None else shape.dst_workload
    return shape.dst_service or shape.dst_addr


def _entry_number(measure: Measures, name: str) -> Callable[[AccessLogEntry], int | None]:
    def value(entry: AccessLogEntry) -> int | None:
        number: int | None = getattr(entry, name)
        return number if entry.shape.measures & measure else None

    return value


def _of_shape(name: str) -> Callable[[AccessLogEntry], str | None]:
    def value(entry: AccessLogEntry) -> str | None:
        text: str | None = getattr(entry.shape, name)
        return text

    return value


def _entry_verdict(entry: AccessLogEntry) -> str:
    verdict = entry.shape.verdict
    return verdict.value if verdict else "opened"


def _direction_cell(entry: AccessLogEntry, _: Context) -> Cell:
    direction = entry.shape.direction
    if direction is None:
        return NOTHING
    arrow = _ARROWS.get(direction)
    return Cell(f"{arrow} {direction}" if arrow else direction, Meaning.DIM)


def _error_cell(entry: AccessLogEntry, _: Context) -> Cell:
    return Cell(entry.shape.error, Meaning.ERROR) if entry.shape.error else Cell("")


ENTRIES: Table[AccessLogEntry] = Table(
    name="entries",
    columns=(
        Column(
            key="time",
            title="time",
            value=lambda entry: entry.time,
            cell=lambda entry, c: logged_cell(entry.time, c),
            width=11,
            min_width=8,
            priority=1,
            sort="time",
        ),
        text_column("ztunnel", "ztunnel", lambda e: e.shape.origin.ztunnel or e.shape.origin.key, width=14, wide=True),
        text_column("node", "node", lambda e: e.shape.origin.node, meaning=Meaning.DIM, width=10, priority=7),
        Column(
            key="direction",
            title="direction",
            value=lambda e: e.shape.direction,
            cell=_direction_cell,
            width=10,
            min_width=1,
            priority=3,
            sort="direction",
        ),
        text_column(
            "from", "from", lambda e: source_of(e.shape, e.src_addr), meaning=Meaning.NAME, width=26, priority=1
        ),
        text_column("from.ns", "from ns", _of_shape("src_namespace"), meaning=Meaning.DIM, wide=True),
        text_column("to", "to", lambda e: destination_of(e.shape), meaning=Meaning.NAME, width=30, priority=1),
        text_column("to.ns", "to ns", _of_shape("dst_namespace"), meaning=Meaning.DIM, wide=True),
        text_column("service", "service", _of_shape("dst_service"), width=36, wide=True),
        Column(
            key="verdict",
            title="verdict",
            value=_entry_verdict,
            cell=lambda e, _: VERDICT_CELLS[e.shape.verdict],
            width=9,
            min_width=8,
            priority=2,
            sort="verdict",
        ),
        number_column("sent", "sent", _entry_number(Measures.SENT, "bytes_sent"), form=units.format_bytes, width=7),
        number_column("recv", "recv", _entry_number(Measures.RECV, "bytes_recv"), form=units.format_bytes, width=7),
        number_column(
            "duration",
            "took",
            _entry_number(Measures.DURATION, "duration_ms"),
            form=units.format_duration_ms,
            width=9,
            priority=4,
        ),
        text_column("identity", "identity", _of_shape("src_identity"), width=40, wide=True),
        text_column("message", "message", _of_shape("message"), width=20, wide=True),
        Column(
            key="error",
            title="error",
            value=lambda e: e.shape.error,
            cell=_error_cell,
            width=40,
            min_width=10,
            priority=3,
            sort="error",
        ),
    ),
    row_key=lambda entry: str(entry.seq),
    row_name=lambda entry: f"entry/{entry.time}",
    document=entry_document,
    is_problem=lambda entry: entry.shape.verdict in (Verdict.DENIED, Verdict.FAILED),
    default_sort="time",
)


def _halves(flow: Flow) -> str:
    if flow.outbound and flow.inbound:
        return "⇄"
    return "⇢" if flow.outbound else "⇠"


def _flow_error(flow: Flow) -> str | None:
    return next((entry.shape.error for entry in halves_of(flow) if entry.shape.error), None)


def _flow_error_cell(flow: Flow, _: Context) -> Cell:
    error = _flow_error(flow)
    if error:
        return Cell(error, Meaning.ERROR)
    return Cell(f"{flow.missing} half missing", Meaning.WARN) if flow.missing else Cell("")


def _of_flow(value: Callable[[AccessLogEntry], int | None]) -> Callable[[Flow], int | None]:
    return lambda flow: value(flow.entry)


def _client_bytes(name: str) -> Callable[[Flow], int | None]:
    """Bytes in the client's view: an inbound entry has them the other way round."""
    other = "bytes_recv" if name == "bytes_sent" else "bytes_sent"

    def value(flow: Flow) -> int | None:
        entry = flow.entry
        number: int | None = getattr(entry, other if entry.shape.direction == Direction.INBOUND else name)
        return number

    return value


FLOWS: Table[Flow] = Table(
    name="flows",
    columns=(
        Column(
            key="time",
            title="time",
            value=lambda f: f.entry.time,
            cell=lambda f, c: logged_cell(f.entry.time, c),
            width=11,
            min_width=8,
            priority=1,
            sort="time",
        ),
        text_column(
            "from",
            "from",
            lambda f: source_of(f.entry.shape, f.entry.src_addr),
            meaning=Meaning.NAME,
            width=26,
            priority=1,
        ),
        Column(
            key="halves",
            title="",
            value=_halves,
            cell=lambda f, _: Cell(_halves(f), Meaning.DIM),
            width=1,
            min_width=1,
            priority=1,
        ),
        text_column("to", "to", lambda f: destination_of(f.entry.shape), meaning=Meaning.NAME, width=30, priority=1),
        Column(
            key="verdict",
            title="verdict",
            value=flow_verdict,
            cell=lambda f, _: VERDICT_CELLS[flow_verdict(f)],
            width=9,
            min_width=8,
            priority=2,
            sort="verdict",
        ),
        number_column(
            "duration",
            "took",
            _of_flow(_entry_number(Measures.DURATION, "duration_ms")),
            form=units.format_duration_ms,
            width=9,
            priority=3,
        ),
        number_column("sent", "⇡sent", _client_bytes("bytes_sent"), form=units.format_bytes, width=7),
        number_column("recv", "⇣recv", _client_bytes("bytes_recv"), form=units.format_bytes, width=7),
        text_column("service", "service", lambda f: f.entry.shape.dst_service, width=36, wide=True),
        Column(
            key="error",
            title="error",
            value=_flow_error,
            cell=_flow_error_cell,
            width=40,
            min_width=10,
            priority=3,
            sort="error",
        ),
    ),
    row_key=lambda flow: str(flow.entry.seq),
    row_name=lambda flow: f"flow/{flow.entry.time}",
    document=flow_document,
    is_problem=lambda flow: flow_verdict(flow) in (Verdict.DENIED, Verdict.FAILED) or flow.missing is not None,
    default_sort="time",
)
