"""The connections of the mesh: who opens them, which backend ztunnel draws, and what both ends write down."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from itertools import accumulate

from ztui.simulator.accesslog import Route, Side, refused
from ztui.simulator.balance import Candidates, candidates_for, choose, locality_class
from ztui.simulator.clock import MILLI, SECOND
from ztui.simulator.cluster import App, Cluster, Pod, Service, Workload
from ztui.simulator.levels import LEVELS
from ztui.simulator.metrics import Series, traffic_labels
from ztui.simulator.schedule import Schedule
from ztui.simulator.ztunnel import Ztunnel

HBONE_PORT = 15008
DRAINED = "connection closed due to connection drain"
REFUSED = "io error: Connection refused (os error 111)"
TIMED_OUT = "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed"
_CONNECT_DEADLINE_US = 10 * SECOND


@dataclass(slots=True, eq=False, kw_only=True)
class Lane:
    """One habit of one app: how often its pods open a connection to a destination, and what they send."""

    client: App
    service: Service | None = None
    address: str = ""
    """`ip:port` outside everything the mesh knows, where there is no service."""
    share: float = 1.0
    """Its part of all connections, relative to the other lanes."""
    sent: int = 200
    recv: int = 1_500
    """Median bytes of a request and of a response."""
    ms: float = 12.0
    """Median duration."""
    spread: float = 0.7


@dataclass(slots=True, eq=False, kw_only=True)
class Pair:
    """What repeats between two workloads: both ztunnels' words and counters, and the tunnel they share."""

    out: Ztunnel | None
    into: Ztunnel | None
    route: Route
    out_side: Side | None = None
    in_side: Side | None = None
    out_series: Series | None = None
    in_series: Series | None = None
    port: int = 0
    tunnel_port: int = 0
    refusal: str | None = None
    mesh_version: int = -1


@dataclass(slots=True, eq=False)
class Connection:
    """One connection while it is open."""

    pair: Pair
    port: int
    opened_us: int
    closes_us: int
    sent: int
    recv: int
    dialled: str
    ended: bool = False
    server_ended: bool = False
    """Whether the server's ztunnel has written its half, or never will."""


@dataclass(slots=True, eq=False)
class Traffic:
    """All connections. Asked for a rate, it plans its own arrivals in the schedule."""

    cluster: Cluster
    ztunnels: dict[str, Ztunnel]
    schedule: Schedule
    draw: random.Random
    rate: float
    """Log lines a second that all ztunnels together are to write."""
    lanes: list[Lane] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    """Addresses whose port 15008 a firewall drops."""
    _sums: list[float] = field(default_factory=list)
    _pairs: dict[str, dict[tuple[str, str], Pair]] = field(default_factory=dict)
    """Pairs by source address; the inner key is destination address and service."""
    _open: dict[str, set[Connection]] = field(default_factory=dict)
    """Open connections by the address of either end."""
    _candidates: dict[tuple[str, tuple[str, ...]], tuple[int, Candidates]] = field(default_factory=dict)

    def start(self, at_us: int) -> None:
        """Plan the first connection."""
        self._sums = list(accumulate(lane.share for lane in self.lanes))
        if self.rate > 0 and self.lanes:
            self.schedule.at(at_us + self._pause(), self._arrive)

    def _pause(self) -> int:
        """Time to the next connection: a connection writes close to two lines."""
        return int(self.draw.expovariate(self.rate / 1.85) * SECOND)

    def _arrive(self, at_us: int) -> None:
        self.schedule.at(at_us + self._pause(), self._arrive)
        lane = self.draw.choices(self.lanes, cum_weights=self._sums)[0]
        clients = [pod for pod in lane.client.pods if pod.healthy]
        if clients:
            self.open(at_us, lane, clients[int(self.draw.random() * len(clients))])

    def open(self, at_us: int, lane: Lane, client: Pod) -> None:
        """Open one connection of a lane: choose, dial, and plan its end."""
        target: Workload | None = None
        port, dialled = 0, lane.address
        if lane.service is not None:
            service_port, port = next(iter(lane.service.ports.items()))
            dialled = f"{lane.service.address}:{service_port}"
            target = choose(self.draw, self._candidates_of(client, lane.service))
            if target is None:
                self._refuse(at_us, client, dialled)
                return
        if client.captured and self._ztunnel_of(client) is None:
            return
        pair = self._pair(client, target, lane.service, port, dialled)
        sent, recv, took = self._size(lane)
        connection = Connection(pair, self._source_port(), at_us, at_us + took, sent, recv, dialled)
        if pair.route.hbone_address and target is not None and target.address in self.blocked:
            self._fail(connection, TIMED_OUT, _CONNECT_DEADLINE_US + int(self.draw.random() * 3 * MILLI))
        elif pair.route.hbone_address and pair.into is None:
            self._fail(connection, REFUSED, MILLI)
        elif pair.refusal is not None:
            self._deny(connection, pair.refusal)
        else:
            self._note_open(connection)
            early = min(int(self.draw.lognormvariate(math.log(650), 0.9)), 11 * MILLI, took - 1)
            self.schedule.at(connection.closes_us - max(early, 100), self._end_inbound, connection, None)
            self.schedule.at(connection.closes_us, self._end_outbound, connection, None)

    def connections_of(self, pod: Pod) -> list[Connection]:
        """List the connections that are open now with this pod at either end."""
        return sorted(self._open.get(pod.address, ()), key=lambda one: (one.opened_us, one.port))

    def cut(self, at_us: int, pod: Pod) -> None:
        """End every connection of a pod that goes away: its ztunnel says drain, the other end sees a close."""
        for connection in self.connections_of(pod):
            self._end_early(at_us, connection, leaving_source=connection.pair.route.src is pod)
        self._forget(pod.address)

    def cut_node(self, at_us: int, ztunnel: Ztunnel) -> None:
        """End every connection of the pods a stopping ztunnel proxies for."""
        for pod in list(ztunnel.local.values()):
            for connection in self.connections_of(pod):
                self._end_early(at_us, connection, leaving_source=connection.pair.out is ztunnel)
        self._pairs.clear()

    # drawing

    def _size(self, lane: Lane) -> tuple[int, int, int]:
        """Bytes sent, bytes received and duration in microseconds."""
        draw = self.draw
        sent = max(16, int(lane.sent * math.exp(draw.gauss(0, 0.4))))
        recv = max(24, int(lane.recv * math.exp(draw.gauss(0, 0.6))))
        return sent, recv, max(int(lane.ms * math.exp(draw.gauss(0, lane.spread)) * MILLI), MILLI)

    def _source_port(self) -> int:
        return 32_768 + int(self.draw.random() * 28_000)

    def _candidates_of(self, client: Pod, service: Service) -> Candidates:
        key = (service.key, locality_class(client, service))
        kept = self._candidates.get(key)
        if kept is None or kept[0] != service.version:
            kept = self._candidates[key] = (service.version, candidates_for(client, service))
        return kept[1]

    # pairs

    def _pair(self, src: Pod, dst: Workload | None, service: Service | None, port: int, dialled: str) -> Pair:
        known = self._pairs.setdefault(src.address, {})
        key = (dst.address if dst else dialled, service.key if service else "")
        pair = known.get(key)
        if pair is None:
            pair = known[key] = self._make_pair(src, dst, service, port, dialled)
        if pair.mesh_version != self.cluster.mesh_version:
            pair.mesh_version = self.cluster.mesh_version
            guarded = dst is not None and pair.into is not None
            mtls = pair.route.hbone_address is not None
            pair.refusal = self.cluster.refusal(dst, src.identity if mtls else None, port) if dst and guarded else None
        return pair

    def _make_pair(self, src: Pod, dst: Workload | None, service: Service | None, port: int, dialled: str) -> Pair:
        out = self._ztunnel_of(src) if src.captured else None
        into = self._ztunnel_of(dst) if isinstance(dst, Pod) and dst.captured else None
        mtls = out is not None and dst is not None and dst.hbone
        target = f"{dst.address}:{port}" if dst else dialled
        address = f"{dst.address}:{HBONE_PORT}" if dst and mtls else target
        hbone = target if mtls else None
        route = Route(src=src, dst=dst, service=service, dst_address=address, hbone_address=hbone)
        pair = Pair(out=out, into=into, route=route, port=port, tunnel_port=self._source_port())
        if out is not None:
            pair.out_side = route.side("outbound", json_log=out.json_log, clusters=out.names_clusters)
            pair.out_series = _series(out, "source", route)
        if into is not None:
            pair.in_side = route.side("inbound", json_log=into.json_log, clusters=into.names_clusters)
            pair.in_series = _series(into, "destination", route)
        return pair

    def _ztunnel_of(self, workload: Workload) -> Ztunnel | None:
        return self.ztunnels.get(workload.node.name) if workload.node else None

    def _forget(self, address: str) -> None:
        self._open.pop(address, None)
        self._pairs.pop(address, None)
        for known in self._pairs.values():
            for key in [key for key in known if key[0] == address]:
                del known[key]

    # what is written

    def _note_open(self, connection: Connection) -> None:
        pair = connection.pair
        self._open.setdefault(pair.route.src.address, set()).add(connection)
        if pair.route.dst is not None:
            self._open.setdefault(pair.route.dst.address, set()).add(connection)
        if pair.out is not None:
            self._count_open(connection, pair.out, pair.out_series, pair.out_side, connection.port)
        if not connection.server_ended and pair.into is not None:
            port = pair.tunnel_port if pair.route.hbone_address else connection.port
            self._count_open(connection, pair.into, pair.in_series, pair.in_side, port)

    def _count_open(
        self, connection: Connection, ztunnel: Ztunnel, series: Series | None, side: Side | None, port: int
    ) -> None:
        if series is not None:
            series.opened += 1
        if side is not None and ztunnel.levels.access >= LEVELS["debug"]:
            ztunnel.write_access(connection.opened_us, side.opened(connection.opened_us, port))

    def _refuse(self, at_us: int, client: Pod, dialled: str) -> None:
        ztunnel = self._ztunnel_of(client)
        if ztunnel is not None and client.captured and ztunnel.levels.access >= LEVELS["warn"]:
            source = f"{client.address}:{self._source_port()}"
            error = f"no healthy upstream: {dialled}"
            ztunnel.write_access(at_us, refused(at_us, source, dialled, "outbound", error, json_log=ztunnel.json_log))

    def _fail(self, connection: Connection, error: str, after_us: int) -> None:
        """End where the other ztunnel was never reached: only the client's writes, and nothing was carried."""
        connection.sent = connection.recv = 0
        connection.server_ended = True
        connection.closes_us = connection.opened_us + after_us
        self._note_open(connection)
        self.schedule.at(connection.closes_us, self._end_outbound, connection, error)

    def _deny(self, connection: Connection, refusal: str) -> None:
        """End with a refusal: the server's ztunnel says why, the client's hears 401, or nothing in plaintext."""
        connection.sent = connection.recv = 0
        connection.closes_us = connection.opened_us + int((1.2 + self.draw.random() * 4) * MILLI)
        self._note_open(connection)
        self.schedule.at(connection.closes_us - 700, self._end_inbound, connection, refusal)
        self.schedule.at(connection.closes_us, self._end_outbound, connection, "http status: 401 Unauthorized")

    def _end_inbound(self, at_us: int, connection: Connection, error: str | None) -> None:
        pair = connection.pair
        if connection.server_ended or pair.into is None or pair.in_side is None:
            return
        connection.server_ended = True
        port = pair.tunnel_port if pair.route.hbone_address else connection.port
        took = 0 if error else max(at_us - connection.opened_us - int(self.draw.random() * 4 * MILLI), 0)
        level = "error" if error else "info"
        if pair.into.levels.access >= LEVELS[level]:
            numbers = (connection.recv, connection.sent, took // MILLI)
            pair.into.write_access(at_us, pair.in_side.complete(at_us, level, port, *numbers, error))
        _count_close(pair.in_series, connection, error)

    def _end_outbound(self, at_us: int, connection: Connection, error: str | None) -> None:
        if connection.ended:
            return
        connection.ended = True
        pair = connection.pair
        for address in (pair.route.src.address, pair.route.dst.address if pair.route.dst else ""):
            self._open.get(address, set()).discard(connection)
        if pair.out is None or pair.out_side is None:
            return
        level = "error" if error else "info"
        if pair.out.levels.access >= LEVELS[level]:
            numbers = (connection.sent, connection.recv, (at_us - connection.opened_us) // MILLI)
            pair.out.write_access(at_us, pair.out_side.complete(at_us, level, connection.port, *numbers, error))
        _count_close(pair.out_series, connection, error)

    def _end_early(self, at_us: int, connection: Connection, *, leaving_source: bool) -> None:
        """End before its time: a connection that lived half its time carried half its bytes, and they count."""
        whole = max(connection.closes_us - connection.opened_us, 1)
        lived = min(max((at_us - connection.opened_us) / whole, 0.0), 1.0)
        connection.sent, connection.recv = int(connection.sent * lived), int(connection.recv * lived)
        self._end_inbound(at_us, connection, None if leaving_source else DRAINED)
        self._end_outbound(at_us, connection, DRAINED if leaving_source else None)


def _series(ztunnel: Ztunnel, reporter: str, route: Route) -> Series:
    labels = traffic_labels(reporter, route.src, route.dst, route.service, mtls=route.hbone_address is not None)
    key = tuple(value for _, value in labels)
    series = ztunnel.series.get(key)
    if series is None:
        series = ztunnel.series[key] = Series(labels)
    return series


def _count_close(series: Series | None, connection: Connection, error: str | None) -> None:
    """Bytes are not mirrored in metrics: received is client to server for both reporters."""
    if series is None:
        return
    series.closed[_flag(error)] += 1
    series.received += connection.sent
    series.sent += connection.recv


def _flag(error: str | None) -> str:
    if error is None or error == DRAINED:
        return "-"
    if error == TIMED_OUT:
        return "NETWORK_POLICY"
    return "DENY" if error.startswith("connection closed due to policy") else "CONNECT"
