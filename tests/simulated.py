"""The simulated cluster as a process, for tests and pictures: started, stepped, asked what it wrote, ended."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCluster:
    """One that serves: its kubeconfig, and its control address for what no Kubernetes API has."""

    kubeconfig: Path
    control: str
    pid: int

    def ask(self, what: str = "") -> dict[str, Any]:
        """GET from the control address: the state, `counts`."""
        return self._call("GET", what, None)

    def do(self, what: str, **wanted: Any) -> dict[str, Any]:
        """POST to the control address: `clock`, `faults`, `acts`, `tokens`, `restart`, `rotate`."""
        return self._call("POST", what, wanted)

    @property
    def written(self) -> int:
        """Physical log lines of all ztunnels since the beginning."""
        return int(self.ask("counts")["written"])

    def _call(self, method: str, what: str, body: dict[str, Any] | None) -> dict[str, Any]:
        config = json.loads(self.kubeconfig.read_text(encoding="utf-8"))
        authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
        token = next(user["user"]["token"] for user in config["users"] if user["name"] == "admin")
        request = urllib.request.Request(
            f"{self.control}/{what}".rstrip("/"),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )
        context = ssl.create_default_context(cadata=authority)
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({})
        )
        with opener.open(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextlib.contextmanager
def simulated(*flags: str, kubeconfig: Path | None = None) -> Iterator[SimulatedCluster]:
    """Run a simulated cluster with these flags of `python -m ztui.simulator` while the block runs."""
    with tempfile.TemporaryDirectory(prefix="ztui-test-") as directory:
        path = kubeconfig or Path(directory, "kubeconfig")
        words: Sequence[str] = (
            sys.executable, "-m", "ztui.simulator", "--until-stdin-closes", "--kubeconfig-out", str(path), *flags,
        )  # fmt: skip
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, f"the simulated cluster ended with status {process.wait(10)} before it served"
            ready = json.loads(line)
            yield SimulatedCluster(kubeconfig=path, control=ready["control"], pid=ready["pid"])
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
