"""Entries, flows and edges as tables: the shortest true name, the client's bytes, nothing shown that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.store.feed import START, Fed, batch, line, pair
from ztui.model.accesslog import entry_at
from ztui.model.flow import AccessLogEntry, Flow, Half, Origin, Shape
from ztui.tables.columns import Context, Meaning, Table
from ztui.tables.documents import flow_verdict
from ztui.tables.edges import edges_table, short_service, spark
from ztui.tables.flows import ENTRIES, FLOWS, destination_of, source_of
from ztui.tables.render import lines

CONTEXT = Context(now=START + 10)


def entry_of(text: str, node: str = "w1") -> AccessLogEntry:
    return entry_at(batch(node, text), 0)


def cells(table: Table[Any], row: Any) -> dict[str, str]:
    return {column.key: column.cell(row, CONTEXT).text for column in table.columns}


# -- entries


def test_an_entry_as_its_ztunnel_wrote_it() -> None:
    shown = cells(ENTRIES, entry_of(line(1.5, "inbound", sent=2_000, recv=100, error="io error: x")))
    assert shown == {
        "time": "09:00:01.50", "ztunnel": "ztunnel-w1", "node": "w1", "direction": "⇠ inbound", "from": "curl",
        "from.ns": "default", "to": "reviews-1:9080", "to.ns": "default",
        "service": "reviews.default.svc.cluster.local", "verdict": "✖ failed", "sent": "2 kB", "recv": "100 B",
        "duration": "15 ms", "identity": "spiffe://cluster.local/ns/default/sa/curl", "message": "connection complete",
        "error": "io error: x",
    }  # fmt: skip


def test_of_an_opened_and_of_a_refused_line_no_number_is_claimed() -> None:
    opened = cells(ENTRIES, entry_of(line(1, message="connection opened")))
    assert [opened[key] for key in ("verdict", "sent", "recv", "duration", "error")] == ["· opened", "–", "–", "–", ""]
    refused = cells(ENTRIES, entry_of(line(1, "inbound", message="connection failed", error="tls handshake error: x")))
    assert [refused[key] for key in ("from", "to", "sent", "duration", "verdict", "service", "identity")] == [
        "10.1.1.2", "10.1.2.5:15008", "–", "–", "✖ failed", "–", "–",
    ]  # fmt: skip


def test_the_barest_entry_of_a_file() -> None:
    bare = Shape(origin=Origin(key="some.log"), level="info", message="connection complete")
    entry = AccessLogEntry(seq=0, time="2026-01-31T09:08:07.012345Z", src_addr=None, shape=bare)
    shown = cells(ENTRIES, entry)
    known = {key: text for key, text in shown.items() if text not in ("–", "")}
    assert known == {"time": "09:08:07.01", "ztunnel": "some.log", "verdict": "· ok", "message": "connection complete"}
    assert [list(lines(ENTRIES, [entry], form, CONTEXT)) for form in ("csv", "json", "yaml", "name")]


@pytest.mark.parametrize(
    ("address", "name"),
    [("10.1.1.2:5", "10.1.1.2"), ("[fd00::2]:5", "[fd00::2]"), ("odd", "odd"), (None, None)],
)
def test_a_source_without_a_name_is_its_address(address: str | None, name: str | None) -> None:
    shape = entry_of(line(1, src=None)).shape
    assert source_of(shape, address) == name


def test_the_shortest_true_name_of_a_destination() -> None:
    assert destination_of(entry_of(line(1)).shape) == "reviews-1:9080"
    assert destination_of(entry_of(line(1, dst=None)).shape) == "reviews.default.svc.cluster.local"
    assert destination_of(entry_of(line(1, dst=None, service=None, hbone=None, dst_addr="192.0.2.1:443")).shape) == (
        "192.0.2.1:443"
    )


# -- flows


def flow_of(at: float = 1.0, **more: Any) -> Flow:
    outbound, inbound = pair(at, **more)
    return Flow(outbound=entry_of(outbound), inbound=entry_of(inbound, "w2"))


@pytest.mark.parametrize("halves", ["both", "outbound", "inbound"])
def test_a_flow_has_the_clients_bytes_whichever_half_is_known(halves: str) -> None:
    both = flow_of(sent=84, recv=3_000)
    flow = Flow(
        outbound=both.outbound if halves != "inbound" else None, inbound=both.inbound if halves != "outbound" else None
    )
    shown = cells(FLOWS, flow)
    assert (shown["sent"], shown["recv"]) == ("84 B", "3 kB")
    assert shown["halves"] == {"both": "⇄", "outbound": "⇢", "inbound": "⇠"}[halves]


def test_the_half_that_knows_why_gives_the_reason() -> None:
    client = entry_of(line(1, error="http status: 503 Service Unavailable"))
    server = entry_of(line(1, "inbound", error="connection failed: Connection refused (os error 111)"), "w2")
    flow = Flow(outbound=client, inbound=server)
    assert cells(FLOWS, flow)["error"] == "connection failed: Connection refused (os error 111)"


@pytest.mark.parametrize(
    ("outbound", "inbound", "verdict"),
    [
        (None, None, "forwarded"),
        ("http status: 401 Unauthorized", "connection closed due to policy rejection: x", "denied"),
        (None, "connection closed due to policy change", "denied"),
        ("io error: x", None, "failed"),
        ("connection closed due to connection drain", None, "drained"),
        ("connection closed due to connection drain", "io error: x", "failed"),
    ],
)
def test_a_denial_or_failure_outweighs_what_the_other_half_believes(
    outbound: str | None, inbound: str | None, verdict: str
) -> None:
    flow = Flow(outbound=entry_of(line(1, error=outbound)), inbound=entry_of(line(1, "inbound", error=inbound), "w2"))
    assert flow_verdict(flow) == verdict


def test_a_missing_half_is_a_problem_with_a_name() -> None:
    flow = Flow(outbound=entry_of(line(1)), missing=Half.INBOUND, missing_because="w2's log has a gap")
    assert cells(FLOWS, flow)["error"] == "inbound half missing"
    assert FLOWS.is_problem is not None
    assert FLOWS.is_problem(flow)


# -- edges


def edge_cells(fed: Fed, *by: str) -> Sequence[dict[str, str]]:
    table = edges_table(by or ("src.workload", "dst.service"))
    return [cells(table, row) for row in fed.edges(*by)]


def test_an_edge() -> None:
    fed = Fed()
    fed.log("w1", line(1, sent=84, recv=3_000), line(2, sent=84, recv=3_000, took=1_500))
    assert edge_cells(fed) == [
        {"src.workload": "curl", "dst.service": "reviews.default", "flows": "2", "rate": "0.2", "trend": "▁▁▁▁▁▁▁▁▁▁▁█",
         "failing": "·", "failed": "·", "denied": "·", "sent": "168 B", "recv": "6 kB", "p50": "15 ms", "p99": "1.5 s",
         "last": "09:00:02.00", "error": "–"},
    ]  # fmt: skip


def test_an_edge_that_fails_says_so_in_words() -> None:
    fed = Fed()
    fed.log("w1", line(1, error="http status: 401 Unauthorized"))
    fed.log("w1", line(1, src="ratings", error="io error: x"), line(1, src="ratings"))
    shown = {row["src.workload"]: row for row in edge_cells(fed)}
    assert shown["curl"]["failing"] == "✖ denied"
    assert shown["ratings"]["failing"] == "✖ 0.1/s"
    assert shown["ratings"]["error"] == "io error: x"


def test_failures_of_long_ago_are_counted_not_told_by_the_second() -> None:
    fed = Fed()
    fed.log("w1", line(1, error="io error: x"), *(line(at) for at in range(2, 400, 10)))
    (shown,) = edge_cells(fed)
    assert shown["failing"] == "✖ 1 of 41"


def test_an_edge_of_refusals_has_no_durations() -> None:
    fed = Fed()
    fed.log("w1", line(1, message="connection failed", error="no healthy upstream: x", dst_addr="10.96.0.9:80"))
    (shown,) = edge_cells(fed)
    assert [shown[key] for key in ("src.workload", "dst.service", "p50", "p99")] == ["–", "–", "–", "–"]


def test_forgotten_edges_are_a_row_with_a_name_and_an_identity_of_its_own() -> None:
    fed = Fed(max_rows=0, max_buckets=1, max_shapes=4)
    for at in range(40):
        source = None if at == 39 else f"pod-{at}"
        fed.log("w1", line(100 * at, src=source, service=None))
    table = edges_table()
    rows = fed.edges()
    (other,) = [row for row in rows if row.is_other]
    assert cells(table, other) | {"src.workload": "(other)", "dst.service": "–"} == cells(table, other)
    assert len({table.row_key(row) for row in rows}) == len(rows), "nobody's edge is not the forgotten ones' row"
    assert table.document(other)["other"] is True
    assert not any("other" in table.document(row) for row in rows if row is not other)


def test_only_the_clusters_own_domain_is_left_out() -> None:
    assert short_service("reviews.default.svc.cluster.local") == "reviews.default"
    assert short_service("api.example.com") == "api.example.com"
    assert short_service("reviews.default.svc.other.local") == "reviews.default.svc.other.local"


@pytest.mark.parametrize(
    ("values", "bars"),
    [((), ""), ((0.0, 0.0), "▁▁"), ((0.0, 1.0, 2.0, 4.0), "▁▃▅█"), ((5.0,), "█")],
)
def test_a_row_of_bars(values: tuple[float, ...], bars: str) -> None:
    assert spark(values) == bars


def test_meanings_never_stand_alone() -> None:
    shown: list[tuple[Table[Any], Any]] = [
        (ENTRIES, entry_of(line(1, error="io error: x"))), (FLOWS, flow_of(error="io error: x")),
    ]  # fmt: skip
    for table, row in shown:
        for column in table.columns:
            cell = column.cell(row, CONTEXT)
            assert cell.meaning is not Meaning.ERROR or cell.text[0] == "✖" or column.key == "error"
