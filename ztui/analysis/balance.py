"""How a service's connections spread over its backends, beside the share each is expected to get.

ztunnel does not take turns: it draws an endpoint at random for every connection, weighted by capacity, among those that
health and locality leave. So shares scatter, and a few connections say nothing. Here are the observed counts, the
expected shares and sentences that are true of them; no judgement whether a spread is fair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import sqrt
from typing import NamedTuple

from ztui import units
from ztui.model.service import Endpoint, LoadBalancer, Service
from ztui.model.workload import Workload

Name = tuple[str | None, str]
"""Namespace and name of a workload, as lines have them."""

LEAST_EXPECTED = 5
"""The least count that every backend must be expected to get before shares say anything: the usual bound of tests."""
_NAMED = 4


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
    failed: int = 0
    """Ended with an error or a denial within the window."""
    bytes_sent: int = 0
    """Client → server, of those that closed within the window."""
    bytes_recv: int = 0


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
    """Of all of the same hop; None where there were none."""
    expected: float | None
    """The share a draw by weight gives it; None where nothing can be expected."""
    capacity: int | None
    failed: int
    open_now: int | None
    """None where open connections are not known."""
    bytes_sent: int
    bytes_recv: int

    @property
    def key(self) -> str:
        return f"{self.hop}|{self.namespace}/{self.name}"


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
    """Who opened the connections, and how many each; the busiest first."""
    weights: Weights
    n: int
    """Connections that ztunnels drew a backend (or, with a waypoint, its pod) for."""
    still_open: int
    undrawn: int
    """Connections that ended before a backend was chosen."""
    open_ones: OpenOnes
    is_too_few: bool
    sentences: tuple[str, ...]

    @property
    def says(self) -> str:
        """All sentences as one text."""
        return " ".join(self.sentences)

    @property
    def has_waypoint(self) -> bool:
        """Whether ztunnels sent connections to a next hop instead of a backend."""
        return any(one.hop is Hop.WAYPOINT for one in self.backends)

    @property
    def drawn(self) -> tuple[Backend, ...]:
        """The backends that shares and expected shares are about: of the hop ztunnels drew for."""
        hop = Hop.WAYPOINT if self.has_waypoint else Hop.BACKEND
        return tuple(one for one in self.backends if one.hop is hop)


# -- what ztunnel draws from ------------------------------------------------------------------------------------------


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


# -- the answer -------------------------------------------------------------------------------------------------------


class _Sums:
    """Draws of one hop, by backend and by source."""

    def __init__(self, draws: Iterable[tuple[DrawKey, Draws]]) -> None:
        self.backends: dict[Name, Draws] = {}
        self.sources: defaultdict[Name, float] = defaultdict(float)
        self.undrawn = 0
        for key, one in draws:
            if key.backend is None:
                self.undrawn += one.failed
                continue
            total = self.backends.setdefault(key.backend, Draws())
            self.sources[key.source] += one.closed + one.opened
            for name in ("closed", "opened", "open_now", "failed", "bytes_sent", "bytes_recv"):
                setattr(total, name, getattr(total, name) + getattr(one, name))

    @property
    def n(self) -> int:
        return sum(_count(one) for one in self.backends.values())


def _count(draws: Draws) -> int:
    return round(draws.closed) + draws.opened


def balance(evidence: Evidence) -> BalanceResult:
    """Compare observed counts with the shares that draws by weight give."""
    by_hop = {hop: _Sums((k, d) for k, d in evidence.draws.items() if k.hop is hop) for hop in Hop}
    drawn = Hop.WAYPOINT if by_hop[Hop.WAYPOINT].backends else Hop.BACKEND
    port = _port(evidence.held)
    backends: list[Backend] = []
    weights, expected = _expected(evidence, by_hop[drawn], drawn, port)
    for hop in Hop:
        shares = expected if hop is drawn else {}
        backends += _backends(evidence, hop, by_hop[hop], shares)
    sums = by_hop[drawn]
    n = sums.n
    likely = [share for share in expected.values() if share > 0]
    draft = BalanceResult(
        service=evidence.service,
        name=evidence.held.service.name if evidence.held else short_name(evidence.service)[0],
        namespace=evidence.held.service.namespace if evidence.held else short_name(evidence.service)[1],
        port=port,
        window=evidence.window,
        backends=tuple(backends),
        sources=_sources(by_hop.values()),
        weights=weights,
        n=n,
        still_open=sum(one.opened for one in sums.backends.values()),
        undrawn=sum(one.undrawn for one in by_hop.values()),
        open_ones=evidence.open_ones,
        is_too_few=n * min(likely, default=1.0) < LEAST_EXPECTED,
        sentences=(),
    )
    return _with_sentences(draft, evidence, expected)


def short_name(hostname: str) -> tuple[str, str | None]:
    """Split a Kubernetes hostname into name and namespace; others stay whole."""
    name, _, rest = hostname.partition(".")
    namespace, svc, _ = rest.partition(".svc")
    return (name, namespace) if svc and namespace and "." not in namespace else (hostname, None)


def _port(held: Held | None) -> int | None:
    ports = list(held.service.ports) if held else []
    return ports[0] if len(ports) == 1 else None


def _sources(sums: Iterable[_Sums]) -> tuple[tuple[Name, int], ...]:
    total: defaultdict[Name, float] = defaultdict(float)
    for one in sums:
        for source, count in one.sources.items():
            total[source] += count
    ordered = sorted(((name, round(count)) for name, count in total.items()), key=lambda item: (-item[1], item[0][1]))
    return tuple((name, count) for name, count in ordered if count)


def _expected(evidence: Evidence, sums: _Sums, hop: Hop, port: int | None) -> tuple[Weights, dict[Name, float]]:
    """Give the share each backend is expected to get, mixed over the sources as they occurred."""
    held = evidence.waypoint if hop is Hop.WAYPOINT else evidence.held
    if held is None:
        if hop is Hop.WAYPOINT or not sums.backends:
            return Weights.NONE, {}
        return Weights.ASSUMED, dict.fromkeys(sums.backends, 1 / len(sums.backends))
    if hop is Hop.WAYPOINT and len(evidence.held.service.weighted_waypoints if evidence.held else ()) > 1:
        return Weights.NONE, {}
    sources = {name: count for name, count in sums.sources.items() if count} or {(None, ""): 1.0}
    total = sum(sources.values())
    shares: defaultdict[Name, float] = defaultdict(float)
    for source, count in sources.items():
        drawn_from = candidates(held, evidence.sources.get(source), port if hop is Hop.BACKEND else None)
        weight = sum(drawn_from.values()) if drawn_from else 0
        if not drawn_from or not weight:
            return Weights.NONE, {}
        for name, capacity in drawn_from.items():
            shares[name] += count / total * capacity / weight
    is_weighted = any(workload.capacity is not None for _, workload in held.endpoints)
    return (Weights.CAPACITY if is_weighted else Weights.EQUAL), dict(shares)


def _backends(evidence: Evidence, hop: Hop, sums: _Sums, expected: Mapping[Name, float]) -> list[Backend]:
    held = {Hop.BACKEND: evidence.held, Hop.WAYPOINT: evidence.waypoint}.get(hop)
    endpoints: dict[Name, Workload] = {(w.namespace, w.name): w for _, w in held.endpoints} if held else {}
    if not sums.backends and not expected:
        return []
    unhealthy: dict[Name, Workload] = {(w.namespace, w.name): w for w in held.unhealthy} if held else {}
    n = sums.n
    rows = []
    for name in sorted({*sums.backends, *expected, *endpoints, *unhealthy}, key=lambda one: (one[1], one[0] or "")):
        draws = sums.backends.get(name, Draws())
        workload = endpoints.get(name) or unhealthy.get(name)
        rows.append(
            Backend(
                name=name[1],
                namespace=name[0],
                hop=hop,
                state=_state(evidence, held, hop, name, workload, is_endpoint=name in endpoints),
                observed=_count(draws),
                share=_count(draws) / n if n else None,
                expected=expected.get(name, 0.0 if expected and workload is not None else None),
                capacity=workload.capacity if workload is not None else None,
                failed=draws.failed,
                open_now=None if evidence.open_ones is OpenOnes.UNKNOWN else draws.open_now,
                bytes_sent=draws.bytes_sent,
                bytes_recv=draws.bytes_recv,
            )
        )
    return rows


def _state(
    evidence: Evidence, held: Held | None, hop: Hop, name: Name, workload: Workload | None, *, is_endpoint: bool
) -> BackendState:
    if held is None or hop is Hop.ELSEWHERE:
        return BackendState.UNKNOWN
    if workload is not None and workload.is_healthy is False:
        return BackendState.UNHEALTHY
    if not is_endpoint:
        return BackendState.NO_ENDPOINT
    return BackendState.YOUNG if name in evidence.young else BackendState.ENDPOINT


# -- sentences --------------------------------------------------------------------------------------------------------


def _with_sentences(draft: BalanceResult, evidence: Evidence, expected: Mapping[Name, float]) -> BalanceResult:
    about_count, about_expectation = list(_about_count(draft)), list(_about_expectation(draft, evidence, expected))
    is_guess = draft.weights is Weights.ASSUMED  # then that must be read first
    sentences = [
        *(about_expectation + about_count if is_guess else about_count + about_expectation),
        *_about_changes(draft, evidence),
        *_about_hops(draft, evidence),
    ]
    return BalanceResult(
        **{name: getattr(draft, name) for name in BalanceResult.__slots__ if name != "sentences"},
        sentences=tuple(sentences),
    )


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: `1 connection`, `2 connections`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _about_count(result: BalanceResult) -> Iterable[str]:
    window = result.window
    if not result.n:
        yield (
            f"No connection to it was {window.words.removeprefix('opened ')}."
            if window.length_s is None
            else (f"No connection to it was {window.words}.")
        )
    elif result.is_too_few and len(result.drawn) > 1:
        yield f"n = {result.n}: too few to say anything about fairness; ztunnel draws at random."
    if result.n:
        closed = result.n - result.still_open
        match result.open_ones:
            case OpenOnes.KNOWN:
                rest = f"{closed} closed, {result.still_open} still open"
            case OpenOnes.SAVED:
                rest = "of closed connections; a saved dump does not say when its open ones were opened"
            case _:
                rest = "of closed connections; open ones unknown"
        yield f"{plural(result.n, 'connection')} {window.words} ({rest})."
    if window.is_cut_short and window.observed_since is not None and window.until is not None:
        yield f"What was read reaches back only {units.format_age(window.until - window.observed_since)}."


def _about_expectation(result: BalanceResult, evidence: Evidence, expected: Mapping[Name, float]) -> Iterable[str]:
    what = "waypoint pod" if result.has_waypoint else "endpoint"
    drawable = [share for share in expected.values() if share > 0]
    match result.weights:
        case Weights.ASSUMED:
            yield _assumption(evidence, len(drawable))
            return
        case Weights.NONE:
            yield from _why_nothing_expected(result, evidence)
            return
    if len(drawable) == 1:
        yield f"Only one {what} can be drawn now: there is nothing to balance."
        return
    if result.weights is Weights.EQUAL:
        yield "Expected is equal: these ztunnels (before 1.26) draw without weights."
    else:
        yield f"Expected by the {what}s' weights now: {_ratio(result, expected)}."
    if result.n and not result.is_too_few and not _has_changed(result, evidence):
        spread = 200 * max(sqrt(share * (1 - share) / result.n) for share in drawable)
        yield (
            "ztunnel draws at random and does not take turns: at this n chance alone keeps a share within "
            f"± {spread:.1f} points of the expected one 19 times in 20. No verdict is given."
        )


def _assumption(evidence: Evidence, seen: int) -> str:
    why = "the config dumps do not tell of this service" if evidence.has_dumps else "no config dump"
    if seen == 1:
        return f"Weights unknown ({why}): one backend was seen; others that got nothing would not be."
    return (
        f"Weights unknown ({why}): expected is simply an equal share for each of the {seen} backends seen, "
        "and one that got nothing is not seen."
    )


def _has_changed(result: BalanceResult, evidence: Evidence) -> bool:
    """Whether observed and expected shares are of different times or views."""
    held = evidence.waypoint if result.has_waypoint else evidence.held
    moved = (BackendState.NO_ENDPOINT, BackendState.YOUNG)
    is_moved = any(one.state in moved and (one.observed or one.state is BackendState.YOUNG) for one in result.drawn)
    return is_moved or (held is not None and not held.is_agreed)


def _ratio(result: BalanceResult, expected: Mapping[Name, float]) -> str:
    """Write capacities as `1:2:3`; in per cent where the sources' views mix."""
    capacities = [one.capacity or 0 for one in result.drawn if (one.namespace, one.name) in expected]
    total = sum(capacities)
    is_plain = total and all(
        abs((one.capacity or 0) / total - expected[one.namespace, one.name]) < 1e-9
        for one in result.drawn
        if (one.namespace, one.name) in expected
    )
    if not is_plain:
        return "by locality, as seen from each source"
    if len(set(capacities)) == 1:
        return f"all the same ({capacities[0]})"
    return ":".join(map(str, capacities)) if len(capacities) <= 8 else f"{min(capacities)} to {max(capacities)}"


def _why_nothing_expected(result: BalanceResult, evidence: Evidence) -> Iterable[str]:
    held = evidence.waypoint if result.has_waypoint else evidence.held
    if result.has_waypoint and evidence.held is not None and evidence.held.service.weighted_waypoints:
        yield "Several weighted waypoints: the expected share of each pod is not computed."
    elif result.has_waypoint:
        yield "The dumps do not tell which pods the waypoint has: nothing can be expected."
    elif held is None:
        if not evidence.has_dumps:
            yield "No config dump: its endpoints and their weights are unknown."
    elif (held.service.load_balancer or LoadBalancer()).mode == "Passthrough":
        yield "Its mode is Passthrough: ztunnel keeps the address that was dialled and draws nothing."
    elif not held.endpoints:
        yield "It has no endpoint now."
    elif held.service.load_balancer is not None and held.service.load_balancer.routing_preferences:
        yield "It prefers near endpoints, and where some sources run is unknown: nothing can be expected."
    else:
        yield "No endpoint can be drawn now."


def _about_changes(result: BalanceResult, evidence: Evidence) -> Iterable[str]:
    gone = [one for one in result.drawn if one.state is BackendState.NO_ENDPOINT and one.observed]
    young = [one for one in result.drawn if one.state is BackendState.YOUNG]
    if gone or young:
        parts = []
        if gone:
            parts.append(f"{_named(gone)} {'is' if len(gone) == 1 else 'are'} no endpoint any more")
        if young:
            parts.append(f"{_named(young)} {'is' if len(young) == 1 else 'are'} younger than the window")
        yield f"Endpoints changed: {', '.join(parts)}; shares and expected shares are not of the same time."
    unhealthy = [one for one in result.drawn if one.state is BackendState.UNHEALTHY]
    if unhealthy:
        allows = evidence.held and (evidence.held.service.load_balancer or LoadBalancer()).health_policy == "AllowAll"
        rest = "it may be drawn all the same (AllowAll)" if allows else "not drawn"
        yield f"Unhealthy, {rest}: {_named(unhealthy)}."
    held = evidence.waypoint if result.has_waypoint else evidence.held
    if held is not None and not held.is_agreed:
        yield "The ztunnels do not all hold the same of it: expected is by what most hold."


def _named(backends: list[Backend]) -> str:
    names = [one.name for one in backends[:_NAMED]]
    more = len(backends) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _about_hops(result: BalanceResult, evidence: Evidence) -> Iterable[str]:
    counts = {hop: sum(one.observed for one in result.backends if one.hop is hop) for hop in Hop}
    if result.has_waypoint:
        yield (
            "ztunnel chose the waypoint's (or gateway's) pod, another layer than the backends: "
            "that one chooses the backend by its own rules."
        )
        if counts[Hop.BACKEND]:
            yield f"{plural(counts[Hop.BACKEND], 'connection')} went past it, straight to a backend; counted apart."
    elif evidence.held is not None and evidence.held.service.waypoint is not None:
        yield "The service has a waypoint, and no connection through it was seen."
    if counts[Hop.ELSEWHERE]:
        yield (
            f"{plural(counts[Hop.ELSEWHERE], 'connection')} came from a waypoint, gateway, sidecar or plain client, "
            "which chose the backend; counted apart."
        )
    if result.undrawn:
        yield f"{result.undrawn} more failed before a backend was chosen."
