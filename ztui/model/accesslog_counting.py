"""Reading a ztunnel's log where there is not time for all of it: connections are counted, and failures read whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from ztui.model.accesslog import Reader
from ztui.model.accesslog_forms import (
    ANY_NUMBERS,
    ANY_TIME,
    JSON_FORM,
    PLAIN_FORM,
    SHORT_FORMATS,
    SKIMMED_FORMATS,
    TEN_SECONDS,
    kind_of,
    last_time,
)
from ztui.model.accesslog_rows import Rows
from ztui.model.accesslog_strict import StrictEntry, read_line
from ztui.model.flow import EntryBatch, Measures, Origin, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ztui.model.shapes import ShapeTable

_FAILED_AT_ONCE = 128  # lines


class CountingReader(Reader):
    """A reader that can also count whole lines, or skip them."""

    def __init__(self, origin: Origin, table: ShapeTable | None = None) -> None:
        super().__init__(origin, table)
        self._unmeasured: dict[bytes, Shape] = {}
        self._failed: list[bytes] = []
        self._counted: dict[bytes, Counter[bytes | None]] = {}

    def count(self, block: bytes) -> EntryBatch:
        """Read whole lines with as little as an exact count needs: the batch has no rows.

        Completed connections are counted per shape (see `take_counted`), lines that may have failed wait to be read
        together (see `take_failed`, which counts them as well), any other line is counted only as a line.
        """
        rows = Rows()
        self._kind = kind_of(block, self._kind)
        columns = SHORT_FORMATS[self._kind].split(block)
        keys = columns[1::3]
        failed = [line for line in filter(None, columns[2::3]) if _may_have_failed(line)]
        self._failed += failed
        rows.received = rows.counted_only = len(keys) - len(failed)
        latest = last_time(block)
        rows.earliest = rows.latest = latest
        self._counted.setdefault(latest[:TEN_SECONDS], Counter()).update(keys)
        return rows.batch(self.origin, len(block))

    def take_failed(self) -> EntryBatch:
        """Read the lines that `count` and `skip` put aside since the last call."""
        rows = Rows()
        failed, self._failed = self._failed, []
        self._is_open = False
        for at in range(0, len(failed), _FAILED_AT_ONCE):
            self._read(b"\n%b\n" % b"\n".join(failed[at : at + _FAILED_AT_ONCE]), rows)
        self._is_open = True  # nobody looked what the last line was
        return rows.batch(self.origin, 0)

    def skip(self, block: bytes) -> EntryBatch:
        """Count whole lines and drop them, but for those that may have failed: these wait to be read together.

        A failure is known by its level, or by an error behind the numbers, where ztunnel writes it.
        """
        rows = Rows()
        self._kind = kind_of(block, self._kind)
        between = SKIMMED_FORMATS[self._kind].split(block)
        odd = list(filter(None, between))
        suspect = chain.from_iterable(lines.split(b"\n") for lines in odd if _may_have_failed(lines))
        failed = list(filter(_may_have_failed, suspect))
        self._failed += failed
        received = len(between) - 1 + sum(lines.count(b"\n") for lines in odd)
        rows.received = rows.counted_only = received - len(failed)
        self._is_open = True
        rows.earliest = rows.latest = last_time(block)
        return rows.batch(self.origin, len(block))

    def take_counted(self) -> Iterator[tuple[bytes, dict[Shape, int]]]:
        """Give what `count` counted since the last call: the ten seconds of the log, and connections per shape.

        The shapes are those of the lines without their numbers: `measures` is none.
        """
        counted, self._counted = self._counted, {}
        for ten_seconds, keys in counted.items():
            shapes: dict[Shape, int] = {}
            for key, often in keys.items():
                if key is not None:  # None stands for the lines that are no completed connections
                    shape = self._unmeasured.get(key) or self._learn_unmeasured(key)
                    shapes[shape] = shapes.get(shape, 0) + often
            if shapes:
                yield ten_seconds, shapes

    def _learn_unmeasured(self, key: bytes) -> Shape:
        shape = self._table.learn(self.origin, key, Measures.NONE)
        if shape is None:
            is_json = key[:1] == b","
            line = (JSON_FORM if is_json else PLAIN_FORM) % (ANY_TIME, b"-", key, ANY_NUMBERS[is_json])
            entry = read_line(line)
            known = entry.shape(self.origin) if isinstance(entry, StrictEntry) else _unread(self.origin)
            shape = replace(known, measures=Measures.NONE)
        if len(self._unmeasured) >= self._table.limit:
            self._unmeasured.clear()
        self._unmeasured[key] = shape
        return shape


def _may_have_failed(text: bytes) -> bool:
    return b"error" in text or b"warn" in text


def _unread(origin: Origin) -> Shape:
    return Shape(origin=origin, level="info", message="connection complete")
