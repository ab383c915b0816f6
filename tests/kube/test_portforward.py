"""The framing of port-forwards, as API servers of today speak it, and all the ways in which it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientConnectionResetError, WSMessage, WSMsgType, web

from tests.kube.apiserver import ApiServer, ForwardScript, status
from tests.kube.conftest import LoopClock, until
from ztui.kube.client import Client
from ztui.kube.failures import Kind, KubeError
from ztui.kube.portforward import LARGEST_MESSAGE_BYTES, Forward

PATH = "/api/v1/namespaces/ns/pods/p/portforward"
REFUSED = b"error forwarding port 15000 to pod p, uid : failed to dial 127.0.0.1:15000: connection refused"

Respond = Callable[[bytes], Awaitable[list[bytes | None]]]


def answering(*parts: bytes | None) -> Respond:
    async def respond(_request: bytes) -> list[bytes | None]:
        return list(parts)

    return respond


def scripted(api: ApiServer, *parts: bytes | None) -> ForwardScript:
    script = ForwardScript(answering(*parts))
    api.routes[PATH] = script.serve
    return script


async def opened(client: Client, idle_s: float = 10.0) -> Forward:
    return await Forward.open(client, "ns", "p", 15000, idle_s=idle_s)


async def failure_of(reading: Awaitable[object]) -> KubeError:
    with pytest.raises(KubeError) as caught:
        await reading
    return caught.value


@pytest.mark.parametrize("headers_late", [False, True])
@pytest.mark.parametrize("split", [False, True])
async def test_the_port_that_comes_first_on_each_channel_is_no_data(
    api: ApiServer, client: Client, headers_late: bool, split: bool
) -> None:
    """The two ports come in either order, whole or in pieces, also behind what was sent."""
    script = scripted(api, b"hel", b"lo\nrest")
    script.headers_late, script.split_headers = headers_late, split
    forward = await opened(client)
    await forward.send(b"x")
    assert await forward.read_until(b"\n", 100) == b"hello\n"
    assert await forward.read_exactly(4) == b"rest"
    await forward.close()
    (request,) = api.requests
    assert request.query["ports"] == "15000"
    assert request.headers["Sec-WebSocket-Protocol"] == "v4.channel.k8s.io"
    assert request.headers.get("Sec-WebSocket-Extensions") is None, "it is not compressed"


async def test_a_port_and_the_first_data_in_one_message(api: ApiServer, client: Client) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        for message in (b"", b"\x07odd", b"\x00\x98\x3aab", b"\x00", b"\x00cd"):
            await socket.send_bytes(message)
        await socket.receive()
        return socket

    api.routes[PATH] = serve
    forward = await opened(client)
    assert await forward.read_exactly(4) == b"abcd"
    await forward.close()


async def test_what_is_sent_is_cut_into_messages(api: ApiServer, client: Client) -> None:
    sizes: list[int] = []

    async def respond(part: bytes) -> list[bytes | None]:
        sizes.append(len(part))
        return [b"!"] if len(part) < LARGEST_MESSAGE_BYTES else []

    api.routes[PATH] = ForwardScript(respond).serve
    forward = await opened(client)
    await forward.send(b"x" * (2 * LARGEST_MESSAGE_BYTES + 5))
    assert await forward.read_exactly(1) == b"!"
    assert sizes == [LARGEST_MESSAGE_BYTES, LARGEST_MESSAGE_BYTES, 5]
    await forward.close()


async def test_a_refused_connection_in_the_pod_is_told_in_its_own_words(api: ApiServer, client: Client) -> None:
    script = scripted(api)
    script.error = REFUSED
    forward = await opened(client)
    await forward.send(b"x")
    error = await failure_of(forward.read_exactly(1))
    assert error.kind is Kind.FORWARD
    assert error.what.startswith("Pod p does not answer on its port: error forwarding port 15000")
    assert "connection refused" in error.what
    await forward.close()


async def test_a_refusal_that_comes_before_anything_is_sent_is_not_lost(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    """Sending fails then, with nothing to say; the reason lies in what was received before."""
    script = scripted(api)
    script.error, script.error_before_data = REFUSED, True
    forward = await opened(client)
    await until(lambda: script.connections == 1)
    for _ in range(20):
        await asyncio.sleep(0.001)

    async def talk() -> None:
        for _ in range(50):
            await forward.send(b"x" * 1000)
            await asyncio.sleep(0)
        await forward.read_exactly(1)

    assert (await failure_of(talk())).kind is Kind.FORWARD
    await forward.close()


async def test_data_before_the_error_is_read_first(api: ApiServer, client: Client) -> None:
    script = scripted(api, b"all of it\n")
    script.error = b"copying failed"
    forward = await opened(client)
    await forward.send(b"x")
    assert await forward.read_until(b"\n", 100) == b"all of it\n"
    assert "copying failed" in (await failure_of(forward.read_exactly(1))).what
    await forward.close()


async def test_an_end_before_the_end(api: ApiServer, client: Client) -> None:
    scripted(api, b"half", None)
    forward = await opened(client)
    await forward.send(b"x")
    error = await failure_of(forward.read_exactly(10))
    assert error.kind is Kind.CUT
    assert (await failure_of(forward.read_exactly(10))).kind is Kind.CUT, "and it stays so"
    await forward.close()


async def test_all_until_the_far_end_closes(api: ApiServer, client: Client) -> None:
    scripted(api, b"one", b"two", None)
    forward = await opened(client)
    await forward.send(b"x")
    assert await forward.read_to_end(100) == b"onetwo"
    await forward.close()


async def test_more_than_is_good_is_not_read(api: ApiServer, client: Client) -> None:
    scripted(api, b"x" * 1000)
    forward = await opened(client)
    await forward.send(b"x")
    assert "within 100 bytes" in (await failure_of(forward.read_until(b"\n", 100))).what
    assert "longer than 100 bytes" in (await failure_of(forward.read_to_end(100))).what
    await forward.close()


async def test_a_pod_that_never_answers_is_given_up(api: ApiServer, client: Client, clock: LoopClock) -> None:
    scripted(api)
    forward = await opened(client, idle_s=10.0)
    await forward.send(b"x")
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(failure_of(forward.read_exactly(1)))
        await clock.advance(9, 1)
        assert not reading.done()
        await clock.advance(3, 1)
    assert reading.result().kind is Kind.TIMEOUT
    await forward.close()


async def test_closing_while_somebody_reads_ends_the_reading(api: ApiServer, client: Client) -> None:
    script = scripted(api)
    forward = await opened(client)
    await forward.send(b"x")
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(failure_of(forward.read_exactly(1)))
        await until(lambda: script.connections == 1)
        await asyncio.sleep(0.01)
        await forward.close()
    assert reading.result().kind is Kind.CUT


async def test_a_text_message_is_not_of_this_protocol(api: ApiServer, client: Client) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        await socket.send_str("hello")
        await socket.receive()
        return socket

    api.routes[PATH] = serve
    forward = await opened(client)
    error = await failure_of(forward.read_exactly(1))
    assert error.kind is Kind.CUT
    assert WSMsgType.TEXT.name in error.detail
    await forward.close()


async def test_a_lost_connection(api: ApiServer, client: Client) -> None:
    async def respond(_request: bytes) -> list[bytes | None]:
        for request in api.requests:
            assert request.transport is not None
            request.transport.abort()
        return []

    api.routes[PATH] = ForwardScript(respond).serve
    forward = await opened(client)
    await forward.send(b"x")
    assert (await failure_of(forward.read_exactly(1))).kind is Kind.CUT
    assert (await failure_of(forward.send(b"y" * 100_000))).kind is Kind.CUT
    await forward.close()


# -- upgrades that are refused


@pytest.mark.parametrize(
    ("refusal", "kind", "says"),
    [
        (
            (403, "Forbidden", 'pods "p" is forbidden: '),
            Kind.FORWARD_FORBIDDEN,
            "may not create pods/portforward in ns",
        ),
        ((404, "NotFound", 'pods "p" not found'), Kind.GONE, "no pod p any more"),
        ((500, "", "dial tcp 10.0.0.9:10250: i/o timeout"), Kind.NODE_UNREACHABLE, "kubelet that runs pod p"),
        ((401, "Unauthorized", "Unauthorized"), Kind.UNAUTHORIZED, "not accepted"),
    ],
)
async def test_why_an_upgrade_was_refused_is_asked_once_more(
    api: ApiServer, client: Client, refusal: tuple[int, str, str], kind: Kind, says: str
) -> None:
    """aiohttp drops the body of a refused upgrade, and with it the reason."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        return status(*refusal)

    api.routes[PATH] = refuse
    error = await failure_of(opened(client))
    assert error.kind is kind
    assert says in error.what


async def test_an_upgrade_that_something_on_the_way_refuses(api: ApiServer, client: Client) -> None:
    """A plain request would be answered by the server: so it is the WebSocket that does not get through."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        if "Upgrade" in request.headers:
            return web.Response(status=403)
        return status(400, "BadRequest", "Upgrade request required")

    api.routes[PATH] = refuse
    error = await failure_of(opened(client))
    assert error.kind is Kind.PROXY
    assert "HTTP 403" in error.detail


async def test_a_server_that_does_not_answer_an_upgrade(api: ApiServer, client: Client, clock: LoopClock) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    api.routes[PATH] = never
    async with asyncio.TaskGroup() as tasks:
        opening = tasks.create_task(failure_of(opened(client)))
        await until(lambda: bool(api.requests))
        await clock.advance(12, 1)
    assert opening.result().kind is Kind.TIMEOUT


class DeadSocket:
    """One that the far end has closed: nothing can be sent, but what it said is still to be received."""

    def __init__(self, *messages: WSMessage) -> None:
        self._messages = [*messages, WSMessage(WSMsgType.CLOSED, None, None)]

    async def send_bytes(self, data: bytes) -> None:
        raise ClientConnectionResetError("Cannot write to closing transport")

    async def receive(self) -> WSMessage:
        return self._messages.pop(0)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ([b"\x00\x98\x3a", b"\x01\x98\x3a", b"\x01" + REFUSED], Kind.FORWARD, "connection refused"),
        ([b"\x00\x98\x3a"], Kind.CUT, "was lost"),
    ],
)
async def test_what_the_far_end_said_is_raised_instead_of_our_failure_to_send(
    client: Client, said: list[bytes], kind: Kind, words: str
) -> None:
    socket: Any = DeadSocket(*(WSMessage(WSMsgType.BINARY, part, None) for part in said))
    asked = client.asked("pods/portforward", verb="create", namespace="ns", name="p")
    error = await failure_of(Forward(socket, asked, idle_s=1.0).send(b"GET / HTTP/1.1\r\n\r\n"))
    assert error.kind is kind
    assert words in error.what
