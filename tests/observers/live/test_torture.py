"""Logs followed through everything that ends a stream: what was read is what was written, line by line."""

from __future__ import annotations

import threading
import time

from tests.observers.live.ledger import entries_in, observed, read_all
from tests.observers.live.simulated import Simulator, until
from ztui.model.streams import StreamKind, StreamState


def test_streams_that_end_every_moment_lose_nothing_and_repeat_nothing(tortured: Simulator) -> None:
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        for fault in ("eof_every_s", "cut_every_s"):
            tortured.ask("faults", eof_every_s=0.0, cut_every_s=0.0)
            tortured.ask("faults", **{fault: 0.3})
            for _ in range(6):
                tortured.ask("clock", by="1s")
                time.sleep(0.15)
        tortured.ask("faults", eof_every_s=0.0, cut_every_s=0.0)
        read_all(tortured, session, ledger)
        assert ledger.gaps == []
        for pod in ledger.lines:
            assert ledger.entries[pod] == entries_in(tortured.log_of(pod)), pod


def test_a_restart_of_the_api_server_loses_nothing(tortured: Simulator) -> None:
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        for _ in range(2):
            tortured.ask("clock", by="2s")
            tortured.ask("restart", for_s=0.6)
            time.sleep(1.0)
            tortured.ask("clock", by="3s")
        read_all(tortured, session, ledger)
        assert ledger.gaps == []
        logs = [key for key in ledger.states if key.kind is StreamKind.LOG]
        assert len(logs) == 3
        assert all(StreamState.UNAVAILABLE in ledger.ways(key.kind, key.of) for key in logs)
        assert all(ledger.ways(key.kind, key.of)[-1] is StreamState.CONNECTED for key in logs)


def test_a_replaced_pod_and_a_restarted_container_are_read_to_their_ends(tortured: Simulator) -> None:
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        before = {ztunnel.name: ztunnel.node for ztunnel in ledger.found[-1].ztunnels}
        replaced = next(name for name, node in before.items() if node == "w2")
        tortured.ask("acts", do="restart-ztunnel", of=["w1"])
        tortured.ask("acts", do="replace-ztunnel", of=["w2"])
        for _ in range(15):
            tortured.ask("clock", by="4s")
            time.sleep(0.1)
            session.drain(0.1)
        read_all(tortured, session, ledger)
        after = {ztunnel.name: ztunnel for ztunnel in ledger.found[-1].ztunnels}
        assert ledger.gaps == []
        assert replaced not in after
        assert {ztunnel.node for ztunnel in after.values()} == {"w1", "w2", "w3"}
        assert [ztunnel.restarts for ztunnel in after.values() if ztunnel.node == "w1"] == [1]
        assert ledger.ways(StreamKind.LOG, f"istio-system/{replaced}")[-1] is StreamState.GONE


def test_a_rotation_while_nothing_is_followed_is_a_gap_with_a_name(tortured: Simulator) -> None:
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        pod = ledger.found[-1].ztunnels[0].name
        tortured.ask("restart", for_s=1.5)
        time.sleep(0.2)
        until(lambda: is_reachable(tortured), lambda: "the API server is away")
        session.drain(0.1)
        tortured.ask("faults", log_error="dial tcp 10.0.0.1:10250: connect: connection refused")
        tortured.ask("clock", by="3s")
        tortured.ask("rotate", pod=pod)
        tortured.ask("clock", by="2s")
        tortured.ask("faults", log_error="")
        until(lambda: session.drain(0.1) >= 0 and bool(ledger.gaps), lambda: ledger.states, 40.0)
        assert {gap.gap.stream.of for gap in ledger.gaps} == {f"istio-system/{pod}"}
        assert "rotated" in ledger.gaps[0].gap.why


def is_reachable(cluster: Simulator) -> bool:
    try:
        cluster.ask()
    except OSError:
        return False
    return True


def test_nothing_survives_the_end(tortured: Simulator) -> None:
    before = set(threading.enumerate())  # other tests of this process may have left some
    with observed(tortured) as (session, ledger):
        read_all(tortured, session, ledger)
        begun = time.monotonic()
        session.stop()
        assert time.monotonic() - begun < 2.0
    left = [thread.name for thread in set(threading.enumerate()) - before]
    assert [name for name in left if name.startswith(("ztui", "credentials"))] == []
