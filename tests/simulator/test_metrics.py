"""The simulated stats port against a real one: the same families, words and labels in the same order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.simulator.worlds import START_US, make_world
from ztui.simulator.faults import Faults
from ztui.simulator.podports import Asked, PodPorts
from ztui.simulator.world import World

REAL = Path(__file__).parents[1] / "data" / "ztunnel" / "istiod-mesh" / "w1-metrics.txt"
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\d+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def world() -> World:
    found = make_world("calm", nodes=2, rate=50.0)
    found.advance(START_US)
    return found


@pytest.fixture(scope="module")
def text(world: World) -> str:
    return PodPorts(world, Faults()).stats(world.ztunnels["w1"], Asked("GET", "/metrics")).body.decode()


def families(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("#")}


def samples(text: str) -> set[tuple[str, tuple[str, ...]]]:
    return {(name, tuple(re.findall(r'(\w+)="', labels))) for name, labels, _ in SAMPLE.findall(text)}


def test_every_family_has_the_words_of_a_real_one(text: str) -> None:
    real = families(REAL.read_text("utf-8"))
    assert families(text) <= real
    missing = {line.split()[2] for line in real - families(text)}
    assert all(name.startswith("tokio_worker_") or name == "istio_tcp_connections_failed" for name in missing)
    assert text.endswith("\n# EOF\n")


def test_every_sample_has_the_labels_of_a_real_one_in_their_order(text: str) -> None:
    assert samples(text) <= samples(REAL.read_text("utf-8"))


def test_what_is_counted_is_what_was_logged(world: World, text: str) -> None:
    def total(name: str, *wanted: str) -> int:
        return sum(
            int(count)
            for found, labels, count in SAMPLE.findall(text)
            if found == name and all(one in labels for one in wanted)
        )

    lines = [line.decode() for _, line in world.ztunnels["w1"].log.lines if b"\taccess\tconnection complete" in line]
    for reporter, direction in (("source", "outbound"), ("destination", "inbound")):
        logged = [line for line in lines if f'direction="{direction}"' in line]
        assert total("istio_tcp_connections_closed_total", f'reporter="{reporter}"') == len(logged) > 50
    denied = sum("policy rejection" in line for line in lines)
    assert total("istio_tcp_connections_failed_total", 'response_flags="DENY"') == denied


def test_openmetrics_only_for_those_who_ask(world: World) -> None:
    ports, ztunnel = PodPorts(world, Faults()), world.ztunnels["w1"]
    assert ports.stats(ztunnel, Asked("GET", "/metrics")).kind.startswith("text/plain")
    asked = Asked("GET", "/stats/prometheus", accept="application/openmetrics-text")
    assert ports.stats(ztunnel, asked).kind.startswith("application/openmetrics-text")
    assert ports.stats(ztunnel, Asked("GET", "/nothing")).code == 404
