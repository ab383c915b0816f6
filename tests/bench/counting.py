"""What a line costs at each step of overload: `python -m tests.bench.counting LOG STEP` prints µs.

A step is `full`, `sampled`, `skipped`, or `counted`: what becomes of the blocks that a sampled stream does not read in
full, as no block is drawn. All of them read every failure.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from ztui.clock import SystemClock
from ztui.model.accesslog import ShapeTable
from ztui.model.accesslog_counting import CountingReader
from ztui.model.flow import Origin
from ztui.model.observation import Detail
from ztui.model.streams import StreamKey, StreamKind
from ztui.observers.live.shedding import Shedding
from ztui.store.mesh import Mesh

_BLOCK = 1 << 16
_STEPS = {"full": Detail.FULL, "sampled": Detail.SAMPLED, "counted": Detail.SAMPLED, "skipped": Detail.SKIP}


class NeverDrawn(Random):
    """Draws no block."""

    def random(self) -> float:
        return 1.0


def blocks(log: bytes) -> Iterator[bytes]:
    """Cut a log into blocks of whole lines, as streams hand them on."""
    at = 0
    while at < len(log):
        end = log.rfind(b"\n", at, at + _BLOCK) + 1 or len(log)
        yield log[at:end]
        at = end


def main(path: str, how: str) -> None:
    """Read the log a first time so that every shape is known, and time the second."""
    log = Path(path).read_bytes()
    clock = SystemClock()
    mesh = Mesh(clock=clock)
    shedding = Shedding(mesh.ingest, clock, NeverDrawn(0) if how == "counted" else Random(0))
    reader, stream = CountingReader(Origin(key="log"), ShapeTable()), StreamKey(kind=StreamKind.LOG, of="log")
    shedding.change(_STEPS[how])
    for block in blocks(log):
        shedding.read(reader, stream, block)
    shedding.flush()
    before, cpu = mesh.lines.received, time.process_time()
    for block in blocks(log):
        shedding.read(reader, stream, block)
    shedding.flush()
    print((time.process_time() - cpu) / (mesh.lines.received - before) * 1_000_000)


if __name__ == "__main__":
    main(*sys.argv[1:])
