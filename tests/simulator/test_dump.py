"""The simulated `/config_dump` against real ones: the same keys in the same places, printed the same way."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.simulator.worlds import START_US, make_world
from ztui.simulator.faults import Faults
from ztui.simulator.podports import PodPorts
from ztui.simulator.world import World

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
BY_NAME = ("workloadState", "endpoints", "ports", "port", "proxyMetadata")
"""Objects whose keys are names or numbers of this mesh."""


def places(value: Any, path: str = "", *, by_name: bool = False) -> set[str]:
    """Every path there is; keys that are names become a star."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}/{'*' if by_name else key}"
            found |= {here} | places(inner, here, by_name=key in BY_NAME and not by_name)
    elif isinstance(value, list):
        for inner in value:
            found |= places(inner, f"{path}[]")
    return found


def key_order(value: Any) -> bool:
    """Whether the keys of every object are sorted, as serde prints them."""
    if isinstance(value, dict):
        return list(value) == sorted(value) and all(map(key_order, value.values()))
    return all(map(key_order, value)) if isinstance(value, list) else True


@pytest.fixture(scope="module")
def world() -> World:
    found = make_world(nodes=3, rate=150.0)
    found.advance(START_US)
    return found


@pytest.fixture(scope="module")
def text(world: World) -> str:
    return PodPorts(world, Faults()).printer.dump(world.ztunnels["w1"]).decode()


@pytest.fixture(scope="module")
def real() -> list[Any]:
    return [json.loads(file.read_text("utf-8")) for file in sorted(DATA.glob("*/w*-config_dump*.json"))]


def test_it_says_nothing_in_a_place_where_ztunnel_says_nothing(text: str, real: list[Any]) -> None:
    known = set().union(*map(places, real))
    assert places(json.loads(text)) - known == set()


def test_it_has_every_section_and_everything_a_workload_has(text: str, real: list[Any]) -> None:
    dump = json.loads(text)
    assert list(dump) == list(real[0])
    mesh = json.loads((DATA / "istiod-mesh" / "w1-config_dump.json").read_text("utf-8"))
    wanted = {one for one in places(mesh["workloads"][0]) if "authorizationPolicies" not in one}
    assert wanted <= set().union(*map(places, dump["workloads"]))


def test_it_is_printed_as_serde_prints(text: str, real: list[Any]) -> None:
    dump = json.loads(text)
    assert text == json.dumps(dump, indent=2, ensure_ascii=False)
    for section in ("workloads", "services", "policies", "certificates"):
        assert key_order(real[0][section])
    for section in ("workloads", "policies", "certificates", "workloadState"):
        assert all(list(one) == sorted(one) for one in dump[section] if isinstance(one, dict))


def test_what_all_ztunnels_hold_alike_is_the_same_text(world: World) -> None:
    printer = PodPorts(world, Faults()).printer
    dumps = [json.loads(printer.dump(ztunnel)) for ztunnel in world.ztunnels.values()]
    assert len(dumps) == 3
    for section in ("workloads", "services", "policies"):
        assert dumps[0][section] == dumps[1][section] == dumps[2][section]
    assert dumps[0]["workloadState"].keys().isdisjoint(dumps[1]["workloadState"].keys())


def test_the_words_for_states_are_ztunnels(text: str, real: list[Any]) -> None:
    def words(dump: Any) -> set[str]:
        found = {one["status"] for one in dump["workloads"]} | {one["protocol"] for one in dump["workloads"]}
        return found | {one["state"] for one in dump["certificates"]} | {one["scope"] for one in dump["policies"]}

    known = set().union(*map(words, real)) | {"Unhealthy", "Namespace", "WorkloadSelector"}
    assert words(json.loads(text)) <= known


def test_certificates_of_an_identity_live_a_day_and_can_be_read(text: str) -> None:
    certificates = json.loads(text)["certificates"]
    assert certificates
    for one in certificates:
        leaf = one["certChain"][0]
        read = x509.load_pem_x509_certificate(base64.b64decode(leaf["pem"]))
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [one["identity"]]
        assert str(read.serial_number) == leaf["serialNumber"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", leaf["validFrom"])
