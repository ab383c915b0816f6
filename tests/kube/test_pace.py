"""How fast we ask, and how long we rest: by a clock that is moved, never by waiting."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from tests.kube.conftest import LoopClock, settle
from ztui.kube.pace import Backoff, Pace


async def test_turns_come_in_a_burst_and_then_evenly(clock: LoopClock) -> None:
    pace, taken = Pace(10.0, clock, burst_s=1.0), 0

    async def take() -> None:
        nonlocal taken
        await pace.wait()
        taken += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(30):
            tasks.create_task(take())
        await settle()
        assert taken == 10
        await clock.advance(1.01, 0.1)
        assert taken in (19, 20, 21)
        await clock.advance(2, 0.1)
    assert taken == 30


async def test_who_was_idle_has_no_more_than_the_burst(clock: LoopClock) -> None:
    pace = Pace(10.0, clock, burst_s=1.0)
    await clock.advance(100, 100)
    began = clock.monotonic()
    for _ in range(10):
        await pace.wait()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(pace.wait())
        await settle()
        assert not waiting.done()
        await clock.advance(0.2, 0.1)
    assert clock.monotonic() - began < 1


def test_delays_grow_with_jitter_up_to_their_bound() -> None:
    backoff = Backoff(Random(1), longest_s=30.0)
    delays = [backoff.next_s() for _ in range(12)]
    for number, delay in enumerate(delays):
        full = min(30.0, 0.5 * 2**number)
        assert full / 2 <= delay <= full
    assert len(set(delays[7:])) == 5, "at the bound too no two are alike"
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_no_delay_is_beyond_a_minute_however_long_it_fails() -> None:
    backoff = Backoff(Random(2))
    assert all(backoff.next_s() <= 60.0 for _ in range(10_000))


@pytest.mark.parametrize(("floor", "least"), [(None, 0.25), (0.0, 0.25), (20.0, 20.0)])
def test_what_the_server_asks_for_is_the_least(floor: float | None, least: float) -> None:
    assert Backoff(Random(1)).next_s(floor) >= least


def test_what_only_somebodys_decision_changes_is_tried_rarely() -> None:
    backoff = Backoff(Random(1))
    assert all(150 <= backoff.rarely_s() <= 300 for _ in range(100))
