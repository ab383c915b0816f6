"""What a balance can say: sentences that are true of its numbers, and none that they cannot support."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt

from ztui import units
from ztui.analysis.draws import (
    Backend,
    BackendState,
    BalanceResult,
    Evidence,
    Held,
    Hop,
    Name,
    OpenOnes,
    Sentence,
    Weights,
)
from ztui.model.service import LoadBalancer

_NAMED = 4


def sentences(draft: BalanceResult, evidence: Evidence, expected: Mapping[Name, float]) -> tuple[Sentence, ...]:
    """Say what is true of a balance; first what its reader must know before the shares mean anything."""
    cautions = [*_cautions(draft, evidence, expected)]
    plain = [
        *_about_count(draft),
        *_about_expectation(draft, evidence, expected),
        *_about_hops(draft, evidence),
    ]
    return (*(Sentence(text, is_caution=True) for text in cautions), *map(Sentence, plain))


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: `1 connection`, `2 connections`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _cautions(result: BalanceResult, evidence: Evidence, expected: Mapping[Name, float]) -> Iterable[str]:
    """Say what would make a reader of bare shares go wrong."""
    if result.n and result.is_too_few and len(result.drawn) > 1:
        yield f"n = {result.n}: too few to say anything about fairness; ztunnel draws at random."
    if result.weights is Weights.ASSUMED:
        yield _assumption(evidence, len(expected))
    yield from _about_changes(result, evidence)
    window = result.window
    if window.is_cut_short and window.observed_since is not None and window.until is not None:
        yield f"What was read reaches back only {units.format_age(window.until - window.observed_since)}."


def _assumption(evidence: Evidence, seen: int) -> str:
    why = "the config dumps do not tell of this service" if evidence.has_dumps else "no config dump"
    if seen == 1:
        return f"Weights unknown ({why}): one backend was seen; others that got nothing would not be."
    return (
        f"Weights unknown ({why}): expected is simply an equal share for each of the {seen} backends seen, "
        "and one that got nothing is not seen."
    )


def _about_changes(result: BalanceResult, evidence: Evidence) -> Iterable[str]:
    gone, young = _in_state(result, BackendState.NO_ENDPOINT), _in_state(result, BackendState.YOUNG)
    unhealthy = _in_state(result, BackendState.UNHEALTHY)
    if unhealthy and _balancer(evidence.held).health_policy == "AllowAll":
        yield f"Unhealthy, drawn all the same (AllowAll): {_named(unhealthy)}."
        unhealthy = []
    sick = [one for one in unhealthy if one.observed]
    parts = ((gone, "no endpoint any more"), (sick, "unhealthy now"), (young, "younger than the window"))
    said = [f"{_named(ones)} {'is' if len(ones) == 1 else 'are'} {what}" for ones, what in parts if ones]
    if said:
        yield f"Endpoints changed: {'; '.join(said)}. Shares and expected shares are not of the same time."
    if idle := [one for one in unhealthy if not one.observed]:
        yield f"Unhealthy, so not drawn: {_named(idle)}."
    if (held := _held(result, evidence)) is not None and not held.is_agreed:
        yield "The ztunnels do not all hold the same of it: expected is by what most hold."


def _is_comparable(result: BalanceResult, evidence: Evidence) -> bool:
    """Whether observed and expected shares are of the same time and the same view."""
    held = _held(result, evidence)
    moved = [one for one in result.drawn if one.expected is None or one.state is BackendState.YOUNG]
    return (held is None or held.is_agreed) and not any(one.observed or one.expected for one in moved)


def _in_state(result: BalanceResult, state: BackendState) -> list[Backend]:
    return [one for one in result.drawn if one.state is state]


def _held(result: BalanceResult, evidence: Evidence) -> Held | None:
    return evidence.waypoint if result.has_waypoint else evidence.held


def _balancer(held: Held | None) -> LoadBalancer:
    return (held.service.load_balancer if held is not None else None) or LoadBalancer()


def _about_count(result: BalanceResult) -> Iterable[str]:
    name, words = result.title, result.window.words
    if not result.n:
        yield f"No connection to {name} was {words}."
        return
    match result.open_ones:
        case OpenOnes.KNOWN:
            rest = f"{result.n - result.still_open} closed, {result.still_open} still open"
            if result.open_before:
                rest += f"; {result.open_before} more were open already at the first look"
        case OpenOnes.SAVED:
            rest = "of closed connections; a saved dump does not say when its open ones were opened"
        case _:
            rest = "of closed connections; open ones unknown"
    yield f"{plural(result.n, 'connection')} to {name} {words} ({rest})."


def _about_expectation(result: BalanceResult, evidence: Evidence, expected: Mapping[Name, float]) -> Iterable[str]:
    what = "waypoint pod" if result.has_waypoint else "endpoint"
    drawable = [share for share in expected.values() if share > 0]
    if result.weights is Weights.ASSUMED:
        return
    if result.weights is Weights.NONE:
        yield from _why_nothing_expected(result, evidence)
        return
    if len(drawable) == 1:
        yield f"Only one {what} can be drawn now: there is nothing to balance."
        return
    if result.weights is Weights.EQUAL:
        yield "Expected is equal: these ztunnels (before 1.26) draw without weights."
    else:
        yield f"Expected by the {what}s' weights now: {_ratio(result, expected)}."
    if result.n and not result.is_too_few and _is_comparable(result, evidence):
        spread = 200 * max(sqrt(share * (1 - share) / result.n) for share in drawable)
        yield (
            f"ztunnel draws at random and does not take turns: at n = {result.n} chance alone keeps a share within "
            f"{spread:.1f} points of the expected one 19 times in 20. No verdict is given."
        )


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
    held = _held(result, evidence)
    if result.has_waypoint and evidence.held is not None and evidence.held.service.weighted_waypoints:
        yield "Several weighted waypoints: the expected share of each pod is not computed."
    elif result.has_waypoint:
        yield "The dumps do not tell which pods the waypoint has: nothing can be expected."
    elif held is None:
        if not evidence.has_dumps:
            yield "No config dump: its endpoints and their weights are unknown."
    elif _balancer(held).mode == "Passthrough":
        yield "Its mode is Passthrough: ztunnel keeps the address that was dialled and draws nothing."
    elif not held.endpoints:
        yield "It has no endpoint now."
    elif _balancer(held).routing_preferences:
        yield "It prefers near endpoints, and where some sources run is unknown: nothing can be expected."
    else:
        yield "No endpoint can be drawn now."


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
