"""A copy of objects kept by list and watch, through everything that can happen in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiohttp import web

from tests.kube.apiserver import ApiServer, Watchable, status
from tests.kube.conftest import LoopClock, settle, until
from ztui.kube.client import Client
from ztui.kube.reflector import Changes, Reflector, Resource, WatchReport, WatchState

PATH = "/api/v1/pods"


class Heard:
    """Writes down what a reflector tells, and keeps the copy that its hearer would have."""

    def __init__(self) -> None:
        self.batches: list[Changes[tuple[str, str]]] = []
        self.reports: list[WatchReport] = []
        self.copy: dict[str, str] = {}

    def changes(self, changes: Changes[tuple[str, str]]) -> None:
        self.batches.append(changes)
        self.copy.update(changes.changed)
        for key in changes.deleted:
            del self.copy[key]

    @property
    def states(self) -> list[WatchState]:
        return [report.state for report in self.reports]

    @property
    def reasons(self) -> list[str]:
        return [report.why.what for report in self.reports if report.why]


def slim(pod: Mapping[str, Any]) -> tuple[str, str]:
    return pod["metadata"]["name"], pod["metadata"]["labels"].get("v", "")


@asynccontextmanager
async def reflecting(
    client: Client, heard: Heard, resource: Resource | None = None
) -> AsyncIterator[Reflector[tuple[str, str]]]:
    reflector = Reflector(
        client,
        resource or Resource.core("pods"),
        slim=slim,
        key=lambda item: item[0],
        on_changes=heard.changes,
        on_state=heard.reports.append,
        rng=Random(1),
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(reflector.run())
        yield reflector
        task.cancel()


@pytest.fixture
def pods(api: ApiServer) -> Watchable:
    found = Watchable()
    api.routes[PATH] = found.serve
    return found


def event(kind: str, pod: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": json.loads(json.dumps(pod))}


def bookmark(version: int) -> dict[str, Any]:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}


EXPIRED = {
    "type": "ERROR",
    "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 1 (57516)"},
}


async def until_with_time(clock: LoopClock, condition: Any, limit_s: float = 600.0) -> None:
    while not condition():
        assert limit_s > 0, "it never became true"
        await clock.advance(0.25, 0.25)
        await asyncio.sleep(0.001)
        limit_s -= 0.25


def watches(pods: Watchable) -> list[dict[str, str]]:
    return [query for query in pods.requests if "watch" in query]


def lists(pods: Watchable) -> list[dict[str, str]]:
    return [query for query in pods.requests if "watch" not in query]


# -- the list


async def test_a_list_in_pages_then_a_watch_from_its_version(pods: Watchable, client: Client) -> None:
    heard = Heard()
    for i in range(1201):
        pods.put(f"p{i}", v="1")
    async with reflecting(client, heard) as reflector:
        await until(lambda: bool(watches(pods)) and WatchState.LIVE in heard.states)
    assert [(q.get("limit"), q.get("continue")) for q in lists(pods)] == [
        ("500", None),
        ("500", "500"),
        ("500", "1000"),
    ]
    (batch,) = heard.batches
    assert batch.is_first
    assert len(batch.changed) == 1201
    assert reflector.items == {f"p{i}": (f"p{i}", "1") for i in range(1201)}
    assert heard.states == [WatchState.SYNCING, WatchState.LIVE]
    (watch,) = watches(pods)
    assert watch["resourceVersion"] == str(pods.version)
    assert watch["allowWatchBookmarks"] == "true"
    assert 240 <= int(watch["timeoutSeconds"]) <= 360


async def test_an_empty_list_is_a_first_word_too(pods: Watchable, client: Client) -> None:
    heard = Heard()
    async with reflecting(client, heard):
        await until(lambda: WatchState.LIVE in heard.states)
    assert [batch.is_first for batch in heard.batches] == [True]


async def test_a_selector_and_a_namespace(api: ApiServer, client: Client) -> None:
    ztunnels, heard = Watchable(), Heard()
    api.routes["/api/v1/namespaces/istio-system/pods"] = ztunnels.serve
    resource = Resource.core("pods", namespace="istio-system", label_selector="app=ztunnel")
    async with reflecting(client, heard, resource):
        await until(lambda: bool(watches(ztunnels)))
    assert all(query["labelSelector"] == "app=ztunnel" for query in ztunnels.requests)


async def test_pages_that_expire_midway_are_read_at_once_then(
    api: ApiServer, pods: Watchable, client: Client, clock: LoopClock
) -> None:
    """A slow reader of a large cluster would else begin its pages again for ever."""
    heard, lost = Heard(), [True]
    for i in range(700):
        pods.put(f"p{i}")

    async def expiring(request: web.Request) -> web.StreamResponse:
        if request.query.get("continue") and lost:
            pods.requests.append(dict(request.query))
            lost.clear()
            return status(410, "Expired", "The provided continue parameter is too old")
        if "limit" not in request.query and "watch" not in request.query:
            pods.page = 10_000
        return await pods.serve(request)

    api.routes[PATH] = expiring
    async with reflecting(client, heard) as reflector:
        await until_with_time(clock, lambda: reflector.is_synced)
    assert [(q.get("limit"), q.get("continue")) for q in lists(pods)] == [("500", None), ("500", "500"), (None, None)]
    assert len(reflector.items) == 700
    assert heard.reasons == [], "that it is listed again is no news"


@pytest.mark.parametrize(
    "body",
    [
        "<html>login</html>",
        "[]",
        "{}",
        '{"metadata": {}}',
        '{"metadata": {"resourceVersion": "1"}, "items": [null]}',
        '{"metadata": {"resourceVersion": "1"}, "items": [{"spec": 1}]}',
    ],
)
async def test_what_is_no_list_is_a_reason_and_tried_again(
    api: ApiServer, client: Client, clock: LoopClock, body: str
) -> None:
    pods, heard = Watchable(), Heard()
    answers = [web.Response(text=body, content_type="text/html" if "<" in body else "application/json")]

    async def serve(request: web.Request) -> web.StreamResponse:
        return answers.pop() if answers else await pods.serve(request)

    api.routes[PATH] = serve
    async with reflecting(client, heard):
        await until_with_time(clock, lambda: WatchState.LIVE in heard.states)
    assert len(heard.reasons) == 1
    assert "something unexpected about pods" in heard.reasons[0]


# -- the watch


async def test_events_change_the_copy(pods: Watchable, client: Client) -> None:
    heard = Heard()
    a, b = pods.put("a", v="1"), pods.put("b", v="1")
    changed = {"metadata": {**a["metadata"], "labels": {"v": "2"}}}
    c = {"metadata": {"name": "c", "resourceVersion": "103", "labels": {"v": "1"}}}
    pods.watches = [[event("MODIFIED", changed), event("DELETED", b), event("ADDED", c), "hang"]]
    async with reflecting(client, heard) as reflector:
        await until(lambda: heard.copy == {"a": "2", "c": "1"})
        assert {key: item[1] for key, item in reflector.items.items()} == heard.copy


async def test_repeated_events_and_those_of_what_is_unknown_are_no_news(pods: Watchable, client: Client) -> None:
    heard = Heard()
    a = pods.put("a", v="1")
    ghost = {"metadata": {"name": "ghost", "resourceVersion": "5", "labels": {}}}
    last = {"metadata": {"name": "z", "resourceVersion": "9", "labels": {}}}
    pods.watches = [[event("ADDED", a), event("MODIFIED", a), event("DELETED", ghost), event("ADDED", last), "hang"]]
    async with reflecting(client, heard):
        await until(lambda: "z" in heard.copy)
    assert [(batch.changed, batch.deleted) for batch in heard.batches] == [((("a", "1"),), ()), ((("z", ""),), ())]


async def test_what_comes_and_goes_within_a_batch_is_never_seen(
    pods: Watchable, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    first = pods.put("first")
    brief = {"metadata": {"name": "brief", "resourceVersion": "7", "labels": {}}}
    pods.watches = [
        [event("ADDED", brief), event("DELETED", brief), event("DELETED", first), event("ADDED", first), "hang"]
    ]
    async with reflecting(client, heard):
        await until(lambda: WatchState.LIVE in heard.states)
        await clock.advance(2, 0.1)
    seen = {key for batch in heard.batches for key in (*batch.deleted, *(item[0] for item in batch.changed))}
    assert seen <= {"first", "brief"}
    assert heard.copy == {"first": ""}


async def test_changes_leave_ten_times_a_second_at_most(api: ApiServer, client: Client, clock: LoopClock) -> None:
    pods, heard = Watchable(), Heard()
    go = asyncio.Event()

    async def serve(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return await pods.serve(request)
        response = web.StreamResponse()
        await response.prepare(request)
        for i in range(200):
            pod = {"metadata": {"name": f"p{i}", "resourceVersion": str(200 + i), "labels": {}}}
            await response.write(json.dumps(event("ADDED", pod)).encode() + b"\n")
            await asyncio.sleep(0)
        go.set()
        await asyncio.Event().wait()
        return response

    api.routes[PATH] = serve
    async with reflecting(client, heard):
        began = clock.monotonic()
        await go.wait()
        await until_with_time(clock, lambda: len(heard.copy) == 200)
        assert len(heard.batches) <= 3 + (clock.monotonic() - began) * 10


async def test_events_cut_anywhere_and_larger_than_a_buffer(api: ApiServer, client: Client, clock: LoopClock) -> None:
    pods, heard = Watchable(), Heard()
    names = [f"p{i}" for i in range(5)]
    text = b""
    for i, name in enumerate(names):
        pod = {"metadata": {"name": name, "resourceVersion": str(i), "labels": {"v": "é"}}, "filler": "x" * 300_000}
        text += json.dumps(event("ADDED", pod), ensure_ascii=False).encode() + b"\n"

    async def serve(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return await pods.serve(request)
        response = web.StreamResponse()
        await response.prepare(request)
        for start in range(0, len(text), 77_777):
            await response.write(text[start : start + 77_777])
            await asyncio.sleep(0)
        await asyncio.Event().wait()
        return response

    api.routes[PATH] = serve
    async with reflecting(client, heard):
        await until_with_time(clock, lambda: len(heard.copy) == 5)
    assert heard.copy == dict.fromkeys(names, "é")


async def test_lines_that_are_no_events_say_nothing(api: ApiServer, client: Client) -> None:
    pods, heard = Watchable(), Heard()
    good = {"metadata": {"name": "a", "resourceVersion": "7", "labels": {}}}
    junk = [b"{", b"[]", b"null", b'{"type": "ADDED"}', b'{"type": "ADDED", "object": 1}', b"\xff", b""]
    later = b'{"type": "LATER", "object": {"metadata": {"resourceVersion": "8"}}}'
    lines = [*junk, later, json.dumps(event("ADDED", good)).encode()]

    async def serve(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return await pods.serve(request)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"\n".join(lines) + b"\n")
        await asyncio.Event().wait()
        return response

    api.routes[PATH] = serve
    async with reflecting(client, heard):
        await until(lambda: heard.copy == {"a": ""})


# -- what ends a watch


async def test_a_watch_that_ends_is_resumed_from_the_last_version(
    pods: Watchable, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    a = pods.put("a")
    a["metadata"]["resourceVersion"] = "150"
    pods.watches = [[event("MODIFIED", a)], [bookmark(180)], ["hang"]]
    async with reflecting(client, heard):
        await until_with_time(clock, lambda: len(watches(pods)) == 3)
    assert [query["resourceVersion"] for query in watches(pods)] == ["101", "150", "180"]
    assert len(lists(pods)) == 1
    assert heard.states == [WatchState.SYNCING, WatchState.LIVE], "an end in good time is no news"


async def test_watches_that_end_at_once_are_not_hurried(pods: Watchable, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    pods.watches = [[] for _ in range(1000)]
    async with reflecting(client, heard):
        await until(lambda: bool(watches(pods)))
        await clock.advance(120, 0.25)
    assert 5 < len(watches(pods)) < 20


async def test_410_in_the_stream_is_listed_again_and_only_the_difference_leaves(
    pods: Watchable, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    pods.put("stays", v="1")
    pods.put("goes")
    pods.put("changes", v="1")
    pods.watches = [[EXPIRED], ["hang"]]
    async with reflecting(client, heard):
        await until(lambda: len(heard.copy) == 3 and WatchState.LIVE in heard.states)
        del pods.items["goes"]
        pods.put("changes", v="2")
        pods.put("comes")
        await until_with_time(clock, lambda: len(watches(pods)) == 2)
    _, batch = heard.batches
    assert dict(batch.changed) == {"changes": "2", "comes": ""}
    assert batch.deleted == ("goes",)
    assert not batch.is_first
    assert heard.reasons == []


async def test_410_as_a_status_and_a_version_from_the_future_are_listed_again(
    pods: Watchable, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    pods.watch_refusals = [
        status(410, "Expired", "too old resource version"),
        status(504, "Timeout", "Timeout: Too large resource version: 99, current: 3", {"Retry-After": "1"}),
    ]
    async with reflecting(client, heard):
        await until_with_time(clock, lambda: WatchState.LIVE in heard.states)
    assert len(lists(pods)) == 3


async def test_lists_that_expire_at_once_are_not_hurried(pods: Watchable, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    pods.watches = [[EXPIRED] for _ in range(1000)]
    async with reflecting(client, heard):
        await until(lambda: bool(watches(pods)))
        await clock.advance(120, 0.25)
    assert len(lists(pods)) < 20


async def test_a_cut_watch_is_stale_with_a_reason_and_then_live_again(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    pods, heard, cuts = Watchable(), Heard(), [True]
    pods.put("a")

    async def serve(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query and cuts:
            cuts.clear()
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(json.dumps(bookmark(170)).encode() + b"\n")
            await asyncio.sleep(0.01)
            assert request.transport is not None
            request.transport.abort()
            return response
        return await pods.serve(request)

    api.routes[PATH] = serve
    async with reflecting(client, heard) as reflector:
        await until_with_time(clock, lambda: heard.states.count(WatchState.LIVE) == 2)
        assert reflector.items
    assert heard.states == [WatchState.SYNCING, WatchState.LIVE, WatchState.STALE, WatchState.LIVE]
    assert "was lost" in heard.reasons[0]
    assert watches(pods)[0]["resourceVersion"] == "170"
    stale = heard.reports[2]
    assert stale.retry_at is not None


async def test_a_half_open_watch_is_noticed_by_its_silence(pods: Watchable, client: Client, clock: LoopClock) -> None:
    heard = Heard()
    async with reflecting(client, heard):
        await until(lambda: WatchState.LIVE in heard.states)
        await clock.advance(140, 5)
        assert heard.states[-1] is WatchState.LIVE
        await until_with_time(clock, lambda: WatchState.STALE in heard.states, limit_s=30)
        await until_with_time(clock, lambda: heard.states[-1] is WatchState.LIVE)
    assert "No sign of life" in heard.reasons[0]
    assert len(lists(pods)) == 1


async def test_a_server_that_is_away_is_tried_with_growing_delays(
    api: ApiServer, pods: Watchable, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    pods.put("a")
    async with reflecting(client, heard) as reflector:
        await until(lambda: WatchState.LIVE in heard.states)
        await api.stop()
        await until_with_time(clock, lambda: WatchState.STALE in heard.states)
        await clock.advance(120, 0.5)
        tries = len(heard.reasons)
        assert 4 <= tries <= 16
        assert reflector.items, "the copy stands"
        await api.start()
        await until_with_time(clock, lambda: heard.states[-1] is WatchState.LIVE, limit_s=40)


# -- what is not allowed, or not there


def forbidden(count: int) -> list[web.Response]:
    return [status(403, "Forbidden", 'pods is forbidden: User "u" cannot list') for _ in range(count)]


async def test_what_is_forbidden_is_said_with_verb_and_resource_and_tried_rarely(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    pods, heard = Watchable(list_refusals=forbidden(100)), Heard()
    api.routes[PATH] = pods.serve
    async with reflecting(client, heard) as reflector:
        await until(lambda: WatchState.DENIED in heard.states)
        await clock.advance(55, 1)
        assert len(pods.requests) == 1
        await until_with_time(clock, lambda: len(pods.requests) == 2, limit_s=40)
        assert not reflector.is_synced
        pods.list_refusals.clear()
        await until_with_time(clock, lambda: heard.states[-1] is WatchState.LIVE, limit_s=100)
    assert heard.reasons[0] == "You may not list pods in all namespaces."


async def test_where_all_is_forbidden_one_namespace_may_be_allowed(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    """Two reflectors, as an observer starts them: the narrow one works while the wide one is denied."""
    everything, some = Watchable(list_refusals=forbidden(100)), Watchable()
    some.put("a")
    api.routes[PATH], api.routes["/api/v1/namespaces/shop/pods"] = everything.serve, some.serve
    wide, narrow = Heard(), Heard()
    async with reflecting(client, wide), reflecting(client, narrow, Resource.core("pods", namespace="shop")):
        await until(lambda: WatchState.DENIED in wide.states and WatchState.LIVE in narrow.states)
    assert narrow.copy == {"a": ""}
    assert narrow.states == [WatchState.SYNCING, WatchState.LIVE]


async def test_a_list_that_is_allowed_without_its_watch_is_denied_and_still_fresh(
    pods: Watchable, client: Client, clock: LoopClock
) -> None:
    heard = Heard()
    pods.watch_refusals = [status(403, "Forbidden", "cannot watch") for _ in range(100)]
    async with reflecting(client, heard):
        await until(lambda: WatchState.DENIED in heard.states)
        pods.put("later")
        await until_with_time(clock, lambda: "later" in heard.copy, limit_s=100)
    assert heard.reasons[0] == "You may not watch pods in all namespaces."


async def test_a_kind_the_cluster_does_not_have_is_no_failure(api: ApiServer, client: Client, clock: LoopClock) -> None:
    heard, path = Heard(), "/apis/security.istio.io/v1/authorizationpolicies"
    resource = Resource(name="authorizationpolicies", path=path)
    async with reflecting(client, heard, resource):
        await until(lambda: heard.states[-1:] == [WatchState.ABSENT])
        installed = Watchable()
        api.routes[path] = installed.serve
        await until_with_time(clock, lambda: heard.states[-1] is WatchState.LIVE, limit_s=100)
    assert heard.reasons == ["The cluster has no authorizationpolicies."]


async def test_a_busy_server_is_left_alone_as_long_as_it_asks(api: ApiServer, client: Client, clock: LoopClock) -> None:
    busy = web.Response(status=429, text="Too many requests", headers={"Retry-After": "30"})
    pods, heard = Watchable(list_refusals=[busy]), Heard()
    api.routes[PATH] = pods.serve
    async with reflecting(client, heard):
        await until(lambda: bool(heard.reasons))
        await clock.advance(25, 1)
        assert len(pods.requests) == 1
        await until_with_time(clock, lambda: len(pods.requests) >= 2, limit_s=10)
    assert heard.reports[1].retry_at == pytest.approx(clock.now(), abs=60)


async def test_a_huge_list_lets_the_loop_breathe(pods: Watchable, client: Client) -> None:
    """Between any two pages the loop turns: something else runs many times while 5,000 pods arrive."""
    heard, turns = Heard(), 0
    for i in range(5000):
        pods.put(f"p{i}")

    async def breathe() -> None:
        nonlocal turns
        while len(heard.copy) < 5000:
            turns += 1
            await asyncio.sleep(0)

    async with reflecting(client, heard):
        await breathe()
    assert turns > 10
    assert len(lists(pods)) == 10
    await settle()
