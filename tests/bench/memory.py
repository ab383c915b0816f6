"""Bytes that the program's own memory takes: `python -m tests.bench.memory LOG COUNT` prints them as JSON."""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc

from ztui.clock import SystemClock
from ztui.model.accesslog import Reader, ShapeTable
from ztui.model.flow import Origin
from ztui.model.observation import EntriesRead
from ztui.model.streams import StreamKey, StreamKind
from ztui.store.mesh import Mesh

_BLOCK = 1 << 16


def held(path: str, count: int, max_rows: int) -> tuple[int, int, int]:
    """Feed `count` entries to a memory of `max_rows`: bytes held, entries kept, shapes known."""
    gc.collect()
    tracemalloc.start()
    table, mesh = ShapeTable(), Mesh(clock=SystemClock(), max_rows=max_rows)
    reader = Reader(Origin(key="log"), table)
    stream = StreamKey(kind=StreamKind.LOG, of="log")
    fed = 0
    with open(path, "rb") as log:  # noqa: PTH123
        while fed < count and (block := log.read(_BLOCK)):
            batch = reader.feed(block)
            fed += len(batch)
            mesh.ingest(EntriesRead(stream=stream, batch=batch, observed_at=0.0))
    del batch, block
    mesh.edges.rows()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size, len(mesh.entries), len(table)


def main(path: str, count: int) -> None:
    """Measure with and without the entries: their difference is what a kept connection costs."""
    empty, _, _ = held(path, 1, 1)
    few, few_rows, shapes = held(path, count, 1)
    many, many_rows, _ = held(path, count, count)
    per_row = (many - few) / (many_rows - few_rows)
    print(json.dumps({"row": per_row, "shape": (few - empty) / shapes, "rows": many_rows, "shapes": shapes}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
