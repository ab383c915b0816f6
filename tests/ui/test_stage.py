"""What the screen says of the window that it looks back through."""

from __future__ import annotations

import pytest

from tests.store.feed import START, Fed, line
from ztui.clock import ManualClock
from ztui.settings import Settings
from ztui.ui.stage import WINDOWS_S, Stage


@pytest.mark.parametrize(
    ("window_s", "cells", "words"),
    [
        (60.0, 400_000, "60 s"),
        (600.0, 400_000, "10 min"),
        (None, 60, "since the start"),
        (60.0, 60, "60 s"),
        (600.0, 60, "10 min, 3 min kept"),
        (600.0, 20, "10 min, 80 s kept"),
    ],
)
def test_a_window_longer_than_what_is_kept_says_so(window_s: float | None, cells: int, words: str) -> None:
    fed = Fed(max_cells=cells)
    for step in range(90):
        fed.log("w1", *(line(10.0 * step, src=f"curl-{n}") for n in range(4)))
    clock = ManualClock(START + 900.0)
    stage = Stage(mesh=fed.mesh, clock=clock, settings=Settings(), title="", window_index=WINDOWS_S.index(window_s))
    assert stage.window_text == words
