"""Choices: the evidence for how a service's connections spread over its backends, gathered from logs and dumps.

A choice is counted by the time its connection was *opened*: logged time less duration, to ten seconds, like everything
that is counted in buckets. Open connections come from the dumps, those that have closed since taken off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ztui.analysis.balance import balance
from ztui.analysis.draws import BalanceResult, DrawKey, Draws, Evidence, Held, Hop, Name, OpenOnes, Window
from ztui.model.fields import service_names, service_of, split_address
from ztui.model.flow import Direction, Measures, Origin, Shape, Verdict
from ztui.store.rates import BUCKET_S, Share, is_other, logged_at

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.model.service import Service
    from ztui.model.workload import Waypoint, Workload
    from ztui.store.inventory import Inventory, OpenNow
    from ztui.store.mesh import Mesh

_SHORT_MS = BUCKET_S * 500
"""A duration up to which a connection was opened in the ten seconds it closed in, as far as buckets can tell."""
_DURATION = Measures.DURATION.value
_QUESTIONS = 4
_MARGIN_S = 5.0
"""How far the clocks of a ztunnel and ours, and the order of lines, may be apart."""
_MOST_SCANNED = 65_536
_PAGE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which choices are asked for, in Unix seconds of logged time; None is without a bound."""

    since: float | None = None
    until: float | None = None
    length_s: float | None = None


class _Kind(NamedTuple):
    """What the entries of one shape stand for."""

    service: str
    key: DrawKey
    is_failed: bool
    is_flipped: bool
    has_durations: bool


class _Cell:
    """What one bucket knows of one kind of draw."""

    __slots__ = ("entries", "failed", "opened", "recv", "sent")

    def __init__(self) -> None:
        self.entries = self.failed = self.sent = self.recv = 0
        self.opened: dict[int, float] = {}
        """Ten seconds in which connections were opened → how many."""


_Cells = dict[tuple[str, DrawKey], _Cell]


class _Question:
    """One service (or all) through one filter, with the sums of closed buckets as far as they were needed."""

    def __init__(self, mesh: Mesh, service: str | None, where: FlowFilter | None) -> None:
        self._inventory, self._capture = mesh.inventory, mesh.capture
        self.service = service
        self._judge = where.judge(mesh.inventory) if where is not None else None
        self.kinds: dict[Shape, _Kind | None] = {}
        self.closed: dict[int, tuple[int, _Cells]] = {}
        self.open: tuple[int, list[tuple[OpenNow, _Kind]]] = (-1, [])
        """Version of the dumps, and what is open in them."""

    def kind(self, shape: Shape) -> _Kind | None:
        """Tell what a shape's entries stand for; None where they are no choices, or filtered out."""
        try:
            return self.kinds[shape]
        except KeyError:
            kind = self.kinds[shape] = self._kind(shape)
            return kind

    def _kind(self, shape: Shape) -> _Kind | None:
        service = service_of(shape, self._inventory)
        if service is None or (self.service is not None and service != self.service):
            return None
        if is_other(shape) or not self._capture.is_counted(shape):
            return None
        if self._judge is not None and self._judge(shape) is False:
            return None
        is_failed = shape.verdict in (Verdict.DENIED, Verdict.FAILED)
        backend = self._backend(shape)
        if backend is None and not is_failed:
            return None
        source = (shape.src_namespace, shape.src_workload or "")
        return _Kind(
            service=service,
            key=DrawKey(hop_of(shape, service, self._inventory), source, backend),
            is_failed=is_failed,
            is_flipped=shape.direction == Direction.INBOUND,
            has_durations=bool(shape.measures.value & _DURATION),
        )

    def _backend(self, shape: Shape) -> Name | None:
        if shape.dst_workload:
            return shape.dst_namespace, shape.dst_workload
        host = split_address(shape.dst_addr)[0]
        return None if host is None or self._inventory.service_at(host) is not None else (None, host)

    def cells(self, bucket: int | None, shares: Iterable[Share]) -> _Cells:
        """Sum one bucket (None: the time before all buckets, of which only counts are known)."""
        cells: _Cells = {}
        for shape, entries, sent, recv, _, durations, weight in shares:
            kind = self.kind(shape)
            if kind is None:
                continue
            cell = cells.get((kind.service, kind.key))
            if cell is None:
                cell = cells[kind.service, kind.key] = _Cell()
            cell.entries += entries
            cell.failed += entries if kind.is_failed else 0
            cell.sent += recv if kind.is_flipped else sent
            cell.recv += sent if kind.is_flipped else recv
            if bucket is not None:
                _add_opened(cell.opened, bucket, entries, durations if kind.has_durations else (), weight)
        return cells


def _add_opened(
    opened: dict[int, float], bucket: int, entries: int, durations_ms: Sequence[int], weight: float
) -> None:
    """Count in which ten seconds entries that closed in `bucket` were opened: from its middle back by the duration."""
    if not durations_ms or max(durations_ms) <= _SHORT_MS:
        opened[bucket] = opened.get(bucket, 0) + entries
        return
    for duration in durations_ms:
        at = bucket - (duration + _SHORT_MS - 1) // (BUCKET_S * 1000) if duration > _SHORT_MS else bucket
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


def waypoint_service(waypoint: Waypoint | None, inventory: Inventory) -> Service | None:
    """Find the service that stands for a waypoint, by its name or its address."""
    if waypoint is None:
        return None
    if waypoint.ip is not None:
        return inventory.service_at(waypoint.ip)
    return inventory.service(f"{waypoint.namespace}/{waypoint.hostname}")


class Choices:
    """Answers how connections spread. `is_saved`: the dumps are files, which do not say when they were taken."""

    def __init__(self, mesh: Mesh, *, is_saved: bool = False) -> None:
        self._mesh = mesh
        self._is_saved = is_saved
        self._questions: dict[tuple[object, ...], _Question] = {}
        self._index: tuple[int, _Index] | None = None

    # -- answers

    def balance(self, service: str, span: Span, where: FlowFilter | None = None) -> BalanceResult:
        """Give the balance of one service, by its hostname."""
        draws = self._draws(service, span, where)
        return balance(self._evidence(service, span, draws.get(service, {})))

    def balances(self, span: Span, where: FlowFilter | None = None) -> list[BalanceResult]:
        """Give the balance of every service connections were seen for, the busiest first."""
        found = [balance(self._evidence(*item)) for item in self._all(span, where)]
        return sorted(found, key=lambda one: (-one.n, one.service))

    def _all(self, span: Span, where: FlowFilter | None) -> Iterator[tuple[str, Span, dict[DrawKey, Draws]]]:
        for service, draws in self._draws(None, span, where).items():
            yield service, span, draws

    def busiest(self, window_s: float | None, now: float | None, where: FlowFilter | None = None) -> str | None:
        """Give the hostname of the service with the most connections; preferably one with several backends."""
        counts: dict[str, tuple[bool, int]] = {}
        plain = where if where is not None and not where.needs_entry else None
        for row in self._mesh.edges.rows(("dst.service",), where=plain, window_s=window_s, now=now):
            hostname = row.keys.get("dst.service")
            if hostname:
                held = self._mesh.inventory.service(hostname)
                counts[hostname] = (held is not None and len(held.endpoints) > 1, row.flows)
        return max(counts, key=lambda name: (counts[name], name), default=None)

    # -- counting

    def _question(self, service: str | None, where: FlowFilter | None) -> _Question:
        mesh = self._mesh
        mesh.edges.learn()
        versions = (mesh.inventory.version, mesh.capture.version)
        key = (service, where.text if where is not None else None, *versions)
        question = self._questions.pop(key, None) or _Question(mesh, service, where)
        for old in [one for one in self._questions if one[2:] != versions]:
            del self._questions[old]
        while len(self._questions) >= _QUESTIONS:
            del self._questions[next(iter(self._questions))]
        self._questions[key] = question
        if len(question.kinds) > 4 * mesh.edges.rates.max_shapes:
            question.kinds.clear()
        return question

    def _draws(
        self, service: str | None, span: Span, where: FlowFilter | None
    ) -> dict[str, dict[DrawKey, Draws]]:  # fmt: skip
        question = self._question(service, where)
        draws: dict[str, dict[DrawKey, Draws]] = defaultdict(dict)
        first = None if span.since is None else int(span.since // BUCKET_S)
        last = None if span.until is None else int(span.until // BUCKET_S)
        for bucket, cells in self._buckets(question, where, first):
            for (name, key), cell in cells.items():
                sums = draws[name].setdefault(key, Draws())
                _add(sums, cell, bucket, first, last)
        self._add_open(question, draws, span)
        return draws

    def _buckets(
        self, question: _Question, where: FlowFilter | None, first: int | None
    ) -> Iterator[tuple[int | None, _Cells]]:
        """Give what closed in each ten seconds from `first` on; what closed before was opened before."""
        if where is not None and where.needs_entry:
            yield from ((at, cells) for at, cells in self._kept(question, where) if first is None or at >= first)
            return
        rates = self._mesh.edges.rates
        if first is None:
            yield None, question.cells(None, rates.past_shares())
        closed = rates.closed_buckets()
        for bucket in question.closed.keys() - set(closed):
            del question.closed[bucket]
        for bucket in closed:
            if first is None or bucket >= first:
                parts = rates.closed_parts(bucket)
                known = question.closed.get(bucket)
                if known is None or known[0] != parts:
                    known = question.closed[bucket] = (parts, question.cells(bucket, rates.closed_shares(bucket)))
                yield bucket, known[1]
        for bucket in rates.open_buckets():
            if first is None or bucket >= first:
                yield bucket, question.cells(bucket, rates.open_shares(bucket))

    def _kept(self, question: _Question, where: FlowFilter) -> Iterator[tuple[int, _Cells]]:
        """Sum entries one by one: for filters that ask more than a shape can tell (`bytes>1MB`)."""
        mesh = self._mesh
        by_bucket: dict[int, list[Share]] = defaultdict(list)
        for seq in mesh.entries.scan(where, mesh.inventory, now=mesh.clock.now()):
            entry = mesh.entries.entry(seq)
            at = logged_at(entry.time)
            if at is not None and question.kind(entry.shape) is not None:
                durations = (entry.duration_ms,) if entry.duration_ms is not None else ()
                sent, recv = entry.bytes_sent or 0, entry.bytes_recv or 0
                share = (entry.shape, 1, sent, recv, entry.time.encode(), durations, 1.0)
                by_bucket[int(at // BUCKET_S)].append(share)
        for bucket, shares in by_bucket.items():
            yield bucket, question.cells(bucket, shares)

    # -- what is open

    def _add_open(self, question: _Question, draws: dict[str, dict[DrawKey, Draws]], span: Span) -> None:
        """Add connections that are open: to the load all of them, to the choices those first seen in the span."""
        version = self._mesh.inventory.dumps_version
        if question.open[0] != version:
            kinds = ((one, self._kind_of_open(question, one)) for one in self._mesh.inventory.connections)
            question.open = (version, [(one, kind) for one, kind in kinds if kind is not None])
        found = question.open[1]
        ended = set() if self._is_saved else self._ended(question, [one for one, _ in found])
        for one, kind in found:
            if one.connection.src in ended:
                continue
            sums = draws[kind.service].setdefault(kind.key, Draws())
            sums.open_now += 1
            if self._is_saved or one.is_older:
                sums.open_before += 1
                continue
            is_late = span.until is not None and one.first_seen > span.until
            if not is_late and (span.since is None or one.first_seen >= span.since):
                sums.opened += 1

    def _kind_of_open(self, question: _Question, one: OpenNow) -> _Kind | None:
        """Tell what an open connection stands for: as if its ztunnel had logged it. Inbound rows stand for tunnels."""
        connection, inventory = one.connection, self._mesh.inventory
        if connection.direction is not Direction.OUTBOUND:
            return None
        vip, port = split_address(connection.original_dst)
        host = split_address(connection.actual_dst)[0]
        service = inventory.service_at(vip) if vip else None
        backend = inventory.workload_at(host) if host else None
        if service is None or backend is None or question.service not in (None, service.hostname):
            return None
        is_endpoint = any(backend.uid in (e.workload_uid, e.key) for e in service.endpoints)
        is_onward = not is_endpoint and service.waypoint is not None
        inner = connection.original_dst if is_onward else f"{host}:{service.ports.get(port or 0) or port}"
        shape = Shape(
            origin=Origin(key=one.row.ztunnel, node=one.row.node),
            level="info",
            message="",
            src_workload=connection.name,
            src_namespace=connection.namespace,
            dst_addr=connection.actual_dst,
            dst_hbone_addr=inner if connection.protocol != "TCP" else None,
            dst_service=service.hostname,
            dst_workload=backend.name,
            dst_namespace=backend.namespace,
            direction=Direction.OUTBOUND,
        )
        kind = question.kind(shape)
        del question.kinds[shape]  # made for this moment: no entry will ever have it
        return kind

    def _ended(self, question: _Question, found: Sequence[OpenNow]) -> set[str]:
        """Give the addresses of those whose end was logged after the dump that shows them open was taken."""
        if not found:
            return set()
        entries, taken_at = self._mesh.entries, min(one.last_seen for one in found)
        lowest = max(entries.first_seq, entries.next_seq - _MOST_SCANNED)
        first = entries.next_seq
        while first > lowest:
            first = max(lowest, first - _PAGE)
            at = logged_at(entries.time(first))
            if at is not None and at < taken_at - _MARGIN_S:
                break
        rows = entries.rows_of(lambda shape: question.kind(shape) is not None, first=first)
        return {
            entry.src_addr
            for entry in rows
            if entry.src_addr is not None and (logged_at(entry.time) or 0.0) >= taken_at - _MARGIN_S
        }

    # -- what the dumps tell

    def _evidence(self, service: str, span: Span, draws: dict[DrawKey, Draws]) -> Evidence:
        inventory = self._mesh.inventory
        held = inventory.service(service)
        waypoint = waypoint_service(held.waypoint, inventory) if held is not None else None
        oldest = self._mesh.edges.rates.oldest_bucket
        newest = self._mesh.edges.rates.newest_bucket
        until = span.until if span.until is not None else (newest + 1) * BUCKET_S if newest else None
        own = self._held(held)
        names = {key.source for key in draws}
        known = {name: workload for name in names if (workload := inventory.workload(*name)) is not None}
        return Evidence(
            service=service,
            window=Window(
                since=span.since,
                until=until,
                length_s=span.length_s,
                observed_since=oldest * BUCKET_S if oldest is not None else None,
            ),
            draws=draws,
            held=own,
            waypoint=self._held(waypoint),
            has_dumps=bool(inventory.dumps),
            sources=known,
            young=self._young(own, span.since),
            open_ones=self._open_ones(),
        )

    def _open_ones(self) -> OpenOnes:
        if not any(
            state.connections is not None for d in self._mesh.inventory.dumps.values() for state in d.dump.states
        ):
            return OpenOnes.UNKNOWN
        return OpenOnes.SAVED if self._is_saved else OpenOnes.KNOWN

    def _held(self, service: Service | None) -> Held | None:
        if service is None:
            return None
        inventory = self._mesh.inventory
        if self._index is None or self._index[0] != inventory.version:
            self._index = (inventory.version, _Index(inventory))
        return self._index[1].held(service)

    def _young(self, held: Held | None, since: float | None) -> frozenset[Name]:
        if held is None or since is None:
            return frozenset()
        pods = self._mesh.cluster
        names = [(workload.namespace, workload.name) for _, workload in held.endpoints]
        created = {name: pod.created_at for name in names if (pod := pods.pod(*name)) is not None}
        return frozenset(name for name, at in created.items() if at is not None and at > since)


class _Index:
    """Services with their workloads, as long as the dumps say the same."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._agreed = {row.key: row.is_agreed for row in inventory.services}
        self._unhealthy: defaultdict[str, list[Workload]] = defaultdict(list)
        self._held: dict[str, Held] = {}
        for row in inventory.workloads:
            if row.item.is_healthy is False:
                for service in row.item.services:
                    self._unhealthy[service].append(row.item)

    def held(self, service: Service) -> Held:
        held = self._held.get(service.key)
        if held is None:
            uids = (
                (endpoint, endpoint.workload_uid or endpoint.key.partition(":")[0]) for endpoint in service.endpoints
            )
            found = [(endpoint, self._inventory.workload_of(uid)) for endpoint, uid in uids]
            endpoints = tuple((endpoint, workload) for endpoint, workload in found if workload is not None)
            drawn = {workload.key for _, workload in endpoints}
            held = self._held[service.key] = Held(
                service=service,
                endpoints=endpoints,
                unhealthy=tuple(one for one in self._unhealthy.get(service.key, ()) if one.key not in drawn),
                is_agreed=self._agreed.get(service.key, True),
            )
        return held


def _add(sums: Draws, cell: _Cell, bucket: int | None, first: int | None, last: int | None) -> None:
    """Add a bucket: choices by when they were opened, load and failures by when they ended."""
    if bucket is None or last is None or bucket <= last:
        sums.failed += cell.failed
        sums.bytes_sent += cell.sent
        sums.bytes_recv += cell.recv
    if bucket is None:
        sums.closed += cell.entries
        return
    for at, count in cell.opened.items():
        if (first is None or at >= first) and (last is None or at <= last):
            sums.closed += count


def names_of(service: str, held: Service | None) -> tuple[str, ...]:
    """Every way a user may write a service."""
    names = dict.fromkeys(service_names(service))
    if held is not None:
        named = (held.hostname, held.name, f"{held.name}.{held.namespace}", f"{held.namespace}/{held.name}", held.key)
        names |= dict.fromkeys(named)
    return tuple(names)
