"""A pseudo-terminal that counts: when bytes came, how many, and what CPU its program has used until now."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Self

from tests.bench.measure import ROOT, environment

_ANSWERS = {
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",  # synchronised output is understood
    b"\x1b[?2048$p": b"\x1b[?2048;0$y",
    b"\x1b[c": b"\x1b[?62;22c",
}
_KEPT = 1 << 20


class Pty:
    """A program on a terminal of `width` × `height`. Its standard input is the terminal, or what is given."""

    def __init__(
        self, command: Sequence[str], *, width: int = 140, height: int = 50, stdin: IO[bytes] | int | None = None
    ) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=slave if stdin is None else stdin,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),  # noqa: PLW1509  nothing else runs here yet
            cwd=ROOT,
            env=environment(),
        )
        os.close(slave)
        self._clock = ~self.process.pid << 3 | 2  # the kernel's name for the CPU clock of another process
        self._news = threading.Condition()
        self._tail = b""
        self.byte_count = 0
        self.arrivals: list[tuple[float, int]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def cpu_s(self) -> float:
        """CPU seconds of the program alone, without its children."""
        return time.clock_gettime(self._clock)

    def rss_bytes(self) -> int:
        """What it holds in memory now."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._master, keys)

    def forget(self) -> None:
        """Wait only for what comes from now on."""
        with self._news:
            self._tail = b""

    def wait_for(self, text: bytes, *, timeout_s: float = 60.0) -> float:
        """Wait until these bytes have come; when they had. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: text in self._tail or self._is_gone(), timeout_s) or (
                text not in self._tail
            ):
                shown = self._tail[-600:].decode(errors="replace")
                raise TimeoutError(f"{text!r} was not painted within {timeout_s:g} s: …{shown!r}")
            return self.arrivals[-1][0]

    def wait_for_more(self, arrivals: int, *, timeout_s: float = 5.0) -> float:
        """Wait until there are more than so many arrivals; when the next one was."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.arrivals) > arrivals, timeout_s):
                raise TimeoutError(f"nothing was painted within {timeout_s:g} s")
            return self.arrivals[arrivals][0]

    def _is_gone(self) -> bool:
        return not self._reader.is_alive()

    def _read(self) -> None:
        while True:
            select.select([self._master], [], [])
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            for question, answer in _ANSWERS.items():
                if question in data:
                    os.write(self._master, answer)
            with self._news:
                self.byte_count += len(data)
                self.arrivals.append((time.monotonic(), len(data)))
                self._tail = (self._tail + data)[-_KEPT:]
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it, politely first."""
        for signum in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                break
            self.process.send_signal(signum)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()
        self._reader.join(2)
        os.close(self._master)
