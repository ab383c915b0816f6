import json
from array import array

import pytest

from ztui.model.accesslog import entry_at
from ztui.model.flow import EntryBatch, Measures, Origin, Shape
from ztui.tables.documents import entry_document
from ztui.tables.entrylines import EntryLines
from ztui.tables.render import json_text

ORIGIN = Origin(key="w1", ztunnel="ztunnel-abc", node="w1")
TIME = b"2026-01-31T09:08:07.012345Z"


def shape(**more: object) -> Shape:
    return Shape(origin=ORIGIN, level="info", message="connection complete", **more)  # type: ignore[arg-type]


SHAPES = [
    shape(),
    shape(measures=Measures.ALL, direction="outbound", src_workload="a", dst_service="b.ns.svc.cluster.local"),
    shape(measures=Measures.RECV, error='said "no" to 100% of \\u0001 and \\'),
    shape(measures=Measures.SENT | Measures.DURATION, other=(("x.y", "%d %b \\u0003"), ("é", "ü"))),
    shape(measures=Measures.DURATION, dst_addr="[fd00::1]:80"),
]


def batch_of(shapes: list[Shape], addr: bytes = b"10.1.1.2:3") -> EntryBatch:
    rows = range(len(shapes))
    return EntryBatch(
        origin=ORIGIN,
        times=[TIME for _ in rows],
        addrs=[addr for _ in rows],
        shapes=shapes,
        sent=array("Q", [10 * i for i in rows]),
        recv=array("Q", [10 * i + 1 for i in rows]),
        duration_ms=array("Q", [2**64 - 1 for _ in rows]),
    )


@pytest.mark.parametrize("addr", [b"10.1.1.2:3", b"", b'odd"\\'])
def test_the_fast_road_writes_what_the_slow_one_defines(addr: bytes) -> None:
    batch = batch_of(SHAPES, addr)
    slow = "".join(json_text(entry_document(entry_at(batch, i))) + "\n" for i in range(len(batch)))
    assert EntryLines().write(batch).decode() == slow


def test_rows_are_written_in_the_order_asked_for() -> None:
    batch = batch_of(SHAPES)
    lines = EntryLines().write(batch).splitlines()
    assert EntryLines().write(batch, [4, 0]).splitlines() == [lines[4], lines[0]]


def test_a_line_is_what_is_promised() -> None:
    promised = {
        "time": TIME.decode(),
        "level": "info",
        "message": "connection complete",
        "src": {"addr": "10.1.1.2:3", "workload": "a"},
        "dst": {"service": "b"},
        "direction": "outbound",
        "bytes_sent": 0,
        "bytes_recv": 1,
        "duration_ms": 2**64 - 1,
        "error": "e",
        "ztunnel": "ztunnel-abc",
        "node": "w1",
        "other": {"k": "v"},
    }
    whole = shape(
        measures=Measures.ALL, direction="outbound", src_workload="a", dst_service="b", error="e", other=(("k", "v"),)
    )
    line = EntryLines().write(batch_of([whole]))
    assert line.decode() == json.dumps(promised, separators=(",", ":")) + "\n"
