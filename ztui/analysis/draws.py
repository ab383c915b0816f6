"""What a balance is made of: who chose a backend, what a ztunnel draws from, what is known of each backend.

ztunnel does not take turns: it draws an endpoint at random for every connection, weighted by capacity, among those that
health and locality leave (its `src/state.rs`, `load_balance`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ztui import units
from ztui.analysis.overload import share_read
from ztui.model.service import Endpoint, LoadBalancer, Service
from ztui.model.workload import Workload

Name = tuple[str | None, str]
"""Namespace and name of a workload, as lines have them."""


class Hop(StrEnum):
    """Who chose, and among what. Counts of different hops are never mixed."""

    BACKEND = "backend"
    """A ztunnel drew one of the service's endpoints."""
    WAYPOINT = "waypoint"
    """A ztunnel drew the next hop: a waypoint's pod or a network gateway, which chooses the backend by itself."""
    ELSEWHERE = "elsewhere"
    """Not a ztunnel's draw: a waypoint, gateway, sidecar or plain client chose this backend."""


class DrawKey(NamedTuple):
    """What is counted apart."""

    hop: Hop
    source: Name
    backend: Name | None
    """None where the connection ended before a backend was chosen."""


@dataclass(slots=True, kw_only=True)
class Draws:
    """Connections of one source to one backend. Mutable while they are summed, then handed over."""

    closed: float = 0
    """Opened in the window and closed since; a fraction only while parts of thinned durations are summed."""
    opened: int = 0
    """First seen open in the window, and still open."""
    open_now: int = 0
    open_before: int = 0
    """Of those that are open now: already there when somebody looked first, so nobody knows since when."""
    failed: int = 0
    """Ended with an error or a denial within the window."""
    ended: int = 0
    """Closed within the window, whenever they were opened; failed ones too."""
    unread: int = 0
    """Of those, how many were only counted (overload): their bytes are not in the sums."""
    bytes_sent: int = 0
    """Client → server, of those that closed within the window."""
    bytes_recv: int = 0

    @property
    def read_share(self) -> float:
        """Of those that ended well, the share whose bytes were read."""
        return share_read(self.ended - self.failed, self.unread)


class OpenOnes(StrEnum):
    """What is known of connections that are open."""

    KNOWN = "known"
    SAVED = "saved"
    """From a saved dump, which does not say when it was taken."""
    UNKNOWN = "unknown"


class Weights(StrEnum):
    """Where expected shares come from."""

    CAPACITY = "capacity"
    """The endpoints' capacities in the config dumps."""
    EQUAL = "equal"
    """The dumps have no capacities: ztunnel before 1.26 draws without weights."""
    ASSUMED = "assumed equal"
    """No dump tells of the service: equal among the backends seen."""
    NONE = "none"
    """Nothing can be expected: what ztunnel draws from is not known, or it draws nothing."""


class BackendState(StrEnum):
    """What the ztunnels hold of a backend now."""

    ENDPOINT = "endpoint"
    UNHEALTHY = "unhealthy"
    NO_ENDPOINT = "no endpoint now"
    """It got connections in the window and is no endpoint any more: mostly a pod that was replaced."""
    YOUNG = "new in window"
    """An endpoint whose pod is younger than the window: it could not be drawn all the time."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which connections are counted: those opened from `since` to `until`, in Unix seconds; None is without a bound."""

    since: float | None = None
    until: float | None = None
    length_s: float | None = None
    """As asked for, where a length was."""
    observed_since: float | None = None
    """The first moment any log tells of."""

    @property
    def words(self) -> str:
        """The window as part of a sentence."""
        return f"opened in the last {span_text(self.length_s)}" if self.length_s is not None else "seen"

    @property
    def is_cut_short(self) -> bool:
        """Whether the logs tell only of a part of the window."""
        if self.since is None or self.observed_since is None:
            return False
        return self.observed_since - self.since > 15


def span_text(seconds: float) -> str:
    """Write a round length of time: `60 s`, `10 min`, `1 h`; others in two units."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0 and seconds != 60:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds < 120 else units.format_age(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A service as most ztunnels hold it, with the workloads of its endpoints."""

    service: Service
    endpoints: tuple[tuple[Endpoint, Workload], ...] = ()
    """Endpoints whose workload is held too: without it ztunnel draws none."""
    unhealthy: tuple[Workload, ...] = ()
    """Workloads that belong to the service and are no endpoints, since they are not healthy."""
    is_agreed: bool = True
    """Whether every ztunnel that answered holds the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a balance rests on."""

    service: str
    """Its hostname."""
    window: Window
    draws: Mapping[DrawKey, Draws]
    held: Held | None = None
    """None where no dump tells of it."""
    waypoint: Held | None = None
    """The waypoint's own service, where the dumps tell of one."""
    has_dumps: bool = False
    sources: Mapping[Name, Workload] = field(default_factory=dict)
    young: frozenset[Name] = frozenset()
    """Endpoints whose pods were created within the window."""
    open_ones: OpenOnes = OpenOnes.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What flows really reached (or could have): its choices and its load."""

    name: str
    namespace: str | None
    hop: Hop
    state: BackendState
    observed: int
    """Connections opened in the window that went to it."""
    share: float | None
    """Of all that ztunnels drew for; None where there were none, and for what is counted apart."""
    expected: float | None
    """The share a draw by weight gives it; None where nothing can be expected."""
    capacity: int | None
    failed: int
    open_now: int | None
    """None where open connections are not known."""
    bytes_sent: int | None
    """Of those that closed in the window; an estimate where `read_share` is below 1.0, None where it is nothing."""
    bytes_recv: int | None
    read_share: float = 1.0
    """Of connections that went well, the share whose bytes were read: less than 1.0 after overload."""

    @property
    def key(self) -> str:
        return f"{self.hop}|{self.namespace}/{self.name}"


class Sentence(NamedTuple):
    """Something that is true of a balance. Cautions are what a reader of bare shares would overlook."""

    text: str
    is_caution: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceResult:
    """How a service's connections spread, with sentences that say what the numbers can support."""

    service: str
    name: str
    """Its short name: `reviews`; the hostname where no dump and no ordinary hostname tells."""
    namespace: str | None
    port: int | None
    """None where several ports are served, or no dump tells."""
    window: Window
    backends: tuple[Backend, ...]
    sources: tuple[tuple[Name, int], ...]
    """Who opened these, and how many each; the busiest first."""
    weights: Weights
    n: int
    """Connections that ztunnels drew a backend (or, with a waypoint, its pod) for."""
    still_open: int
    open_before: int
    """Open now and counted in no choice, since they were there already when somebody looked first."""
    undrawn: int
    """Connections that ended before a backend was chosen."""
    open_ones: OpenOnes
    is_too_few: bool
    sentences: tuple[Sentence, ...] = ()

    @property
    def title(self) -> str:
        """The service as people write it, with its port: `reviews.default:9080`."""
        name = f"{self.name}.{self.namespace}" if self.namespace else self.name
        return f"{name}:{self.port}" if self.port is not None else name

    @property
    def says(self) -> str:
        """All sentences as one text."""
        return " ".join(sentence.text for sentence in self.sentences)

    @property
    def has_waypoint(self) -> bool:
        """Whether ztunnels sent connections to a next hop instead of a backend."""
        return any(one.hop is Hop.WAYPOINT for one in self.backends)

    @property
    def drawn(self) -> tuple[Backend, ...]:
        """The backends that shares and expected shares are about: of the hop ztunnels drew for."""
        hop = Hop.WAYPOINT if self.has_waypoint else Hop.BACKEND
        return tuple(one for one in self.backends if one.hop is hop)


def candidates(held: Held, source: Workload | None, port: int | None = None) -> dict[Name, int] | None:
    """Give the endpoints one source's ztunnel draws from, each with its weight; None where that is not known.

    The rules are ztunnel's `load_balance`: health policy, then the routing preferences as seen from the source.
    """
    balancer = held.service.load_balancer or LoadBalancer()
    mode = balancer.mode or "Standard"
    if mode == "Passthrough":
        return None
    members = [
        (workload, workload.capacity if workload.capacity is not None else 1)
        for endpoint, workload in held.endpoints
        if _is_drawn(endpoint, workload, balancer) and (port is None or not endpoint.ports or port in endpoint.ports)
    ]
    if mode != "Standard" and balancer.routing_preferences and members:
        if source is None:
            return None
        members = _nearest(source, members, balancer.routing_preferences, is_strict=mode == "Strict")
    return {(workload.namespace, workload.name): capacity for workload, capacity in members}


def _is_drawn(endpoint: Endpoint, workload: Workload, balancer: LoadBalancer) -> bool:
    if balancer.health_policy == "AllowAll":
        return True
    return endpoint.status != "Unhealthy" and workload.is_healthy is not False


def _nearest(
    source: Workload, members: list[tuple[Workload, int]], wanted: tuple[str, ...], *, is_strict: bool
) -> list[tuple[Workload, int]]:
    if is_strict:
        return [member for member in members if all(_matches(source, member[0], one) for one in wanted)]
    ranks = [_rank(source, workload, wanted) for workload, _ in members]
    best = max(ranks)
    return [member for member, rank in zip(members, ranks, strict=True) if rank == best]


def _rank(source: Workload, target: Workload, wanted: tuple[str, ...]) -> int:
    """Count leading preferences that match; a leading `Network` outweighs all others and never stops the count."""
    rank = 0
    for position, preference in enumerate(wanted):
        is_first_network = position == 0 and preference == "Network"
        if _matches(source, target, preference):
            rank += len(wanted) if is_first_network else 1
        elif not is_first_network:
            break
    return rank


def _matches(source: Workload, target: Workload, preference: str) -> bool:
    word = preference.lower()
    if word in ("region", "zone", "subzone"):
        return (getattr(source.locality, word, None) or "") == (getattr(target.locality, word, None) or "")
    if word == "node":
        return source.node == target.node
    if word == "cluster":
        return source.cluster_id == target.cluster_id
    return word == "network" and (source.network or "") == (target.network or "")
