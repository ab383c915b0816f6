"""ztunnel's access log, line by line: everything about a pair of workloads that repeats is composed once."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ztui.simulator.clock import stamp_micro
from ztui.simulator.cluster import CLUSTER_ID, Service, Workload
from ztui.simulator.text import quote

COMPLETE = "connection complete"
OPENED = "connection opened"
FAILED = "connection failed"


@dataclass(slots=True, frozen=True, kw_only=True)
class Side:
    """One ztunnel's words about one pair: the repeating fields, ready in the format this ztunnel writes."""

    src_address: str
    middle: str
    json_log: bool

    def complete(self, at_us: int, level: str, port: int, sent: int, recv: int, ms: int, error: str | None) -> str:
        """Compose the line of a connection that ended; `sent` and `recv` in this side's own view, `ms` its duration."""
        time = stamp_micro(at_us)
        if self.json_log:
            tail = f',"error":{_json(error)}' if error is not None else ""
            return (
                f'{{"level":"{level}","time":"{time}","scope":"access","message":"{COMPLETE}",'
                f'"src.addr":"{self.src_address}:{port}"{self.middle},"bytes_sent":{sent},"bytes_recv":{recv},'
                f'"duration":"{ms}ms"{tail}}}'
            )
        tail = f" error={quote(error)}" if error is not None else ""
        return (
            f"{time}\t{level}\taccess\t{COMPLETE}\tsrc.addr={self.src_address}:{port}{self.middle}"
            f' bytes_sent={sent} bytes_recv={recv} duration="{ms}ms"{tail}'
        )

    def opened(self, at_us: int, port: int) -> str:
        """Compose the debug line of a connection that begins."""
        time = stamp_micro(at_us)
        if self.json_log:
            return (
                f'{{"level":"debug","time":"{time}","scope":"access","message":"{OPENED}",'
                f'"src.addr":"{self.src_address}:{port}"{self.middle}}}'
            )
        return f"{time}\tdebug\taccess\t{OPENED}\tsrc.addr={self.src_address}:{port}{self.middle}"


def refused(at_us: int, src: str, dst: str, direction: str, error: str, *, json_log: bool) -> str:
    """Compose the line of a connection refused before enough is known: exactly four fields."""
    time = stamp_micro(at_us)
    if json_log:
        return (
            f'{{"level":"warn","time":"{time}","scope":"access","message":"{FAILED}",'
            f'"src.addr":"{src}","dst.addr":"{dst}","direction":"{direction}","error":{_json(error)}}}'
        )
    return f'{time}\twarn\taccess\t{FAILED}\tsrc.addr={src} dst.addr={dst} direction="{direction}" error={quote(error)}'


@dataclass(slots=True, frozen=True, kw_only=True)
class Route:
    """Who talks to whom and how: what the repeating fields are made of."""

    src: Workload
    dst: Workload | None
    service: Service | None
    dst_address: str
    """`ip:port` that was dialled in the end: `podIP:15008` with HBONE."""
    hbone_address: str | None

    def side(self, direction: str, *, json_log: bool, clusters: bool) -> Side:
        """Compose the words of the ztunnel at one end."""
        mtls = self.hbone_address is not None
        pairs: list[tuple[str, str, bool]] = [
            *_end("src", self.src, mtls=mtls, clusters=clusters),
            ("dst.addr", self.dst_address, False),
        ]
        if self.hbone_address is not None:
            pairs.append(("dst.hbone_addr", self.hbone_address, False))
        if self.service is not None:
            pairs.append(("dst.service", self.service.hostname, True))
        if self.dst is not None:
            pairs += _end("dst", self.dst, mtls=mtls, clusters=clusters)
        pairs.append(("direction", direction, True))
        if json_log:
            middle = "".join(f',"{key}":{_json(value)}' for key, value, _ in pairs)
        else:
            middle = "".join(f" {key}={quote(value) if quoted else value}" for key, value, quoted in pairs)
        return Side(src_address=self.src.address, middle=middle, json_log=json_log)


def _end(side: str, workload: Workload, *, mtls: bool, clusters: bool) -> list[tuple[str, str, bool]]:
    pairs = [(f"{side}.workload", workload.name, True), (f"{side}.namespace", workload.namespace, True)]
    if mtls:
        pairs.append((f"{side}.identity", workload.identity, True))
    if clusters:
        pairs.append((f"{side}.cluster", CLUSTER_ID, True))
    return pairs


def _json(text: str | None) -> str:
    return json.dumps(text, ensure_ascii=False)
