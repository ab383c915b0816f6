"""HTTP with a pod: bodies of every kind, connections that are kept and that are not, bounds on all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest

from tests.kube.apiserver import ApiServer, ForwardScript
from tests.kube.conftest import LoopClock, until
from ztui.kube.client import Client
from ztui.kube.failures import Kind, KubeError
from ztui.kube.podhttp import PodAnswer, PodHttp

PATH = "/api/v1/namespaces/ns/pods/p/portforward"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MESSAGE_BYTES = 32 * 1024


def in_messages(data: bytes, size: int = MESSAGE_BYTES) -> list[bytes | None]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def answering(*answers: bytes, close: bool = False, size: int = MESSAGE_BYTES) -> ForwardScript:
    """A pod that gives these answers one after the other, the last one again and again."""
    left = list(answers)

    async def respond(request: bytes) -> list[bytes | None]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return [*in_messages(answer, size), *([None] if close else [])]

    return ForwardScript(respond)


def serve(api: ApiServer, script: ForwardScript, *pods: str) -> ForwardScript:
    for pod in pods or ("p",):
        api.routes[f"/api/v1/namespaces/ns/pods/{pod}/portforward"] = script.serve
    return script


@pytest.fixture
async def http(client: Client) -> AsyncIterator[PodHttp]:
    made = PodHttp(client)
    yield made
    await made.close()


async def get(http: PodHttp, pod: str = "p", path: str = "/config_dump") -> PodAnswer:
    return await http.get("ns", pod, 15000, path)


async def failure_of(asking: Awaitable[object]) -> KubeError:
    with pytest.raises(KubeError) as caught:
        await asking
    return caught.value


async def test_what_is_asked(api: ApiServer, client: Client, http: PodHttp) -> None:
    requests: list[bytes] = []

    async def respond(request: bytes) -> list[bytes | None]:
        requests.append(request)
        return [OK]

    serve(api, ForwardScript(respond))
    assert (await get(http)).body == b"ok"
    await http.post("ns", "p", 15000, "/logging")
    assert requests == [
        b"GET /config_dump HTTP/1.1\r\nHost: localhost:15000\r\nAccept: */*\r\n\r\n",
        b"POST /logging HTTP/1.1\r\nHost: localhost:15000\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n",
    ]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, MESSAGE_BYTES])
@pytest.mark.parametrize(
    ("answer", "status", "body", "is_kept"),
    [
        (OK, 200, b"ok", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, b"", True),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", 404, b"none", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok", True),
        (CHUNKED + b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", 200, b"hello!", True),
        (CHUNKED + b"A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", 200, b"0123456789", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
    ],
)
async def test_answers_in_messages_of_any_size(
    api: ApiServer, http: PodHttp, answer: bytes, status: int, body: bytes, is_kept: bool, size: int
) -> None:
    script = serve(api, answering(answer, size=size))
    for _ in range(2):
        found = await get(http)
        assert (found.status, found.body, found.is_kept) == (status, body, is_kept)
    assert script.connections == (1 if is_kept else 2)


async def test_an_answer_without_a_length_ends_with_the_connection(api: ApiServer, http: PodHttp) -> None:
    script = serve(api, answering(b"HTTP/1.1 200 OK\r\n\r\nall of it", close=True))
    assert (await get(http)).body == b"all of it"
    assert (await get(http)).body == b"all of it"
    assert script.connections == 2


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "not HTTP"),
        (CHUNKED + b"xyz\r\n", "chunks have no size"),
        (CHUNKED + b"-5\r\n", "-5 bytes are more than"),
        (CHUNKED + b"FFFFFFFF\r\n", "4294967295 bytes are more than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "99999999999 bytes are more than"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "its head has no end within"),
    ],
)
async def test_answers_that_are_none(api: ApiServer, http: PodHttp, answer: bytes, says: str) -> None:
    serve(api, answering(answer))
    error = await failure_of(get(http))
    assert error.kind is Kind.BAD_ANSWER
    assert says in error.what


async def test_twenty_megabytes_arrive_whole(api: ApiServer, http: PodHttp) -> None:
    body = bytes(range(256)) * (20 * 4096)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    serve(api, answering(head + body))
    turns = 0

    async def breathe() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        breathing = tasks.create_task(breathe())
        assert (await get(http)).body == body
        breathing.cancel()
    assert turns > 100, "the loop turned while it arrived"


async def test_a_body_beyond_the_bound_is_not_read(api: ApiServer, client: Client) -> None:
    http = PodHttp(client, largest_body_bytes=1000)
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
        CHUNKED + b"3E8\r\n" + b"x" * 1000 + b"\r\n1\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
    ):
        serve(api, answering(answer))
        assert (await failure_of(get(http))).kind is Kind.BAD_ANSWER
    await http.close()


# -- kept connections


async def test_a_connection_is_used_again_while_it_is_warm(api: ApiServer, http: PodHttp, clock: LoopClock) -> None:
    script = serve(api, answering(OK))
    for _ in range(20):
        assert (await get(http)).status == 200
    assert script.connections == 1
    await clock.advance(61, 61)
    await get(http)
    assert script.connections == 2
    await until(lambda: script.closed == 1)


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_unseen(api: ApiServer, http: PodHttp) -> None:
    script = serve(api, answering(OK))
    await get(http)
    for request in api.requests:
        assert request.transport is not None
        request.transport.abort()
    assert (await get(http)).body == b"ok"
    assert script.connections == 2


async def test_a_post_is_never_sent_on_a_connection_that_may_be_closed(api: ApiServer, http: PodHttp) -> None:
    """It cannot be sent again, as it may have been understood."""
    script = serve(api, answering(OK))
    await get(http)
    await http.post("ns", "p", 15000, "/logging")
    assert script.connections == 2


async def test_the_warm_ones_are_bounded_and_the_oldest_goes_first(api: ApiServer, client: Client) -> None:
    http, pods = PodHttp(client, warm=3), [f"p{i}" for i in range(6)]
    script = serve(api, answering(OK), *pods)
    await asyncio.gather(*(get(http, pod) for pod in pods))
    assert script.connections == 6
    await until(lambda: script.closed == 3)
    for pod in pods[3:]:
        await get(http, pod)
    assert script.connections == 6, "the three that were last are warm"
    await http.close()
    await until(lambda: script.closed == 6)


async def test_nothing_is_kept_where_nothing_shall_be(api: ApiServer, client: Client) -> None:
    http = PodHttp(client, warm=0)
    script = serve(api, answering(OK))
    await get(http)
    await get(http)
    assert script.connections == 2
    await http.close()


async def test_a_refusal_by_the_pod_is_not_tried_twice(api: ApiServer, http: PodHttp) -> None:
    script = serve(api, answering(b""))
    script.error = b"connection refused"
    error = await failure_of(get(http))
    assert error.kind is Kind.FORWARD
    assert script.connections == 1


# -- time and number


def silent() -> ForwardScript:
    async def respond(_request: bytes) -> list[bytes | None]:
        return []

    return ForwardScript(respond)


async def test_a_pod_that_says_nothing_and_one_that_never_ends(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    http = PodHttp(client, idle_s=10.0, total_s=60.0)
    serve(api, silent())
    await _given_up_after(get(http), clock, at_least=9, at_most=13)

    async def drip(_request: bytes) -> list[bytes | None]:
        return [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"]

    script = ForwardScript(drip)
    serve(api, script)
    http = PodHttp(client, idle_s=600.0, total_s=60.0)
    await _given_up_after(get(http), clock, at_least=55, at_most=65)


async def _given_up_after(asking: Awaitable[object], clock: LoopClock, *, at_least: float, at_most: float) -> None:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(failure_of(asking))
        await asyncio.sleep(0.05)
        began = clock.monotonic()
        while not task.done():
            await clock.advance(1, 1)
            await asyncio.sleep(0.001)
    assert task.result().kind is Kind.TIMEOUT
    assert at_least <= clock.monotonic() - began <= at_most


async def test_few_are_asked_at_once_whatever_the_callers_do(api: ApiServer, client: Client) -> None:
    http, pods = PodHttp(client, warm=0, at_once=4), [f"p{i}" for i in range(20)]
    now, most = 0, 0

    async def respond(_request: bytes) -> list[bytes | None]:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(50):
            await asyncio.sleep(0)
        now -= 1
        return [OK]

    serve(api, ForwardScript(respond), *pods)
    await asyncio.gather(*(get(http, pod) for pod in pods))
    assert most == 4
    await http.close()


async def test_one_that_is_given_up_leaves_its_place_to_the_next(api: ApiServer, client: Client) -> None:
    http = PodHttp(client, at_once=1)
    serve(api, silent())
    async with asyncio.TaskGroup() as tasks:
        stuck = tasks.create_task(get(http))
        await until(lambda: bool(api.requests))
        stuck.cancel()
    serve(api, answering(OK))
    assert (await get(http)).body == b"ok"
    await http.close()
