"""The overview: three things at once where there is room, and one at a time where there is not."""

from __future__ import annotations

from tests.ui.panes.test_balance import plain, press, row
from tests.ui.scene import capture, glass, make_app
from ztui.ui.panes.overview import OverviewPane


async def test_flows_latest_balance_and_certificates_at_once_and_the_balance_follows_the_cursor() -> None:
    app = make_app(plain())
    async with app.run_test(size=(120, 36)) as pilot:
        shown = await press(pilot, app)
        for title in ("─ Flows · ", "─ Latest ", "─ Balance · reviews.default:9080", "─ Certificates · next"):
            assert title in shown
        assert "v1 knbht" in shown
        assert "bookinfo-rev" in shown
        assert all(len(text) <= 120 for text in glass(app))
        assert "Balance · productpage.default:9080" in await press(pilot, app, *"jj")
        assert "Balance · ratings.default:9080" in await press(pilot, app, "j")
        assert "Balance · reviews.default:9080" in await press(pilot, app, "j")  # this edge has no service
        assert "Balance · productpage.default:9080" in await press(pilot, app, *"kk", "i")
        assert app.pane_name == "balance"
        shown = await press(pilot, app, "escape", "tab", "tab", "i")
        assert "Balance · productpage.default:9080" in shown


async def test_with_just_enough_room_bars_stay() -> None:
    app = make_app(plain())
    async with app.run_test(size=(100, 36)) as pilot:
        text = row(await press(pilot, app), "v2 c94m2")
        assert "██" in text.partition("v2 c94m2")[2]
        assert "420" in text
        assert "33.2 %" in text


async def test_below_100_columns_tab_cycles_through_the_parts_and_growing_shows_them_all() -> None:
    app = make_app(plain())
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await press(pilot, app)
        seen = []
        for _ in range(5):
            titles = [text for text in shown.splitlines() if text.startswith("─ Tab ")]
            seen.append([text.split(" · ")[1].split()[0] for text in titles])
            shown = await press(pilot, app, "tab")
        assert seen == [["Flows"], ["Latest"], ["Balance"], ["Certificates"], ["Flows"]]
        assert "Tab 4/4" in await press(pilot, app, "tab", "tab")
        await pilot.resize_terminal(140, 40)
        shown = await press(pilot, app)
        for title in ("─ Flows · ", "─ Latest ", "─ Balance · ", "─ Certificates · "):
            assert title in shown


async def test_in_little_height_a_part_still_says_what_it_is() -> None:
    app = make_app(plain())
    async with app.run_test(size=(60, 15)) as pilot:
        shown = await press(pilot, app, "tab", "tab")
        assert "Balance · reviews.default:9080" in shown
        assert "v3 7rgtd" in shown


async def test_each_part_has_its_detail_its_json_and_the_whole_screen() -> None:
    app = make_app(plain())
    async with app.run_test(size=(140, 40)) as pilot:
        assert "Opened by" in await press(pilot, app, "tab", "tab", "enter")
        assert "expected_share" in await press(pilot, app, "escape", "y")
        assert "identity" in await press(pilot, app, "escape", "tab", "enter")
        assert "certChain" in await press(pilot, app, "escape", "y")
        shown = await press(pilot, app, "escape", "shift+tab", "z")
        assert "Balance · reviews.default:9080" in shown
        assert "Latest" not in shown
        assert "Certificates · next" in await press(pilot, app, "tab")
        assert "Latest" in await press(pilot, app, "z")


async def test_the_next_certificates_are_those_that_are_overdue() -> None:
    app = make_app(capture())
    async with app.run_test(size=(140, 40)) as pilot:
        await press(pilot, app)
        pane = app.panes["overview"]
        assert isinstance(pane, OverviewPane)
        judged = [row.status.not_after for row in pane.certificates.view.page(0, 50)]
        assert judged == sorted(judged, key=lambda moment: moment or 0.0)


async def test_without_dumps_the_right_side_says_why() -> None:
    app = make_app(plain(dumps=False))
    async with app.run_test(size=(140, 40)) as pilot:
        shown = await press(pilot, app)
        assert "Weights unknown" in shown
        assert "There is no config dump in the files given." in " ".join(shown.split())


async def test_with_just_enough_room_certificates_say_when_before_where() -> None:
    app = make_app(capture())
    async with app.run_test(size=(100, 36)) as pilot:
        await pilot.pause()
        shown = [text.partition("│")[2] for text in glass(app)]
        (curl,) = [text for text in shown if "curl.default" in text]
        assert any(word in curl for word in ("  in ", "  valid in ", "  due for ", "  overdue ", "  expired "))
        assert "renew" not in curl, "the title says so already"
