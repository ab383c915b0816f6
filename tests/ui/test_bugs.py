"""A bug on the screen or under it: the terminal is given back, and what went wrong is raised for two plain lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.scene import capture, make_app
from ztui.errors import UsageError
from ztui.ui import app as app_module
from ztui.ui import terminal


class BugError(Exception):
    """What nobody expected."""


def run_over(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Any], None]) -> int:
    """Run the program's own `run` without a terminal over an app that was spoilt."""
    app = make_app(capture(), is_finite=False, ticks=True)
    spoil(app)
    monkeypatch.setattr(app_module, "ZtuiApp", lambda *_, **__: app)
    monkeypatch.setattr(terminal, "watch_terminal", lambda *_, **__: None)
    run = app.run
    monkeypatch.setattr(app, "run", lambda **_: run(headless=True))
    return app_module.run(app.stage, app.feed)


def test_a_bug_on_the_screen_is_raised_when_the_screen_is_gone_and_prints_nothing_itself(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def spoil(app: Any) -> None:
        def fail() -> int:
            raise BugError("in a pane")

        app.pane.refresh_views = fail

    with pytest.raises(BugError, match="in a pane"):
        run_over(monkeypatch, spoil)
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


@pytest.mark.parametrize("failure", [BugError("in the observer"), UsageError("That names nothing.", "Name something.")])
def test_what_went_wrong_in_the_observer_is_raised_when_the_screen_is_gone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], failure: Exception
) -> None:
    def spoil(app: Any) -> None:
        app.feed.failure = failure

    with pytest.raises(type(failure)) as raised:
        run_over(monkeypatch, spoil)
    assert raised.value is failure
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


def test_nothing_wrong_is_nothing_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(app: Any) -> None:
        app.call_later(app.leave, 143)

    assert run_over(monkeypatch, spoil) == 143
