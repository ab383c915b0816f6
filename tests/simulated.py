"""The simulated cluster as a process, the way everybody else meets it: started, asked, stepped, ended."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "ztui.simulator"]


@dataclass(frozen=True, slots=True)
class SimulatedCluster:
    """One that serves, and what can be done to it."""

    process: subprocess.Popen[str]
    ready: Mapping[str, Any]
    """What it printed when it served."""

    @property
    def kubeconfig(self) -> Path:
        """Its kubeconfig, with a context for every role."""
        return Path(self.ready["kubeconfig"])

    def read(self, method: str, path: str, value: object = None) -> bytes:
        """Ask the API server as the admin; the body of a success."""
        config = json.loads(self.kubeconfig.read_text(encoding="utf-8"))
        authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
        token = next(user["user"]["token"] for user in config["users"] if user["name"] == "admin")
        request = urllib.request.Request(
            self.ready["server"] + path,
            method=method,
            data=None if value is None else json.dumps(value).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )
        context = ssl.create_default_context(cadata=authority)
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({})
        )
        with opener.open(request, timeout=60) as answer:
            return bytes(answer.read())

    def json(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        """Ask the API server for JSON."""
        found: dict[str, Any] = json.loads(self.read(method, path, value))
        return found

    def ask(self, what: str = "", **body: object) -> dict[str, Any]:
        """Ask the control address: a question, or with arguments something to do."""
        return self.json("POST" if body else "GET", f"/simulator/{what}".rstrip("/"), body or None)

    def written(self) -> dict[str, int]:
        """Lines written by each ztunnel pod, all its containers together."""
        lines: dict[str, int] = {}
        for log in self.ask("counts")["logs"]:
            lines[log["pod"]] = lines.get(log["pod"], 0) + log["written"]
        return lines

    def log_of(self, pod: str) -> bytes:
        """The whole current log of a pod, as the kubelet has it."""
        return self.read("GET", f"/api/v1/namespaces/istio-system/pods/{pod}/log?container=istio-proxy")

    def edited(self, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
        """A kubeconfig with something wrong in it."""
        config = json.loads(self.kubeconfig.read_text(encoding="utf-8"))
        change(config)
        path.write_text(json.dumps(config), encoding="utf-8")
        return path


@contextmanager
def simulated(*flags: str, environment: dict[str, str] | None = None) -> Iterator[SimulatedCluster]:
    """Run a simulated cluster with these flags while the block runs; it ends as its standard input does."""
    process = subprocess.Popen(
        [*COMMAND, "--until-stdin-closes", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"the simulated cluster ended with status {process.wait(10)} before it served"
        yield SimulatedCluster(process, json.loads(line))
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            process.stdout.close()
