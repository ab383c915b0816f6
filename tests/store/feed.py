"""A memory fed with what ztunnels write: log lines as text, config dumps as JSON, pods as Kubernetes has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ztui.clock import ManualClock
from ztui.model.accesslog import Reader
from ztui.model.cluster import Pod, Ztunnel
from ztui.model.configdump import DumpReader
from ztui.model.flow import EntryBatch, Origin
from ztui.model.observation import ClusterChanged, ConfigDumpTaken, EntriesRead, ZtunnelsFound
from ztui.model.streams import StreamKey, StreamKind
from ztui.store.edges import EdgeRow
from ztui.store.history import Bounds
from ztui.store.mesh import Mesh

START = 1_769_850_000.0
"""2026-01-31T09:00:00Z: what every line's `at` counts from."""
LOOPBACK_SA = "spiffe://cluster.local/ns/default/sa/"


def stamp(at: float) -> str:
    """Seconds after the start as ztunnel writes a time."""
    moment = datetime.fromtimestamp(START + at, tz=UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def origin(node: str) -> Origin:
    return Origin(key=f"istio-system/ztunnel-{node}", ztunnel=f"ztunnel-{node}", namespace="istio-system", node=node)


def log_of(node: str) -> StreamKey:
    return StreamKey(kind=StreamKind.LOG, of=origin(node).key)


def _fields(pairs: Mapping[str, object]) -> str:
    bare = ("src.addr", "dst.addr", "dst.hbone_addr", "bytes_sent", "bytes_recv")
    return " ".join(f"{key}={value}" if key in bare else f'{key}="{value}"' for key, value in pairs.items())


def line(
    at: float = 0.0,
    direction: str = "outbound",
    src: str | None = "curl",
    dst: str | None = "reviews-1",
    *,
    service: str | None = "reviews.default.svc.cluster.local",
    hbone: str | None = "10.1.2.5:9080",
    dst_addr: str = "10.1.2.5:15008",
    src_addr: str = "10.1.1.2:40000",
    sent: int = 100,
    recv: int = 2_000,
    took: int = 15,
    error: str | None = None,
    message: str = "connection complete",
) -> str:
    """One line of scope access; `opened` lines and early refusals leave out what ztunnel leaves out there."""
    pairs: dict[str, object] = {"src.addr": src_addr}
    is_refusal = message == "connection failed"
    if src is not None and not is_refusal:
        pairs |= {"src.workload": src, "src.namespace": "default"}
        if hbone is not None:
            pairs["src.identity"] = LOOPBACK_SA + src
    pairs["dst.addr"] = dst_addr
    if not is_refusal:
        known = {"dst.hbone_addr": hbone, "dst.service": service, "dst.workload": dst}
        pairs |= {key: value for key, value in known.items() if value is not None}
        if dst is not None:
            pairs["dst.namespace"] = "default"
    pairs["direction"] = direction
    if message == "connection complete":
        pairs |= {"bytes_sent": sent, "bytes_recv": recv, "duration": f"{took}ms"}
    if error is not None:
        pairs["error"] = error
    level = "warn" if is_refusal else "debug" if message == "connection opened" else "error" if error else "info"
    return f"{stamp(at)}\t{level}\taccess\t{message}\t{_fields(pairs)}\n"


def pair(at: float, **more: Any) -> tuple[str, str]:
    """Both halves of one connection: the client's line, and the server's with the bytes the other way round."""
    sent, recv = more.pop("sent", 100), more.pop("recv", 2_000)
    outbound = line(at, "outbound", sent=sent, recv=recv, **more)
    inbound = line(at, "inbound", sent=recv, recv=sent, **{**more, "src_addr": "10.1.1.2:60059"})
    return outbound, inbound


def batch(node: str, *lines: str) -> EntryBatch:
    return Reader(origin(node)).feed("".join(lines).encode())


def workload(name: str, node: str = "w1", **more: Any) -> dict[str, Any]:
    """A pod as a dump has it."""
    return {
        "uid": f"Kubernetes//Pod/default/{name}", "name": name, "namespace": "default", "node": node,
        "protocol": "HBONE", "status": "Healthy", "trustDomain": "cluster.local", "serviceAccount": name, **more,
    }  # fmt: skip


def service(name: str, *endpoints: str, vip: str = "10.96.0.9", port: int = 9080, **more: Any) -> dict[str, Any]:
    """A service as a dump has it, with the names of the pods behind it."""
    uids = [f"Kubernetes//Pod/default/{endpoint}" for endpoint in endpoints]
    return {
        "name": name, "namespace": "default", "hostname": f"{name}.default.svc.cluster.local", "vips": [f"/{vip}"],
        "ports": {str(port): port},
        "endpoints": {
            uid: {"workloadUid": uid, "port": {str(port): port}, "status": "Healthy"} for uid in uids
        }, **more,
    }  # fmt: skip


def pod(name: str, node: str = "w1", **more: Any) -> Pod:
    return Pod(**{"uid": f"uid-{name}", "name": name, "namespace": "default", "node": node, "phase": "Running", **more})


class Fed:
    """A memory, and the ways to feed it."""

    def __init__(self, *, max_rows: int = 100_000, **bounds: int) -> None:
        self.clock = ManualClock(START)
        self.mesh = Mesh(clock=self.clock, max_rows=max_rows, bounds=Bounds(**bounds))
        self._dumps = DumpReader()
        self._readers: dict[str, Reader] = {}

    def log(self, node: str, *lines: str, observed: float = 0.0) -> None:
        read = self._readers.setdefault(node, Reader(origin(node))).feed("".join(lines).encode())
        self.mesh.ingest(EntriesRead(stream=log_of(node), batch=read, observed_at=START + observed))

    def dump(
        self,
        node: str,
        *workloads: Mapping[str, Any],
        services: Sequence[Mapping[str, Any]] = (),
        at: float = 0.0,
        of: Origin | None = None,
        **more: Any,
    ) -> None:
        """Take a dump of a node's ztunnel, or of another one of that node (`of`)."""
        document = {"workloads": workloads, "services": services, "policies": [], "config": {"localNode": node}, **more}
        read = self._dumps.read(json.dumps(document, indent=2).encode())
        self.mesh.ingest(ConfigDumpTaken(origin=of or origin(node), dump=read, taken_at=START + at))

    def pods(self, *pods: Pod) -> None:
        self.mesh.ingest(ClusterChanged(resource="pods", changed=pods, replaces_all=True))

    def ztunnels(self, *nodes: str, followed: Sequence[str] | None = None) -> None:
        found = tuple(Ztunnel(name=f"ztunnel-{node}", namespace="istio-system", node=node) for node in nodes)
        keys = frozenset(origin(node).key for node in (nodes if followed is None else followed))
        self.mesh.ingest(ZtunnelsFound(ztunnels=found, followed=keys))

    def edges(self, *by: str, **question: Any) -> list[EdgeRow]:
        return self.mesh.edges.rows(by or ("src.workload", "dst.service"), **question)

    def flows(self, *by: str, **question: Any) -> dict[tuple[str | None, ...], int]:
        """Connections by the values of these keys."""
        keys = by or ("src.workload", "dst.service")
        return {tuple(row.keys[key] for key in keys): row.flows for row in self.edges(*keys, **question)}
