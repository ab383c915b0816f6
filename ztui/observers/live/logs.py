"""The *follow* side: every followed ztunnel's log, read into batches of entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ztui.kube.fleet import LogFleet
from ztui.kube.logtypes import Backfill, LogReport, LogState, LogTarget
from ztui.model.accesslog import ShapeTable
from ztui.model.accesslog_counting import CountingReader
from ztui.model.flow import Origin
from ztui.model.observation import Deliver, GapFound, StreamChanged
from ztui.model.streams import Gap, StreamKey, StreamKind, StreamState
from ztui.observers.live.shedding import Shedding
from ztui.observers.live.words import log_changed

if TYPE_CHECKING:
    from random import Random

    from ztui.analysis.target import PodName
    from ztui.clock import Clock
    from ztui.kube.client import Client
    from ztui.kube.resume import LogGap
    from ztui.model.flow import EntryBatch, Shape
    from ztui.model.observation import Detail
    from ztui.observers.live.options import LiveOptions

LARGEST_BATCH_BYTES = 64 * 1024
MOST_PEERS = 10_000
MOST_SHAPES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What *ask* has found for *follow* to do: which logs, and what is known of every ztunnel that exists."""

    targets: tuple[LogTarget, ...] = ()
    nodes: dict[str, str | None] = field(default_factory=dict)
    """Node of each ztunnel that exists, by uid."""
    about: frozenset[PodName] = frozenset()
    """Pods whose peers are wanted."""
    unfollowed: str = ""
    """Why a ztunnel that exists is not followed."""


class Peers:
    """With whom the pods that are looked for have connections, as entries name them; `found` is told when it grows."""

    def __init__(self, found: Callable[[frozenset[PodName]], None]) -> None:
        self._found = found
        self._about: frozenset[PodName] = frozenset()
        self._seen: set[Shape] = set()
        self._peers: set[PodName] = set()

    def ask_about(self, pods: frozenset[PodName]) -> None:
        """Look for peers of these pods from now on."""
        if pods != self._about:
            self._about = pods
            self._seen.clear()

    def read(self, batch: EntryBatch) -> None:
        """Learn from a batch; costs a set of its shapes, and nothing where no pod is asked about."""
        if not self._about:
            return
        count = len(self._peers)
        fresh = set(batch.shapes) - self._seen
        for shape in fresh:
            src, dst = (shape.src_namespace, shape.src_workload), (shape.dst_namespace, shape.dst_workload)
            for one, other in ((src, dst), (dst, src)):
                if one in self._about and other[0] and other[1] and len(self._peers) < MOST_PEERS:
                    self._peers.add((other[0], other[1]))
        self._seen = self._seen | fresh if len(self._seen) < MOST_SHAPES else fresh
        if len(self._peers) > count:
            self._found(frozenset(self._peers))


class LogReading:
    """Reads what the streams bring and says how they are. Belongs to the *follow* thread."""

    def __init__(self, deliver: Deliver, clock: Clock, peers: Peers, rng: Random) -> None:
        self._deliver = deliver
        self._shedding = Shedding(deliver, clock, rng)
        self._clock = clock
        self._peers = peers
        self._shapes = ShapeTable()
        self._readers: dict[str, tuple[CountingReader, StreamKey]] = {}
        self._uids: dict[str, str] = {}  # of the newest pod under a name: its predecessor's end is not its own
        self._wanted = Wanted()

    def know(self, wanted: Wanted) -> None:
        """Learn what is wanted, and on which node each pod runs, before its log is read."""
        self._wanted = wanted
        self._peers.ask_about(wanted.about)

    def lines_read(self, target: LogTarget, block: bytes) -> None:
        """Read a block of lines and deliver its entries, at most 64 KB at a time."""
        reader, stream = self._readers.get(target.uid) or self._begin(target)
        start = 0
        while start < len(block):
            end = len(block)
            if end - start > LARGEST_BATCH_BYTES:
                end = block.rfind(b"\n", start, start + LARGEST_BATCH_BYTES) + 1
                end = end or block.index(b"\n", start) + 1
            batch = self._shedding.read(reader, stream, block[start:end] if (start, end) != (0, len(block)) else block)
            self._peers.read(batch)
            start = end

    def shed(self, detail: Detail) -> None:
        """Read with less detail from now on, or with all of it again."""
        self._shedding.change(detail)

    def state_changed(self, target: LogTarget, report: LogReport) -> None:
        """Deliver how a stream is; the end of a pod that was replaced under its name is not news."""
        stream = _stream_of(target)
        if report.state is LogState.ENDED:
            self._shedding.flush()
            self._readers.pop(target.uid, None)
            if self._uids.get(stream.of) != target.uid:
                return
            del self._uids[stream.of]
            if target.uid in self._wanted.nodes:
                self._deliver(unfollowed(stream, self._wanted.unfollowed, self._clock.now()))
                return
        self._uids[stream.of] = target.uid
        self._deliver(log_changed(stream, report, self._clock.now()))

    def lines_lost(self, target: LogTarget, gap: LogGap) -> None:
        """Deliver that lines may be missing."""
        self._deliver(GapFound(gap=Gap(stream=_stream_of(target), first=gap.first, last=gap.last, why=gap.why)))

    def _begin(self, target: LogTarget) -> tuple[CountingReader, StreamKey]:
        stream, node = _stream_of(target), self._wanted.nodes.get(target.uid)
        origin = Origin(key=stream.of, ztunnel=target.pod, namespace=target.namespace, node=node)
        begun = self._readers[target.uid] = (CountingReader(origin, self._shapes), stream)
        return begun


def log_fleet(client: Client, reading: LogReading, options: LiveOptions, rng: Random) -> LogFleet:
    """Make the fleet of log streams that `reading` reads."""
    since_s = None if options.since_s is None else max(1, round(options.since_s))
    return LogFleet(client, reading, backfill=Backfill(since_s=since_s, tail=options.tail), rng=rng)


def unfollowed(stream: StreamKey, why: str, at: float) -> StreamChanged:
    """Say that a ztunnel exists whose log is not followed."""
    return StreamChanged(stream=stream, state=StreamState.WAITING, at=at, reason=why)


def _stream_of(target: LogTarget) -> StreamKey:
    return StreamKey(kind=StreamKind.LOG, of=f"{target.namespace}/{target.pod}")
