"""Config dumps: every known shape, what is shared, what is refused, and how long a slice takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ztui.model.configdump import ConfigDump, DumpError, DumpReader

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
CAPTURES = sorted(DATA.glob("*/*config_dump*.json"))


def pretty(dump: dict[str, Any]) -> bytes:
    return json.dumps(dump, indent=2).encode()


def workload(name: str, **more: Any) -> dict[str, Any]:
    return {"uid": f"Kubernetes//Pod/default/{name}", "name": name, "namespace": "default", "protocol": "HBONE", **more}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_capture_is_read_without_loss(path: Path) -> None:
    data = path.read_bytes()
    document = json.loads(data)
    dump = DumpReader().read(data)
    assert dump.raw == data
    assert dump.problems == ()
    assert dump.local_node == document["config"]["localNode"]
    assert dump.cluster_id == "Kubernetes"
    assert dump.version is None  # this build says `unknown`
    assert [workload.raw() for workload in dump.workloads] == document["workloads"]
    assert [service.raw() for service in dump.services] == document["services"]
    assert [policy.raw() for policy in dump.policies] == document["policies"]
    assert [chain.raw() for chain in dump.certificates] == document["certificates"]
    assert {state.pod_uid: state.raw() for state in dump.states} == document["workloadState"]
    assert [connection.raw() for connection in dump.connections] == [
        row
        for state in document["workloadState"].values()
        for way in ("inbound", "outbound")
        for row in state["connections"][way]
    ]


def test_counts_of_a_capture_with_live_connections() -> None:
    dump = DumpReader().read((DATA / "plain" / "w1-config_dump.json").read_bytes())
    assert (len(dump.workloads), len(dump.services), len(dump.policies)) == (11, 7, 2)
    assert (len(dump.certificates), len(dump.states), len(dump.connections)) == (4, 4, 16)
    assert sorted(w.capacity or 0 for w in dump.workloads if w.app.startswith("reviews")) == [1, 2, 3]


def test_equal_sections_of_any_ztunnel_are_one_object() -> None:
    reader = DumpReader()
    w1 = reader.read((DATA / "plain" / "w1-config_dump.json").read_bytes())
    w2 = reader.read((DATA / "plain" / "w2-config_dump.json").read_bytes())
    later = reader.read((DATA / "plain" / "w1-config_dump-later.json").read_bytes())
    assert w1.workloads is w2.workloads is later.workloads
    assert w1.services is w2.services is later.services
    assert w1.policies is w2.policies is later.policies
    assert w1.states is not w2.states


def test_elements_of_a_changed_section_are_shared_too() -> None:
    reader = DumpReader()
    before = reader.read(pretty({"workloads": [workload("a"), workload("b")], "config": {}}))
    after = reader.read(pretty({"workloads": [workload("a"), workload("b", status="Unhealthy"), workload("c")]}))
    assert after.workloads[0] is before.workloads[0]
    assert after.workloads[1] != before.workloads[1]
    assert [w.name for w in after.workloads] == ["a", "b", "c"]


def test_a_section_is_not_taken_for_a_longer_or_shorter_one() -> None:
    """Texts of which one begins like the other, and whose ends look alike."""
    reader = DumpReader()
    kept = [
        reader.read(pretty({"workloads": [workload(name) for name in names], "x": [[1], [2]]}))
        for names in (["a"], ["a", "b"], ["a", "b", "c"], ["a", "b"], ["b", "a"], [])
    ]
    assert [[w.name for w in dump.workloads] for dump in kept] == [
        ["a"],
        ["a", "b"],
        ["a", "b", "c"],
        ["a", "b"],
        ["b", "a"],
        [],
    ]
    assert kept[1].workloads is kept[3].workloads


def test_sections_are_forgotten_with_the_last_dump_that_holds_them() -> None:
    reader = DumpReader()
    for i in range(50):
        reader.read(pretty({"workloads": [workload(f"pod-{i}")]}))
    assert len(reader._sections) <= 1
    assert len(reader._elements["workloads"]) == 1


@pytest.mark.parametrize("indent", [None, 1, 2, 4])
def test_any_layout_reads_the_same(indent: int | None) -> None:
    reader = DumpReader()
    document = json.loads((DATA / "istiod-mesh" / "w2-config_dump-waypoint.json").read_text())
    same = reader.read(json.dumps(document, indent=2).encode())
    data = ("\ufeff \n" + json.dumps(document, indent=indent) + "\n\n").encode()
    for _ in range(2):  # the second time from memory
        dump = reader.read(data)
        assert (dump.workloads, dump.services, dump.policies) == (same.workloads, same.services, same.policies)
        assert (dump.certificates, dump.states) == (same.certificates, same.states)
        assert dump.raw == data


def test_maps_of_1_22() -> None:
    dump = DumpReader().read(
        pretty(
            {
                "workloads": {
                    "network1/10.0.0.1": workload("a", workloadIps=["10.0.0.1"], hboneSingleTlsPort=0),
                    "/10.0.0.2": workload("b", waypoint={"destination": "/10.96.0.7", "port": 15008}),
                },
                "services": {"/10.96.0.1": {"name": "s", "namespace": "n", "hostname": "s.n", "vips": ["/10.96.0.1"]}},
                "servicesByHostname": {},
                "policies": {
                    "n/p": {"name": "p", "namespace": "n", "scope": "Namespace", "action": "Deny", "rules": []}
                },
                "workloadState": {"uid-1": {"state": "Pending"}},
            }
        )
    )
    assert [w.name for w in dump.workloads] == ["a", "b"]
    assert dump.workloads[1].waypoint is not None
    assert dump.workloads[1].waypoint.hbone_port == 15008
    assert dump.services[0].key == "n/s.n"
    assert dump.policies[0].key == "n/p"
    assert dump.policies[0].dry_run is None
    (state,) = dump.states
    assert (state.pod_uid, state.state, state.name, state.connections) == ("uid-1", "Pending", None, None)
    assert dump.connections == ()
    assert dump.certificates == ()


def test_unknown_keys_and_words_are_kept_and_missing_ones_stay_missing() -> None:
    strange = workload(
        "a", protocol="QUIC", status="Dozing", capacity="many", workloadIps=[1, "10.0.0.1"], new={"x": [None]}
    )
    (read,) = DumpReader().read(pretty({"workloads": [strange]})).workloads
    assert (read.protocol, read.status, read.capacity, read.ips) == ("QUIC", "Dozing", None, ("10.0.0.1",))
    assert read.raw() == strange
    assert (read.node, read.locality, read.waypoint, read.identity) == (None, None, None, None)


def test_what_is_no_element_is_left_out_and_said() -> None:
    data = pretty({"workloads": [workload("a"), 7, {"by_addr": {}}, None], "services": 3, "policies": None})
    dump = DumpReader().read(data)
    assert [w.name for w in dump.workloads] == ["a"]
    assert len(dump.problems) == 4
    assert "services is neither a list nor a map" in dump.problems
    assert dump.raw == data


def test_hostile_text_is_made_inert_but_kept_verbatim() -> None:
    data = pretty({"workloads": [workload("a\x1b[31m\u202eb\n")], "config": {"localNode": "w\x07"}})
    data = data.replace(b'"default"', b'"def\xffault"')
    dump = DumpReader().read(data)
    (read,) = dump.workloads
    assert read.name.isprintable()
    assert "\x1b" not in read.name
    assert read.namespace == "def\N{REPLACEMENT CHARACTER}ault"
    assert dump.local_node == "w\N{REPLACEMENT CHARACTER}"
    assert json.dumps(read.raw(), ensure_ascii=False).isprintable()
    json.dumps(read.raw(), ensure_ascii=False).encode()  # no lone surrogate is left
    assert dump.raw == data
    assert read.raw_json in data


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ({"version": "unknown", "istioVersion": "unknown"}, None),
        ({"version": "1.28.0"}, "1.28.0"),
        ({"version": "62d82653", "istioVersion": "1.30.1"}, "1.30.1"),
        ({}, None),
        ([], None),
    ],
)
def test_version(version: object, known: str | None) -> None:
    assert DumpReader().read(pretty({"workloads": [], "version": version})).version == known


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"\x1f\x8b\x08\x00", "not JSON"),
        (b"not json at all", "not JSON"),
        (b"[]", "list"),
        (b"{}", "not a config dump"),
        (b'{"items": []}', "not a config dump"),
        (b'{"workloads": [NaN]}', "not JSON"),
        (b'{"workloads": [{"name": "a"}}', "not JSON (line 1)"),
        (b'{"workloads": [] "services": []}', "not JSON"),
        (b'{"workloads": []}{}', "something follows"),
        (b'{"workloads": ' + b"[" * 200_000 + b"}", "nested too deeply"),
        (b'{"workloads": [' + b"1" * 10_000 + b"]}", "not JSON"),
    ],
)
def test_what_is_no_dump_is_refused_in_plain_words(data: bytes, says: str) -> None:
    with pytest.raises(DumpError) as refused:
        DumpReader().read(data)
    assert says in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_dump_cut_anywhere_is_called_cut_off() -> None:
    data = (DATA / "plain" / "w1-config_dump.json").read_bytes()
    reader = DumpReader()
    reader.read(data)  # what is remembered must not hide the cut
    for cut in range(1, len(data) - 1, 97):
        with pytest.raises(DumpError, match="cut off"):
            reader.read(data[:cut])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
SAMPLE = json.loads((DATA / "istiod-mesh" / "w2-config_dump-waypoint.json").read_text())


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        found += [place for key, inner in value.items() for place in places(inner, (*path, key))]
    if isinstance(value, list):
        found += [place for key, inner in enumerate(value) for place in places(inner, (*path, key))]
    return found


PLACES = places(SAMPLE)


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], by)
    return copy


@given(place=st.sampled_from(PLACES), by=JSON_VALUES, indent=st.sampled_from([None, 2]))
@settings(deadline=None, max_examples=300)
def test_any_value_in_any_place_is_read_or_refused(place: tuple[Any, ...], by: Any, indent: int | None) -> None:
    data = json.dumps(replaced(SAMPLE, place, by), indent=indent).encode()
    try:
        dump = DumpReader().read(data)
    except DumpError:
        return
    assert dump.raw == data
    touch(dump)


@given(data=st.binary(max_size=40), cut=st.integers(0, 39_710))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_read_or_refused(data: bytes, cut: int) -> None:
    sample = (DATA / "istiod-mesh" / "w2-config_dump-waypoint.json").read_bytes()
    for broken in (data, sample[:cut] + data + sample[cut + len(data) :]):
        try:
            dump = DumpReader().read(broken)
        except DumpError:
            continue
        assert dump.raw == broken
        touch(dump)


def touch(dump: ConfigDump) -> None:
    """Ask everything of every noun: nothing that was read may fail later."""
    for workload in dump.workloads:
        assert (workload.key, workload.app, workload.identity, workload.is_pod, workload.is_healthy) is not None
        hash(workload)
    for service in dump.services:
        assert service.key is not None
        assert all(isinstance(port, int) for port in service.ports.values())
        hash((service, service.ips))
    for policy in dump.policies:
        hash(policy)
    for chain in dump.certificates:
        assert chain.leaf is None or chain.leaf.serial is None or chain.leaf.serial >= 0
        assert all(root.fingerprint is None or len(root.fingerprint) == 64 for root in chain.roots)
        assert (chain.reason, chain.state_word) is not None
    for connection in dump.connections:
        assert connection.key.count("|") >= 5
        hash(connection)


def test_a_large_dump_never_holds_a_loop_for_long(record_property: Callable[[str, object], None]) -> None:
    """The longest slice against `json.loads` of the same bytes; measured and recorded, only the yields are asserted."""
    data = pretty({"workloads": [workload(f"pod-{i}", workloadIps=[f"10.0.{i >> 8}.{i & 255}"]) for i in range(5000)]})
    started = time.perf_counter()
    json.loads(data)
    whole_s = time.perf_counter() - started
    slices, longest_s, count = DumpReader().read_in_slices(data), 0.0, 0
    while True:
        started = time.perf_counter()
        done = next(slices, "done")
        longest_s = max(longest_s, time.perf_counter() - started)
        if done == "done":
            break
        count += 1
    record_property("longest_slice_of_json_loads", round(longest_s / whole_s, 3))
    assert count >= len(data) // (64 * 1024)
