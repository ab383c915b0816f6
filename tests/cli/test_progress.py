"""When a command has seen enough: every log has told its past, every dump has come or will not."""

from __future__ import annotations

from array import array

from ztui.cli.progress import Past, Progress
from ztui.clock import ManualClock
from ztui.model.flow import EntryBatch, LineCounts, Origin, Shape
from ztui.model.observation import EntriesRead, Observation, StreamChanged, ZtunnelsFound
from ztui.model.streams import StreamKey, StreamKind, StreamState

ORIGIN = Origin(key="istio-system/ztunnel-a", ztunnel="ztunnel-a", namespace="istio-system", node="w1")
LOG = StreamKey(kind=StreamKind.LOG, of=ORIGIN.key)
DUMP = StreamKey(kind=StreamKind.CONFIG_DUMP, of=ORIGIN.key)
STARTED = 1_769_850_487.0  # 2026-01-31T09:08:07Z


class Nowhere:
    def ingest(self, observation: Observation) -> None:
        pass


def read(second: int) -> EntriesRead:
    time = f"2026-01-31T09:08:{second:02d}.000000Z".encode()
    shape = Shape(origin=ORIGIN, level="info", message="connection complete", direction="outbound")
    batch = EntryBatch(
        origin=ORIGIN, times=[time], addrs=[b""], shapes=[shape], sent=array("Q", [0]), recv=array("Q", [0]),
        duration_ms=array("Q", [0]), earliest=time, latest=time, lines=LineCounts(received=1, entries=1),
    )  # fmt: skip
    return EntriesRead(stream=LOG, batch=batch, observed_at=0.0)


def changed(stream: StreamKey, state: StreamState, reason: str | None = None) -> StreamChanged:
    return StreamChanged(stream=stream, state=state, at=0.0, reason=reason)


def followed(clock: ManualClock) -> Progress:
    progress = Progress(memory=Nowhere(), clock=clock)
    progress.ingest(ZtunnelsFound(ztunnels=(), followed=frozenset({ORIGIN.key})))
    return progress


def test_a_log_that_moves_on_faster_than_time_is_still_telling_its_past() -> None:
    past = Past(latest=b"2026-01-31T09:00:00.000000Z")
    assert not past.look(0.0, STARTED)
    past.latest = b"2026-01-31T09:04:00.000000Z"
    assert not past.look(0.6, STARTED)
    past.latest = b"2026-01-31T09:08:07.500000Z"
    assert not past.look(1.2, STARTED)
    past.latest = b"2026-01-31T09:08:08.100000Z"
    assert past.look(1.8, STARTED)


def test_a_node_whose_clock_is_behind_has_told_its_past_when_it_keeps_pace() -> None:
    past = Past(latest=b"2026-01-31T08:00:00.000000Z")
    assert not past.look(0.0, STARTED)
    past.latest = b"2026-01-31T08:00:00.600000Z"
    assert past.look(0.6, STARTED)


def test_a_node_whose_clock_is_ahead_is_not_believed_at_once() -> None:
    past = Past(latest=b"2026-01-31T09:08:10.000000Z")
    assert not past.look(0.0, STARTED)
    past.latest = b"2026-01-31T09:08:59.000000Z"
    assert not past.look(0.3, STARTED)
    assert past.look(0.6, STARTED)


def test_a_log_that_says_nothing_is_told_after_a_moment() -> None:
    clock = ManualClock(STARTED)
    progress = followed(clock)
    assert not progress.logs_are_told(STARTED)
    progress.ingest(changed(LOG, StreamState.CONNECTED))
    assert not progress.logs_are_told(STARTED)
    clock.advance(0.6)
    assert progress.logs_are_told(STARTED)


def test_a_log_that_will_not_come_is_told() -> None:
    for change in (changed(LOG, StreamState.NOT_PERMITTED), changed(LOG, StreamState.WAITING, "its pod does not run")):
        progress = followed(ManualClock(STARTED))
        progress.ingest(change)
        assert progress.logs_are_told(STARTED)
        assert progress.failures(StreamKind.LOG) == [change]


def test_entries_count_as_an_open_log() -> None:
    clock = ManualClock(STARTED)
    progress = followed(clock)
    progress.ingest(read(8))
    assert not progress.logs_are_told(STARTED)
    clock.advance(0.3)
    assert progress.logs_are_told(STARTED)


def test_every_dump_that_was_announced_is_waited_for() -> None:
    progress = followed(ManualClock(STARTED))
    told = [progress.dumps_are_told]
    for change in (
        changed(DUMP, StreamState.WAITING),
        changed(DUMP, StreamState.CONNECTING),
        changed(DUMP, StreamState.UNAVAILABLE, "no answer"),
        changed(DUMP, StreamState.GONE),
    ):
        progress.ingest(change)
        told.append(progress.dumps_are_told)
    assert told == [True, False, False, True, True]
    assert progress.failures(StreamKind.CONFIG_DUMP) == []


def test_watches_are_told_once_none_is_beginning() -> None:
    progress = followed(ManualClock(STARTED))
    pods = StreamKey(kind=StreamKind.WATCH, of="pods")
    told = []
    for state in (StreamState.CONNECTING, StreamState.NOT_PERMITTED):
        progress.ingest(changed(pods, state, "You may not list pods."))
        told.append(progress.watches_are_told)
    assert told == [False, True]
