"""The simulated log lines against those a real ztunnel wrote: structure, order of keys, quoting, vocabulary."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.worlds import START_US, access_lines, lines_of, make_world
from ztui.simulator.clock import SECOND
from ztui.simulator.world import World

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
FIELD = re.compile(r'([\w.]+)=("(?:[^"\\]|\\.)*"|[^ ]+)(?: |$)')
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
Shape = tuple[str, str, tuple[tuple[str, bool], ...]]


def shape(line: str) -> Shape:
    """Level, message, and every key in order with whether its value is quoted."""
    time, level, scope, message, text = line.split("\t")
    assert TIME.fullmatch(time)
    assert scope == "access"
    fields = FIELD.findall(text)
    assert " ".join(f"{key}={value}" for key, value in fields) == text, line
    return level, message, tuple((key, value[0] == '"') for key, value in fields)


def without_error(found: Shape) -> Shape:
    return "", found[1], tuple(field for field in found[2] if field[0] != "error")


def real_lines(*names: str) -> list[str]:
    return [line for name in names for line in (DATA / name).read_text("utf-8").split("\n")]


REAL = real_lines("plain/w1.log", "plain/w2.log", "istiod-mesh/w1.log", "istiod-mesh/w2.log")
REAL_SHAPES = {shape(line) for line in REAL if "\taccess\t" in line}


@pytest.fixture(scope="module")
def busy() -> World:
    """Everything that can happen to a connection: completed, denied, blocked, drained, plaintext, unknown."""
    world = make_world("calm", nodes=3, rate=70.0, history_us=300 * SECOND)
    world.advance(START_US + 90 * SECOND)
    return world


def test_every_shape_of_an_access_line_is_one_that_ztunnel_writes(busy: World) -> None:
    shapes = {shape(line) for line in access_lines(busy)}
    assert len(shapes) >= 4
    assert {without_error(one) for one in shapes} <= {without_error(one) for one in REAL_SHAPES}


def test_failed_lines_have_the_shapes_and_the_words_of_real_ones(busy: World) -> None:
    def errors(lines: list[str]) -> set[str]:
        found = {value for line in lines for key, value in FIELD.findall(line.rsplit("\t", 1)[-1]) if key == "error"}
        return {re.sub(r"\S+/\S+|\d+", "#", one) for one in found}

    mine = errors(access_lines(busy))
    assert len(mine) >= 3
    assert mine - {'"connection closed due to connection drain"'} <= errors(
        [line for line in REAL if "\taccess\t" in line]
    )
    failed = {shape(line) for line in access_lines(busy) if " error=" in line}
    assert failed <= REAL_SHAPES


def test_before_1_31_a_line_names_no_clusters() -> None:
    world = make_world(nodes=3, rate=200.0, versions=("1.30", "1.31"))
    world.advance(START_US)
    for ztunnel in world.ztunnels.values():
        lines = [line.decode() for _, line in ztunnel.log.lines if b"\taccess\t" in line]
        named = {".cluster=" in line for line in lines}
        assert named == {ztunnel.version == "1.31"}


def test_debug_lines_of_opened_connections_look_like_real_ones() -> None:
    world = make_world(nodes=2, rate=100.0)
    for ztunnel in world.ztunnels.values():
        assert ztunnel.levels.add("access=debug")
    world.advance(START_US)
    opened = {shape(line) for line in access_lines(world) if "\tdebug\t" in line}
    assert opened
    assert opened <= REAL_SHAPES


def test_json_lines_have_the_keys_the_order_and_the_types_of_real_ones() -> None:
    def json_shape(line: str) -> tuple[Any, ...]:
        value = json.loads(line)
        keys = [(key, type(one).__name__) for key, one in value.items() if key != "error"]
        return value["message"], tuple(keys)

    world = make_world("calm", nodes=3, rate=120.0, json_log=True)
    world.advance(START_US + 60 * SECOND)
    real = [line for line in real_lines("json/w1.log", "json/w2.log") if '"scope":"access"' in line]
    mine = [line for line in lines_of(world) if '"scope":"access"' in line]
    assert len(mine) > 1_000
    known = {json_shape(line) for line in real} | {
        (one[0], tuple(key for key in one[1] if not key[0].startswith("dst.c"))) for one in map(json_shape, real)
    }
    unknown = {one for one in map(json_shape, mine) if one not in known}
    # A destination nobody knows has no name: no capture in JSON has one that was let through.
    assert all(not any(key.startswith("dst.w") for key, _ in one[1]) for one in unknown)
    assert all(json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":")) == line for line in mine[:500])


def test_lines_about_itself_use_the_words_of_real_ones() -> None:
    def words(lines: list[str]) -> set[tuple[str, str, str]]:
        heads = [line.split("\t") for line in lines if line.count("\t") == 4 and "\taccess\t" not in line]
        names = re.compile(r"\d[\w.]*|'[^']*'|\S+/\S+|BuildInfo.*")
        return {(level, scope.partition("{")[0], names.sub("#", text)) for _, level, scope, text, _ in heads}

    world = make_world("rollout", nodes=2, rate=10.0)
    world.advance(START_US + 200 * SECOND)
    mine = words(lines_of(world))
    assert {scope for _, scope, _ in mine} >= {"ztunnel", "app", "inpod::statemanager", "xds:xds", "drain:proxy"}
    assert mine <= words(REAL)


def test_both_halves_of_a_connection_mirror_their_bytes(busy: World) -> None:
    def numbers(line: str) -> tuple[str, str]:
        found = dict(FIELD.findall(line.rsplit("\t", 1)[-1]))
        return found["bytes_sent"], found["bytes_recv"]

    done = [line for line in access_lines(busy) if " error=" not in line and 'service="details' in line]
    outbound = sorted(numbers(line) for line in done if 'direction="outbound"' in line)
    inbound = sorted(numbers(line)[::-1] for line in done if 'direction="inbound"' in line)
    assert len(outbound) > 300
    shared = len(set(outbound) & set(inbound))
    assert shared >= 0.95 * len(set(outbound))
