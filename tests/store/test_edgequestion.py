"""Asked again and again while lines come, a question answers what it would if it were asked once, afterwards."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.feed import START, Fed, line, pair, workload
from ztui.model.filter import parse
from ztui.store import edgesums
from ztui.store.edges import TREND_BUCKETS, EdgeRow

QUESTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"window_s": 30.0},
    {"window_s": 60.0, "now": START + 95.0},
    {"by": ("dst.service",), "where": parse("verdict:failed")},
    {"by": ("direction", "src.workload")},
    {"by": ("error",), "window_s": 10.0},
    {"by": ("src.namespace",)},
    {"by": ("src.node",)},
    {"by": ("dst.workload",)},
)


@dataclass(frozen=True)
class Step:
    """A line, and whether a question follows it."""

    node: str
    direction: str
    src: str | None
    dst: str
    goes_on_s: float
    took: int
    error: str | None
    asks: int | None


STEPS = st.lists(
    st.builds(
        Step,
        node=st.sampled_from(["w1", "w2"]),
        direction=st.sampled_from(["outbound", "inbound"]),
        src=st.sampled_from(["curl", "wget", "cron", None]),
        dst=st.sampled_from(["reviews-1", "curl", "wget"]),
        goes_on_s=st.sampled_from([0.001, 0.5, 4.0, 11.0, 70.0]),
        took=st.sampled_from([3, 250, 123_456]),
        error=st.sampled_from([None, None, "connection closed due to policy rejection", "timed out"]),
        asks=st.none() | st.integers(0, len(QUESTIONS) - 1),
    ),
    max_size=40,
)


def told(row: EdgeRow) -> tuple[object, ...]:
    sums = (row.flows, row.failed, row.denied, row.bytes_sent, row.bytes_recv, row.last_seen, row.last_error)
    return (dict(row.keys), row.is_other, sums, row.rate_per_s, row.failed_per_s, row.trend, dict(row.durations_ms))


def fed(steps: list[Step], *, asks: bool) -> Fed:
    memory = Fed(max_buckets=6, max_shapes=8)
    memory.dump("w1", workload("cron", "w3", workloadIps=["10.1.1.2"]))
    at = 0.0
    for step in steps:
        at += step.goes_on_s
        memory.log(
            step.node,
            line(at, step.direction, step.src, step.dst, took=step.took, error=step.error, sent=step.took, recv=7),
        )
        if step.asks is not None:
            memory.mesh.edges.learn()  # what is known of capture when a shape is forgotten decides for good
        if asks and step.asks is not None:
            for row in memory.mesh.edges.rows(**QUESTIONS[step.asks]):
                row.p99  # noqa: B018  durations are folded when somebody looks at them
    return memory


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_running_sums_are_those_of_a_fresh_count(steps: list[Step]) -> None:
    asked, fresh = fed(steps, asks=True), fed(steps, asks=False)
    for question in QUESTIONS:
        again = [told(row) for row in asked.mesh.edges.rows(**question)]
        assert again == [told(row) for row in fresh.mesh.edges.rows(**question)], question


def test_late_lines_are_added_to_their_ten_seconds_and_a_new_edge_among_them_stands_where_it_was_first_seen() -> None:
    asked, fresh = Fed(), Fed()
    for memory in (asked, fresh):
        memory.log("w1", line(1), line(2, src="wget"))
        memory.log("w1", line(12, src="cron"))
        if memory is asked:
            asked.edges()
        memory.log("w1", line(3, src="late"), line(4), line(13, src="last"))
    assert [told(row) for row in asked.edges()] == [told(row) for row in fresh.edges()]


def test_rows_that_were_handed_out_stay_as_they_were() -> None:
    """A paused screen shows percentiles of what it shows, not of what came since."""
    memory = Fed()
    memory.log("w1", line(1, took=5))
    before = memory.edges()[0]
    memory.log("w1", line(2, took=900), line(3, took=900))
    after = memory.edges()[0]
    assert (before.flows, before.p50, dict(before.durations_ms)) == (1, 5.0, {5: 1})
    assert (after.flows, after.p50, dict(after.durations_ms)) == (3, 900.0, {5: 1, 900: 2})


def test_a_row_that_got_nothing_is_the_row_it_was() -> None:
    memory = Fed()
    memory.log("w1", line(1), line(2, src="wget"))
    before = {row.keys["src.workload"]: row for row in memory.edges()}
    memory.log("w1", line(3))
    after = {row.keys["src.workload"]: row for row in memory.edges()}
    assert after["wget"] is before["wget"]
    assert after["curl"] is not before["curl"]


def test_inbound_entries_leave_every_ten_seconds_once_their_source_is_known_to_be_captured() -> None:
    memory = Fed()
    for at in (1, 15, 45, 95):
        memory.log("w2", line(at, "inbound"), line(at, "inbound", src="outsider"))
    assert memory.flows("src.workload") == {("curl",): 4, ("outsider",): 4}
    memory.log("w1", pair(96, src="curl")[0])
    assert memory.flows("src.workload") == {("curl",): 1, ("outsider",): 4}


def test_an_edge_with_too_many_durations_rounds_them_the_same_however_often_it_is_asked() -> None:
    asked, fresh = Fed(), Fed()
    for took in range(1_000, 1_000 + 2 * edgesums.EXACT_DURATIONS):
        for memory in (asked, fresh):
            memory.log("w1", line(1, took=took))
        if took % 400 == 0:
            assert asked.edges()[0].p99
    assert dict(asked.edges()[0].durations_ms) == dict(fresh.edges()[0].durations_ms)


def test_sums_of_what_a_window_has_passed_are_let_go() -> None:
    """A screen that stands open for an hour asks about its last minute; it keeps no sums of the other fifty-nine."""
    fed = Fed()
    edges = 5
    for bucket in range(100):
        fed.log("w1", *(line(10.0 * bucket + at, src=f"pod-{at}") for at in range(edges)))
        assert len(fed.edges(window_s=30.0)) == edges
    gc.collect()
    kept = sum(isinstance(each, edgesums.Sums) for each in gc.get_objects())
    # Those of the trend's two minutes, of the bucket that grows, and of all of them together.
    assert kept <= edges * (TREND_BUCKETS + 4)
    assert sum(row.flows for row in fed.edges()) == 100 * edges
