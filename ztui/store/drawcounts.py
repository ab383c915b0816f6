"""What entries stand for as choices: whose, of which backend, drawn by whom; and sums of them by ten seconds.

Logged time less duration is when a connection was opened; buckets tell it to ten seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ztui.analysis.draws import DrawKey, Draws, Hop, Name
from ztui.model.fields import service_of, split_address
from ztui.model.flow import Direction, Measures, Shape, Verdict
from ztui.store.capture import Doubts
from ztui.store.heldservices import waypoint_service
from ztui.store.others import is_other
from ztui.store.rates import BUCKET_S
from ztui.store.segments import Share
from ztui.store.settled import PAST, Kept

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.store.inventory import Inventory, OpenNow
    from ztui.store.mesh import Mesh
    from ztui.store.rates import Rates

_SHORT_MS = BUCKET_S * 500
"""A duration up to which a connection was opened in the ten seconds it closed in, as far as buckets can tell."""
_DURATION = Measures.DURATION.value


class Kind(NamedTuple):
    """What the entries of one shape stand for."""

    service: str
    key: DrawKey
    is_failed: bool
    is_flipped: bool
    has_durations: bool
    is_unread: bool
    is_doubted: bool
    """Whether its entries would count no more once it is known that their source is captured."""


class Cell:
    """What one bucket knows of one kind of draw."""

    __slots__ = ("entries", "failed", "opened", "recv", "sent", "unread")

    def __init__(self) -> None:
        self.entries = self.failed = self.unread = self.sent = self.recv = 0
        self.opened: dict[int, float] = {}
        """Ten seconds in which connections were opened → how many."""

    @classmethod
    def settled(cls, known: Cell | None, more: Cell) -> Cell:
        """Add up for good: when connections were opened is forgotten."""
        total = cls()
        for part in (more,) if known is None else (known, more):
            total.entries += part.entries
            total.failed += part.failed
            total.unread += part.unread
            total.sent += part.sent
            total.recv += part.recv
        return total


Cells = dict[tuple[str, DrawKey], Cell]


class Question(Kept[tuple[str, DrawKey], Cell, tuple[int, Cells]]):
    """One service (or all) through one filter, with the sums of closed buckets as far as they were needed."""

    def __init__(self, mesh: Mesh, service: str | None, where: FlowFilter | None) -> None:
        super().__init__()
        self._inventory, self._capture = mesh.inventory, mesh.capture
        self.service = service
        self._judge = where.judge(mesh.inventory) if where is not None else None
        self._as_they_are = where is not None and "dir" in where.keys
        self.kinds: dict[Shape, Kind | None] = {}
        self._doubts = Doubts(mesh.capture)
        self._first: dict[Shape, int] = {}
        """The first bucket in which a doubted shape was counted."""
        self.open: tuple[int, list[tuple[OpenNow, Kind]]] = (-1, [])
        """Version of the dumps, and what is open in them."""
        self.ended_at: dict[str, float] = {}
        """Address of a source → when its connection ended, of entries up to `noted_seq`."""
        self.noted_seq = 0

    def kind(self, shape: Shape) -> Kind | None:
        """Tell what a shape's entries stand for; None where they are no choices, or filtered out."""
        try:
            return self.kinds[shape]
        except KeyError:
            kind = self.kinds[shape] = self._kind(shape)
            return kind

    def _kind(self, shape: Shape) -> Kind | None:
        service = service_of(shape, self._inventory)
        if service is None or (self.service is not None and service != self.service):
            return None
        if is_other(shape) or not self._counts(shape):
            return None
        if self._judge is not None and self._judge(shape) is False:
            return None
        is_failed = shape.verdict in (Verdict.DENIED, Verdict.FAILED)
        backend = self._backend(shape)
        if backend is None and not is_failed:
            return None
        source = (shape.src_namespace, shape.src_workload or "")
        sources = () if self._as_they_are else self._doubts.note(shape)
        return Kind(
            service=service,
            key=DrawKey(hop_of(shape, service, self._inventory), source, backend),
            is_failed=is_failed,
            is_flipped=shape.direction == Direction.INBOUND,
            has_durations=bool(shape.measures.value & _DURATION),
            is_unread=shape.is_unread,
            is_doubted=bool(sources),
        )

    def _counts(self, shape: Shape) -> bool:
        """Whether entries are connections; a filter by direction takes them as they are."""
        return not shape.is_opened if self._as_they_are else self._capture.is_counted(shape)

    def _backend(self, shape: Shape) -> Name | None:
        if shape.dst_workload:
            return shape.dst_namespace, shape.dst_workload
        host = split_address(shape.dst_addr)[0]
        return None if host is None or self._inventory.service_at(host) is not None else (None, host)

    def learn(self) -> None:
        """Take the shapes out of the count whose sources are known to be captured by now."""
        wrong = self._doubts.take_refuted()
        firsts = [self._first.pop(shape) for shape in wrong if self.kinds.get(shape) and shape in self._first]
        self.kinds.update(dict.fromkeys(wrong))
        if firsts:
            self.forget_since(min(firsts))

    def forget_shapes(self, limit: int) -> None:
        """Keep the memory of shapes bounded; sums that nobody could correct any more go with it."""
        if len(self.kinds) > limit:
            self.kinds.clear()
            self._doubts.clear()
            self._first.clear()
            self.forget_since(PAST)

    def growing(self, rates: Rates) -> Iterator[tuple[int, Cells]]:
        """Sum the buckets that are still open, each anew only where something came to it."""
        known, self._growing = self._growing, {}
        for bucket in rates.open_buckets():
            state = rates.open_state(bucket)
            found = known.get(bucket)
            if found is None or found[0] != state:
                found = (state, self.sums(rates.open_shares(bucket), bucket))
            self._growing[bucket] = found
            yield bucket, found[1]

    total = staticmethod(Cell.settled)

    def sums(self, shares: Iterable[Share], bucket: int, length: int = 1) -> Cells:
        """Sum one bucket, or the time before all buckets (PAST), of which only counts are known."""
        cells: Cells = {}
        kinds = self.kinds
        for shape, entries, sent, recv, _, durations, weight in shares:
            kind = kinds[shape] if shape in kinds else self.kind(shape)
            if kind is None:
                continue
            if kind.is_doubted and bucket < self._first.get(shape, bucket + 1):
                self._first[shape] = bucket
            cell = cells.get((kind.service, kind.key))
            if cell is None:
                cell = cells[kind.service, kind.key] = Cell()
            cell.entries += entries
            cell.failed += entries if kind.is_failed else 0
            cell.unread += entries if kind.is_unread else 0
            cell.sent += recv if kind.is_flipped else sent
            cell.recv += sent if kind.is_flipped else recv
            if bucket != PAST:
                _add_opened(cell.opened, (bucket, length), entries, durations if kind.has_durations else (), weight)
        return cells


def _add_opened(
    opened: dict[int, float], closed: tuple[int, int], entries: int, durations_ms: Sequence[int], weight: float
) -> None:
    """Count in which ten seconds entries were opened that `closed` in this bucket, a number of tens of seconds long.

    Counted back from its middle; what was opened and closed in one bucket cannot be told apart further.
    """
    bucket, length = closed
    half_ms = length * _SHORT_MS
    if not durations_ms or max(durations_ms) <= half_ms:
        opened[bucket] = opened.get(bucket, 0) + entries
        return
    for duration in durations_ms:
        at = bucket + (half_ms - duration) // (BUCKET_S * 1000) if duration > half_ms else bucket
        opened[at] = opened.get(at, 0) + weight


def hop_of(shape: Shape, service: str, inventory: Inventory) -> Hop:
    """Tell who chose the destination of a counted entry, as far as the entry and the dumps tell."""
    if shape.direction != Direction.INBOUND:
        inner = split_address(shape.dst_hbone_addr)[0] if shape.dst_hbone_addr is not None else None
        is_onward = shape.dst_hbone_addr is not None and inner != split_address(shape.dst_addr)[0]
        return Hop.WAYPOINT if is_onward else Hop.BACKEND
    if not shape.is_mtls:
        return Hop.ELSEWHERE
    source = inventory.workload(shape.src_namespace, shape.src_workload)
    if source is None:
        return Hop.BACKEND
    held = inventory.service(service)
    waypoint = waypoint_service(held.waypoint, inventory) if held is not None else None
    is_waypoint = waypoint is not None and waypoint.key in source.services
    return Hop.ELSEWHERE if source.native_tunnel or is_waypoint else Hop.BACKEND


def add_cell(sums: Draws, cell: Cell, bucket: int, first: int | None, last: int | None) -> None:
    """Add a bucket: choices by when they were opened, load and failures by when they ended."""
    if last is None or bucket <= last:
        sums.failed += cell.failed
        sums.ended += cell.entries
        sums.unread += cell.unread
        sums.bytes_sent += cell.sent
        sums.bytes_recv += cell.recv
    if bucket == PAST:
        sums.closed += cell.entries
        return
    for at, count in cell.opened.items():
        if (first is None or at >= first) and (last is None or at <= last):
            sums.closed += count
