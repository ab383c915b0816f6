"""The simulator as a process of its own, the way everybody else meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "ztui.simulator"]


@dataclass
class Simulator:
    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def kubeconfig(self) -> Path:
        return Path(self.ready["kubeconfig"])


@contextmanager
def simulator(*words: str) -> Iterator[Simulator]:
    """Start it, wait for its one line, and close its standard input at the end."""
    command = [*COMMAND, "--until-stdin-closes", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            yield Simulator(process, json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
