"""The terminal as a resource: claimed before the screen starts, watched while it runs, given back however it ends."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping

from ztui.errors import TerminalError

EXIT_CODES = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit code by the signal that ended the program."""


def claim_terminal(environ: Mapping[str, str] = os.environ) -> int | None:
    """Make sure the screen has a terminal to read keys from and to draw on.

    Where standard input is a pipe, it is moved to a descriptor of its own, which is returned, and the keyboard is
    read from /dev/tty. Raises TerminalError where there is no terminal, or one that cannot be drawn on.
    """
    if environ.get("TERM", "") in ("", "dumb"):
        raise TerminalError(
            f"This terminal cannot show a screen (TERM={environ.get('TERM') or 'not set'})",
            "Use a command without a screen, such as `ztui edges` or `ztui entries -f`.",
        )
    data = None
    if not os.isatty(0):
        data = os.dup(0)
        _attach(0)
    if not os.isatty(2):
        # Textual draws on stderr.
        _attach(2)
    return data


def _attach(descriptor: int) -> None:
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError as refused:
        raise TerminalError(
            f"There is no terminal to draw on ({refused.strerror})",
            "Use a command without a screen, such as `ztui edges` or `ztui entries -f`, or run it with a tty.",
        ) from refused
    os.dup2(terminal, descriptor)
    os.close(terminal)


def forget_exported_size(environ: MutableMapping[str, str] = os.environ) -> None:
    """Let the terminal alone say how large it is.

    A shell that exports COLUMNS and LINES tells the size it had once. Python believes them more than the terminal, and
    the screen would neither fit nor follow when its pane is made larger.
    """
    with contextlib.suppress(OSError, ValueError):
        if os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns:
            for name in ("COLUMNS", "LINES"):
                environ.pop(name, None)


def watch_terminal(on_gone: Callable[[], None], *, descriptor: int = 0) -> None:
    """Call `on_gone` from a daemon thread when the terminal has gone away.

    An orphan that ignores SIGHUP would otherwise spin: its input is at end, its output blocks for ever.
    """

    def run() -> None:
        poll = select.poll()
        # HUP, ERR and NVAL are always reported, whatever is asked for.
        poll.register(descriptor, 0)
        while not poll.poll(5_000):
            pass
        on_gone()

    threading.Thread(target=run, name="ztui-terminal", daemon=True).start()


def leave_at_once() -> None:
    """End the process as a hang-up would: nothing is left to restore or to tell."""
    os._exit(EXIT_CODES[signal.SIGHUP])


def handle_signals(loop: asyncio.AbstractEventLoop, leave: Callable[[int], None]) -> None:
    """Leave in good order on SIGTERM, SIGHUP and SIGINT: Textual alone would leave mouse and alternate screen on."""
    for number, code in EXIT_CODES.items():
        # Without a main thread's loop (a test, an embedding) signals stay whose they were.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, leave, code)


def osc52(text: str) -> str:
    """Write the escape sequence that puts `text` on the clipboard of the user's own terminal."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a"


def copy_to_tmux(text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Put `text` into tmux's buffer, and through it on the clipboard; whether there was a tmux that took it.

    tmux ignores an OSC 52 of a program inside it unless told otherwise.
    """
    tmux = shutil.which("tmux")
    if not environ.get("TMUX") or tmux is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603  a fixed command line; the text goes through a pipe
            [tmux, "load-buffer", "-w", "-"],
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=2,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def say_on_exit(text: str) -> None:
    """Print a summary once the terminal is the shell's again."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()
