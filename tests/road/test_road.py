"""Many streams, cut again and again, a dump, and a terminal that stands still: counted is what was written."""

from __future__ import annotations

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.observers.live.simulated import ROOT, Simulator, simulator, until


@dataclass
class Screen:
    """The program on a terminal whose other side can stop to read."""

    master: int
    told: Path
    reads: threading.Event = field(default_factory=threading.Event)
    byte_count: int = 0

    def read(self) -> None:
        while True:
            self.reads.wait()
            ready, _, _ = select.select([self.master], [], [], 0.1)
            if not ready:
                continue
            try:
                self.byte_count += len(os.read(self.master, 1 << 16))
            except OSError:  # the program has left the terminal
                return

    def tells(self) -> dict[str, Any]:
        return json.loads(self.told.read_text()) if self.told.exists() else {"received": 0, "dumps": 0}

    def answer_s(self, key: bytes) -> float:
        """Press a key; seconds until anything is drawn."""
        before, pressed = self.byte_count, time.monotonic()
        os.write(self.master, key)
        until(lambda: self.byte_count > before, lambda: f"no answer to {key!r}")
        return time.monotonic() - pressed


@contextmanager
def screen_on(cluster: Simulator, directory: Path) -> Iterator[Screen]:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    screen = Screen(master, directory / "told.json")
    screen.reads.set()
    environment = os.environ | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tests.road.watcher", str(cluster.kubeconfig), str(screen.told)]
    process = subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment, start_new_session=True
    )
    os.close(slave)
    reader = threading.Thread(target=screen.read, daemon=True)
    reader.start()
    try:
        yield screen
        os.write(master, b"\x11")  # ctrl+q
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        screen.reads.set()
        reader.join(5)
        os.close(master)


def step(cluster: Simulator, for_s: float) -> None:
    """Let the cluster's time go by as ours does."""
    began = at = time.monotonic()
    while at - began < for_s:
        time.sleep(0.05)
        now = time.monotonic()
        cluster.ask("clock", by=f"{now - at:.3f}s")
        at = now


def past(cluster: Simulator, screen: Screen, quiet_s: float) -> int:
    """Wait until all of the logs' past is read; how many lines of it no file had any more."""
    until(lambda: screen.tells()["received"] > 0, screen.tells, 60.0)
    before = 0
    while (received := screen.tells()["received"]) != before:
        before = received
        time.sleep(quiet_s)
    return sum(cluster.written().values()) - before


def walk(directory: Path, nodes: int, rate: int, for_s: float, still_s: float, pods: int) -> None:
    flags = ("--stepped", "--nodes", str(nodes), "--pods", str(pods), "--rate", str(rate))
    with simulator(directory, *flags) as cluster, screen_on(cluster, directory) as screen:
        rotated_away = past(cluster, screen, still_s / 2)
        cluster.ask("faults", cut_every_s=1.5)
        step(cluster, for_s / 2)
        asked = time.monotonic()
        until(lambda: screen.tells()["dumps"] > 0, screen.tells, 60.0)
        print(f"dump after {time.monotonic() - asked:.2f} s")
        before = screen.tells()["received"]
        screen.reads.clear()
        step(cluster, still_s)
        screen.reads.set()
        step(cluster, for_s / 2)
        answers = sorted(screen.answer_s(key) for key in (b"1", b"0") * 10)
        print(f"key p95 {answers[18] * 1_000:.0f} ms")
        cluster.ask("faults", cut_every_s=0.0)
        cluster.ask("clock", by="1s")  # a stream that was cut before is resumed from what comes now
        written = sum(cluster.written().values()) - rotated_away
        until(lambda: screen.tells()["received"] >= written, lambda: (screen.tells(), written), 90.0)
        time.sleep(0.5)  # whatever came twice has come by now
        told = screen.tells()
        print(told, written, f"{screen.byte_count / 1e6:.1f} MB drawn")
        assert told["received"] == written > before
        assert told["adds_up"]
        assert told["gaps"] == 0


def test_counted_is_what_was_written(tmp_path: Path) -> None:
    walk(tmp_path, nodes=8, rate=400, for_s=4.0, still_s=2.0, pods=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_counted_is_what_was_written_by_a_hundred_ztunnels(tmp_path: Path) -> None:
    walk(tmp_path, nodes=100, rate=5_000, for_s=20.0, still_s=10.0, pods=1_000)
