"""Observed counts beside what random draws by weight give, and sentences that claim no more than that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ztui.analysis.balance import balance
from ztui.analysis.draws import (
    BackendState,
    BalanceResult,
    DrawKey,
    Draws,
    Evidence,
    Held,
    Hop,
    Name,
    OpenOnes,
    Weights,
    Window,
    candidates,
    span_text,
)
from ztui.model.service import Endpoint, LoadBalancer, Service
from ztui.model.workload import Locality, Waypoint, Workload

HOSTNAME = "reviews.default.svc.cluster.local"
LOADGEN: Name = ("default", "loadgen")


def workload(name: str, capacity: int | None = 1, **more: object) -> Workload:
    values: dict[str, object] = {"uid": f"k//Pod/default/{name}", "namespace": "default", "status": "Healthy", **more}
    return Workload(name=name, capacity=capacity, **values)  # type: ignore[arg-type]  # fields of the caller's choice


def held(*workloads: Workload, balancer: LoadBalancer | None = None, **more: object) -> Held:
    service = Service(
        name="reviews", namespace="default", hostname=HOSTNAME, ports={9080: 9080}, load_balancer=balancer
    )
    endpoints = tuple(
        (Endpoint(key=w.uid or "", workload_uid=w.uid, ports={9080: 9080}, status=w.status), w) for w in workloads
    )
    return Held(service=service, endpoints=endpoints, **more)  # type: ignore[arg-type]  # fields of the caller's choice


def draws(counts: dict[str, int], source: Name = LOADGEN, hop: Hop = Hop.BACKEND) -> dict[DrawKey, Draws]:
    return {DrawKey(hop, source, ("default", name)): Draws(closed=count) for name, count in counts.items()}


def ask(counts: dict[str, int], of: Held | None, **more: object) -> BalanceResult:
    values: dict[str, object] = {"window": Window(), "has_dumps": of is not None, "draws": draws(counts), **more}
    return balance(Evidence(service=HOSTNAME, held=of, **values))  # type: ignore[arg-type]  # fields of the caller's choice


THREE = held(workload("v1", 1), workload("v2", 2), workload("v3", 3))


def shares(result: BalanceResult) -> dict[str, float | None]:
    return {one.name: one.expected for one in result.drawn}


def test_weights_of_a_real_mesh() -> None:
    result = ask({"v1": 666, "v2": 1417, "v3": 2122}, THREE)
    assert [(one.name, one.observed) for one in result.drawn] == [("v1", 666), ("v2", 1417), ("v3", 2122)]
    assert shares(result) == pytest.approx({"v1": 1 / 6, "v2": 2 / 6, "v3": 3 / 6})
    assert [one.share for one in result.drawn] == pytest.approx([666 / 4205, 1417 / 4205, 2122 / 4205])
    assert result.n == 4205
    assert result.weights is Weights.CAPACITY
    assert result.title == "reviews.default:9080"
    assert "4205 connections to reviews.default:9080 seen" in result.says
    assert "1:2:3" in result.says
    assert "within 1.5 points" in result.says  # 2 · sqrt(½ · ½ / 4205) = 1.54 %
    assert not any(sentence.is_caution for sentence in result.sentences)


@pytest.mark.parametrize(
    ("counts", "is_too_few"),
    [
        ({"v1": 2, "v2": 4, "v3": 6}, True),
        ({"v1": 0, "v2": 0, "v3": 29}, True),  # 29 / 6 < 5: the lightest is not expected to get five
        ({"v1": 0, "v2": 0, "v3": 30}, False),
    ],
)
def test_what_is_too_few(counts: dict[str, int], is_too_few: bool) -> None:
    result = ask(counts, THREE)
    assert result.is_too_few is is_too_few
    n = sum(counts.values())
    said = f"n = {n}: too few to say anything about fairness; ztunnel draws at random."
    assert (result.sentences[0].text == said) is is_too_few
    assert ("19 times in 20" in result.says) is not is_too_few


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 500)), min_size=1, max_size=6))
def test_nothing_is_lost_and_no_verdict_is_given(backends: list[tuple[int, int]]) -> None:
    of = held(*(workload(f"v{i}", capacity) for i, (capacity, _) in enumerate(backends)))
    result = ask({f"v{i}": count for i, (_, count) in enumerate(backends)}, of)
    assert sum(one.observed for one in result.drawn) == result.n == sum(count for _, count in backends)
    expected = [one.expected for one in result.drawn if one.expected is not None]
    if any(capacity for capacity, _ in backends):
        assert sum(expected) == pytest.approx(1)
    else:
        assert result.weights is Weights.NONE
    for word in ("consistent", "uneven", "fair ", "unfair", "biased", "balanced"):
        assert word not in result.says


def test_without_a_dump_equal_shares_are_a_guess_that_is_said_first() -> None:
    result = ask({"v1": 191, "v2": 420, "v3": 654}, None)
    assert result.weights is Weights.ASSUMED
    assert shares(result) == pytest.approx(dict.fromkeys(("v1", "v2", "v3"), 1 / 3))
    assert result.sentences[0].is_caution
    assert result.sentences[0].text.startswith("Weights unknown (no config dump)")
    assert "points" not in result.says  # how far chance goes cannot be told without the weights
    assert (result.name, result.namespace, result.port) == ("reviews", "default", None)
    assert {one.state for one in result.drawn} == {BackendState.UNKNOWN}
    assert {one.open_now for one in result.drawn} == {None}
    assert "open ones unknown" in result.says


def test_dumps_that_do_not_tell_of_the_service_are_no_dump() -> None:
    result = ask({"v1": 5}, None, has_dumps=True)
    assert "the config dumps do not tell of this service" in result.says


def test_before_1_26_every_weight_is_one() -> None:
    result = ask({"v1": 30, "v2": 30}, held(workload("v1", None), workload("v2", None)))
    assert result.weights is Weights.EQUAL
    assert shares(result) == {"v1": 0.5, "v2": 0.5}
    assert "before 1.26" in result.says


def test_one_endpoint_is_nothing_to_balance() -> None:
    result = ask({"v1": 3}, held(workload("v1")))
    assert "nothing to balance" in result.says
    assert "too few" not in result.says


def test_no_connection_still_shows_what_would_be_expected() -> None:
    result = ask({}, THREE, window=Window(length_s=600, since=0.0, until=600.0))
    assert result.says.startswith("No connection to reviews.default:9080 was opened in the last 10 min.")
    assert shares(result) == pytest.approx({"v1": 1 / 6, "v2": 2 / 6, "v3": 3 / 6})
    assert {one.share for one in result.drawn} == {None}


def test_a_backend_that_is_no_endpoint_any_more() -> None:
    result = ask({"v1": 100, "v2": 200, "old": 300}, held(workload("v1", 1), workload("v2", 2)))
    old = next(one for one in result.drawn if one.name == "old")
    assert (old.state, old.observed, old.expected) == (BackendState.NO_ENDPOINT, 300, None)
    assert result.sentences[0].text.startswith("Endpoints changed: old is no endpoint any more.")
    assert "19 times" not in result.says


def test_a_pod_younger_than_the_window() -> None:
    result = ask({"v1": 300, "v2": 5}, held(workload("v1"), workload("v2")), young=frozenset({("default", "v2")}))
    assert "v2 is younger than the window" in result.says
    assert "19 times" not in result.says


def test_unhealthy_ones_are_not_drawn() -> None:
    sick = workload("v3", 3, status="Unhealthy")
    result = ask({"v1": 100, "v2": 200}, replace(held(workload("v1", 1), workload("v2", 2)), unhealthy=(sick,)))
    row = next(one for one in result.drawn if one.name == "v3")
    assert (row.state, row.observed, row.expected) == (BackendState.UNHEALTHY, 0, None)
    assert shares(result)["v1"] == pytest.approx(1 / 3)
    assert "Unhealthy, so not drawn: v3." in result.says


def test_one_that_became_unhealthy_was_drawn_before() -> None:
    sick = workload("v3", 3, status="Unhealthy")
    of = replace(held(workload("v1", 1), workload("v2", 2)), unhealthy=(sick,))
    result = ask({"v1": 100, "v2": 200, "v3": 300}, of)
    assert "Endpoints changed: v3 is unhealthy now." in result.says
    assert "19 times" not in result.says
    assert "19 times" in ask({"v1": 100, "v2": 200}, of).says  # never drawn in the window: the others can be compared


def test_unhealthy_ones_are_drawn_where_the_service_allows_all() -> None:
    of = held(workload("v1"), workload("v2", status="Unhealthy"), balancer=LoadBalancer(health_policy="AllowAll"))
    result = ask({"v1": 50, "v2": 50}, of)
    assert shares(result) == {"v1": 0.5, "v2": 0.5}
    assert "drawn all the same (AllowAll): v2" in result.says


def test_disagreeing_ztunnels_are_said() -> None:
    result = ask({"v1": 100, "v2": 200, "v3": 300}, replace(THREE, is_agreed=False))
    assert "The ztunnels do not all hold the same of it" in result.says
    assert "19 times" not in result.says


def place(name: str, zone: str, node: str = "n", **more: object) -> Workload:
    return workload(name, 1, locality=Locality(region="r", zone=zone), node=node, network="", **more)


ZONES = (place("a1", "a", "n1"), place("a2", "a", "n2"), place("b1", "b", "n3"))


@pytest.mark.parametrize(
    ("mode", "wanted", "source", "drawn"),
    [
        ("Standard", (), place("s", "a"), {"a1", "a2", "b1"}),
        ("Standard", ("Zone",), place("s", "a"), {"a1", "a2", "b1"}),
        ("Failover", ("Region", "Zone"), place("s", "a"), {"a1", "a2"}),
        ("Failover", ("Region", "Zone"), place("s", "c"), {"a1", "a2", "b1"}),
        ("Failover", ("Zone", "Node"), place("s", "a", "n2"), {"a2"}),
        ("Failover", ("Node", "Zone"), place("s", "a", "n9"), {"a1", "a2", "b1"}),  # the first miss ends the count
        ("Failover", ("Network", "Zone"), place("s", "b"), {"b1"}),
        ("Strict", ("Node",), place("s", "a", "n3"), {"b1"}),
        ("Strict", ("Node",), place("s", "a", "n9"), set()),
    ],
)
def test_what_a_source_draws_from(mode: str, wanted: tuple[str, ...], source: Workload, drawn: set[str]) -> None:
    of = held(*ZONES, balancer=LoadBalancer(mode=mode, routing_preferences=wanted))
    found = candidates(of, source)
    assert found is not None
    assert {name for _, name in found} == drawn


def test_another_network_is_outranked_by_any_endpoint_of_the_own_one() -> None:
    near, far = place("near", "z"), replace(place("far", "a"), network="other")
    of = held(near, far, balancer=LoadBalancer(mode="Failover", routing_preferences=("Network", "Region", "Zone")))
    found = candidates(of, place("s", "a"))
    assert found is not None
    assert set(found) == {("default", "near")}


def test_expected_shares_mix_the_views_of_the_sources() -> None:
    of = held(*ZONES, balancer=LoadBalancer(mode="Failover", routing_preferences=("Zone",)))
    from_a, from_b = draws({"a1": 40, "a2": 20}, ("default", "in-a")), draws({"b1": 40}, ("default", "in-b"))
    known = {("default", "in-a"): place("in-a", "a"), ("default", "in-b"): place("in-b", "b")}
    result = ask({}, of, draws=from_a | from_b, sources=known)
    assert shares(result) == pytest.approx({"a1": 0.3, "a2": 0.3, "b1": 0.4})
    assert "by locality, as seen from each source" in result.says
    unknown = ask({}, of, draws=from_a | from_b, sources={})
    assert unknown.weights is Weights.NONE
    assert "where some sources run is unknown" in unknown.says


def test_passthrough_draws_nothing() -> None:
    result = ask({"v1": 10}, held(workload("v1"), workload("v2"), balancer=LoadBalancer(mode="Passthrough")))
    assert result.weights is Weights.NONE
    assert "Passthrough" in result.says


def test_a_waypoint_is_another_layer() -> None:
    reviews = replace(THREE.service, waypoint=Waypoint(destination="default/waypoint", namespace="default"))
    pods = held(workload("waypoint-1"), workload("waypoint-2"))
    counts = (
        draws({"waypoint-1": 60, "waypoint-2": 40}, hop=Hop.WAYPOINT)
        | draws({"v1": 30, "v3": 70}, ("default", "waypoint-1"), Hop.ELSEWHERE)
        | draws({"v2": 7})
    )
    result = ask({}, replace(THREE, service=reviews), draws=counts, waypoint=pods)
    assert result.has_waypoint
    assert result.n == 100
    assert {one.name: (one.observed, one.expected) for one in result.drawn} == {
        "waypoint-1": (60, 0.5),
        "waypoint-2": (40, 0.5),
    }
    apart = {(one.hop, one.name): one for one in result.backends if one not in result.drawn}
    assert apart[Hop.ELSEWHERE, "v3"].observed == 70
    assert apart[Hop.BACKEND, "v2"].observed == 7
    assert {(one.share, one.expected) for one in apart.values()} == {(None, None)}
    assert "another layer than the backends" in result.says
    assert "7 connections went past it" in result.says
    assert result.sources == ((LOADGEN, 100),)


def test_draws_that_were_not_a_ztunnels_are_not_mixed_in() -> None:
    counts = draws({"v1": 100, "v2": 200, "v3": 300}) | draws({"v1": 900}, (None, ""), Hop.ELSEWHERE)
    result = ask({}, THREE, draws=counts)
    assert result.n == 600
    assert "900 connections came from a waypoint, gateway, sidecar or plain client" in result.says


def test_connections_that_reached_no_backend_are_told_apart() -> None:
    counts = draws({"v1": 10}) | {DrawKey(Hop.BACKEND, LOADGEN, None): Draws(closed=3, failed=3)}
    result = ask({}, THREE, draws=counts)
    assert (result.n, result.undrawn) == (10, 3)
    assert "3 more failed before a backend was chosen." in result.says


def test_open_ones_are_part_of_choices_and_load() -> None:
    key = DrawKey(Hop.BACKEND, LOADGEN, ("default", "v1"))
    one = {key: Draws(closed=340.0, opened=70, open_now=75, bytes_sent=5, bytes_recv=9)}
    result = ask({}, held(workload("v1"), workload("v2")), draws=one, open_ones=OpenOnes.KNOWN)
    first = result.drawn[0]
    assert (first.observed, first.open_now, first.bytes_sent, first.bytes_recv) == (410, 75, 5, 9)
    assert "340 closed, 70 still open" in result.says


def test_a_window_longer_than_the_logs_is_said() -> None:
    window = Window(since=0.0, until=600.0, length_s=600.0, observed_since=500.0)
    assert "What was read reaches back only 1 m 40 s." in ask({"v1": 9}, THREE, window=window).says


@pytest.mark.parametrize(
    ("seconds", "text"), [(10, "10 s"), (60, "60 s"), (600, "10 min"), (3600, "1 h"), (90, "90 s"), (200, "3 m 20 s")]
)
def test_span_text(seconds: float, text: str) -> None:
    assert span_text(seconds) == text
