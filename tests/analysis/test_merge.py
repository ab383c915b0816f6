"""One row from many dumps: who holds it, where they differ, and how it is written as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ztui.analysis.merge import merge, merge_items, to_json
from ztui.model.configdump import ConfigDump, DumpReader
from ztui.model.workload import Workload, read_workload

DATA = Path(__file__).parents[1] / "data" / "ztunnel"


def dump_of(reader: DumpReader, *workloads: dict[str, Any], **more: Any) -> ConfigDump:
    return reader.read(json.dumps({"workloads": list(workloads), **more}, indent=2).encode())


def pod(name: str, **more: Any) -> dict[str, Any]:
    return {"uid": f"uid-{name}", "name": name, "namespace": "default", **more}


def captures() -> dict[str, ConfigDump]:
    reader = DumpReader()
    return {
        f"istio-system/{node}": reader.read((DATA / "plain" / f"{node}-config_dump.json").read_bytes())
        for node in ("w1", "w2")
    }


def test_two_nodes_of_one_mesh_agree() -> None:
    dumps = captures()
    merged = merge(dumps)
    assert [row.key for row in merged.workloads] == sorted(w.key for w in dumps["istio-system/w1"].workloads)
    assert all(row.is_agreed and (row.holding, row.asked) == (2, 2) for row in merged.workloads)
    assert all(row.is_agreed for row in merged.services)
    assert all(row.is_agreed for row in merged.policies)
    assert merged.workloads[0].by == dict.fromkeys(dumps, merged.workloads[0].item)


def test_a_certificate_and_a_connection_belong_to_one_ztunnel() -> None:
    merged = merge(captures())
    assert len(merged.certificates) == 9
    assert {row.ztunnel for row in merged.certificates} == {"istio-system/w1", "istio-system/w2"}
    reviews = [row for row in merged.certificates if row.item.identity.endswith("/bookinfo-reviews")]
    assert [(row.node, row.holding, row.asked) for row in reviews] == [("w1", 2, 2), ("w2", 2, 2)]
    assert len({row.key for row in merged.certificates}) == 9
    assert len(merged.connections) == 25
    assert len({row.key for row in merged.connections}) == 25


def test_who_holds_what_and_where_they_differ() -> None:
    reader = DumpReader()
    dumps = {
        "a": dump_of(reader, pod("x", status="Healthy"), pod("y")),
        "b": dump_of(reader, pod("x", status="Unhealthy"), pod("y"), pod("z")),
        "c": dump_of(reader, pod("x", status="Healthy")),
    }
    x, y, z = merge(dumps).workloads
    assert (x.holding, x.asked, x.item.status, x.is_agreed) == (3, 3, "Healthy", False)
    assert x.differs == {"status": (("Healthy", ("a", "c")), ("Unhealthy", ("b",)))}
    assert {ztunnel: item.status for ztunnel, item in x.by.items()} == {
        "a": "Healthy",
        "b": "Unhealthy",
        "c": "Healthy",
    }
    assert (y.holding, y.differs, y.is_agreed) == (2, {}, False)
    assert (z.holding, z.ztunnels) == (1, ("b",))


def test_thousands_of_rows_share_one_list_of_holders() -> None:
    reader = DumpReader()
    pods = [pod(f"p{i:03}") for i in range(200)]
    rows = merge({"a": dump_of(reader, *pods), "b": dump_of(reader, *pods), "c": dump_of(reader, *pods[:-1])}).workloads
    assert len({id(row.ztunnels) for row in rows}) == 2
    assert [row.holding for row in rows[-2:]] == [3, 2]


def test_what_an_older_ztunnel_does_not_write_is_no_difference() -> None:
    reader = DumpReader()
    old = dump_of(reader, pod("x"), services=[{"name": "s", "namespace": "n", "hostname": "s.n", "endpoints": {
        "uid-x:/10.0.0.1": {"workloadUid": "uid-x", "port": {"80": 80}, "address": "/10.0.0.1"}}}])  # fmt: skip
    new = dump_of(reader, pod("x", capacity=1, networkMode="Standard", services=["n/s.n"]), services=[{
        "name": "s", "namespace": "n", "hostname": "s.n", "visibility": "Public", "canonical": True, "endpoints": {
            "uid-x": {"workloadUid": "uid-x", "port": {"80": 80}, "status": "Healthy"}}}])  # fmt: skip
    merged = merge({"old": old, "new": new})
    assert merged.workloads[0].differs == {}
    assert merged.services[0].differs == {}
    waypoint = {"destination": "n/wp.n"}
    (row,) = merge({"a": dump_of(reader, pod("x")), "b": dump_of(reader, pod("x", waypoint=waypoint))}).workloads
    assert row.differs == {"waypoint": ((None, ("a",)), (waypoint, ("b",)))}


def test_order_of_names_is_no_difference() -> None:
    reader = DumpReader()
    a, b = (dump_of(reader, pod("x", services=services)) for services in (["n/a", "n/b"], ["n/b", "n/a"]))
    assert merge({"a": a, "b": b}).workloads[0].is_agreed


def test_a_workload_with_two_addresses_stands_twice_in_an_old_map() -> None:
    dump = DumpReader().read(json.dumps({"workloads": {"/10.0.0.1": pod("x"), "/fd00::1": pod("x")}}).encode())
    assert [row.holding for row in merge({"a": dump}).workloads] == [1]


def test_nothing_asked_is_nothing_merged() -> None:
    assert merge({}).workloads == ()
    sections: dict[str, tuple[Workload, ...]] = {"a": (), "b": (read_workload(pod("x")),)}
    assert [(row.holding, row.asked) for row in merge_items(sections)] == [(1, 2)]


def test_json_has_the_dumps_own_keys_and_who_holds_it() -> None:
    reader = DumpReader()
    dumps = {"a": dump_of(reader, pod("x", odd=[1])), "b": dump_of(reader, pod("x", odd=[1], node="w1"))}
    (row,) = merge(dumps).workloads
    assert to_json(row) == {
        **pod("x", odd=[1]),
        "ztunnels": {"holding": 2, "asked": 2},
        "differs": {"node": [{"ztunnels": ["a"]}, {"value": "w1", "ztunnels": ["b"]}]},
    }


def test_json_of_a_certificate_and_a_connection() -> None:
    merged = merge(captures())
    certificate = to_json(merged.certificates[0])
    assert certificate["identity"].startswith("spiffe://")
    assert (certificate["ztunnel"], certificate["node"]) == ("istio-system/w1", "w1")
    assert certificate["ztunnels"]["asked"] == 2
    inbound = next(to_json(row) for row in merged.connections if row.item.direction == "inbound")
    assert list(inbound) == ["direction", "actualDst", "originalDst", "protocol", "src", "podUid", "info", "ztunnel",
                             "node", "ztunnels"]  # fmt: skip
    assert inbound["info"] == {"name": "productpage-v1-87d54dd59-fn6vw", "namespace": "default"}
