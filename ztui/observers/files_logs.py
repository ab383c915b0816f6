"""Saved logs on their way to entries: one ztunnel's, or several pods' lines mixed by `kubectl logs --prefix`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ztui.model.accesslog import LINE_LIMIT, Reader, ShapeTable
from ztui.model.flow import LineCounts, Origin
from ztui.model.observation import Deliver, EntriesRead, StreamChanged
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.observers.files_kind import Unreadable, beginning

if TYPE_CHECKING:
    from ztui.clock import Clock

BATCH_BYTES = 256 * 1024
"""Bytes to one batch: what each costs besides its lines is a twentieth less than with 64 KiB."""

_PREFIX = rb"\[pod/[^/\]\s]+/[^\]\s]+\] "
_RUN = re.compile(rb"(%b).*\n(?:\1.*\n)*|(?:(?!%b).*\n)+" % (_PREFIX, _PREFIX))
_NODE = re.compile(rb"(?:\\n|\b)localNode: ([A-Za-z0-9][A-Za-z0-9.-]*)(?=\\n|\s)")


def node_in(head: bytes) -> str | None:
    """Find the node a ztunnel names in the configuration it logs when it starts."""
    found = _NODE.search(head)
    return found[1].decode() if found else None


class _Log:
    """One ztunnel's lines."""

    def __init__(self, origin: Origin, deliver: Deliver, clock: Clock, shapes: ShapeTable) -> None:
        self.stream = StreamKey(kind=StreamKind.FILE, of=origin.key)
        self._reader = Reader(origin, shapes)
        self._deliver = deliver
        self._clock = clock
        self.lines = LineCounts()
        deliver(StreamChanged(stream=self.stream, state=StreamState.CONNECTED, at=clock.now()))

    def take(self, data: bytes) -> None:
        if len(data) <= BATCH_BYTES:
            self._put(data)
            return
        for at in range(0, len(data), BATCH_BYTES):
            self._put(data[at : at + BATCH_BYTES])

    def _put(self, data: bytes | None) -> None:
        """Read a piece and deliver its entries; None ends the log."""
        batch = self._reader.finish() if data is None else self._reader.feed(data)
        if batch.lines.received or batch.byte_count:
            self.lines += batch.lines
            self._deliver(EntriesRead(stream=self.stream, batch=batch, observed_at=self._clock.now()))

    def end(self) -> None:
        self._put(None)

    def close(self) -> None:
        self._deliver(StreamChanged(stream=self.stream, state=StreamState.GONE, at=self._clock.now()))


class LogSink:
    """One file of log lines."""

    def __init__(self, path: str, head: bytes, deliver: Deliver, clock: Clock, shapes: ShapeTable) -> None:
        self._head = head[:BATCH_BYTES]
        self._log = _Log(Origin(key=path, node=node_in(head)), deliver, clock, shapes)
        self.take = self._log.take

    def end(self) -> None:
        """Read the last line. Raises Unreadable where no line was one of a log."""
        self._log.end()
        refuse_foreign_lines(self._log.lines, self._head)
        self._log.close()


class PrefixedSink:
    """One file of lines of several pods: each pod's lines are a log of their own, in the order they came."""

    def __init__(self, path: str, head: bytes, deliver: Deliver, clock: Clock, shapes: ShapeTable) -> None:
        self._path = path
        self._head = head[:BATCH_BYTES]
        self._deliver, self._clock, self._shapes = deliver, clock, shapes
        self._logs: dict[bytes, _Log] = {}
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Hand each pod its lines of this block."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._rest = (self._rest + data)[: LINE_LIMIT + 1]
            return
        block = self._rest + data[:end]
        self._rest = data[end:]
        for prefix, lines in _by_prefix(block).items():
            self._log_of(prefix, lines).take(lines)

    def _log_of(self, prefix: bytes, lines: bytes) -> _Log:
        log = self._logs.get(prefix)
        if log is None:
            pod = prefix[len(b"[pod/") :].partition(b"/")[0].decode("utf-8", "replace")
            origin = Origin(
                key=f"{self._path} {pod}" if pod else self._path, ztunnel=pod or None, node=node_in(lines[:BATCH_BYTES])
            )
            log = self._logs[prefix] = _Log(origin, self._deliver, self._clock, self._shapes)
        return log

    def end(self) -> None:
        """Read what is left. Raises Unreadable where no line was one of a log."""
        if self._rest:
            self.take(b"\n")
        for log in self._logs.values():
            log.end()
        refuse_foreign_lines(sum((log.lines for log in self._logs.values()), LineCounts()), self._head)
        for log in self._logs.values():
            log.close()


def _by_prefix(block: bytes) -> dict[bytes, bytes]:
    """Sort whole lines by the prefix before them, which is taken off; lines without one stand under b""."""
    found: dict[bytes, list[bytes]] = {}
    for run in _RUN.finditer(block):
        prefix = run[1] or b""
        lines = run[0]
        if prefix:
            lines = lines[len(prefix) :].replace(b"\n" + prefix, b"\n")
        found.setdefault(prefix, []).append(lines)
    return {prefix: runs[0] if len(runs) == 1 else b"".join(runs) for prefix, runs in found.items()}


def refuse_foreign_lines(lines: LineCounts, head: bytes) -> None:
    """Raise Unreadable where not one line was of a log."""
    if lines.received and not lines.entries and lines.diagnostics == lines.counted_only == 0:
        raise Unreadable(f"no line of it is a ztunnel's; it begins with {beginning(head)!r}")
