"""A key that means nothing where it is pressed says so, and changes nothing behind its user's back."""

from __future__ import annotations

import pytest

from tests.ui.scene import capture, glass, make_app
from tests.ui.test_why import squeezed
from ztui.keys import remap
from ztui.ui.stage import AGGREGATIONS

NOW_ONLY = ["workloads", "certificates", "services", "policies", "connections", "drift", "rollout", "health"]


@pytest.mark.parametrize("pane", NOW_ONLY)
async def test_the_window_and_the_aggregation_of_other_panes_are_left_alone(pane: str) -> None:
    app = make_app(capture(), pane=pane)
    async with app.run_test(size=(120, 30)) as pilot:
        window, by = app.stage.window_s, app.stage.by
        await pilot.press("left_curly_bracket")
        assert "shows what is now" in glass(app)[-1]
        await pilot.press("a")
        assert "is not aggregated" in glass(app)[-1]
        assert (app.stage.window_s, app.stage.by) == (window, by)


@pytest.mark.parametrize("pane", ["flows", "overview", "balance"])
async def test_panes_of_a_window_make_it_shorter(pane: str) -> None:
    app = make_app(capture(), pane=pane)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("left_curly_bracket")
        assert "Window: 1 h." in glass(app)[-1]


async def test_a_filter_that_asks_what_the_rows_do_not_tell_says_so_and_is_not_proposed() -> None:
    app = make_app(capture(), pane="health")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("slash")
        await pilot.pause()
        assert "from:" not in squeezed(app)
        assert "node:" in squeezed(app)
        await pilot.press(*"from:curl")
        await pilot.pause()
        assert "these rows do not tell from: ask for" in squeezed(app)
        await pilot.press("enter")
        app.tick()
        await pilot.pause()
        assert "These rows do not tell from: ask for" in squeezed(app)


async def test_a_pane_of_sentences_has_nothing_to_filter_but_can_be_copied() -> None:
    app = make_app(capture(), pane="drift")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("slash")
        assert "Drift has no rows to filter." in glass(app)[-1]
        assert not app.prompt.is_open
        await pilot.press("f")
        assert "Drift has no rows to search." in glass(app)[-1]
        assert "every ztunnel that answered holds the same" in app._shown_text()


async def test_going_round_to_the_first_failure_again_is_said() -> None:
    app = make_app(capture(), pane="flows")
    app.stage.aggregation_index = AGGREGATIONS.index(())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("G", "e")
        assert "No later failure: this is the first." in glass(app)[-1]
        await pilot.press("E")
        assert "No earlier failure: this is the last." in glass(app)[-1]
        app.say("")
        await pilot.press("E")
        assert "failure" not in glass(app)[-1]


async def test_esc_does_not_leave_a_sentence_standing_that_is_no_longer_true() -> None:
    app = make_app(capture(), pane="flows")
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("o")
        assert "Following " in glass(app)[-1]
        await pilot.press("escape")
        assert "No longer following " in glass(app)[-1]


async def test_sentences_name_the_keys_that_do_it_now() -> None:
    app = make_app(capture(), pane="services")
    app.stage.bindings = remap({"problems": "ctrl+t", "back": "backspace", "filter": ""})
    async with app.run_test(size=(120, 30)) as pilot:
        app.action_problems()
        app.tick()
        await pilot.pause()
        assert "^t shows everything" in squeezed(app) or "ctrl+t shows everything" in squeezed(app)
        app.action_problems()
        app.stage.filters["services"] = "nothing-like-it"
        app._apply_filters()
        await pilot.pause()
        assert f"{app.stage.key('back')} clears the filter, : changes it." in squeezed(app)
