"""What the program was started with holds on every pane that can tell, from the first picture on."""

from __future__ import annotations

import pytest

from tests.ui.scene import capture, make_app
from tests.ui.test_why import squeezed
from ztui.cli.filters import flow_filter
from ztui.model.filter import parse
from ztui.settings import Settings
from ztui.ui.app import ZtuiApp
from ztui.ui.stage import Stage


def scoped(expression: str, pane: str) -> ZtuiApp:
    """A screen that was started with this filter."""
    first = make_app(capture(), pane=pane)
    stage = first.stage
    again = Stage(
        mesh=stage.mesh, clock=stage.clock, settings=stage.settings, title="kind-ambient", is_finite=True,
        window_index=stage.window_index, scope=parse(expression),
    )  # fmt: skip
    return ZtuiApp(again, first.feed, ticks=False)


@pytest.mark.parametrize(
    ("pane", "kept", "left_out"),
    [
        ("flows", "locked.secure", "reviews.default"),
        ("overview", "locked.secure", "reviews.default"),
        ("workloads", "locked-", "ratings-"),
        ("services", "locked", "ratings"),
        ("certificates", "sa/locked", "sa/bookinfo"),
    ],
)
async def test_only_what_the_scope_names_is_shown_at_once(pane: str, kept: str, left_out: str) -> None:
    app = scoped("ns:secure" if pane != "overview" else "to:locked*", pane)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        shown = squeezed(app)
        assert kept in shown
        assert left_out not in shown


async def test_a_pane_takes_of_a_scope_what_its_rows_tell() -> None:
    app = scoped("ns:secure error~nothing", "certificates")
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        assert "sa/locked" in squeezed(app)
        assert "sa/bookinfo" not in squeezed(app)
        assert "in namespace secure" in squeezed(app)


async def test_a_namespace_of_the_command_line_is_such_a_scope() -> None:
    scope = flow_filter(Settings(namespaces=("secure",)))
    assert scope is not None
    assert "ns" in scope.keys
