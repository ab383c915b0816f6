"""A memory that counts what a live observer delivers, and a session that feeds it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.observers.live.simulated import Simulator, until
from ztui.cli.cluster import make_live_observer
from ztui.cli.observing import Purpose
from ztui.clock import SystemClock
from ztui.model.observation import ConfigDumpTaken, EntriesRead, GapFound, Observation, StreamChanged, ZtunnelsFound
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
        self.dumps: Counter[str] = Counter()

    def ingest(self, observation: Observation) -> None:
        match observation:
            case EntriesRead():
                pod = observation.batch.origin.ztunnel or ""
                self.lines[pod] += observation.batch.lines.received
                pairs = zip(observation.batch.times, observation.batch.addrs, strict=True)
                self.entries.setdefault(pod, []).extend(pairs)
            case ConfigDumpTaken():
                self.dumps[observation.origin.ztunnel or ""] += 1
            case GapFound():
                self.gaps.append(observation)
            case ZtunnelsFound():
                self.found.append(observation)
            case StreamChanged():
                self.states.setdefault(observation.stream, []).append(observation)

    def last(self, kind: StreamKind, of: str) -> StreamChanged | None:
        """How a stream is now."""
        changes = self.states.get(StreamKey(kind=kind, of=of))
        return changes[-1] if changes else None

    def ways(self, kind: StreamKind, of: str) -> list[StreamState]:
        """The states a stream went through."""
        return [change.state for change in self.states.get(StreamKey(kind=kind, of=of), [])]


@contextmanager
def observed(
    cluster: Simulator | Path, *, target: str | None = None, is_command: bool = False, **more: object
) -> Iterator[tuple[Session, Ledger]]:
    """Observe the cluster as the screen does (or a command), all of its logs from their beginning."""
    clock, ledger = SystemClock(), Ledger()
    kubeconfig = cluster.kubeconfig if isinstance(cluster, Simulator) else cluster
    settings = Settings(**{"kubeconfig": str(kubeconfig), "since_s": DAY_S, **more})  # type: ignore[arg-type]
    observer = make_live_observer(settings, clock, target=target, purpose=Purpose(is_command=is_command))
    session = Session(observer, ledger, clock)
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
    time.sleep(0.3)  # a line that is read twice comes within the re-opening of its stream
    assert is_all(), (dict(ledger.lines), written)


def entries_in(log: bytes) -> list[tuple[bytes, bytes]]:
    """Time and source address of the access log lines of a pod's log, read without any of ztui's readers."""
    found = re.findall(rb"^(\S+)\t\w+\taccess\t[^\n]*?src\.addr=(\S+)", log, re.MULTILINE)
    return [(time, addr) for time, addr in found]


def drain_until(
    session: Session, condition: Callable[[], bool], what: Callable[[], object], timeout_s: float = 15.0
) -> None:
    """Drain until something is so."""

    def is_so() -> bool:
        session.drain(0.1)
        assert session.failure is None, session.failure
        return condition()

    until(is_so, what, timeout_s)
