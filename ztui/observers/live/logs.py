"""The *follow* side: every followed ztunnel's log, read into batches of entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztui.kube.fleet import LogFleet
from ztui.kube.logs import Backfill, LogReport, LogState, LogTarget
from ztui.model.accesslog import Reader, ShapeTable
from ztui.model.flow import Origin
from ztui.model.observation import Deliver, EntriesRead, GapFound
from ztui.model.streams import Gap, StreamKey, StreamKind
from ztui.observers.live.words import log_changed

if TYPE_CHECKING:
    from random import Random

    from ztui.clock import Clock
    from ztui.kube.client import Client
    from ztui.kube.resume import LogGap
    from ztui.observers.live.options import LiveOptions

LARGEST_BATCH_BYTES = 64 * 1024


class LogReading:
    """Reads what the streams bring and says how they are. Belongs to the *follow* thread."""

    def __init__(self, deliver: Deliver, clock: Clock) -> None:
        self._deliver = deliver
        self._clock = clock
        self._shapes = ShapeTable()
        self._readers: dict[str, Reader] = {}
        self._uids: dict[str, str] = {}  # of the newest pod under a name: its predecessor's end is not its own
        self._nodes: dict[str, str | None] = {}

    def know_nodes(self, nodes: dict[str, str | None]) -> None:
        """Learn on which node each pod (by uid) runs, before its log is read."""
        self._nodes |= nodes

    def lines_read(self, target: LogTarget, block: bytes) -> None:
        """Read a block of lines and deliver its entries, at most 64 KB at a time."""
        reader, stream = self._reader(target), _stream_of(target)
        start = 0
        while start < len(block):
            end = len(block)
            if end - start > LARGEST_BATCH_BYTES:
                end = block.rfind(b"\n", start, start + LARGEST_BATCH_BYTES) + 1
                end = end or block.index(b"\n", start) + 1
            batch = reader.feed(block[start:end] if (start, end) != (0, len(block)) else block)
            self._deliver(EntriesRead(stream=stream, batch=batch, observed_at=self._clock.now()))
            start = end

    def state_changed(self, target: LogTarget, report: LogReport) -> None:
        """Deliver how a stream is; the end of a pod that was replaced under its name is not news."""
        stream = _stream_of(target)
        if report.state is LogState.ENDED:
            self._readers.pop(target.uid, None)
            if self._uids.get(stream.of) != target.uid:
                return
        self._uids[stream.of] = target.uid
        self._deliver(log_changed(stream, report, self._clock.now()))

    def lines_lost(self, target: LogTarget, gap: LogGap) -> None:
        """Deliver that lines may be missing."""
        self._deliver(GapFound(gap=Gap(stream=_stream_of(target), first=gap.first, last=gap.last, why=gap.why)))

    def _reader(self, target: LogTarget) -> Reader:
        reader = self._readers.get(target.uid)
        if reader is None:
            origin = Origin(
                key=_stream_of(target).of,
                ztunnel=target.pod,
                namespace=target.namespace,
                node=self._nodes.get(target.uid),
            )
            reader = self._readers[target.uid] = Reader(origin, self._shapes)
        return reader


def log_fleet(client: Client, reading: LogReading, options: LiveOptions, rng: Random) -> LogFleet:
    """Make the fleet of log streams that `reading` reads."""
    since_s = None if options.since_s is None else max(1, round(options.since_s))
    return LogFleet(client, reading, backfill=Backfill(since_s=since_s, tail=options.tail), rng=rng)


def _stream_of(target: LogTarget) -> StreamKey:
    return StreamKey(kind=StreamKind.LOG, of=f"{target.namespace}/{target.pod}")
