"""The simulated cluster as a process, with its control address; and ztui's commands run on it."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Simulator:
    """A cluster that does not exist, and what can be done to it."""

    kubeconfig: Path
    control: str
    context: ssl.SSLContext
    token: str

    def ask(self, what: str = "", **body: object) -> Any:
        """GET from the control address, or POST where there is a body."""
        request = urllib.request.Request(
            f"{self.control}/{what}".rstrip("/"),
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, context=self.context, timeout=10) as answer:
            return json.loads(answer.read())

    def written(self) -> dict[str, int]:
        """Lines written by each ztunnel pod, all its containers together."""
        lines: dict[str, int] = {}
        for log in self.ask("counts")["logs"]:
            lines[log["pod"]] = lines.get(log["pod"], 0) + log["written"]
        return lines

    def log_of(self, pod: str) -> bytes:
        """The whole current log of a pod, as the kubelet has it."""
        server = self.control.removesuffix("/simulator")
        path = f"/api/v1/namespaces/istio-system/pods/{pod}/log?container=istio-proxy"
        request = urllib.request.Request(server + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, context=self.context, timeout=10) as answer:
            return bytes(answer.read())

    def edited(self, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
        """A kubeconfig with something wrong in it."""
        config = json.loads(self.kubeconfig.read_text())
        change(config)
        path.write_text(json.dumps(config))
        return path


@contextmanager
def simulator(directory: Path, *flags: str) -> Iterator[Simulator]:
    """Run the simulated cluster while the block runs."""
    kubeconfig = directory / "kubeconfig"
    words = [sys.executable, "-m", "ztui.simulator", "--kubeconfig-out", str(kubeconfig), "--until-stdin-closes"]
    with subprocess.Popen(
        [*words, "--seed", "7", *flags], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            config = json.loads(kubeconfig.read_text())
            authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"])
            token = next(user["user"]["token"] for user in config["users"] if user["name"] == "admin")
            context = ssl.create_default_context(cadata=authority.decode())
            yield Simulator(kubeconfig=kubeconfig, control=ready["control"], context=context, token=token)
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


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
