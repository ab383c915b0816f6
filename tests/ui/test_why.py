"""Why a pane is empty: whole sentences however narrow it is, and what can be done about it."""

from __future__ import annotations

import pytest

from tests.ui.scene import NOW, glass, make_app, origin
from ztui.clock import ManualClock
from ztui.model.cluster import Ztunnel
from ztui.model.observation import Observation, StreamChanged, ZtunnelsFound
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.ui.app import ZtuiApp

REMEDY = "Ask for a role that allows get and create on pods/portforward in the namespace of ztunnel."


def squeezed(app: ZtuiApp) -> str:
    """Everything on glass with single blanks: where lines are broken does not matter."""
    return " ".join(" ".join(glass(app)).split())


def ztunnels(*nodes: str) -> ZtunnelsFound:
    found = [Ztunnel(name=f"ztunnel-{n}", namespace="istio-system", uid=n, node=n) for n in nodes]
    return ZtunnelsFound(ztunnels=tuple(found), followed=frozenset(one.key for one in found))


def denied(kind: StreamKind, of: str, what: str, remedy: str | None = REMEDY) -> StreamChanged:
    key = StreamKey(kind=kind, of=of)
    return StreamChanged(stream=key, state=StreamState.NOT_PERMITTED, at=NOW, reason=what, remedy=remedy)


def logs_only() -> list[Observation]:
    what = "You may not create pods/portforward in istio-system"
    return [ztunnels("w1", "w2"), *(denied(StreamKind.CONFIG_DUMP, origin(n).key, what) for n in ("w1", "w2"))]


@pytest.mark.parametrize("size", [(140, 40), (60, 15), (40, 15)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_refusal_and_what_to_do_about_it_stand_whole_in_any_width(size: tuple[int, int]) -> None:
    app = make_app(logs_only(), is_finite=False, pane="certificates")
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        shown = squeezed(app)
        assert "config dump of 2 ztunnels: You may not create pods/portforward in istio-system" in shown
        assert shown.count(REMEDY) == 1
        assert "flows need only the logs." in shown


async def test_health_says_in_detail_what_to_do() -> None:
    app = make_app(logs_only(), is_finite=False, pane="health")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert REMEDY in squeezed(app)


async def test_a_user_who_may_nothing_is_not_told_that_ztunnels_are_looked_for() -> None:
    refused = denied(StreamKind.WATCH, "ztunnels", "You may not list pods in istio-system")
    app = make_app([refused], is_finite=False)
    async with app.run_test(size=(60, 15)) as pilot:
        await pilot.pause()
        status = glass(app)[0]
        assert "⊘ no ztunnels: not permitted" in status
        assert "looking for" not in status


async def test_dumps_that_may_not_be_taken_are_named_on_every_pane() -> None:
    app = make_app(logs_only(), is_finite=False)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        assert "⊘ dumps not permitted" in glass(app)[0]


async def test_a_server_nobody_verifies_is_named_as_long_as_there_is_any_room() -> None:
    app = make_app(logs_only(), is_finite=False)
    app.stage.is_unverified = True
    async with app.run_test(size=(120, 30)) as pilot:
        for size in ((120, 30), (60, 15), (40, 10)):
            await pilot.resize_terminal(*size)
            app.tick()
            await pilot.pause()
            assert "TLS not verified" in glass(app)[0]


async def test_a_list_that_is_lost_leaves_the_lamps_and_problems_on_the_narrowest_status_row() -> None:
    lost = StreamChanged(
        stream=StreamKey(kind=StreamKind.WATCH, of="ztunnels"), state=StreamState.UNAVAILABLE, at=NOW - 70
    )
    logs = [
        StreamChanged(stream=StreamKey(kind=StreamKind.LOG, of=origin(n).key), state=StreamState.UNAVAILABLE, at=NOW)
        for n in ("w1", "w2")
    ]
    app = make_app([ztunnels("w1", "w2"), lost, *logs], is_finite=False, pane="health")
    async with app.run_test(size=(60, 15)) as pilot:
        await pilot.pause()
        for part in ("○○", "○ list lost", "✖ 2 problems"):
            assert part in glass(app)[0]
        await pilot.resize_terminal(120, 30)
        app.tick()
        await pilot.pause()
        assert "○ list lost  for 1 m 10 s" in glass(app)[0]


async def test_what_may_not_be_seen_is_no_problem_of_the_mesh_but_a_log_that_may_not_be_read_is() -> None:
    app = make_app(logs_only(), is_finite=False)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        assert "problem" not in glass(app)[0]
        app.stage.mesh.ingest(denied(StreamKind.LOG, origin("w1").key, "You may not get pods/log in istio-system"))
        clock = app.stage.clock
        assert isinstance(clock, ManualClock)
        clock.advance(1.5)
        app.tick()
        await pilot.pause()
        assert "✖ 1 problem" in glass(app)[0]
