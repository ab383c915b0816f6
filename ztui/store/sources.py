"""Notes of who was refused: an early refusal names no source, only its address, which its shape does not keep.

To decide later whether such a source is a captured workload (then its own ztunnel wrote the outbound half, and that
one counts), these few entries are counted under a shape that has the source's address noted.
"""

from __future__ import annotations

from dataclasses import replace

from ztui.model.fields import split_address
from ztui.model.flow import REFUSED, Direction, EntryBatch, Shape
from ztui.store.capture import SOURCE_IP


class SourceNotes:
    """Replaces the shapes of early inbound refusals by ones that know the source's address; at most `limit` of them."""

    def __init__(self, *, limit: int = 4_096) -> None:
        self._limit = limit
        self._noted: dict[tuple[Shape, str], Shape] = {}

    def noted(self, batch: EntryBatch) -> EntryBatch:
        """Give the same batch, or one with noted shapes where it has early inbound refusals."""
        if not batch.refused:
            return batch
        shapes = list(batch.shapes)
        for i in batch.refused:
            shapes[i] = self.note(shapes[i], batch.addrs[i].decode("utf-8", "replace"))
        return replace(batch, shapes=shapes)

    def note(self, shape: Shape, addr: str | None) -> Shape:
        """Give the shape itself, or for an early inbound refusal one that knows the source's address."""
        if shape.message != REFUSED or shape.direction != Direction.INBOUND:
            return shape
        ip = split_address(addr)[0]
        if ip is None:
            return shape
        noted = self._noted.get((shape, ip))
        if noted is None:
            if len(self._noted) >= self._limit:
                self._noted.clear()
            noted = self._noted[shape, ip] = replace(shape, other=(*shape.other, (SOURCE_IP, ip)))
        return noted
