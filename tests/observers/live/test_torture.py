"""Logs followed through everything that ends a stream: what was read is what was written, line by line."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.observers.live.simulated import Simulator, until
from ztui.cli.cluster import make_live_observer
from ztui.clock import SystemClock
from ztui.model.observation import EntriesRead, GapFound, Observation, StreamChanged, ZtunnelsFound
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.session import Session
from ztui.settings import Settings

DAY_S = 86_400.0


class Ledger:
    """Counts what comes, per pod, and keeps the order of entries."""

    def __init__(self) -> None:
        self.lines: Counter[str] = Counter()
        self.entries: dict[str, list[tuple[bytes, bytes]]] = {}
        self.gaps: list[GapFound] = []
        self.found: list[ZtunnelsFound] = []
        self.states: dict[StreamKey, list[StreamChanged]] = {}

    def ingest(self, observation: Observation) -> None:
        match observation:
            case EntriesRead():
                pod = observation.batch.origin.ztunnel or ""
                self.lines[pod] += observation.batch.lines.received
                pairs = zip(observation.batch.times, observation.batch.addrs, strict=True)
                self.entries.setdefault(pod, []).extend(pairs)
            case GapFound():
                self.gaps.append(observation)
            case ZtunnelsFound():
                self.found.append(observation)
            case StreamChanged():
                self.states.setdefault(observation.stream, []).append(observation)

    def ways(self, kind: StreamKind, of: str) -> list[StreamState]:
        """The states a stream went through."""
        return [change.state for change in self.states.get(StreamKey(kind=kind, of=of), [])]


@contextmanager
def observed(cluster: Simulator, **more: object) -> Iterator[tuple[Session, Ledger]]:
    """Observe the cluster as a session does, all of its logs from their beginning."""
    clock, ledger = SystemClock(), Ledger()
    settings = Settings(**{"kubeconfig": str(cluster.kubeconfig), "since_s": DAY_S, **more})  # type: ignore[arg-type]
    session = Session(make_live_observer(settings, clock), ledger, clock)
    session.start()
    try:
        yield session, ledger
    finally:
        session.stop()


def read_all(cluster: Simulator, session: Session, ledger: Ledger, timeout_s: float = 40.0) -> None:
    """Drain until as many lines were read of each pod as it wrote, and no more came since."""
    written = cluster.written()

    def is_all() -> bool:
        session.drain(0.1)
        assert session.failure is None, session.failure
        return dict(ledger.lines) == written

    until(is_all, lambda: (dict(ledger.lines), written, ledger.gaps), timeout_s)
    time.sleep(0.7)  # a line that is read twice comes within the re-opening of its stream
    assert is_all(), (dict(ledger.lines), written)


def entries_in(log: bytes) -> list[tuple[bytes, bytes]]:
    """Time and source address of the access log lines of a pod's log, read without any of ztui's readers."""
    found = re.findall(rb"^(\S+)\t\w+\taccess\t[^\n]*?src\.addr=(\S+)", log, re.MULTILINE)
    return [(time, addr) for time, addr in found]


def test_streams_that_end_every_moment_lose_nothing_and_repeat_nothing(tortured: Simulator) -> None:
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        for fault in ("eof_every_s", "cut_every_s"):
            tortured.ask("faults", eof_every_s=0.0, cut_every_s=0.0)
            tortured.ask("faults", **{fault: 0.4})
            for _ in range(6):
                tortured.ask("clock", by="2s")
                time.sleep(0.25)
        tortured.ask("faults", eof_every_s=0.0, cut_every_s=0.0)
        read_all(tortured, session, ledger)
        assert ledger.gaps == []
        for pod in ledger.lines:
            assert ledger.entries[pod] == entries_in(tortured.log_of(pod)), pod


def test_a_restart_of_the_api_server_loses_nothing(tortured: Simulator) -> None:
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        for _ in range(2):
            tortured.ask("clock", by="2s")
            tortured.ask("restart", for_s=0.6)
            time.sleep(1.0)
            tortured.ask("clock", by="3s")
        read_all(tortured, session, ledger)
        assert ledger.gaps == []
        logs = [key for key in ledger.states if key.kind is StreamKind.LOG]
        assert len(logs) == 3
        assert all(StreamState.UNAVAILABLE in ledger.ways(key.kind, key.of) for key in logs)
        assert all(ledger.ways(key.kind, key.of)[-1] is StreamState.CONNECTED for key in logs)


def test_a_replaced_pod_and_a_restarted_container_are_read_to_their_ends(tortured: Simulator) -> None:
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        before = {ztunnel.name: ztunnel.node for ztunnel in ledger.found[-1].ztunnels}
        replaced = next(name for name, node in before.items() if node == "w2")
        tortured.ask("acts", do="restart-ztunnel", of=["w1"])
        tortured.ask("acts", do="replace-ztunnel", of=["w2"])
        for _ in range(30):
            tortured.ask("clock", by="2s")
            time.sleep(0.1)
            session.drain(0.1)
        read_all(tortured, session, ledger)
        after = {ztunnel.name: ztunnel for ztunnel in ledger.found[-1].ztunnels}
        assert ledger.gaps == []
        assert replaced not in after
        assert {ztunnel.node for ztunnel in after.values()} == {"w1", "w2", "w3"}
        assert [ztunnel.restarts for ztunnel in after.values() if ztunnel.node == "w1"] == [1]
        assert ledger.ways(StreamKind.LOG, f"istio-system/{replaced}")[-1] is StreamState.GONE


def test_a_rotation_while_nothing_is_followed_is_a_gap_with_a_name(tortured: Simulator) -> None:
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        pod = ledger.found[-1].ztunnels[0].name
        tortured.ask("restart", for_s=1.5)
        time.sleep(0.2)
        until(lambda: is_reachable(tortured), lambda: "the API server is away")
        session.drain(0.1)
        tortured.ask("faults", log_error="dial tcp 10.0.0.1:10250: connect: connection refused")
        tortured.ask("clock", by="3s")
        tortured.ask("rotate", pod=pod)
        tortured.ask("clock", by="2s")
        tortured.ask("faults", log_error="")
        until(lambda: session.drain(0.1) >= 0 and bool(ledger.gaps), lambda: ledger.states, 40.0)
        assert {gap.gap.stream.of for gap in ledger.gaps} == {f"istio-system/{pod}"}
        assert "rotated" in ledger.gaps[0].gap.why


def is_reachable(cluster: Simulator) -> bool:
    try:
        cluster.ask()
    except OSError:
        return False
    return True


def test_nothing_survives_the_end(tortured: Simulator) -> None:
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        begun = time.monotonic()
        session.stop()
        assert time.monotonic() - begun < 2.0
    ours = [thread.name for thread in threading.enumerate() if thread.name.startswith(("ztui", "credentials"))]
    assert ours == []
