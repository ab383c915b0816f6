"""Choices gathered from a real mesh's captures, and from lines written for the traps of counting."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ztui.analysis.draws import BackendState, BalanceResult, Hop, OpenOnes, Weights
from ztui.clock import ManualClock
from ztui.model.accesslog import Reader
from ztui.model.accesslog_counting import CountingReader
from ztui.model.cluster import Pod
from ztui.model.configdump import ConfigDump, DumpReader
from ztui.model.filter import parse
from ztui.model.flow import Origin
from ztui.model.observation import ClusterChanged, ConfigDumpTaken, ConnectionsCounted, EntriesRead
from ztui.model.streams import StreamKey, StreamKind
from ztui.store.choices import Choices, Span
from ztui.store.heldservices import names_of
from ztui.store.mesh import Mesh

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
REVIEWS = "reviews.default.svc.cluster.local"
NOW = datetime(2026, 1, 31, 9, 10, tzinfo=UTC).timestamp()


def origin(node: str) -> Origin:
    return Origin(key=f"istio-system/ztunnel-{node}", ztunnel=f"ztunnel-{node}", namespace="istio-system", node=node)


def feed(mesh: Mesh, text: bytes, node: str = "w1") -> None:
    reader = Reader(origin(node))
    stream = StreamKey(kind=StreamKind.LOG, of=origin(node).key)
    mesh.ingest(EntriesRead(stream=stream, batch=reader.feed(text), observed_at=NOW))


def take(mesh: Mesh, dump: ConfigDump, at: float = NOW, node: str = "w1") -> None:
    mesh.ingest(ConfigDumpTaken(origin=origin(node), dump=dump, taken_at=at))


def read_dump(obj: object) -> ConfigDump:
    return DumpReader().read(json.dumps(obj).encode())


def captured(*, dumps: bool) -> Mesh:
    mesh = Mesh(clock=ManualClock(NOW))
    for node in ("w1", "w2"):
        if dumps:
            take(mesh, DumpReader().read((DATA / "plain" / f"{node}-config_dump.json").read_bytes()), node=node)
        feed(mesh, (DATA / "plain" / f"{node}.log").read_bytes(), node)
    return mesh


def counted(result: BalanceResult, hop: Hop = Hop.BACKEND) -> dict[str, int]:
    return {one.name: one.observed for one in result.backends if one.hop is hop and one.observed}


# -- a real mesh -----------------------------------------------------------------------------------------------------


def outbound_by_backend(service: str) -> Counter[str]:
    """Count the captures' outbound lines by a reading of their own."""
    counts: Counter[str] = Counter()
    for node in ("w1", "w2"):
        for line in (DATA / "plain" / f"{node}.log").read_text(encoding="utf-8").splitlines():
            if "\tconnection complete\t" in line and 'direction="outbound"' in line and f'"{service}"' in line:
                counts[re.search(r'dst\.workload="([^"]+)"', line)[1]] += 1  # type: ignore[index]  # else the test fails
    return counts


def inbound_by_backend(prefix: str) -> Counter[str]:
    """Count the captures' inbound lines of verified sources by a reading of their own."""
    counts: Counter[str] = Counter()
    for node in ("w1", "w2"):
        for line in (DATA / "plain" / f"{node}.log").read_text(encoding="utf-8").splitlines():
            match = re.search(r'dst\.workload="([^"]+)"', line)
            if (
                "\tconnection complete\t" in line
                and 'direction="inbound"' in line
                and "src.identity=" in line
                and match
            ):
                counts[match[1]] += match[1].startswith(prefix)
    return +counts


def test_the_counts_of_a_real_mesh() -> None:
    result = Choices(captured(dumps=True), is_saved=True).balance(REVIEWS, Span())
    assert counted(result) == outbound_by_backend(REVIEWS)
    assert list(counted(result).values()) == [191, 420, 654]
    assert [one.expected for one in result.drawn] == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    assert (result.weights, result.port, result.open_ones) == (Weights.CAPACITY, 9080, OpenOnes.SAVED)
    assert counted(result, Hop.ELSEWHERE) == {"reviews-v2-6f9b55c5db-c94m2": 8}  # plaintext from outside
    assert [one.open_now for one in result.drawn] == [1, 5, 6]
    assert result.still_open == 0  # a saved dump does not say when these were opened
    assert sum(count for _, count in result.sources) == result.n == 1265


def test_every_service_at_once_says_the_same_as_one_by_one() -> None:
    choices = Choices(captured(dumps=True), is_saved=True)
    found = choices.balances(Span())
    assert found[0].service == REVIEWS
    assert [one.n for one in found] == sorted((one.n for one in found), reverse=True)
    for one in found:
        assert choices.balance(one.service, Span()) == one


def test_without_dumps_weights_and_open_ones_are_unknown() -> None:
    result = Choices(captured(dumps=False)).balance(REVIEWS, Span())
    assert list(counted(result).values()) == [191, 420, 654]
    assert (result.weights, result.open_ones, result.port) == (Weights.ASSUMED, OpenOnes.UNKNOWN, None)
    assert {one.open_now for one in result.drawn} == {None}


def test_a_filter_holds_before_counting() -> None:
    choices = Choices(captured(dumps=True), is_saved=True)
    result = choices.balance(REVIEWS, Span(), parse("from:curl-7656cf8794-r7zb9"))
    assert [name for (_, name), _ in result.sources] == ["curl-7656cf8794-r7zb9"]
    assert result.n == 365
    big = choices.balance(REVIEWS, Span(), parse("bytes>1500"))  # a question that every entry answers for itself
    assert 0 < big.n < 1265


def test_a_direction_takes_entries_as_they_are() -> None:
    choices = Choices(captured(dumps=True), is_saved=True)
    arrived = choices.balance(REVIEWS, Span(), parse("dir:inbound"))
    assert counted(arrived) == inbound_by_backend("reviews-")
    assert choices.balance(REVIEWS, Span(), parse("dir:outbound")).n == 1265


def test_the_busiest_has_several_backends_where_one_does() -> None:
    assert Choices(captured(dumps=True)).busiest(None, None) == REVIEWS
    assert Choices(Mesh(clock=ManualClock(NOW))).busiest(None, None) is None


# -- time ------------------------------------------------------------------------------------------------------------


def entry(
    time: str, backend: str = "a", more: Mapping[str, str] | None = None, *, ms: int = 5, port: int = 40000
) -> bytes:
    """One outbound line of 2026-01-31; `time` is its `HH:MM:SS`, `more` fields that differ, empty ones left out."""
    fields = {
        "src.addr": f"10.0.0.9:{port}",
        "src.workload": '"client"',
        "src.namespace": '"default"',
        "dst.addr": f"10.0.1.{ord(backend) - 96}:15008",
        "dst.hbone_addr": f"10.0.1.{ord(backend) - 96}:80",
        "dst.service": '"web.default.svc.cluster.local"',
        "dst.workload": f'"{backend}"',
        "dst.namespace": '"default"',
        "direction": '"outbound"',
        "bytes_sent": "10",
        "bytes_recv": "20",
        "duration": f'"{ms}ms"',
    } | dict(more or {})
    text = " ".join(f"{key}={value}" for key, value in fields.items() if value)
    return f"2026-01-31T{time}.000000Z\tinfo\taccess\tconnection complete\t{text}\n".encode()


WEB = "web.default.svc.cluster.local"


def at(time: str) -> float:
    return datetime.fromisoformat(f"2026-01-31T{time}+00:00").timestamp()


def since(seconds: float, end: str = "09:10:00") -> Span:
    return Span(since=at(end) - seconds, length_s=seconds)


def web(lines: Iterable[bytes], *dumps: tuple[float, ConfigDump], is_saved: bool = False) -> Choices:
    mesh = Mesh(clock=ManualClock(NOW))
    for taken_at, dump in dumps:
        take(mesh, dump, taken_at)
    feed(mesh, b"".join(lines))
    return Choices(mesh, is_saved=is_saved)


def test_a_choice_counts_when_it_was_opened_not_when_it_closed() -> None:
    lines = [
        entry("09:05:00", "a"),  # opened and closed before the window
        entry("09:09:30", "a"),
        entry("09:09:40", "b", ms=20_000),  # opened in the window
        entry("09:09:45", "b", ms=200_000),  # opened before it
    ]
    choices = web(lines)
    assert counted(choices.balance(WEB, since(60))) == {"a": 1, "b": 1}
    assert counted(choices.balance(WEB, since(600))) == {"a": 2, "b": 2}
    assert counted(choices.balance(WEB, Span())) == {"a": 2, "b": 2}
    load = {one.name: one.bytes_recv for one in choices.balance(WEB, since(60)).drawn}
    assert load == {"a": 20, "b": 40}  # load is of what closed in the window


def test_bytes_of_connections_that_were_only_counted_are_estimated() -> None:
    mesh = Mesh(clock=ManualClock(NOW))
    feed(mesh, entry("09:09:30", "a") + entry("09:09:31", "b"))
    reader = CountingReader(origin("w1"))
    reader.count(entry("09:09:32", "a") * 3)
    for logged_at, shapes in reader.take_counted():
        stream = StreamKey(kind=StreamKind.LOG, of=origin("w1").key)
        mesh.ingest(ConnectionsCounted(stream=stream, logged_at=logged_at, counted=shapes))
    a, b = Choices(mesh).balance(WEB, since(60)).drawn
    assert (a.observed, a.read_share, a.bytes_sent, a.bytes_recv) == (4, 0.25, 40, 80)
    assert (b.observed, b.read_share, b.bytes_sent) == (1, 1.0, 10)


def test_a_window_may_end_before_now() -> None:
    choices = web([entry("09:05:00", "a"), entry("09:09:30", "b"), entry("09:09:50", "b", ms=280_000)])
    result = choices.balance(WEB, Span(since=at("09:04:00"), until=at("09:06:00")))
    assert counted(result) == {"a": 1, "b": 1}
    assert {one.name: one.bytes_sent for one in result.drawn} == {"a": 10, "b": 0}


def test_many_entries_of_one_shape_are_all_counted() -> None:
    lines = [entry("09:09:30", "a", ms=7_000 + i, port=20_000 + i) for i in range(1000)]
    choices = web([*lines, entry("09:09:59", "b")])
    assert counted(choices.balance(WEB, Span())) == {"a": 1000, "b": 1}
    assert counted(choices.balance(WEB, since(60))) == {"a": 1000, "b": 1}


def test_failures_count_as_choices_and_those_without_a_backend_are_told_apart() -> None:
    refused = entry("09:09:30", "b", {"error": '"io error: Connection refused (os error 111)"'}).replace(
        b"\tinfo", b"\terror"
    )
    nowhere = {"dst.workload": "", "dst.addr": "", "dst.hbone_addr": "", "error": '"no healthy upstream"'}
    lost = entry("09:09:31", "a", nowhere).replace(b"\tinfo", b"\terror")
    result = web([entry("09:09:30", "a"), refused, lost]).balance(WEB, since(60))
    assert counted(result) == {"a": 1, "b": 1}
    assert {one.name: one.failed for one in result.drawn} == {"a": 0, "b": 1}
    assert result.undrawn == 1


# -- what is open ----------------------------------------------------------------------------------------------------


def pod(name: str, ip: str, **more: object) -> dict[str, object]:
    return {
        "uid": f"k//Pod/default/{name}",
        "name": name,
        "namespace": "default",
        "workloadIps": [ip],
        "node": "w1",
        "protocol": "HBONE",
        "status": "Healthy",
        "capacity": 1,
        "services": [f"default/{WEB}"],
    } | more


def dump_with(*ports: int, backend: str = "10.0.1.1", service: Mapping[str, object] | None = None) -> ConfigDump:
    """A dump with endpoints a and b, and connections of the client from these ports to one backend."""
    row = {"originalDst": "10.96.0.1:80", "actualDst": f"{backend}:15008", "protocol": "HBONE"}
    rows = [row | {"src": f"10.0.0.9:{port}"} for port in ports]
    web_service = {
        "name": "web",
        "namespace": "default",
        "hostname": WEB,
        "vips": ["/10.96.0.1"],
        "ports": {"80": 80},
        "endpoints": {
            f"k//Pod/default/{name}": {"workloadUid": f"k//Pod/default/{name}", "port": {"80": 80}, "status": "Healthy"}
            for name in ("a", "b")
        },
    }
    return read_dump(
        {
            "workloads": [
                pod("a", "10.0.1.1"),
                pod("b", "10.0.1.2"),
                pod("wp", "10.0.1.23", services=["default/wp.default.svc.cluster.local"], protocol="TCP"),
                pod("client", "10.0.0.9", services=[]),
            ],
            "services": [
                web_service | dict(service or {}),
                {
                    "name": "wp",
                    "namespace": "default",
                    "hostname": "wp.default.svc.cluster.local",
                    "vips": ["/10.96.0.2"],
                    "ports": {"15008": 15008},
                    "endpoints": {
                        "k//Pod/default/wp": {"workloadUid": "k//Pod/default/wp", "port": {}, "status": "Healthy"}
                    },
                },
            ],
            "policies": [],
            "certificates": [],
            "workloadState": {
                "u1": {
                    "state": "Up",
                    "info": {"name": "client", "namespace": "default", "serviceAccount": "c", "trustDomain": "t"},
                    "connections": {"inbound": [], "outbound": rows},
                }
            },
            "config": {"localNode": "w1"},
        }
    )


def test_open_ones_first_seen_in_the_window_are_choices() -> None:
    choices = web(
        [entry("09:09:30", "b")],
        (at("09:08:00"), dump_with(1)),
        (at("09:08:30"), dump_with(1, 2)),
        (at("09:09:50"), dump_with(1, 2, 3)),
    )
    result = choices.balance(WEB, since(60))
    first = result.drawn[0]
    assert (first.name, first.observed, first.open_now) == ("a", 1, 3)
    assert (result.n, result.still_open, result.open_ones) == (2, 1, OpenOnes.KNOWN)
    assert "1 closed, 1 still open" in result.says
    assert "; 1 more were open already at the first look)" in result.says
    assert choices.balance(WEB, since(600)).n == 3  # the first was open before anyone looked: nobody knows since when


def test_open_ones_that_closed_since_the_dump_are_counted_once() -> None:
    choices = web(
        [entry("09:09:55", "a", ms=9_000, port=2)], (at("09:09:40"), dump_with()), (at("09:09:50"), dump_with(2, 3))
    )
    result = choices.balance(WEB, since(60))
    assert (result.drawn[0].observed, result.drawn[0].open_now, result.still_open) == (2, 1, 1)


def test_a_port_that_was_used_before_is_no_end_of_what_is_open() -> None:
    choices = web([entry("09:01:00", "a", port=2)], (at("09:09:40"), dump_with()), (at("09:09:50"), dump_with(2)))
    assert choices.balance(WEB, since(60)).still_open == 1


def test_a_filter_holds_for_open_ones_too() -> None:
    choices = web([entry("09:09:30")], (at("09:09:40"), dump_with()), (at("09:09:50"), dump_with(2)))
    assert choices.balance(WEB, since(60), parse("from:client")).still_open == 1
    assert choices.balance(WEB, since(60), parse("from:other")).n == 0


def test_one_ztunnel_that_comes_later_brings_nothing_that_is_new() -> None:
    mesh = Mesh(clock=ManualClock(NOW))
    take(mesh, dump_with(), at("09:08:00"), "w1")
    take(mesh, dump_with(7), at("09:09:30"), "w2")  # its first dump: how old that connection is nobody knows
    result = Choices(mesh).balance(WEB, since(60))
    assert (result.n, result.drawn[0].open_now) == (0, 1)


# -- other hops and other times --------------------------------------------------------------------------------------

_WAYPOINT = {"waypoint": {"destination": "default/wp.default.svc.cluster.local", "hboneMtlsPort": 15008}}


def test_a_waypoint_is_a_hop_of_its_own() -> None:
    to_waypoint = {"dst.addr": "10.0.1.23:15008", "dst.hbone_addr": "10.96.0.1:80", "dst.workload": '"wp"'}
    through = entry("09:09:30", "a", to_waypoint)
    from_waypoint = {"direction": '"inbound"', "src.workload": '"wp"', "src.identity": '"spiffe://t/ns/d/sa/wp"'}
    inbound = entry("09:09:30", "b", from_waypoint)
    dumps = (
        (at("09:09:00"), dump_with(service=_WAYPOINT)),
        (at("09:09:40"), dump_with(5, backend="10.0.1.23", service=_WAYPOINT)),
    )
    result = web([through, through, inbound], *dumps).balance(WEB, since(60))
    assert result.has_waypoint
    assert {one.name: (one.observed, one.open_now, one.expected) for one in result.drawn} == {"wp": (3, 1, 1.0)}
    assert counted(result, Hop.ELSEWHERE) == {"b": 1}
    assert result.n == 3


def test_a_replaced_pod_and_a_new_one() -> None:
    mesh = Mesh(clock=ManualClock(NOW))
    take(mesh, dump_with(), at("09:09:50"))
    young = Pod(uid="1", name="a", namespace="default", created_at=at("09:09:20"))
    mesh.ingest(ClusterChanged(resource="pods", changed=(young,)))
    feed(mesh, entry("09:09:30", "b") + entry("09:09:31", "z"))
    states = {one.name: one.state for one in Choices(mesh).balance(WEB, since(60)).drawn}
    assert states == {"a": BackendState.YOUNG, "b": BackendState.ENDPOINT, "z": BackendState.NO_ENDPOINT}
    assert {one.state for one in Choices(mesh).balance(WEB, since(20)).drawn} == {BackendState.ENDPOINT}


def test_what_was_once_asked_is_asked_anew_when_more_is_known() -> None:
    mesh = Mesh(clock=ManualClock(NOW))
    feed(mesh, entry("09:09:30", "b"))
    choices = Choices(mesh)
    assert choices.balance(WEB, since(60)).weights is Weights.ASSUMED
    take(mesh, dump_with(), at("09:09:50"))
    feed(mesh, entry("09:09:55", "b"))
    result = choices.balance(WEB, since(60))
    assert (result.weights, result.n, [one.expected for one in result.drawn]) == (Weights.CAPACITY, 2, [0.5, 0.5])


def test_every_way_to_write_a_service() -> None:
    assert {"web", "web.default", "default/web", WEB} <= set(names_of(WEB, None))
    assert names_of("api.example.com", None) == ("api.example.com",)
