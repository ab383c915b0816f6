"""One connection of our own: TLS and HTTP of servers that are slow, rude or broken, and a reader that fails."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.kube.apiserver import Authority
from tests.kube.conftest import LoopClock, until
from ztui.kube.dial import Dialer, UnreachedError
from ztui.kube.sockets import keepalive_socket
from ztui.kube.tls import NotTlsError
from ztui.kube.wire import LONGEST_HEAD_BYTES, NotHttpError, Wire, request_of

OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: now\r\n\r\n"
LINE = b"5\r\nline\n\r\n"
Speaks = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def wired(speaks: Speaks, authority: Authority | None = None) -> AsyncIterator[Wire]:
    """A wire to a server that speaks as it is told once it has read a request; with an authority it does so in TLS."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await speaks(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    context = None if authority is None else authority.server_context()
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        wire = await connected(server.sockets[0].getsockname()[1])
        try:
            if authority is not None:
                await wire.begin_tls(ssl.create_default_context(cadata=authority.pem.decode()), "localhost")
            yield wire
        finally:
            wire.close()


async def connected(port: int) -> Wire:
    return Wire(await dialer("127.0.0.1", port).connect(5.0))


def dialer(host: str, port: int) -> Dialer:
    return Dialer(host, port, keepalive_socket, LoopClock(asyncio.get_running_loop()))


async def ask(wire: Wire) -> None:
    await wire.send(request_of("http://k.test:1/log", {"follow": "true"}, {"User-Agent": "ztui"}))


def says(*parts: bytes) -> Speaks:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.001)

    return speak


@pytest.mark.parametrize("is_secure", [False, True])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_a_body_comes_whole_however_the_server_cuts_it(authority: Authority, is_secure: bool, size: int) -> None:
    answer = b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LINE * 3 + b"0\r\n\r\n"
    parts = [answer[at : at + size] for at in range(0, len(answer), size)]
    async with wired(says(*parts), authority if is_secure else None) as wire:
        await ask(wire)
        head = await wire.head()
        assert (head.status, wire.headers["date"]) == (200, "now")
        found = [await wire.read()]
        await wire.pour(found.append)
    assert b"".join(found) == b"line\n" * 3


async def test_more_than_one_record_and_one_turn_hold(authority: Authority) -> None:
    """What OpenSSL has decrypted is not left lying where no selector sees it."""
    body = bytes(range(256)) * 8192
    async with wired(says(OK, b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"), authority) as wire:
        await ask(wire)
        await wire.head()
        found: list[bytes] = []
        async with asyncio.timeout(10):
            await wire.pour(found.append)
    assert b"".join(found) == body


async def test_a_body_without_frame_ends_with_its_connection() -> None:
    async with wired(says(b"HTTP/1.0 200 OK\r\n\r\n", b"all ", b"of it")) as wire:
        await ask(wire)
        await wire.head()
        found: list[bytes] = []
        await wire.pour(found.append)
        assert await wire.read() == b""
    assert b"".join(found) == b"all of it"


@pytest.mark.parametrize("is_secure", [False, True])
@pytest.mark.parametrize("how", ["closed", "reset", "framing"])
async def test_what_came_before_a_break_is_handed_on_and_the_break_is_told(
    authority: Authority, how: str, is_secure: bool
) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + LINE)
        await writer.drain()
        await until(lambda: bool(found))
        if how == "framing":
            writer.write(b"nonsense\r\n")
            await reader.read()
        elif how == "reset":
            writer.transport.abort()

    found: list[bytes] = []
    async with wired(speak, authority if is_secure else None) as wire:
        await ask(wire)
        await wire.head()
        with pytest.raises(aiohttp.ClientPayloadError):
            await wire.pour(found.append)
    assert found == [b"line\n"]


class Dying:
    """A socket whose peer has not answered for as long as the kernel waits."""

    def __init__(self, alive: socket.socket) -> None:
        self._alive = alive

    def fileno(self) -> int:
        return self._alive.fileno()

    def recv(self, size: int) -> bytes:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    def close(self) -> None:
        self._alive.close()


async def test_a_peer_that_died_is_a_cut_and_no_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    async with wired(says(OK + LINE, LINE, LINE)) as wire:
        await ask(wire)
        await wire.head()
        assert await wire.read() == b"line\n"
        monkeypatch.setattr(wire, "_socket", Dying(wire._socket))
        with pytest.raises(aiohttp.ClientPayloadError, match="timed out"):
            await wire.pour(print)


async def test_a_reader_that_fails_is_told_of_its_own_failure() -> None:
    def fail(piece: bytes) -> None:
        raise ZeroDivisionError

    async with wired(says(OK, LINE, LINE, LINE)) as wire:
        await ask(wire)
        await wire.head()
        with pytest.raises(ZeroDivisionError):
            await wire.pour(fail)


async def test_a_wait_that_is_given_up_leaves_nothing_behind() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await reader.read()

    async with wired(silent) as wire:
        await ask(wire)
        await wire.head()
        for wait in (wire.read, lambda: wire.pour(print)):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await wait()
            assert not asyncio.get_running_loop().remove_reader(wire._socket)
        assert await wire.read_briefly(100, 0.01) == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 \xd9\xa3\xd9\xa3 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * LONGEST_HEAD_BYTES + b"\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused(answer: bytes) -> None:
    async with wired(says(answer)) as wire:
        await ask(wire)
        with pytest.raises(NotHttpError):
            await wire.head()


async def test_a_server_that_hangs_up_before_it_answers() -> None:
    async with wired(says(b"HTTP/1.1 200 O")) as wire:
        await ask(wire)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await wire.head()


async def test_tls_that_cannot_begin_and_one_that_never_does(authority: Authority) -> None:
    context = ssl.create_default_context(cadata=authority.pem.decode())

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(rude, "127.0.0.1", 0) as server:
        wire = await connected(server.sockets[0].getsockname()[1])
        with pytest.raises(NotTlsError):
            await wire.begin_tls(context, "localhost")
        wire.close()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        wire = await connected(silent.getsockname()[1])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wire.begin_tls(context, "localhost")
        wire.close()


def test_no_header_breaks_out_of_its_line() -> None:
    request = request_of("https://me@k.test:6443/base/log", {"sinceTime": "2026-01-01T00:00:00+01:00"}, {"A": "b"})
    assert request.splitlines()[:3] == [
        b"GET /base/log?sinceTime=2026-01-01T00%3A00%3A00%2B01%3A00 HTTP/1.1", b"Host: k.test:6443", b"A: b",
    ]  # fmt: skip
    for value in ("a\r\nX: y", "a\nX: y", "a\0"):
        with pytest.raises(ValueError, match="more than one line"):
            request_of("https://k.test/log", {}, {"Authorization": value})


# -- connecting


async def test_nobody_at_any_address_says_why() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(UnreachedError) as caught:
            await dialer("127.0.0.1", bound.getsockname()[1]).connect(5.0)
    assert caught.value.errno == errno.ECONNREFUSED
    with pytest.raises(socket.gaierror):
        await dialer("no-such-host.invalid", 1).connect(5.0)


async def test_the_other_address_is_tried_and_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        asked: list[str] = []

        async def look_up(host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.9", "127.0.0.1")]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        there = dialer("k.test", port)
        for _ in range(3):
            found = await there.connect(5.0)
            assert found.getpeername() == ("127.0.0.1", port)
            found.close()
    assert asked == ["k.test"]
