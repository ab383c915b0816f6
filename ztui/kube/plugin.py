"""One run of a credential plugin: what it is told, where it may speak, and that nothing of it is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ztui.kube.kubeconfig import Plugin

PLUGIN_TIMEOUT_S = 60.0
ASKING_TIMEOUT_S = 600.0
"""One that asks its user something is given this long."""


class PluginProcess:
    """One plugin process at a time, without a terminal unless it `asks`: it must not fight the screen for it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def run(self, plugin: Plugin, *, asks: bool = False) -> tuple[int, bytes, bytes]:
        """Run it to its end: exit code, output, error output. Raises OSError, ValueError or TimeoutExpired."""
        asks = asks and sys.stdin is not None and sys.stdin.isatty()
        with subprocess.Popen(  # noqa: S603  the kubeconfig's own command, as in kubectl
            [plugin.command, *plugin.args],
            stdin=None if asks else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if asks else subprocess.PIPE,
            env={**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": exec_info(plugin, asks=asks)},
            start_new_session=not asks,  # it could not read from the terminal in a session of its own
        ) as self._process:
            try:
                if self._closed:
                    self.kill()
                out, err = self._process.communicate(timeout=ASKING_TIMEOUT_S if asks else PLUGIN_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            return self._process.returncode, out, err or b""

    def close(self) -> None:
        """End what runs now, and at once whatever is started later."""
        self._closed = True
        self.kill()

    def kill(self) -> None:
        """End it, and whatever it started where that can be told from us."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def exec_info(plugin: Plugin, *, asks: bool = False) -> str:
    """Write what a plugin is told: its version, whether it may ask, and of the cluster where it wanted to know."""
    spec: dict[str, object] = {"interactive": asks}
    if plugin.cluster is not None:
        spec["cluster"] = plugin.cluster
    info = {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}
    return json.dumps(info, default=str)
