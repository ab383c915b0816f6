"""Nouns of the access log: what one ztunnel wrote (an entry), and what we believe happened (a flow).

Source of every field: ztunnel's `src/proxy/metrics.rs`. A value the line did not have is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntFlag, StrEnum
from itertools import compress

OPENED_LINE = "connection opened"
"""The message of a connection that begins (debug level)."""
REFUSED = "connection failed"
"""The message of an early refusal: only src.addr, dst.addr, direction and error are told."""
CLIP = 65_536
"""Characters kept of a line that is no entry."""


class Direction(StrEnum):
    """Which side reports: the client's ztunnel writes `outbound`, the server's `inbound`."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Verdict(StrEnum):
    """What became of a connection. `drained` is neutral: its pod or ztunnel went away."""

    FORWARDED = "forwarded"
    DENIED = "denied"
    FAILED = "failed"
    DRAINED = "drained"


class Measures(IntFlag):
    """Which numbers a line carried. `connection opened` and early denials carry none."""

    NONE = 0
    SENT = 1
    RECV = 2
    DURATION = 4
    ALL = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which ztunnel wrote something, as far as is known. `key` is unique within one mesh."""

    key: str
    """`namespace/pod` of a ztunnel in a cluster; a file's path, or path plus pod of its prefix, for saved logs."""
    ztunnel: str | None = None
    """Pod name; None where a file does not say."""
    namespace: str | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """Everything about an access log entry that repeats: all but time, source address and the three numbers.

    One ztunnel's reader makes one Shape for each distinct text, so shapes compare and hash by identity and
    a count per shape is a count per pair of workloads, direction, message and error, per ztunnel.
    """

    origin: Origin
    level: str
    message: str
    src_workload: str | None = None
    src_namespace: str | None = None
    src_identity: str | None = None
    src_cluster: str | None = None
    dst_addr: str | None = None
    dst_hbone_addr: str | None = None
    dst_service: str | None = None
    dst_workload: str | None = None
    dst_namespace: str | None = None
    dst_identity: str | None = None
    dst_cluster: str | None = None
    direction: str | None = None
    """As written; the two known values are those of Direction."""
    error: str | None = None
    measures: Measures = Measures.NONE
    other: tuple[tuple[str, str], ...] = ()
    """Fields this version does not know, full name and text, in the order of the line."""

    @property
    def is_opened(self) -> bool:
        """Whether this is a `connection opened` line (debug level): not yet a connection that ended."""
        return self.message == OPENED_LINE

    @property
    def verdict(self) -> Verdict | None:
        """What the line says became of the connection; None for one that has only been opened."""
        if self.is_opened:
            return None
        if self.error is None:
            return Verdict.FAILED if self.level in ("error", "warn") else Verdict.FORWARDED
        return verdict_of_error(self.error)

    @property
    def is_unread(self) -> bool:
        """Whether it went well and yet no bytes are told: it was only counted (overload), or its line said none."""
        return self.error is None and self.measures == Measures.NONE and self.verdict == Verdict.FORWARDED

    @property
    def is_mtls(self) -> bool:
        """Whether it came over HBONE: inbound with a verified source identity, outbound with an hbone_addr."""
        if self.direction == Direction.INBOUND:
            return self.src_identity is not None
        return self.dst_hbone_addr is not None


_DENIALS = ("connection closed due to policy rejection", "connection closed due to policy change", "http status: 401")
_DRAIN = "connection closed due to connection drain"
_WRAPPERS = ("send: ", "receive: ", "while closing connection: ")


def stripped_error(error: str) -> str:
    """Give the error itself, without the wrappers that only say where in the copy it happened."""
    stripped = True
    while stripped:
        stripped = False
        for wrapper in _WRAPPERS:
            if error.startswith(wrapper):
                error, stripped = error[len(wrapper) :], True
    return error


def verdict_of_error(error: str) -> Verdict:
    """Classify an error text: a policy's denial, a drain, or a failure. Wrapper prefixes are stripped first."""
    error = stripped_error(error)
    if error.startswith(_DRAIN):
        return Verdict.DRAINED
    return Verdict.DENIED if error.startswith(_DENIALS) else Verdict.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLogEntry:
    """What **one** ztunnel wrote about one connection: one half of it. Bytes are in the reporter's view."""

    seq: int
    """Its number in this process's memory; grows by one per entry kept. -1 where it was never kept."""
    time: str
    """As written: RFC 3339, UTC, six fractional digits."""
    src_addr: str | None
    shape: Shape
    bytes_sent: int | None = None
    bytes_recv: int | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A log line of any other scope, or a line no reader understands (then only `text` is set)."""

    time: str | None = None
    level: str | None = None
    scope: str | None = None
    text: str = ""

    @classmethod
    def of(cls, time: bytes, level: bytes, scope: bytes, text: bytes) -> Diagnostic:
        """Read the parts of a printable line of another scope: its text is the message, a tab, and fields."""
        message, _, fields = text.decode().partition("\t")
        said = f"{message} {fields.strip(' ')}".strip(" ")
        return cls(time=time.decode(), level=level.decode(), scope=scope.decode(), text=said[:CLIP])


RawRemark = tuple[bytes, bytes, bytes, bytes]
"""A line of another scope in its parts, as `Diagnostic.of` reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCounts:
    """Where every physical line went: `received` is the sum of all the others (asserted in the tests)."""

    received: int = 0
    entries: int = 0
    counted_only: int = 0
    """Lines that overload only counted."""
    diagnostics: int = 0
    continuation: int = 0
    """Further lines of a message that spans several (`running with config`), and blank ones."""
    unreadable: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every line is accounted for once."""
        others = self.counted_only + self.diagnostics + self.continuation + self.unreadable
        return self.received == self.entries + others

    def __add__(self, more: LineCounts) -> LineCounts:
        return LineCounts(
            received=self.received + more.received,
            entries=self.entries + more.entries,
            counted_only=self.counted_only + more.counted_only,
            diagnostics=self.diagnostics + more.diagnostics,
            continuation=self.continuation + more.continuation,
            unreadable=self.unreadable + more.unreadable,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EntryBatch:
    """Up to 64 KB of one ztunnel's log as columns; row i is `times[i], addrs[i], shapes[i], …`.

    A number the line did not have is 0 in its column; `shapes[i].measures` tells. Numbers that do not fit 64 bits
    stay text in `Shape.other`. Times and addresses are UTF-8 bytes without control characters.
    """

    origin: Origin
    times: list[bytes] = field(default_factory=list)
    addrs: list[bytes] = field(default_factory=list)
    """`src.addr` as written; b"" where the line had none."""
    shapes: list[Shape] = field(default_factory=list)
    sent: Sequence[int] = ()
    recv: Sequence[int] = ()
    duration_ms: Sequence[int] = ()
    earliest: bytes = b""
    latest: bytes = b""
    """The least and the greatest of `times`; b"" for a batch without entries. Mostly they share their second."""
    refused: tuple[int, ...] = ()
    """Rows of early refusals (`connection failed`), which name no source but its address."""
    remarks: tuple[Diagnostic | RawRemark, ...] = ()
    lines: LineCounts = LineCounts()
    byte_count: int = 0

    def __len__(self) -> int:
        return len(self.shapes)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Lines of other scopes, and those nobody understands; read when somebody asks."""
        return tuple(each if isinstance(each, Diagnostic) else Diagnostic.of(*each) for each in self.remarks)


def failed_of(batch: EntryBatch) -> EntryBatch:
    """Give only those rows of a batch that tell of a failure or a denial."""
    failed = [shape.level in ("error", "warn") for shape in batch.shapes]
    if all(failed):
        return batch
    return replace(
        batch,
        times=list(compress(batch.times, failed)),
        addrs=list(compress(batch.addrs, failed)),
        shapes=list(compress(batch.shapes, failed)),
        sent=list(compress(batch.sent, failed)),
        recv=list(compress(batch.recv, failed)),
        duration_ms=list(compress(batch.duration_ms, failed)),
        refused=tuple(sum(failed[:i]) for i in batch.refused),
    )


@dataclass(slots=True)
class Tally:
    """Sums over entries of one shape whose rows were not kept. Mutable while it is summed, then handed over."""

    entries: int = 0
    bytes_sent: int = 0
    bytes_recv: int = 0
    durations_ms: dict[int, int] = field(default_factory=dict)
    """Duration → how many; bounded by rounding to two significant digits above 100 ms."""

    def add(self, sent: int, recv: int, duration_ms: int | None) -> None:
        """Count one entry."""
        self.entries += 1
        self.bytes_sent += sent
        self.bytes_recv += recv
        if duration_ms is not None:
            rounded = round_duration(duration_ms)
            self.durations_ms[rounded] = self.durations_ms.get(rounded, 0) + 1


def round_duration(duration_ms: int) -> int:
    """Two significant digits above 100 ms: at most 5 % off, and a bounded number of distinct values."""
    if duration_ms <= 100:
        return duration_ms
    unit: int = 10 ** (len(str(duration_ms)) - 2)
    return duration_ms // unit * unit


class Half(StrEnum):
    """Which ztunnel's view of a connection is at hand."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What we believe happened: one connection with its outbound and/or inbound entry."""

    outbound: AccessLogEntry | None = None
    inbound: AccessLogEntry | None = None
    missing: Half | None = None
    missing_because: str | None = None
    confidence: float = 1.0
    """0–1: how sure it is that the two halves belong together; 1.0 for a lone half, which claims nothing."""

    @property
    def entry(self) -> AccessLogEntry:
        """The half that tells most about the client: the outbound one where it was seen."""
        entry = self.outbound or self.inbound
        assert entry is not None, "a flow has at least one half"
        return entry
