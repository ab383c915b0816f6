"""The ring of entries: the newest connections of all followed ztunnels, as columns in pages of 1,024 rows.

A page keeps times and addresses as one joined text each, shapes as references and numbers as arrays: about 80 bytes
a row where slotted objects take 300 and make the garbage collector walk them all (257 ms once per collection).
"""

from __future__ import annotations

import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ztui.model.flow import AccessLogEntry, EntryBatch, Measures, Shape

if TYPE_CHECKING:
    from ztui.model.fields import Lookup
    from ztui.model.filter import FlowFilter

_SENT, _RECV, _DURATION = Measures.SENT.value, Measures.RECV.value, Measures.DURATION.value
PAGE_ROWS = 1024
_LEAST_PAGE_ROWS = 256
"""Of a store for few rows: smaller pages cost more than they save."""
_MINUTE = len("2026-01-31T09:08:")
_SPLIT_PAGES = 8
"""Pages whose joined texts are kept split, because someone looks at them."""


def _narrow(numbers: array[int]) -> array[int]:
    """Give the same numbers in half the bytes, where they fit."""
    halves = array("I")
    halves.frombytes(numbers.tobytes())
    low, high = (halves[::2], halves[1::2]) if sys.byteorder == "little" else (halves[1::2], halves[::2])
    return numbers if high.tobytes().strip(b"\0") else low


def _without_minute(times: list[bytes]) -> tuple[bytes, bytes]:
    """Join times; what all have in common up to the minute is given apart, and b"" where they differ."""
    minute = times[0][:_MINUTE]
    text = b"\n" + b"\n".join(times)
    start = b"\n" + minute
    if not minute or text.count(start) < len(times):
        return b"", text[1:]
    return minute, text.replace(start, b"\n")[1:]


class _Page:
    """A sealed run of rows."""

    __slots__ = ("_addrs", "_minute", "_times", "byte_count", "duration_ms", "recv", "sent", "shapes")

    def __init__(self, rows: _Columns) -> None:
        # No time and no address holds a control character, so a newline parts them.
        self._minute, self._times = _without_minute(rows.times)
        self._addrs = b"\n".join(rows.addrs)
        self.shapes = rows.shapes
        self.sent, self.recv, self.duration_ms = _narrow(rows.sent), _narrow(rows.recv), _narrow(rows.duration_ms)
        self.byte_count = sum(
            map(sys.getsizeof, (self._times, self._addrs, self.shapes, self.sent, self.recv, self.duration_ms))
        )

    def times(self) -> list[bytes]:
        times = self._times.split(b"\n")
        return [self._minute + time for time in times] if self._minute else times

    def addrs(self) -> list[bytes]:
        return self._addrs.split(b"\n")

    def __len__(self) -> int:
        return len(self.shapes)


class _Columns:
    """Rows that have not filled a page yet."""

    __slots__ = ("addrs", "duration_ms", "recv", "sent", "shapes", "times")

    def __init__(self) -> None:
        self.times: list[bytes] = []
        self.addrs: list[bytes] = []
        self.shapes: list[Shape] = []
        self.sent, self.recv, self.duration_ms = array("Q"), array("Q"), array("Q")

    def extend(self, batch: EntryBatch) -> None:
        self.times += batch.times
        self.addrs += batch.addrs
        self.shapes += batch.shapes
        self.sent += array("Q", batch.sent)
        self.recv += array("Q", batch.recv)
        self.duration_ms += array("Q", batch.duration_ms)

    def cut(self, rows: int) -> _Columns:
        """Take the first `rows` rows off."""
        taken = _Columns()
        for name in self.__slots__:
            column = getattr(self, name)
            setattr(taken, name, column[:rows])
            del column[:rows]
        return taken


class EntryStore:
    """The newest entries, numbered in the order they arrived; bounded by rows and by bytes, oldest pages go first.

    `max_rows` 0 keeps none. The bounds hold to one page: what is over them goes when a page is full. A store for less
    than four pages never keeps fewer than `max_rows`, since there a page is much of what is shown.
    """

    def __init__(self, *, max_rows: int = 100_000, max_bytes: int = 64 << 20) -> None:
        self.max_rows = max_rows
        self.max_bytes = max_bytes
        self._page_rows = max(_LEAST_PAGE_ROWS, min(PAGE_ROWS, max_rows // 4))
        self._pages: deque[_Page] = deque()
        self._page_bytes = 0
        self._tail = _Columns()
        self._first_seq = 0
        self._next_seq = 0
        self._split: dict[int, tuple[list[bytes], list[bytes]]] = {}

    def __len__(self) -> int:
        return self._next_seq - self._first_seq

    @property
    def first_seq(self) -> int:
        """Number of the oldest entry kept; equals `next_seq` where none is."""
        return self._first_seq

    @property
    def next_seq(self) -> int:
        """Number the next entry will get: how many have been kept since the start."""
        return self._next_seq

    @property
    def byte_count(self) -> int:
        """Bytes the sealed pages take (shapes and their texts not counted: they are shared)."""
        return self._page_bytes

    def append(self, batch: EntryBatch) -> None:
        """Keep the rows of a batch, at the price of the oldest."""
        if not self.max_rows or not batch.shapes:
            return
        tail = self._tail
        tail.extend(batch)
        self._next_seq += len(batch.shapes)
        if len(tail.shapes) >= self._page_rows:
            self._seal()

    def _seal(self) -> None:
        while len(self._tail.shapes) >= self._page_rows:
            page = _Page(self._tail.cut(self._page_rows))
            self._pages.append(page)
            self._page_bytes += page.byte_count
        while self._pages and (self._has_too_many() or self._page_bytes > self.max_bytes):
            oldest = self._pages.popleft()
            self._split.pop(self._first_seq, None)
            self._first_seq += len(oldest)
            self._page_bytes -= oldest.byte_count

    def _has_too_many(self) -> bool:
        surplus = len(self) - self.max_rows
        return surplus >= (1 if self.max_rows >= 4 * self._page_rows else self._page_rows)

    def _locate(self, seq: int) -> tuple[_Page | _Columns, int, int]:
        """Find the page of a number, the number of its first row, and the row within."""
        if not self._first_seq <= seq < self._next_seq:
            raise KeyError(seq)
        number, row = divmod(seq - self._first_seq, self._page_rows)
        if number < len(self._pages):
            return self._pages[number], seq - row, row
        first = self._first_seq + len(self._pages) * self._page_rows
        return self._tail, first, seq - first

    def _texts(self, page: _Page | _Columns, first: int) -> tuple[list[bytes], list[bytes]]:
        """Give times and addresses of a page, row by row."""
        if isinstance(page, _Columns):
            return page.times, page.addrs
        texts = self._split.get(first)
        if texts is None:
            texts = self._split[first] = (page.times(), page.addrs())
            if len(self._split) > _SPLIT_PAGES:
                del self._split[next(iter(self._split))]
        return texts

    def entry(self, seq: int) -> AccessLogEntry:
        """Give the entry of that number. Raises KeyError where it is not kept (any more)."""
        page, first, row = self._locate(seq)
        times, addrs = self._texts(page, first)
        return _entry(page, seq, row, times[row], addrs[row])

    def shape(self, seq: int) -> Shape:
        """Give the shape of an entry, without decoding the rest. Raises KeyError."""
        page, _, row = self._locate(seq)
        return page.shapes[row]

    def time(self, seq: int) -> bytes:
        """When an entry was logged, as written. Raises KeyError."""
        page, first, row = self._locate(seq)
        return self._texts(page, first)[0][row]

    def _blocks(self, first: int, last: int) -> Iterator[tuple[int, _Page | _Columns]]:
        """Pages that hold numbers of [first, last), oldest above, each with the number of its first row."""
        start = self._first_seq
        skipped = max(0, (first - start) // self._page_rows)
        start += min(skipped, len(self._pages)) * self._page_rows
        for page in islice(self._pages, skipped, None):
            if start >= last:
                return
            yield start, page
            start += self._page_rows
        if start < last and self._tail.shapes:
            yield start, self._tail

    def times(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Give number and logged time of each entry of [first, last), in the order of arrival."""
        last = self._next_seq if last is None else last
        for start, page in self._blocks(first, last):
            times = page.times() if isinstance(page, _Page) else page.times
            low, high = max(first - start, 0), min(last - start, len(times))
            yield from zip(range(start + low, start + high), times[low:high], strict=True)

    def newest(self, count: int | None = None) -> Iterator[AccessLogEntry]:
        """Entries from the newest on, at most `count`."""
        lowest = self._first_seq if count is None else max(self._first_seq, self._next_seq - count)
        for seq in range(self._next_seq - 1, lowest - 1, -1):
            yield self.entry(seq)

    def oldest(self, first: int | None = None) -> Iterator[AccessLogEntry]:
        """Entries from number `first` (or the oldest) on, in the order of arrival."""
        for seq in range(max(self._first_seq, first or 0), self._next_seq):
            yield self.entry(seq)

    def scan(
        self, where: FlowFilter | None, lookup: Lookup, *, first: int = 0, last: int | None = None, now: float = 0.0
    ) -> Iterator[int]:
        """Numbers of the entries of [first, last) that a filter lets through, in the order of arrival.

        The filter is asked once per shape; single entries are decoded only where their shape alone does not decide.
        """
        last = self._next_seq if last is None else min(last, self._next_seq)
        first = max(first, self._first_seq)
        if where is None:
            yield from range(first, last)
            return
        judge = where.judge(lookup)
        for start, page in self._blocks(first, last):
            low, high = max(first - start, 0), min(last - start, len(page.shapes))
            for row, shape in enumerate(page.shapes[low:high], low):
                verdict = judge(shape)
                if verdict or (verdict is None and where.matches(self.entry(start + row), lookup, now=now)):
                    yield start + row

    def rows_of(
        self, wanted: Callable[[Shape], bool], *, first: int = 0, last: int | None = None
    ) -> Iterator[AccessLogEntry]:
        """Entries of [first, last) whose shape is wanted, in the order of arrival."""
        verdicts: dict[Shape, bool] = {}
        last = self._next_seq if last is None else last
        for start, page in self._blocks(first, last):
            low, high = max(first - start, 0), min(last - start, len(page.shapes))
            for row, shape in enumerate(page.shapes[low:high], low):
                verdict = verdicts.get(shape)
                if verdict is None:
                    verdict = verdicts[shape] = wanted(shape)
                if verdict:
                    yield self.entry(start + row)


def _entry(page: _Page | _Columns, seq: int, row: int, time: bytes, addr: bytes) -> AccessLogEntry:
    shape = page.shapes[row]
    measures = shape.measures.value  # plain: an IntFlag's own operator costs 2 µs
    return AccessLogEntry(
        seq=seq,
        time=time.decode("utf-8", "replace"),
        src_addr=addr.decode("utf-8", "replace") if addr else None,
        shape=shape,
        bytes_sent=page.sent[row] if measures & _SENT else None,
        bytes_recv=page.recv[row] if measures & _RECV else None,
        duration_ms=page.duration_ms[row] if measures & _DURATION else None,
    )
