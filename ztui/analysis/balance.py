"""How a service's connections spread over its backends, beside the share each is expected to get.

Shares of random draws scatter, and a few connections say nothing. Here are the observed counts, the expected shares and
sentences that are true of them; no judgement whether a spread is fair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from ztui.analysis.balance_words import sentences
from ztui.analysis.draws import (
    Backend,
    BackendState,
    BalanceResult,
    DrawKey,
    Draws,
    Evidence,
    Held,
    Hop,
    Name,
    OpenOnes,
    Weights,
    candidates,
)
from ztui.analysis.overload import estimated
from ztui.model.workload import Workload

LEAST_EXPECTED = 5
"""The least count that every backend must be expected to get before shares say anything: the usual bound of tests."""


_SUMMED = tuple(each.name for each in fields(Draws))


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
            for name in _SUMMED:
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
        backends += _backends(evidence, hop, by_hop[hop], expected if hop is drawn else None)
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
        sources=_sources(sums),
        weights=weights,
        n=n,
        still_open=sum(one.opened for one in sums.backends.values()),
        open_before=sum(one.open_before for one in sums.backends.values()),
        undrawn=sum(one.undrawn for one in by_hop.values()),
        open_ones=evidence.open_ones,
        is_too_few=n * min(likely, default=1.0) < LEAST_EXPECTED,
    )
    return replace(draft, sentences=sentences(draft, evidence, expected))


def short_name(hostname: str) -> tuple[str, str | None]:
    """Split a Kubernetes hostname into name and namespace; others stay whole."""
    name, _, rest = hostname.partition(".")
    namespace, svc, _ = rest.partition(".svc")
    return (name, namespace) if svc and namespace and "." not in namespace else (hostname, None)


def _port(held: Held | None) -> int | None:
    ports = list(held.service.ports) if held else []
    return ports[0] if len(ports) == 1 else None


def _sources(sums: _Sums) -> tuple[tuple[Name, int], ...]:
    counted = ((name, round(count)) for name, count in sums.sources.items())
    return tuple(sorted(((n, c) for n, c in counted if c), key=lambda item: (-item[1], item[0][1])))


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


def _backends(evidence: Evidence, hop: Hop, sums: _Sums, shares: Mapping[Name, float] | None) -> list[Backend]:
    """Make a row for every backend of a hop; `shares` are the expected ones, None for a hop that is counted apart."""
    expected = shares or {}
    held = {Hop.BACKEND: evidence.held, Hop.WAYPOINT: evidence.waypoint}.get(hop)
    endpoints: dict[Name, Workload] = {(w.namespace, w.name): w for _, w in held.endpoints} if held else {}
    if not sums.backends and shares is None:
        return []
    unhealthy: dict[Name, Workload] = {(w.namespace, w.name): w for w in held.unhealthy} if held else {}
    n = sums.n if shares is not None else 0
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
                expected=expected.get(name, 0.0 if expected and name in endpoints else None),
                capacity=workload.capacity if workload is not None else None,
                failed=draws.failed,
                open_now=None if evidence.open_ones is OpenOnes.UNKNOWN else draws.open_now,
                bytes_sent=estimated(draws.bytes_sent, draws.read_share),
                bytes_recv=estimated(draws.bytes_recv, draws.read_share),
                read_share=draws.read_share,
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
