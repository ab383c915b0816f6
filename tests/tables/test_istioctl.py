"""`-o short`: what `istioctl ztunnel-config` prints, byte for byte, by the rules of its own writer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ztui.model.configdump import ConfigDump, DumpReader
from ztui.model.flow import Direction
from ztui.tables.istioctl import ShortFilter, align, short
from ztui.units import parse_time

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
NOW = parse_time("2026-01-31T12:00:00Z") or 0.0


def dump_of(**sections: Any) -> ConfigDump:
    return DumpReader().read(json.dumps({"workloads": [], "services": [], "policies": [], **sections}).encode())


def printed(kind: str, where: ShortFilter | None = None, **sections: Any) -> list[str]:
    text = short(kind, dump_of(**sections), now=NOW, where=where or ShortFilter())
    assert text.endswith("\n")
    return text[:-1].split("\n")


def workload(name: str, namespace: str = "default", **more: Any) -> dict[str, Any]:
    return {"uid": f"K//Pod/{namespace}/{name}", "name": name, "namespace": namespace, "protocol": "HBONE",
            "status": "Healthy", "node": "w1", "workloadIps": ["10.1.1.2"], **more}  # fmt: skip


def service(name: str, namespace: str = "default", **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": namespace, "hostname": f"{name}.{namespace}.svc.cluster.local",
            "vips": ["/10.96.0.9"], "ports": {"80": 80}, "endpoints": {}, **more}  # fmt: skip


# -- columns


@given(st.lists(st.lists(st.text(alphabet="aé日 -", max_size=9), min_size=3, max_size=3), min_size=1, max_size=6))
def test_columns_are_padded_like_gos_tabwriter(rows: Sequence[Sequence[str]]) -> None:
    lines = align(rows, padding=5).split("\n")
    assert lines.pop() == ""
    widths = [max(len(row[i]) for row in rows) + 5 for i in range(2)]
    for row, line in zip(rows, lines, strict=True):
        cells = (line[: widths[0]], line[widths[0] : sum(widths)], line[sum(widths) :])
        assert [cells[0].rstrip(" "), cells[1].rstrip(" "), cells[2]] == [
            row[0].rstrip(" "),
            row[1].rstrip(" "),
            row[2],
        ]


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        ("workloads", "NAMESPACE POD NAME ADDRESS NODE WAYPOINT PROTOCOL"),
        ("services", "NAMESPACE SERVICE NAME SERVICE VIP WAYPOINT ENDPOINTS"),
        ("policies", "NAMESPACE POLICY NAME ACTION SCOPE"),
        (
            "certificates",
            "CERTIFICATE NAME     TYPE     STATUS     VALID CERT     SERIAL NUMBER     NOT AFTER     NOT BEFORE",
        ),
        ("connections", "WORKLOAD DIRECTION LOCAL REMOTE REMOTE TARGET PROTOCOL"),
    ],
)
def test_an_empty_dump_prints_its_header_alone(kind: str, header: str) -> None:
    assert printed(kind) == [header]


# -- workloads


def test_workloads() -> None:
    services = [
        service("waypoint", "shop", vips=["/10.96.0.7"]),
        service("by-name", "shop", vips=[]),
    ]
    workloads = [
        workload("b", "shop", waypoint={"destination": "/10.96.0.7", "hboneMtlsPort": 15008}),
        workload("a-very-long-pod-name-5b667bcbf8-twvx6", "shop", workloadIps=["10.1.1.3", "fd00::3"], node="w2"),
        workload("c", "shop", waypoint={"destination": "shop/by-name.shop.svc.cluster.local", "hboneMtlsPort": 15008}),
        workload("d", "shop", waypoint={"destination": "/10.96.0.99", "hboneMtlsPort": 15008}, protocol="TCP"),
        workload("api", workloadIps=[], hostname="api.example.com", node=""),
        workload("nowhere", workloadIps=[]),
    ]
    assert printed("workloads", workloads=workloads, services=services) == [
        "NAMESPACE POD NAME                              ADDRESS          NODE WAYPOINT PROTOCOL",
        "default   api                                   api.example.com       None     HBONE",
        "default   nowhere                                                w1   None     HBONE",
        "shop      a-very-long-pod-name-5b667bcbf8-twvx6 10.1.1.3,fd00::3 w2   None     HBONE",
        "shop      b                                     10.1.1.2         w1   waypoint HBONE",
        "shop      c                                     10.1.1.2         w1   by-name  HBONE",
        "shop      d                                     10.1.1.2         w1   NA       TCP",
    ]


def test_workloads_are_sorted_by_namespace_dot_name_then_node() -> None:
    """As one text: `a.b` stands before `a-b`'s pods do, since `-` sorts before `.`."""
    workloads = [workload("x", "a"), workload("x", "a-b"), workload("x", "a", uid="2", node="w0")]
    rows = [line.split() for line in printed("workloads", workloads=workloads)[1:]]
    assert [(row[0], row[3]) for row in rows] == [("a-b", "w1"), ("a", "w0"), ("a", "w1")]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (ShortFilter(workload_namespace="SHOP"), ["b"]),
        (ShortFilter(workload_node="W2"), ["b"]),
        (ShortFilter(address="10.1.1.2"), ["a"]),
        (ShortFilter(address="FD00::3"), ["b"]),
        (ShortFilter(pods=frozenset({("shop", "b")})), ["b"]),
        (ShortFilter(pods=frozenset({("default", "b")})), []),
        (ShortFilter(workload_namespace="default", workload_node="w2"), []),
        (ShortFilter(service_namespace="shop"), ["a", "b"]),
        (ShortFilter(namespaces=frozenset({"shop"})), ["b"]),
    ],
)
def test_flags_leave_out_what_istioctls_do(where: ShortFilter, names: list[str]) -> None:
    workloads = [workload("a"), workload("b", "shop", node="w2", workloadIps=["10.1.1.3", "fd00::3"])]
    assert [line.split()[1] for line in printed("workloads", where, workloads=workloads)[1:]] == names


# -- services


def test_services() -> None:
    uids = ["K//Pod/shop/up", "K//Pod/shop/down", "K//Pod/shop/gone"]
    endpoints = {uid: {"workloadUid": uid, "port": {"80": 80}} for uid in uids}
    workloads = [workload("up", "shop"), workload("down", "shop", status="Unhealthy")]
    services = [
        service("web", "shop", vips=["/10.96.0.1", "net/fd00::1"], endpoints=endpoints),
        service("waypoint", "shop", vips=["/10.96.0.7"]),
        service("web", waypoint={"destination": "/10.96.0.7", "hboneMtlsPort": 15008}),
        service("headless", vips=[]),
        service("lost", waypoint={"destination": "shop/none.example", "hboneMtlsPort": 15008}),
    ]
    assert printed("services", workloads=workloads, services=services) == [
        "NAMESPACE SERVICE NAME SERVICE VIP       WAYPOINT ENDPOINTS",
        "default   headless                       None     0/0",
        "default   lost         10.96.0.9         NA       0/0",
        "default   web          10.96.0.9         waypoint 0/0",
        "shop      waypoint     10.96.0.7         None     0/0",
        "shop      web          10.96.0.1,fd00::1 None     1/3",
    ]
    assert len(printed("services", ShortFilter(service_namespace="Shop"), services=services)) == 3


# -- policies


def test_policies() -> None:
    policies = [
        {"name": "istio_converted_static_strict", "namespace": "istio-system", "scope": "WorkloadSelector",
         "action": "Deny", "rules": []},
        {"name": "allow-nothing", "namespace": "default", "scope": "Namespace", "action": "Allow", "rules": []},
        {"name": "bare", "namespace": "default", "rules": []},
    ]  # fmt: skip
    assert printed("policies", policies=policies) == [
        "NAMESPACE    POLICY NAME                   ACTION SCOPE",
        "default      allow-nothing                 Allow  Namespace",
        "default      bare                                 ",
        "istio-system istio_converted_static_strict Deny   WorkloadSelector",
    ]
    assert len(printed("policies", ShortFilter(policy_namespace="default"), policies=policies)) == 3


# -- certificates


def certificate(serial: str, not_before: str = "2026-01-31T00:00:00Z", not_after: str = "2026-02-01T00:00:00Z") -> Any:
    return {"pem": "", "serialNumber": serial, "validFrom": not_before, "expirationTime": not_after}


def chain(state: str, *certificates: Any, roots: Sequence[Any] | None = None) -> dict[str, Any]:
    found = {"identity": "spiffe://cluster.local/ns/default/sa/curl", "state": state, "certChain": list(certificates)}
    return found if roots is None else {**found, "rootCerts": list(roots)}


NAME = "spiffe://cluster.local/ns/default/sa/curl"


def test_certificates() -> None:
    big = str(0xE5DFB59150B2BA7F108D93DCEC5AA613)
    certificates = [
        chain(
            "Available", certificate(big), roots=[certificate("255", "2020-01-01T00:00:00Z", "2036-01-01T00:00:00Z")]
        ),
        chain("Initializing"),
        chain("Unavailable: signing gRPC error (Unknown error): client error (Connect)", roots=[]),
    ]
    assert printed("certificates", certificates=certificates) == [
        (
            "CERTIFICATE NAME                              TYPE     STATUS           VALID CERT     SERIAL NUMBER"
            "                        NOT AFTER                NOT BEFORE"
        ),
        (
            f"{NAME}     Leaf     Available        true           e5dfb59150b2ba7f108d93dcec5aa613"
            "     2026-02-01T00:00:00Z     2026-01-31T00:00:00Z"
        ),
        (
            f"{NAME}     Root     Available        true           ff"
            "                                   2036-01-01T00:00:00Z     2020-01-01T00:00:00Z"
        ),
        (
            f"{NAME}     NA       Initializing     false          NA"
            "                                   NA                       NA"
        ),
        (
            f"{NAME}     NA       Unavailable      false          NA"
            "                                   NA                       NA"
        ),
    ]


@pytest.mark.parametrize(
    ("certificates", "roots", "types"),
    [
        (1, None, ["Leaf"]),
        (2, None, ["Leaf", "Root"]),
        (3, None, ["Leaf", "Intermediate", "Root"]),
        (3, 0, ["Leaf", "Intermediate", "Root"]),
        (1, 1, ["Leaf", "Root"]),
        (3, 2, ["Leaf", "Intermediate", "Intermediate", "Root", "Root"]),
        (0, 1, ["NA"]),
    ],
)
def test_what_each_certificate_of_a_chain_is(certificates: int, roots: int | None, types: list[str]) -> None:
    one = chain(
        "Available", *[certificate("1")] * certificates, roots=None if roots is None else [certificate("2")] * roots
    )
    assert [line.split()[1] for line in printed("certificates", certificates=[one])[1:]] == types


@pytest.mark.parametrize(
    ("not_before", "not_after", "valid"),
    [
        ("2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z", "true"),
        ("2026-01-30T00:00:00Z", "2026-01-31T12:00:00Z", "false"),
        ("2026-01-31T12:00:01Z", "2026-02-01T00:00:00Z", "false"),
        ("yesterday", "2026-02-01T00:00:00Z", "false"),
    ],
)
def test_valid_is_what_the_dates_say(not_before: str, not_after: str, valid: str) -> None:
    one = chain("Available", certificate("1", not_before, not_after), roots=[])
    assert printed("certificates", certificates=[one])[1].split()[3] == valid


def test_what_is_no_serial_number_is_printed_as_go_does() -> None:
    one = chain("Available", {"serialNumber": "0x12", "validFrom": "", "expirationTime": ""}, roots=[])
    assert printed("certificates", certificates=[one])[1].split()[3:] == ["false", "<nil>", "NA", "NA"]


# -- connections


STATES = {
    "u2": {
        "state": "Up", "info": {"name": "web", "namespace": "shop", "serviceAccount": "web"},
        "connections": {
            "inbound": [
                {"src": "10.1.1.2:60059", "originalDst": "web.shop.svc.cluster.local", "actualDst": "10.1.2.5:9080",
                 "protocol": "HBONE"},
                {"src": "[fd00::2]:5", "originalDst": None, "actualDst": "10.1.2.5:9080", "protocol": "TCP"},
            ],
            "outbound": [],
        },
    },
    "u1": {
        "state": "Up", "info": {"name": "curl", "namespace": "default", "serviceAccount": "curl"},
        "connections": {
            "inbound": [],
            "outbound": [
                {"src": "10.1.1.2:40000", "originalDst": "10.96.0.1:80", "actualDst": "10.1.2.5:15008",
                 "protocol": "HBONE"},
                {"src": "10.1.1.2:40001", "originalDst": "192.0.2.1:443", "actualDst": "192.0.2.1:443"},
            ],
        },
    },
    "u3": {"state": "Pending", "info": {"name": "late", "namespace": "default", "serviceAccount": "late"}},
}  # fmt: skip
HELD: dict[str, Any] = {
    "workloads": [
        workload("curl", workloadIps=["10.1.1.2", "fd00::2"]),
        workload("web", "shop", workloadIps=["10.1.2.5"]),
    ],
    "services": [service("web", "shop", vips=["/10.96.0.1", "/fd00::9"])],
    "workloadState": STATES,
}


def test_connections_with_names_for_first_addresses() -> None:
    assert printed("connections", **HELD) == [
        "WORKLOAD     DIRECTION LOCAL              REMOTE             REMOTE TARGET                 PROTOCOL",
        "curl.default Outbound  curl.default:40000 web.shop:15008     web.shop.svc.cluster.local:80 HBONE",
        "curl.default Outbound  curl.default:40001 192.0.2.1:443      192.0.2.1:443                 ",
        "web.shop     Inbound   web.shop:9080      curl.default:60059 web.shop.svc.cluster.local    HBONE",
        "web.shop     Inbound   web.shop:9080      [fd00::2]:5                                      TCP",
    ]


def test_raw_connections_keep_their_addresses() -> None:
    where = ShortFilter(is_raw=True, workload_namespace="default")
    assert printed("connections", where, **HELD) == [
        "WORKLOAD     DIRECTION LOCAL          REMOTE         REMOTE TARGET PROTOCOL",
        "curl.default Outbound  10.1.1.2:40000 10.1.2.5:15008 10.96.0.1:80  HBONE",
        "curl.default Outbound  10.1.1.2:40001 192.0.2.1:443  192.0.2.1:443 ",
    ]


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (ShortFilter(direction=Direction.INBOUND), 2),
        (ShortFilter(direction=Direction.OUTBOUND), 2),
        (ShortFilter(pods=frozenset({("shop", "web")})), 2),
        (ShortFilter(pods=frozenset({("default", "web")})), 0),
        (ShortFilter(workload_namespace="Default"), 0),
    ],
)
def test_connections_that_are_asked_for(where: ShortFilter, rows: int) -> None:
    assert len(printed("connections", where, **HELD)) == 1 + rows


# -- all


def test_all_tables_in_turn() -> None:
    dump = dump_of(**HELD)
    plain, titled = (short("all", dump, now=NOW, with_headers=headers) for headers in (False, True))
    kinds = ("workloads", "services", "policies", "certificates", "connections")
    tables = [short(kind, dump, now=NOW) for kind in kinds]
    assert plain == "".join("\n" + table for table in tables)
    titles = ("WORKLOAD", "SERVICE", "POLICY", "SECRET", "CONNECTIONS")
    assert titled == "".join(
        f"\n------ {title} INFO ------\n\n{table}" for title, table in zip(titles, tables, strict=True)
    )


def test_another_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        short("pods", dump_of(), now=NOW)


@pytest.mark.parametrize("path", sorted(DATA.glob("*/*config_dump*.json")), ids=lambda path: path.name)
def test_a_capture_prints_a_row_for_everything_it_holds(path: Path) -> None:
    dump = DumpReader().read(path.read_bytes())
    rows = {kind: short(kind, dump, now=NOW).count("\n") - 1 for kind in ("workloads", "services", "policies")}
    assert rows == {
        "workloads": len(dump.workloads), "services": len(dump.services), "policies": len(dump.policies),
    }  # fmt: skip
    assert short("connections", dump, now=NOW).count("\n") - 1 == len(dump.connections)
