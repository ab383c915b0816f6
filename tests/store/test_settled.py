"""A question without a window, asked again and again: what is old is added up once, and the answer stays the same."""

from __future__ import annotations

import gc
from itertools import chain
from random import Random
from typing import Any

import pytest

from tests.store.feed import START, Fed, line
from ztui.store.choices import Choices, Span
from ztui.store.edges import EdgeRow
from ztui.store.edgesums import Sums
from ztui.store.history import History

SERVICES = ("reviews", "ratings", "details")
_STEPS = 40
BOUNDS: tuple[dict[str, int], ...] = (
    {},
    {"max_buckets": 20},
    {"max_cells": 30},
    {"max_buckets": 9, "max_shapes": 6},
    {"joined_cells": 20},
    {"joined_cells": 20, "max_buckets": 25, "max_cells": 60},
)


def written(rng: Random) -> list[list[tuple[str, str]]]:
    """Give some minutes of log, in steps of ten seconds: some lines are late, and one source is captured late."""
    steps = []
    for step in range(_STEPS):
        lines = []
        for _ in range(rng.randrange(1, 8)):
            late = rng.choice((0, 0, 0, 0, 15, 45, 200))
            at = max(0.0, 10.0 * step - late) + rng.random() * 9
            service = f"{rng.choice(SERVICES)}.default.svc.cluster.local"
            source = rng.choice(("curl", "web", "gateway", f"job-{step // 9}"))
            direction = rng.choice(("outbound", "outbound", "inbound"))
            if source == "gateway" and step < 30:
                direction = "inbound"
            took = rng.randrange(1, 400)
            node = "w1" if direction == "outbound" else "w2"
            lines.append((at, node, line(at, direction, src=source, service=service, took=took)))
        # A ztunnel writes its lines in order: of the late ones too.
        steps.append([(node, text) for _, node, text in sorted(lines)])
    return steps


def told(rows: list[EdgeRow]) -> dict[tuple[str | None, ...], tuple[Any, ...]]:
    return {
        row.group: (row.flows, row.failed, row.bytes_sent, row.bytes_recv, row.last_seen, row.p50, row.p99, row.trend)
        for row in rows
    }


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("bounds", BOUNDS)
def test_asked_at_each_step_the_answer_is_that_of_one_question(seed: int, bounds: dict[str, int]) -> None:
    asked = Fed(**bounds)
    steps = written(Random(seed))
    for step, lines in enumerate(steps):
        for node, text in lines:
            asked.log(node, text)
        rows = asked.edges("src.workload", "dst.service")
        if step % 13 == 12:
            fresh = Fed(**bounds)
            for node, text in chain.from_iterable(steps[: step + 1]):
                fresh.log(node, text)
            assert told(rows) == told(fresh.edges("src.workload", "dst.service"))


def test_sums_of_old_buckets_are_not_kept_one_by_one() -> None:
    fed = Fed()
    kept = []
    for step in range(120):
        fed.log("w1", *(line(10.0 * step + at, src=f"curl-{at}") for at in range(9)))
        fed.edges("src.workload")
        kept.append(_sums_alive())
    assert max(kept[60:]) <= max(kept[:60])


def _sums_alive() -> int:
    gc.collect()
    return sum(type(one) is Sums for one in gc.get_objects())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("bounds", BOUNDS)
def test_choices_since_the_start_are_those_of_one_question(seed: int, bounds: dict[str, int]) -> None:
    asked = Fed(**bounds)
    choices = Choices(asked.mesh)
    rng, steps = Random(seed), written(Random(seed))
    for step, lines in enumerate(steps):
        for node, text in lines:
            asked.log(node, text)
        found = choices.balances(Span())
        if step % 13 == 12:
            fresh = Fed(**bounds)
            for node, text in chain.from_iterable(steps[: step + 1]):
                fresh.log(node, text)
            assert found == Choices(fresh.mesh).balances(Span())
            until = START + rng.randrange(10 * step)
            for span in (Span(until=until), Span(since=until), Span(since=until, until=until + 60)):
                assert choices.balances(span) == Choices(fresh.mesh).balances(span)


def test_the_past_is_not_read_again_for_each_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold 65,000 shapes, and a screen asks four times a second."""
    fed = Fed(max_buckets=20)
    choices = Choices(fed.mesh)
    for step in range(60):
        fed.log("w1", line(10.0 * step, src=f"curl-{step}"))
        choices.balances(Span())
    monkeypatch.setattr(History, "past_shares", None)
    for step in range(60, 120):
        fed.log("w1", line(10.0 * step, src=f"curl-{step}"))
        (found,) = choices.balances(Span())
        assert found.n == step + 1


def test_a_line_that_comes_minutes_late_is_a_choice_at_once() -> None:
    fed = Fed()
    choices = Choices(fed.mesh)
    fed.log("w1", line(5.0), line(400.0))
    (before,) = choices.balances(Span())
    fed.log("w1", line(6.0))
    (found,) = choices.balances(Span())
    assert (before.n, found.n) == (2, 3)
