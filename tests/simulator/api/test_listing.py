"""Get and list over the wire: pages, selectors, versions, Tables and metadata."""

from __future__ import annotations

import json

import pytest

from tests.simulator.serving import Api, selector
from ztui.simulator.clock import SECOND

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def names(value: dict) -> list[str]:  # type: ignore[type-arg]
    return [item["metadata"]["name"] for item in value["items"]]


async def test_a_list_has_every_pod_in_order_and_the_version_of_now(api: Api) -> None:
    found = (await api.get("/api/v1/pods")).json
    assert found["kind"] == "PodList"
    assert found["metadata"] == {"resourceVersion": str(api.host.shelf.version)}
    keys = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in found["items"]]
    assert keys == sorted(api.host.world.cluster.pods)
    assert "kind" not in found["items"][0], "items of a built-in list do not repeat their kind"


async def test_items_of_a_custom_resource_say_their_kind(api: Api) -> None:
    found = (await api.get("/apis/security.istio.io/v1/authorizationpolicies")).json
    assert {item["kind"] for item in found["items"]} == {"AuthorizationPolicy"}


async def test_pages_join_to_the_whole_list(api: Api) -> None:
    whole = names((await api.get("/api/v1/pods")).json)
    found, token, pages = [], "", 0
    while pages == 0 or token:
        page = (await api.get(f"/api/v1/pods?limit=7&continue={token}")).json
        assert len(page["items"]) <= 7
        found += names(page)
        token = page["metadata"].get("continue", "")
        assert page["metadata"].get("remainingItemCount", 0) == len(whole) - len(found)
        pages += 1
    assert found == whole
    assert pages == -(-len(whole) // 7)


async def test_a_page_after_a_compaction_is_410_and_a_broken_token_400(api: Api) -> None:
    token = (await api.get("/api/v1/pods?limit=2")).json["metadata"]["continue"]
    await api.control("compact", {})
    expired = await api.get(f"/api/v1/pods?limit=2&continue={token}")
    assert (expired.code, expired.json["reason"]) == (410, "Expired")
    assert "continue parameter is too old" in expired.json["message"]
    broken = await api.get("/api/v1/pods?limit=2&continue=nonsense")
    assert (broken.code, broken.json["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("labelSelector=" + selector("app=reviews"), 6),
        ("labelSelector=" + selector("app in (reviews,ratings),version!=v1"), 4),
        ("labelSelector=" + selector("!version,app"), 10),
        ("labelSelector=" + selector("app notin (reviews)") + "&fieldSelector=" + selector("spec.nodeName=w1"), None),
        ("fieldSelector=" + selector("metadata.namespace=istio-system"), 5),
        ("fieldSelector=" + selector("status.phase!=Running"), 0),
    ],
)
async def test_selectors_choose(api: Api, query: str, wanted: int | None) -> None:
    found = (await api.get(f"/api/v1/pods?{query}")).json["items"]
    if wanted is not None:
        assert len(found) == wanted
    else:
        assert found
        assert {item["spec"]["nodeName"] for item in found} == {"w1"}
        assert "reviews" not in {item["metadata"]["labels"].get("app") for item in found}


async def test_selectors_that_cannot_be_read_are_400(api: Api) -> None:
    assert (await api.get("/api/v1/pods?labelSelector=" + selector("a=b=c,,("))).code == 400
    unknown = await api.get("/api/v1/pods?fieldSelector=" + selector("spec.color=red"))
    assert unknown.json["message"] == "field label not supported: spec.color"


async def test_versions_too_new_too_old_and_unreadable(api: Api) -> None:
    future = await api.get("/api/v1/pods?resourceVersion=999999")
    assert (future.code, future.json["reason"]) == (504, "Timeout")
    assert future.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert future.headers["Retry-After"] == "1"
    old = await api.get("/api/v1/pods?resourceVersion=3&resourceVersionMatch=Exact")
    assert (old.code, old.json["reason"]) == (410, "Expired")
    assert (await api.get("/api/v1/pods?resourceVersion=3&resourceVersionMatch=NotOlderThan")).code == 200
    assert (await api.get("/api/v1/pods?resourceVersion=abc")).code == 500
    assert (await api.get("/api/v1/pods?resourceVersionMatch=Exact")).code == 422
    assert (await api.get("/api/v1/pods?limit=many")).code == 400


async def test_one_object_and_one_that_is_not_there(api: Api) -> None:
    pod = api.ztunnel_pod()
    found = (await api.get(f"/api/v1/namespaces/istio-system/pods/{pod.name}")).json
    assert (found["kind"], found["metadata"]["uid"]) == ("Pod", pod.uid)
    missing = await api.get("/api/v1/namespaces/default/pods/nobody")
    assert missing.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'pods "nobody" not found',
        "reason": "NotFound",
        "details": {"name": "nobody", "kind": "pods"},
        "code": 404,
    }


async def test_tables_and_metadata_as_the_accept_header_asks(api: Api) -> None:
    table = (await api.get("/api/v1/namespaces/istio-system/pods", accept=TABLE)).json
    assert table["kind"] == "Table"
    columns = [column["name"] for column in table["columnDefinitions"] if column["priority"] == 0]
    assert columns == ["Name", "Ready", "Status", "Restarts", "Age"]
    assert {row["object"]["kind"] for row in table["rows"]} == {"PartialObjectMetadata"}
    with_objects = await api.get("/api/v1/namespaces/istio-system/pods?includeObject=Object", accept=TABLE)
    assert {row["object"]["kind"] for row in with_objects.json["rows"]} == {"Pod"}
    metadata = (await api.get("/api/v1/pods", accept=METADATA)).json
    assert metadata["kind"] == "PartialObjectMetadataList"
    assert all(set(item) == {"kind", "apiVersion", "metadata"} for item in metadata["items"])


async def test_a_large_list_is_compressed_and_a_small_one_is_not(api: Api) -> None:
    url = api.server.url + "/api/v1/pods"
    headers = {"Authorization": f"Bearer {api.host.accounts.tokens['admin']}", "Accept-Encoding": "gzip"}
    async with api.session.get(url, headers=headers) as response:
        assert "Content-Encoding" not in response.headers
    for _ in range(300):
        app = api.host.world.cluster.apps["default", "curl"]
        api.host.world.lifecycle.create(api.host.world.now_us, app, app.revisions[-1])
    async with api.session.get(url, headers=headers) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert len((await response.json())["items"]) > 300


async def test_what_nobody_serves_is_404_in_plain_text(api: Api) -> None:
    for path in ("/apis/nothing.example/v1/things", "/api/v1/secrets", "/apis/apps/v1/deployments/x/scale"):
        answer = await api.get(path)
        assert (answer.code, answer.body) == (404, b"404 page not found\n"), path
        assert answer.headers["Content-Type"].startswith("text/plain")


async def test_discovery_names_every_group_and_resource(api: Api) -> None:
    groups = {group["name"] for group in (await api.get("/apis")).json["groups"]}
    assert groups >= {"apps", "discovery.k8s.io", "security.istio.io", "authorization.k8s.io"}
    core = {one["name"]: one for one in (await api.get("/api/v1")).json["resources"]}
    assert core["pods"]["verbs"] == ["get", "list", "watch"]
    assert core["pods/portforward"]["verbs"] == ["create", "get"]
    assert (await api.get("/apis/apps/v1")).json["groupVersion"] == "apps/v1"
    assert (await api.get("/version", user=None)).json["gitVersion"].startswith("v1.")
    for path in ("/healthz", "/livez", "/readyz"):
        assert (await api.get(path, user=None)).body == b"ok"


async def test_the_shelf_shows_what_the_world_does(api: Api) -> None:
    before = (await api.get("/api/v1/pods")).json
    await api.control("acts", {"do": "delete-pod", "of": ["default/curl"]})
    await api.host.step(api.host.clock.now_us() + 30 * SECOND)
    after = (await api.get("/api/v1/pods")).json
    assert int(after["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
    gone, new = set(names(before)) - set(names(after)), set(names(after)) - set(names(before))
    assert [name.startswith("curl-") for name in (*gone, *new)] == [True, True]
    assert json.dumps(after) != json.dumps(before)
