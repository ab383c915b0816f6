"""New connections are drawn by capacity, independently: not in turn, and not evenly."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from tests.simulator.worlds import START_US, access_lines, make_world
from ztui.simulator.clock import SECOND


def chi_squared(seen: list[int], weights: list[int]) -> float:
    total = sum(seen)
    wanted = [total * weight / sum(weights) for weight in weights]
    return sum((one - two) ** 2 / two for one, two in zip(seen, wanted, strict=True))


def draws(service: str) -> list[str]:
    world = make_world(nodes=3, rate=400.0, seed=5, history_us=60 * SECOND)
    world.advance(START_US + 60 * SECOND)
    pattern = re.compile(rf'dst\.service="{service}\..*dst\.workload="([^"]+)".*direction="outbound"')
    return [match[1] for line in sorted(access_lines(world)) if (match := pattern.search(line))]


def test_a_machine_three_times_as_strong_gets_three_times_as_many() -> None:
    counts = Counter(draws("warehouse"))
    assert sum(counts.values()) > 400
    # 10.8 is passed once in a thousand seeds; this seed is fixed.
    assert chi_squared([counts["warehouse-vm-1"], counts["warehouse-vm-2"]], [1, 3]) < 10.8


def test_equal_backends_are_drawn_at_random_and_not_in_turn() -> None:
    found = draws("reviews")
    counts = Counter(found)
    assert len(counts) == 6
    assert chi_squared(list(counts.values()), [1] * 6) < 20.5
    again = sum(one == two for one, two in pairwise(found))
    assert 0.10 < again / len(found) < 0.24, "the same backend twice in a row: a sixth of the time, never in turn"
