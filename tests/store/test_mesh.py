"""The one memory: every observation has its place, and whoever depends on it learns that it changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.store.feed import START, Fed, batch, line, log_of, origin, pair, pod, workload
from ztui.clock import ManualClock
from ztui.model.cluster import Namespace
from ztui.model.flow import EntryBatch, LineCounts
from ztui.model.observation import ClusterChanged, EntriesRead, Exhausted, GapFound, MarkSet, StreamChanged
from ztui.model.streams import Gap, StreamState
from ztui.store.mesh import Mesh, Topic

GAP = Gap(stream=log_of("w1"), first=1, last=2, why="x")


@pytest.mark.parametrize(
    ("feed", "topics"),
    [
        (lambda fed: fed.log("w1", line(1)), {Topic.ENTRIES, Topic.EDGES, Topic.STREAMS}),
        (lambda fed: fed.dump("w1", workload("curl")), {Topic.DUMPS, Topic.EDGES, Topic.STREAMS}),
        (lambda fed: fed.pods(pod("curl")), {Topic.CLUSTER, Topic.EDGES}),
        (
            lambda fed: fed.mesh.ingest(ClusterChanged(resource="namespaces", changed=(Namespace(name="a"),))),
            {Topic.CLUSTER, Topic.EDGES},
        ),
        (lambda fed: fed.ztunnels("w1"), {Topic.CLUSTER, Topic.DUMPS, Topic.EDGES}),
        (
            lambda fed: fed.mesh.ingest(StreamChanged(stream=log_of("w1"), state=StreamState.GONE, at=1)),
            {Topic.STREAMS},
        ),
        (lambda fed: fed.mesh.ingest(GapFound(gap=GAP)), {Topic.STREAMS}),
        (lambda fed: fed.mesh.ingest(MarkSet(name="rollout", at=1)), {Topic.MARKS}),
        (lambda fed: fed.mesh.ingest(Exhausted()), set(Topic)),
    ],
)
def test_who_learns_of_what(feed: Callable[[Fed], None], topics: set[Topic]) -> None:
    fed = Fed()
    before = dict(fed.mesh.versions)
    feed(fed)
    assert {topic for topic in Topic if fed.mesh.versions[topic] > before[topic]} == topics
    assert fed.mesh.version_of(*topics) == sum(before[topic] for topic in topics) + len(topics)


def test_a_status_alone_asks_no_edge_to_be_counted_anew() -> None:
    fed = Fed()
    fed.pods(pod("curl"))
    before = fed.mesh.versions[Topic.EDGES]
    fed.pods(pod("curl", ready=True))
    assert fed.mesh.versions[Topic.EDGES] == before


def test_every_line_is_accounted_for() -> None:
    fed = Fed()
    fed.log("w1", line(1), "not a line of any log\n", line(2))
    fed.log("w2", line(3, "inbound"))
    lines = fed.mesh.lines
    assert (lines.received, lines.entries) == (4, 3)
    parts = (lines.entries, lines.counted_only, lines.diagnostics, lines.continuation, lines.unreadable)
    assert sum(parts) == lines.received


def test_a_stream_that_brings_lines_is_connected_whatever_was_said_of_it() -> None:
    fed = Fed()
    fed.log("w1", line(1), observed=2)
    row = fed.mesh.streams.row(log_of("w1"))
    assert (row.state, row.since) == (StreamState.CONNECTED, START + 2)
    fed.mesh.ingest(StreamChanged(stream=log_of("w1"), state=StreamState.UNAVAILABLE, at=START + 3))
    fed.log("w1", line(2), observed=4)
    assert row.state is StreamState.UNAVAILABLE


def test_now_logged_is_the_latest_time_of_any_log() -> None:
    fed = Fed()
    assert fed.mesh.now_logged is None
    fed.log("w1", line(9))
    fed.log("w2", line(3))
    fed.log("w1", line(8))
    assert fed.mesh.now_logged == START + 9


def test_a_batch_without_entries_still_proves_that_the_stream_lives() -> None:
    fed = Fed()
    empty = EntryBatch(origin=origin("w1"), lines=LineCounts(received=1, diagnostics=1), byte_count=80)
    fed.mesh.ingest(EntriesRead(stream=log_of("w1"), batch=empty, observed_at=START))
    row = fed.mesh.streams.row(log_of("w1"))
    assert (row.lines.received, row.last_observed_at, row.last_logged_at) == (1, START, None)
    assert fed.edges() == []


def test_an_exhausted_memory_says_so() -> None:
    fed = Fed()
    assert not fed.mesh.exhausted
    fed.mesh.ingest(Exhausted())
    assert fed.mesh.exhausted


def test_a_memory_without_rows_counts_all_the_same() -> None:
    mesh = Mesh(clock=ManualClock(START), max_rows=0)
    for at in range(5):
        for node, text in zip(("w1", "w2"), pair(at), strict=True):
            mesh.ingest(EntriesRead(stream=log_of(node), batch=batch(node, text), observed_at=START))
    assert len(mesh.entries) == 0
    assert [row.flows for row in mesh.edges.rows()] == [5]
