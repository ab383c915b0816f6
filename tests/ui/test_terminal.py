"""The terminal is claimed or refused in plain words."""

from __future__ import annotations

import os
import threading

import pytest

from ztui.errors import TerminalError
from ztui.ui import terminal


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {}])
def test_a_dumb_terminal_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(TerminalError) as refused:
        terminal.claim_terminal(environ)
    assert "cannot show a screen" in refused.value.what
    assert refused.value.exit_code == 2


def test_the_watchdog_notices_a_terminal_that_goes_away() -> None:
    ours, theirs = os.openpty()
    gone = threading.Event()
    terminal.watch_terminal(gone.set, descriptor=theirs)
    os.close(ours)
    assert gone.wait(5)
    os.close(theirs)


def test_osc52_carries_the_text_as_base64() -> None:
    assert terminal.osc52("héllo") == "\x1b]52;c;aMOpbGxv\a"


def test_outside_tmux_nothing_is_asked_of_it() -> None:
    assert not terminal.copy_to_tmux("text", {})
