"""What the screen is told of a live cluster: every trouble is a state of a stream, with words, and it goes over."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.observers.live.ledger import Ledger, drain_until, observed, read_all
from tests.observers.live.simulated import Simulator
from ztui.analysis.target import TargetError
from ztui.model.observation import Detail, LookAt, PollNow, Shed
from ztui.model.streams import StreamKind, StreamState

LOOKING = (StreamKind.WATCH, "ztunnels")
LOST = (StreamState.UNAVAILABLE, StreamState.ERROR, StreamState.NOT_PERMITTED)


def is_state(ledger: Ledger, kind: StreamKind, of: str, *states: StreamState) -> Callable[[], bool]:
    def is_it() -> bool:
        change = ledger.last(kind, of)
        return change is not None and change.state in states

    return is_it


@pytest.mark.parametrize(
    ("server", "says"), [("https://127.0.0.1:1", "Nothing answers"), ("https://nosuch.invalid", "Cannot find")]
)
def test_a_server_that_cannot_be_reached_is_said_with_the_next_try(
    cluster: Simulator, tmp_path: Path, server: str, says: str
) -> None:
    def redirect(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["server"] = server

    with observed(cluster.edited(tmp_path / "elsewhere", redirect)) as (session, ledger):
        drain_until(session, is_state(ledger, *LOOKING, StreamState.UNAVAILABLE), lambda: ledger.states)
        change = ledger.last(*LOOKING)
        assert change is not None
        assert says in (change.reason or "")
        assert change.remedy
        assert change.retry_at is not None
        assert ledger.found == []


def test_a_login_that_expires_ends_no_open_stream_and_is_told_of_the_next(tortured: Simulator) -> None:
    with observed(tortured, context="sre") as (session, ledger):
        written = tortured.written()
        drain_until(session, lambda: dict(ledger.lines) == written, lambda: (ledger.lines, written))
        tortured.ask("tokens", user="sre", do="expire")
        tortured.ask("clock", by="2s")
        more = tortured.written()
        drain_until(session, lambda: dict(ledger.lines) == more, lambda: (ledger.lines, more))
        tortured.ask("faults", eof_every_s=0.1)
        for pod in ledger.found[-1].ztunnels:
            expired = is_state(ledger, StreamKind.LOG, pod.key, StreamState.ERROR)
            drain_until(session, expired, lambda: ledger.states)
            change = ledger.last(StreamKind.LOG, pod.key)
            assert change is not None
            assert "has expired" in (change.reason or "")
            assert "Log in again" in (change.remedy or "")


def test_each_missing_permission_is_a_stream_of_its_own(cluster: Simulator) -> None:
    with observed(cluster, context="logsonly") as (session, ledger):
        drain_until(session, lambda: len(ledger.lines) == 3, lambda: ledger.states)
        denied = (StreamState.NOT_PERMITTED,)
        for kind, of in ((StreamKind.WATCH, "services"), (StreamKind.WATCH, "namespaces")):
            drain_until(session, is_state(ledger, kind, of, *denied), lambda: ledger.states)
        pod = ledger.found[-1].ztunnels[0]
        drain_until(session, is_state(ledger, StreamKind.CONFIG_DUMP, pod.key, *denied), lambda: ledger.states)
        change = ledger.last(StreamKind.CONFIG_DUMP, pod.key)
        assert change is not None
        assert change.retry_at is not None
        assert change.retry_at - change.at > 60
        connected = is_state(ledger, StreamKind.WATCH, "pods", StreamState.CONNECTED)
        drain_until(session, connected, lambda: ledger.states)


def test_permission_for_logs_is_needed_for_logs_alone(cluster: Simulator) -> None:
    with observed(cluster, context="nolog") as (session, ledger):
        drain_until(session, lambda: len(ledger.dumps) == 3, lambda: ledger.states)
        for pod in ledger.found[-1].ztunnels:
            denied = is_state(ledger, StreamKind.LOG, pod.key, StreamState.NOT_PERMITTED)
            drain_until(session, denied, lambda: ledger.states)
        assert not ledger.lines


def test_no_ztunnel_is_an_empty_set_that_is_told(cluster: Simulator) -> None:
    with observed(cluster, ztunnel_selector="app=nosuch") as (session, ledger):
        drain_until(session, lambda: bool(ledger.found), lambda: ledger.states)
        assert ledger.found[-1].ztunnels == ()


def test_where_not_all_can_be_followed_what_is_looked_at_is(cluster: Simulator) -> None:
    with observed(cluster, max_log_requests=1) as (session, ledger):
        drain_until(session, lambda: len(ledger.lines) == 1, lambda: ledger.states)
        found = ledger.found[-1]
        assert len(found.ztunnels) == 3
        assert len(found.followed) == 1
        others = [ztunnel.key for ztunnel in found.ztunnels if ztunnel.key not in found.followed]
        waiting = ledger.last(StreamKind.LOG, others[0])
        assert waiting is not None
        assert "--max-log-requests" in (waiting.reason or "")
        session.wish(LookAt(ztunnels=frozenset(others[:1])))
        drain_until(session, lambda: ledger.found[-1].followed == {others[0]}, lambda: ledger.found)
        drain_until(session, is_state(ledger, StreamKind.LOG, others[0], StreamState.CONNECTED), lambda: ledger.states)


def test_dumps_are_taken_again_when_asked_for_and_not_before(cluster: Simulator) -> None:
    with observed(cluster, dump_interval_s=600.0) as (session, ledger):
        drain_until(session, lambda: len(ledger.dumps) == 3, lambda: ledger.states)
        key = ledger.found[-1].ztunnels[0].key
        assert set(ledger.dumps.values()) == {1}
        session.wish(PollNow(ztunnels=frozenset({key})))
        drain_until(session, lambda: ledger.dumps[key.rpartition("/")[2]] == 2, lambda: ledger.dumps)
        assert sum(ledger.dumps.values()) == 4


def test_without_dumps_none_is_asked_for(cluster: Simulator) -> None:
    with observed(cluster, is_without_dumps=True) as (session, ledger):
        drain_until(session, lambda: len(ledger.lines) == 3, lambda: ledger.states)
        assert not [key for key in ledger.states if key.kind is StreamKind.CONFIG_DUMP]


def test_a_node_that_is_named_is_all_that_is_read(cluster: Simulator) -> None:
    with observed(cluster, nodes=("w2",)) as (session, ledger):
        drain_until(session, lambda: bool(ledger.dumps) and bool(ledger.lines), lambda: ledger.states)
        found = ledger.found[-1]
        assert {z.node for z in found.ztunnels if z.key in found.followed} == {"w2"}
        assert set(ledger.dumps) == set(ledger.lines) == {z.name for z in found.ztunnels if z.node == "w2"}


def test_a_target_that_means_nothing_ends_the_screen_with_its_words(cluster: Simulator) -> None:
    with observed(cluster, target="deployment/nosuch") as (session, _):
        while session.failure is None:
            session.wait(5.0)
        assert isinstance(session.failure, TargetError)
        assert "nosuch" in session.failure.what


@pytest.mark.parametrize(
    ("fault", "says"), [("truncated", "cannot be read"), ("not-json", "cannot be read"), ("500", "HTTP 500")]
)
def test_a_dump_that_is_none_is_said_and_the_next_one_is_taken(cluster: Simulator, fault: str, says: str) -> None:
    cluster.ask("faults", dump_error=fault)
    try:
        with observed(cluster, dump_interval_s=0.3) as (session, ledger):
            drain_until(session, lambda: bool(ledger.found), lambda: ledger.states)
            for pod in ledger.found[-1].ztunnels:
                failed = is_state(ledger, StreamKind.CONFIG_DUMP, pod.key, StreamState.ERROR)
                drain_until(session, failed, lambda: ledger.states)
                change = ledger.last(StreamKind.CONFIG_DUMP, pod.key)
                assert change is not None
                assert says in (change.reason or "")
                assert change.remedy
                assert change.retry_at is not None
            assert not ledger.dumps
            cluster.ask("faults", dump_error="")
            drain_until(session, lambda: len(ledger.dumps) == 3, lambda: ledger.states)
    finally:
        cluster.ask("faults", dump_error="")


def test_a_kubelet_that_does_not_answer_is_named_with_its_pod(cluster: Simulator) -> None:
    cluster.ask("faults", log_error='Get "https://10.0.0.1:10250/containerLogs": dial tcp 10.0.0.1:10250: i/o timeout')
    try:
        with observed(cluster) as (session, ledger):
            drain_until(session, lambda: bool(ledger.found), lambda: ledger.states)
            pod = ledger.found[-1].ztunnels[0]
            drain_until(
                session, is_state(ledger, StreamKind.LOG, pod.key, StreamState.UNAVAILABLE), lambda: ledger.states
            )
            change = ledger.last(StreamKind.LOG, pod.key)
            assert change is not None
            assert change.reason == f"The kubelet that runs pod {pod.name} does not answer."
            cluster.ask("faults", log_error="")
            drain_until(session, lambda: len(ledger.lines) == 3, lambda: ledger.states)
    finally:
        cluster.ask("faults", log_error="")


def test_only_a_screen_reads_less_when_it_is_asked_to(tortured: Simulator) -> None:
    for is_command in (False, True):
        with observed(tortured, is_command=is_command, is_without_dumps=True) as (session, ledger):
            read_all(tortured, session, ledger)
            before = sum(map(len, ledger.entries.values()))
            session.wish(Shed(detail=Detail.SKIP))
            time.sleep(0.2)
            tortured.ask("clock", by="2s")
            read_all(tortured, session, ledger)
            assert (sum(map(len, ledger.entries.values())) > before) is is_command
