"""`demo [SCENARIO]`: the screen on a cluster that does not exist, through every wire a real one would need.

The simulated cluster is a process of its own that speaks the Kubernetes API on loopback. It ends when its standard
input does, so it cannot outlive ztui, however that ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from ztui.cli.observing import make_observer
from ztui.cli.screen import show
from ztui.clock import SystemClock
from ztui.errors import SimulatorError
from ztui.ui.terminal import claim_terminal

if TYPE_CHECKING:
    from ztui.cli.parser import Invocation
    from ztui.clock import Clock
    from ztui.model.observation import Deliver, Observer, Wish
    from ztui.settings import Settings

_MODULE = "ztui.simulator"
_ENDS_WITHIN_S = 3.0
_REMEDY = "Run it again with -v, or `python -m ztui.simulator` alone, to see why."


def run(invocation: Invocation) -> int:
    """Show the demo, serve its cluster without a screen, or list the scenarios."""
    settings = invocation.settings
    if settings.is_listing:
        words = [sys.executable, "-m", _MODULE, "--list"]
        return subprocess.run(words, check=False).returncode  # noqa: S603  our own module
    scenario = invocation.arguments[0] if invocation.arguments else None
    if settings.is_serving:
        return _serve(settings, scenario)
    claim_terminal()
    clock = SystemClock()
    with simulated(settings, scenario) as cluster:
        return show(settings, SimulatedObserver(cluster, settings, clock), clock)


class SimulatedCluster:
    """The simulator's process. It writes the kubeconfig, and removes it at its end if nobody asked where to put it."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors
        self._is_ready = threading.Event()
        self._ready: dict[str, Any] | None = None
        self._reader = threading.Thread(target=self._read_ready, name="ztui-simulator", daemon=True)
        self._reader.start()

    def _read_ready(self) -> None:
        """Wait for the line that says it serves; drain what it may print later."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            self._ready = json.loads(line)
        except ValueError:
            self._ready = None
        self._is_ready.set()
        for _ in self._process.stdout:
            pass

    def wait_until_ready(self) -> dict[str, Any]:
        """Block until it serves, and give what it says about itself. Raises SimulatorError."""
        self._is_ready.wait()
        if self._ready is None:
            self._errors.seek(0)
            said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
            reason = said[-1] if said else f"it ended with status {self._process.wait()} before it served"
            raise SimulatorError(f"The simulated cluster did not start: {reason}", _REMEDY)
        return self._ready

    def wait_until_ended(self) -> int:
        """Block until its process has ended; its status."""
        return self._process.wait()


@contextmanager
def simulated(settings: Settings, scenario: str | None) -> Iterator[SimulatedCluster]:
    """Run the simulator while the block runs.

    Nothing of it has a name in the file system that this process would have to remove: it may be killed.
    """
    words = [sys.executable, "-m", _MODULE, "--until-stdin-closes", *_flags(settings, scenario)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603  our own module, and flags that were checked
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # ctrl+c is for ztui, which then closes the simulator's input
        )
        try:
            yield SimulatedCluster(process, errors)
        finally:
            _end(process)


def _flags(settings: Settings, scenario: str | None) -> list[str]:
    values = {
        "--nodes": settings.demo_nodes,
        "--pods": settings.demo_pods,
        "--rate": settings.demo_rate,
        "--seed": settings.demo_seed,
        "--speed": settings.demo_speed,
        "--versions": ",".join(settings.demo_versions) or None,
        "--scenario": scenario,
        "--kubeconfig-out": settings.kubeconfig_out,
    }
    return [word for flag, value in values.items() if value is not None for word in (flag, f"{value}")]


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _serve(settings: Settings, scenario: str | None) -> int:
    """Stand as a cluster for kubectl, istioctl or another ztui until stopped."""
    if settings.kubeconfig_out is None:
        settings = replace(settings, kubeconfig_out=os.path.abspath("ztui-demo.kubeconfig"))  # noqa: PTH100
    with simulated(settings, scenario) as cluster:
        ready = cluster.wait_until_ready()
        print(f"Serving a simulated cluster on {ready['server']} until stopped. Use it with:")
        print(f"  export KUBECONFIG={ready['kubeconfig']}", flush=True)
        return cluster.wait_until_ended()


class SimulatedObserver:
    """The live observer of a cluster that is still starting, so that the first picture need not wait for it."""

    title = "demo"
    is_finite = False
    is_saved = False
    is_unverified = False

    def __init__(self, cluster: SimulatedCluster, settings: Settings, clock: Clock) -> None:
        self._cluster = cluster
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._live: Observer | None = None
        self._wishes: list[Wish] = []

    def _started(self) -> Observer:
        ready = self._cluster.wait_until_ready()
        with self._lock:
            if self._live is None:
                settings = replace(self._settings, kubeconfig=str(ready["kubeconfig"]), context=None, files=())
                self._live = make_observer(settings, self._clock)
            return self._live

    async def follow(self, deliver: Deliver) -> None:
        """Deliver log entries, once the cluster serves."""
        await (await asyncio.to_thread(self._started)).follow(deliver)

    async def ask(self, deliver: Deliver) -> None:
        """Deliver lists, watches and dumps, once the cluster serves."""
        live = await asyncio.to_thread(self._started)
        for wish in self._wishes:
            live.wish(wish)
        await live.ask(deliver)

    def wish(self, wish: Wish) -> None:
        """Take a wish; one that comes too early is carried over."""
        if self._live is not None:
            self._live.wish(wish)
        else:
            self._wishes = [*self._wishes[-8:], wish]
