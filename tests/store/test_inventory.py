"""The last good dump of every ztunnel, merged: who holds what, and what can be looked up in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.feed import START, Fed, origin, pod, service, workload
from ztui.model.cluster import Node
from ztui.model.observation import ClusterChanged


def held(fed: Fed) -> dict[str, tuple[int, int]]:
    return {row.item.name: (row.holding, row.asked) for row in fed.mesh.inventory.workloads}


def test_how_many_of_those_that_were_asked_hold_a_row() -> None:
    fed = Fed()
    fed.dump("w1", workload("curl"), workload("late"))
    fed.dump("w2", workload("curl"))
    assert held(fed) == {"curl": (2, 2), "late": (1, 2)}
    fed.dump("w2", workload("curl"), workload("late"))
    assert held(fed) == {"curl": (2, 2), "late": (2, 2)}


def test_where_they_differ_is_said_key_by_key() -> None:
    fed = Fed()
    fed.dump("w1", workload("curl", protocol="TCP"))
    fed.dump("w2", workload("curl"))
    fed.dump("w3", workload("curl"))
    (row,) = fed.mesh.inventory.workloads
    assert row.item.protocol == "HBONE", "as most hold it"
    w1, w2, w3 = (origin(node).key for node in ("w1", "w2", "w3"))
    assert row.differs == {"protocol": (("HBONE", (w2, w3)), ("TCP", (w1,)))}
    assert not row.is_agreed


def test_a_ztunnel_that_is_gone_is_asked_no_more() -> None:
    fed = Fed()
    fed.dump("w1", workload("curl"))
    fed.dump("w2", workload("curl"), workload("only-there"))
    fed.ztunnels("w1")
    assert held(fed) == {"curl": (1, 1)}
    assert list(fed.mesh.inventory.dumps) == [origin("w1").key]


def test_a_dump_keeps_its_age_until_the_next_good_one() -> None:
    fed = Fed()
    inventory = fed.mesh.inventory
    assert inventory.age_s(origin("w1").key, START) is None
    assert inventory.oldest_age_s(START) is None
    fed.dump("w1", at=10)
    fed.dump("w2", at=50)
    assert inventory.age_s(origin("w1").key, START + 70) == 60
    assert inventory.oldest_age_s(START + 70) == 60


def test_equal_dumps_change_no_answer() -> None:
    fed = Fed()
    fed.dump("w1", workload("curl"), at=1)
    before, rows = fed.mesh.inventory.version, fed.mesh.inventory.workloads
    fed.dump("w1", workload("curl"), at=2)
    assert fed.mesh.inventory.version == before
    assert fed.mesh.inventory.workloads is rows
    fed.dump("w1", workload("curl", protocol="TCP"), at=3)
    assert fed.mesh.inventory.version > before
    assert fed.mesh.inventory.workloads is not rows


def state(name: str, *outbound: str) -> dict[str, Any]:
    rows = [{"src": src, "originalDst": "10.96.0.9:80", "actualDst": "10.1.2.5:15008"} for src in outbound]
    return {
        "state": "Up",
        "connections": {"inbound": [], "outbound": rows},
        "info": {"name": name, "namespace": "default"},
    }


def test_an_open_connection_is_dated_by_when_it_was_first_seen() -> None:
    fed = Fed()
    fed.dump("w1", at=10, workloadState={"u1": state("curl", "10.1.1.2:1")})
    fed.dump("w1", at=20, workloadState={"u1": state("curl", "10.1.1.2:1", "10.1.1.2:2")})
    fed.dump("w1", at=30, workloadState={"u1": state("curl", "10.1.1.2:1", "10.1.1.2:2")})
    first, second = fed.mesh.inventory.connections
    assert (first.first_seen - START, first.last_seen - START, first.is_older) == (10, 30, True)
    assert (second.first_seen - START, second.last_seen - START, second.is_older) == (20, 30, False)
    fed.dump("w1", at=40, workloadState={"u1": state("curl", "10.1.1.2:2")})
    assert [one.connection.src for one in fed.mesh.inventory.connections] == ["10.1.1.2:2"]


@pytest.mark.parametrize(
    "name",
    ["reviews", "reviews.default", "default/reviews", "reviews.default.svc.cluster.local",
     "default/reviews.default.svc.cluster.local"],
)  # fmt: skip
def test_a_service_is_found_however_it_is_written(name: str) -> None:
    fed = Fed()
    fed.dump("w1", services=[service("reviews")])
    found = fed.mesh.inventory.service(name)
    assert found is not None
    assert found.hostname == "reviews.default.svc.cluster.local"


def test_a_bare_name_of_two_services_names_neither() -> None:
    fed = Fed()
    other = service("reviews", namespace="shop", hostname="reviews.shop.svc.cluster.local", vips=["/10.96.0.8"])
    fed.dump("w1", services=[service("reviews"), other])
    inventory = fed.mesh.inventory
    assert inventory.service("reviews") is None
    assert inventory.service("reviews.shop") is inventory.service_at("10.96.0.8") is not None


def test_an_address_names_a_workload_only_where_it_is_its_own() -> None:
    fed = Fed()
    entry = {**workload("entry"), "uid": "Kubernetes/networking.istio.io/ServiceEntry/default/entry/10.1.1.2"}
    fed.dump(
        "w1",
        workload("curl", workloadIps=["10.1.1.2", "fd00::2"]),
        {**entry, "workloadIps": ["10.1.1.2"]},
        workload("node-exporter", workloadIps=["172.18.0.2"], networkMode="HostNetwork"),
        workload("kube-proxy", workloadIps=["172.18.0.2"], networkMode="HostNetwork"),
        workload("old", workloadIps=["10.1.1.9"]),
        workload("new", workloadIps=["10.1.1.9"]),
    )
    at = fed.mesh.inventory.workload_at
    assert [one and one.name for one in map(at, ("10.1.1.2", "fd00::2"))] == ["curl", "curl"]
    assert at("172.18.0.2") is None, "pods of the host's network share the node's address"
    assert at("10.1.1.9") is None, "one address, two pods: nobody knows which"
    assert at("10.9.9.9") is None


def test_app_node_zone_and_revision_come_from_the_dump_else_from_kubernetes() -> None:
    fed = Fed()
    locality = {"region": "r", "zone": "z1", "subzone": ""}
    fed.dump("w1", workload("curl", locality=locality, canonicalRevision="v2", workloadName="curl-deploy"))
    fed.pods(
        pod("bare", node="w9", owner="ReplicaSet/bare-7d4b9c", labels={"pod-template-hash": "7d4b9c"}),
        pod("agent", node="w9", owner="DaemonSet/agent"),
    )
    fed.mesh.ingest(ClusterChanged(resource="nodes", changed=(Node(name="w9", zone="z9"),)))
    ask = fed.mesh.inventory
    known = [(f("default", "curl")) for f in (ask.app, ask.node, ask.zone, ask.revision)]
    assert known == ["curl-deploy", "w1", "z1", "v2"]
    assert [f("default", "bare") for f in (ask.app, ask.node, ask.zone, ask.revision)] == ["bare", "w9", "z9", None]
    assert ask.app("default", "agent") == "agent"
    assert [f("default", "nobody") for f in (ask.app, ask.node, ask.zone, ask.revision)] == [None] * 4
    assert ask.app(None, None) is None


def test_what_kubernetes_says_changes_answers_too() -> None:
    fed = Fed()
    before = fed.mesh.inventory.version
    fed.pods(pod("curl", owner="DaemonSet/curl"))
    assert fed.mesh.inventory.version > before
    before = fed.mesh.inventory.version
    fed.pods(pod("curl", owner="DaemonSet/curl", ready=True))
    assert fed.mesh.inventory.version == before, "a status is no name"


def test_dumps_are_bounded() -> None:
    fed = Fed()
    fed.mesh.inventory.max_dumps = 2
    for node in ("w1", "w2", "w3"):
        fed.dump(node, workload("curl"))
    fed.dump("w2", workload("curl"), workload("new"))
    assert held(fed) == {"curl": (2, 2), "new": (1, 2)}


def test_a_dump_of_1_22_names_services_and_workloads_as_well() -> None:
    fed = Fed()
    uid = "Kubernetes//Pod/default/reviews-1"
    endpoint = {"workloadUid": uid, "service": "default/reviews", "address": "/10.1.2.5", "port": {"80": 9080}}
    fed.dump(
        "w1",
        services={"/10.96.0.9": {**service("reviews", port=80), "endpoints": {f"{uid}:/10.1.2.5": endpoint}}},  # type: ignore[arg-type]
    )
    found = fed.mesh.inventory.service_at("10.96.0.9")
    assert found is not None
    assert [one.workload_uid for one in found.endpoints] == [uid]


def test_a_namesake_in_another_cluster_does_not_stand_for_ours() -> None:
    fed = Fed()
    local = workload("db-0", "w1", clusterId="here")
    remote = {**workload("db-0", "far-1", clusterId="there"), "uid": "there//Pod/default/db-0"}
    entry = {**workload("db-0", ""), "uid": "here/networking.istio.io/WorkloadEntry/default/db-0", "clusterId": "here"}
    fed.dump("w1", remote, local, entry, config={"localNode": "w1", "clusterId": "here"})
    assert fed.mesh.inventory.node("default", "db-0") == "w1"
