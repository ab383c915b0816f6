"""A simulated cluster in a process of its own, and its control address."""

from __future__ import annotations

import json
import ssl
import subprocess
import tempfile
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.measure import PYTHON, ROOT, environment


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where it is."""

    kubeconfig: Path
    control: str
    token: str
    authority: str

    def ask(self, what: str, **wanted: object) -> dict[str, Any]:
        """Ask the simulator itself: a question, or with arguments something to do."""
        body = json.dumps(wanted).encode() if wanted else None
        request = urllib.request.Request(
            f"{self.control}/{what}", data=body, headers={"Authorization": f"Bearer {self.token}"}
        )
        context = ssl.create_default_context(cadata=self.authority)
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


@contextmanager
def cluster(*flags: str) -> Iterator[Cluster]:
    """Run the simulator with these flags while the block runs."""
    with tempfile.TemporaryDirectory(prefix="ztui-bench-") as directory:
        kubeconfig = Path(directory, "kubeconfig")
        words = [PYTHON, "-m", "ztui.simulator", "--kubeconfig-out", str(kubeconfig), "--until-stdin-closes", *flags]
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment(), text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the simulator ended with {process.wait()}")
            config = json.loads(kubeconfig.read_text(encoding="utf-8"))
            token = next(user["user"]["token"] for user in config["users"] if user["name"] == "admin")
            authority = b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
            yield Cluster(kubeconfig, json.loads(line)["control"], token, authority)
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
