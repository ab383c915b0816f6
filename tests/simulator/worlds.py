"""Small worlds at a fixed time, and what their ztunnels wrote."""

from __future__ import annotations

from typing import Any

from ztui.simulator.clock import SECOND, read_stamp
from ztui.simulator.scenario import Scenario, read_scenario
from ztui.simulator.world import World, WorldSettings

START = "2026-03-01T12:00:00Z"
START_US = read_stamp(START)
MINUTE_US = 60 * SECOND
QUIET = Scenario(name="quiet", title="nothing happens but traffic")


def make_world(scenario: str | None = None, **wanted: Any) -> World:
    """A world that is not yet lived through; without a scenario nothing but traffic happens."""
    chosen = QUIET if scenario is None else read_scenario(scenario)
    settings = {"history_us": MINUTE_US, **wanted}
    return World(WorldSettings(start_us=START_US, scenario=chosen, **settings))


def lines_of(world: World) -> list[str]:
    """Every line that is still kept, ztunnel by ztunnel."""
    return [line.decode() for _, _, log in world.lifecycle.history for _, line in log.lines]


def access_lines(world: World) -> list[str]:
    return [line for line in lines_of(world) if "\taccess\t" in line]
