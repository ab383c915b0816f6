"""Reading a ztunnel's log fast: bytes as they come → columns of entries.

One regular expression runs over a whole block of lines, not over each line. What repeats of a line is looked up in a
table of shapes; what is left are a time, an address and three numbers, read together for the block. Every line that is
out of the ordinary goes to the strict reader, which alone defines what a line means.
"""

from __future__ import annotations

from itertools import compress
from typing import cast

from ztui.model.accesslog_forms import (
    BLANK_TO_COMMA,
    FORMATS,
    JSON_LINE,
    JSON_NUMBERS,
    NO_NUMBERS,
    NOT_A_NUMBER,
    OF_ADDRESSES,
    PLAIN_LINE,
    PLAIN_NUMBERS,
    REMARK,
    UP_TO_SECONDS,
    is_minute,
    kind_of,
    read_numbers,
)
from ztui.model.accesslog_rows import Lines, Rows, parts_of
from ztui.model.accesslog_strict import StrictEntry, is_blank, read_line, spans_lines
from ztui.model.flow import (
    CLIP,
    AccessLogEntry,
    Diagnostic,
    EntryBatch,
    Measures,
    Origin,
    RawRemark,
    Shape,
)
from ztui.model.shapes import ShapeTable, can_repeat, mark_of
from ztui.model.text import read_bytes

__all__ = ["LINE_LIMIT", "Reader", "ShapeTable", "StrictEntry", "entry_at", "read_line"]

LINE_LIMIT = 1 << 20
"""Bytes of the longest line that is read; a longer one is unreadable and dropped up to its line feed."""

_BLOCK = 1 << 16  # bytes to one pass: 64 KiB were fastest, and a pass holds the interpreter for about 0.2 ms
_SMALLEST = 1 << 11  # bytes that are not worth reading in parts
_KEPT = 1 << 16  # bytes kept of a line that is too long


class _NotOrdinary(Exception):  # noqa: N818  it is no error: the block goes to the strict reader
    """Something in a block of lines that look ordinary is not."""


class Reader:
    """One ztunnel's log, plain or JSON or both, cut anywhere into pieces: each piece gives the lines it completes.

    A time of the kubelet or a head of the container runtime in front of each line is understood and dropped.
    """

    def __init__(self, origin: Origin, table: ShapeTable | None = None) -> None:
        self.origin = origin
        self._table = ShapeTable() if table is None else table
        self._known = self._table.part(origin)
        self._carry = bytearray()
        self._is_skipping = False
        self._is_open = True  # a stream may begin in the middle of a message that spans lines
        self._kind = (False, False)
        self._minutes: set[bytes] = set()

    def feed(self, data: bytes) -> EntryBatch:
        """Read the lines that `data` completes; the unfinished last one is kept for the next call."""
        rows = Rows()
        if len(data) <= _BLOCK:
            self._take(data, rows)
        else:
            for at in range(0, len(data), _BLOCK):
                self._take(data[at : at + _BLOCK], rows)
        return rows.batch(self.origin, len(data))

    def finish(self) -> EntryBatch:
        """Read what is left at the end of input: a last line without a line feed is a line."""
        rows = Rows()
        if self._carry or self._is_skipping:
            self._take(b"\n", rows)
        return rows.batch(self.origin, 0)

    def _take(self, piece: bytes, rows: Rows) -> None:
        """Cut a piece into whole lines, with what was left of the piece before."""
        if self._carry or self._is_skipping:
            first = piece.find(b"\n")
            if len(self._carry) + (len(piece) if first < 0 else first) > LINE_LIMIT:
                self._is_skipping = True
                self._carry += piece[:_KEPT]
                del self._carry[_KEPT:]
            if self._is_skipping:
                if first < 0:
                    return
                self._drop_long_line(rows)
                piece = piece[first + 1 :]
        end = piece.rfind(b"\n")
        if end < 0:
            self._carry += piece
            return
        # One copy: a line feed before the first line, and the unfinished last one behind them all.
        block = b"".join((b"\n", self._carry, piece))
        self._carry = bytearray(piece[end + 1 :])
        self._read(block, rows)

    def _drop_long_line(self, rows: Rows) -> None:
        rows.received += 1
        rows.unreadable += 1
        rows.remarks.append(Diagnostic(text=read_bytes(bytes(self._carry))[:CLIP]))
        self._carry.clear()
        self._is_skipping = self._is_open = False

    def _read(self, block: bytes, rows: Rows) -> None:
        """Read whole lines: all at once where they are ordinary, else one by one.

        A line feed stands before each of them and after the last; what follows that one is not looked at.
        """
        self._kind = kind_of(block, self._kind, 1)
        was_open, remarked = self._is_open, len(rows.remarks)
        counts = rows.received, rows.continuation, rows.unreadable
        try:
            self._read_ordinary(block, rows)
        except _NotOrdinary:
            self._is_open = was_open
            del rows.remarks[remarked:]
            rows.received, rows.continuation, rows.unreadable = counts
            self._read_apart(block[: block.rfind(b"\n") + 1], rows)

    def _read_apart(self, block: bytes, rows: Rows) -> None:
        """Read a block with something odd in it in eight parts, so that one bad line does not cost its neighbours."""
        last = len(block) - 1
        end = block.find(b"\n", len(block) // 8 + 1)
        if len(block) <= _SMALLEST or end == last:
            for line in block[1:last].split(b"\n"):
                self._read_strictly(line, rows)
            return
        start = 0
        while start < last:
            self._read(block[start : end + 1], rows)
            start, end = end, block.find(b"\n", min(end + len(block) // 8, last))

    def _read_ordinary(self, block: bytes, rows: Rows) -> None:
        # One match for each ordinary line; between two of them, and after the last, are lines that are not.
        found = FORMATS[self._kind].split(block)
        lines = Lines(found[1::5], found[2::5], found[3::5], found[4::5])
        rows.received += len(lines.times)
        between = found[::5]
        between[-1] = between[-1][: between[-1].rfind(b"\n")]
        if any(between):
            lines = self._read_odd(lines, between, rows)
            if not lines.times:
                return
        else:
            self._is_open = False
        if b"".join(lines.addrs).translate(None, OF_ADDRESSES[self._kind[0]]):
            raise _NotOrdinary
        in_order = sorted(lines.times)  # they mostly are: a third of the time of a least and a greatest
        earliest, latest = in_order[0], in_order[-1]
        self._check_minutes(earliest, latest, lines.times)
        shapes: list[Shape | None] = list(map(self._known.get, map(mark_of, lines.keys)))
        if None in shapes:
            self._read_new(lines, shapes)
        try:
            text = b",".join(lines.numbers).translate(BLANK_TO_COMMA, NOT_A_NUMBER)
            numbers: list[int] = read_numbers(f"[{text.decode()}]")[0]
        except ValueError:  # a leading zero
            raise _NotOrdinary from None
        rows.spans(earliest, latest)
        rows.extend(lines, cast("list[Shape]", shapes), numbers)

    def _check_minutes(self, earliest: bytes, latest: bytes, times: list[bytes]) -> None:
        """See that every time is one: what begins as the least and the greatest of them do, all begin with."""
        first = earliest[:UP_TO_SECONDS]
        minutes = {first} if first == latest[:UP_TO_SECONDS] else {time[:UP_TO_SECONDS] for time in times}
        if not all(map(self._is_minute, minutes)):
            raise _NotOrdinary

    def _is_minute(self, minute: bytes) -> bool:
        if minute in self._minutes:
            return True
        if not is_minute(minute):
            return False
        if len(self._minutes) > 1_000:
            self._minutes.clear()
        self._minutes.add(minute)
        return True

    def _read_odd(self, ordinary: Lines, between: list[bytes], rows: Rows) -> Lines:
        """Put errors, denials and opened connections in place among the ordinary lines; note what is no entry."""
        lines = Lines([], [], [], [])
        seen = placed = 0
        for end, text in compress(enumerate(between), between):
            if end > seen:
                self._is_open = False
                seen = end
            for line in text[1:].split(b"\n"):
                rows.received += 1
                whole = line.removesuffix(b"\r")
                parts = self._take_odd(whole, rows)
                if parts is not None:
                    lines.extend(ordinary, placed, end)
                    placed = end
                    lines.add(whole, *parts)
        if seen < len(ordinary.times):
            self._is_open = False
        if not lines.times:  # nothing but lines of other scopes, most often
            return ordinary
        lines.extend(ordinary, placed, len(ordinary.times))
        return lines

    def _take_odd(self, line: bytes, rows: Rows) -> tuple[bytes, bytes, bytes, bytes] | None:
        """Take one line that is no completed connection, or not as most of them are: its parts, if it is an entry."""
        parts = self._access_parts(line) if b"access" in line else None
        if parts is None and (remark := self._remark(line)) is not None:
            rows.remarks.append(remark)
        elif parts is None:
            found = read_line(line)
            if not isinstance(found, StrictEntry):
                self._note(line, found, rows)
                return None
            parts = parts_of(found, _key_of(self._shape(found)))
        self._is_open = False
        return parts

    def _access_parts(self, line: bytes) -> tuple[bytes, bytes, bytes, bytes] | None:
        """Take an access line of any message apart into what repeats and what does not."""
        match, numbers = PLAIN_LINE.match(line), PLAIN_NUMBERS
        if match is not None:
            time, head, addr, rest = match.groups()
        else:
            match, numbers = JSON_LINE.match(line), JSON_NUMBERS
            if match is None:
                return None
            level, time, message, addr, rest = match.groups()
            head = level + b"," + message
        if not self._is_minute(time[:UP_TO_SECONDS]):
            return None
        measured = numbers.search(rest)
        if measured is None:
            return time, addr, b"%b\n%b" % (head, rest), NO_NUMBERS
        key = b"%b\n%b\n%b" % (head, rest[: measured.start()], rest[measured.end() :])
        return time, addr, key, b"%b,%b,%b" % measured.groups()

    def _remark(self, line: bytes) -> RawRemark | None:
        """Read a line of another scope as most of them are: plain, printable, all in one line; None for any other."""
        match = REMARK.match(line)
        if match is None or not self._is_minute(match[1][:UP_TO_SECONDS]):
            return None
        return match[1], match[2], match[3], match[4]

    def _read_new(self, lines: Lines, shapes: list[Shape | None]) -> None:
        """Make shapes for texts met for the first time, or such that the whole line must be read each time."""
        table, known, origin, keys, odd = self._table, self._known, self.origin, lines.keys, lines.odd
        for i in [i for i, shape in enumerate(shapes) if shape is None]:
            key = keys[i]
            mark = mark_of(key)
            shape = known.get(mark)  # an earlier line of this block may have been the first
            if shape is None:
                if not odd or odd[i] is None:
                    shape = table.learn(origin, key)
                elif key[:1] != b"\0":
                    shape = table.learn_odd(origin, key)
                if shape is not None:
                    table.add(known, mark, shape)
            shapes[i] = shape or self._read_carefully(lines, i)

    def _read_carefully(self, lines: Lines, i: int) -> Shape:
        entry = read_line(lines.line(i))
        if not isinstance(entry, StrictEntry):
            raise _NotOrdinary
        key = lines.keys[i]
        shape = self._shape(entry)
        if _can_stand_for(key, entry):
            self._table.add(self._known, mark_of(key), shape)
        else:
            lines.put(i, entry, key)
        return shape

    def _shape(self, entry: StrictEntry) -> Shape:
        """Give the one shape of all lines that say this, however they were written."""
        shape = entry.shape(self.origin)
        mark = mark_of(_key_of(shape))
        known = self._known.get(mark)
        if known is None:
            self._table.add(self._known, mark, shape)
        return known or shape

    def _read_strictly(self, line: bytes, rows: Rows) -> None:
        rows.received += 1
        found = read_line(line)
        if isinstance(found, StrictEntry):
            rows.add(found, self._shape(found))
            self._is_open = False
        else:
            self._note(line, found, rows)

    def _note(self, line: bytes, found: Diagnostic | None, rows: Rows) -> None:
        """Count a line that is no entry, by what its neighbours say it is."""
        if found is not None:
            rows.remarks.append(found)
            rows.unreadable += found.time is None
            self._is_open = found.time is not None and spans_lines(line)
        elif self._is_open or is_blank(line):
            rows.continuation += 1
            self._is_open = self._is_open and b"\t" not in line
        else:
            rows.unreadable += 1
            rows.remarks.append(Diagnostic(text=read_bytes(line)[:CLIP]))


def _key_of(shape: Shape) -> bytes:
    """Make a key that no part of a line can be: what a shape says, whatever the order of its fields was."""
    said = (getattr(shape, name) for name in Shape.__dataclass_fields__ if name != "origin")
    return b"\0" + repr(tuple(said)).encode()


def _can_stand_for(key: bytes, entry: StrictEntry) -> bool:
    """Whether every line with this text between its address and its numbers has the shape of this entry."""
    if key[:1] == b"\0":
        return False
    if key[:1] in b" ,":
        return entry.measures == Measures.ALL and can_repeat(key)
    _, before, *after = key.split(b"\n")
    expected = Measures.ALL if after else Measures.NONE
    return entry.measures == expected and can_repeat(before) and can_repeat(before + b"".join(after))


def entry_at(batch: EntryBatch, i: int) -> AccessLogEntry:
    """Give row `i` of a batch as one entry; what the line did not have is None."""
    shape = batch.shapes[i]
    has = shape.measures
    return AccessLogEntry(
        seq=-1,
        time=batch.times[i].decode(),
        src_addr=batch.addrs[i].decode() or None,
        shape=shape,
        bytes_sent=batch.sent[i] if has & Measures.SENT else None,
        bytes_recv=batch.recv[i] if has & Measures.RECV else None,
        duration_ms=batch.duration_ms[i] if has & Measures.DURATION else None,
    )
