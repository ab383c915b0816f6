"""What is counted as a connection, in whose view, over which time; and that no bound ever loses a sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.feed import START, Fed, batch, line, log_of, origin, pair, service, workload
from ztui.model.accesslog import Reader, entry_at
from ztui.model.fields import BY_KEYS
from ztui.model.filter import parse
from ztui.model.flow import AccessLogEntry, Measures, Shape, Tally
from ztui.model.observation import ConnectionsCounted, EntriesCounted, EntriesRead
from ztui.model.streams import StreamKey, StreamKind
from ztui.store.edges import EdgeRow, percentile
from ztui.tables.columns import Context
from ztui.tables.edges import edges_table

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
REVIEWS = "reviews.default.svc.cluster.local"
REFUSED = "tls handshake error: AlertReceived(CertificateExpired)"


def only(rows: Sequence[EdgeRow]) -> EdgeRow:
    assert len(rows) == 1, rows
    return rows[0]


# -- what counts


def test_a_connection_that_both_ends_logged_counts_once_in_the_clients_view() -> None:
    fed = Fed()
    outbound, inbound = pair(1, sent=84, recv=358)
    fed.log("w1", outbound)
    fed.log("w2", inbound)
    row = only(fed.edges())
    assert row.keys == {"src.workload": "curl", "dst.service": REVIEWS}
    assert (row.flows, row.failed, row.bytes_sent, row.bytes_recv) == (1, 0, 84, 358)


def test_both_ends_on_one_node_count_once_too() -> None:
    fed = Fed()
    fed.log("w1", *pair(1))
    assert fed.flows() == {("curl", REVIEWS): 1}


@pytest.mark.parametrize("who", ["a source outside the mesh", "a node that is not watched", "a waypoint"])
def test_an_inbound_entry_counts_where_nobody_watched_wrote_the_other_half(who: str) -> None:
    fed = Fed()
    fed.ztunnels("w1", "w2", followed=["w2"])
    sources = {
        "a source outside the mesh": [],
        "a node that is not watched": [workload("curl", "w1", workloadIps=["10.1.1.2"])],
        "a waypoint": [workload("curl", "w2", protocol="TCP", workloadIps=["10.1.1.2"])],
    }
    fed.dump("w2", *sources[who])
    fed.log("w2", line(1, "inbound", sent=2_000, recv=100))
    row = only(fed.edges())
    assert (row.flows, row.bytes_sent, row.bytes_recv) == (1, 100, 2_000)


def test_a_source_with_a_native_tunnel_writes_no_outbound_half() -> None:
    fed = Fed()
    fed.dump("w1", workload("curl", "w1", nativeTunnel=True))
    fed.log("w1", line(1, "inbound"))
    assert fed.flows() == {("curl", REVIEWS): 1}


def test_an_inbound_entry_does_not_count_once_its_source_is_known_to_be_captured() -> None:
    fed = Fed()
    fed.log("w2", line(1, "inbound"))
    assert fed.flows() == {("curl", REVIEWS): 1}
    fed.ztunnels("w1", "w2")
    assert fed.flows() == {("curl", REVIEWS): 1}, "that w1 is watched does not yet say that curl is captured there"
    fed.dump("w1", workload("curl", "w1"))
    assert fed.flows() == {}


def test_what_a_log_proves_about_capture_holds_for_earlier_entries_as_well() -> None:
    fed = Fed()
    fed.log("w2", line(1, "inbound"))
    fed.log("w1", line(2, "outbound", dst="other", service="other.default.svc.cluster.local"))
    assert fed.flows("dst.workload") == {("other",): 1}


def test_a_ztunnel_that_is_no_longer_followed_wrote_nothing_since() -> None:
    fed = Fed()
    fed.ztunnels("w1", "w2")
    fed.dump("w1", workload("curl", "w1"))
    fed.log("w2", line(1, "inbound"))
    assert fed.flows() == {}
    fed.ztunnels("w1", "w2", followed=["w2"])
    assert fed.flows() == {("curl", REVIEWS): 1}


def test_a_waypoints_two_hops_are_both_counted_and_the_service_counts_the_first() -> None:
    fed = Fed()
    fed.dump("w2", workload("waypoint", "w2", protocol="TCP"), workload("curl", "w1"))
    fed.log("w1", line(1, dst="waypoint", hbone="10.96.0.9:9080"))
    fed.log("w2", line(1, "inbound", src="waypoint", service=None))
    assert fed.flows("src.workload", "dst.workload") == {("curl", "waypoint"): 1, ("waypoint", "reviews-1"): 1}
    assert fed.flows("dst.service") == {(REVIEWS,): 1, (None,): 1}


@pytest.mark.parametrize("question", [{"by": ("direction",)}, {"by": ("dst.workload",), "where": parse("dir:inbound")}])
def test_with_direction_entries_are_counted_as_they_are(question: dict[str, Any]) -> None:
    fed = Fed()
    outbound, inbound = pair(1)
    fed.log("w1", outbound)
    fed.log("w2", inbound, line(1, "inbound", message="connection opened"))
    assert [row.flows for row in fed.mesh.edges.rows(**question)] in ([1, 1], [1])
    of_entries = fed.mesh.edges.rows_of_entries(question["by"], fed.mesh.entries.oldest(), where=question.get("where"))
    assert [row.flows for row in of_entries] == [row.flows for row in fed.mesh.edges.rows(**question)]


def test_an_opened_line_is_no_connection_yet() -> None:
    fed = Fed()
    fed.log("w1", line(1, message="connection opened"), line(1, "inbound", message="connection opened"))
    assert fed.edges() == fed.edges("direction") == []


def test_an_early_refusal_outbound_counts_and_has_failed() -> None:
    fed = Fed()
    fed.log(
        "w1", line(1, message="connection failed", dst_addr="10.96.0.9:80", error="no healthy upstream: 10.96.0.9:80")
    )
    row = only(fed.edges("verdict", "dst.port", "response_flag"))
    assert row.keys == {"verdict": "failed", "dst.port": "80", "response_flag": None}
    assert (row.flows, row.failed, row.denied, row.p50) == (1, 1, 0, None)


def test_an_early_refusal_inbound_counts_unless_its_address_is_a_captured_workloads() -> None:
    fed = Fed()
    refusals = [
        line(1, "inbound", message="connection failed", error=REFUSED, src_addr="10.1.1.2:5"),
        line(1, "inbound", message="connection failed", error=REFUSED, src_addr="192.0.2.7:5"),
    ]
    fed.log("w2", *refusals)
    assert fed.flows("verdict") == {("failed",): 2}
    fed.ztunnels("w1", "w2")
    fed.dump("w1", workload("curl", "w1", workloadIps=["10.1.1.2"]))
    assert fed.flows("verdict") == {("failed",): 1}
    of_entries = fed.mesh.edges.rows_of_entries(("verdict",), fed.mesh.entries.oldest())
    assert [row.flows for row in of_entries] == [1], "the same rule where single entries are asked"


def test_denied_is_failed_and_drained_is_neither() -> None:
    fed = Fed()
    fed.log(
        "w1",
        line(1, error="http status: 401 Unauthorized"),
        line(2, error="io error: Connection refused (os error 111)"),
        line(3, error="connection closed due to connection drain"),
        line(4),
    )
    row = only(fed.edges())
    assert (row.flows, row.failed, row.denied) == (4, 2, 1)
    assert row.last_error == "io error: Connection refused (os error 111)"
    assert row.last_seen == START + 4


def test_a_service_an_inbound_entry_does_not_name_is_resolved_from_the_dump() -> None:
    fed = Fed()
    fed.log("w2", line(1, "inbound", src="gateway", service=None))
    assert fed.flows("dst.service") == {(None,): 1}
    fed.dump("w2", workload("reviews-1", "w2"), services=[service("reviews", "reviews-1")])
    assert fed.flows("dst.service") == {(REVIEWS,): 1}
    fed.dump(
        "w2", workload("reviews-1", "w2"),
        services=[service("reviews", "reviews-1"), service("also", "reviews-1", vip="10.96.0.10")],
    )  # fmt: skip
    assert fed.flows("dst.service") == {(None,): 1}, "two services could be meant: neither is claimed"


def test_an_outbound_entry_without_a_service_stays_without() -> None:
    fed = Fed()
    fed.dump("w2", workload("reviews-1", "w2"), services=[service("reviews", "reviews-1")])
    fed.log("w1", line(1, service=None))
    assert fed.flows("dst.service") == {(None,): 1}


def test_every_key_of_by_is_answered_and_what_is_not_known_is_left_out() -> None:
    fed = Fed()
    fed.log("w1", line(1))
    row = only(fed.mesh.edges.rows(tuple(BY_KEYS)))
    assert {key: value for key, value in row.keys.items() if value is not None} == {
        "src.workload": "curl",
        "src.namespace": "default",
        "src.identity": "spiffe://cluster.local/ns/default/sa/curl",
        "dst.service": REVIEWS,
        "dst.workload": "reviews-1",
        "dst.namespace": "default",
        "dst.port": "9080",
        "direction": "outbound",
        "node": "w1",
        "src.node": "w1",
        "security": "mtls",
        "verdict": "forwarded",
        "response_flag": "-",
    }
    with pytest.raises(KeyError):
        fed.edges("colour")


# -- time


def test_a_window_counts_what_was_logged_in_it_and_rates_are_over_its_length() -> None:
    fed = Fed()
    fed.log("w1", *(line(at) for at in (0, 30, 55, 59)))
    assert only(fed.edges()).flows == 4
    row = only(fed.edges(window_s=10, now=START + 60))
    assert row.flows == 2
    assert row.rate_per_s == pytest.approx(2 / 10)
    row = only(fed.edges(window_s=10))
    assert row.flows == 2
    assert row.rate_per_s == pytest.approx(2 / 10)
    assert fed.edges(window_s=10, now=START + 600) == []


def test_the_trend_is_the_last_two_minutes_in_tens_of_seconds() -> None:
    fed = Fed()
    fed.log("w1", *(line(at) for at in (0, 61, 62, 119)))
    trend = only(fed.edges(now=START + 119, window_s=60)).trend
    assert [round(value, 1) for value in trend] == [0.1, 0, 0, 0, 0, 0, 0.2, 0, 0, 0, 0, 0.1]


def test_a_late_line_counts_where_it_was_logged() -> None:
    fed = Fed()
    fed.log("w1", line(0), line(100), line(200), line(300), line(400), line(500))
    fed.log("w1", line(101, took=1))
    assert only(fed.edges(window_s=10, now=START + 105)).flows == 2
    assert only(fed.edges()).flows == 7


def test_a_window_that_reaches_past_the_buckets_counts_the_past_only_as_a_whole() -> None:
    fed = Fed(max_buckets=6)
    fed.log("w1", *(line(at) for at in range(0, 300, 10)))
    assert only(fed.edges(window_s=600)).flows == 30, "all of the past lies in the window"
    row = only(fed.edges(window_s=200))
    kept = fed.mesh.edges.rates
    assert row.flows == kept.newest_bucket - kept.history.kept_from + 1 < 20
    assert row.rate_per_s == pytest.approx(0.1), "over the time that is still known, not over all that was asked"


# -- filters


def test_a_filter_that_shapes_decide() -> None:
    fed = Fed()
    fed.log("w1", line(1), line(2, src="ratings"), line(3, error="http status: 503 Service Unavailable"))
    assert fed.flows(where=parse("from:curl")) == {("curl", REVIEWS): 2}
    assert fed.flows(where=parse("!from:curl")) == {("ratings", REVIEWS): 1}
    assert fed.flows(where=parse("verdict:failed")) == {("curl", REVIEWS): 1}


def test_a_filter_that_entries_decide_keeps_window_rate_and_age() -> None:
    fed = Fed()
    fed.log("w1", line(0, sent=5_000_000), line(50, sent=5_000_000), line(55, sent=7, recv=7))
    edges, kept = fed.mesh.edges, fed.mesh.entries

    def ask(text: str, **more: Any) -> EdgeRow:
        return only(edges.rows_of_entries(("src.workload",), kept.oldest(), where=parse(text), **more))

    row = ask("bytes>1MB")
    assert row.flows == 2
    assert row.rate_per_s == pytest.approx(2 / 50)
    row = ask("bytes>1MB", window_s=30, now=START + 60)
    assert row.flows == 1
    assert row.rate_per_s == pytest.approx(1 / 30)
    assert ask("age<20s", now=START + 60).flows == 2
    assert ask("age>20s", now=START + 60).flows == 1


# -- bounds: sums are never lost

names = st.sampled_from(["a", "b", "c"])
errors = st.sampled_from(
    [None, None, "http status: 401 Unauthorized", "io error: x", "connection closed due to connection drain"]
)


@st.composite
def logs(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Lines of two nodes, somewhat out of order."""
    found = []
    for _ in range(draw(st.integers(1, 40))):
        direction = draw(st.sampled_from(["outbound", "inbound"]))
        message = draw(st.sampled_from(["connection complete"] * 5 + ["connection opened", "connection failed"]))
        error = (
            "early" if message == "connection failed" else draw(errors) if message == "connection complete" else None
        )
        text = line(
            draw(st.integers(0, 400)), direction, draw(names), draw(names), error=error, message=message,
            sent=draw(st.integers(0, 9)), recv=draw(st.integers(0, 9)), took=draw(st.integers(0, 2_000)),
        )  # fmt: skip
        found.append((draw(st.sampled_from(["w1", "w2"])), text))
    return found


def entries_of(lines: Sequence[tuple[str, str]]) -> list[AccessLogEntry]:
    return [entry_at(batch(node, text), 0) for node, text in lines]


def naive(entries: Sequence[AccessLogEntry], by: str) -> dict[str | None, tuple[int, int, int, int, int]]:
    """Count by the rule as the contract has it, without any of the store's machinery."""
    captured = {e.shape.src_workload for e in entries if e.shape.direction == "outbound" and e.shape.src_workload}
    captured |= {e.shape.dst_workload for e in entries if e.shape.direction == "inbound" and e.shape.dst_workload}
    sums: dict[str | None, list[int]] = {}
    for entry in entries:
        shape = entry.shape
        is_inbound = shape.direction == "inbound"
        if shape.message == "connection opened" or (is_inbound and shape.src_workload in captured):
            continue
        key = shape.src_workload if by == "src.workload" else shape.verdict and shape.verdict.value
        sent, recv = entry.bytes_sent or 0, entry.bytes_recv or 0
        one = sums.setdefault(key, [0, 0, 0, 0, 0])
        one[0] += 1
        one[1] += shape.verdict in ("failed", "denied")
        one[2] += shape.verdict == "denied"
        one[3] += recv if is_inbound else sent
        one[4] += sent if is_inbound else recv
    return {key: tuple(one) for key, one in sums.items()}  # type: ignore[misc]


def counted(rows: Sequence[EdgeRow], by: str) -> dict[str | None, tuple[int, int, int, int | None, int | None]]:
    return {row.keys[by]: (row.flows, row.failed, row.denied, row.bytes_sent, row.bytes_recv) for row in rows}


@settings(max_examples=60, deadline=None)
@given(lines=logs(), data=st.data())
def test_however_lines_are_cut_into_batches_the_sums_are_a_naive_counts(
    lines: list[tuple[str, str]], data: st.DataObject
) -> None:
    fed = Fed()
    rest = list(lines)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        head, rest = rest[:size], rest[size:]
        for node in ("w1", "w2"):
            fed.log(node, *(text for of, text in head if of == node))
        if data.draw(st.booleans()):
            fed.edges("src.workload", window_s=60)  # questions in between change nothing
    entries = entries_of(lines)
    for by in ("src.workload", "verdict"):
        rows = fed.edges(by)
        assert counted(rows, by) == naive(entries, by)
        assert counted(fed.mesh.edges.rows_of_entries((by,), fed.mesh.entries.oldest()), by) == naive(entries, by)
    durations = sorted(e.duration_ms for e in entries if e.duration_ms is not None and e.shape.direction == "outbound")
    outbound = next((row for row in fed.edges("direction") if row.keys["direction"] == "outbound"), None)
    if durations and outbound is not None:
        assert outbound.p50 == durations[(len(durations) - 1) // 2]


@settings(max_examples=40, deadline=None)
@given(lines=logs(), buckets=st.integers(1, 6), cells=st.integers(1, 9), shapes=st.integers(1, 6))
def test_no_bound_is_so_small_that_a_sum_is_lost(
    lines: list[tuple[str, str]], buckets: int, cells: int, shapes: int
) -> None:
    fed = Fed(max_rows=1, max_buckets=buckets, max_cells=cells, max_shapes=shapes)
    for node, text in lines:
        fed.log(node, text)
    entries = entries_of(lines)
    ended = [entry for entry in entries if entry.shape.message != "connection opened"]
    by_direction = fed.edges("direction")
    assert sum(row.flows for row in by_direction) == len(ended)
    for verdict, flows in ((row.keys["verdict"], row.flows) for row in fed.edges("verdict", "direction")):
        assert verdict is None or flows >= 0
    for key, column in (("bytes_sent", 3), ("bytes_recv", 4)):
        clients = sum(
            (e.bytes_recv if (e.shape.direction == "inbound") == (column == 3) else e.bytes_sent) or 0 for e in ended
        )
        assert sum(getattr(row, key) for row in by_direction) == clients
    assert sum(row.failed for row in by_direction) == sum(e.shape.verdict in ("failed", "denied") for e in ended)


def test_forgotten_edges_keep_their_sums_in_a_row_of_their_own() -> None:
    fed = Fed(max_rows=0, max_buckets=1, max_shapes=4)
    for at in range(40):
        fed.log("w1", line(100 * at, src=f"pod-{at}", sent=1, recv=2))
    rows = fed.edges()
    (other,) = [row for row in rows if row.is_other]
    assert other.keys == {"src.workload": None, "dst.service": None}
    assert sum(row.flows for row in rows) == sum(row.bytes_sent or 0 for row in rows) == 40
    assert other.flows > 20
    assert only([row for row in fed.edges("verdict") if row.is_other]).keys == {"verdict": "forwarded"}


def counted_only(fed: Fed, shape: Shape, connections: int, at: bytes = b"2026-01-31T09:08:00") -> None:
    """Let overload count connections of a shape without reading their numbers."""
    unread = replace(shape, measures=Measures.NONE)
    stream = StreamKey(kind=StreamKind.LOG, of="w1")
    fed.mesh.ingest(ConnectionsCounted(stream=stream, logged_at=at, counted={unread: connections}))


def test_bytes_of_connections_that_were_only_counted_are_estimated_and_the_share_is_told() -> None:
    fed = Fed()
    fed.log("w1", line(1, sent=100, recv=10, took=7), line(2, sent=300, recv=30, took=9), line(3, src="other", sent=5))
    shape = batch("w1", line(1)).shapes[0]
    counted_only(fed, shape, 6)
    row, exact = fed.edges()
    assert (row.flows, row.failed, row.read_share) == (8, 0, 0.25)
    assert (row.bytes_sent, row.bytes_recv, row.p50) == (1_600, 160, 7.0)
    assert (exact.read_share, exact.bytes_sent) == (1.0, 5)
    table = edges_table()
    assert {key: table.column(key).cell(row, Context(now=0.0)).text for key in ("flows", "sent", "recv", "p99")} == {
        "flows": "8", "sent": "≈ 1.6 kB", "recv": "≈ 160 B", "p99": "≈ 9 ms",
    }  # fmt: skip
    assert table.document(row)["read_share"] == 0.25
    assert "read_share" not in table.document(exact)


def test_bytes_nobody_read_are_not_known() -> None:
    fed = Fed()
    counted_only(fed, batch("w1", line(1)).shapes[0], 3)
    row = only(fed.edges())
    assert (row.flows, row.read_share, row.bytes_sent, row.p50) == (3, 0.0, None, None)
    assert edges_table().column("sent").cell(row, Context(now=0.0)).text == "–"
    assert "bytes_sent" not in edges_table().document(row)


def test_what_was_only_counted_stays_so_when_it_is_forgotten() -> None:
    fed = Fed(max_rows=0, max_buckets=1, max_shapes=4)
    for at in range(40):
        first = line(100 * at, src=f"pod-{at}", sent=10)
        fed.log("w1", first)
        shape = batch("w1", first).shapes[0]
        counted_only(fed, shape, 3, first.split("\t")[0].encode())
    (other,) = [row for row in fed.edges() if row.is_other]
    assert other.read_share == 0.25
    assert other.bytes_sent == 10 * other.flows


def test_of_forgotten_edges_only_what_is_still_known_is_asked() -> None:
    fed = Fed(max_rows=0, max_buckets=1, max_shapes=4)
    for at in range(40):
        fed.log("w1", line(100 * at, src=f"pod-{at}", error="io error: x"))
    assert not any(row.is_other for row in fed.edges(where=parse("!from:pod-39"))), "nobody knows whom they were from"
    assert any(row.is_other for row in fed.edges(where=parse("verdict:failed node:w1")))
    assert only([row for row in fed.edges("error", "response_flag") if row.is_other]).keys == {
        "error": None,
        "response_flag": None,
    }


def test_forgotten_opened_lines_are_still_no_connections() -> None:
    fed = Fed(max_rows=0, max_buckets=1, max_shapes=2)
    for at in range(20):
        fed.log("w1", line(100 * at, src=f"pod-{at}", message="connection opened"))
    assert fed.edges() == fed.edges("direction") == []


def test_eviction_freezes_whether_an_inbound_entry_counts() -> None:
    fed = Fed(max_rows=0, max_buckets=1, max_shapes=2)
    for at in range(20):
        fed.log("w2", line(100 * at, "inbound", src=f"gateway-{at}"))
    assert sum(row.flows for row in fed.edges()) == 20
    assert sum(row.flows for row in fed.edges("direction")) == 20


def test_lines_that_overload_only_counted_are_in_the_sums() -> None:
    fed = Fed()
    fed.log("w1", line(1, sent=1, recv=2, took=10))
    read = batch("w1", line(2, sent=0))
    shape, tally = read.shapes[0], Tally()
    for duration in (10, 20, 30):
        tally.add(5, 7, duration)
    fed.mesh.ingest(
        EntriesCounted(
            stream=log_of("w1"), origin=origin("w1"), tallies={shape: tally}, logged_at=read.times[0], lines=read.lines,
            byte_count=9, observed_at=START,
        )
    )  # fmt: skip
    row = only(fed.edges())
    assert (row.flows, row.bytes_sent, row.bytes_recv, row.p50, row.p99) == (4, 16, 23, 10, 30)
    assert len(fed.mesh.entries) == 1


# -- numbers


@pytest.mark.parametrize(
    ("durations", "share", "value"),
    [({}, 0.5, None), ({7: 1}, 0.5, 7), ({1: 1, 2: 1}, 0.5, 1), ({1: 99, 9: 1}, 0.99, 1), ({1: 98, 9: 2}, 0.99, 9)],
)
def test_percentile(durations: dict[int, int], share: float, value: float | None) -> None:
    assert percentile(durations, share) == value


def test_thinned_durations_keep_their_percentiles() -> None:
    fed = Fed()
    fed.log("w1", *(line(i % 10 + 0.001 * i, took=i) for i in range(1, 1001)))
    fed.log("w1", *(line(100 * at, src="other") for at in range(1, 8)))
    row = only([row for row in fed.edges() if row.keys["src.workload"] == "curl"])
    assert row.flows == 1_000
    assert row.p50 == pytest.approx(500, abs=8)
    assert row.p99 == pytest.approx(990, abs=8)


@pytest.mark.parametrize("folder", ["plain", "istiod-mesh"])
def test_a_real_mesh_counts_as_a_naive_reading_of_the_rule(folder: str) -> None:
    fed, entries = Fed(), []
    for node in ("w1", "w2"):
        read = Reader(origin(node)).feed((DATA / folder / f"{node}.log").read_bytes())
        fed.mesh.ingest(EntriesRead(stream=log_of(node), batch=read, observed_at=START))
        entries += [entry_at(read, i) for i in range(len(read))]
    assert all(entry.shape.measures in (Measures.ALL, Measures.NONE) for entry in entries)
    captured = {(e.shape.src_namespace, e.shape.src_workload) for e in entries if e.shape.direction == "outbound"}
    captured |= {(e.shape.dst_namespace, e.shape.dst_workload) for e in entries if e.shape.direction == "inbound"}
    wanted = sum(
        not e.shape.is_opened
        and (
            e.shape.direction == "outbound"
            or e.shape.src_workload is None
            or (e.shape.src_namespace, e.shape.src_workload) not in captured
        )
        for e in entries
    )
    assert sum(row.flows for row in fed.edges()) == wanted > 300


def test_a_busy_moment_weighs_as_much_as_it_had_connections_after_it_is_past() -> None:
    fed = Fed(max_rows=0, max_buckets=2)
    fed.log("w1", *(line(0.001 * i, took=10) for i in range(1_000)))
    for at in range(1, 300):
        fed.log("w1", line(10 * at, took=5_000))
    row = only(fed.edges())
    assert row.flows == 1_299
    assert row.p50 == 10
    assert row.p99 == 5_000
    slow = sum(often for duration, often in row.durations_ms.items() if duration == 5_000)
    assert slow == pytest.approx(299, rel=0.15)


def test_time_that_was_not_read_yet_is_not_timed() -> None:
    fed = Fed()
    fed.log("w1", *(line(float(second)) for second in range(60)))
    for window_s in (60, 1_800):
        row = only(fed.edges(window_s=window_s, now=START + 60.0))
        assert (row.flows, row.rate_per_s) == (60, 1.0)
