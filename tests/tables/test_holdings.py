"""Workloads, services and policies over all ztunnels: what is shown, and what is not shown because nobody knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.store.feed import Fed, origin, pod, service, workload
from ztui.model.cluster import Namespace
from ztui.model.observation import ClusterChanged
from ztui.tables.columns import Context, Meaning, Table
from ztui.tables.holdings import POLICIES, SERVICES, WORKLOADS, policy_rows, service_rows, workload_rows
from ztui.tables.render import lines

CONTEXT = Context(now=0.0)


def cells(table: Table[Any], row: Any) -> dict[str, str]:
    return {column.key: column.cell(row, CONTEXT).text for column in table.columns}


def by_name(table: Table[Any], rows: Sequence[Any]) -> dict[str, dict[str, str]]:
    return {(shown := cells(table, row))["name"]: shown for row in rows}


def workloads(fed: Fed) -> dict[str, dict[str, str]]:
    return by_name(WORKLOADS, workload_rows(fed.mesh))


# -- workloads


def test_of_a_bare_workload_nothing_is_claimed() -> None:
    fed = Fed()
    fed.dump("w1", {"name": "bare", "namespace": "default"})
    assert workloads(fed)["bare"] == {
        "namespace": "default", "name": "bare", "address": "–", "node": "–", "protocol": "–", "capture": "? not known",
        "status": "? not said", "waypoint": "–", "ztunnels": "1/1", "capacity": "–", "app": "bare", "revision": "–",
        "identity": "–", "zone": "–", "policies": "–", "why": "–",
    }  # fmt: skip
    (row,) = workload_rows(fed.mesh)
    assert {c.key for c in WORKLOADS.columns if c.value(row) is not None} <= {
        "namespace", "name", "ztunnels", "app", "address", "policies",
    }  # fmt: skip


def test_a_full_workload() -> None:
    fed = Fed()
    fed.dump(
        "w1",
        workload(
            "curl", workloadIps=["10.1.1.2", "fd00::2"], capacity=3, workloadName="curl-app", canonicalRevision="v1",
            locality={"region": "r", "zone": "z1"}, authorizationPolicies=["default/a", "default/b"],
            status="Unhealthy",
            waypoint={"destination": "default/wp.default.svc.cluster.local", "hboneMtlsPort": 15008},
        ),
        workload("api", workloadIps=[], hostname="api.example.com",
                 waypoint={"destination": "/10.96.0.7", "hboneMtlsPort": 15008}),
        workload("lost", waypoint={"destination": "/10.96.0.77", "hboneMtlsPort": 15008}),
        services=[service("wp", vip="10.96.0.7")],
    )  # fmt: skip
    shown = workloads(fed)
    assert shown["curl"] | {
        "address": "10.1.1.2,fd00::2", "protocol": "HBONE", "status": "! unhealthy", "waypoint": "wp.default",
        "capacity": "3", "app": "curl-app", "revision": "v1", "zone": "z1", "policies": "default/a,default/b",
        "identity": "spiffe://cluster.local/ns/default/sa/curl", "node": "w1",
    } == shown["curl"]  # fmt: skip
    assert (shown["api"]["address"], shown["api"]["waypoint"]) == ("api.example.com", "wp.default")
    assert shown["lost"]["waypoint"] == "/10.96.0.77", "as the dump writes it, where no service is found"


def test_ztunnels_that_disagree_are_a_problem() -> None:
    fed = Fed()
    fed.dump("w1", workload("curl"), workload("late"))
    fed.dump("w2", workload("curl", protocol="TCP"))
    fed.dump("w3", workload("curl"))
    shown = workloads(fed)
    assert shown["curl"]["ztunnels"] == "! 3/3 differ in protocol"
    assert shown["late"]["ztunnels"] == "! 1/3"
    assert all(row.is_problem for row in workload_rows(fed.mesh))


def state(uid: str, word: str = "Up") -> dict[str, Any]:
    return {uid: {"state": word, "info": {"name": uid, "namespace": "default", "serviceAccount": "x"}}}


ENABLED = {"ambient.istio.io/redirection": "enabled"}
AMBIENT = {"istio.io/dataplane-mode": "ambient"}


@pytest.mark.parametrize(
    ("word", "annotations", "states", "phase", "cell"),
    [
        ("HBONE", ENABLED, state("uid-curl"), "Running", "· consistent"),
        ("HBONE", ENABLED, {}, "Running", "✖ broken"),
        ("HBONE", ENABLED, state("uid-curl", "Pending"), "Running", "✖ broken"),
        ("TCP", ENABLED, state("uid-curl"), "Running", "! lagging"),
        ("TCP", {"ambient.istio.io/redirection": "pending"}, {}, "Running", "✖ broken"),
        ("TCP", {}, {}, "Running", "✖ not captured"),
        ("TCP", {"sidecar.istio.io/status": "{}"}, {}, "Running", "· sidecar"),
        ("HBONE", ENABLED, {}, "Succeeded", "· outside"),
    ],
)
def test_capture_is_what_four_sources_say_together(
    word: str, annotations: Mapping[str, str], states: Mapping[str, Any], phase: str, cell: str
) -> None:
    fed = Fed()
    fed.dump("w1", workload("curl", protocol=word), workloadState=states)
    fed.pods(pod("curl", labels=AMBIENT, annotations=annotations, phase=phase))
    assert workloads(fed)["curl"]["capture"] == cell
    why = workloads(fed)["curl"]["why"]
    assert cell != "· consistent" or why.endswith("no contradiction found in 4 sources")


def test_of_two_ztunnels_on_one_node_either_may_serve_a_pod() -> None:
    """While ztunnel is upgraded the old one has let go of what the new one serves."""
    fed = Fed()
    fed.dump("w1", workload("curl"), workloadState=state("uid-curl"))
    fed.dump("w1", workload("curl"), workloadState={}, of=replace(origin("w1"), key="istio-system/ztunnel-new"))
    fed.pods(pod("curl", labels=AMBIENT, annotations=ENABLED))
    fed.mesh.ingest(ClusterChanged(resource="namespaces", changed=(Namespace(name="default"),)))
    assert workloads(fed)["curl"]["capture"] == "· consistent"


# -- services


def services(fed: Fed) -> dict[str, dict[str, str]]:
    return by_name(SERVICES, service_rows(fed.mesh))


def test_endpoints_are_counted_by_those_who_say_they_belong() -> None:
    """ztunnel drops unhealthy endpoints, so what is left of them always looks well."""
    fed = Fed()
    of: dict[str, Any] = {"services": ["default/reviews.default.svc.cluster.local"]}
    fed.dump(
        "w1", workload("up", **of), *(workload(name, status="Unhealthy", **of) for name in ("down", "out")),
        services=[service("reviews", "up"), service("empty"), service("well", "up", vip="10.96.0.5")],
    )  # fmt: skip
    shown = services(fed)
    assert shown["reviews"]["endpoints"] == "! 1/3"
    assert shown["empty"]["endpoints"] == "0/0"
    assert shown["well"]["endpoints"] == "· 1/1"
    assert [row.is_problem for row in service_rows(fed.mesh)] == [False, True, False]


def test_an_endpoint_whose_workload_is_unknown_or_unhealthy_is_none_to_draw() -> None:
    fed = Fed()
    fed.dump("w1", workload("down", status="Unhealthy"), services=[service("reviews", "down", "gone")])
    assert services(fed)["reviews"]["endpoints"] == "✖ 0/2"


def test_what_a_service_says() -> None:
    fed = Fed()
    balancer = {"mode": "Failover", "routingPreferences": ["Network", "Region"], "healthPolicy": "OnlyHealthy"}
    full = service("full", vips=["/10.96.0.1", "net/fd00::1"], ports={"443": 8443, "80": 80, "9": 0},
                   loadBalancer=balancer, ipFamilies="Dual", visibility="Public")  # fmt: skip
    fed.dump("w1", services=[full, {"name": "bare", "namespace": "default", "hostname": "bare.example"}])
    shown = services(fed)
    assert shown["full"] | {
        "vips": "10.96.0.1,fd00::1", "ports": "9,80,443→8443", "balancing": "Failover Network/Region",
        "families": "Dual", "visibility": "Public",
    } == shown["full"]  # fmt: skip
    assert shown["bare"] == {
        "namespace": "default", "name": "bare", "vips": "–", "ports": "–", "endpoints": "0/0", "waypoint": "–",
        "balancing": "–", "ztunnels": "1/1", "hostname": "bare.example", "families": "–", "visibility": "–",
    }  # fmt: skip


# -- policies


def test_policies_and_whom_they_select() -> None:
    fed = Fed()
    policies = [
        {
            "name": "deny",
            "namespace": "default",
            "scope": "WorkloadSelector",
            "action": "Deny",
            "rules": [[]],
            "dryRun": True,
        },
        {"name": "all", "namespace": "default", "scope": "Namespace", "action": "Allow", "rules": []},
        {"name": "bare", "namespace": "default"},
    ]
    fed.dump("w1", workload("curl", authorizationPolicies=["default/deny"]), policies=policies)
    shown = by_name(POLICIES, policy_rows(fed.mesh))
    assert shown["deny"] | {"action": "Deny (dry run)", "rules": "1", "workloads": "1"} == shown["deny"]
    assert shown["all"] | {"action": "Allow", "rules": "0", "workloads": "–"} == shown["all"]
    assert (shown["bare"]["action"], shown["bare"]["scope"]) == ("–", "–")
    deny = next(row for row in policy_rows(fed.mesh) if row.policy.name == "deny")
    assert POLICIES.column("action").cell(deny, CONTEXT).meaning is Meaning.WARN


# -- documents


def test_json_has_the_dumps_own_keys_unknown_ones_kept_and_who_holds_it() -> None:
    fed = Fed()
    curl = workload("curl", futureKey={"deep": [1, None, "x"]}, capacity=1)
    fed.dump("w1", curl, services=[service("reviews", "curl")])
    fed.dump("w2", {**curl, "protocol": "TCP"}, services=[service("reviews", "curl")])
    (document,) = [WORKLOADS.document(row) for row in workload_rows(fed.mesh)]
    assert document == {
        **curl,
        "ztunnels": {"holding": 2, "asked": 2},
        "differs": {
            "protocol": [
                {"value": "HBONE", "ztunnels": [origin("w1").key]},
                {"value": "TCP", "ztunnels": [origin("w2").key]},
            ]
        },
    }
    (document,) = [SERVICES.document(row) for row in service_rows(fed.mesh)]
    assert document == {**service("reviews", "curl"), "ztunnels": {"holding": 2, "asked": 2}}


@pytest.mark.parametrize("table", [WORKLOADS, SERVICES, POLICIES], ids=lambda table: table.name)
def test_every_format_prints_every_row(table: Table[Any]) -> None:
    fed = Fed()
    policy = {"name": "p", "namespace": "default", "scope": "Global", "action": "Deny", "rules": []}
    hostile = "x\x1b[2J\u202e,\"'\n"
    fed.dump("w1", workload(hostile), services=[service("reviews")], policies=[policy])
    gather: dict[str, Any] = {"workloads": workload_rows, "services": service_rows, "policies": policy_rows}
    rows = gather[table.name](fed.mesh)
    for form in ("table", "wide", "csv", "name", "jsonl"):
        printed = list(lines(table, rows, form, CONTEXT, headers=False))
        assert len(printed) == 1
        assert printed[0].isprintable()
    documents = [table.document(row) for row in rows]
    assert json.loads("".join(lines(table, rows, "json", CONTEXT))) == documents
    assert yaml.safe_load("\n".join(lines(table, rows, "yaml", CONTEXT))) == documents


def test_a_namesake_in_another_cluster_is_not_judged_by_our_pod() -> None:
    fed = Fed()
    remote = {**workload("curl", "far-1"), "uid": "there//Pod/default/curl"}
    fed.dump("w1", workload("curl"), remote, workloadState=state("uid-curl"))
    fed.pods(pod("curl", labels=AMBIENT, annotations=ENABLED))
    shown = {(row := cells(WORKLOADS, one))["node"]: row["capture"] for one in workload_rows(fed.mesh)}
    assert shown == {"w1": "· consistent", "far-1": "? not known"}
