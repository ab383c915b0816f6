"""CPU time of whole processes, and of opponents that take turns."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPPONENTS = Path(__file__).with_name("opponents")
PYTHON = sys.executable
ZTUI = str(Path(sys.executable).with_name("ztui"))
"""The program as it is installed: what its users run."""

Run = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Used:
    """What a process cost: CPU of it and of every process it waited for, and its largest resident size."""

    cpu_s: float
    rss_bytes: int


def environment() -> dict[str, str]:
    """The same surroundings for everybody: no settings of the user, one locale, no bytecode to be written."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZTUI_", "PYTHON", "TMUX"))}
    return kept | {"LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def used(command: Sequence[str], *, output: Path | None = None, code: int = 0) -> Used:
    """Run a command to its end. Raises RuntimeError where it ends with another status than `code`."""
    with (output or Path(os.devnull)).open("wb") as stdout:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, cwd=ROOT, env=environment()
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
    if process.returncode != code:
        raise RuntimeError(
            f"{' '.join(command)} ended with {process.returncode}: {said[-500:].decode(errors='replace')}"
        )
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def cpu_of(*command: str, output: Path | None = None) -> Run:
    """Make a run of a command that gives its CPU seconds."""
    return lambda: used(command, output=output).cpu_s


def in_turn(runs: Mapping[str, Run], rounds: int) -> dict[str, float]:
    """Let them run in turn, `rounds` times; the best of each."""
    best = dict.fromkeys(runs, math.inf)
    for _ in range(rounds):
        for name, run in runs.items():
            best[name] = min(best[name], run())
    return best


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least `share` of all are not above."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
