"""A terminal of a chosen size that can be typed into and read: tmux on a socket of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from signal import Signals

HAS_TMUX = shutil.which("tmux") is not None


@dataclass
class Terminal:
    """One tmux pane with a program in it."""

    socket: str

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self.socket, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def screen(self) -> str:
        """What stands on the screen now, without colours."""
        return self._tmux("capture-pane", "-p", "-t", "ztui")

    def coloured_screen(self) -> str:
        return self._tmux("capture-pane", "-e", "-p", "-t", "ztui")

    def press(self, *keys: str) -> None:
        """Type keys by tmux's names (`Enter`, `Escape`, `C-c`, `a`)."""
        self._tmux("send-keys", "-t", "ztui", *keys)

    def type_text(self, text: str) -> None:
        self._tmux("send-keys", "-t", "ztui", "-l", text)

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-t", "ztui", "-x", str(width), "-y", str(height))

    def ask(self, variable: str) -> str:
        """A tmux variable of the pane: `alternate_on`, `mouse_any_flag`, `cursor_flag`, `pane_dead_status` …"""
        return self._tmux("display-message", "-p", "-t", "ztui", f"#{{{variable}}}").strip()

    @property
    def pid(self) -> int:
        return int(self.ask("pane_pid"))

    @property
    def exit_status(self) -> int | None:
        """The program's exit status; None while it runs."""
        if self.ask("pane_dead") != "1":
            return None
        status, signal = self.ask("pane_dead_status"), self.ask("pane_dead_signal")
        if status:
            return int(status)
        if signal not in ("", "0"):
            return 128 + int(signal)
        # The pane is dead as soon as its terminal is closed; the process is reaped a moment later. Some sandboxed
        # kernels lose the SIGCHLD that tells tmux so: it is told again.
        os.kill(int(self.ask("pid")), Signals.SIGCHLD)
        return None

    def wait_until(self, condition: Callable[[str], bool], *, timeout_s: float = 20.0, what: str = "") -> str:
        """Look at the screen until it satisfies `condition`; the screen. Fails with what stood there instead."""
        deadline = time.monotonic() + timeout_s
        while True:
            screen = self.screen()
            if condition(screen):
                return screen
            if time.monotonic() > deadline:
                raise AssertionError(f"not seen within {timeout_s} s: {what or condition}\n{screen}")
            time.sleep(0.03)

    def wait_for(self, *texts: str, timeout_s: float = 20.0) -> str:
        """Wait until all `texts` stand on the screen."""
        return self.wait_until(
            lambda screen: all(text in screen for text in texts), timeout_s=timeout_s, what=str(texts)
        )

    def wait_for_exit(self, timeout_s: float = 10.0) -> int:
        """Wait until the program has ended; its exit status."""
        deadline = time.monotonic() + timeout_s
        while (status := self.exit_status) is None:
            assert time.monotonic() < deadline, f"still running after {timeout_s} s\n{self.screen()}"
            time.sleep(0.03)
        return status


@contextmanager
def terminal(
    command: Sequence[str], *, width: int, height: int, environment: dict[str, str] | None = None
) -> Iterator[Terminal]:
    """Run `command` in a pane of `width` × `height`; it is killed, with its tmux server, at the end."""
    socket = f"ztui-{uuid.uuid4().hex[:8]}"
    variables = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **(environment or {})}
    prefix = [f"{name}={value}" for name, value in variables.items() if name != "TERM"]
    line = shlex.join(["exec", "env", *prefix, *command])
    base = ["tmux", "-L", socket, "-f", "/dev/null"]
    options = ["set", "-g", "remain-on-exit", "on", ";", "set", "-g", "default-terminal", "tmux-256color", ";"]
    options += ["set", "-g", "default-size", f"{width}x{height}", ";", "set", "-g", "status", "off", ";"]
    start = ["new-session", "-d", "-s", "ztui", "-x", str(width), "-y", str(height), line]
    # A test worker may carry COLUMNS and LINES of its own: they would outweigh the size of the pane.
    ours = ("ZTUI_", "TMUX", "COLUMNS", "LINES")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)} | variables
    subprocess.run([*base, "start-server", ";", *options, *start], check=True, env=clean)
    try:
        yield Terminal(socket)
    finally:
        subprocess.run([*base, "kill-server"], check=False, capture_output=True)
