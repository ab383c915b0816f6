"""Requests to a server that does what servers do, over real TLS; each failure arrives in two plain lines."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import resource
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.kube.apiserver import ApiServer, Authority, Cut, stamp, status, write_script
from tests.kube.conftest import LoopClock, until
from ztui.kube.client import RETIRED_KEPT, Client
from ztui.kube.credentials import Credentials
from ztui.kube.failures import Kind, KubeError
from ztui.kube.kubeconfig import ClusterAccess, Plugin, Secret, Token, TokenFile
from ztui.kube.sockets import TLS_BUFFER_BYTES, keepalive_socket, raise_file_limit, shrink_tls_buffers

CANARY = "canary-19cd"


def client_of(access: ClusterAccess, clock: LoopClock, **options: Any) -> Client:
    return Client(
        access, Credentials(access, clock), clock=clock, **({"qps": 1000.0, "request_timeout_s": 5.0} | options)
    )


async def get(client: Client, path: str = "/version") -> Any:
    return (await client.get(path, client.asked("pods", verb="list"))).json()


async def follow(client: Client, path: str = "/version") -> bytes:
    asked = client.asked("pods/log", namespace="ns", name="p")
    parts: list[bytes] = []
    async with client.follow(path, asked, {"follow": "true"}) as body:
        parts.append(await body.read())
        await body.pour(parts.append)
    return b"".join(parts)


WAYS = (get, follow)


async def failure_of(
    access: ClusterAccess, clock: LoopClock, path: str = "/version", *, ways: Any = WAYS, **options: Any
) -> KubeError:
    """A request fails, and what is followed fails the same way."""
    found: list[KubeError] = []
    for way in ways:
        async with client_of(access, clock, **options) as client:
            with pytest.raises(KubeError) as caught:
                await way(client, path)
            found.append(caught.value)
    assert len({(error.kind, error.retry_after) for error in found}) == 1, found
    return found[0]


# -- what works


async def test_an_answer_over_tls_that_is_verified(api: ApiServer, client: Client) -> None:
    assert await get(client) == {"gitVersion": "v1.36.1"}
    (request,) = api.requests
    assert request.headers["User-Agent"] == "ztui"
    assert "Authorization" not in request.headers
    assert "gzip" in request.headers["Accept-Encoding"]


async def test_what_the_kubeconfig_wants_is_sent(api: ApiServer, clock: LoopClock) -> None:
    groups = (("Impersonate-User", "jane"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b"))
    access = replace(api.access(Token(token=Secret("abc"))), impersonate=groups, compression=False)
    async with client_of(access, clock, agent="ztui/9") as client:
        await get(client)
    headers = api.requests[0].headers
    assert headers["Authorization"] == "Bearer abc"
    assert headers["Impersonate-User"] == "jane"
    assert headers.getall("Impersonate-Group") == ["a", "b"]
    assert headers["Accept-Encoding"] == "identity"
    assert headers["User-Agent"] == "ztui/9"


async def test_a_server_behind_a_path(api: ApiServer, clock: LoopClock) -> None:
    api.routes["/k8s/c-1/version"] = api.routes["/version"]
    access = replace(api.access(), server=f"https://127.0.0.1:{api.port}/k8s/c-1")
    async with client_of(access, clock) as client:
        assert (await get(client))["gitVersion"]


async def test_a_client_certificate_is_shown_and_leaves_no_file(
    api: ApiServer, clock: LoopClock, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[Any] = []

    async def who(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        seen.append(request.transport.get_extra_info("peercert"))
        return web.json_response({})

    api.routes["/version"] = who
    async with client_of(api.access(certificate=authority.issue("jane")), clock) as client:
        await get(client)
    assert seen[0]["subject"] == ((("commonName", "jane"),),)
    assert os.listdir(tmp_path) == []  # noqa: PTH208  an async function


async def test_tls_server_name_says_for_which_name_it_shall_be(authority: Authority, clock: LoopClock) -> None:
    api = ApiServer(authority)
    await api.start(authority.server_context(hosts=("inner.test",)))
    error = await failure_of(api.access(), clock)
    assert error.kind is Kind.CERTIFICATE
    assert "mismatch" in error.what
    assert "tls-server-name" in error.remedy
    async with client_of(replace(api.access(), tls_server_name="inner.test"), clock) as client:
        assert (await get(client))["gitVersion"]
        asked = client.asked("pods/portforward")
        with pytest.raises(KubeError) as caught:
            await client.open_websocket("/none", asked, {"ports": 1}, "v4.channel.k8s.io")
        assert caught.value.kind is Kind.ABSENT, "the WebSocket got through TLS as well"
    await api.stop()


# -- TLS that is not to be trusted


async def test_an_unknown_authority_is_not_trusted(api: ApiServer, clock: LoopClock) -> None:
    for other in (None, Authority().pem):
        error = await failure_of(replace(api.access(), authority=other), clock)
        assert error.kind is Kind.CERTIFICATE
        assert "is not trusted" in error.what
        assert "certificate-authority" in error.remedy
    assert not api.requests


async def test_insecure_skip_tls_verify_does_so(api: ApiServer, clock: LoopClock) -> None:
    async with client_of(replace(api.access(), authority=None, insecure=True), clock) as client:
        assert (await get(client))["gitVersion"]


async def test_an_expired_certificate_of_the_server(authority: Authority, clock: LoopClock) -> None:
    api = ApiServer(authority)
    await api.start(authority.server_context(days=-1))
    error = await failure_of(api.access(), clock)
    assert "has expired" in error.what
    assert "Renew" in error.remedy
    await api.stop()


@pytest.mark.parametrize("part", ["authority", "certificate", "key"])
async def test_pem_that_is_none_is_a_matter_of_the_kubeconfig(
    api: ApiServer, authority: Authority, clock: LoopClock, part: str
) -> None:
    pair, garbage = authority.issue("jane"), f"-----BEGIN {CANARY}".encode()
    access = api.access(certificate=pair)
    if part == "authority":
        access = replace(access, authority=b"\xff" + garbage)
    else:
        access = replace(access, certificate=replace(pair, **{part: garbage}))
    error = await failure_of(access, clock)
    assert error.kind is Kind.CONFIG
    assert CANARY not in error.what + error.detail


# -- a server that is not there, or not what it should be


@pytest.fixture
def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def test_nothing_answers(clock: LoopClock, free_port: int) -> None:
    error = await failure_of(ClusterAccess(context="c", server=f"https://127.0.0.1:{free_port}"), clock)
    assert error.what == f"Nothing answers at 127.0.0.1:{free_port}."
    assert error.is_of_server


async def test_a_name_that_does_not_exist(clock: LoopClock) -> None:
    error = await failure_of(ClusterAccess(context="c", server="https://no-such-host.invalid:6443"), clock)
    assert error.kind is Kind.DNS
    assert "no-such-host.invalid:6443" in error.what


@asynccontextmanager
async def serving(answer: bytes | None) -> AsyncIterator[int]:
    """A server without TLS that gives one answer whatever is asked, or none ever."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if answer is not None:
            writer.write(answer)
        else:
            while await reader.read(65_536):
                pass
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_server_that_speaks_no_tls(clock: LoopClock) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        error = await failure_of(ClusterAccess(context="c", server=f"https://127.0.0.1:{port}"), clock)
    assert error.kind is Kind.NOT_TLS


async def test_a_server_that_never_answers(clock: LoopClock) -> None:
    async with serving(None) as port:
        access = ClusterAccess(context="c", server=f"http://127.0.0.1:{port}")
        async with client_of(access, clock, request_timeout_s=3.0) as client, asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(_kind_of_failure(client))
            await clock.advance(4, 0.5)
            assert await asking is Kind.TIMEOUT


async def _kind_of_failure(client: Client) -> Kind:
    with pytest.raises(KubeError) as caught:
        await get(client)
    return caught.value.kind


async def test_garbage_instead_of_http(clock: LoopClock) -> None:
    async with serving(b"SSH-2.0-OpenSSH_9.6\r\n") as port:
        error = await failure_of(ClusterAccess(context="c", server=f"http://127.0.0.1:{port}"), clock)
    assert error.kind is Kind.BAD_ANSWER
    assert error.remedy == "Is it an API server?"


@pytest.mark.parametrize(
    ("body", "kind"),
    [("<html>Sign in to Wi-Fi</html>", "text/html"), ("[1]", "application/json"), ("{", "a/b")],
)
async def test_a_login_page_with_status_200_is_no_answer(
    api: ApiServer, clock: LoopClock, body: str, kind: str
) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type=kind)

    api.routes["/version"] = page
    error = await failure_of(api.access(), clock, ways=(get,))
    assert error.kind is Kind.BAD_ANSWER
    assert f"it is no JSON object ({kind})" in error.what


async def test_a_redirect_is_not_followed(api: ApiServer, clock: LoopClock) -> None:
    """The credentials are for this server and no other."""

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "https://elsewhere.test/"})

    api.routes["/version"] = elsewhere
    assert (await failure_of(api.access(Token(token=Secret("abc"))), clock)).kind is Kind.BAD_ANSWER
    assert len(api.requests) == len(WAYS)


async def test_an_answer_that_breaks_off(api: ApiServer, clock: LoopClock) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    api.routes["/version"] = half
    assert (await failure_of(api.access(), clock)).kind is Kind.CUT


async def test_a_busy_server_is_believed_how_long(api: ApiServer, clock: LoopClock) -> None:
    async def busy(request: web.Request) -> web.StreamResponse:
        return web.Response(status=429, text="Too many requests", headers={"Retry-After": "9"})

    api.routes["/version"] = busy
    assert (await failure_of(api.access(), clock)).retry_after == 9.0


async def test_a_proxy_that_refuses_and_one_that_is_not_there(api: ApiServer, clock: LoopClock, free_port: int) -> None:
    async with serving(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as port:
        error = await failure_of(replace(api.access(), proxy_url=f"http://me:{CANARY}@127.0.0.1:{port}"), clock)
    assert error.kind is Kind.PROXY
    assert CANARY not in "".join(traceback.format_exception(error))
    error = await failure_of(replace(api.access(), proxy_url=f"http://127.0.0.1:{free_port}"), clock)
    assert error.kind is Kind.PROXY_UNREACHABLE


async def test_a_proxy_is_gone_through(api: ApiServer, clock: LoopClock) -> None:
    """A tunnel by CONNECT; TLS is still verified with the server behind it."""
    heads: list[list[bytes]] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).splitlines())
        there, back = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pump(reader, back))
            tasks.create_task(_pump(there, writer))

    async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        access = replace(api.access(Token(token=Secret("abc"))), proxy_url=f"http://me:p%40ss@127.0.0.1:{port}")
        async with client_of(access, clock) as client:
            assert (await get(client))["gitVersion"]
            assert b"gitVersion" in await follow(client), "a log goes the same way"
    assert len(heads) == len(WAYS)
    for head in heads:
        assert head[0] == f"CONNECT 127.0.0.1:{api.port} HTTP/1.1".encode()
        assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:p@ss") in head
        assert not any(b"abc" in line for line in head), "the token is not for the proxy"
    assert api.requests[0].headers["Authorization"] == "Bearer abc"
    assert "Proxy-Authorization" not in api.requests[0].headers


async def test_a_server_without_tls_behind_a_proxy(clock: LoopClock) -> None:
    heads: list[list[bytes]] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).splitlines())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        access = ClusterAccess(context="c", server="http://k.test:8080", proxy_url=f"http://me:pw@127.0.0.1:{port}")
        async with client_of(access, clock) as client:
            assert await get(client) == {}
            assert await follow(client) == b"{}"
    assert heads[1][0] == b"GET http://k.test:8080/version?follow=true HTTP/1.1"
    assert heads[0][0] == b"GET http://k.test:8080/version HTTP/1.1"
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:pw") in heads[0]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


# -- 401


async def test_after_a_401_the_plugin_runs_once_more_and_the_request_is_sent_again(
    api: ApiServer, clock: LoopClock, tmp_path: Path
) -> None:
    said = '{"apiVersion": "v1", "status": {"token": "old"}}'
    script = f"echo run >> {tmp_path}/runs; [ -e {tmp_path}/new ] && s=new || s=old; echo '{said}' | sed s/old/$s/"
    command = str(write_script(tmp_path / "login", script))
    access = api.access(Plugin(command=command, args=("get-token", f"--secret={CANARY}"), api_version="v1"))
    async with client_of(access, clock) as client:
        api.tokens = {"old"}
        await get(client)
        api.tokens = {"new"}
        (tmp_path / "new").touch()
        await clock.advance(20, 20)
        api.requests.clear()
        assert (await asyncio.gather(*(get(client) for _ in range(5))))[0]["gitVersion"]
        assert (tmp_path / "runs").read_text().count("run") == 2
        assert len(api.requests) == 10

        api.tokens = {"newer"}
        await clock.advance(20, 20)
        api.requests.clear()
        with pytest.raises(KubeError) as caught:
            await get(client)
        assert caught.value.kind is Kind.UNAUTHORIZED
        assert caught.value.remedy == "Log in again (login get-token)."
        assert len(api.requests) == 1, "the plugin gave the same again: no use in sending it"
        client.credentials.close()


async def test_a_401_of_a_stream_and_of_a_websocket_renews_too(
    api: ApiServer, clock: LoopClock, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    async with client_of(api.access(TokenFile(path=file)), clock) as client:
        asked = client.asked("pods/log", namespace="ns", name="p")
        for new in ("one", "two"):
            await client.credentials.current()
            file.write_text(new)
            api.tokens = {new}
            await clock.advance(20, 20)
            if new == "one":
                async with client.stream("/version", asked) as response:
                    assert await response.read()
            else:
                with pytest.raises(KubeError) as caught:
                    await client.open_websocket("/none", asked, {"ports": 1}, "v4.channel.k8s.io")
                assert caught.value.kind is Kind.ABSENT, "not UNAUTHORIZED"
        client.credentials.close()


async def test_a_plugin_that_fails_after_a_401_says_why(api: ApiServer, clock: LoopClock, tmp_path: Path) -> None:
    said = '{"apiVersion": "v1", "status": {"token": "old"}}'
    script = f"[ -e {tmp_path}/out ] && echo 'session over, run aws sso login' >&2 && exit 1; echo '{said}'"
    access = api.access(Plugin(command=str(write_script(tmp_path / "login", script)), api_version="v1"))
    async with client_of(access, clock) as client:
        await get(client)
        api.tokens = set()
        (tmp_path / "out").touch()
        await clock.advance(20, 20)
        with pytest.raises(KubeError) as caught:
            await get(client)
        assert caught.value.kind is Kind.CREDENTIALS
        assert "session over, run aws sso login" in caught.value.what
        client.credentials.close()


# -- streams, sessions, pace


async def test_a_stream_is_cut_off_from_a_server_that_falls_silent(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    api.log.write(1.0, "a")
    api.log.cuts = [Cut(after=len(stamp(1.0)) + 3, how="silence")]
    asked = client.asked("pods/log", namespace="ns", name="p")

    async def read() -> Kind:
        path = "/api/v1/namespaces/ns/pods/p/log"
        try:
            async with client.stream(path, asked, {"follow": "true"}, silence_s=150.0) as response:
                async for _ in response.content.iter_any():
                    pass
        except KubeError as error:
            return error.kind
        raise AssertionError("it ended well")

    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read())
        await until(lambda: api.log.followers == 1)
        await clock.advance(140, 10)
        assert not reading.done()
        await clock.advance(20, 5)
        assert await reading is Kind.SILENT


async def test_streams_do_not_wait_for_each_other_and_requests_are_few_at_once(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    peers: set[Any] = set()

    async def slow(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        await asyncio.sleep(0)
        return web.json_response({})

    api.routes["/version"] = slow
    asked = client.asked("pods/log", namespace="ns", name="p")

    async def hold(release: asyncio.Event) -> None:
        path = "/api/v1/namespaces/ns/pods/p/log"
        async with client.stream(path, asked, {"follow": "true", "container": "c"}):
            await release.wait()

    release = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(120):
            tasks.create_task(hold(release))
        await until(lambda: api.log.followers == 120)
        await asyncio.gather(*(get(client) for _ in range(60)))
        release.set()
    assert len(peers) <= 16


async def test_requests_come_at_the_pace_that_is_allowed(api: ApiServer, clock: LoopClock) -> None:
    async with client_of(api.access(), clock, qps=10.0, request_timeout_s=60.0) as client, asyncio.TaskGroup() as tasks:
        for _ in range(60):
            tasks.create_task(get(client))
        await until(lambda: len(api.requests) >= 20)
        assert len(api.requests) < 25, "two seconds' worth at once"
        began = clock.monotonic()
        while len(api.requests) < 60:
            await clock.advance(0.1, 0.1)
            await asyncio.sleep(0.001)
        assert 3.5 <= clock.monotonic() - began <= 6


async def test_a_renewed_client_certificate_leaves_old_streams_alone(
    api: ApiServer, clock: LoopClock, authority: Authority
) -> None:
    access = api.access(certificate=authority.issue("jane"))
    async with client_of(access, clock) as client:
        asked = client.asked("pods/log", namespace="ns", name="p")
        first = await client.credentials.current()
        async with client.stream("/api/v1/namespaces/ns/pods/p/log", asked, {"follow": "true"}) as response:
            renewed = [replace(first, certificate=authority.issue("jane")) for _ in range(RETIRED_KEPT)]
            for credential in renewed:
                client.credentials._credential = credential
                await get(client)
            api.log.write(1.0, "still here")
            assert b"still here" in await response.content.readany()
        client.credentials._credential = replace(renewed[-1], certificate=replace(renewed[-1].certificate))  # type: ignore[type-var]
        before = len(client._retired)
        await get(client)
        assert len(client._retired) == before, "an equal certificate is no other one"
        for _ in range(5):
            client.credentials._credential = replace(first, certificate=authority.issue("jane"))
            await get(client)
        assert len(client._retired) <= 2 * RETIRED_KEPT + 2, "what is kept of the past is bounded"


# -- sockets


async def test_each_stream_has_a_small_tls_buffer_and_a_socket_that_notices(
    api: ApiServer, client: Client, clock: LoopClock
) -> None:
    """asyncio's 256 KiB a connection would be 250 MB for a thousand log streams."""
    asked = client.asked("pods/log", namespace="ns", name="p")
    async with client.stream("/api/v1/namespaces/ns/pods/p/log", asked, {"follow": "true"}) as response:
        assert response.connection is not None
        transport: Any = response.connection.transport
        assert len(transport._ssl_protocol._ssl_buffer) == TLS_BUFFER_BYTES
        made = transport.get_extra_info("socket")
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30


def test_the_tls_buffer_is_still_where_it_was() -> None:
    """An attribute nobody promises: when asyncio drops it, streams need more memory, and this says so."""
    from asyncio import sslproto  # noqa: PLC0415

    shrink_tls_buffers()
    assert sslproto.SSLProtocol.max_size == TLS_BUFFER_BYTES


def test_a_socket_that_lacks_an_option_is_still_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ztui.kube.sockets._KEEPALIVE", (("TCP_KEEPIDLE", -1), ("NO_SUCH_OPTION", 1)))
    with keepalive_socket((socket.AF_INET, socket.SOCK_STREAM, 0)) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_the_file_limit_is_raised_as_far_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [256, 4096]

    def raise_to(_kind: int, wanted: tuple[int, int]) -> None:
        if wanted[0] > 2048:
            raise ValueError("not allowed to exceed maximum limit")
        limits[:] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _kind: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", raise_to)
    assert raise_file_limit(200) == 256, "it is never lowered"
    assert raise_file_limit(1456) == 1456
    assert raise_file_limit(9000) == 1456, "macOS has a limit that it does not tell"
    limits[:] = [resource.RLIM_INFINITY, resource.RLIM_INFINITY]
    assert raise_file_limit(9000) == 9000


# -- secrets


async def test_a_token_shows_in_no_failure_and_no_log(
    api: ApiServer, clock: LoopClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever fails, with its causes, their texts, and even the variables of every frame."""
    caplog.set_level(logging.DEBUG)

    async def refuse(request: web.Request) -> web.StreamResponse:
        return status(401, "Unauthorized", "invalid bearer token")

    api.routes["/refused"] = api.routes["/api/v1/x"] = refuse
    access = api.access(Token(token=Secret(CANARY)))
    async with client_of(access, clock) as client:
        asked = client.asked("pods/portforward", namespace="ns", name="p")
        for attempt in (
            client.get("/refused", asked),
            client.get("/absent", asked),
            client.open_websocket("/api/v1/x", asked, {"ports": 1}, "v4.channel.k8s.io"),
            client.open_websocket("/absent", asked, {"ports": 1}, "v4.channel.k8s.io"),
        ):
            with pytest.raises(KubeError) as caught:
                await attempt
            assert CANARY not in "".join(traceback.format_exception(caught.value))
            assert CANARY not in _everything(caught.value)
        assert CANARY not in f"{client!r} {client.access!r} {await client.credentials.current()!r}"
    assert all(request.headers["Authorization"] == f"Bearer {CANARY}" for request in api.requests)
    assert CANARY not in caplog.text


def _everything(error: BaseException) -> str:
    """What a traceback with variables would print of our own frames, and each exception's repr."""
    parts: list[str] = []
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None:
            continue
        parts.append(repr(one))
        parts += [repr(getattr(one, name, "")) for name in ("request_info", "headers", "history", "detail")]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "/ztui/" in frame.f_code.co_filename:
                parts += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        pending += [one.__cause__, one.__context__]
    return "\n".join(parts)
