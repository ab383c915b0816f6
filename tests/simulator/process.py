"""The simulator as a process of its own, the way everybody else meets it."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
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

    def read(self, method: str, path: str, value: object = None) -> bytes:
        """Ask as the admin, with its token, and give the body of a success."""
        config = json.loads(self.kubeconfig.read_text("utf-8"))
        authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
        token = next(user["user"]["token"] for user in config["users"] if user["name"] == "admin")
        host, _, port = self.ready["server"].removeprefix("https://").partition(":")
        context = ssl.create_default_context(cadata=authority)
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=30)
        try:
            body = None if value is None else json.dumps(value)
            connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            found = response.read()
            assert response.status == 200, found
            return found
        finally:
            connection.close()

    def ask(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        """Ask for JSON."""
        found: dict[str, Any] = json.loads(self.read(method, path, value))
        return found


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
