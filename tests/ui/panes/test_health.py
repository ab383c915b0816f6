"""Health says under its rows what they have no room for: each trouble once, what it costs, what cannot be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.ui.scene import NOW, capture, make_app, origin, read_lines
from tests.ui.test_why import squeezed, ztunnels
from ztui.model.observation import GapFound, Observation, StreamChanged
from ztui.model.streams import Gap, StreamKey, StreamKind, StreamState

SIZES = (140, 40)


def log(node: str, state: StreamState = StreamState.CONNECTED, **more: Any) -> StreamChanged:
    return StreamChanged(stream=StreamKey(kind=StreamKind.LOG, of=origin(node).key), state=state, at=NOW, **more)


async def shown(observations: Sequence[Observation], size: tuple[int, int] = SIZES, **more: Any) -> str:
    app = make_app(observations, is_finite=False, pane="health", **more)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        return squeezed(app)


async def test_one_reason_of_many_nodes_is_one_sentence_with_what_to_do() -> None:
    lost = {"reason": "kubelet: connection refused", "remedy": "Look at the kubelet.", "retry_at": NOW + 8}
    nodes = [f"w{number}" for number in range(1, 8)]
    text = await shown([ztunnels(*nodes), *(log(node, StreamState.UNAVAILABLE, **lost) for node in nodes)])
    sentence = "○ w1, w2, w3, w4 and 3 more: log: kubelet: connection refused; next try in 8 s. Look at the kubelet."
    assert sentence in text


async def test_a_gap_says_how_much_may_be_missing_and_why() -> None:
    gap = Gap(stream=StreamKey(kind=StreamKind.LOG, of=origin("w1").key), first=NOW - 60, last=NOW - 19, why="rotated")
    text = await shown([ztunnels("w1"), log("w1"), GapFound(gap=gap)], size=(60, 15))
    assert "! w1: lines of 41 s may be missing: rotated" in text


async def test_a_log_that_begins_later_than_asked_says_so() -> None:
    text = await shown([ztunnels("w1", "w2"), log("w1"), log("w2", oldest_available=NOW - 180)])
    assert "w2: oldest available 3 m 00 s" in text


async def test_a_log_of_failures_only_is_not_taken_for_a_mesh_that_only_fails() -> None:
    failure = (
        '2026-07-25T17:19:59.1{:05}Z\terror\taccess\tconnection complete\tsrc.addr=10.1.1.1:4000 src.workload="one" '
        'src.namespace="default" dst.addr=10.1.1.2:80 direction="outbound" bytes_sent=0 bytes_recv=0 duration="1ms" '
        'error="connection failed: Connection refused (os error 111)"\n'
    )
    failures = "".join(failure.format(number) for number in range(30))
    text = await shown([ztunnels("w1", "w2"), read_lines(failures, "w1")])
    assert "w1: every connection in the log failed. At log level warn" in text
    text = await shown([ztunnels("w1", "w2"), *capture()[:-1]])
    assert "every connection in the log failed" not in text


async def test_what_comes_through_the_api_server_now_is_told_in_lines_and_bytes() -> None:
    observed = read_lines("2026-07-25T17:20:00.100000Z\tinfo\taccess\tconnection complete\tsrc.addr=1.1.1.1:1\n" * 50)
    text = await shown([ztunnels("w1"), log("w1"), observed])
    assert "50 lines/s, 4 kB/s of logs through the API server" in text


async def test_how_much_is_kept_stands_whole_in_any_width() -> None:
    for size in ((140, 40), (80, 24), (60, 15)):
        assert "0 of at most 100 000 entries are kept." in await shown([ztunnels("w1"), log("w1")], size=size)


async def test_a_reason_that_names_each_pod_is_still_one_reason_and_says_when_the_first_is_tried_again() -> None:
    said = {node: {"reason": f"Asking for pod ztunnel-{node} failed: HTTP 500"} for node in ("w1", "w2")}
    lost = [log(node, StreamState.UNAVAILABLE, retry_at=NOW + at, **said[node]) for node, at in (("w1", 9), ("w2", 4))]
    text = await shown([ztunnels("w1", "w2"), *lost])
    assert "w1, w2: log: Asking for its pod failed: HTTP 500; next try in 4 s." in text
