"""Certificates judged by their dates, and connections that are open now."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.store.feed import START, Fed, origin, service, workload
from ztui.model.flow import Origin
from ztui.tables.columns import Context, Meaning, Table, Zone
from ztui.tables.nodewise import CERTIFICATES, CONNECTIONS, certificate_rows, connection_rows
from ztui.tables.render import lines
from ztui.units import format_time

OUTAGE = Path(__file__).parents[1] / "data" / "ztunnel" / "istiod-mesh"
HOUR = 3600.0
CURL = "spiffe://cluster.local/ns/default/sa/curl"


def cells(table: Table[Any], row: Any, **context: Any) -> dict[str, str]:
    chosen = Context(**{"now": START, **context})
    return {column.key: column.cell(row, chosen).text for column in table.columns}


def chain(since_h: float, life_h: float = 24.0, state: str = "Available", identity: str = CURL) -> dict[str, Any]:
    begun = START - since_h * HOUR
    leaf = {"pem": "", "serialNumber": "255", "validFrom": format_time(begun)}
    return {
        "identity": identity, "state": state, "rootCerts": [],
        "certChain": [{**leaf, "expirationTime": format_time(begun + life_h * HOUR)}],
    }  # fmt: skip


def none(state: str) -> dict[str, Any]:
    return {"identity": CURL, "state": state, "certChain": [], "rootCerts": []}


# -- certificates


@pytest.mark.parametrize(
    ("certificate", "verdict", "renewal", "expires"),
    [
        (chain(1), "· fresh", "renews in 11 h 00 m", "23 h 00 m"),
        (chain(12.05), "· renewing", "renewal due for 3 m 00 s", "11 h 57 m"),
        (chain(13), "! overdue", "renewal overdue 1 h 00 m", "11 h 00 m"),
        (chain(20), "✖ overdue", "renewal overdue 8 h 00 m", "4 h 00 m"),
        (chain(25), "✖ expired", "expired 1 h 00 m ago", "1 h 00 m ago"),
        (none("Initializing"), "! initializing", "the first certificate has not arrived yet", "–"),
        (none("Unavailable: signing gRPC error"), "✖ unavailable", "signing gRPC error", "–"),
        (none("Unavailable"), "✖ unavailable", "ztunnel gives no reason", "–"),
        (none("Available"), "? no dates", "the dump has no dates for it", "–"),
        (none("Sleeping"), "? no dates", "the dump has no dates for it", "–"),
        (chain(-1), "· fresh", "not valid for another 1 h 00 m: a clock is off", "1 d 1 h"),
    ],
)
def test_a_certificate_is_judged_by_its_dates_not_by_its_state(
    certificate: dict[str, Any], verdict: str, renewal: str, expires: str
) -> None:
    fed = Fed()
    fed.dump("w1", certificates=[certificate])
    (row,) = certificate_rows(fed.mesh, START)
    shown = cells(CERTIFICATES, row)
    assert (shown["verdict"], shown["renewal"], shown["expires"]) == (verdict, renewal, expires)
    assert row.status.is_problem == (verdict[0] in "!✖?")


def test_what_is_not_in_the_dump_is_not_shown() -> None:
    fed = Fed()
    fed.dump("w1", certificates=[{"identity": "odd"}], config={}, of=Origin(key="dump.json"))
    (row,) = certificate_rows(fed.mesh, START)
    shown = cells(CERTIFICATES, row)
    assert shown["identity"] == "odd"
    assert shown["node"] == "–", "neither the dump nor the cluster said which node it is"
    assert {shown[key] for key in ("state", "expires", "root", "not_before", "not_after", "serial")} == {"–"}


def test_the_worst_comes_first_and_every_node_has_its_own() -> None:
    fed = Fed()
    fed.dump("w1", certificates=[chain(1), chain(13, identity=CURL + "-b")])
    fed.dump("w2", certificates=[chain(25), chain(2)])
    rows = certificate_rows(fed.mesh, START)
    assert [(row.status.verdict, row.status.node) for row in rows] == [
        ("expired", "w2"), ("overdue", "w1"), ("fresh", "w2"), ("fresh", "w1"),
    ]  # fmt: skip
    assert cells(CERTIFICATES, rows[0])["serial"] == "ff"


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        ("certificates-available", {"fresh"}),
        ("certificates-ca-frozen-overdue", {"overdue"}),
        ("certificates-ca-frozen-expired", {"expired"}),
        ("certificates-ca-gone-overdue", {"overdue"}),
        ("certificates-ca-gone-expired", {"unavailable"}),
        ("certificates-ca-back-60s", {"unavailable"}),
    ],
)
def test_through_a_real_outage_of_the_ca(name: str, verdicts: set[str]) -> None:
    """While the CA hangs ztunnel says Available to the end and beyond."""
    document = json.loads((OUTAGE / f"{name}.json").read_bytes())
    certificates = document if isinstance(document, list) else document["certificates"]
    fed = Fed()
    fed.dump("w1", certificates=certificates)
    ends = [row.status.not_after for row in certificate_rows(fed.mesh, 0.0) if row.status.not_after]
    begins = [row.status.not_before for row in certificate_rows(fed.mesh, 0.0) if row.status.not_before]
    share = 0.4 if "available" in name else 0.7 if "overdue" in name else 1.2
    now = begins[0] + share * (ends[0] - begins[0]) if ends else START
    rows = certificate_rows(fed.mesh, now)
    assert {row.status.verdict for row in rows} == verdicts
    if "frozen" in name:
        assert {row.status.state for row in rows} == {"Available"}
    if "unavailable" in verdicts:
        assert {row.status.reason for row in rows} == {"signing gRPC error (Unknown error): client error (Connect)"}


def test_a_certificates_document_is_the_dumps() -> None:
    fed = Fed()
    one = {**chain(1), "futureKey": 1}
    fed.dump("w1", certificates=[one])
    fed.dump("w2", certificates=[])
    (row,) = certificate_rows(fed.mesh, START)
    assert CERTIFICATES.document(row) == {
        **one, "ztunnel": origin("w1").key, "node": "w1", "ztunnels": {"holding": 1, "asked": 2},
    }  # fmt: skip
    assert list(lines(CERTIFICATES, [row], "name", Context(now=START))) == [f"certificate/{CURL}"]


# -- open connections


def state(**connections: list[dict[str, Any]]) -> dict[str, Any]:
    rows = {"inbound": [], "outbound": [], **connections}
    return {"u1": {"state": "Up", "connections": rows, "info": {"name": "curl", "namespace": "default"}}}


OUT = {"src": "10.1.1.2:40000", "originalDst": "10.96.0.9:80", "actualDst": "10.1.2.5:15008", "protocol": "HBONE"}
IN = {"src": "[fd00::9]:5", "originalDst": None, "actualDst": "10.1.1.2:8080"}
HELD = (workload("curl", workloadIps=["10.1.1.2"]), workload("reviews-1", "w2", workloadIps=["10.1.2.5"]))


def test_addresses_have_names_where_they_are_known() -> None:
    fed = Fed()
    fed.dump("w1", *HELD, services=[service("reviews")], workloadState=state(outbound=[OUT], inbound=[IN]))
    inbound, outbound = sorted(connection_rows(fed.mesh), key=lambda row: row.open.connection.direction.value)
    assert cells(CONNECTIONS, outbound) | {
        "workload": "curl", "from": "curl", "to": "reviews-1:15008", "node": "w1", "protocol": "HBONE",
        "service": "reviews.default:80", "direction": "outbound",
    } == cells(CONNECTIONS, outbound)  # fmt: skip
    shown = cells(CONNECTIONS, inbound)
    assert (shown["from"], shown["to"]) == ("[fd00::9]:5", "curl:8080")
    assert (shown["service"], shown["protocol"]) == ("–", "–")
    raw = next(row for row in connection_rows(fed.mesh, is_raw=True) if row.open.connection.src == OUT["src"])
    assert [cells(CONNECTIONS, raw)[key] for key in ("from", "to", "service")] == [
        "10.1.1.2:40000", "10.1.2.5:15008", "10.96.0.9:80",
    ]  # fmt: skip


def test_a_connection_that_was_there_before_us_is_older_than_we_can_say() -> None:
    fed = Fed()
    fed.dump("w1", workloadState=state(outbound=[OUT]))
    fed.dump("w1", workloadState=state(outbound=[OUT, {**OUT, "src": "10.1.1.2:40001"}]), at=30)
    first, second = connection_rows(fed.mesh)
    now = START + 90
    assert cells(CONNECTIONS, first, now=now, zone=Zone.RELATIVE)["first_seen"] == "≥1 m 30 s"
    assert cells(CONNECTIONS, first, now=now)["first_seen"] == "≤09:00:00.00"
    assert cells(CONNECTIONS, second, now=now, zone=Zone.RELATIVE)["first_seen"] == "1 m 00 s"


def test_a_connections_document_says_whose_it_is() -> None:
    fed = Fed()
    fed.dump("w1", workloadState=state(outbound=[{**OUT, "futureKey": True}]))
    (row,) = connection_rows(fed.mesh)
    assert CONNECTIONS.document(row) == {
        "direction": "outbound", **OUT, "futureKey": True, "podUid": "u1",
        "info": {"name": "curl", "namespace": "default"}, "ztunnel": origin("w1").key, "node": "w1",
        "ztunnels": {"holding": 1, "asked": 1},
    }  # fmt: skip


def test_an_urgent_overdue_certificate_is_an_error_without_its_colour_too() -> None:
    fed = Fed()
    fed.dump("w1", certificates=[chain(13), chain(20, identity=CURL + "-b")])
    urgent, calm = certificate_rows(fed.mesh, START)
    column = CERTIFICATES.column("verdict")
    assert [column.cell(row, Context(now=START)).meaning for row in (urgent, calm)] == [Meaning.ERROR, Meaning.WARN]


def test_the_days_of_a_certificate_are_written_in_the_zone_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    fed = Fed()
    fed.dump("w1", certificates=[chain(1)])
    (row,) = certificate_rows(fed.mesh, START)
    try:
        written = [cells(CERTIFICATES, row, zone=zone)["not_after"] for zone in (Zone.UTC, Zone.LOCAL, Zone.RELATIVE)]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert written[0] == format_time(START + 23 * HOUR)
    assert written[1].endswith("+05:30")
    assert written[2] == "in 23 h 00 m"
