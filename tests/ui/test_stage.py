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


@pytest.mark.parametrize(("window_s", "words"), [(60.0, "60 s"), (300.0, "5 min"), (1800.0, "≈ 30 min")])
def test_a_window_that_begins_within_joined_buckets_says_so(window_s: float, words: str) -> None:
    fed = Fed(joined_cells=150)
    for step in range(300):
        for n in range(4):
            fed.log("w1", line(10.0 * step, src=f"curl-{n}"))
    clock = ManualClock(START + 3_000.0)
    stage = Stage(mesh=fed.mesh, clock=clock, settings=Settings(), title="", window_index=WINDOWS_S.index(window_s))
    assert stage.window_text == words


def test_nothing_is_joined_while_the_view_is_paused() -> None:
    fed = Fed(joined_cells=40)
    stage = Stage(mesh=fed.mesh, clock=fed.clock, settings=Settings(), title="")
    history = fed.mesh.edges.rates.history
    for is_paused, has_joined in ((True, False), (False, True)):
        (stage.pause if is_paused else stage.resume)()
        for step in range(100):
            for n in range(4):
                fed.log("w1", line(10.0 * step + (0 if is_paused else 1_000), src=f"curl-{n}"))
        assert any(history.end(bucket) > bucket + 1 for bucket in history.buckets()) is has_joined
