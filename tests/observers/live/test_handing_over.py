"""What one thread hands to the other, and what is made of a log stream's states."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from random import Random

from ztui.clock import ManualClock
from ztui.kube.logtypes import LogReport, LogState, LogTarget
from ztui.kube.reflector import Changes
from ztui.model.cluster import Node
from ztui.model.observation import EntriesRead, Observation, StreamChanged
from ztui.model.streams import StreamState
from ztui.observers.live.asking import AT_ONCE, in_parts
from ztui.observers.live.logs import LARGEST_BATCH_BYTES, LogReading, Peers, Wanted
from ztui.observers.live.mailbox import Mailbox

TARGET = LogTarget(uid="u1", namespace="istio-system", pod="ztunnel-a", container="istio-proxy")
LINE = (
    b"2026-01-31T09:08:07.012345678Z 2026-01-31T09:08:07.012345Z\tinfo\taccess\tconnection complete\t"
    b'src.addr=10.0.0.1:40 src.workload="curl" src.namespace="default" dst.addr=10.0.0.2:15008 '
    b'dst.workload="web" dst.namespace="shop" direction="outbound" bytes_sent=1 bytes_recv=2 duration="3ms"\n'
)


async def test_the_latest_of_another_thread_is_taken() -> None:
    box: Mailbox[int] = Mailbox()
    box.put(1)
    box.put(2)
    assert await box.take() == 2
    waiting = asyncio.ensure_future(box.take())
    await asyncio.sleep(0)
    thread = threading.Thread(target=box.put, args=(3,))
    thread.start()
    assert await asyncio.wait_for(waiting, 5) == 3
    thread.join()


def test_a_mailbox_whose_reader_has_ended_takes_what_nobody_reads() -> None:
    box: Mailbox[int] = Mailbox()

    async def take_one() -> int:
        box.put(1)
        return await box.take()

    assert asyncio.run(take_one()) == 1
    box.put(2)


class Read:
    """A LogReading, and what it delivered."""

    def __init__(self) -> None:
        self.delivered: list[Observation] = []
        self.peers: list[frozenset[tuple[str, str]]] = []
        self.reading = LogReading(self.delivered.append, ManualClock(), Peers(self.peers.append), Random(7))

    def states(self) -> list[StreamState]:
        return [each.state for each in self.delivered if isinstance(each, StreamChanged)]


def test_peers_are_told_once_and_only_those_of_whom_is_asked_about() -> None:
    read = Read()
    read.reading.lines_read(TARGET, LINE)
    assert read.peers == []
    read.reading.know(Wanted(about=frozenset({("shop", "web")})))
    read.reading.lines_read(TARGET, LINE)
    read.reading.lines_read(TARGET, LINE)
    assert read.peers == [frozenset({("default", "curl")})]
    read.reading.know(Wanted(about=frozenset({("shop", "other")})))
    read.reading.lines_read(TARGET, LINE)
    assert len(read.peers) == 1


def test_a_long_block_is_read_in_pieces_and_every_line_of_it() -> None:
    read = Read()
    count = 3 * LARGEST_BATCH_BYTES // len(LINE)
    read.reading.lines_read(TARGET, LINE * count)
    batches = [each.batch for each in read.delivered if isinstance(each, EntriesRead)]
    assert len(batches) == 4
    assert all(batch.byte_count <= LARGEST_BATCH_BYTES for batch in batches)
    assert sum(batch.lines.entries for batch in batches) == count


def test_the_end_of_a_log_is_a_pod_that_is_gone() -> None:
    read = Read()
    read.reading.know(Wanted(nodes={"u1": "w1"}))
    read.reading.state_changed(TARGET, LogReport(state=LogState.FOLLOWING))
    read.reading.know(Wanted(nodes={}))
    read.reading.state_changed(TARGET, LogReport(state=LogState.ENDED))
    assert read.states() == [StreamState.CONNECTED, StreamState.GONE]


def test_the_end_of_a_log_of_a_pod_that_lives_is_one_that_is_not_followed() -> None:
    read = Read()
    read.reading.know(Wanted(nodes={"u1": "w1"}, unfollowed="Not followed."))
    read.reading.state_changed(TARGET, LogReport(state=LogState.FOLLOWING))
    read.reading.state_changed(TARGET, LogReport(state=LogState.ENDED))
    assert read.states() == [StreamState.CONNECTED, StreamState.WAITING]


def test_the_end_of_a_pod_that_was_replaced_under_its_name_is_no_news() -> None:
    read = Read()
    read.reading.state_changed(TARGET, LogReport(state=LogState.FOLLOWING))
    read.reading.state_changed(replace(TARGET, uid="u2"), LogReport(state=LogState.FOLLOWING))
    read.reading.state_changed(TARGET, LogReport(state=LogState.ENDED))
    assert read.states() == [StreamState.CONNECTED, StreamState.CONNECTED]


def test_a_long_list_comes_in_parts_and_is_complete_with_the_last() -> None:
    nodes = tuple(Node(name=f"w{each}") for each in range(2 * AT_ONCE + 1))
    parts = list(in_parts("nodes", Changes(changed=nodes, deleted=("gone",), is_first=True)))
    assert [len(part.changed) for part in parts] == [AT_ONCE, AT_ONCE, 1]
    assert [part.synced for part in parts] == [False, False, True]
    assert tuple(node for part in parts for node in part.changed) == nodes
    assert [part.deleted for part in parts] == [("gone",), (), ()]


def test_a_list_of_nothing_is_told_too() -> None:
    assert [part.synced for part in in_parts("nodes", Changes(is_first=True))] == [True]
