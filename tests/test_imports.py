"""What is not needed is not loaded: each case is a fresh interpreter, asked for its modules at the end."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ztui.cli.commands import COMMANDS

DATA = Path(__file__).parent / "data" / "ztunnel" / "plain"
HEAVY = ("textual", "rich", "aiohttp", "kubernetes")
V1 = "client.authentication.k8s.io/v1"


def loaded_by(code: str, *arguments: str, home: Path | None = None) -> set[str]:
    """Run `code` in an interpreter of its own; top-level names of what it has loaded then."""
    told = "import sys as _sys; print(*{name.partition('.')[0] for name in _sys.modules}, file=_sys.stderr)"
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\n{told}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home or "/nonexistent")},
        cwd=DATA.parents[3],
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return set(result.stderr.split("\n")[-2].split())


RUN = "import sys; from ztui.__main__ import main; code = main(sys.argv[1:]); assert code == 0, code"


@pytest.mark.parametrize(
    "words", [("--help",), ("version",), ("--version",), ("edges", "--help"), ("keys",), ("completion", "bash")]
)
def test_help_and_housekeeping_load_nothing_heavy(words: tuple[str, ...]) -> None:
    assert loaded_by(RUN, *words).isdisjoint({*HEAVY, "yaml", "asyncio"})


@pytest.mark.parametrize("module", sorted({command.module for command in COMMANDS} - {"demo", "screen"}))
def test_a_command_without_a_screen_loads_no_terminal_library(module: str) -> None:
    assert loaded_by(f"import ztui.cli.{module}, ztui.cli.cluster").isdisjoint(HEAVY)


def test_saved_logs_are_read_without_anything_of_a_cluster() -> None:
    log = next(path for path in sorted(DATA.iterdir()) if path.suffix == ".log")
    assert loaded_by(RUN, "edges", "--file", str(log), "-o", "json").isdisjoint({*HEAVY, "yaml"})


def test_the_screen_loads_no_kubernetes_client_before_it_is_painted() -> None:
    """Its observer imports what talks to a cluster on the collecting threads, which start with the screen."""
    code = """
import ztui.cli.screen, ztui.cli.cluster, ztui.ui.app
from ztui.clock import SystemClock
from ztui.kube.kubeconfig import ClusterAccess
from ztui.observers.live.observer import LiveObserver
from ztui.observers.live.options import LiveOptions
LiveObserver(ClusterAccess(context="c", server="https://k.test"), LiveOptions(), SystemClock())
"""
    loaded = loaded_by(code)
    assert "textual" in loaded
    assert loaded.isdisjoint({"aiohttp", "kubernetes"})


def pair() -> tuple[str, str]:
    from tests.kube.apiserver import Authority  # noqa: PLC0415  slow, and for one case only

    made = Authority().issue("jane")
    return base64.b64encode(made.certificate).decode(), base64.b64encode(made.key).decode()


def exec_user(tmp_path: Path) -> dict[str, Any]:
    said = json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "abc"}})
    (tmp_path / "login").write_text(f"#!/bin/sh\necho '{said}'\n")
    (tmp_path / "login").chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": "./login", "interactiveMode": "Never"}}


LOG_IN = """
import asyncio
from ztui.clock import SystemClock
from ztui.kube.client import Client
from ztui.kube.credentials import Credentials
from ztui.kube.kubeconfig import load

async def main():
    access, clock = load(), SystemClock()
    credentials = Credentials(access, clock)
    async with Client(access, credentials, clock=clock) as client:
        credential = await credentials.current()
        assert credential.authorization or credential.certificate
        assert client._session(credential, is_stream=True)
    credentials.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("way", ["token", "tokenFile", "certificate", "basic", "exec"])
def test_a_kubeconfig_that_needs_nothing_of_the_package_does_not_load_it(tmp_path: Path, way: str) -> None:
    """It costs a quarter of a second of CPU; only users with an auth-provider of old have need of it."""
    (tmp_path / "token").write_text("abc")
    certificate, key = pair() if way == "certificate" else ("", "")
    user = {
        "token": {"token": "abc"},
        "tokenFile": {"tokenFile": "../token"},
        "certificate": {"client-certificate-data": certificate, "client-key-data": key},
        "basic": {"username": "jane", "password": "secret"},
        "exec": exec_user(tmp_path) if way == "exec" else {},
    }[way]
    if way == "exec":
        user["exec"]["command"] = "../login"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://k.test:6443"}}],
        "users": [{"name": "u", "user": user}],
    }
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(json.dumps(config))
    loaded = loaded_by(LOG_IN, home=tmp_path)
    assert "aiohttp" in loaded
    assert loaded.isdisjoint({"kubernetes", "textual", "rich", "requests", "urllib3", "cryptography"})
