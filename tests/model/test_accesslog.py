"""The access log: captures by their known numbers, lines by the grammar, and fast = strict on a million lines."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.model.mutations import DATA, mutated_blocks
from ztui.model.accesslog import LINE_LIMIT, Reader, ShapeTable, StrictEntry, entry_at, read_line
from ztui.model.accesslog_strict import is_blank, spans_lines
from ztui.model.flow import AccessLogEntry, Diagnostic, EntryBatch, LineCounts, Measures, Origin, Shape

W1 = Origin(key="istio-system/ztunnel-w1", ztunnel="ztunnel-w1", namespace="istio-system", node="w1")

OUTBOUND = (
    b"2026-01-31T09:08:07.012345Z\tinfo\taccess\tconnection complete\t"
    b'src.addr=10.244.1.12:58508 src.workload="sleep-1" src.namespace="default" '
    b'src.identity="spiffe://cluster.local/ns/default/sa/sleep" src.cluster="Kubernetes" '
    b"dst.addr=10.244.1.10:15008 dst.hbone_addr=10.244.1.10:9080 "
    b'dst.service="httpbin.default.svc.cluster.local" dst.workload="httpbin-1" dst.namespace="default" '
    b'dst.identity="spiffe://cluster.local/ns/default/sa/httpbin" dst.cluster="Kubernetes" '
    b'direction="outbound" bytes_sent=84 bytes_recv=358 duration="15ms"'
)
OUTBOUND_JSON = (
    b'{"level":"info","time":"2026-01-31T09:08:07.012345Z","scope":"access","message":"connection complete",'
    b'"src.addr":"10.244.1.12:58508","src.workload":"sleep-1","src.namespace":"default",'
    b'"src.identity":"spiffe://cluster.local/ns/default/sa/sleep","src.cluster":"Kubernetes",'
    b'"dst.addr":"10.244.1.10:15008","dst.hbone_addr":"10.244.1.10:9080",'
    b'"dst.service":"httpbin.default.svc.cluster.local","dst.workload":"httpbin-1","dst.namespace":"default",'
    b'"dst.identity":"spiffe://cluster.local/ns/default/sa/httpbin","dst.cluster":"Kubernetes",'
    b'"direction":"outbound","bytes_sent":84,"bytes_recv":358,"duration":"15ms"}'
)
DENIED = (
    b"2026-01-31T09:08:07.012345Z\twarn\taccess\tconnection failed\tsrc.addr=10.244.1.12:58508 "
    b'dst.addr=10.244.1.10:15008 direction="inbound" '
    b'error="tls handshake error: Os { code: 104, message: \\"Connection reset by peer\\" }"'
)


def read(data: bytes, origin: Origin = W1, table: ShapeTable | None = None) -> tuple[list[AccessLogEntry], EntryBatch]:
    """All entries of some bytes, and the batch they came in (its counts include those of the unfinished last line)."""
    reader = Reader(origin, table)
    batches = [reader.feed(data), reader.finish()]
    entries = [entry_at(batch, i) for batch in batches for i in range(len(batch))]
    joined = EntryBatch(
        origin=origin,
        remarks=batches[0].remarks + batches[1].remarks,
        lines=batches[0].lines + batches[1].lines,
    )
    return entries, joined


def only(data: bytes) -> AccessLogEntry:
    entries, batch = read(data)
    assert batch.lines == LineCounts(received=1, entries=1), batch
    return entries[0]


def adds_up(lines: LineCounts) -> bool:
    return (
        lines.received == lines.entries + lines.counted_only + lines.diagnostics + lines.continuation + lines.unreadable
    )


# --- captures -----------------------------------------------------------------------------------------------

CAPTURES = {
    "plain/w1.log": LineCounts(received=1951, entries=1807, diagnostics=31, continuation=113),
    "plain/w2.log": LineCounts(received=2345, entries=2191, diagnostics=41, continuation=113),
    "json/w1.log": LineCounts(received=389, entries=360, diagnostics=29),
    "json/w2.log": LineCounts(received=1589, entries=1555, diagnostics=34),
    "istiod-mesh/w1.log": LineCounts(received=1001, entries=434, diagnostics=216, continuation=351),
    "istiod-mesh/w2.log": LineCounts(received=926, entries=730, diagnostics=79, continuation=117),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_every_line_of_a_capture_is_accounted_for(name: str) -> None:
    _, batch = read((DATA / name).read_bytes())
    assert batch.lines == CAPTURES[name]
    assert adds_up(batch.lines)


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_is_read_as_the_strict_reader_reads_it(name: str) -> None:
    data = (DATA / name).read_bytes()
    assert agree(data.split(b"\n")[:-1], [data], ShapeTable())


def test_the_plain_capture_has_the_numbers_its_notes_state() -> None:
    entries = [e for name in ("plain/w1.log", "plain/w2.log") for e in read((DATA / name).read_bytes())[0]]
    messages = Counter(e.shape.message for e in entries)
    assert messages == {"connection complete": 3269, "connection opened": 722, "connection failed": 7}
    levels = Counter((e.shape.message, e.shape.level) for e in entries)
    assert levels["connection complete", "error"] == 116 + 170
    assert levels["connection failed", "warn"] == 7


def test_opens_and_early_denials_carry_no_numbers_and_completed_ones_carry_all() -> None:
    entries, _ = read((DATA / "plain/w1.log").read_bytes())
    for entry in entries:
        expected = Measures.ALL if entry.shape.message == "connection complete" else Measures.NONE
        assert entry.shape.measures == expected
        assert (entry.bytes_sent is None) == (expected == Measures.NONE)


def test_with_istiod_inbound_lines_have_a_service_and_with_a_file_they_have_none() -> None:
    def inbound_hbone(*names: str) -> list[AccessLogEntry]:
        found = [e for name in names for e in read((DATA / name).read_bytes())[0]]
        return [e for e in found if e.shape.direction == "inbound" and e.shape.dst_hbone_addr]

    assert not any(
        e.shape.dst_service for e in inbound_hbone("plain/w1.log", "plain/w2.log", "json/w1.log", "json/w2.log")
    )
    with_istiod = inbound_hbone("istiod-mesh/w1.log", "istiod-mesh/w2.log")
    assert (sum(e.shape.dst_service is not None for e in with_istiod), len(with_istiod)) == (558, 562)


def test_a_capture_has_far_fewer_shapes_than_lines() -> None:
    table = ShapeTable()
    entries, _ = read((DATA / "plain/w2.log").read_bytes(), table=table)
    assert len({id(e.shape) for e in entries}) <= len(table) < 50


# --- golden lines -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [OUTBOUND, OUTBOUND_JSON], ids=["plain", "json"])
def test_a_completed_connection_field_by_field(line: bytes) -> None:
    entry = only(line)
    shape = entry.shape
    assert (entry.time, entry.src_addr) == ("2026-01-31T09:08:07.012345Z", "10.244.1.12:58508")
    assert (entry.bytes_sent, entry.bytes_recv, entry.duration_ms) == (84, 358, 15)
    assert (shape.origin, shape.level, shape.message, shape.direction) == (
        W1,
        "info",
        "connection complete",
        "outbound",
    )
    assert (shape.src_workload, shape.src_namespace, shape.src_cluster) == ("sleep-1", "default", "Kubernetes")
    assert (shape.dst_addr, shape.dst_hbone_addr) == ("10.244.1.10:15008", "10.244.1.10:9080")
    assert (shape.dst_service, shape.dst_workload) == ("httpbin.default.svc.cluster.local", "httpbin-1")
    assert shape.src_identity == "spiffe://cluster.local/ns/default/sa/sleep"
    assert shape.dst_identity == "spiffe://cluster.local/ns/default/sa/httpbin"
    assert (shape.error, shape.other, shape.measures) == (None, (), Measures.ALL)


def test_an_early_denial_has_four_fields_and_its_error_unquoted() -> None:
    shape = only(DENIED).shape
    assert (shape.level, shape.message, shape.direction) == ("warn", "connection failed", "inbound")
    assert shape.error == 'tls handshake error: Os { code: 104, message: "Connection reset by peer" }'
    assert (shape.src_workload, shape.dst_workload, shape.measures) == (None, None, Measures.NONE)


@pytest.mark.parametrize(
    "prefix",
    [
        b"2026-01-31T09:08:07.012345678Z ",
        b"2026-01-31T09:08:07.012345678+02:00 ",
        b"2026-01-31T09:08:07.012345678Z stdout F ",
        b"2026-01-31T09:08:07.0123Z stderr F ",
    ],
)
@pytest.mark.parametrize("line", [OUTBOUND, OUTBOUND_JSON, DENIED])
def test_what_the_kubelet_and_the_runtime_write_in_front_is_dropped(prefix: bytes, line: bytes) -> None:
    assert only(prefix + line + b"\n") == same_but_shape(only(line), only(prefix + line))


def same_but_shape(expected: AccessLogEntry, found: AccessLogEntry) -> Any:
    """Shapes compare by identity, and each reader makes its own: compare what they say."""

    class Same:
        def __eq__(self, other: object) -> bool:
            assert isinstance(other, AccessLogEntry)
            return said(other) == said(expected) == said(found)

        __hash__ = None  # type: ignore[assignment]

    return Same()


def said(entry: AccessLogEntry) -> tuple[Any, ...]:
    return (
        entry.time,
        entry.src_addr,
        entry.bytes_sent,
        entry.bytes_recv,
        entry.duration_ms,
        *(getattr(entry.shape, name) for name in Shape.__dataclass_fields__),
    )


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        (b'"sleep-1"', b'"a \\"b\\" \\\\ c"', "src_workload", 'a "b" \\ c'),
        (
            b'"sleep-1"',
            rb'"esc \u{1b}[31m \u{202e}x\u{200b}\0 \n"',
            "src_workload",
            "esc \ufffd[31m \ufffdx\ufffd\ufffd  ",
        ),
        (b'"sleep-1"', b'"\xff\xc2\x9b"', "src_workload", "\ufffd\ufffd"),
        (b'"sleep-1"', '"žluťoučký"'.encode(), "src_workload", "žluťoučký"),
        (
            b"dst.hbone_addr=10.244.1.10:9080",
            b'dst.hbone_addr="10.244.1.10:9080"',
            "dst_hbone_addr",
            "10.244.1.10:9080",
        ),
        (
            b"dst.hbone_addr=10.244.1.10:9080",
            b"dst.hbone_addr=httpbin.example.com:80",
            "dst_hbone_addr",
            "httpbin.example.com:80",
        ),
        (b"dst.addr=10.244.1.10:15008", b"dst.addr=[2001:db8::1]:15008", "dst_addr", "[2001:db8::1]:15008"),
        (b'src.cluster="Kubernetes" ', b"", "src_cluster", None),
        (b' src.workload="sleep-1"', b' src.workload="first" src.workload="last"', "src_workload", "last"),
        (b' direction="outbound"', b' x.flag=on direction="outbound"', "other", (("x.flag", "on"),)),
        (b' duration="15ms"', b' duration="15ms" x.after="a b"', "other", (("x.after", "a b"),)),
        (b"bytes_sent=84", b"bytes_sent=084", "other", (("bytes_sent", "084"),)),
        (b"bytes_sent=84", b"bytes_sent=18446744073709551616", "other", (("bytes_sent", "18446744073709551616"),)),
        (b'"15ms"', b'"1.5s"', "other", (("duration", "1.5s"),)),
        (b"bytes_sent=84", b'bytes_sent="84"', "measures", Measures.ALL),
        (b"\tconnection complete\t", b"\tconnection reborn\t", "message", "connection reborn"),
    ],
)
def test_plain_values_however_they_are_written(old: bytes, new: bytes, field: str, value: object) -> None:
    assert old in OUTBOUND
    assert getattr(only(OUTBOUND.replace(old, new)).shape, field) == value


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        (b'"sleep-1"', rb'"a \"b\" \\ c"', "src_workload", 'a "b" \\ c'),
        (b'"sleep-1"', rb'"\u001b[31m \u202e\ud800"', "src_workload", "\ufffd[31m \ufffd\ufffd"),
        (b'"sleep-1"', b"null", "src_workload", None),
        (b'"sleep-1"', b"5", "src_workload", "5"),
        (b'"src.workload":"sleep-1"', b'"src.workload":"first","src.workload":"last"', "src_workload", "last"),
        (b"84", b"true", "other", (("bytes_sent", "true"),)),
        (b"84", b"84.0", "other", (("bytes_sent", "84.0"),)),
        (b"84", b"1" * 5000, "other", (("bytes_sent", "1" * 5000),)),
        (b'"15ms"}', b'"15ms","x":[1,2.50,{"y":null}]}', "other", (("x", '[1,2.50,{"y":null}]'),)),
    ],
)
def test_json_values_however_they_are_written(old: bytes, new: bytes, field: str, value: object) -> None:
    assert old in OUTBOUND_JSON
    assert getattr(only(OUTBOUND_JSON.replace(old, new, 1)).shape, field) == value


def test_the_biggest_number_is_a_number() -> None:
    assert only(OUTBOUND.replace(b"=84", b"=18446744073709551615")).bytes_sent == 2**64 - 1


def test_a_line_pasted_from_documentation_has_spaces_for_tabs() -> None:
    pasted = OUTBOUND.replace(b"\t", b"    ").replace(b" src.name", b"   src.name")
    assert said(only(pasted)) == said(only(OUTBOUND))


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\r", b"\t\n", b" \n"])
def test_any_ending_of_a_line_will_do(ending: bytes) -> None:
    assert said(only(OUTBOUND + ending)) == said(only(OUTBOUND))


def test_fields_in_another_order_say_the_same() -> None:
    head, _, fields = OUTBOUND.rpartition(b"\t")
    backwards = head + b"\t" + b" ".join(reversed(fields.split(b" ")))
    assert said(only(backwards)) == said(only(OUTBOUND))


@pytest.mark.parametrize(
    "line",
    [
        OUTBOUND[:-1],
        OUTBOUND.replace(b'"sleep-1"', b'"sleep-1'),
        OUTBOUND.replace(b" dst.addr", b" and dst.addr"),
        OUTBOUND.replace(b"2026-01-31", b"2026-02-31"),
        OUTBOUND_JSON[:-1],
        OUTBOUND_JSON.replace(b"84", b"084"),
        OUTBOUND_JSON.replace(b"sleep-1", b"sleep\t1"),
        OUTBOUND + OUTBOUND,
        b"2026-01-31T09:08:07.012345678Z stdout P " + OUTBOUND,
    ],
)
def test_a_line_that_is_no_log_line_is_unreadable_and_kept_as_text(line: bytes) -> None:
    entries, batch = read(OUTBOUND + b"\n" + line + b"\n")
    assert batch.lines == LineCounts(received=2, entries=1, unreadable=1)
    assert len(entries) == 1
    (left,) = batch.diagnostics
    assert left.time is None
    assert left.text


def test_a_message_that_spans_lines_is_one_diagnostic_with_its_continuation() -> None:
    first = b"2026-01-31T09:08:07.012345Z\tinfo\tztunnel\trunning with config: proxy: true\n"
    _, batch = read(OUTBOUND + b"\n" + first + b"dnsProxy: false\nsecs: 300\n\n\t\nafter it\n")
    assert batch.lines == LineCounts(received=7, entries=1, diagnostics=1, continuation=4, unreadable=1)
    assert batch.diagnostics[0].text == "running with config: proxy: true"
    assert batch.diagnostics[0].scope == "ztunnel"


def test_a_stream_may_begin_within_a_message() -> None:
    _, batch = read(b"dnsProxy: false\n\t\n" + OUTBOUND)
    assert batch.lines == LineCounts(received=3, entries=1, continuation=2)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b"2026-01-31T09:08:07.012345Z\twarn\txds::client:xds{id=3}\tXDS client connection error: x\\n\t",
            Diagnostic(
                time="2026-01-31T09:08:07.012345Z",
                level="warn",
                scope="xds::client:xds{id=3}",
                text="XDS client connection error: x\\n",
            ),
        ),
        (
            b'{"level":"info","time":"2026-01-31T09:08:07.012345Z","scope":"ztunnel::app","message":"m\\u001b","uid":"7","proxy":{"wl":"a/b"}}',
            Diagnostic(
                time="2026-01-31T09:08:07.012345Z", level="info", scope="app", text='m\ufffd uid=7 proxy={"wl":"a/b"}'
            ),
        ),
    ],
)
def test_lines_of_other_scopes_are_diagnostics(line: bytes, expected: Diagnostic) -> None:
    _, batch = read(line + b"\n")
    assert batch.lines == LineCounts(received=1, diagnostics=1)
    assert batch.diagnostics == (expected,)


def test_rows_keep_the_order_of_the_lines() -> None:
    stamps = [b"2026-01-31T09:08:%02d.012345Z" % second for second in (7, 5, 9)]
    lines = [OUTBOUND, DENIED, OUTBOUND]
    data = b"\n".join(stamp + line[27:] for stamp, line in zip(stamps, lines, strict=True)) + b"\n"
    batch = Reader(W1).feed(data)
    assert batch.times == stamps
    assert (batch.earliest, batch.latest) == (stamps[1], stamps[2])
    assert [shape.level for shape in batch.shapes] == ["info", "warn", "info"]
    assert batch.shapes[0] is batch.shapes[2]


# --- what never ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1 << 20, 100_000, 65_537])
@pytest.mark.parametrize("excess", [0, 1, 300_000])
def test_a_line_is_too_long_by_its_length_not_by_how_it_came(cut: int, excess: int) -> None:
    data = OUTBOUND + b"\n" + b"x" * (LINE_LIMIT + excess) + b"\n" + DENIED + b"\n"
    reader = Reader(W1)
    lines = LineCounts()
    texts = []
    for at in range(0, len(data), cut):
        batch = reader.feed(data[at : at + cut])
        lines += batch.lines
        texts += [each.text for each in batch.diagnostics]
    assert lines + reader.finish().lines == LineCounts(received=3, entries=2, unreadable=1)
    assert len(texts[0]) <= 65_536


def test_a_line_that_never_ends_is_held_within_the_limit() -> None:
    reader = Reader(W1)
    for _ in range(40):
        reader.feed(b"x" * 100_000)
        assert len(reader._carry) <= LINE_LIMIT + 100_000
    assert reader.finish().lines == LineCounts(received=1, unreadable=1)


@pytest.mark.parametrize(
    "line",
    [
        OUTBOUND.replace(b"sleep-1", b'\\"' * 100_000),
        OUTBOUND.replace(b"sleep-1", b"\\" * 200_000),
        b'="' * 100_000,
        OUTBOUND[:60] + b"a=b " * 50_000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        OUTBOUND_JSON.replace(b'"sleep-1"', b"[" * 100_000 + b"]" * 100_000),
    ],
)
def test_hostile_lines_take_linear_time(line: bytes) -> None:
    _, batch = read(OUTBOUND + b"\n" + line + b"\n")
    assert adds_up(batch.lines)


# --- fast = strict ------------------------------------------------------------------------------------------

Row = tuple[Any, ...]


def strictly(lines: list[bytes]) -> tuple[list[Row], list[Diagnostic], LineCounts]:
    """What a log says, by the strict reader alone: the definition the fast one is held to."""
    rows: list[Row] = []
    diagnostics: list[Diagnostic] = []
    counts: Counter[str] = Counter()
    is_open = True
    for line in lines:
        found = read_line(line)
        if isinstance(found, StrictEntry):
            is_open = False
            counts["entries"] += 1
            numbers = (found.bytes_sent, found.bytes_recv, found.duration_ms)
            rows.append((found.time, found.src_addr, *numbers, found.level, found.message, found.known, found.other))
        elif found is not None:
            diagnostics.append(found)
            counts["unreadable" if found.time is None else "diagnostics"] += 1
            is_open = found.time is not None and spans_lines(line)
        elif is_open or is_blank(line):
            counts["continuation"] += 1
            is_open = is_open and b"\t" not in line
        else:
            counts["unreadable"] += 1
            diagnostics.append(Diagnostic(text="(text)"))
    return rows, diagnostics, LineCounts(received=len(lines), **counts)


_KNOWN = [
    name for name in Shape.__dataclass_fields__ if name not in ("origin", "level", "message", "measures", "other")
]


def rows_of(batch: EntryBatch, seen: dict[Shape, Row]) -> Iterator[Row]:
    for time, addr, shape, *numbers in zip(
        batch.times, batch.addrs, batch.shapes, batch.sent, batch.recv, batch.duration_ms, strict=True
    ):
        if shape not in seen:
            known = {name: value for name in _KNOWN if (value := getattr(shape, name)) is not None}
            has = [flag in shape.measures for flag in (Measures.SENT, Measures.RECV, Measures.DURATION)]
            seen[shape] = (has, shape.level, shape.message, known, shape.other)
        has, *what = seen[shape]
        present = [number if there else None for number, there in zip(numbers, has, strict=True)]
        assert all(there or number == 0 for number, there in zip(numbers, has, strict=True))
        yield (time.decode(), addr.decode() or None, *present, *what)


def agree(lines: list[bytes], pieces: list[bytes], table: ShapeTable) -> bool:
    """Whether the fast reader makes of the pieces what the strict one makes of the lines."""
    rows, diagnostics, counts = strictly(lines)
    reader = Reader(W1, table)
    batches = [reader.feed(piece) for piece in pieces]
    batches.append(reader.finish())
    seen: dict[Shape, Row] = {}
    total = LineCounts()
    for batch in batches:
        total += batch.lines
        assert adds_up(batch.lines)
        assert not batch.times or (batch.earliest, batch.latest) == (min(batch.times), max(batch.times))
    found = [row for batch in batches for row in rows_of(batch, seen)]
    left = [each for batch in batches for each in batch.diagnostics]
    assert [row[1] or None for row in rows] == [row[1] for row in found], lines
    assert [(row[0], row[1] or None, *row[2:]) for row in rows] == found, lines
    assert [(each.time, each.level, each.scope) for each in diagnostics] == [
        (e.time, e.level, e.scope) for e in left
    ], lines
    assert all(a.text in (b.text, "(text)") for a, b in zip(diagnostics, left, strict=True)), lines
    assert counts == total, lines
    return True


def pieces_of(draw: random.Random, data: bytes) -> list[bytes]:
    """The stream cut somehow: whole, or everywhere in pieces of up to a few hundred or thousand bytes."""
    if draw.random() < 0.7:
        return [data]
    # Tiny pieces cost a call each: only a few kilobytes are cut so.
    longest = draw.choice((1, 7, 60, 500, 5_000) if len(data) < 1_200 else (500, 3_000, 20_000))
    pieces, at = [], 0
    while at < len(data):
        size = draw.randint(1, longest)
        pieces.append(data[at : at + size])
        at += size
    return pieces


def fuzz(seed: int, lines: int) -> None:
    draw = random.Random(seed)
    table = ShapeTable()
    for block in mutated_blocks(seed, lines):
        if draw.random() < 0.02:
            table = ShapeTable(draw.choice((1, 2, 3, 10, 100, 1_000)))
        data = b"\n".join(block) + (b"\n" if draw.random() < 0.8 else b"")
        whole = data.removesuffix(b"\n").split(b"\n") if data.endswith(b"\n") else data.split(b"\n")
        if not data.endswith(b"\n") and not whole[-1]:
            whole.pop()
        assert agree(whole, pieces_of(draw, data), table)
        assert len(table) <= table.limit


def test_a_bad_line_does_not_slow_down_its_neighbours() -> None:
    class Counting(Reader):
        slow = 0

        def _read_strictly(self, line: bytes, rows: Any) -> None:
            self.slow += 1
            super()._read_strictly(line, rows)

    bad = OUTBOUND.replace(b"=84", b"=084")
    for place in (0, 1, 60, 118, 119):
        lines = [OUTBOUND] * 120
        lines[place] = bad
        reader = Counting(W1)
        batch = reader.feed(b"\n".join(lines) + b"\n")
        assert batch.lines == LineCounts(received=120, entries=120)
        assert batch.shapes[place].other == (("bytes_sent", "084"),)
        assert reader.slow <= 10


@pytest.mark.parametrize("seed", range(25))
def test_the_fast_reader_agrees_with_the_strict_one_on_mutated_lines(seed: int) -> None:
    fuzz(seed, 40_000)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(1_000, 1_020))
def test_the_fast_reader_agrees_with_the_strict_one_on_many_more(seed: int) -> None:
    fuzz(seed, 1_000_000)


def test_a_stream_cut_into_pieces_of_every_length_says_the_same() -> None:
    lines = [
        OUTBOUND,
        DENIED,
        OUTBOUND_JSON,
        b"",
        b"2026-01-31T09:08:07.012345Z\tinfo\tapp\tx",
        b"more",
        OUTBOUND,
        b"broken",
    ]
    data = b"\r\n".join(lines) + b"\n"
    whole = data.split(b"\n")[:-1]
    for size in range(1, len(data) + 1):
        assert agree(whole, [data[at : at + size] for at in range(0, len(data), size)], ShapeTable())


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20, 100, 1_000])
def test_a_table_of_any_size_only_costs_time(limit: int) -> None:
    table = ShapeTable(limit)
    for name in CAPTURES:
        data = (DATA / name).read_bytes()
        assert agree(data.split(b"\n")[:-1], [data], table)
        assert len(table) <= limit


def test_readers_of_one_table_keep_their_shapes_apart() -> None:
    table = ShapeTable()
    (mine,), _ = read(OUTBOUND, W1, table)
    (other,), _ = read(OUTBOUND, Origin(key="w2.log"), table)
    assert mine.shape is not other.shape
    assert other.shape.origin.key == "w2.log"
