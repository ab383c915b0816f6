"""The world: the same seed is the same world, steps of any size lead to the same place, and lines are counted."""

from __future__ import annotations

import pytest

from tests.simulator.worlds import MINUTE_US, START_US, lines_of, make_world
from ztui.simulator.clock import SECOND
from ztui.simulator.scenario import Act


def test_the_same_seed_writes_the_same_lines_and_another_seed_does_not() -> None:
    worlds = [make_world("calm", rate=60.0, seed=seed) for seed in (4, 4, 5)]
    for world in worlds:
        world.advance(START_US + MINUTE_US)
    first, second, other = map(lines_of, worlds)
    assert len(first) > 1_000
    assert first == second
    assert first != other


def test_many_small_steps_lead_where_one_large_one_does() -> None:
    large, small = make_world("rollout", rate=40.0), make_world("rollout", rate=40.0)
    large.advance(START_US + MINUTE_US)
    for step in range(-600, 601):
        small.advance(START_US + step * SECOND // 10)
    assert lines_of(large) == lines_of(small)


def test_advance_says_how_many_lines_were_written() -> None:
    world = make_world("rollout", rate=50.0)
    told = sum(world.advance(START_US + step * SECOND) for step in range(-60, 61))
    assert told == world.lines_written() == sum(log.written for _, _, log in world.lifecycle.history)
    assert told == len(lines_of(world)), "nothing has fallen off in a world so small"


def test_the_rate_is_about_what_was_asked_for() -> None:
    world = make_world(rate=100.0)
    world.advance(START_US)
    assert world.advance(START_US + MINUTE_US) == pytest.approx(100 * 60, rel=0.1)


def test_no_line_is_stamped_before_the_one_above() -> None:
    world = make_world("rollout", rate=100.0)
    world.advance(START_US + MINUTE_US)
    for _, _, log in world.lifecycle.history:
        stamps = [at for at, _ in log.lines]
        assert stamps == sorted(stamps)


def test_a_restarted_ztunnel_keeps_its_pod_and_begins_a_new_log() -> None:
    world = make_world(rate=50.0)
    world.advance(START_US)
    pod, log = world.ztunnels["w1"].pod, world.ztunnels["w1"].log
    assert "restarts" in world.act(Act(do="restart-ztunnel", at_us=0, of=("w1",)))
    world.advance(START_US + 10 * SECOND)
    assert world.ztunnels["w1"].pod is pod
    assert world.log_of(pod.uid, previous=True) is log
    assert log.closed
    assert pod.restarts == 1
    assert world.log_of(pod.uid) is world.ztunnels["w1"].log is not log


def test_an_act_that_makes_no_sense_says_what_there_is() -> None:
    world = make_world()
    with pytest.raises(ValueError, match="there are: rollout, block-15008"):
        world.act(Act(do="dance", at_us=0))
    with pytest.raises(ValueError, match="no node 'w99'"):
        world.act(Act(do="restart-ztunnel", at_us=0, of=("w99",)))
