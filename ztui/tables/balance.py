"""The tables of balance: one row per backend of a service, and one row per service seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ztui import units
from ztui.analysis.draws import Backend, BackendState, BalanceResult, Hop, Weights, Window
from ztui.tables.columns import NOTHING, Align, Cell, Column, Context, Meaning, Table, number_column, text_column
from ztui.tables.documents import Document

_POD = re.compile(r"(?P<owner>.+)-(?P<template>[a-z0-9]{1,10})-(?P<pod>[a-z0-9]{5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRow:
    """One backend with the balance it belongs to."""

    backend: Backend
    result: BalanceResult

    @property
    def key(self) -> str:
        return self.backend.key


def backend_rows(result: BalanceResult, *, with_all: bool = True) -> list[BackendRow]:
    """Make a row per backend: those ztunnels drew first, then what was counted apart.

    Without `with_all` the latter only where ztunnels drew a waypoint, behind which these are the backends.
    """
    drawn = result.drawn
    apart = [one for one in result.backends if one not in drawn] if with_all or result.has_waypoint else []
    return [BackendRow(backend=one, result=result) for one in (*drawn, *apart)]


def short_pod(name: str, service: str | None = None) -> str:
    """Leave out of a Deployment's pod what its neighbours share: the template's hash, and the service's own name.

    `reviews-v1-5fd6d4f8f8-knbht` becomes `v1 knbht` for the service reviews; names of another kind stay whole.
    """
    match = _POD.fullmatch(name)
    if match is None:
        return name
    owner = match["owner"] if service is None else match["owner"].removeprefix(service).removeprefix("-")
    return f"{owner} {match['pod']}".lstrip()


def _short_name(row: BackendRow) -> str:
    """Name a backend as a screen has room for; one that was counted apart shows by which half it was seen."""
    name = short_pod(row.backend.name, row.result.name)
    if row.backend in row.result.drawn:
        return name
    return f"{'⇠' if row.backend.hop is Hop.ELSEWHERE else '⇢'} {name}"


def backend_document(row: BackendRow) -> Document:
    """One backend: its choices and its load in one object, as the screen's row has them."""
    one = row.backend
    return {"service": row.result.service, **_choice(one), **_load(one)}


def balance_document(result: BalanceResult) -> Document:
    """One service: choices, load, and what they support. There is no test and no verdict: those keys are absent."""
    document: Document = {"service": result.service}
    if result.namespace is not None:
        document["namespace"] = result.namespace
    if result.port is not None:
        document["port"] = result.port
    document["window"] = _window(result.window)
    document["n"] = result.n
    document["weights"] = result.weights.value
    document["from"] = [
        {k: v for k, v in (("workload", name), ("namespace", namespace)) if v} | {"observed": count}
        for (namespace, name), count in result.sources
    ]
    rows = backend_rows(result)
    document["choices"] = [_choice(row.backend, n=result.n) for row in rows]
    document["load"] = [_load_document(row.backend) for row in rows]
    document["says"] = result.says
    return document


def _window(window: Window) -> Document:
    bounds = (("since", window.since or window.observed_since), ("until", window.until))
    length = window.length_s
    document: Document = {} if length is None else {"seconds": int(length) if length == int(length) else length}
    return document | {key: units.format_time(at) for key, at in bounds if at is not None}


def _choice(one: Backend, n: int | None = None) -> Document:
    document: Document = {"backend": one.name}
    if one.namespace is not None:
        document["namespace"] = one.namespace
    if one.hop is not Hop.BACKEND:
        document["hop"] = one.hop.value
    document["observed"] = one.observed
    if one.expected is not None and n is not None:
        document["expected"] = round(one.expected * n, 3)
    shares = (("share", one.share), ("expected_share", one.expected))
    document |= {key: round(share, 6) for key, share in shares if share is not None}
    if one.capacity is not None:
        document["capacity"] = one.capacity
    if one.state is not BackendState.UNKNOWN:
        document["state"] = one.state.value
    return document


def _load(one: Backend) -> Document:
    document: Document = {} if one.open_now is None else {"open": one.open_now}
    document["failed"] = one.failed
    if one.bytes_sent is not None and one.bytes_recv is not None:
        document |= {"bytes_sent": one.bytes_sent, "bytes_recv": one.bytes_recv}
    return document if one.read_share == 1.0 else document | {"read_share": round(one.read_share, 3)}


def _load_document(one: Backend) -> Document:
    namespace = {} if one.namespace is None else {"namespace": one.namespace}
    hop = {} if one.hop is Hop.BACKEND else {"hop": one.hop.value}
    return {"backend": one.name, **namespace, **hop, **_load(one)}


STATE_CELLS = {
    BackendState.ENDPOINT: Cell(""),
    BackendState.UNKNOWN: Cell(""),
    BackendState.UNHEALTHY: Cell("! unhealthy", Meaning.WARN),
    BackendState.NO_ENDPOINT: Cell("no endpoint", Meaning.DIM),
    BackendState.YOUNG: Cell("is new", Meaning.DIM),
}
HOP_CELLS = {
    Hop.BACKEND: Cell("straight", Meaning.DIM),
    Hop.WAYPOINT: Cell("next hop", Meaning.ACCENT),
    Hop.ELSEWHERE: Cell("elsewhere", Meaning.DIM),
}


def _state_cell(row: BackendRow, _: Context) -> Cell:
    """Say what is special about a backend: what it is now, or who chose it where that was not the usual draw."""
    state = STATE_CELLS[row.backend.state]
    is_usual = row.backend.hop is Hop.BACKEND and not row.result.has_waypoint
    return state if is_usual or state.text else HOP_CELLS[row.backend.hop]


def _state_value(row: BackendRow) -> str | None:
    state = row.backend.state
    return None if state is BackendState.UNKNOWN else state.value


def _share_cell(share: float | None, meaning: Meaning = Meaning.NUMBER, mark: str = "") -> Cell:
    return NOTHING if share is None else Cell(units.format_share(share) + mark, meaning)


def _expected_cell(row: BackendRow, _: Context) -> Cell:
    """Write the expected share; with `?` where it is only assumed that all weights are equal."""
    mark = " ?" if row.result.weights is Weights.ASSUMED else ""
    return _share_cell(row.backend.expected, Meaning.DIM, mark)


def _bytes_column(key: str, title: str, value: Callable[[BackendRow], int | None]) -> Column[BackendRow]:
    return number_column(
        key, title, value, form=units.format_bytes, read_share=lambda row: row.backend.read_share, priority=6
    )


def balance_table(*, is_short: bool = False) -> Table[BackendRow]:
    """Make the table of backends; `is_short`: pods are named as a screen has room for, in full only when wide."""

    def name(row: BackendRow) -> str:
        return _short_name(row) if is_short else row.backend.name

    return Table(
        name="balance",
        columns=(
            Column(
                key="backend",
                title="backend",
                value=lambda row: row.backend.name,
                cell=lambda row, _: Cell(name(row), Meaning.NAME),
                width=18,
                min_width=8 if is_short else 16,
                priority=1,
                sort="backend",
            ),
            *((text_column("pod", "pod", lambda r: r.backend.name, width=30, wide=True),) if is_short else ()),
            text_column("namespace", "namespace", lambda r: r.backend.namespace, width=14, wide=True),
            number_column("observed", "opened", lambda r: r.backend.observed, zero="0", width=6, priority=1),
            Column(
                key="share",
                title="share",
                value=lambda row: row.backend.share,
                cell=lambda row, _: _share_cell(row.backend.share),
                width=7,
                min_width=7,
                priority=1,
                sort="share",
                align=Align.RIGHT,
            ),
            Column(
                key="expected",
                title="expect" if is_short else "expected",
                value=lambda row: row.backend.expected,
                cell=_expected_cell,
                width=7,
                min_width=6,
                priority=3,
                sort="expected",
                align=Align.RIGHT,
            ),
            number_column("capacity", "weight", lambda r: r.backend.capacity, width=6, wide=True),
            Column(
                key="state",
                title="",
                value=_state_value,
                cell=_state_cell,
                width=1,
                min_width=1,
                priority=4,
                sort="state",
            ),
            number_column(
                "failed", "failed", lambda r: r.backend.failed, meaning=Meaning.ERROR, zero="·", width=6, priority=4
            ),
            number_column("open", "open now", lambda r: r.backend.open_now, zero="0", width=8, priority=5),
            _bytes_column("sent", "⇡sent", lambda r: r.backend.bytes_sent),
            _bytes_column("recv", "⇣recv", lambda r: r.backend.bytes_recv),
        ),
        row_key=lambda row: row.key,
        row_name=lambda row: f"backend/{row.backend.name}",
        document=backend_document,
        is_problem=lambda row: row.backend.failed > 0 or row.backend.state is BackendState.UNHEALTHY,
    )


BALANCE: Table[BackendRow] = balance_table()


def _busiest(result: BalanceResult) -> Backend | None:
    drawn = result.drawn
    return max(drawn, key=lambda one: one.observed, default=None) if result.n else None


def _busiest_cell(result: BalanceResult, _: Context) -> Cell:
    busiest = _busiest(result)
    return NOTHING if busiest is None else Cell(busiest.name, Meaning.NAME)


def _of_busiest(result: BalanceResult, name: str) -> float | None:
    busiest = _busiest(result)
    number: float | None = getattr(busiest, name) if busiest is not None else None
    return number


def _note(result: BalanceResult) -> str | None:
    """Say in two words what keeps the shares from meaning what they seem to; None where nothing does."""
    moved = (BackendState.NO_ENDPOINT, BackendState.YOUNG, BackendState.UNHEALTHY)
    if result.weights is Weights.ASSUMED:
        return "weights unknown"
    if any(one.state in moved and (one.observed or one.expected) for one in result.drawn):
        return "endpoints changed"
    if result.is_too_few and len(result.drawn) > 1:
        return "too few to say"
    return "waypoint's pods" if result.has_waypoint else None


SERVICES_SEEN: Table[BalanceResult] = Table(
    name="balance",
    columns=(
        text_column("service", "service", lambda r: r.title, meaning=Meaning.NAME, width=28, priority=1),
        text_column("hostname", "hostname", lambda r: r.service, width=40, wide=True),
        number_column("observed", "opened", lambda r: r.n, zero="0", width=6, priority=1),
        number_column("backends", "backends", lambda r: len(r.drawn), width=8, priority=2),
        Column(
            key="busiest",
            title="busiest",
            value=lambda result: busiest.name if (busiest := _busiest(result)) else None,
            cell=_busiest_cell,
            width=28,
            priority=2,
            sort="busiest",
        ),
        Column(
            key="share",
            title="share",
            value=lambda result: _of_busiest(result, "share"),
            cell=lambda result, _: _share_cell(_of_busiest(result, "share")),
            width=7,
            priority=2,
            align=Align.RIGHT,
            sort="share",
        ),
        Column(
            key="expected",
            title="expected",
            value=lambda result: _of_busiest(result, "expected"),
            cell=lambda result, _: _share_cell(
                _of_busiest(result, "expected"), Meaning.DIM, " ?" if result.weights is Weights.ASSUMED else ""
            ),
            width=9,
            priority=2,
            align=Align.RIGHT,
            sort="expected",
        ),
        number_column(
            "failed",
            "failed",
            lambda r: sum(one.failed for one in r.drawn) + r.undrawn,
            meaning=Meaning.ERROR,
            zero="·",
            width=6,
        ),
        number_column(
            "open",
            "open now",
            lambda r: (
                sum(one.open_now or 0 for one in r.drawn) if any(o.open_now is not None for o in r.drawn) else None
            ),
            zero="0",
            width=8,
        ),
        text_column("note", "note", _note, meaning=Meaning.WARN, width=17, priority=3),
        text_column("weights", "weights", lambda r: r.weights.value, meaning=Meaning.DIM, width=13, wide=True),
        text_column("says", "says", lambda r: r.says, width=60, wide=True),
    ),
    row_key=lambda result: result.service,
    row_name=lambda result: f"service/{result.title.partition(':')[0]}",
    document=balance_document,
    is_problem=None,
)
