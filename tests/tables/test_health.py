"""Health: one row per ztunnel, its lamps, and what is not known of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.feed import START, Fed, line, log_of, origin
from ztui.model.cluster import Ztunnel
from ztui.model.observation import GapFound, StreamChanged, ZtunnelsFound
from ztui.model.streams import Gap, StreamKey, StreamKind, StreamState
from ztui.tables.columns import NOTHING, Context, Meaning, plain_glyphs
from ztui.tables.health import HEALTH, HealthRow, health_rows, lamp
from ztui.units import format_time

DUMP = StreamKey(kind=StreamKind.CONFIG_DUMP, of=origin("w1").key)


def cells(fed: Fed, at: float = 0.0) -> list[dict[str, str]]:
    context = Context(now=START + at)
    return [
        {column.key: column.cell(row, context).text for column in HEALTH.columns}
        for row in health_rows(fed.mesh, START + at)
    ]


def found(fed: Fed, *ztunnels: Ztunnel) -> None:
    fed.mesh.ingest(ZtunnelsFound(ztunnels=ztunnels, followed=frozenset(z.key for z in ztunnels)))


def ztunnel(node: str, **more: Any) -> Ztunnel:
    return Ztunnel(name=f"ztunnel-{node}", namespace="istio-system", node=node, **more)


def change(fed: Fed, state: StreamState, at: float = 0.0, stream: StreamKey | None = None, **more: Any) -> None:
    fed.mesh.ingest(StreamChanged(stream=stream or log_of("w1"), state=state, at=START + at, **more))


def test_of_a_ztunnel_that_was_only_found_nothing_is_claimed() -> None:
    fed = Fed()
    found(fed, ztunnel("w1"))
    assert cells(fed) == [
        {"node": "w1", "ztunnel": "ztunnel-w1", "version": "–", "ready": "–", "log": "–", "rate": "–", "dump": "–",
         "certificates": "–", "restarts": "–", "gaps": "–", "reason": "–"},
    ]  # fmt: skip
    (row,) = health_rows(fed.mesh, START)
    assert HEALTH.document(row) == {"node": "w1", "ztunnel": "ztunnel-w1"}
    assert not row.is_problem


@pytest.mark.parametrize(
    ("state", "text", "meaning"),
    [
        (StreamState.WAITING, "· waiting", Meaning.DIM),
        (StreamState.CONNECTING, "· connecting", Meaning.DIM),
        (StreamState.CONNECTED, "● on", Meaning.OK),
        (StreamState.UNAVAILABLE, "○ lost 41 s", Meaning.ERROR),
        (StreamState.NOT_PERMITTED, "⊘ not permitted", Meaning.WARN),
        (StreamState.ERROR, "✖ error", Meaning.ERROR),
        (StreamState.GONE, "· gone", Meaning.DIM),
    ],
)
def test_a_lamp_is_a_glyph_and_a_word(state: StreamState, text: str, meaning: Meaning) -> None:
    fed = Fed()
    change(fed, state)
    cell = lamp(fed.mesh.streams.row(log_of("w1")), START + (41 if state is StreamState.UNAVAILABLE else 1))
    assert (cell.text, cell.meaning) == (text, meaning)
    assert plain_glyphs(cell.text).isascii()
    assert lamp(None, START) == NOTHING


def test_a_log_shows_its_lag_and_a_quiet_one_that_it_is_idle_and_probed() -> None:
    fed = Fed()
    found(fed, ztunnel("w1"))
    change(fed, StreamState.CONNECTED)
    fed.log("w1", line(4.8), observed=5)
    assert cells(fed, 6)[0]["log"] == "● 0.2 s"
    fed.log("w1", line(10), observed=18)
    assert cells(fed, 19)[0]["log"] == "◐ 8 s"
    (row,) = health_rows(fed.mesh, START + 19)
    assert HEALTH.column("log").value(row) == "lagging", "what CSV prints is what the lamp shows"
    assert row.is_problem
    assert cells(fed, 58)[0]["log"] == "● idle 40 s"
    change(fed, StreamState.CONNECTED, 79, probed_at=START + 78)
    assert cells(fed, 80)[0]["log"] == "● idle 1 m 02 s, probed"
    (row,) = health_rows(fed.mesh, START + 80)
    assert not row.is_problem, "idle is not lagging"
    assert HEALTH.document(row)["log"] == {"state": "connected", "idle_s": 62.0, "lines": 2}


def test_a_node_that_was_quiet_before_we_came_does_not_lag() -> None:
    fed = Fed()
    found(fed, ztunnel("w1"))
    change(fed, StreamState.CONNECTED, 600)
    fed.log("w1", line(1), observed=601)
    assert cells(fed, 602)[0]["log"] == "● on"


def test_a_dump_shows_its_age_even_where_nothing_else_is_known_of_its_stream() -> None:
    fed = Fed()
    fed.dump("w1", at=0, version={"istioVersion": "1.28.1"})
    shown = cells(fed, 9)[0]
    assert (shown["dump"], shown["version"], shown["certificates"]) == ("● 9 s", "1.28.1", "· ok")
    change(fed, StreamState.UNAVAILABLE, 10, stream=DUMP, reason="the port-forward was closed")
    shown = cells(fed, 30)[0]
    assert (shown["dump"], shown["reason"]) == ("○ lost 20 s", "the port-forward was closed")


def test_certificates_show_the_worst_and_how_many_need_attention() -> None:
    def chain(identity: str, hours: float) -> dict[str, Any]:
        begun = START - hours * 3600
        dates = {"validFrom": format_time(begun), "expirationTime": format_time(begun + 86_400)}
        return {"identity": identity, "state": "Available", "certChain": [{"pem": "", "serialNumber": "1", **dates}]}

    fed = Fed()
    fed.dump("w1", certificates=[chain("a", 1), chain("b", 13), chain("c", 30)])
    assert cells(fed)[0]["certificates"] == "✖ expired (2)"


def test_what_kubernetes_says() -> None:
    fed = Fed()
    found(
        fed,
        ztunnel("w1", ready=False, restarts=3, last_restart_reason="OOMKilled", version="1.28.0"),
        ztunnel("w2", ready=True, restarts=0, last_restart_reason="Completed"),
    )
    fed.mesh.ingest(GapFound(gap=Gap(stream=log_of("w1"), first=1, last=2, why="rotated")))
    first, second = cells(fed)
    assert (first["ready"], first["restarts"], first["version"], first["gaps"]) == (
        "✖ no",
        "3 (OOMKilled)",
        "1.28.0",
        "1",
    )
    assert (second["ready"], second["restarts"]) == ("· yes", "0")
    assert [row.is_problem for row in health_rows(fed.mesh, START)] == [True, False]


def test_saved_logs_and_dumps_have_a_row_each() -> None:
    fed = Fed()
    fed.log("w2", line(1))
    fed.dump("w1")
    rows: list[HealthRow] = health_rows(fed.mesh, START)
    assert [(row.node, row.ztunnel) for row in rows] == [(None, None), ("w1", None)]
    assert [HEALTH.row_name(row) for row in rows] == [f"ztunnel/{origin('w2').key}", "node/w1"]


def test_two_ztunnels_of_one_node_are_two_rows() -> None:
    fed = Fed()
    found(fed, ztunnel("w1"), Ztunnel(name="ztunnel-new", namespace="istio-system", node="w1"))
    assert [(shown["node"], shown["ztunnel"]) for shown in cells(fed)] == [("w1", "ztunnel-new"), ("w1", "ztunnel-w1")]
