"""What the screen is given to start with, and what it refuses before it takes the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.scene import capture, make_app
from ztui.cli import screen
from ztui.cli.observing import make_observer
from ztui.clock import SystemClock
from ztui.errors import UsageError
from ztui.settings import Settings
from ztui.ui import app
from ztui.ui.stage import Stage

DATA = Path(__file__).parents[1] / "data" / "ztunnel" / "istiod-mesh"


class Unverified:
    """A cluster whose certificate nobody looks at."""

    title, is_finite, is_unverified = "kind-ambient", False, True


def stage_of(observer: object, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The stage that the screen would stand on."""
    stages: list[Stage] = []

    def run(stage: Stage, _: object) -> int:
        stages.append(stage)
        return 0

    monkeypatch.setattr(app, "run", run)
    assert screen.show(Settings(), observer, SystemClock()) == 0  # type: ignore[arg-type]
    return stages[0]


def test_of_saved_files_all_is_shown_whatever_time_they_are_of(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Settings(files=(str(DATA / "w1.log"),))
    stage = stage_of(make_observer(files, SystemClock()), monkeypatch)
    assert stage.window_s is None
    assert not stage.is_unverified


def test_a_live_screen_looks_back_a_minute_and_knows_whether_tls_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = stage_of(Unverified(), monkeypatch)
    assert stage.window_s == 60
    assert stage.is_unverified


@pytest.mark.parametrize("settings", [Settings(theme="nonsense"), Settings(pane="nonsense")], ids=["theme", "pane"])
def test_a_theme_or_pane_that_does_not_exist_is_refused_by_naming_those_that_do(settings: Settings) -> None:
    shown = make_app(capture())
    shown.stage.settings = settings
    with pytest.raises(UsageError, match=r"There is no (theme|pane) 'nonsense'") as refused:
        app.run(shown.stage, shown.feed)
    assert refused.value.exit_code == 2
    assert "health" in refused.value.remedy or "ztui-dark" in refused.value.remedy
