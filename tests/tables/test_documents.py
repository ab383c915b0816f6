"""JSON of entries, flows and edges: ztunnel's own words, in the contract's order; what is not known is left out."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.store.feed import START, Fed, batch, line, pair, stamp
from ztui.model.accesslog import entry_at
from ztui.model.flow import AccessLogEntry, Flow, Half, Origin, Shape
from ztui.tables.columns import Context
from ztui.tables.documents import edge_document, entry_document, flow_document
from ztui.tables.edges import edges_table
from ztui.tables.flows import ENTRIES, FLOWS
from ztui.tables.render import json_text, lines

LINE = (
    '2026-01-31T09:08:07.012345Z\tinfo\taccess\tconnection complete\tsrc.addr=10.1.1.2:3 src.workload="curl" '
    'src.namespace="default" src.identity="spiffe://td/ns/default/sa/curl" src.cluster="Kubernetes" '
    'dst.addr=10.1.2.5:15008 dst.hbone_addr=10.1.2.5:80 dst.service="a.b.svc.cluster.local" dst.workload="a-1" '
    'dst.namespace="b" dst.identity="spiffe://td/ns/b/sa/a" dst.cluster="Kubernetes" direction="outbound" '
    'bytes_sent=84 bytes_recv=358 duration="15ms" unknown.key="value"\n'
)


def entry_of(text: str, node: str = "w1") -> AccessLogEntry:
    return entry_at(batch(node, text), 0)


def test_an_entry_is_the_contracts_line() -> None:
    document = entry_document(entry_of(LINE))
    assert json_text(document) == (
        '{"time":"2026-01-31T09:08:07.012345Z","level":"info","message":"connection complete",'
        '"src":{"addr":"10.1.1.2:3","workload":"curl","namespace":"default","identity":"spiffe://td/ns/default/sa/curl",'
        '"cluster":"Kubernetes"},'
        '"dst":{"addr":"10.1.2.5:15008","hbone_addr":"10.1.2.5:80","service":"a.b.svc.cluster.local","workload":"a-1",'
        '"namespace":"b","identity":"spiffe://td/ns/b/sa/a","cluster":"Kubernetes"},'
        '"direction":"outbound","bytes_sent":84,"bytes_recv":358,"duration_ms":15,'
        '"ztunnel":"ztunnel-w1","node":"w1","other":{"unknown.key":"value"}}'
    )


def test_what_a_line_does_not_have_is_absent() -> None:
    bare = Shape(origin=Origin(key="some.log"), level="info", message="connection complete")
    entry = AccessLogEntry(seq=0, time="t", src_addr=None, shape=bare)
    assert entry_document(entry) == {"time": "t", "level": "info", "message": "connection complete"}
    opened = entry_document(entry_of(line(1, message="connection opened")))
    assert not opened.keys() & {"bytes_sent", "bytes_recv", "duration_ms", "error"}
    zero = entry_document(entry_of(line(1, sent=0, recv=0, took=0)))
    assert (zero["bytes_sent"], zero["bytes_recv"], zero["duration_ms"]) == (0, 0, 0), "nothing sent is known"


def test_a_flow_says_what_was_joined_and_what_became_of_it() -> None:
    outbound, inbound = pair(2, took=1_500, error="http status: 401 Unauthorized")
    inbound = inbound.replace(
        "http status: 401 Unauthorized", "connection closed due to policy rejection: workload mismatch"
    )
    flow = Flow(outbound=entry_of(outbound), inbound=entry_of(inbound, "w2"), confidence=0.9)
    document = flow_document(flow)
    assert list(document["entries"]) == document["halves"] == ["outbound", "inbound"]  # type: ignore[call-overload]
    halves: Any = document["entries"]
    assert (halves["inbound"]["node"], halves["inbound"]["src_addr"]) == ("w2", "10.1.1.2:60059")
    assert halves["inbound"]["bytes_sent"] == 2_000, "each half in its own view"
    assert {key: document[key] for key in ("verdict", "response_flag", "opened", "closed", "confidence")} == {
        "verdict": "denied", "response_flag": "DENY", "opened": stamp(0.5), "closed": stamp(2), "confidence": 0.9,
    }  # fmt: skip
    assert "missing" not in document


def test_a_lone_half_names_the_missing_one_and_why() -> None:
    lone = flow_document(
        Flow(inbound=entry_of(line(1, "inbound")), missing=Half.OUTBOUND, missing_because="not watched")
    )
    assert (lone["missing"], lone["missing_because"], lone["halves"]) == ("outbound", "not watched", ["inbound"])
    assert "missing_because" not in flow_document(Flow(inbound=entry_of(line(1, "inbound")), missing=Half.OUTBOUND))


def test_a_refusal_has_neither_flag_nor_beginning_and_an_open_flow_no_end() -> None:
    refused = flow_document(
        Flow(outbound=entry_of(line(1, message="connection failed", error="no healthy upstream: x")))
    )
    assert not refused.keys() & {"response_flag", "opened"}
    assert (refused["verdict"], refused["closed"]) == ("failed", stamp(1))
    opened = flow_document(Flow(outbound=entry_of(line(1, message="connection opened"))))
    assert opened["opened"] == stamp(1)
    assert not opened.keys() & {"closed", "verdict", "response_flag"}


def test_a_flow_longer_than_time_has_no_beginning() -> None:
    assert "opened" not in flow_document(Flow(outbound=entry_of(line(1, took=10**18))))


def test_an_edge_is_the_contracts_object() -> None:
    fed = Fed()
    fed.log(
        "w1", line(1, sent=84, recv=358), line(2, sent=84, recv=358, took=25, error="http status: 401 Unauthorized")
    )
    by = ("src.workload", "dst.service", "src.app")
    (row,) = fed.mesh.edges.rows(by)
    assert json_text(edge_document(row, by)) == (
        '{"src.workload":"curl","dst.service":"reviews.default.svc.cluster.local","flows":2,"failed":1,"denied":1,'
        '"bytes_sent":168,"bytes_recv":716,"duration_ms":{"p50":15,"p99":25}}'
    )


def test_an_edge_without_durations_has_none() -> None:
    fed = Fed()
    fed.log("w1", line(1, message="connection failed", error="no healthy upstream: x"))
    (row,) = fed.edges("verdict")
    assert edge_document(row, ("verdict",)) == {
        "verdict": "failed", "flows": 1, "failed": 1, "denied": 0, "bytes_sent": 0, "bytes_recv": 0,
    }  # fmt: skip


def test_yaml_says_what_json_says() -> None:
    fed = Fed()
    fed.log("w1", LINE, line(1, error="io error: x"))
    entries = list(fed.mesh.entries.oldest())
    context = Context(now=START)
    tables: list[tuple[Any, Any]] = [
        (ENTRIES, entries), (FLOWS, [Flow(outbound=entry) for entry in entries]), (edges_table(), fed.edges()),
    ]  # fmt: skip
    for table, rows in tables:
        documents = json.loads("".join(lines(table, rows, "json", context)))
        assert yaml.safe_load("\n".join(lines(table, rows, "yaml", context))) == documents
