"""Fields: the name, getter and kind of everything that can be filtered, sorted, grouped by or printed.

What a line itself does not say (an app, a node, a zone, a revision) is asked of a Lookup, which the inventory of
config dumps and the cluster's own pods stand behind.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ztui.model.flow import AccessLogEntry, Direction, Shape, Verdict, stripped_error

if TYPE_CHECKING:
    from ztui.model.workload import Workload

T = TypeVar("T")

Value = str | int | float | tuple[str, ...] | None
"""What a getter may give: one word or number, several names of one thing, or nothing."""


class Kind(StrEnum):
    """How the values of a field compare and which units they take."""

    TEXT = "text"
    NUMBER = "number"
    BYTES = "bytes"
    DURATION = "duration"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Generic[T]):
    """One thing that is known about a row of kind T."""

    name: str
    getter: Callable[[T], Value]
    kind: Kind = Kind.TEXT
    title: str = ""


class Lookup(Protocol):
    """What dumps and the cluster know beyond the line: asked by namespace and workload name as the line has them."""

    @property
    def version(self) -> int:
        """Grows whenever an answer may have changed."""

    def workload(self, namespace: str | None, name: str | None) -> Workload | None:
        """Give the workload of that name, as a ztunnel holds it."""

    def workload_at(self, ip: str) -> Workload | None:
        """Give the workload that has this address."""

    def app(self, namespace: str | None, name: str | None) -> str | None:
        """Give the owner of a workload: a Deployment, a DaemonSet."""

    def node(self, namespace: str | None, name: str | None) -> str | None:
        """Give the node a workload runs on."""

    def zone(self, namespace: str | None, name: str | None) -> str | None:
        """Give the zone a workload runs in."""

    def revision(self, namespace: str | None, name: str | None) -> str | None:
        """Give the canonical revision of a workload."""

    def labels(self, namespace: str | None, name: str | None) -> str | None:
        """Give the labels of a pod by Kubernetes' word, as `labels_text` writes them; None where they are not known."""

    def labels_at(self, ip: str) -> str | None:
        """Give the labels of the pod that has this address."""

    def service_of(self, namespace: str | None, name: str | None, port: int | None) -> str | None:
        """Give the hostname of the one service that reaches this port of a workload; None if not just one."""


class _NothingKnown:
    """A lookup without dumps and cluster: only the line speaks."""

    version = 0

    def workload(self, *_: Any, **__: Any) -> None:
        return None

    workload_at = app = node = zone = revision = service_of = labels = labels_at = workload


NOTHING_KNOWN: Lookup = _NothingKnown()


@lru_cache(maxsize=4096)
def split_address(address: str | None) -> tuple[str | None, int | None]:
    """Split `10.1.1.2:80` or `[fd00::2]:80` into host and port; (None, None) where there is no port."""
    host, colon, port = (address or "").rpartition(":")
    if not colon or not port.isdecimal() or len(port) > 5:
        return None, None
    return host.strip("[]"), int(port)


def is_address(text: str) -> bool:
    """Whether a text is an IP address (without port)."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def port_of(shape: Shape) -> int | None:
    """Give the port that was meant: of `dst.hbone_addr` inside a tunnel, else of `dst.addr`."""
    return split_address(shape.dst_hbone_addr or shape.dst_addr)[1]


def service_of(shape: Shape, lookup: Lookup) -> str | None:
    """`dst.service`; an inbound entry without it is resolved from the dump, where just one service can be meant."""
    if shape.dst_service is not None or shape.direction != Direction.INBOUND:
        return shape.dst_service
    return lookup.service_of(shape.dst_namespace, shape.dst_workload, port_of(shape))


def security_of(shape: Shape) -> str:
    """`plaintext` for an inbound entry without `src.identity` and an outbound one without `dst.hbone_addr`."""
    return "mtls" if shape.is_mtls else "plaintext"


_FLAGS = (
    ("tls error: ", "TLS_FAILURE"),
    ("http2 handshake failed", "H2_HANDSHAKE_FAILURE"),
    ("connection timed out, maybe a NetworkPolicy", "NETWORK_POLICY"),
    ("identity error: ", "IDENTITY_ERROR"),
    ("connection closed: peer certificate revoked", "CERT_REVOKED"),
    ("connection closed due to policy", "DENY"),
)


def response_flag_of(shape: Shape) -> str | None:
    """Tell the `response_flags` of the metric beside an entry: `-`, `DENY`, `CONNECT`, since 1.29 also finer ones.

    None for `connection opened` and for refusals so early that ztunnel writes no metric (`connection failed`).
    """
    if shape.is_opened or shape.message == "connection failed":
        return None
    if shape.verdict in (Verdict.FORWARDED, Verdict.DRAINED):
        return "-"
    error = stripped_error(shape.error or "")
    for prefix, flag in _FLAGS:
        if error.startswith(prefix):
            return flag
    return "CONNECT"


def src_node_of(shape: Shape, lookup: Lookup) -> str | None:
    """Give the source's node: the reporter's own for an outbound entry, else from the dump."""
    if shape.direction == Direction.OUTBOUND and shape.origin.node is not None:
        return shape.origin.node
    return lookup.node(shape.src_namespace, shape.src_workload)


def dst_node_of(shape: Shape, lookup: Lookup) -> str | None:
    """Give the destination's node: the reporter's own for an inbound entry, else from the dump."""
    if shape.direction == Direction.INBOUND and shape.origin.node is not None:
        return shape.origin.node
    return lookup.node(shape.dst_namespace, shape.dst_workload)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _word(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.value


ByKey = Callable[[Shape, Lookup], str | None]

BY_KEYS: Mapping[str, ByKey] = {
    "src.workload": lambda s, _: s.src_workload,
    "src.app": lambda s, look: look.app(s.src_namespace, s.src_workload),
    "src.namespace": lambda s, _: s.src_namespace,
    "src.identity": lambda s, _: s.src_identity,
    "dst.service": service_of,
    "dst.workload": lambda s, _: s.dst_workload,
    "dst.app": lambda s, look: look.app(s.dst_namespace, s.dst_workload),
    "dst.namespace": lambda s, _: s.dst_namespace,
    "dst.port": lambda s, _: _text(port_of(s)),
    "direction": lambda s, _: s.direction,
    "node": lambda s, _: s.origin.node,
    "src.node": src_node_of,
    "dst.node": dst_node_of,
    "src.zone": lambda s, look: look.zone(s.src_namespace, s.src_workload),
    "dst.zone": lambda s, look: look.zone(s.dst_namespace, s.dst_workload),
    "security": lambda s, _: security_of(s),
    "verdict": lambda s, _: _word(s.verdict),
    "response_flag": lambda s, _: response_flag_of(s),
    "error": lambda s, _: s.error,
    "revision": lambda s, look: look.revision(s.dst_namespace, s.dst_workload),
}
"""The keys of `--by`, each as a function of an entry's shape. `revision` is the destination's."""

RESOLVED_KEYS = frozenset(
    {"src.app", "dst.app", "dst.service", "src.node", "dst.node", "src.zone", "dst.zone", "revision"}
)
"""Keys whose value may change when the lookup learns more."""


def names(name: str | None, namespace: str | None = None, app: str | None = None) -> tuple[str, ...]:
    """Every way to write a workload: `name`, `name.ns`, `ns/name`, and the same of its app."""
    found: list[str] = []
    for one in (name, app):
        if one and one not in found:
            found.append(one)
            if namespace:
                found += (f"{one}.{namespace}", f"{namespace}/{one}")
    return tuple(found)


def service_names(hostname: str | None) -> tuple[str, ...]:
    """Every way to write a service: its hostname and, for a Kubernetes one, `name`, `name.ns`, `ns/name`."""
    if hostname is None:
        return ()
    name, dot, rest = hostname.partition(".")
    namespace, svc, _ = rest.partition(".svc")
    if not dot or not svc or "." in namespace:
        return (hostname,)
    return (hostname, name, f"{name}.{namespace}", f"{namespace}/{name}")


def _present(*texts: str | None) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


def identity_names(identity: str | None) -> tuple[str, ...]:
    """`spiffe://td/ns/default/sa/curl` in full, without the scheme, and as `ns/sa`."""
    if identity is None:
        return ()
    short = identity.removeprefix("spiffe://")
    parts = short.split("/")
    if len(parts) == 5 and parts[1] == "ns" and parts[3] == "sa":
        return (identity, short, parts[4], f"{parts[2]}/{parts[4]}", f"{parts[4]}.{parts[2]}")
    return (identity, short)


def _src_names(s: Shape, look: Lookup) -> tuple[str, ...]:
    return names(s.src_workload, s.src_namespace, look.app(s.src_namespace, s.src_workload))


def _dst_workload_names(s: Shape, look: Lookup) -> tuple[str, ...]:
    return names(s.dst_workload, s.dst_namespace, look.app(s.dst_namespace, s.dst_workload))


def _dst_names(s: Shape, look: Lookup) -> tuple[str, ...]:
    workload = _dst_workload_names(s, look)
    hosts = {split_address(s.dst_addr)[0], split_address(s.dst_hbone_addr)[0]}
    return workload + service_names(service_of(s, look)) + _present(*hosts)


def _protocol(s: Shape, _: Lookup) -> tuple[str, ...]:
    return ("HBONE",) if s.dst_hbone_addr is not None else ("TCP",)


LABELS = "labels"
"""The key behind `--selector`: part of the scope a command line gives, not of the language of the prompt."""


def _labels(s: Shape, look: Lookup) -> tuple[str, ...]:
    """Give the labels of both pods; a refusal before ztunnel knew more names its destination by address alone."""
    source = look.labels(s.src_namespace, s.src_workload) if s.src_workload else None
    if s.dst_workload:
        destination = look.labels(s.dst_namespace, s.dst_workload)
    else:
        host = split_address(s.dst_addr)[0]
        destination = look.labels_at(host) if host else None
    return tuple(text for text in (source, destination) if text is not None)


ShapeKey = Callable[[Shape, Lookup], Value]

SHAPE_KEYS: Mapping[str, ShapeKey] = {
    "from": _src_names,
    "to": _dst_names,
    "from.ns": lambda s, _: s.src_namespace,
    "to.ns": lambda s, _: s.dst_namespace,
    "ns": lambda s, _: _present(s.src_namespace, s.dst_namespace),
    "service": lambda s, look: service_names(service_of(s, look)),
    "workload": lambda s, look: (*_src_names(s, look), *_dst_workload_names(s, look)),
    "identity": lambda s, _: identity_names(s.src_identity) + identity_names(s.dst_identity),
    "node": lambda s, _: s.origin.node,
    "src.node": src_node_of,
    "dst.node": dst_node_of,
    "src.zone": BY_KEYS["src.zone"],
    "dst.zone": BY_KEYS["dst.zone"],
    "ztunnel": lambda s, _: (*names(s.origin.ztunnel, s.origin.namespace), s.origin.key),
    "port": lambda s, _: port_of(s),
    "dir": lambda s, _: s.direction,
    "security": lambda s, _: security_of(s),
    "verdict": lambda s, _: _word(s.verdict),
    "flag": lambda s, _: response_flag_of(s),
    "error": lambda s, _: s.error,
    "revision": lambda s, look: _present(
        look.revision(s.src_namespace, s.src_workload), look.revision(s.dst_namespace, s.dst_workload)
    ),
    "protocol": _protocol,
    LABELS: _labels,
}
"""Filter keys that an entry's shape answers: evaluated once per shape, however many entries have it."""

ENTRY_KEYS: Mapping[str, Callable[[AccessLogEntry], Value]] = {
    "bytes": lambda e: None if e.bytes_sent is None else e.bytes_sent + (e.bytes_recv or 0),
    "sent": lambda e: e.bytes_sent,
    "recv": lambda e: e.bytes_recv,
    "duration": lambda e: e.duration_ms,
}
"""Filter keys that each entry answers for itself."""


def shown_texts(shape: Shape, lookup: Lookup) -> tuple[str, ...]:
    """Everything about a shape that a screen shows: what a bare word is searched in."""
    texts = (
        shape.src_workload, shape.src_namespace, shape.src_identity, shape.dst_addr, shape.dst_hbone_addr,
        service_of(shape, lookup), shape.dst_workload, shape.dst_namespace, shape.dst_identity, shape.direction,
        shape.error, _word(shape.verdict), shape.message, shape.origin.ztunnel, shape.origin.node,
        lookup.app(shape.src_namespace, shape.src_workload), lookup.app(shape.dst_namespace, shape.dst_workload),
        *(text for _, text in shape.other),
    )  # fmt: skip
    return _present(*texts)


def _of_shape(name: str) -> Callable[[AccessLogEntry], Value]:
    return lambda entry: getattr(entry.shape, name)


def _entry_field(name: str, getter: Callable[[AccessLogEntry], Value], kind: Kind = Kind.TEXT) -> Field[AccessLogEntry]:
    return Field(name=name, getter=getter, kind=kind, title=name)


ENTRY_FIELDS: Mapping[str, Field[AccessLogEntry]] = {
    field.name: field
    for field in (
        _entry_field("time", lambda e: e.time, Kind.TIME),
        _entry_field("level", _of_shape("level")),
        _entry_field("message", _of_shape("message")),
        _entry_field("src.addr", lambda e: e.src_addr),
        _entry_field("src.workload", _of_shape("src_workload")),
        _entry_field("src.namespace", _of_shape("src_namespace")),
        _entry_field("src.identity", _of_shape("src_identity")),
        _entry_field("dst.addr", _of_shape("dst_addr")),
        _entry_field("dst.hbone_addr", _of_shape("dst_hbone_addr")),
        _entry_field("dst.service", _of_shape("dst_service")),
        _entry_field("dst.workload", _of_shape("dst_workload")),
        _entry_field("dst.namespace", _of_shape("dst_namespace")),
        _entry_field("dst.identity", _of_shape("dst_identity")),
        _entry_field("direction", _of_shape("direction")),
        _entry_field("verdict", lambda e: _word(e.shape.verdict)),
        _entry_field("error", _of_shape("error")),
        _entry_field("sent", lambda e: e.bytes_sent, Kind.BYTES),
        _entry_field("recv", lambda e: e.bytes_recv, Kind.BYTES),
        _entry_field("duration", lambda e: e.duration_ms, Kind.DURATION),
        _entry_field("ztunnel", lambda e: e.shape.origin.ztunnel or e.shape.origin.key),
        _entry_field("node", lambda e: e.shape.origin.node),
    )
}
