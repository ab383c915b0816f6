"""The control address: the clock, the counts, and a restart of the API server."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.simulator.serving import Api
from tests.simulator.worlds import START, START_US
from ztui.simulator.clock import SECOND


async def test_stepping_says_how_many_lines_were_written(api: Api) -> None:
    before = (await api.get("/simulator/counts")).json
    by = await api.control("clock", {"by": "10s"})
    to = await api.control("clock", {"to": "2026-03-01T12:00:20Z"})
    after = (await api.get("/simulator/counts")).json
    assert to["now"] == "2026-03-01T12:00:20.000000Z"
    assert by["lines"] > 0
    assert before["written"] + by["lines"] + to["lines"] == after["written"]
    assert after["written"] == sum(log["written"] for log in after["logs"])
    assert after["access"] == sum(log["access"] for log in after["logs"])
    assert {log["node"] for log in after["logs"]} == {"w1", "w2"}


async def test_the_clock_never_goes_back(api: Api) -> None:
    await api.control("clock", {"to": "2020-01-01T00:00:00Z"})
    assert api.host.clock.now_us() == START_US
    assert (await api.get("/simulator")).json["now"] == START.replace("Z", ".000000Z")


async def test_what_is_counted_can_be_read(api: Api) -> None:
    await api.control("clock", {"by": "5s"})
    counts = (await api.get("/simulator/counts")).json
    for log in counts["logs"]:
        lines = (await api.get(f"/api/v1/namespaces/istio-system/pods/{log['pod']}/log")).lines
        assert len(lines) == log["written"] - log["first"]
        assert sum("\taccess\t" in line for line in lines) == log["access"]


@pytest.mark.parametrize(
    ("what", "value", "message"),
    [
        ("faults", {"fire": True}, "no fault 'fire'"),
        ("faults", {"slow_s": "much"}, "slow_s wants float"),
        ("acts", {"do": "dance"}, "no act 'dance'"),
        ("acts", {}, "'do' is missing"),
        ("clock", {"by": "soon"}, "not a duration: 'soon'"),
        ("clock", {"to": "noon"}, "noon"),
        ("tokens", {"user": "root", "do": "renew"}, "no user 'root'"),
        ("rotate", {"pod": "x"}, "no log of a pod 'x'"),
        ("restart", {"for_s": "long"}, "long"),
    ],
)
async def test_what_makes_no_sense_is_400_with_the_reason(api: Api, what: str, value: object, message: str) -> None:
    answer = await api.post(f"/simulator/{what}", value)
    assert answer.code == 400
    assert message in answer.json["message"]


async def test_unknown_addresses_are_404(api: Api) -> None:
    assert (await api.get("/simulator/nothing")).code == 404
    assert (await api.post("/simulator/nothing", {})).code == 404


async def test_a_restart_drops_everything_refuses_and_listens_on_the_same_port_again(api: Api) -> None:
    port = api.server.port
    async with (
        api.stream(api.log_path(query="follow=1&tailLines=1")) as log,
        api.stream("/api/v1/pods?watch=1") as watch,
    ):
        await log.line()
        await watch.event()
        await api.control("restart", {"for_s": 0.3})
        with pytest.raises(aiohttp.ClientError):
            await log.rest()
        with pytest.raises(aiohttp.ClientError):
            await watch.rest()
    with pytest.raises(aiohttp.ClientError):
        await api.get("/version")
    async with asyncio.timeout(5):
        while True:
            try:
                assert (await api.get("/version")).code == 200
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)
    assert api.server.port == port
    assert not api.host.followers


async def test_a_slow_server_is_slow_for_everything_but_the_control_address(api: Api) -> None:
    await api.control("faults", {"slow_s": 30})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await api.get("/api/v1/pods")
    await api.control("faults", {"slow_s": 0})
    assert (await api.get("/api/v1/pods")).code == 200


async def test_live_catches_up_with_the_history_in_slices_and_then_rests(api: Api) -> None:
    api.host.warm.clear()
    live = asyncio.ensure_future(api.host.live(0.01))
    await asyncio.wait_for(api.host.warm.wait(), 10)
    assert api.host.world.now_us == START_US
    live.cancel()
    await asyncio.gather(live, return_exceptions=True)
    assert await api.host.step(START_US + 2 * SECOND) > 0
