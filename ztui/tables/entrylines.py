"""Access log entries as JSON lines, fast: everything that repeats is written once per shape.

A shape's template holds all of a line but its time, source address and three numbers; a line costs one `%`.
The slow road (`documents.entry_document`) is the definition; this one is tested to be equal to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ztui.model.accesslog import entry_at
from ztui.model.flow import AccessLogEntry, EntryBatch, Measures, Shape
from ztui.tables.documents import entry_document
from ztui.tables.render import json_text

if TYPE_CHECKING:
    Row = tuple[bytes, bytes, int, int, int]

_MOST_TEMPLATES = 65_536
_TIME, _ADDR = "\x01", "\x02"
_NUMBERS = (
    (int(Measures.SENT), "bytes_sent", "\x03"),
    (int(Measures.RECV), "bytes_recv", "\x04"),
    (int(Measures.DURATION), "duration_ms", "\x05"),
)
"""Stand-ins for what is not part of a shape. Clean text has no control characters, so they stand nowhere else."""
_WRITTEN = {mark: json_text(mark) for mark in (_TIME, _ADDR, *(mark for _, _, mark in _NUMBERS))}


class EntryLines:
    """Writes batches of entries as JSON lines. Keeps at most 65,536 templates, then begins anew."""

    def __init__(self) -> None:
        self._templates: dict[Shape, bytes] = {}

    def write(self, batch: EntryBatch, order: Sequence[int] | None = None) -> bytes:
        """Write the rows of a batch (those of `order`, in that order), each line with its line end."""
        if self._is_odd(batch):
            return b"".join(self._slowly(batch, range(len(batch)) if order is None else order))
        templates = self._templates_of(batch.shapes)
        if order is None or order == range(len(batch)):
            rows = zip(batch.times, batch.addrs, batch.sent, batch.recv, batch.duration_ms, strict=True)
            return b"".join([templates[shape] % row for shape, row in zip(batch.shapes, rows, strict=True)])
        times, addrs, shapes = batch.times, batch.addrs, batch.shapes
        sent, recv, took = batch.sent, batch.recv, batch.duration_ms
        return b"".join([templates[shapes[i]] % (times[i], addrs[i], sent[i], recv[i], took[i]) for i in order])

    def _templates_of(self, shapes: list[Shape]) -> dict[Shape, bytes]:
        templates = self._templates
        if len(templates) > _MOST_TEMPLATES:
            templates.clear()
        for shape in set(shapes).difference(templates):
            templates[shape] = template(shape)
        return templates

    @staticmethod
    def _is_odd(batch: EntryBatch) -> bool:
        """Whether a row has no source address, or a text that JSON would have to escape."""
        texts = b" ".join(batch.addrs) + b" ".join(batch.times)
        return b'"' in texts or b"\\" in texts or b"" in batch.addrs

    @staticmethod
    def _slowly(batch: EntryBatch, order: Sequence[int]) -> Iterator[bytes]:
        for i in order:
            yield json_text(entry_document(entry_at(batch, i))).encode() + b"\n"


def template(shape: Shape) -> bytes:
    """Write a shape's line with `%b` for time and source address and `%d` for each number.

    A number the shape does not have still takes its argument, and prints nothing of it (`%.0a`).
    """
    document = entry_document(AccessLogEntry(seq=-1, time=_TIME, src_addr=_ADDR, shape=shape))
    measures = int(shape.measures)
    document |= {name: mark for measure, name, mark in _NUMBERS if measures & measure}
    text = json_text(document).replace("%", "%%")
    for mark in (_TIME, _ADDR):
        text = text.replace(_WRITTEN[mark], '"%b"')
    swallowed = ""
    for measure, _, mark in _NUMBERS:
        if measures & measure:
            text, swallowed = text.replace(_WRITTEN[mark], f"{swallowed}%d"), ""
        else:
            swallowed += "%.0a"
    return f"{text}{swallowed}\n".encode()
