"""The ring of entries: what it keeps, how it is numbered, and that its bounds hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.feed import batch, line
from ztui.model.accesslog import entry_at
from ztui.model.fields import NOTHING_KNOWN
from ztui.model.filter import parse
from ztui.store.entries import PAGE_ROWS, EntryStore


def filled(rows: int, **bounds: int) -> EntryStore:
    store = EntryStore(**bounds)
    for first in range(0, rows, 100):
        store.append(batch("w1", *(line(at, sent=at, took=at) for at in range(first, min(first + 100, rows)))))
    return store


def test_entries_come_back_as_they_were_read() -> None:
    texts = [
        line(1, sent=2**64 - 1, recv=0, took=7),
        line(2, message="connection opened"),
        line(3, "inbound", message="connection failed", error="tls handshake error: x", src_addr="[fd00::9]:5"),
        line(4, error="io error: Connection refused (os error 111)"),
    ]
    read = batch("w1", *texts)
    store = EntryStore()
    store.append(read)
    for seq, entry in enumerate(store.oldest()):
        before = entry_at(read, seq)
        assert entry.seq == seq
        for name in ("time", "src_addr", "shape", "bytes_sent", "bytes_recv", "duration_ms"):
            assert getattr(entry, name) == getattr(before, name), name
    assert [entry.seq for entry in store.newest(2)] == [3, 2]


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(0, 5_000), max_rows=st.sampled_from([0, 1, 50, 300, 1_023, 2_000, 4_096]))
def test_the_newest_are_kept_under_their_own_numbers(rows: int, max_rows: int) -> None:
    store = filled(rows, max_rows=max_rows)
    assert store.next_seq == (rows if max_rows else 0)
    assert len(store) == store.next_seq - store.first_seq
    assert len(store) <= max_rows + PAGE_ROWS
    assert len(store) >= min(rows if max_rows else 0, max_rows if max_rows < PAGE_ROWS else max_rows - PAGE_ROWS)
    assert [entry.bytes_sent for entry in store.oldest()] == list(range(store.first_seq, store.next_seq))
    assert [seq for seq, _ in store.times()] == list(range(store.first_seq, store.next_seq))
    for gone in (store.first_seq - 1, store.next_seq):
        for ask in (store.entry, store.shape, store.time):
            with pytest.raises(KeyError):
                ask(gone)


def test_bytes_bound_it_as_well() -> None:
    store = filled(20_000, max_rows=1_000_000, max_bytes=200_000)
    assert store.byte_count <= 200_000
    assert 0 < len(store) < 20_000


def test_a_row_takes_less_than_a_hundred_bytes() -> None:
    store = filled(10 * PAGE_ROWS)
    assert store.byte_count / (10 * PAGE_ROWS) < 100


def test_numbers_beyond_32_bits_survive_sealing() -> None:
    store = EntryStore()
    store.append(batch("w1", *(line(at, sent=2**40 + at) for at in range(PAGE_ROWS))))
    assert store.entry(5).bytes_sent == 2**40 + 5


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 3_000), last=st.integers(0, 3_000), bound=st.integers(0, 3_000))
def test_a_filter_lets_the_same_through_as_asking_each_entry(first: int, last: int, bound: int) -> None:
    store = SCANNED
    where = parse(f"sent>{bound} from:curl")
    found = list(store.scan(where, NOTHING_KNOWN, first=first, last=last))
    numbers = range(max(first, store.first_seq), max(min(last, store.next_seq), first))
    assert found == [seq for seq in numbers if where.matches(store.entry(seq), NOTHING_KNOWN)]
    assert list(store.scan(None, NOTHING_KNOWN, first=first, last=last)) == list(numbers)


SCANNED = filled(2_800, max_rows=2_000)


def test_rows_of_wanted_shapes() -> None:
    store = EntryStore()
    store.append(batch("w1", line(1), line(2, src="ratings"), line(3)))
    wanted = store.rows_of(lambda shape: shape.src_workload == "curl", first=1)
    assert [entry.seq for entry in wanted] == [2]


@pytest.mark.parametrize("step", [0, 1, 7, 61])
def test_a_kept_time_is_the_time_as_written_however_its_page_packs_it(step: int) -> None:
    stamps = [
        b"2026-01-31T%02d:%02d:%02d.%06dZ" % (s // 3600, s // 60 % 60, s % 60, s)
        for s in range(0, 2_000 * step, step or 1)
    ]
    stamps = stamps or [b"2026-01-31T09:08:07.%06dZ" % i for i in range(2_000)]
    store = EntryStore()
    for at in range(0, len(stamps), 100):
        rows = batch("w1", *[line(0)] * len(stamps[at : at + 100]))
        rows.times[:] = stamps[at : at + 100]
        store.append(rows)
    assert [time for _, time in store.times()] == stamps
    assert [store.time(seq) for seq in (0, 700, 1_999)] == [stamps[0], stamps[700], stamps[1_999]]
