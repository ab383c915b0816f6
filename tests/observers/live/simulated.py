"""The simulated cluster for the live observer's tests, and patience."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.simulated import ROOT, SimulatedCluster, simulated

__all__ = ["ROOT", "Simulator", "simulator", "until", "write_plugin"]

Simulator = SimulatedCluster


@contextmanager
def simulator(directory: Path, *flags: str) -> Iterator[Simulator]:
    """Run the simulated cluster of the usual seed while the block runs."""
    with simulated("--kubeconfig-out", str(directory / "kubeconfig"), "--seed", "7", *flags) as cluster:
        yield cluster


def until(condition: Callable[[], bool], what: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Wait for something to become true, in real time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {timeout_s} s: {what()}"
        time.sleep(0.02)


def write_plugin(path: Path, text: str) -> Path:
    """Make a command that stands as a cloud's login helper."""
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path
