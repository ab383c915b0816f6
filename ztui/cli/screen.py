"""`ztui [TARGET]`: the screen, on a cluster or on saved files."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import TYPE_CHECKING

from ztui.cli.filters import flow_filter
from ztui.cli.observing import make_observer
from ztui.clock import SystemClock
from ztui.heap import share_heap
from ztui.keys import remap
from ztui.session import Session
from ztui.store.mesh import Mesh
from ztui.ui.stage import USUAL_WINDOW_S, WINDOWS_S, Stage
from ztui.ui.terminal import claim_terminal

if TYPE_CHECKING:
    from ztui.cli.parser import Invocation
    from ztui.clock import Clock
    from ztui.model.observation import Observer
    from ztui.settings import Settings


def run(invocation: Invocation) -> int:
    """Show the screen until it is left; the exit code."""
    settings = invocation.settings
    target = invocation.arguments[0] if invocation.arguments else None
    piped = claim_terminal()
    clock = SystemClock()
    return show(settings, make_observer(settings, clock, target=target, stdin=piped), clock, target=target)


def show(settings: Settings, observer: Observer, clock: Clock, *, target: str | None = None) -> int:
    """Show what an observer observes. The terminal has been claimed before."""
    share_heap()
    bindings = remap(settings.keys)
    scope = flow_filter(settings, target)
    mesh = Mesh(clock=clock, max_rows=settings.max_rows, max_bytes=settings.max_bytes)
    session = Session(observer, mesh, clock)
    stage = Stage(
        mesh=mesh,
        clock=clock,
        settings=settings,
        title=observer.title,
        is_finite=observer.is_finite,
        is_unverified=observer.is_unverified,
        bindings=bindings,
        scope=scope,
        # What was saved may be of any time and length: all of it is what was given to be looked at.
        window_index=WINDOWS_S.index(None if observer.is_finite else USUAL_WINDOW_S),
    )
    # Frames a second at most, read when Textual is imported: with 60 a key that comes right after a frame waits up to
    # 25 ms. A tick is one frame whatever this is.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    # Textual is half a second of the start: errors of the command line should not wait for it.
    gc.disable()  # until the first picture: what is made for it stays
    try:
        code: int = import_module("ztui.ui.app").run(stage, session)
    finally:
        gc.enable()
    return code
