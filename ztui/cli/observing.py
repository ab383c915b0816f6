"""The composition root: picks the observer a command line asks for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ztui.clock import Clock
    from ztui.model.observation import Observer
    from ztui.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a cluster is observed for."""

    follows_logs: bool = True
    since_s: float = 600.0
    """How much of each log from before now is read where nothing else is said: what woke its user is in it."""
    is_command: bool = False
    """Whether what it prints must be whole: then more ztunnels than --max-log-requests are an error, where a screen
    follows those that are looked at, and no line is shed, where a screen must be fresh."""


SCREEN = Purpose()


def make_observer(
    settings: Settings,
    clock: Clock,
    *,
    target: str | None = None,
    stdin: int | None = None,
    purpose: Purpose = SCREEN,
) -> Observer:
    """Make the observer of saved files, where some are named, else of the cluster. Raises ZtuiError.

    `stdin` is the descriptor of what was piped in, where the keyboard has taken the place of standard input. `purpose`
    is what a cluster is observed for.
    """
    # Imported late: a command on files should not load what talks to a cluster, nor the other way round.
    if settings.files:
        observer: Observer = import_module("ztui.observers.files").FilesObserver(settings.files, clock, stdin=stdin)
        return observer
    make_live = import_module("ztui.cli.cluster").make_live_observer
    live: Observer = make_live(settings, clock, target=target, purpose=purpose)
    return live
