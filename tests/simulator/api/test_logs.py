"""`pods/NAME/log` over the wire: every flag, following, and every way it ends."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest

from tests.simulator.serving import Api, until
from ztui.simulator.clock import SECOND, read_stamp, stamp, stamp_nano
from ztui.simulator.logfile import LogFile

STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (.*)")


def log_of(api: Api) -> LogFile:
    return api.host.world.ztunnels["w1"].log


def texts(log: LogFile) -> list[str]:
    return [line.decode() for _, line in log.lines]


async def step(api: Api, seconds: float) -> None:
    await api.host.step(api.host.clock.now_us() + int(seconds * SECOND))


async def test_the_whole_log_as_plain_text_in_chunks(api: Api) -> None:
    answer = await api.get(api.log_path())
    assert answer.lines == texts(log_of(api))
    assert len(answer.lines) > 500
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Encoding" not in answer.headers


async def test_timestamps_are_thirty_characters_and_a_space(api: Api) -> None:
    answer = await api.get(api.log_path(query="timestamps=true&container=istio-proxy"))
    found = [STAMPED.fullmatch(line) for line in answer.lines]
    assert [match[2] for match in found if match] == texts(log_of(api))
    assert [match[1] for match in found if match] == [stamp_nano(at) for at, _ in log_of(api).lines]


async def test_a_tail_is_taken_before_the_time_is_looked_at(api: Api) -> None:
    whole = texts(log_of(api))
    assert (await api.get(api.log_path(query="tailLines=3"))).lines == whole[-3:]
    assert (await api.get(api.log_path(query="tailLines=0"))).body == b""
    future = stamp(api.host.clock.now_us() + 60 * SECOND)
    assert (await api.get(api.log_path(query=f"tailLines=3&sinceTime={future}"))).body == b""


async def test_a_time_is_cut_to_the_second_and_inclusive(api: Api) -> None:
    at, _ = log_of(api).lines[-40]
    second = read_stamp(stamp_nano(at)) // SECOND
    wanted = [line.decode() for ns, line in log_of(api).lines if ns >= second * 1_000_000_000]
    for text in (stamp_nano(at), stamp(second * SECOND), stamp(second * SECOND).replace("Z", "%2B00:00")):
        assert (await api.get(api.log_path(query=f"sinceTime={text}"))).lines == wanted


async def test_seconds_count_back_from_the_clusters_now(api: Api) -> None:
    first = api.host.clock.now_us() - 10 * SECOND
    wanted = [line.decode() for ns, line in log_of(api).lines if ns >= first * 1_000]
    assert 0 < len(wanted) < len(texts(log_of(api)))
    assert (await api.get(api.log_path(query="sinceSeconds=10"))).lines == wanted


async def test_a_limit_cuts_in_the_middle_of_a_line_and_ends(api: Api) -> None:
    whole = (await api.get(api.log_path())).body
    assert (await api.get(api.log_path(query="limitBytes=1000"))).body == whole[:1_000]
    assert (await api.get(api.log_path(query="follow=1&limitBytes=1000"))).body == whole[:1_000]


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("sinceSeconds=0", 422, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        ("limitBytes=0", 422, "limitBytes: Invalid value: 0: must be greater than 0"),
        ("tailLines=-1", 422, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z", 422, "at most one of `sinceTime` or `sinceSeconds`"),
        ("sinceTime=yesterday", 400, 'parsing time "yesterday"'),
        ("tailLines=few", 400, "invalid syntax"),
        ("container=app", 400, "container app is not valid for pod ztunnel-"),
        ("previous=true", 400, "previous terminated container"),
    ],
)
async def test_what_makes_no_sense_is_told(api: Api, query: str, code: int, message: str) -> None:
    answer = await api.get(api.log_path(query=query))
    assert answer.code == code
    assert message in answer.json["message"]


async def test_a_pod_that_is_not_there_or_not_started(api: Api) -> None:
    missing = await api.get("/api/v1/namespaces/istio-system/pods/ztunnel-x/log")
    assert (missing.code, missing.json["message"]) == (404, 'pods "ztunnel-x" not found')
    app = api.host.world.cluster.apps["default", "curl"]
    pod = api.host.world.lifecycle.create(api.host.world.now_us, app, app.revisions[-1])
    path = f"/api/v1/namespaces/default/pods/{pod.name}/log"
    unscheduled = await api.get(path)
    assert (unscheduled.code, unscheduled.body) == (204, b"")
    await step(api, 0.5)
    waiting = await api.get(path)
    assert waiting.code == 400
    assert waiting.json["message"].endswith("is waiting to start: ContainerCreating")


async def test_following_sends_lines_as_they_are_written_none_lost_none_twice(api: Api) -> None:
    begun = log_of(api).written
    async with api.stream(api.log_path(query="follow=true&tailLines=0")) as stream:
        read: list[str] = []
        for _ in range(20):
            await step(api, 0.5)
            while len(read) < log_of(api).written - begun:
                read.append((await stream.line()).rstrip("\n"))
    assert len(read) > 50
    assert read == texts(log_of(api))[-len(read) :]


async def test_a_hundred_followers_read_the_same(api: Api) -> None:
    async def follow() -> bytes:
        async with api.stream(api.log_path(query="follow=true&tailLines=0")) as stream:
            ready.release()
            return await stream.response.content.readexactly(size)

    ready = asyncio.Semaphore(0)
    size = 20_000
    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(follow()) for _ in range(100)]
        for _ in readers:
            await ready.acquire()
        assert len(api.host.followers) == 100
        for _ in range(12):
            await step(api, 1)
    assert len({reader.result() for reader in readers}) == 1
    await until(lambda: not api.host.followers)
    assert api.host.overruns == 0


async def test_the_end_of_the_container_ends_the_stream_and_previous_reads_it_again(api: Api) -> None:
    old = log_of(api)
    path = api.log_path(query="follow=true&tailLines=0")
    async with api.stream(path) as stream:
        await api.control("acts", {"do": "restart-ztunnel", "of": ["w1"]})
        assert b"received signal SIGTERM" in await stream.rest()
    await step(api, 10)
    previous = api.log_path(query="previous=true")
    assert (await api.get(previous)).lines == texts(old)
    assert (await api.get(api.log_path())).lines == texts(log_of(api))
    assert log_of(api) is not old


async def test_a_deleted_pod_ends_its_stream_and_is_404_after(api: Api) -> None:
    path = api.log_path(query="follow=true&tailLines=1")
    async with api.stream(path) as stream:
        await stream.line()
        await api.control("acts", {"do": "replace-ztunnel", "of": ["w1"]})
        for _ in range(12):
            await step(api, 1)
        assert b"shutdown" in await stream.rest()
    assert (await api.get(path)).code == 404


async def test_a_rotation_is_not_seen_by_who_follows_and_hides_what_is_old(api: Api) -> None:
    async with api.stream(api.log_path(query="follow=true&tailLines=0")) as stream:
        await step(api, 1)
        before = log_of(api).written
        first = await stream.line()
        await api.control("rotate", {"pod": api.ztunnel_pod().name})
        assert (await api.get(api.log_path())).body == b""
        await step(api, 1)
        assert first
        assert log_of(api).written > before
        newest = texts(log_of(api))[-1]
        while (await stream.line()).rstrip("\n") != newest:
            pass
    assert api.host.overruns == 0


async def test_faults_end_break_and_silence_streams(api: Api) -> None:
    path = api.log_path(query="follow=true&tailLines=1")
    async with api.stream(path) as stream:
        await stream.line()
        await api.control("faults", {"eof_every_s": 0.05})
        assert await stream.rest() == b""
    await api.control("faults", {"eof_every_s": 0.0, "cut_every_s": 0.05})
    async with api.stream(path) as stream:
        with pytest.raises(aiohttp.ClientError):
            await stream.rest()
    await api.control("faults", {"cut_every_s": 0, "half_open": ["*"]})
    async with api.stream(api.log_path(query="follow=true&tailLines=0")) as stream:
        await step(api, 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await stream.response.content.readline()
        await api.control("faults", {"half_open": []})
        assert await stream.line()
    await api.control("faults", {"log_error": 'Get "https://172.18.0.2:10250/…": dial tcp: connection refused'})
    assert (await api.get(path)).code == 500


async def test_a_log_request_waits_until_the_history_is_lived_through(api: Api) -> None:
    api.host.warm.clear()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(api.get(api.log_path(query="tailLines=1")))
        assert (await api.get("/api/v1/pods")).code == 200
        assert not asked.done()
        api.host.warm.set()
    assert asked.result().lines == texts(log_of(api))[-1:]
