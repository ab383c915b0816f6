"""Reading with less detail: what stays exact, what is left out, and that every line is accounted for all the same."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from tests.model.mutations import DATA, mutated_blocks
from ztui.clock import ManualClock
from ztui.model.accesslog_counting import CountingReader
from ztui.model.accesslog_strict import StrictEntry, read_line
from ztui.model.flow import Origin, Shape, Verdict
from ztui.model.observation import ConnectionsCounted, Detail, EntriesRead, GapFound, Observation
from ztui.model.streams import StreamKey, StreamKind
from ztui.observers.live.shedding import Shedding
from ztui.store.mesh import Mesh

ORIGIN = Origin(key="istio-system/ztunnel-w1", ztunnel="ztunnel-w1", namespace="istio-system", node="w1")
STREAM = StreamKey(kind=StreamKind.LOG, of=ORIGIN.key)
LOGS = sorted(DATA.glob("*/w?.log"))


class Scene:
    """A reading that sheds, and the memory that it feeds."""

    def __init__(self, detail: Detail, seed: int = 7) -> None:
        self.clock = ManualClock(1_700_000_000.0)
        self.mesh = Mesh(clock=self.clock)
        self.delivered: list[Observation] = []
        self.reader = CountingReader(ORIGIN)
        self.shedding = Shedding(self._deliver, self.clock, Random(seed))
        self.shedding.change(detail)

    def _deliver(self, observation: Observation) -> None:
        self.delivered.append(observation)
        self.mesh.ingest(observation)

    def read(self, data: bytes, lines_at_once: int = 40) -> None:
        lines = data.splitlines(keepends=True) if b"\x0b" not in data else [each + b"\n" for each in data.split(b"\n")]
        for at in range(0, len(lines), lines_at_once):
            self.shedding.read(self.reader, STREAM, b"".join(lines[at : at + lines_at_once]))
            self.clock.advance(0.1)

    def counted(self, *by: str) -> Counter[tuple[object, ...]]:
        return Counter({tuple(row.keys.get(key) for key in by): row.flows for row in self.mesh.edges.rows(by)})

    def failed(self) -> int:
        return sum(row.failed for row in self.mesh.edges.rows(("direction",)))


@pytest.fixture(params=LOGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def log(request: pytest.FixtureRequest) -> bytes:
    data: bytes = request.param.read_bytes()
    return data


@pytest.mark.parametrize("detail", [Detail.FULL, Detail.NO_HISTORY, Detail.SAMPLED])
def test_connections_failures_and_backends_stay_exact(log: bytes, detail: Detail) -> None:
    whole, scene = Scene(Detail.FULL), Scene(detail)
    for each in (whole, scene):
        each.read(log)
        each.shedding.change(Detail.FULL)
    assert scene.mesh.lines.received == whole.mesh.lines.received == log.count(b"\n")
    by = ("dst.service", "dst.workload", "direction", "src.workload", "verdict")
    assert scene.counted(*by) == whole.counted(*by)
    assert scene.failed() == whole.failed()
    assert scene.mesh.lines.adds_up


def test_without_history_only_failures_are_kept(log: bytes) -> None:
    whole, scene = Scene(Detail.FULL), Scene(Detail.NO_HISTORY)
    for each in (whole, scene):
        each.read(log)
    failed = [entry.time for entry in whole.mesh.entries.oldest() if entry.shape.level in ("error", "warn")]
    assert [entry.time for entry in scene.mesh.entries.oldest()] == failed
    assert scene.mesh.lines == whole.mesh.lines


def test_sampling_reads_about_one_batch_of_eight_whole() -> None:
    data = (DATA / "plain/w2.log").read_bytes() * 20
    scene = Scene(Detail.SAMPLED)
    scene.read(data, lines_at_once=20)
    scene.shedding.flush()
    lines = scene.mesh.lines
    assert lines.adds_up
    assert 0.08 < lines.entries / (lines.entries + lines.counted_only) < 0.3
    assert scene.mesh.detail is Detail.SAMPLED
    assert {type(each) for each in scene.delivered} == {EntriesRead, ConnectionsCounted}


def test_bytes_of_a_sampled_stream_are_estimates_and_say_so() -> None:
    """The real bytes of one large edge are met within a tenth; those of a whole reading are exact and say nothing."""
    data = (DATA / "plain/w2.log").read_bytes() * 60
    whole, scene = Scene(Detail.FULL), Scene(Detail.SAMPLED)
    for each in (whole, scene):
        each.read(data, lines_at_once=20)
        each.shedding.change(Detail.FULL)
    exact = max(whole.mesh.edges.rows(), key=lambda row: row.flows)
    (about,) = [row for row in scene.mesh.edges.rows() if row.keys == exact.keys]
    assert exact.read_share == 1.0
    assert about.flows == exact.flows
    assert 0.05 < about.read_share < 0.25
    assert exact.bytes_recv
    assert about.bytes_recv == pytest.approx(exact.bytes_recv, rel=0.1)


def test_what_is_skipped_is_a_gap_with_its_lines() -> None:
    data = (DATA / "plain/w1.log").read_bytes()
    scene = Scene(Detail.SKIP)
    scene.read(data)
    scene.shedding.change(Detail.SAMPLED)
    (gap,) = [each.gap for each in scene.delivered if isinstance(each, GapFound)]
    lines = scene.mesh.lines
    assert lines.adds_up
    assert lines.received == data.count(b"\n")
    assert gap.lines == lines.counted_only
    assert 0 < lines.entries < gap.lines
    assert 1_700_000_000.0 <= gap.first < gap.last <= scene.clock.now()
    assert "dropped" in gap.why
    scene.shedding.change(Detail.FULL)
    scene.read(data)
    assert scene.mesh.lines.adds_up


def test_while_lines_are_skipped_every_failure_is_read(log: bytes) -> None:
    whole, scene = Scene(Detail.FULL), Scene(Detail.SKIP)
    for each in (whole, scene):
        each.read(log, lines_at_once=7)
        each.shedding.change(Detail.FULL)
    assert scene.mesh.lines.received == log.count(b"\n")
    assert scene.mesh.lines.adds_up
    assert scene.failed() == whole.failed()

    def failures(of: Scene) -> list[tuple[str, str | None]]:
        return [(each.time, each.shape.error) for each in of.mesh.entries.oldest() if each.shape.error]

    assert failures(scene) == failures(whole)


def test_no_line_is_lost_while_steps_change() -> None:
    data = (DATA / "istiod-mesh/w2.log").read_bytes() * 8
    scene, draw = Scene(Detail.FULL), Random(3)
    lines = data.split(b"\n")[:-1]
    at = 0
    while at < len(lines):
        count = draw.randrange(1, 60)
        scene.read(b"".join(line + b"\n" for line in lines[at : at + count]))
        at += count
        scene.shedding.change(draw.choice(list(Detail)))
    scene.shedding.change(Detail.FULL)
    assert scene.mesh.lines.received == len(lines)
    assert scene.mesh.lines.adds_up


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_log_holds_every_line_and_failure_is_counted(seed: int) -> None:
    for block in mutated_blocks(seed, 1_500):
        data = b"\n".join(block) + b"\n"
        whole, counting = CountingReader(ORIGIN), CountingReader(ORIGIN)
        expected = whole.feed(data)
        batches = [counting.count(data), counting.take_failed()]
        lines = batches[0].lines + batches[1].lines
        assert lines.adds_up
        assert lines.received == data.count(b"\n")
        found = Counter(shape.error for shape in batches[1].shapes if shape.error)
        for _, counted in counting.take_counted():  # an error where ztunnel never writes one is counted all the same
            for shape, often in counted.items():
                found.update({shape.error: often} if shape.error else {})
        assert Counter(shape.error for shape in expected.shapes if shape.error) == found, seed


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_log_holds_a_skipped_line_is_no_failure(seed: int) -> None:
    for block in mutated_blocks(seed, 1_500):
        data = b"\n".join(block) + b"\n"
        reader = CountingReader(ORIGIN)
        lines = reader.skip(data).lines
        read = reader.take_failed()
        assert (lines + read.lines).adds_up
        assert (lines + read.lines).received == data.count(b"\n")
        found = Counter(shape.error for shape in read.shapes if shape.verdict not in WELL)
        expected = Counter(shape.error for shape in map(failure_of, data.split(b"\n")) if shape is not None)
        assert expected <= found, (seed, expected - found)


WELL = (None, Verdict.FORWARDED)
ENDS_WELL = re.compile(rb'duration":?=?"[0-9]+ms"\}?\r?\Z')


def failure_of(line: bytes) -> Shape | None:
    """Read a failure as ztunnel writes one: by its level, or with an error behind the numbers."""
    entry = read_line(line)
    if not isinstance(entry, StrictEntry) or (entry.level == "info" and ENDS_WELL.search(line)):
        return None
    shape = entry.shape(ORIGIN)
    return None if shape.verdict in WELL else shape
