"""Following a log through everything that can happen to a stream, against a server that does it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest
from aiohttp import web

from tests.kube.apiserver import ApiServer, Cut, Log, stamp, status
from tests.kube.conftest import LoopClock, settle, until
from ztui.kube.client import Client
from ztui.kube.fleet import LogFleet
from ztui.kube.logtypes import Backfill, LogReport, LogState, LogTarget
from ztui.kube.resume import LogGap

TARGET = LogTarget(uid="u1", namespace="ns", pod="p", container="c")


class Heard:
    """Writes down what a stream tells."""

    def __init__(self) -> None:
        self.text = b""
        self.reports: list[LogReport] = []
        self.gaps: list[LogGap] = []

    def lines_read(self, target: LogTarget, block: bytes) -> None:
        assert block.endswith(b"\n")
        self.text += block

    def state_changed(self, target: LogTarget, report: LogReport) -> None:
        self.reports.append(report)

    def lines_lost(self, target: LogTarget, gap: LogGap) -> None:
        self.gaps.append(gap)

    @property
    def lines(self) -> list[str]:
        return [line.split(" ", 1)[1] for line in self.text.decode().splitlines()]

    @property
    def states(self) -> list[LogState]:
        return [report.state for report in self.reports]

    @property
    def reasons(self) -> list[str]:
        return [report.why.what for report in self.reports if report.why]


@asynccontextmanager
async def following(
    client: Client, heard: Heard, targets: Sequence[LogTarget] = (TARGET,), backfill: Backfill | None = None
) -> AsyncIterator[LogFleet]:
    fleet = LogFleet(client, heard, backfill=backfill or Backfill(whole=True), rng=Random(1))
    fleet.follow(targets)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(fleet.run())
        yield fleet
        task.cancel()


async def until_with_time(clock: LoopClock, condition: Callable[[], bool], limit_s: float = 600.0) -> None:
    """Move the clock on until something has become true: back-offs pass without being waited for."""
    while not condition():
        assert limit_s > 0, "it never became true"
        await clock.advance(0.5, 0.5)
        await asyncio.sleep(0.001)
        limit_s -= 0.5


def numbered(log: Log, count: int, start: int = 0, at: float = 10.0) -> list[str]:
    texts = [f"line {i}" for i in range(start, start + count)]
    for i, text in enumerate(texts):
        log.write(at + (start + i) // 3 * 0.4, text)
    return texts


SMALL = [(1.0, "a"), (1.0, "a"), (1.5, "é"), (2.2, "b"), (3.0, "")]
SMALL_BYTES = sum(len(f"{stamp(at)} {text}\n".encode()) for at, text in SMALL)


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_cut_at_every_byte(api: ApiServer, client: Client, clock: LoopClock, how: str) -> None:
    """Each byte offset is one cut of a log of three seconds with equal timestamps."""
    for at, text in SMALL:
        api.log.write(at, text)
    for offset in range(SMALL_BYTES):
        heard = Heard()
        api.log.cuts = [Cut(after=offset, how=how)]
        async with following(client, heard):
            await until_with_time(clock, lambda heard=heard: len(heard.lines) >= len(SMALL))  # type: ignore[misc]
            await settle()
        assert heard.lines == [text for _, text in SMALL], offset
        assert not heard.gaps


async def test_many_cuts_while_it_is_written(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard, written = Heard(), []
    api.log.cuts = [Cut(after=97 * (i + 1), how="reset" if i % 3 else "eof") for i in range(12)]
    async with following(client, heard) as fleet:
        for i in range(40):
            written += numbered(api.log, 25, start=25 * i)
            await clock.advance(0.5, 0.5)
        await until_with_time(clock, lambda: len(heard.lines) >= len(written))
        (stream,) = fleet.streams
        assert stream.counters.opened == 13
        assert stream.counters.replayed > 0
    assert heard.lines == written
    assert not heard.gaps


async def test_rotation_while_away_is_one_gap(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    numbered(api.log, 6)
    api.log.cuts = [Cut(after=sum(len(s) + len(t) + 2 for s, t in api.log.lines), how="reset")]
    async with following(client, heard):
        await until(lambda: len(heard.lines) == 6)
        api.log.rotate()
        later = numbered(api.log, 4, start=50)
        await until_with_time(clock, lambda: len(heard.lines) == 10)
    assert heard.lines[6:] == later
    (gap,) = heard.gaps
    assert gap.first < gap.last
    assert "rotated" in gap.why


async def test_the_kubelets_text_is_a_reason_and_no_line(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    api.log.write(1.0, "a")
    text = b"failed to create fsnotify watcher: too many open files"
    api.log.cuts = [Cut(after=10**9), Cut(after=0)]
    api.log.cuts = [Cut(after=len(stamp(0)) + 3, tail=text)]
    async with following(client, heard):
        await until_with_time(clock, lambda: bool(heard.reasons))
        await until_with_time(clock, lambda: api.log.followers == 1)
        api.log.write(1.1, "b")
        await until(lambda: len(heard.lines) == 2)
    assert heard.lines == ["a", "b"]
    assert text.decode() in heard.reasons[0]
    assert LogState.RETRYING in heard.states


async def test_a_container_that_ended_is_not_replayed_for_ever(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    texts = numbered(api.log, 9)
    async with following(client, heard):
        await until(lambda: len(heard.lines) == 9)
        api.log.finish()
        await clock.advance(60, 0.5)
    assert heard.lines == texts
    assert len(api.log.requests) < 20
    assert heard.states.count(LogState.WAITING) >= 1


async def test_a_restart_is_read_from_the_previous_container_first(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    texts = numbered(api.log, 5)
    async with following(client, heard):
        await until(lambda: len(heard.lines) == 5)
        api.log.cuts = []
        api.log.lines += [(stamp(20.0), "last words")]
        api.pod["status"] = {"containerStatuses": [{"name": "c", "restartCount": 1}]}
        api.log.finish()
        api.log.restart()
        api.log.write(30.0, "first words")
        await until_with_time(clock, lambda: "first words" in heard.lines)
        api.log.write(31.0, "more")
        await until(lambda: "more" in heard.lines)
    assert heard.lines == [*texts, "last words", "first words", "more"]
    assert not heard.gaps


async def test_a_restart_while_cut_off_is_told_from_a_rotation(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    texts = numbered(api.log, 3)
    api.log.cuts = [Cut(after=sum(len(s) + len(t) + 2 for s, t in api.log.lines), how="reset")]
    async with following(client, heard):
        await until(lambda: len(heard.lines) == 3)
        api.log.lines += [(stamp(20.0), "last words")]
        api.log.restart()
        api.log.write(30.0, "first words")
        api.pod["status"] = {"containerStatuses": [{"name": "c", "restartCount": 1}]}
        await until_with_time(clock, lambda: "first words" in heard.lines)
    assert heard.lines == [*texts, "last words", "first words"]
    assert not heard.gaps


async def test_a_restart_whose_old_log_is_gone_is_a_gap(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    numbered(api.log, 3)
    async with following(client, heard):
        await until(lambda: len(heard.lines) == 3)
        api.pod["status"] = {"containerStatuses": [{"name": "c", "restartCount": 2}]}
        api.log.finish()
        api.log.restart()
        api.log.previous = None
        api.log.write(30.0, "first words")
        await until_with_time(clock, lambda: "first words" in heard.lines)
    (gap,) = heard.gaps
    assert "restarted" in gap.why


async def test_a_pod_that_goes_is_read_to_its_end(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    texts = numbered(api.log, 3)
    async with following(client, heard) as fleet:
        await until(lambda: len(heard.lines) == 3)
        fleet.follow([])
        await settle()
        texts += numbered(api.log, 3, start=3)
        api.log.finish()
        await until(lambda: not fleet.streams)
    assert heard.lines == texts
    assert heard.states[-1] is LogState.ENDED
    assert not heard.gaps


async def test_a_pod_that_went_while_cut_off_leaves_a_gap(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    numbered(api.log, 3)
    api.log.cuts = [Cut(after=60, how="reset")]
    gone = [status(404, "NotFound", 'pods "p" not found') for _ in range(9)]
    async with following(client, heard) as fleet:
        await until(lambda: len(heard.lines) == 1)
        api.log.refusals = gone
        fleet.follow([])
        await until_with_time(clock, lambda: not fleet.streams)
    (gap,) = heard.gaps
    assert "its pod went" in gap.why


async def test_one_that_is_left_out_and_wanted_again_goes_on_where_it_was(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    texts = numbered(api.log, 3)
    async with following(client, heard) as fleet:
        await until(lambda: len(heard.lines) == 3)
        fleet.follow([])
        await until_with_time(clock, lambda: not fleet.streams)
        texts += numbered(api.log, 3, start=3)
        fleet.follow([TARGET])
        await until_with_time(clock, lambda: len(heard.lines) == 6)
    assert heard.lines == texts
    assert not heard.gaps


@pytest.mark.parametrize(
    ("backfill", "expected"),
    [
        (Backfill(), {"tailLines": "0"}),
        (Backfill(since_s=600), {"sinceSeconds": "600"}),
        (Backfill(tail=10), {"tailLines": "10"}),
        (Backfill(tail=10, since_s=60), {"tailLines": "10", "sinceSeconds": "60"}),
        (Backfill(whole=True), {}),
    ],
)
async def test_how_much_of_the_past_is_asked_for(
    api: ApiServer, client: Client, backfill: Backfill, expected: dict[str, str]
) -> None:
    async with following(client, Heard(), backfill=backfill):
        await until(lambda: bool(api.log.requests))
    fixed = {"container": "c", "timestamps": "true", "follow": "true"}
    assert api.log.requests[0] == fixed | expected


async def test_a_stream_cut_before_its_first_line_does_not_lose_the_outage(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    api.log.date = "Thu, 01 Jan 2026 00:01:00 GMT"
    api.log.cuts = [Cut(after=0, how="reset")]
    async with following(client, heard, backfill=Backfill()):
        await until_with_time(clock, lambda: len(api.log.requests) == 2)
    assert api.log.requests[1]["sinceTime"] == "2026-01-01T00:01:00Z"


async def test_the_oldest_time_available_is_told_where_it_is_younger_than_asked(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    api.log.date = "Thu, 01 Jan 2026 00:10:00 GMT"
    api.log.write(400.0, "first line of the file")
    async with following(client, heard, backfill=Backfill(since_s=600)):
        await until(lambda: any(report.oldest_available for report in heard.reports))
    (oldest,) = (report.oldest_available for report in heard.reports if report.oldest_available)
    assert oldest == pytest.approx(1767225600 + 400)


async def test_a_stuck_stream_is_noticed_by_a_newer_last_line(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    numbered(api.log, 5)
    api.log.cuts = [Cut(after=sum(len(s) + len(t) + 2 for s, t in api.log.lines), how="silence")]
    async with following(client, heard):
        await until(lambda: len(heard.lines) == 5)
        api.log.write(50.0, "unseen")
        began = clock.monotonic()
        await until_with_time(clock, lambda: "unseen" in heard.lines)
        assert clock.monotonic() - began <= 30
    assert not heard.gaps


async def test_an_idle_stream_is_proved_alive_and_left_alone(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    api.log.write(1.0, "a")
    async with following(client, heard):
        await until(lambda: len(heard.lines) == 1)
        await until_with_time(clock, lambda: any(report.probed_at for report in heard.reports), limit_s=90)
        probes = len([query for query in api.log.requests if query.get("tailLines") == "1"])
        await clock.advance(1200, 2.0)
        more = len([query for query in api.log.requests if query.get("tailLines") == "1"]) - probes
    assert probes == 1
    assert 2 <= more <= 5, "it is probed ever more rarely"
    assert len([query for query in api.log.requests if "follow" in query]) == 1


async def test_no_permission_is_said_once_and_tried_rarely(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    api.log.refusals = [
        status(403, "Forbidden", 'pods "p" is forbidden: User "u" cannot get resource "pods/log"') for _ in range(100)
    ]
    async with following(client, heard):
        await until_with_time(clock, lambda: LogState.DENIED in heard.states)
        await clock.advance(140, 1.0)
    assert len(api.log.requests) == 1
    assert heard.reasons == ["You may not get pods/log in ns."]


async def test_a_pod_that_does_not_run_yet_is_waited_for_without_asking(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    api.log.write(1.0, "a")
    pending = LogTarget(uid="u1", namespace="ns", pod="p", container="c", is_running=False)
    async with following(client, heard, [pending]) as fleet:
        await clock.advance(30)
        assert not api.log.requests
        assert heard.states == [LogState.WAITING]
        fleet.follow([TARGET])
        await until(lambda: heard.lines == ["a"])


async def test_a_lost_server_is_looked_out_for_once_and_all_streams_go_on(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    logs = {f"p{i}": Log() for i in range(20)}
    for name, log in logs.items():
        api.routes[f"/api/v1/namespaces/ns/pods/{name}/log"] = log.serve
        log.write(1.0, f"{name} before")
    targets = [LogTarget(uid=name, namespace="ns", pod=name, container="c") for name in logs]
    async with following(client, heard, targets) as fleet:
        await until(lambda: fleet.active_streams == 20 and len(heard.lines) == 20)
        await api.stop()
        await until_with_time(clock, lambda: fleet.active_streams == 0)
        await clock.advance(20)
        for name, log in logs.items():
            log.write(2.0, f"{name} after")
        await api.start()
        began = clock.monotonic()
        await until_with_time(clock, lambda: len(heard.lines) == 40)
        assert clock.monotonic() - began < 35
    assert sorted(heard.lines) == sorted(f"{name} {when}" for name in logs for when in ("before", "after"))
    assert "Nothing answers at" in " ".join(heard.reasons)


async def test_429_waits_as_long_as_the_server_asks(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    api.log.refusals = [web.Response(status=429, text="Too many requests", headers={"Retry-After": "20"})]
    async with following(client, heard):
        await until(lambda: len(api.log.requests) == 1)
        await clock.advance(15)
        assert len(api.log.requests) == 1
        await until_with_time(clock, lambda: len(api.log.requests) == 2, limit_s=10)
    assert heard.reasons[0] == "The API server is busy."


async def test_nothing_of_a_failure_escapes_the_group(api: ApiServer, client: Client, clock: LoopClock) -> None:
    """Whatever a server answers, the stream reports and goes on."""
    heard = Heard()
    api.log.refusals = [
        web.Response(status=500, text="<html>boom</html>", content_type="text/html"),
        web.Response(status=204),
        status(400, "BadRequest", 'container "c" in pod "p" is waiting to start: ContainerCreating'),
        status(500, "", 'Get "https://n:10250/containerLogs": dial tcp 10.0.0.1:10250: connect: connection refused'),
        web.Response(status=302, headers={"Location": "/elsewhere"}),
        web.Response(status=502, text="bad gateway"),
        web.json_response(json.loads('{"kind": "Other"}'), status=418),
    ]
    count = len(api.log.refusals)
    async with following(client, heard):
        await until_with_time(clock, lambda: api.log.followers == 1)
    assert len(api.log.requests) == count + 1
    assert len(heard.reasons) == count
