"""One running ztunnel: its log level, its words, and what it says when it starts, stops or meets a pod."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from ztui.simulator.certificates import Certificate
from ztui.simulator.clock import stamp_micro
from ztui.simulator.cluster import Node, Pod
from ztui.simulator.config import describe, start_config
from ztui.simulator.levels import LevelFilter
from ztui.simulator.logfile import LogFile
from ztui.simulator.metrics import Series
from ztui.simulator.text import quote

Value = str | int | bool
Fields = Sequence[tuple[str, Value]]

_RUST = {"1.30": "1.90.0", "1.31": "1.95.0"}
VERSIONS = tuple(_RUST)
_BARE = frozenset({"address"})
"""Fields ztunnel prints with `Display`: without quotes in the plain format."""


@dataclass(slots=True, eq=False, kw_only=True)
class Ztunnel:
    """A ztunnel process: it dies with its pod, and its counters, certificates and log die with it."""

    pod: Pod
    node: Node
    log: LogFile
    version: str = "1.31"
    json_log: bool = False
    started_us: int = 0
    levels: LevelFilter = field(default_factory=LevelFilter)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    local: dict[str, Pod] = field(default_factory=dict)
    """Captured pods of this node by pod uid: the ones it proxies for."""
    series: dict[tuple[str, ...], Series] = field(default_factory=dict)
    xds_id: int = 1
    ready: bool = True
    proxies_started: int = 0
    proxies_stopped: int = 0
    open_sockets: dict[str, int] = field(default_factory=lambda: {"source": 0, "destination": 0})

    @property
    def key(self) -> str:
        return f"{self.pod.namespace}/{self.pod.name}"

    @property
    def names_clusters(self) -> bool:
        """Whether log lines say `src.cluster` and `dst.cluster` (1.31 and later)."""
        return self.version != "1.30"

    def say(
        self,
        at_us: int,
        level: str,
        scope: str,
        message: str,
        fields: Fields = (),
        spans: Sequence[tuple[str, Fields]] = (),
    ) -> None:
        """Write one line of any scope but `access`, unless the level is turned down."""
        if not self.levels.allows(scope, level):
            return
        compose = _json_line if self.json_log else _plain_line
        for line in compose(at_us, level, scope, message, fields, spans).split("\n"):
            self.log.append(at_us, line.encode())

    def write_access(self, at_us: int, line: str) -> None:
        """Write one finished access log line."""
        self.log.append(at_us, line.encode())
        self.log.access += 1

    # what it says on its own account

    def start(self, at_us: int, policies: Sequence[str]) -> int:
        """Print the start-up lines for the pods in `local` and return when the last was written."""
        us = at_us
        build = version_facts(self.version)
        info = ", ".join(f"{key[0].upper()}{key[1:]}:{quote(build[key])}" for key in _BUILD_ORDER)
        self.say(us, "info", "ztunnel", f"version: version.BuildInfo{{{info}}}")
        self.say(us + 40, "info", "ztunnel", "set file descriptor limits from 1048576 to 1048576")
        self.say(
            us + 250, "info", "ztunnel", "running with config: " + describe(start_config(self.node.name, self.pod.name))
        )
        self.say(us + 2_100, "info", "app", "shared proxy mode - in-pod mode enabled")
        identity = 'Spiffe { trust_domain: "cluster.local", namespace: "istio-system", service_account: "ztunnel" }'
        self.say(us + 2_110, "info", "proxyfactory", f"creating ztunnel self-proxy listener with identity: {identity}")
        self._listens(us + 2_150, "proxy::inbound", "0.0.0.0:15008", "inbound", transparent=True)
        self._listens(us + 2_240, "hyper_util", "127.0.0.1:15000", "admin")
        self._listens(us + 2_270, "hyper_util", "0.0.0.0:15020", "stats")
        self.say(us + 2_280, "info", "readiness", "Task 'proxy' complete (3.946249ms), still awaiting 2 tasks")
        self._listens(us + 2_400, "hyper_util", "0.0.0.0:15021", "readiness")
        self.say(us + 2_650, "info", "app", "Starting ztunnel inbound listener task")
        us += 20_800
        span = (("xds", (("id", self.xds_id),)),)
        self.say(us, "info", "xds::client", "Stream established", spans=span)
        for policy in policies:
            us += 25
            self.say(us, "info", "xds", f"handling RBAC update {policy}", spans=span)
        self.say(us + 190, "info", "readiness", "Task 'state manager' complete (23.19844ms), still awaiting 1 tasks")
        self.say(us + 340, "info", "inpod::workloadmanager", "handling new stream")
        us += 1_100
        for pod in self.local.values():
            self.greet(us, pod)
            us += 900
        self.say(us, "info", "inpod::statemanager", "received snapshot sent")
        self.say(
            us + 20, "info", "readiness", "Task 'workload proxy manager' complete (26.990921ms), marking server ready"
        )
        return us + 20

    def greet(self, at_us: int, pod: Pod) -> None:
        """Say that the node agent handed over a pod, and that its listeners stand."""
        self.local[pod.uid] = pod
        self.proxies_started += 1
        names: Fields = (("uid", pod.uid), ("name", pod.name), ("namespace", pod.namespace))
        self.say(at_us, "info", "inpod::statemanager", "pod received, starting proxy", names)
        self._listens(at_us + 70, "proxy::inbound", "0.0.0.0:15008", "inbound", transparent=True)
        self._listens(at_us + 90, "proxy::inbound_passthrough", "0.0.0.0:15006", "inbound plaintext", transparent=True)
        self._listens(at_us + 110, "proxy::outbound", "0.0.0.0:15001", "outbound", transparent=True)

    def part(self, at_us: int, pod: Pod) -> None:
        """Say that a pod is gone and its proxy is shut down."""
        if self.local.pop(pod.uid, None) is None:
            return
        self.proxies_stopped += 1
        self.say(at_us, "info", "inpod::statemanager", "pod delete request, shutting down proxy", (("uid", pod.uid),))
        self._drained(at_us + 200, pod)

    def stop(self, at_us: int) -> int:
        """Print the lines of an orderly shutdown and return when the last was written."""
        self.say(at_us, "info", "signal::imp", "received signal SIGTERM, starting shutdown")
        self._drains_listener(at_us + 70, "0.0.0.0:15020", "stats")
        self.say(at_us + 95, "info", "inpod::protocol", "workload proxy manager: drain requested")
        self.say(at_us + 120, "info", "inpod::workloadmanager", "process stream ended with eof")
        self.say(at_us + 130, "info", "inpod::workloadmanager", "drain requested")
        self._drains_listener(at_us + 140, "127.0.0.1:15000", "admin")
        self.say(at_us + 280, "info", "drain", "shutdown complete", (("component", "inbound"),))
        us = at_us + 300
        for pod in self.local.values():
            self._drained(us, pod)
            us += 180
        self._drains_listener(us, "0.0.0.0:15021", "readiness")
        return us

    def _listens(self, us: int, scope: str, address: str, component: str, *, transparent: bool | None = None) -> None:
        fields: list[tuple[str, Value]] = [("address", address), ("component", component)]
        if transparent is not None:
            fields.append(("transparent", transparent))
        self.say(us, "info", scope, "listener established", fields)

    def _drains_listener(self, us: int, address: str, component: str) -> None:
        self.say(us, "info", "hyper_util", "listener drained", (("address", address), ("component", component)))

    def _drained(self, us: int, pod: Pod) -> None:
        span = (("proxy", (("wl", f"{pod.namespace}/{pod.name}"),)),)
        for later, component in enumerate(("inbound", "inbound passthrough", "outbound")):
            self.say(us + later * 25, "info", "drain", "shutdown complete", (("component", component),), span)


_BUILD_ORDER = (
    "version",
    "gitRevision",
    "rustVersion",
    "buildProfile",
    "buildStatus",
    "istioVersion",
    "cryptoProvider",
)


def version_facts(version: str) -> dict[str, str]:
    """Show the `version` object of a dump, in its own spelling."""
    return {
        "buildProfile": "release",
        "buildStatus": "Clean",
        "cryptoProvider": "tls-aws-lc",
        "gitRevision": {"1.30": "094175fed8", "1.31": "e94018b300"}[version],
        "istioVersion": f"{version}.0",
        "rustVersion": _RUST[version],
        "version": f"{version}.0",
    }


def _plain_line(
    at_us: int, level: str, scope: str, message: str, fields: Fields, spans: Sequence[tuple[str, Fields]]
) -> str:
    """TIME, level, scope with its spans and message between tabs; then fields. Without fields it ends with the tab."""
    for name, inner in spans:
        scope += f":{name}{{{' '.join(f'{key}={value}' for key, value in inner)}}}"
    text = " ".join(f"{key}={_plain_value(key, value)}" for key, value in fields)
    return f"{stamp_micro(at_us)}\t{level}\t{scope}\t{message}\t{text}"


def _plain_value(key: str, value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or key in _BARE:
        return str(value)
    return quote(value)


def _json_line(
    at_us: int, level: str, scope: str, message: str, fields: Fields, spans: Sequence[tuple[str, Fields]]
) -> str:
    """Flat keys in ztunnel's order; the scope is the full target, and a span is one nested object."""
    full = scope if scope == "ztunnel" else f"ztunnel::{scope}"
    line: dict[str, object] = {"level": level, "time": stamp_micro(at_us), "scope": full, "message": message}
    line.update(fields)
    for name, inner in spans:
        line[name] = dict(inner)
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))
