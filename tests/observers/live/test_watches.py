"""Watches as far as one is permitted: everywhere, else in the namespaces that were named, and back again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from operator import attrgetter
from random import Random

import pytest
from aiohttp import web

from tests.kube.apiserver import ApiServer, Watchable, status
from tests.kube.conftest import LoopClock, until
from ztui.kube.client import Client
from ztui.kube.reflector import Changes
from ztui.model.cluster import Pod
from ztui.model.observation import Observation, StreamChanged
from ztui.model.streams import StreamState
from ztui.observers.live.slim import slim_pod
from ztui.observers.live.watches import Kind, Watch


class Watching:
    """A Watch at work on a small API server, and what it told."""

    def __init__(
        self, api: ApiServer, client: Client, *, is_enough: bool = False, instead: tuple[str, ...] = ()
    ) -> None:
        self.everywhere, self.here = Watchable(), Watchable()
        api.routes["/api/v1/pods"] = self.everywhere.serve
        api.routes["/api/v1/namespaces/ns/pods"] = self.here.serve
        self.told: list[StreamChanged] = []
        self.pods: dict[str, Pod] = {}
        kind: Kind[Pod] = Kind(
            stream="ztunnels" if is_enough else "pods",
            resource="pods",
            slim=slim_pod,
            key=attrgetter("uid"),
            instead=instead,
            is_enough=is_enough,
        )
        self.watch = Watch(
            client, kind, deliver=self._deliver, on_changes=self._take, explain=lambda why: why, rng=Random(1)
        )

    def _deliver(self, observation: Observation) -> None:
        assert isinstance(observation, StreamChanged)
        self.told.append(observation)

    def _take(self, changes: Changes[Pod]) -> None:
        for uid in changes.deleted:
            self.pods.pop(uid, None)
        self.pods |= {pod.uid: pod for pod in changes.changed}

    def forbid_everywhere(self, times: int) -> None:
        self.everywhere.list_refusals = [_forbidden() for _ in range(times)]

    def states(self, name: str) -> list[StreamState]:
        return [change.state for change in self.told if change.stream.of == name]


def _forbidden() -> web.Response:
    return status(403, "Forbidden", 'pods is forbidden: User "u" cannot list resource "pods"')


@pytest.fixture
async def tasks() -> AsyncIterator[list[asyncio.Task[None]]]:
    running: list[asyncio.Task[None]] = []
    yield running
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


Tasks = list[asyncio.Task[None]]


async def test_what_may_be_read_everywhere_is(api: ApiServer, client: Client, tasks: Tasks) -> None:
    at = Watching(api, client, instead=("ns",))
    at.everywhere.put("a")
    tasks.append(asyncio.ensure_future(at.watch.run()))
    await until(lambda: at.states("pods")[-1:] == [StreamState.CONNECTED])
    assert set(at.pods) == {"uid-a"}
    assert at.states("pods") == [StreamState.CONNECTING, StreamState.CONNECTED]
    assert at.here.requests == []


async def test_a_denial_is_named_and_the_namespaces_that_were_named_are_read(
    api: ApiServer, client: Client, tasks: Tasks
) -> None:
    at = Watching(api, client, instead=("ns",))
    at.forbid_everywhere(99)
    at.here.put("b")
    tasks.append(asyncio.ensure_future(at.watch.run()))
    await until(lambda: at.states("pods in ns")[-1:] == [StreamState.CONNECTED])
    assert set(at.pods) == {"uid-b"}
    assert at.states("pods") == [StreamState.CONNECTING, StreamState.NOT_PERMITTED]


async def test_where_a_namespace_is_enough_the_stream_is_well_and_says_where_it_looks(
    api: ApiServer, client: Client, tasks: Tasks
) -> None:
    at = Watching(api, client, instead=("ns",), is_enough=True)
    at.forbid_everywhere(99)
    tasks.append(asyncio.ensure_future(at.watch.run()))
    await until(lambda: any(change.reason for change in at.told))
    assert at.told[-1].state is StreamState.CONNECTED
    assert at.told[-1].reason == "Looked for in ns only. You may not list pods in all namespaces."
    assert StreamState.NOT_PERMITTED not in at.states("ztunnels")


async def test_once_permitted_it_is_read_everywhere_and_nothing_of_before_stays(
    api: ApiServer, client: Client, clock: LoopClock, tasks: Tasks
) -> None:
    at = Watching(api, client, instead=("ns",))
    at.forbid_everywhere(1)
    at.everywhere.put("a")
    at.here.put("stale")
    tasks.append(asyncio.ensure_future(at.watch.run()))
    await until(lambda: set(at.pods) == {"uid-stale"})
    await clock.advance(100.0, step_s=10.0)
    await until(lambda: set(at.pods) == {"uid-a"})
    await until(lambda: at.states("pods")[-1] is StreamState.CONNECTED)


async def test_trouble_holds_until_it_went_well_however_often_it_is_tried(
    api: ApiServer, client: Client, clock: LoopClock, tasks: Tasks
) -> None:
    at = Watching(api, client)
    at.everywhere.list_refusals = [web.Response(status=429, text="busy") for _ in range(3)]
    tasks.append(asyncio.ensure_future(at.watch.run()))
    while at.states("pods")[-1:] != [StreamState.CONNECTED]:
        await clock.advance(1.0)
        await asyncio.sleep(0.01)
    assert at.states("pods") == [
        StreamState.CONNECTING,
        StreamState.UNAVAILABLE,
        StreamState.UNAVAILABLE,
        StreamState.UNAVAILABLE,
        StreamState.CONNECTED,
    ]
