"""How each stream is: connected, idle, lagging, lost; what it brought, what it lost."""

from __future__ import annotations

import pytest

from ztui.model.flow import LineCounts
from ztui.model.observation import StreamChanged
from ztui.model.streams import Gap, StreamKey, StreamKind, StreamState
from ztui.store.streams import StreamRow, StreamTable

NOW = 1_000_000.0
LOG = StreamKey(kind=StreamKind.LOG, of="istio-system/ztunnel-w1")
LINE = LineCounts(received=1, entries=1)


def changed(state: StreamState = StreamState.CONNECTED, at: float = NOW, **more: object) -> StreamChanged:
    return StreamChanged(stream=LOG, state=state, at=at, **more)  # type: ignore[arg-type]


def connected(at: float = NOW) -> tuple[StreamTable, StreamRow]:
    table = StreamTable()
    table.change(changed(at=at))
    return table, table.row(LOG)


def test_lines_that_come_late_are_lag_and_one_that_is_quiet_is_idle() -> None:
    table, row = connected()
    row.saw(LINE, 400, NOW + 30, NOW + 29.8)
    assert (row.effective_state(NOW + 31), row.idle_s(NOW + 31)) == (StreamState.CONNECTED, None)
    assert table.lag_s(NOW + 31) == pytest.approx(0.2)
    row.saw(LINE, 400, NOW + 40, NOW + 32)
    assert row.effective_state(NOW + 41) is StreamState.LAGGING
    assert row.idle_s(NOW + 60) == 20
    assert row.effective_state(NOW + 60) is StreamState.CONNECTED, "idle is not lagging"
    assert table.lag_s(NOW + 60) is None


def test_history_is_not_late() -> None:
    """A node whose last line is ten minutes old is quiet, and a log that is caught up with is not behind."""
    _, row = connected()
    row.saw(LINE, 400, NOW + 1, NOW - 600)
    assert (row.lag_s, row.effective_state(NOW + 2)) == (None, StreamState.CONNECTED)
    assert row.last_logged_at == NOW - 600
    row.saw(LINE, 400, NOW + 9, NOW + 1)
    assert row.effective_state(NOW + 9) is StreamState.LAGGING


def test_a_clock_that_is_ahead_is_noticed() -> None:
    _, row = connected()
    row.saw(LINE, 400, NOW + 1, NOW + 4)
    row.saw(LINE, 400, NOW + 2, NOW + 3)
    assert row.skew_s == 3
    assert row.effective_state(NOW + 3) is StreamState.CONNECTED


def test_a_quiet_stream_is_known_to_be_alive_only_once_probed() -> None:
    table, row = connected()
    row.saw(LINE, 400, NOW + 5, NOW + 5)
    assert not row.is_probed
    table.change(changed(at=NOW + 66, probed_at=NOW + 65))
    assert (row.is_probed, row.idle_s(NOW + 66), row.since) == (True, 61, NOW)
    row.saw(LINE, 400, NOW + 70, NOW + 70)
    assert not row.is_probed, "what was proved before the latest line says nothing of the silence since"


def test_a_state_keeps_its_beginning_its_reason_and_its_remedy() -> None:
    table, row = connected()
    lost = changed(StreamState.UNAVAILABLE, NOW + 5, reason="it is closed", remedy="wait", retry_at=NOW + 8)
    table.change(lost)
    table.change(changed(StreamState.UNAVAILABLE, NOW + 9, reason="it is still closed"))
    assert (row.since, row.confirmed_at, row.reason, row.remedy) == (NOW + 5, NOW + 9, "it is still closed", None)
    assert row.idle_s(NOW + 100) is None, "nobody knows whether a lost stream is quiet"
    table.change(changed(at=NOW + 20, oldest_available=NOW - 180))
    assert (row.state, row.since, row.reason, row.oldest_available) == (
        StreamState.CONNECTED,
        NOW + 20,
        None,
        NOW - 180,
    )
    table.change(changed(at=NOW + 21))
    assert row.oldest_available == NOW - 180


def test_only_a_log_can_be_idle_or_lag() -> None:
    row = StreamRow(StreamKey(kind=StreamKind.CONFIG_DUMP, of="x"), state=StreamState.CONNECTED, since=NOW, lag_s=99)
    assert row.idle_s(NOW + 500) is None
    assert row.effective_state(NOW) is StreamState.CONNECTED


def test_lines_per_second_over_the_last_ten() -> None:
    table, row = connected()
    for at in range(20):
        row.saw(LineCounts(received=50), 1, NOW + at, None)
    assert row.lines_per_s(NOW + 19) == 50
    assert table.lines_per_s(NOW + 24) == 25
    assert row.lines_per_s(NOW + 60) == 0
    for at in range(10_000):
        row.saw(LineCounts(received=1), 1, NOW + 100 + at / 1000, None)
    assert row.lines_per_s(NOW + 109.999) == pytest.approx(1_000, rel=0.05)


def test_gaps_are_counted_beyond_those_that_are_kept() -> None:
    table, row = connected()
    for at in range(250):
        table.add_gap(Gap(stream=LOG, first=at, last=at + 1, why="the file was rotated"))
    assert (row.gap_count, len(row.gaps), row.gaps[-1].first) == (250, 100, 249)


def test_rows_are_bounded_those_that_are_gone_go_first_and_no_line_is_lost() -> None:
    table = StreamTable(max_streams=3)
    for name in "abcde":
        key = StreamKey(kind=StreamKind.LOG, of=name)
        table.row(key).saw(LINE, 1, NOW, NOW)
        if name == "b":
            table.change(StreamChanged(stream=key, state=StreamState.GONE, at=NOW))
    assert [row.key.of for row in table] == ["c", "d", "e"]
    assert table.lines() == LineCounts(received=5, entries=5)


def test_streams_of_one_ztunnel_by_kind() -> None:
    table, row = connected()
    other = table.row(StreamKey(kind=StreamKind.CONFIG_DUMP, of=LOG.of))
    table.row(StreamKey(kind=StreamKind.LOG, of="another"))
    assert table.of(LOG.of) == {StreamKind.LOG: row, StreamKind.CONFIG_DUMP: other}
    assert len(table.of_kind(StreamKind.LOG)) == 2
    assert table.get(StreamKey(kind=StreamKind.FILE, of="x")) is None
    assert len(table) == 3


def test_bytes_are_counted_by_the_second_as_lines_are() -> None:
    table, row = connected()
    for second in range(20):
        row.saw(LineCounts(received=2, entries=2), 800, NOW + second, NOW + second)
    assert row.lines_per_s(NOW + 19) == pytest.approx(2.0, rel=0.11)
    assert table.bytes_per_s(NOW + 19) == pytest.approx(400 * row.lines_per_s(NOW + 19))
    assert table.bytes_per_s(NOW + 60) == 0


def test_a_stream_that_is_lost_has_no_lag() -> None:
    table, row = connected()
    row.saw(LINE, 400, NOW + 30, NOW + 29)
    assert table.lag_s(NOW + 31) == 1
    table.change(changed(StreamState.UNAVAILABLE, NOW + 31))
    assert table.lag_s(NOW + 32) is None
