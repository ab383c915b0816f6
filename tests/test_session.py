"""The wire between observer and memory: order, loss of rows without loss of counts, stopping, failing."""

from __future__ import annotations

import asyncio
import threading
from array import array
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

import pytest

from ztui.clock import ManualClock, SystemClock
from ztui.model.flow import EntryBatch, LineCounts, Measures, Origin, Shape
from ztui.model.observation import (
    ConnectionsCounted,
    Deliver,
    Detail,
    EntriesCounted,
    EntriesRead,
    Exhausted,
    MarkSet,
    Observation,
    PollNow,
    Shed,
    Wish,
)
from ztui.model.streams import StreamKey, StreamKind
from ztui.session import SLICE_S, Inbox, Pacer, Session

ORIGIN = Origin(key="istio-system/ztunnel-a", ztunnel="ztunnel-a", namespace="istio-system", node="w1")
STREAM = StreamKey(kind=StreamKind.LOG, of=ORIGIN.key)
SHAPE = Shape(origin=ORIGIN, level="info", message="connection complete", direction="outbound", measures=Measures.ALL)


def read(rows: int, second: int = 0, sent: int = 7) -> EntriesRead:
    batch = EntryBatch(
        origin=ORIGIN,
        times=[f"2026-01-31T09:08:{second:02d}.000000Z".encode()] * rows,
        addrs=[b"10.0.0.1:4000"] * rows,
        shapes=[SHAPE] * rows,
        sent=array("Q", [sent] * rows),
        recv=array("Q", [1] * rows),
        duration_ms=array("Q", [12345] * rows),
        lines=LineCounts(received=rows, entries=rows),
        byte_count=rows * 400,
    )
    return EntriesRead(stream=STREAM, batch=batch, observed_at=1.0)


class Notebook:
    """A memory that only writes down what it is given."""

    def __init__(self) -> None:
        self.taken: list[Observation] = []

    def ingest(self, observation: Observation) -> None:
        self.taken.append(observation)


def test_facts_come_before_the_entries_they_explain_and_the_end_comes_last() -> None:
    inbox = Inbox(max_rows=100, is_patient=False)
    inbox.put(Exhausted())
    inbox.put(read(3))
    inbox.put(MarkSet(name="deploy", at=0.0))
    assert [type(item) for item in inbox.take()] == [MarkSet, EntriesRead, Exhausted]
    assert inbox.is_empty
    assert inbox.rows == 0


def test_a_stalled_screen_loses_rows_but_no_count() -> None:
    inbox = Inbox(max_rows=100, is_patient=False)
    for second in range(60):
        for _ in range(5):
            inbox.put(read(10, second))
    taken = list(inbox.take())
    kept = sum(len(item.batch) for item in taken if isinstance(item, EntriesRead))
    sums = [item for item in taken if isinstance(item, EntriesCounted)]
    tallies = [tally for item in sums for tally in item.tallies.values()]
    assert kept == 100
    assert kept + sum(tally.entries for tally in tallies) == 3000
    assert sum(tally.bytes_sent for tally in tallies) == 7 * 2900
    assert sum(item.lines.received for item in sums) == 2900
    assert [item.logged_at[17:18] for item in sums] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert tallies[0].durations_ms == {12000: 500}


def test_a_finite_observer_waits_for_room_and_loses_nothing() -> None:
    class File:
        title, is_finite, is_saved, is_unverified = "file", True, False, False

        async def follow(self, deliver: Deliver) -> None:
            for _ in range(50):
                deliver(read(10))
            deliver(Exhausted())

        async def ask(self, deliver: Deliver) -> None:
            return

        def wish(self, wish: Wish) -> None:
            return

    notebook = Notebook()
    session = Session(File(), notebook, SystemClock(), max_waiting_rows=20)
    session.start()
    while not any(isinstance(item, Exhausted) for item in notebook.taken):
        assert session.wait(10.0)
        session.drain()
        assert session.backlog_rows <= 30
    session.stop()
    assert sum(len(item.batch) for item in notebook.taken if isinstance(item, EntriesRead)) == 500
    assert session.failure is None


def test_who_waits_for_many_rows_is_not_woken_for_one_but_for_the_end() -> None:
    inbox = Inbox(max_rows=100, is_patient=True)
    inbox.put(read(10))
    assert inbox.wait(0.0, rows=20)  # something waits; whether it is enough only says when to look
    woken = threading.Event()

    def wait() -> None:
        inbox.wait(10.0, rows=20)
        woken.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    inbox.put(read(5))
    assert not woken.wait(0.05)
    inbox.put(Exhausted())
    assert woken.wait(10.0)
    waiting.join()


class Live:
    """An observer that never ends, remembers wishes, and fails on demand."""

    title, is_finite, is_saved, is_unverified = "live", False, False, False

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.wishes: list[Wish] = []
        self.was_cancelled = False

    async def follow(self, deliver: Deliver) -> None:
        deliver(read(1))
        if self.failure is not None:
            raise self.failure
        try:
            await asyncio.Event().wait()
        finally:
            self.was_cancelled = True

    async def ask(self, deliver: Deliver) -> None:
        deliver(MarkSet(name="asking", at=0.0))
        while not self.wishes:  # noqa: ASYNC110  the wish comes by a plain call
            await asyncio.sleep(0.001)
        deliver(MarkSet(name="wished", at=0.0))
        await asyncio.Event().wait()

    def wish(self, wish: Wish) -> None:
        self.wishes.append(wish)


def test_wishes_travel_to_the_observer_and_stop_cancels_both_threads() -> None:
    observer, notebook = Live(), Notebook()
    session = Session(observer, notebook, SystemClock())
    session.start()
    while MarkSet(name="asking", at=0.0) not in notebook.taken:
        assert session.wait(10.0)
        session.drain()
    session.wish(PollNow())
    while MarkSet(name="wished", at=0.0) not in notebook.taken:
        assert session.wait(10.0)
        session.drain()
    session.stop()
    assert observer.wishes == [PollNow()]
    assert observer.was_cancelled
    session.wish(PollNow())  # after the end: no harm


def test_a_wish_made_before_anybody_can_hear_it_is_kept() -> None:
    observer = Live()
    session = Session(observer, Notebook(), SystemClock())
    session.wish(PollNow())
    session.start()
    session.wish(Shed(detail=Detail.FULL))
    deadline = monotonic() + 10.0
    while len(observer.wishes) < 2 and monotonic() < deadline:
        session.wait(0.01)
        session.drain()
    session.stop()
    assert observer.wishes == [PollNow(), Shed(detail=Detail.FULL)]


def test_what_waits_is_taken_in_by_slices_until_nothing_is_left() -> None:
    clock = ManualClock()

    class Slow(Notebook):
        def ingest(self, observation: Observation) -> None:
            super().ingest(observation)
            clock.advance(SLICE_S / 2)

    class Three(Live):
        async def follow(self, deliver: Deliver) -> None:
            for _ in range(3):
                deliver(MarkSet(name="one of three", at=0.0))
            told.set()
            await asyncio.Event().wait()

        async def ask(self, deliver: Deliver) -> None:
            await asyncio.Event().wait()

    told, notebook = threading.Event(), Slow()
    session = Session(Three(), notebook, clock)
    session.start()
    assert told.wait(10.0)
    assert session.take_in() == SLICE_S
    assert len(notebook.taken) == 2
    assert session.take_in() is None
    assert len(notebook.taken) == 3
    session.stop()


def test_late_lines_make_the_session_ask_for_less_detail_and_good_ones_for_all_of_it() -> None:
    written = datetime(2026, 1, 31, 9, 8, tzinfo=UTC).timestamp()
    clock = ManualClock(written)
    observer, notebook = Live(), Notebook()
    session = Session(observer, notebook, clock)
    session.start()
    while MarkSet(name="asking", at=0.0) not in notebook.taken:
        assert session.wait(10.0)
        session.drain()
    details = []
    for late_s in [0.0, 3.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]:
        clock.advance(1.0)
        stamp = datetime.fromtimestamp(clock.now() - late_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
        late = read(10_000)
        session._inbox.put(
            replace(late, batch=replace(late.batch, times=[stamp] * 10_000, earliest=stamp, latest=stamp))
        )
        session.drain()
        details.append(session.detail)
    assert details == [Detail.FULL, *[Detail.NO_HISTORY] * 6, Detail.FULL]
    until = monotonic() + 10
    while len(observer.wishes) < 2 and monotonic() < until:
        session.wait(0.01)
    session.stop()
    assert observer.wishes == [Shed(detail=Detail.NO_HISTORY), Shed(detail=Detail.FULL)]


def test_batches_without_rows_and_counts_wait_in_bounds_and_lose_nothing() -> None:
    inbox = Inbox(max_rows=100, is_patient=False)
    bare = replace(read(0), batch=EntryBatch(origin=ORIGIN, lines=LineCounts(received=9, counted_only=9)))
    for _ in range(500):
        inbox.put(bare)
        inbox.put(ConnectionsCounted(stream=STREAM, logged_at=b"2026-01-31T09:08:0", counted={SHAPE: 3}))
    assert len(inbox._entries) <= 10
    taken = list(inbox.take())
    assert [each.counted for each in taken if isinstance(each, ConnectionsCounted)] == [{SHAPE: 1_500}]
    lines = [each.batch.lines for each in taken if isinstance(each, EntriesRead)]
    lines += [each.lines for each in taken if isinstance(each, EntriesCounted)]
    assert sum(each.received for each in lines) == 4_500
    assert all(each.adds_up for each in lines)


def test_a_bug_in_the_observer_reaches_the_main_thread() -> None:
    session = Session(Live(failure=ZeroDivisionError("bug")), Notebook(), SystemClock())
    session.start()
    while session.failure is None:
        session.wait(0.01)
    session.stop()
    assert isinstance(session.failure, ZeroDivisionError)  # not the group of the task group it went through


@pytest.mark.parametrize(
    ("streams", "lines_each", "pause_s"),
    [(3, 10, 0.0), (1, 1000, 0.005), (100, 50, 0.055), (1000, 60, 0.25)],
)
def test_the_pause_between_reads_follows_the_streams_that_speak(streams: int, lines_each: int, pause_s: float) -> None:
    clock = ManualClock()
    pacer = Pacer(clock)
    for stream in range(streams):
        pacer.saw(str(stream), lines_each)
    clock.advance(1.0)
    pacer.measure()
    assert pacer.pause_s == pytest.approx(pause_s)


class _Saved:
    """Everything it says is there already."""

    title, is_finite, is_saved, is_unverified = "saved", True, True, False

    async def follow(self, deliver: Deliver) -> None:
        for _ in range(3):
            deliver(MarkSet(name="there", at=0.0))
        deliver(Exhausted())

    async def ask(self, deliver: Deliver) -> None:
        raise AssertionError("nothing is asked of what is saved")

    def wish(self, wish: Wish) -> None:
        raise AssertionError("nobody wishes")


def test_what_is_saved_is_told_at_once_and_on_the_same_thread() -> None:
    told: list[tuple[Observation, threading.Thread]] = []

    class Memory:
        def ingest(self, observation: Observation) -> None:
            told.append((observation, threading.current_thread()))

    Session(_Saved(), Memory(), SystemClock()).read_saved()
    assert [type(observation) for observation, _ in told] == [MarkSet, MarkSet, MarkSet, Exhausted]
    assert {thread for _, thread in told} == {threading.current_thread()}
