"""The observer is told which ztunnels are on screen: when that changes, and only then."""

from __future__ import annotations

import itertools

from textual.pilot import Pilot

from tests.ui.scene import HandFeed, capture, make_app
from ztui.clock import ManualClock
from ztui.model.cluster import Pod, Ztunnel
from ztui.model.observation import ClusterChanged, LookAt, Observation, ZtunnelsFound
from ztui.ui.app import ZtuiApp
from ztui.ui.looking import STEADY_S

NODES = [f"w{number}" for number in range(1, 41)]


def many_ztunnels() -> list[Observation]:
    found = tuple(Ztunnel(name=f"ztunnel-{node}", namespace="istio-system", uid=node, node=node) for node in NODES)
    followed = frozenset(one.key for one in found[:10])
    return [ZtunnelsFound(ztunnels=found, followed=followed)]


def wishes(app: ZtuiApp) -> list[set[str]]:
    """Nodes of the ztunnels of every wish, in order."""
    feed = app.feed
    assert isinstance(feed, HandFeed)
    asked = [wish.ztunnels for wish in feed.wishes if isinstance(wish, LookAt)]
    return [{key.partition("ztunnel-")[2] for key in keys} for keys in asked]


async def later(pilot: Pilot[str], app: ZtuiApp, seconds: float = STEADY_S + 1) -> None:
    clock = app.stage.clock
    assert isinstance(clock, ManualClock)
    clock.advance(seconds)
    app.tick()
    await pilot.pause()


async def test_the_visible_rows_of_health_are_looked_at_and_scrolling_looks_at_others() -> None:
    app = make_app(many_ztunnels(), is_finite=False, pane="health")
    async with app.run_test(size=(100, 15)) as pilot:
        await later(pilot, app)
        first = wishes(app)[-1]
        assert "w1" in first
        assert len(first) < 20
        for _ in range(3):
            await later(pilot, app)
        assert wishes(app)[-1] == first
        assert all(before != after for before, after in itertools.pairwise(wishes(app)))
        await pilot.press("G")
        await pilot.press("k")
        await later(pilot, app)
        assert wishes(app)[-1].isdisjoint(first)


async def test_another_pane_is_told_at_once_and_one_without_ztunnels_looks_at_none() -> None:
    app = make_app(many_ztunnels(), is_finite=False, pane="health")
    async with app.run_test(size=(100, 15)) as pilot:
        await later(pilot, app)
        assert wishes(app)[-1]
        await pilot.press("5")
        await later(pilot, app, 1.0)
        assert wishes(app)[-1] == set()


async def test_the_workload_that_is_followed_is_looked_at_on_every_pane() -> None:
    pod = Pod(name="curl", namespace="default", uid="1", node="w40")
    app = make_app(
        [*many_ztunnels(), ClusterChanged(resource="pods", changed=(pod,))], is_finite=False, pane="policies"
    )
    async with app.run_test(size=(100, 15)) as pilot:
        app.stage.followed = "curl"
        await later(pilot, app)
        assert wishes(app) == [{"w40"}]


async def test_edges_look_at_the_nodes_of_their_workloads() -> None:
    app = make_app([*many_ztunnels(), *capture()[:-1]], is_finite=False, pane="flows")
    pods = tuple(
        Pod(name=row.keys["src.workload"], namespace="default", uid=str(number), node="w7")
        for number, row in enumerate(app.stage.mesh.edges.rows(("src.workload",)))
        if row.keys["src.workload"]
    )
    app.stage.mesh.ingest(ClusterChanged(resource="pods", changed=pods))
    app.stage.window_index = 6
    async with app.run_test(size=(100, 30)) as pilot:
        await later(pilot, app)
        assert wishes(app)[-1] == {"w7"}
        app.stage.aggregation_index = 6  # a list that runs is not looked at row by row
        await later(pilot, app)
        await later(pilot, app)
        assert wishes(app)[-1] == set()


async def test_saved_files_are_never_asked_for_anything() -> None:
    app = make_app(capture())
    async with app.run_test(size=(100, 30)) as pilot:
        await later(pilot, app)
        assert wishes(app) == []
