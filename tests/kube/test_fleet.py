"""Many log streams in one process: how they are opened, how silent ones are told apart, what there is no room for."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from aiohttp import web

from tests.kube.apiserver import ApiServer, Cut, Log, stamp, status
from tests.kube.conftest import LoopClock, settle, until
from tests.kube.test_logs import Heard, following, until_with_time
from ztui.kube.client import Client
from ztui.kube.failures import Kind
from ztui.kube.fleet import FILES_RESERVED, OPENING_AT_ONCE, PROBES_AT_ONCE, LogFleet
from ztui.kube.logtypes import Backfill, LogReport, LogState, LogTarget
from ztui.kube.sockets import keepalive_socket


def targets_of(count: int) -> list[LogTarget]:
    return [LogTarget(uid=f"u{i}", namespace="ns", pod=f"p{i}", container="c") for i in range(count)]


class Reports(Heard):
    """Also by whom."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[str, LogReport] = {}

    def state_changed(self, target: LogTarget, report: LogReport) -> None:
        super().state_changed(target, report)
        self.last[target.uid] = report

    def of(self, state: LogState) -> set[str]:
        return {uid for uid, report in self.last.items() if report.state is state}


def serve_all(api: ApiServer, count: int, log: Log | None = None) -> list[Log]:
    logs = [log or Log() for _ in range(count)]
    for i, each in enumerate(logs):
        api.routes[f"/api/v1/namespaces/ns/pods/p{i}/log"] = each.serve
    return logs


# -- opening


async def test_streams_are_opened_at_a_measured_rate(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard = Reports()
    serve_all(api, 160)
    async with following(client, heard, targets_of(160), Backfill()) as fleet:
        began = clock.monotonic()
        await until_with_time(clock, lambda: fleet.active_streams == 160)
        assert clock.monotonic() - began >= (160 - OPENING_AT_ONCE) / 100 - 0.5
    assert len(api.requests) == 160


async def test_few_are_being_opened_at_once(api: ApiServer, client: Client, clock: LoopClock) -> None:
    now, most = 0, 0
    logs = serve_all(api, 120)

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(30):
            await asyncio.sleep(0)
        now -= 1
        return await logs[0].serve(request)

    for i in range(120):
        api.routes[f"/api/v1/namespaces/ns/pods/p{i}/log"] = slow
    async with following(client, Reports(), targets_of(120), Backfill()) as fleet:
        await until_with_time(clock, lambda: fleet.active_streams == 120)
    assert most <= OPENING_AT_ONCE


async def test_servers_that_send_no_headers_do_not_keep_others_from_opening(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    """Some kubelets answer with the first line only: a quiet node must not block a hundred others."""
    count = OPENING_AT_ONCE + 20
    serve_all(api, count)

    async def mute(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    for i in range(OPENING_AT_ONCE):
        api.routes[f"/api/v1/namespaces/ns/pods/p{i}/log"] = mute
    heard = Reports()
    async with following(client, heard, targets_of(count), Backfill()) as fleet:
        await until(lambda: len(api.requests) >= OPENING_AT_ONCE)
        assert fleet.active_streams == 0
        await until_with_time(clock, lambda: fleet.active_streams == 20, limit_s=10)
    assert len(heard.of(LogState.CONNECTING)) == OPENING_AT_ONCE


# -- no room


@pytest.fixture
def room_for_three(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    wishes: list[int] = []

    def raise_file_limit(wanted: int) -> int:
        wishes.append(wanted)
        return FILES_RESERVED + 3

    monkeypatch.setattr("ztui.kube.fleet.raise_file_limit", raise_file_limit)
    return wishes


async def test_too_few_files_are_said_plainly_and_what_fits_is_followed(
    api: ApiServer, client: Client, clock: LoopClock, room_for_three: list[int]
) -> None:
    heard = Reports()
    logs = serve_all(api, 5)
    async with following(client, heard, targets_of(5), Backfill(whole=True)) as fleet:
        await until(lambda: fleet.active_streams == 3)
        assert room_for_three[0] >= 5 + FILES_RESERVED
        assert heard.of(LogState.WAITING) == {"u3", "u4"}
        why = heard.last["u4"].why
        assert why is not None
        assert why.kind is Kind.TOO_MANY_FILES
        assert "the limit is 63, so this log is not followed" in why.what
        assert "ulimit -n" in why.remedy
        fleet.follow(targets_of(5))
        await settle()
        assert sum(report.why is not None for report in heard.reports) == 2, "it is said once"

        logs[3].write(1.0, "of p3")
        logs[0].finish()
        fleet.follow(targets_of(5)[1:])
        await until_with_time(clock, lambda: "of p3" in heard.lines)
        assert heard.of(LogState.WAITING) == {"u4"}
        fleet.follow(targets_of(4)[1:])
        await until(lambda: heard.last["u4"].state is LogState.ENDED)


async def test_files_that_run_out_on_the_way_are_no_lost_server(
    api: ApiServer, client: Client, clock: LoopClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something else took them: each stream says so, and is tried again."""
    left = [OSError(24, "Too many open files")] * 3

    def no_socket(address: tuple[object, ...]) -> object:
        if left:
            raise left.pop()
        return keepalive_socket(address)

    monkeypatch.setattr("ztui.kube.client.keepalive_socket", no_socket)
    heard = Reports()
    serve_all(api, 1)
    async with following(client, heard, targets_of(1), Backfill()) as fleet:
        await until_with_time(clock, lambda: fleet.active_streams == 1)
    assert heard.reasons == ["This machine lets ztui open no more files and connections: Too many open files"] * 3


# -- silence


async def test_a_stream_stuck_before_its_first_line_is_noticed(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    """There is no last line to compare with: what is newer than the opening should have arrived."""
    heard = Heard()
    api.log.date = "Thu, 01 Jan 2026 00:01:00 GMT"
    api.log.cuts = [Cut(after=0, how="silence")]
    async with following(client, heard, backfill=Backfill()):
        await until(lambda: api.log.followers == 1)
        api.log.write(90.0, "unseen")
        await until_with_time(clock, lambda: "unseen" in heard.lines, limit_s=90)
    assert not heard.gaps


async def test_an_old_last_line_does_not_make_a_new_stream_stuck(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    api.log.date = "Thu, 01 Jan 2026 00:01:00 GMT"
    api.log.write(50.0, "before we came")
    async with following(client, heard, backfill=Backfill()):
        await until_with_time(clock, lambda: any(report.probed_at for report in heard.reports), limit_s=90)
        await clock.advance(120, 1)
    assert len([query for query in api.log.requests if "follow" in query]) == 1
    assert heard.lines == []


@pytest.mark.parametrize("says", ["dial tcp 10.0.0.9:10250: i/o timeout", None])
async def test_a_kubelet_that_does_not_answer_a_probe_is_given_up(
    api: ApiServer, client: Client, clock: LoopClock, says: str | None
) -> None:
    heard, log = Heard(), api.log
    log.write(1.0, "a")
    log.cuts = [Cut(after=len(stamp(1.0)) + 3, how="silence")]

    async def stopped(request: web.Request) -> web.StreamResponse:
        if "follow" in request.query:
            return await log.serve(request)
        if says is None:
            await asyncio.Event().wait()
        return status(500, "", says or "")

    api.routes["/api/v1/namespaces/ns/pods/p/log"] = stopped
    async with following(client, heard):
        await until(lambda: heard.lines == ["a"])
        await until_with_time(clock, lambda: LogState.RETRYING in heard.states, limit_s=120)
    assert heard.reasons
    assert not heard.gaps


async def test_probes_are_few_at_once(api: ApiServer, client: Client, clock: LoopClock) -> None:
    now, most, done = 0, 0, 0
    logs = serve_all(api, 60)

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal now, most, done
        if "follow" in request.query:
            return await logs[0].serve(request)
        now += 1
        most = max(most, now)
        for _ in range(20):
            await asyncio.sleep(0)
        now -= 1
        done += 1
        return web.Response()

    for i in range(60):
        api.routes[f"/api/v1/namespaces/ns/pods/p{i}/log"] = count
    async with following(client, Reports(), targets_of(60), Backfill()) as fleet:
        await until_with_time(clock, lambda: fleet.active_streams == 60)
        await until_with_time(clock, lambda: done == 60, limit_s=120)
    assert 1 <= most <= PROBES_AT_ONCE


# -- lines and ends


async def test_lines_without_end_of_a_megabyte_and_with_carriage_returns(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    heard, log = Heard(), api.log
    log.write(1.0, "windows\r")
    log.write(1.1, "x" * 3_000_000)
    log.write(1.2, "after")
    async with following(client, heard) as fleet:
        await until(lambda: "after" in heard.lines or b"after" in heard.text)
        log.finish()
        await until_with_time(clock, lambda: fleet.active_streams == 0, limit_s=60)
        (stream,) = fleet.streams
        assert stream.counters.truncated >= 1
    first, long, last = heard.text.split(b"\n")[:3]
    assert first.endswith(b"windows\r")
    assert len(long) == 65_536
    assert last.endswith(b"after")


async def test_a_last_line_without_newline_is_delivered_once_and_late(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    """Its writer died within it. Twice the same rest of a closed log tells that nothing more comes."""
    heard = Heard()
    api.log.write(1.0, "whole")
    whole = len(stamp(1.0)) + len(" whole\n")
    rest = f"{stamp(2.0)} half a li".encode()
    api.log.cuts = [Cut(after=whole, tail=rest) for _ in range(30)]
    api.log.is_running = False
    async with following(client, heard):
        await until_with_time(clock, lambda: len(heard.lines) == 2, limit_s=120)
        await clock.advance(60, 0.5)
    assert heard.lines == ["whole", "half a li"]


@pytest.mark.parametrize(
    ("refusal", "state", "says"),
    [
        ((404, "NotFound", 'pods "p" not found'), LogState.RETRYING, "There is no pod p any more."),
        ((404, "NotFound", 'pods "worker-1" not found'), LogState.RETRYING, "The node of pod p is gone."),
        ((400, "BadRequest", "container c is not valid for pod p"), LogState.WAITING, "container c is not valid"),
        ((400, "BadRequest", 'container "c" in pod "p" is terminated'), LogState.WAITING, "is terminated"),
    ],
)
async def test_pods_and_containers_that_are_not_there(
    api: ApiServer, client: Client, clock: LoopClock, refusal: tuple[int, str, str], state: LogState, says: str
) -> None:
    heard = Heard()
    api.log.refusals = [status(*refusal) for _ in range(1000)]
    async with following(client, heard):
        await until(lambda: bool(heard.reasons))
        await clock.advance(120, 0.5)
    assert state in heard.states
    assert all(says in reason for reason in heard.reasons), heard.reasons
    assert len(api.log.requests) < 20, "it is not hurried"


async def test_a_storm_of_reconnects_is_spread(api: ApiServer, client: Client, clock: LoopClock) -> None:
    """All streams break in the same moment; they do not come back in the same moment."""
    heard, broken = Reports(), asyncio.Event()
    logs, came = serve_all(api, 80), []

    async def serve(request: web.Request) -> web.StreamResponse:
        if broken.is_set():
            came.append(clock.monotonic())
            return await logs[0].serve(request)
        response = web.StreamResponse()
        await response.prepare(request)
        await broken.wait()
        assert request.transport is not None
        request.transport.abort()
        return response

    for i in range(80):
        api.routes[f"/api/v1/namespaces/ns/pods/p{i}/log"] = serve
        api.routes[f"/api/v1/namespaces/ns/pods/p{i}"] = api.routes["/version"]
    async with following(client, heard, targets_of(80), Backfill()) as fleet:
        await until_with_time(clock, lambda: fleet.active_streams == 80)
        broken.set()
        for _ in range(1000):
            if len(came) == 80:
                break
            await clock.advance(0.02, 0.02)
            await asyncio.sleep(0.0005)
    assert len(came) == 80
    assert max(came) - min(came) >= 0.2


async def test_a_fleet_without_streams_does_nothing(api: ApiServer, client: Client, clock: LoopClock) -> None:
    fleet = LogFleet(client, Heard(), backfill=Backfill(), rng=Random(1))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(fleet.run())
        await clock.advance(600, 10)
        running.cancel()
    assert api.requests == []
