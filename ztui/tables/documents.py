"""Rows as JSON and YAML have them: ztunnel's own words as keys, in a fixed order, unknown values absent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ztui.model.fields import response_flag_of
from ztui.model.flow import AccessLogEntry, Flow, Measures, Shape, Verdict
from ztui.units import parse_time

if TYPE_CHECKING:
    from ztui.store.edges import EdgeRow

Document = dict[str, object]

_SRC = (
    ("workload", "src_workload"),
    ("namespace", "src_namespace"),
    ("identity", "src_identity"),
    ("cluster", "src_cluster"),
)
_DST = (
    ("addr", "dst_addr"),
    ("hbone_addr", "dst_hbone_addr"),
    ("service", "dst_service"),
    ("workload", "dst_workload"),
    ("namespace", "dst_namespace"),
    ("identity", "dst_identity"),
    ("cluster", "dst_cluster"),
)


_SENT, _RECV, _DURATION = map(int, (Measures.SENT, Measures.RECV, Measures.DURATION))


def _present(shape: Shape, names: tuple[tuple[str, str], ...]) -> Document:
    return {key: value for key, name in names if (value := getattr(shape, name)) is not None}


def entry_document(entry: AccessLogEntry) -> Document:
    """One access log entry as the ztunnel wrote it. `time` and `level` as written, `duration_ms` an integer."""
    shape = entry.shape
    document: Document = {"time": entry.time, "level": shape.level, "message": shape.message}
    src = _present(shape, _SRC)
    if entry.src_addr is not None:
        src = {"addr": entry.src_addr, **src}
    if src:
        document["src"] = src
    dst = _present(shape, _DST)
    if dst:
        document["dst"] = dst
    if shape.direction is not None:
        document["direction"] = shape.direction
    measures = int(shape.measures)  # a flag's own `&` makes a new flag each time: ten times as slow
    if measures & _SENT:
        document["bytes_sent"] = entry.bytes_sent
    if measures & _RECV:
        document["bytes_recv"] = entry.bytes_recv
    if measures & _DURATION:
        document["duration_ms"] = entry.duration_ms
    if shape.error is not None:
        document["error"] = shape.error
    return document | origin_document(shape) | ({"other": dict(shape.other)} if shape.other else {})


def origin_document(shape: Shape) -> Document:
    """Which ztunnel wrote it, as far as is known."""
    origin = shape.origin
    document: Document = {}
    if origin.ztunnel is not None:
        document["ztunnel"] = origin.ztunnel
    if origin.node is not None:
        document["node"] = origin.node
    return document


def flow_document(flow: Flow) -> Document:
    """One flow: the entry that tells most about it, with what was joined, what is missing, and how sure that is."""
    halves = {
        half: entry for half, entry in (("outbound", flow.outbound), ("inbound", flow.inbound)) if entry is not None
    }
    document = entry_document(flow.entry)
    document["entries"] = {half: _half_document(entry) for half, entry in halves.items()}
    document["halves"] = list(halves)
    if flow.missing is not None:
        document["missing"] = flow.missing.value
        if flow.missing_because is not None:
            document["missing_because"] = flow.missing_because
    if len(halves) > 1 or flow.missing is not None:
        document["confidence"] = flow.confidence  # a lone half claims nothing that one could be sure of
    return document | _outcome(flow)


def _outcome(flow: Flow) -> Document:
    """Tell what became of a flow, and when; `opened` is reckoned from the end and the duration, to the millisecond."""
    verdict, entry = flow_verdict(flow), flow.entry
    shape = next((half.shape for half in halves_of(flow) if half.shape.verdict == verdict), entry.shape)
    document: Document = {} if verdict is None else {"verdict": verdict.value}
    flag = response_flag_of(shape)
    if flag is not None:
        document["response_flag"] = flag
    closed = parse_time(entry.time)
    if entry.shape.is_opened:
        return document | {"opened": entry.time}
    if closed is not None and entry.duration_ms is not None and closed - entry.duration_ms / 1000 >= 0:
        opened = datetime.fromtimestamp(closed, tz=UTC) - timedelta(milliseconds=entry.duration_ms)
        document["opened"] = opened.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return document | {"closed": entry.time}


def halves_of(flow: Flow) -> tuple[AccessLogEntry, ...]:
    """Give the halves that were seen, the destination's first: it knows why."""
    return tuple(half for half in (flow.inbound, flow.outbound) if half is not None)


def flow_verdict(flow: Flow) -> Verdict | None:
    """Tell what became of a flow: a denial or failure of either half outweighs what the other half believes."""
    verdicts = {half.shape.verdict for half in halves_of(flow)}
    for verdict in (Verdict.DENIED, Verdict.FAILED, Verdict.DRAINED, Verdict.FORWARDED):
        if verdict in verdicts:
            return verdict
    return None


def _half_document(entry: AccessLogEntry) -> Document:
    document: Document = {"time": entry.time} | origin_document(entry.shape)
    if entry.src_addr is not None:
        document["src_addr"] = entry.src_addr
    for name in ("bytes_sent", "bytes_recv", "duration_ms"):
        number: int | None = getattr(entry, name)
        if number is not None:
            document[name] = number
    if entry.shape.error is not None:
        document["error"] = entry.shape.error
    return document


def edge_document(row: EdgeRow, by: tuple[str, ...]) -> Document:
    """One edge: its keys, then counts; bytes in the client's view, durations in milliseconds.

    `other` marks the sums of edges that were forgotten because there were too many: their keys are not known any more.
    With a `read_share`, bytes are estimated from that share of the connections, and durations are those of that share.
    """
    document: Document = {key: value for key, value in zip(by, row.group, strict=False) if value is not None}
    if row.is_other:
        document["other"] = True
    document["flows"], document["failed"], document["denied"] = row.flows, row.failed, row.denied
    sent, recv = row.bytes_sent, row.bytes_recv
    if sent is not None and recv is not None:
        document["bytes_sent"], document["bytes_recv"] = sent, recv
    if (read_share := row.read_share) < 1.0:
        document["read_share"] = round(read_share, 3)
    p50, p99 = row.p50, row.p99
    if p50 is not None and p99 is not None:
        document["duration_ms"] = {"p50": _whole(p50), "p99": _whole(p99)}
    return document


def _whole(number: float) -> float:
    """Leave out a fraction of nothing: durations are logged in whole milliseconds."""
    return int(number) if number == int(number) else number
