"""Logs to measure with: seeded, the same entries in plain and JSON, written once into a cache outside the repository.

Of a million lines the text between `src.addr` and `bytes_sent` was met before in `base` 97 of 100 times (26,000
different ones), in `flat` 69 (306,000), in `big` 59 (400,000). Read at 2,000 lines/s, a workload of `base` is rolled
out every twelve seconds: `steady` is the same mesh with a rollout every three minutes, to be watched as it is written.
`python -m tests.bench.corpus base 1000000` writes one and prints where it lies.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp
from pathlib import Path
from random import Random

SEED = 20_260_131
_EDITION = 1  # grows with every change of what is written, so that no old cache is taken for a new one
_START = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
_LINES_PER_S = 2_000
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_APPS = (
    "accounts", "adverts", "auth", "basket", "billing", "cart", "catalog", "checkout", "currency", "details", "email",
    "frontend", "images", "inventory", "ledger", "loadgen", "mailer", "orders", "payments", "prices", "productpage",
    "profile", "promotions", "quotes", "ratings", "recommend", "reviews", "search", "session", "shipping", "stock",
    "tax", "tickets", "users", "wishlist",
)  # fmt: skip

Field = tuple[str, str, bool]
"""Key, value, and whether the plain format quotes it."""
Pair = tuple[str, str]
"""The same text in the plain and in the JSON format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a corpus is made of: each pod calls `calls` services, by Zipf's law with that power (0: all pairs alike)."""

    name: str
    pods: int
    services: int
    nodes: int
    calls: int
    zipf: float
    rollouts: int


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="base", pods=300, services=60, nodes=12, calls=3, zipf=1.1, rollouts=40),
        Recipe(name="steady", pods=300, services=60, nodes=12, calls=3, zipf=1.1, rollouts=2),
        Recipe(name="flat", pods=300, services=60, nodes=12, calls=60, zipf=0.0, rollouts=40),
        Recipe(name="big", pods=20_000, services=1_500, nodes=250, calls=4, zipf=0.9, rollouts=40),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The two files of one corpus."""

    plain: Path
    json: Path
    lines: int


def cache_directory() -> Path:
    """Where corpora are kept between runs: never inside the repository."""
    return Path(tempfile.gettempdir(), f"ztui-bench-{os.getuid()}")


def corpus(name: str, lines: int, *, seed: int = SEED) -> Corpus:
    """Give the corpus of that recipe with `lines` messages; it is written if it is not there yet."""
    directory = cache_directory()
    directory.mkdir(mode=0o700, exist_ok=True)
    stem = f"{name}-{lines}-{seed}-{_EDITION}"
    found = Corpus(plain=directory / f"{stem}.log", json=directory / f"{stem}.jsonl", lines=lines)
    if not (found.plain.exists() and found.json.exists()):
        _write(found, RECIPES[name], seed)
    return found


def _write(target: Corpus, recipe: Recipe, seed: int) -> None:
    """Write both files under other names first: a run that is cut short leaves no half corpus behind."""
    parts = [path.with_suffix(f"{path.suffix}.{os.getpid()}") for path in (target.plain, target.json)]
    with ExitStack() as stack:
        plain, jsonl = (stack.enter_context(part.open("w", encoding="utf-8", newline="\n")) for part in parts)
        for plain_line, json_line in messages(recipe, target.lines, seed):
            plain.write(plain_line)
            jsonl.write(json_line)
    parts[0].replace(target.plain)
    parts[1].replace(target.json)


def messages(recipe: Recipe, count: int, seed: int) -> Iterator[Pair]:
    """Make `count` messages in both formats, each with its line feed; a message may span lines in the plain one."""
    writer = _Writer(recipe, seed)
    made = 0
    every = max(1, count // (recipe.rollouts + 1))
    due = every
    for pair in writer.starts():
        if made < count:
            made += 1
            yield pair
    while made < count:
        if made >= due:
            due += every
            writer.roll_out()
        for pair in writer.next():
            if made < count:
                made += 1
                yield pair


class _Clock:
    """The time of the next line."""

    def __init__(self, draw: Random) -> None:
        self._random = draw.random
        self._at = 0.0
        self._second = -1
        self._text = ""

    def next(self, mean_s: float = 1 / _LINES_PER_S) -> str:
        """Move on by up to twice the mean; the time as ztunnel writes it."""
        self._at += 2 * mean_s * self._random()
        second = int(self._at)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(_START.timestamp() + second, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._text}{int((self._at - second) * 1_000_000):06d}Z"


@dataclass(slots=True, eq=False)
class _Pod:
    """One pod; `halves` keeps what log lines say about it as source and as destination."""

    name: str
    namespace: str
    account: str
    address: str
    node: int
    halves: dict[tuple[str, ...], Pair]


@dataclass(slots=True, eq=False)
class _Service:
    app: str
    namespace: str
    vip: str
    port: int
    pods: list[_Pod]
    waypoint: _Pod | None

    @property
    def hostname(self) -> str:
        return f"{self.app}.{self.namespace}.svc.cluster.local"


class _Writer:
    """Draws connections and writes what the ztunnels at both ends say about them."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self._recipe = recipe
        self._draw = Random(f"{seed}/{recipe.name}")
        self._clock = _Clock(self._draw)
        self._addresses = 0
        self._services = [self._service(index) for index in range(recipe.services)]
        self._pods = [pod for service in self._services for pod in service.pods]
        self._outside = self._service(recipe.services)  # has no ztunnel and no identity
        self._pairs = len(self._pods) * recipe.calls
        self._stride = _coprime(self._pairs)

    # the mesh

    def _suffix(self, length: int) -> str:
        return "".join(self._draw.choices(_SAFE, k=length))

    def _service(self, index: int) -> _Service:
        app = _APPS[index % len(_APPS)] + (f"-{index // len(_APPS)}" if index >= len(_APPS) else "")
        namespace = f"team-{index % max(4, self._recipe.services // 8)}"
        service = _Service(app, namespace, f"10.96.{index // 250}.{index % 250 + 2}", 8080 + index % 7, [], None)
        if index % 10 == 7:
            service.waypoint = self._pod("waypoint", namespace, "waypoint")
        self._fill(service)
        return service

    def _fill(self, service: _Service) -> None:
        count = max(1, self._recipe.pods // self._recipe.services)
        template = self._suffix(9)
        prefix = f"{service.app}-v1-{template}"
        service.pods[:] = [self._pod(prefix, service.namespace, service.app) for _ in range(count)]

    def _pod(self, prefix: str, namespace: str, account: str) -> _Pod:
        self._addresses += 1
        block, last = divmod(self._addresses, 250)
        address = f"10.{128 + block // 250}.{block % 250}.{last + 2}"
        if self._draw.random() < 0.06:
            address = f"[fd00:10:244:{block:x}::{last + 2:x}]"
        return _Pod(
            f"{prefix}-{self._suffix(5)}", namespace, account, address, self._draw.randrange(self._recipe.nodes), {}
        )

    def roll_out(self) -> None:
        """Replace the pods of one service by new ones."""
        service = self._draw.choice(self._services)
        self._fill(service)
        self._pods = [pod for each in self._services for pod in each.pods]

    # what is drawn

    def next(self) -> Iterator[Pair]:
        """Give the lines of the next connection, or of something else that a ztunnel tells."""
        kind = self._draw.random()
        if kind < 0.045:
            yield self._remark()
        elif kind < 0.057:
            yield from self._failure()
        elif kind < 0.08:
            yield self._from_outside()
        else:
            yield from self._connection(kind)

    def _ends(self) -> tuple[_Pod, _Service, _Pod]:
        """Draw a pod, a service by the recipe's law, and one of its backends."""
        caller, call = divmod(self._random_pair(), self._recipe.calls)
        service = self._services[(caller * 37 + call) % len(self._services)]
        return self._pods[caller], service, self._draw.choice(service.pods)

    def _random_pair(self) -> int:
        at = self._draw.random()
        if self._recipe.zipf == 0:
            return int(at * self._pairs)
        power = 1 - self._recipe.zipf
        rank = int((at * (self._pairs**power - 1) + 1) ** (1 / power))
        return rank * self._stride % self._pairs

    def _numbers(self) -> tuple[int, int, int]:
        random = self._draw.random
        sent = int(exp(4 + 4 * random()))
        recv = int(exp(5 + 7 * random()))
        return sent, recv, int(exp(7 * random() * random()))

    def _port(self) -> int:
        return int(32_768 + 28_000 * self._draw.random())

    def _connection(self, kind: float) -> Iterator[Pair]:
        src, service, dst = self._ends()
        sent, recv, ms = self._numbers()
        if kind < 0.12:
            dst = self._draw.choice(self._outside.pods)
            out = self._middle(src, dst, "plain", self._outside, src.node)
            yield self._complete(src, out, "outbound", sent, recv, ms)
        elif kind < 0.14:
            yield self._complete(src, self._middle(src, dst, "direct", service, dst.node), "inbound", recv, sent, ms)
            yield self._complete(src, self._middle(src, dst, "direct", service, src.node), "outbound", sent, recv, ms)
        elif service.waypoint is None:
            yield self._complete(src, self._middle(src, dst, "hbone", service, dst.node), "inbound", recv, sent, ms)
            yield self._complete(src, self._middle(src, dst, "hbone", service, src.node), "outbound", sent, recv, ms)
        else:
            way = service.waypoint
            yield self._complete(way, self._middle(way, dst, "hbone", service, dst.node), "inbound", recv, sent, ms)
            yield self._complete(src, self._middle(src, way, "waypoint", service, src.node), "outbound", sent, recv, ms)

    def _from_outside(self) -> Pair:
        """A source that no ztunnel knows reaches a captured pod in plaintext."""
        _, service, dst = self._ends()
        sent, recv, ms = self._numbers()
        plain, jsonl = self._half(dst, "dst", "plain", service, self._has_clusters(dst.node))
        src = _Pod("", "", "", f"192.168.{self._draw.randrange(4)}.{self._draw.randrange(2, 250)}", 0, {})
        return self._complete(src, (plain, jsonl), "inbound", recv, sent, ms)

    def _failure(self) -> Iterator[Pair]:
        src, service, dst = self._ends()
        at = self._draw.random()
        if at < 0.25:
            yield self._refused(
                src, f"{service.vip}:{service.port}", "outbound", f"no healthy upstream: {service.vip}:{service.port}"
            )
        elif at < 0.4:
            yield self._refused(src, f"{dst.address}:15008", "inbound", _TLS_GARBAGE)
        elif at < 0.6:
            middle = self._middle(src, dst, "hbone", service, src.node)
            yield self._complete(src, middle, "outbound", 0, 0, 10_000, _TIMED_OUT)
        else:
            here, there = _BOTH_SIDES[int(at * 1_000) % len(_BOTH_SIDES)]
            yield self._complete(src, self._middle(src, dst, "hbone", service, dst.node), "inbound", 0, 0, 0, there)
            yield self._complete(src, self._middle(src, dst, "hbone", service, src.node), "outbound", 0, 0, 3, here)

    # what is written

    def _has_clusters(self, node: int) -> bool:
        return node % 4 == 3  # three of twelve ztunnels are of the release that names clusters

    def _middle(self, src: _Pod, dst: _Pod, way: str, service: _Service, writer: int) -> Pair:
        clusters = self._has_clusters(writer)
        before = self._half(src, "src", way, service, clusters)
        after = self._half(dst, "dst", way, service, clusters)
        return before[0] + after[0], before[1] + after[1]

    def _half(self, pod: _Pod, end: str, way: str, service: _Service, clusters: bool) -> Pair:
        key = (end, "plain" if way == "plain" else "mtls") if end == "src" else (end, way, service.app)
        key = (*key, "clusters") if clusters else key
        half = pod.halves.get(key)
        if half is None:
            fields = _route(pod, way, service) if end == "dst" else []
            fields += [(f"{end}.workload", pod.name, True), (f"{end}.namespace", pod.namespace, True)]
            if way != "plain":
                identity = f"spiffe://cluster.local/ns/{pod.namespace}/sa/{pod.account}"
                fields.append((f"{end}.identity", identity, True))
            if clusters:
                fields.append((f"{end}.cluster", "Kubernetes", True))
            half = pod.halves[key] = _written(fields)
        return half

    def _complete(
        self, src: _Pod, middle: Pair, direction: str, sent: int, recv: int, ms: int, error: str = ""
    ) -> Pair:
        time, port = self._clock.next(), self._port()
        level = "error" if error else "info"
        plain = f' error="{error}"' if error else ""
        jsonl = f',"error":"{error}"' if error else ""
        plain = (
            f"{time}\t{level}\taccess\tconnection complete\tsrc.addr={src.address}:{port}{middle[0]}"
            f' direction="{direction}" bytes_sent={sent} bytes_recv={recv} duration="{ms}ms"{plain}\n'
        )
        jsonl = (
            f'{{"level":"{level}","time":"{time}","scope":"access","message":"connection complete",'
            f'"src.addr":"{src.address}:{port}"{middle[1]},"direction":"{direction}","bytes_sent":{sent},'
            f'"bytes_recv":{recv},"duration":"{ms}ms"{jsonl}}}\n'
        )
        return plain, jsonl

    def _refused(self, src: _Pod, dst: str, direction: str, error: str) -> Pair:
        time, port = self._clock.next(), self._port()
        plain = (
            f"{time}\twarn\taccess\tconnection failed\tsrc.addr={src.address}:{port} dst.addr={dst}"
            f' direction="{direction}" error="{error}"\n'
        )
        jsonl = (
            f'{{"level":"warn","time":"{time}","scope":"access","message":"connection failed",'
            f'"src.addr":"{src.address}:{port}","dst.addr":"{dst}","direction":"{direction}","error":"{error}"}}\n'
        )
        return plain, jsonl

    def _remark(self) -> Pair:
        """Something else than a connection."""
        pod = self._draw.choice(self._pods)
        fields: list[Field]
        match self._draw.randrange(4):
            case 0:
                uid = f"{self._draw.getrandbits(32):08x}-0000-4000-8000-{self._draw.getrandbits(48):012x}"
                fields = [("uid", uid, True), ("name", pod.name, True), ("namespace", pod.namespace, True)]
                return self._said("inpod::statemanager", "pod received, starting proxy", fields)
            case 1:
                fields = [("address", "0.0.0.0:15006", False), ("component", "inbound plaintext", True)]
                return self._said("proxy::inbound_passthrough", "listener established", fields)
            case 2:
                return self._said(f"xds:xds{{id={self._draw.randrange(1, 40)}}}", f"handling RBAC update {pod.account}")
            case _:
                scope = f"drain:proxy{{wl={pod.namespace}/{pod.name}}}"
                return self._said(scope, "shutdown complete", [("component", "outbound", True)])

    def starts(self) -> Iterator[Pair]:
        """Give what each ztunnel says when it starts; its configuration spans many lines of the plain format."""
        for node in range(self._recipe.nodes):
            yield self._said("ztunnel", "set file descriptor limits from 1048576 to 1048576")
            config = "".join(f"{key}: {value}\n" for key, value in _CONFIG) + f"localNode: node-{node}\n"
            yield self._said("ztunnel", f"running with config: {config}")

    def _said(self, scope: str, message: str, fields: list[Field] | None = None) -> Pair:
        time = self._clock.next()
        plain, jsonl = _written(fields or [])
        target, _, span = scope.partition("{")
        module = target if target == "ztunnel" else "ztunnel::" + (target.partition(":")[0] if span else target)
        return (
            f"{time}\tinfo\t{scope}\t{message}\t{plain[1:]}\n",
            f'{{"level":"info","time":"{time}","scope":"{module}","message":{json.dumps(message)}{jsonl}}}\n',
        )


def _route(dst: _Pod, way: str, service: _Service) -> list[Field]:
    """What a line says of the way to its destination."""
    hostname: Field = ("dst.service", service.hostname, True)
    match way:
        case "plain":
            return [("dst.addr", f"{dst.address}:{service.port}", False), hostname]
        case "direct":
            hbone = f"{dst.address}:{service.port}"
            return [("dst.addr", f"{dst.address}:15008", False), ("dst.hbone_addr", hbone, False)]
        case "waypoint":
            hbone = f"{service.vip}:{service.port}"
        case _:
            hbone = f"{dst.address}:{service.port}"
    return [("dst.addr", f"{dst.address}:15008", False), ("dst.hbone_addr", hbone, False), hostname]


def _written(fields: list[Field]) -> Pair:
    plain = "".join(f' {key}="{value}"' if quoted else f" {key}={value}" for key, value, quoted in fields)
    return plain, "".join(f',"{key}":"{value}"' for key, value, _ in fields)


def _coprime(number: int) -> int:
    """A stride that meets every number below `number` once, far from its neighbours."""
    stride = int(number * 0.618) | 1
    while any(number % prime == 0 and stride % prime == 0 for prime in range(2, 50)):
        stride += 2
    return stride


_TLS_GARBAGE = "tls handshake error: Custom { kind: InvalidData, error: InvalidMessage(InvalidContentType) }"
_TIMED_OUT = "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed"
_REJECTED = "connection closed due to policy rejection: allow policies exist, but none allowed"
_BOTH_SIDES = (
    ("http status: 401 Unauthorized", _REJECTED),
    ("http status: 503 Service Unavailable", "connection failed: Connection refused (os error 111)"),
    ("io error: connection reset by peer", "while closing connection: receive: io error: broken pipe"),
    ("connection closed due to connection drain", "connection closed due to connection drain"),
)
_CONFIG = (
    ("proxy", "true"),
    ("dnsProxy", "true"),
    ("windowSize", "4194304"),
    ("connectionWindowSize", "16777216"),
    ("frameSize", "1048576"),
    ("poolMaxStreamsPerConn", "100"),
    ("socks5Addr", "null"),
    ("statsAddr", "!SocketAddr 0.0.0.0:15020"),
    ("inboundAddr", "0.0.0.0:15008"),
    ("outboundAddr", "0.0.0.0:15001"),
    ("network", "''"),
    ("proxyMode", "Shared"),
    ("clusterId", "Kubernetes"),
    ("clusterDomain", "cluster.local"),
)


if __name__ == "__main__":
    written = corpus(sys.argv[1], int(sys.argv[2]))
    print(written.plain, written.json, sep="\n")
