"""The usual Python way to the answer of `ztui edges`: one regular expression a line, a dataclass, a dictionary."""

import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

QUOTED = r'"(?P<NAME>(?:[^"\\]|\\.)*)"'
"""ztunnel quotes as Rust's Debug does: a backslash keeps the quote behind it from ending the text."""
UNESCAPED = r'"(?P<NAME>[^"]*)"'
"""What is written when nobody thinks of that: right as long as no name has a quote in it."""


def line_of(quoted: str) -> re.Pattern[str]:
    def field(name: str, value: str) -> str:
        return f" {re.escape(name)}=" + value.replace("NAME", name.replace(".", "_"))

    names = ("workload", "namespace", "identity", "cluster")
    return re.compile(
        r"(?P<time>\S+)\t(?P<level>\w+)\taccess\t(?P<message>connection \w+)\tsrc\.addr=(?P<src_addr>\S+)"
        + "".join(f"(?:{field(f'src.{name}', quoted)})?" for name in names)
        + r" dst\.addr=(?P<dst_addr>\S+)(?: dst\.hbone_addr=(?P<dst_hbone_addr>\S+))?"
        + "".join(f"(?:{field(f'dst.{name}', quoted)})?" for name in ("service", *names))
        + r' direction="(?P<direction>\w+)"'
        + r'(?: bytes_sent=(?P<bytes_sent>\d+) bytes_recv=(?P<bytes_recv>\d+) duration="(?P<duration>\d+)ms")?'
        + f"(?:{field('error', QUOTED)})?"
    )


@dataclass
class Entry:
    time: str
    level: str
    message: str
    src_addr: str
    src_workload: str | None
    src_namespace: str | None
    src_identity: str | None
    src_cluster: str | None
    dst_addr: str
    dst_hbone_addr: str | None
    dst_service: str | None
    dst_workload: str | None
    dst_namespace: str | None
    dst_identity: str | None
    dst_cluster: str | None
    direction: str
    bytes_sent: str | None
    bytes_recv: str | None
    duration: str | None
    error: str | None


@dataclass
class Edge:
    flows: int = 0
    failed: int = 0
    sent: int = 0
    recv: int = 0
    durations: list[int] = field(default_factory=list)


def main(path: str, quoted: str = QUOTED) -> None:
    pattern = line_of(quoted)
    outbound: dict[tuple[str | None, str | None], Edge] = defaultdict(Edge)
    inbound: dict[tuple[str | None, str | None], Edge] = defaultdict(Edge)
    captured = set()
    with Path(path).open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            found = pattern.match(line)
            if found is None:
                continue
            entry = Entry(**found.groupdict())
            if entry.message == "connection opened":
                continue
            sent, recv = int(entry.bytes_sent or 0), int(entry.bytes_recv or 0)
            if entry.direction == "outbound":
                captured.add(entry.src_workload)
                edge = outbound[entry.src_workload, entry.dst_service]
            else:  # its connection may be known from the other end; the client's view is the other way round
                captured.add(entry.dst_workload)
                edge = inbound[entry.src_workload, entry.dst_service]
                sent, recv = recv, sent
            edge.flows += 1
            edge.sent += sent
            edge.recv += recv
            if entry.duration:
                edge.durations.append(int(entry.duration))
            if entry.error and "connection drain" not in entry.error:
                edge.failed += 1

    for key, edge in inbound.items():
        if key[0] is None or key[0] not in captured:
            known = outbound[key]
            known.flows += edge.flows
            known.failed += edge.failed
            known.sent += edge.sent
            known.recv += edge.recv
            known.durations += edge.durations

    for (src, dst), edge in sorted(outbound.items(), key=lambda item: -item[1].flows):
        durations = sorted(edge.durations)
        p50 = durations[len(durations) // 2] if durations else ""
        p99 = durations[len(durations) * 99 // 100] if durations else ""
        print(src or "-", dst or "-", edge.flows, edge.failed, edge.sent, edge.recv, p50, p99, sep="\t")


if __name__ == "__main__":
    main(sys.argv[1], UNESCAPED if "--unescaped" in sys.argv else QUOTED)
