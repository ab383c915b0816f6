"""The live path without a screen, in a process of its own: prints what following a cluster costs, as JSON.

`python -m tests.bench.watching KUBECONFIG STREAMS SECONDS tick|arrival|exact`: the memory is fed at each tick, as the
screen does, or whenever something arrives, as commands do; `exact` is `tick`, and goes on until everything has come.
It waits for a line on standard input before it measures; `exact` for another, with the number of lines that were
written in all, and says of each log how many came.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from dataclasses import replace

from tests.bench.measure import percentile
from ztui.cli.observing import make_observer
from ztui.clock import SystemClock
from ztui.model.observation import EntriesRead, Observation
from ztui.model.streams import StreamKind, StreamState
from ztui.model.text import logged_at
from ztui.session import Session
from ztui.settings import Settings
from ztui.store.mesh import Mesh

TICK_S = 0.25
_PATIENCE_S = 120.0
_SILENCE_S = 45.0
"""So long nothing may come before lines that are missing are lost: longer than the longest pause before a retry."""
_WARM_UP_S = 3.0


class Counted:
    """Stands in front of the memory and notes how late each entry was counted."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.is_noting = False
        self.late_s: list[float] = []

    def ingest(self, observation: Observation) -> None:
        self.mesh.ingest(observation)
        if self.is_noting and isinstance(observation, EntriesRead):
            now = time.time()
            self.late_s += [now - (logged_at(at) or now) for at in observation.batch.times]


class Watching:
    """One session on the cluster."""

    def __init__(self, kubeconfig: str, *, is_on_arrival: bool) -> None:
        clock = SystemClock()
        settings = replace(Settings(), kubeconfig=kubeconfig, is_without_dumps=True, tail=0, max_log_requests=2_000)
        self.counted = Counted(Mesh(clock=clock))
        self.session = Session(make_observer(settings, clock), self.counted, clock)
        self._is_on_arrival = is_on_arrival

    def turn(self) -> None:
        if self._is_on_arrival:
            self.session.wait(TICK_S)
        else:
            time.sleep(TICK_S)
        self.session.drain()
        if self.session.failure is not None:
            raise self.session.failure

    @property
    def following(self) -> int:
        rows = self.counted.mesh.streams.of_kind(StreamKind.LOG)
        return sum(row.state in (StreamState.CONNECTED, StreamState.LAGGING) for row in rows)

    @property
    def received(self) -> int:
        return self.counted.mesh.lines.received

    def turn_until_followed(self, wanted: int) -> float:
        """Go on until so many streams follow; how long that took."""
        began = time.monotonic()
        while self.following < wanted:
            self.turn()
            if time.monotonic() - began > _PATIENCE_S:
                raise TimeoutError(f"only {self.following} of {wanted} streams follow")
        return time.monotonic() - began

    def turn_for(self, seconds: float) -> float:
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            self.turn()
        return time.monotonic() - began

    def turn_until_told(self) -> str:
        """Go on until a line comes on standard input; what it says."""
        told: list[str] = []
        hearing = threading.Thread(target=lambda: told.append(sys.stdin.readline()), daemon=True)
        hearing.start()
        while hearing.is_alive():
            self.turn()
        return told[0]

    def turn_until_received(self, lines: int) -> None:
        """Go on until so many lines have come, or none has for a long time."""
        known, since = self.received, time.monotonic()
        while self.received < lines and time.monotonic() - since < _SILENCE_S:
            self.turn()
            if self.received > known:
                known, since = self.received, time.monotonic()

    def received_of_each(self) -> dict[str, int]:
        """How many lines came of each log, by its pod's name."""
        rows = self.counted.mesh.streams.of_kind(StreamKind.LOG)
        return {row.key.of.rpartition("/")[2]: row.lines.received for row in rows}


def main(words: list[str]) -> None:
    kubeconfig, streams, seconds, how = words[0], int(words[1]), float(words[2]), words[3]
    watching = Watching(kubeconfig, is_on_arrival=how == "arrival")
    watching.session.start()
    opened_s = watching.turn_until_followed(1)  # by now everything that will ever be imported has been
    few, few_bytes = watching.following, _rss_bytes()
    opened_s += watching.turn_until_followed(streams)
    gc.freeze()
    print("following", flush=True)
    watching.turn_until_told()
    watching.turn_for(_WARM_UP_S)
    watching.counted.is_noting = how == "arrival"
    lines, cpu = watching.received, time.process_time()
    took_s = watching.turn_for(seconds)
    lines, cpu = watching.received - lines, time.process_time() - cpu
    rss = _rss_bytes()
    watching.counted.is_noting = False
    print("measured", flush=True)
    if how == "exact":
        watching.turn_until_received(int(watching.turn_until_told()))
        watching.turn_for(TICK_S)  # what is doubled comes after what was wanted
    late = watching.counted.late_s or [0.0]
    found = {
        "opened_s": opened_s,
        "lines": lines,
        "cpu_s": cpu,
        "took_s": took_s,
        "received": watching.received_of_each() if how == "exact" else {},
        "gaps": sum(row.gap_count for row in watching.counted.mesh.streams),
        "following": watching.following,
        "rss_per_stream": (rss - few_bytes) / max(1, streams - few),
        "p50_ms": percentile(late, 0.5) * 1_000,
        "p99_ms": percentile(late, 0.99) * 1_000,
        "pause_ms": watching.session.pause_s * 1_000,
    }
    print(json.dumps(found), flush=True)
    os._exit(0)


def _rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(sys.argv[1:])
