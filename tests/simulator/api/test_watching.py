"""Watch over the wire: what begins, what is translated, what ends it."""

from __future__ import annotations

import asyncio

from tests.simulator.serving import Api, selector, until
from ztui.simulator.clock import SECOND

PODS = "/api/v1/pods?watch=true"


async def step(api: Api, seconds: float) -> None:
    await api.host.step(api.host.clock.now_us() + int(seconds * SECOND))


async def test_from_a_version_come_only_the_changes_after_it(api: Api) -> None:
    version = (await api.get("/api/v1/pods")).json["metadata"]["resourceVersion"]
    async with api.stream(f"{PODS}&resourceVersion={version}") as stream:
        await api.control("acts", {"do": "delete-pod", "of": ["default/curl"]})
        await step(api, 30)
        seen: list[tuple[str, str]] = []
        while not seen or seen[-1][0] != "DELETED":
            event = await stream.event()
            seen.append((event["type"], event["object"]["metadata"]["name"]))
            assert int(event["object"]["metadata"]["resourceVersion"]) > int(version)
    kinds = [kind for kind, _ in seen]
    assert kinds[0] == "ADDED"
    assert kinds.count("ADDED") == kinds.count("DELETED") == 1
    assert set(kinds) == {"ADDED", "MODIFIED", "DELETED"}
    assert seen[0][1] != seen[-1][1]


async def test_without_a_version_everything_comes_as_added_first(api: Api) -> None:
    for query in ("", "&resourceVersion=0"):
        async with api.stream(PODS + query) as stream:
            names = set()
            for _ in api.host.world.cluster.pods:
                event = await stream.event()
                assert event["type"] == "ADDED"
                names.add(event["object"]["metadata"]["name"])
            assert names == {name for _, name in api.host.world.cluster.pods}


async def test_a_streamed_list_ends_with_a_marked_bookmark(api: Api) -> None:
    query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=30"
    async with api.stream(PODS + query) as stream:
        for _ in api.host.world.cluster.pods:
            assert (await stream.event())["type"] == "ADDED"
        mark = await stream.event()
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert mark["object"]["metadata"]["resourceVersion"] == str(api.host.shelf.version)
    without_match = await api.get(PODS + "&sendInitialEvents=true")
    assert (without_match.code, without_match.json["reason"]) == (422, "Invalid")


async def test_a_bookmark_comes_before_the_time_is_up_and_then_a_clean_end(api: Api) -> None:
    version = api.host.shelf.version
    async with api.stream(f"{PODS}&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=1") as stream:
        assert (await stream.event())["type"] == "BOOKMARK"
        assert await stream.rest() == b""


async def test_a_selector_turns_changes_into_added_and_deleted(api: Api) -> None:
    chosen = selector("status.phase=Running")
    version = (await api.get(f"/api/v1/pods?fieldSelector={chosen}")).json["metadata"]["resourceVersion"]
    async with api.stream(f"{PODS}&fieldSelector={chosen}&resourceVersion={version}") as stream:
        await api.control("acts", {"do": "delete-pod", "of": ["default/curl"]})
        await step(api, 30)
        seen: list[tuple[str, str]] = []
        while not seen or seen[-1][0] != "DELETED":
            event = await stream.event()
            seen.append((event["type"], event["object"]["status"]["phase"]))
    assert ("ADDED", "Running") in seen, "a pod that begins to match is new to this watch"
    assert ("ADDED", "Pending") not in seen
    assert seen[-1][0] == "DELETED"


async def test_a_namespace_and_a_label_keep_everything_else_out(api: Api) -> None:
    path = f"/api/v1/namespaces/default/pods?watch=1&labelSelector={selector('app=reviews')}"
    async with api.stream(f"{path}&resourceVersion={api.host.shelf.version}") as stream:
        await api.control("acts", {"do": "delete-pod", "of": ["default/curl"]})
        await api.control("acts", {"do": "rollout", "of": ["default/reviews-v1"]})
        await step(api, 10)
        for _ in range(5):
            assert (await stream.event())["object"]["metadata"]["labels"]["app"] == "reviews"


async def test_too_old_a_version_is_told_inside_the_stream(api: Api) -> None:
    answer = await api.get(f"{PODS}&resourceVersion=1")
    assert answer.code == 200
    assert len(answer.lines) == 1
    oldest = api.host.shelf.oldest
    assert f'"message":"too old resource version: 1 ({oldest})"' in answer.lines[0]
    assert '"type":"ERROR"' in answer.lines[0]
    assert '"reason":"Expired"' in answer.lines[0]
    assert '"code":410' in answer.lines[0]


async def test_a_compaction_ends_open_watches_with_410(api: Api) -> None:
    async with api.stream(f"{PODS}&resourceVersion={api.host.shelf.version}") as stream:
        await asyncio.sleep(0)
        await api.control("compact", {})
        event = await stream.event()
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        assert await stream.rest() == b""


async def test_gone_as_a_fault_makes_every_version_too_old_until_it_is_switched_off(api: Api) -> None:
    await api.control("faults", {"gone": True})
    version = (await api.get("/api/v1/pods")).json["metadata"]["resourceVersion"]
    assert '"code":410' in (await api.get(f"{PODS}&resourceVersion={version}")).lines[0]
    await api.control("faults", {"gone": False})
    assert (await api.get(f"{PODS}&resourceVersion={version}&timeoutSeconds=1")).body == b""


async def test_kubectl_watches_tables(api: Api) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    async with api.stream(PODS, accept=accept) as stream:
        event = await stream.event()
    assert event["object"]["kind"] == "Table"
    assert len(event["object"]["rows"]) == 1


async def test_a_watch_that_the_client_leaves_is_forgotten(api: Api) -> None:
    async with api.stream(PODS) as stream:
        await stream.event()
        assert len(api.host.watchers) == 1
        stream.response.close()
    await until(lambda: not api.host.watchers)
