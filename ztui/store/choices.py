"""Choices: the evidence for how a service's connections spread over its backends, gathered from logs and dumps.

A choice is counted by the time its connection was *opened*: logged time less duration, to ten seconds, like everything
that is counted in buckets. Open connections come from the dumps, those that have closed since taken off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ztui.analysis.balance import balance
from ztui.analysis.draws import BalanceResult, DrawKey, Draws, Evidence, Held, Name, OpenOnes, Window
from ztui.model.fields import split_address
from ztui.model.flow import Direction, Origin, Shape
from ztui.model.text import logged_at
from ztui.store.drawcounts import Cells, Kind, Question, add_cell
from ztui.store.heldservices import HeldServices, waypoint_service
from ztui.store.rates import BUCKET_S
from ztui.store.segments import Share
from ztui.store.settled import PAST

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.model.service import Service
    from ztui.store.inventory import OpenNow
    from ztui.store.mesh import Mesh

_QUESTIONS = 4
_UNSETTLED_BUCKETS = 12
"""Buckets at the end of all time that are kept apart: late lines still reach them, a pause may end within them."""
_NEVER = 1 << 62
"""A bucket later than all."""
_MARGIN_S = 5.0
"""How far the clocks of a ztunnel and ours, and the order of lines, may be apart."""
_MOST_NOTED = 65_536
"""Ends of connections that are remembered: more than happen between two dumps of one ztunnel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which choices are asked for, in Unix seconds of logged time; None is without a bound."""

    since: float | None = None
    until: float | None = None
    length_s: float | None = None


class Choices:
    """Answers how connections spread. `is_saved`: the dumps are files, which do not say when they were taken."""

    def __init__(self, mesh: Mesh, *, is_saved: bool = False) -> None:
        self._mesh = mesh
        self._is_saved = is_saved
        self._questions: dict[tuple[object, ...], Question] = {}
        self._index: tuple[int, HeldServices] | None = None

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

    def _question(self, service: str | None, where: FlowFilter | None) -> Question:
        mesh = self._mesh
        mesh.edges.learn()
        versions = (mesh.inventory.version, mesh.capture.watch_version)
        key = (service, where.text if where is not None else None, *versions)
        question = self._questions.pop(key, None) or Question(mesh, service, where)
        for old in [one for one in self._questions if one[2:] != versions]:
            del self._questions[old]
        while len(self._questions) >= _QUESTIONS:
            del self._questions[next(iter(self._questions))]
        self._questions[key] = question
        question.forget_shapes(4 * mesh.edges.bounds.max_shapes)
        question.learn()
        return question

    def _draws(
        self, service: str | None, span: Span, where: FlowFilter | None
    ) -> dict[str, dict[DrawKey, Draws]]:  # fmt: skip
        question = self._question(service, where)
        draws: dict[str, dict[DrawKey, Draws]] = defaultdict(dict)
        first, last = self._ends(span)
        for bucket, cells in self._buckets(question, where, first, last):
            for (name, key), cell in cells.items():
                sums = draws[name].setdefault(key, Draws())
                add_cell(sums, cell, bucket, first, last)
        self._add_open(question, draws, span)
        return draws

    def _ends(self, span: Span) -> tuple[int | None, int | None]:
        """Give the first and the last ten seconds of a span, as whole buckets."""
        window = self._mesh.edges.rates.history.window
        first = 0 if span.since is None else int(span.since // BUCKET_S)
        last = _NEVER if span.until is None else int(span.until // BUCKET_S)
        first, last = window(first, last)
        return None if span.since is None else first, None if span.until is None else last

    def _buckets(
        self, question: Question, where: FlowFilter | None, first: int | None, last: int | None
    ) -> Iterator[tuple[int, Cells]]:
        """Give what closed in each ten seconds from `first` on; what closed before was opened before."""
        if where is not None and where.needs_entry:
            yield from ((at, cells) for at, cells in self._kept(question, where) if first is None or at >= first)
            return
        rates = self._mesh.edges.rates
        history = rates.history
        since = first
        if since is None:
            since = self._settling(question, last)
            yield PAST, question.settled(history, since) if since else question.sums(history.past_shares(), PAST)
        wanted = [bucket for bucket in history.buckets() if history.end(bucket) > since]
        question.forget_buckets(set(wanted))
        for bucket in wanted:
            yield bucket, question.closed(history, bucket)
        for bucket, cells in question.growing(rates):  # late lines open old ones again
            if first is None or bucket >= first:
                yield bucket, cells

    def _settling(self, question: Question, last: int | None) -> int:
        """Choose before which bucket all is one sum: 0 where what is asked for ends within that sum."""
        rates = self._mesh.edges.rates
        before = rates.newest_bucket - _UNSETTLED_BUCKETS
        if last is not None and max(question.newest_settled, before) > last:
            return 0
        return max(before, 0)

    def _kept(self, question: Question, where: FlowFilter) -> Iterator[tuple[int, Cells]]:
        """Sum entries one by one: for filters that ask more than a shape can tell (`bytes>1MB`)."""
        mesh = self._mesh
        by_bucket: dict[int, list[Share]] = defaultdict(list)
        now = (mesh.now_logged if self._is_saved else None) or mesh.clock.now()
        for seq in mesh.entries.scan(where, mesh.inventory, now=now):
            entry = mesh.entries.entry(seq)
            at = logged_at(entry.time)
            if at is not None and question.kind(entry.shape) is not None:
                durations = (entry.duration_ms,) if entry.duration_ms is not None else ()
                sent, recv = entry.bytes_sent or 0, entry.bytes_recv or 0
                share = (entry.shape, 1, sent, recv, entry.time.encode(), durations, 1.0)
                by_bucket[int(at // BUCKET_S)].append(share)
        for bucket, shares in by_bucket.items():
            yield bucket, question.sums(shares, bucket)

    # -- what is open

    def _add_open(self, question: Question, draws: dict[str, dict[DrawKey, Draws]], span: Span) -> None:
        """Add connections that are open: to the load all of them, to the choices those first seen in the span."""
        version = self._mesh.inventory.dumps_version
        if question.open[0] != version:
            kinds = ((one, self._kind_of_open(question, one)) for one in self._mesh.inventory.connections)
            question.open = (version, [(one, kind) for one, kind in kinds if kind is not None])
        found = question.open[1]
        if found and not self._is_saved:
            self._note_ends(question)
        for one, kind in found:
            ended_at = question.ended_at.get(one.connection.src or "")
            if ended_at is not None and ended_at >= one.last_seen - _MARGIN_S:
                continue
            sums = draws[kind.service].setdefault(kind.key, Draws())
            sums.open_now += 1
            if self._is_saved or one.is_older:
                sums.open_before += 1
                continue
            is_late = span.until is not None and one.first_seen > span.until
            if not is_late and (span.since is None or one.first_seen >= span.since):
                sums.opened += 1

    def _kind_of_open(self, question: Question, one: OpenNow) -> Kind | None:
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

    def _note_ends(self, question: Question) -> None:
        """Note when connections ended, by their source's address: a dump may still show them open."""
        entries = self._mesh.entries
        first = max(question.noted_seq, entries.next_seq - _MOST_NOTED)
        for entry in entries.rows_of(lambda shape: question.kind(shape) is not None, first=first):
            if entry.src_addr is not None:
                question.ended_at[entry.src_addr] = logged_at(entry.time) or 0.0
        question.noted_seq = entries.next_seq
        if len(question.ended_at) > 2 * _MOST_NOTED:
            newest = sorted(question.ended_at.items(), key=lambda item: item[1])[-_MOST_NOTED:]
            question.ended_at = dict(newest)

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
            self._index = (inventory.version, HeldServices(inventory))
        return self._index[1].held(service)

    def _young(self, held: Held | None, since: float | None) -> frozenset[Name]:
        if held is None or since is None:
            return frozenset()
        pods = self._mesh.cluster
        names = [(workload.namespace, workload.name) for _, workload in held.endpoints]
        created = {name: pod.created_at for name in names if (pod := pods.pod(*name)) is not None}
        return frozenset(name for name, at in created.items() if at is not None and at > since)
