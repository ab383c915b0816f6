"""The balance pane: bars with their expected marks, and no more said than the numbers can support."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.pilot import Pilot

from tests.store.test_choices import at, dump_with, entry
from tests.ui.scene import DATA, HandFeed, dump_of, entries_of, glass, make_app, origin, read_lines
from ztui.model.observation import ConfigDumpTaken, Exhausted, Observation
from ztui.ui.app import ZtuiApp

SIZES = [(140, 40), (80, 24), (60, 15)]


def plain(*, dumps: bool = True) -> Sequence[Observation]:
    """Everything of the mesh whose endpoints have the weights 1:2:3."""
    folder = DATA / "plain"
    taken = [dump_of(folder / f"{node}-config_dump.json", node) for node in ("w1", "w2")] if dumps else []
    return [*taken, *(entries_of(folder / f"{node}.log", node) for node in ("w1", "w2")), Exhausted()]


async def press(pilot: Pilot[str], app: ZtuiApp, *keys: str) -> str:
    await pilot.press(*keys)
    await pilot.pause()
    app.tick()
    await pilot.pause()
    return "\n".join(glass(app))


def row(shown: str, name: str) -> str:
    return next(text for text in shown.splitlines() if name in text)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_bars_counts_and_shares_at_every_size(size: tuple[int, int]) -> None:
    app = make_app(plain())
    async with app.run_test(size=size) as pilot:
        shown = await press(pilot, app, "i")
        assert app.pane_name == "balance"
        assert "reviews.default:9080 · from 2 workloads" in shown
        for name, numbers in (
            ("v1 knbht", ["191", "15.1 %", "16.7 %"]),
            ("v2 c94m2", ["420", "33.2 %", "33.3 %"]),
            ("v3 7rgtd", ["654", "51.7 %", "50.0 %"]),
        ):
            text = row(shown, name)
            assert "█" in text
            assert "│" in text
            assert all(number in text for number in numbers), text
        lengths = [row(shown, name).count("█") for name in ("v1 knbht", "v2 c94m2", "v3 7rgtd")]
        assert lengths[0] < lengths[1] < lengths[2]
        assert "1265 connections to reviews.default:9080 seen" in shown
        assert all(len(text) <= size[0] for text in glass(app))


async def test_without_a_dump_the_pane_says_first_that_weights_are_unknown() -> None:
    app = make_app(plain(dumps=False))
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await press(pilot, app, "i")
        assert "! Weights unknown (no config dump)" in shown
        assert "33.3 % ?" in shown
        assert "open ones" in shown


async def test_nothing_to_tell_of_says_what_would_fill_the_pane() -> None:
    app = make_app([Exhausted()])
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await press(pilot, app, "i")
        assert "ztunnel's log" in shown
        assert "on a row of Flows (1) or Services (4)" in shown
        assert "There is no row here to look at." in await press(pilot, app, "enter")


async def test_i_chooses_the_service_and_a_filter_narrows_what_is_counted() -> None:
    app = make_app(plain())
    async with app.run_test(size=(100, 40)) as pilot:
        shown = await press(pilot, app, "4", "f", *"ratings", "enter", "i")
        assert "Balance · ratings.default:9080" in shown
        assert "Only one endpoint can be drawn now: there is nothing to balance." in shown
        assert "Balance · productpage.default:9080" in await press(pilot, app, "1", *"jj", "i")
        shown = await press(pilot, app, "1", "g", "i", "slash", *"from:curl*", "enter")
        assert "365 connections to reviews.default:9080" in shown
        assert "from curl r7zb9" in shown


async def test_detail_raw_and_follow() -> None:
    app = make_app(plain())
    async with app.run_test(size=(100, 40)) as pilot:
        shown = await press(pilot, app, "i", "j", "enter")
        assert "reviews-v2-6f9b55c5db-c94m2 of reviews.default:9080" in shown
        assert "default/loadgen-6f5d9c7b8-xk2lp" in shown
        shown = await press(pilot, app, "escape", "y")
        assert '"expected_share"' in shown
        await press(pilot, app, "escape", "o")
        assert app.stage.followed == "reviews-v2-6f9b55c5db-c94m2"


# -- live ------------------------------------------------------------------------------------------------------------

NOW = at("09:10:00")


def live(*observations: Observation) -> ZtuiApp:
    app = make_app(observations, is_finite=False)
    app.stage.clock.advance(NOW - app.stage.clock.now())  # type: ignore[attr-defined]  # a ManualClock
    app.stage.balance_service = "web.default.svc.cluster.local"
    return app


def dump(time: str, *ports: int) -> ConfigDumpTaken:
    return ConfigDumpTaken(origin=origin("w1"), dump=dump_with(*ports), taken_at=at(time))


async def test_what_arrives_moves_the_bars_and_a_pause_holds_them() -> None:
    lines = b"".join(entry("09:09:30", "a", port=i) for i in range(1, 5)).decode()
    app = live(dump("09:09:20"), read_lines(lines))
    feed = app.feed
    assert isinstance(feed, HandFeed)
    async with app.run_test(size=(100, 24)) as pilot:
        shown = await press(pilot, app, "i")
        assert "n = 4: too few to say anything about fairness; ztunnel draws at random." in shown
        assert "opened in the last 60 s (4 closed, 0 still open)" in shown
        feed.waiting = [dump("09:09:50", 77), read_lines(entry("09:09:55", "b").decode())]
        shown = await press(pilot, app)
        assert "(5 closed, 1 still open)" in shown
        await press(pilot, app, "space")
        feed.waiting = [read_lines(entry("09:09:56", "b").decode() * 9)]
        assert "(5 closed, 1 still open)" in await press(pilot, app)
        assert "(14 closed, 1 still open)" in await press(pilot, app, "space")


async def test_a_window_without_a_connection_shows_endpoints_and_how_to_look_back() -> None:
    app = live(dump("09:09:20"), read_lines(entry("09:05:00", "a").decode()))
    async with app.run_test(size=(100, 24)) as pilot:
        shown = await press(pilot, app, "i")
        assert "No connection to web.default:80 was opened in the last 60 s." in shown
        assert "50.0 %" in row(shown, " a ")
        assert "1 connection to web.default:80 opened in the last 10 min" in await press(pilot, app, *"}}")


async def test_ascii_has_no_glyph() -> None:
    app = make_app(plain(), is_ascii=True)
    async with app.run_test(size=(60, 15)) as pilot:
        shown = await press(pilot, app, "i")
        assert shown.isascii()
        assert "#" in row(shown, "v2 c94m2")
