"""The ports inside a ztunnel pod: admin 15000, stats 15020, readiness 15021, in HTTP/1.1 with keep-alive."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from ztui.simulator import metrics
from ztui.simulator.dump import DumpPrinter

if TYPE_CHECKING:
    from ztui.simulator.faults import Faults
    from ztui.simulator.world import World
    from ztui.simulator.ztunnel import Ztunnel

ADMIN, STATS, READINESS = 15000, 15020, 15021
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}
_TEXT = "text/plain; charset=utf-8"
_LEVEL_HELP = (
    "usage: POST /logging\t\t\t\t\t\t(To list current level)\n"
    "usage: POST /logging?level=<level>\t\t\t\t(To change global levels)\n"
    "usage: POST /logging?level={mod1}:{level1},{mod2}:{level2}\t(To change specific mods' logging level)\n"
    "hint: loglevel:\terror|warn|info|debug|trace|off\n"
    "hint: mod_name:\tthe module name, i.e. ztunnel::agent\n"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer before it is put into bytes."""

    code: int
    body: bytes
    kind: str = _TEXT


@dataclass(frozen=True, slots=True)
class Asked:
    """One HTTP request taken apart."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    accept: str = ""

    def value(self, key: str) -> str | None:
        return next((value for name, value in self.query if name == key), None)


@dataclass(slots=True, eq=False)
class PodPorts:
    """Answers for every ztunnel of the world."""

    world: World
    faults: Faults
    printer: DumpPrinter = field(init=False)

    def __post_init__(self) -> None:
        self.printer = DumpPrinter(self.world.cluster, self.world.traffic, self.world.authority)

    def dial(self, pod_uid: str, port: int) -> PodConnection | None:
        """Open a connection to a port inside a pod; None where nobody listens."""
        if self.world.ztunnel_of(pod_uid) is None or port not in _PORTS:
            return None
        return PodConnection(lambda asked: self._answer(pod_uid, port, asked))

    def _answer(self, pod_uid: str, port: int, asked: Asked) -> Answer | None:
        """None where the process is gone by now: the connection just closes."""
        ztunnel = self.world.ztunnel_of(pod_uid)
        if ztunnel is None:
            return None
        return _PORTS[port](self, ztunnel, asked)

    def admin(self, ztunnel: Ztunnel, asked: Asked) -> Answer:
        if asked.path == "/config_dump":
            return self._dump(ztunnel)
        if asked.path == "/logging":
            return _logging(ztunnel, asked)
        if asked.path == "/quitquitquit":
            if asked.method != "POST":
                return Answer(405, b"")
            self.world.lifecycle.restart_ztunnel(self.world.now_us, ztunnel.node)
            return Answer(200, b"shutdown now\n")
        if asked.path == "/":
            return Answer(200, b"<html><body>ztunnel admin</body></html>", "text/html; charset=utf-8")
        return Answer(404, b"")

    def stats(self, ztunnel: Ztunnel, asked: Asked) -> Answer:
        if asked.path not in ("/metrics", "/stats/prometheus"):
            return Answer(404, b"")
        text = metrics.expose(ztunnel.series.values(), self._facts(ztunnel), version=ztunnel.version)
        kind = "application/openmetrics-text;charset=utf-8;version=1.0.0" if "openmetrics" in asked.accept else _TEXT
        return Answer(200, text.encode(), kind)

    def readiness(self, ztunnel: Ztunnel, asked: Asked) -> Answer:
        if asked.path != "/healthz/ready":
            return Answer(404, b"")
        if asked.method != "GET":
            return Answer(405, b"")
        return Answer(200, b"ready\n") if ztunnel.ready else Answer(500, b"not ready, pending: state manager\n")

    def _dump(self, ztunnel: Ztunnel) -> Answer:
        if self.faults.dump_error == "500":
            return Answer(500, b"")
        body = self.printer.dump(ztunnel)
        if self.faults.dump_error == "truncated":
            body = body[: len(body) // 2]
        elif self.faults.dump_error == "not-json":
            body = b"<html><body>upstream connect error</body></html>"
        return Answer(200, body, "application/json")

    def _facts(self, ztunnel: Ztunnel) -> dict[str, int]:
        traffic = self.world.traffic
        connections = [(pod, one) for pod in ztunnel.local.values() for one in traffic.connections_of(pod)]
        source = sum(1 for pod, one in connections if one.pair.route.src is pod)
        return {
            "open_fds": 48 + 4 * len(ztunnel.local) + 2 * len(connections),
            "open_source": source,
            "open_destination": len(connections) - source,
            "proxies": len(ztunnel.local),
            "proxies_started": ztunnel.proxies_started,
            "proxies_stopped": ztunnel.proxies_stopped,
            "xds_policies": 1 + len(self.world.cluster.policies),
            "xds_addresses": 1 + self.world.cluster.mesh_version,
        }


_PORTS: dict[int, Callable[[PodPorts, Ztunnel, Asked], Answer]] = {
    ADMIN: PodPorts.admin,
    STATS: PodPorts.stats,
    READINESS: PodPorts.readiness,
}


def _logging(ztunnel: Ztunnel, asked: Asked) -> Answer:
    """POST without a level reads, with one it adds, `reset` starts over; the colon form is refused."""
    if asked.method != "POST":
        return Answer(405, f"Invalid HTTP method\n {_LEVEL_HELP}".encode())
    level = asked.value("level")
    if asked.value("reset") is not None:
        ztunnel.levels.reset()
    if level and not ztunnel.levels.add(level):
        return Answer(400, f"Invalid level provided: {level}\n{_LEVEL_HELP}".encode())
    return Answer(200, f"current log level is {ztunnel.levels.describe()}\n".encode())


class PodConnection:
    """One TCP connection to a port: bytes of requests in, bytes of answers out, in order."""

    def __init__(self, answer: Callable[[Asked], Answer | None]) -> None:
        self._answer = answer
        self._buffer = b""
        self.is_closed = False

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the client and return what the server sends."""
        self._buffer += data
        out = b""
        while not self.is_closed and (request := self._next()) is not None:
            out += request
        return out

    def _next(self) -> bytes | None:
        """Compose the answer to the next whole request; None while there is none."""
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length", "0") or 0)
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        words = lines[0].split(" ")
        if len(words) != 3:
            self.is_closed = True
            return b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
        url = urlsplit(words[1])
        query = tuple(parse_qsl(url.query, keep_blank_values=True))
        answer = self._answer(Asked(words[0], url.path, query, headers.get("accept", "")))
        if answer is None:
            self.is_closed = True
            return b""
        self.is_closed = headers.get("connection", "").lower() == "close" or words[2] == "HTTP/1.0"
        return _bytes(answer, with_body=words[0] != "HEAD")


def _bytes(answer: Answer, *, with_body: bool) -> bytes:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    head = (
        f"HTTP/1.1 {answer.code} {_REASONS[answer.code]}\r\ncontent-type: {answer.kind}\r\n"
        f"content-length: {len(answer.body)}\r\ndate: {date}\r\n\r\n"
    )
    return head.encode() + (answer.body if with_body else b"")
