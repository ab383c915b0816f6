"""Requests and streams to one API server, on one event loop; every failure leaves here as a KubeError.

Two sessions: ordinary requests share a few connections; streams have one each and never wait for a free one.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, TypeVar
from urllib.parse import unquote, urlsplit
from weakref import WeakSet

import aiohttp
from multidict import CIMultiDict

from ztui.collector import Undisturbed
from ztui.kube.dial import Dialer, UnreachedError
from ztui.kube.exceptions import in_words
from ztui.kube.failures import Asked, Kind, KubeError, failure, failure_of_answer
from ztui.kube.kubeconfig import Secret
from ztui.kube.livebody import LiveBody, ProxiedBody
from ztui.kube.pace import Pace
from ztui.kube.pieces import read_in_pieces
from ztui.kube.proxies import environment_proxy
from ztui.kube.sockets import keepalive_socket, shrink_tls_buffers, tls_context
from ztui.kube.wire import Wire, request_of

if TYPE_CHECKING:
    import ssl

    from ztui.clock import Clock
    from ztui.kube.credentials import Credential, Credentials
    from ztui.kube.kubeconfig import ClientCertificate, ClusterAccess

REQUESTS_AT_ONCE = 16
CONNECT_TIMEOUT_S = 10.0
REACH_TIMEOUT_S = 15.0
"""For name look-up and connection together; without it a resolver that is silent would hold a stream for ever."""
RETIRED_KEPT = 8
"""Pairs of sessions with client certificates of before that may still carry streams."""
LONGEST_REASON_BYTES = 64 * 1024
GOODBYE_TURNS = 20
"""Hundredths of a second in which connections may say goodbye in TLS; who does not answer is left behind."""

Params = Mapping[str, str | int]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer."""

    body: bytes
    headers: Mapping[str, str]
    asked: Asked

    def json(self) -> dict[str, Any]:
        """Read the body as a JSON object, with the cyclic collector off (a big list takes a third of the time).

        Raises KubeError(BAD_ANSWER): a proxy's login page comes with status 200 too.
        """
        try:
            with Undisturbed():
                return self._object(json.loads(self.body))
        except (ValueError, RecursionError):
            return self._object(None)

    async def json_in_pieces(self) -> dict[str, Any]:
        """Read the body as `json` does, with turns of the loop and of other threads between pieces of a long list."""
        pieces = read_in_pieces(self.body)
        with Undisturbed():
            while True:
                try:
                    next(pieces)
                except StopIteration as end:
                    return self._object(end.value)
                except (ValueError, RecursionError):
                    return self._object(None)
                await asyncio.sleep(0)

    def _object(self, found: object) -> dict[str, Any]:
        if not isinstance(found, dict):
            kind = self.headers.get("Content-Type", "without a type").partition(";")[0]
            raise failure(Kind.BAD_ANSWER, self.asked, f"it is no JSON object ({kind})")
        return found


class _Route(TypedDict):
    proxy: str | None
    proxy_headers: dict[str, str] | None
    server_hostname: str | None


class Client:
    """One user's way to one API server, for the event loop it is first used on. An async context manager."""

    def __init__(
        self,
        access: ClusterAccess,
        credentials: Credentials,
        *,
        clock: Clock,
        qps: float = 20.0,
        request_timeout_s: float = 30.0,
        agent: str = "ztui",
    ) -> None:
        self.access = access
        self.credentials = credentials
        self.clock = clock
        self._pace = Pace(qps, clock)
        self._request_timeout_s = request_timeout_s
        self._headers = _common_headers(access, agent)
        self._route = _route(access)
        self._certificate: ClientCertificate | None = None
        self._requests: aiohttp.ClientSession | None = None
        self._streams: aiohttp.ClientSession | None = None
        self._context: ssl.SSLContext | None = None
        self._dialer: Dialer | None = None
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._retired: deque[aiohttp.ClientSession] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        for session in (self._requests, self._streams, *self._retired):
            if session is not None:
                await session.close()
        self._requests = self._streams = None
        self._retired.clear()
        for _ in range(GOODBYE_TURNS):
            if all(each.fileno() < 0 for each in self._sockets):
                break
            await asyncio.sleep(0.01)

    def asked(
        self, resource: str, *, verb: str = "get", namespace: str | None = None, name: str | None = None
    ) -> Asked:
        """Describe a request, for the words of its failure."""
        login, host = self.credentials.login, self.access.host
        return Asked(host=host, verb=verb, resource=resource, namespace=namespace, name=name, login=login)

    async def get(
        self, path: str, asked: Asked, params: Params | None = None, *, timeout_s: float | None = None
    ) -> Answer:
        """GET a whole answer. Raises KubeError."""
        await self._pace.wait()
        limits = aiohttp.ClientTimeout(total=timeout_s or self._request_timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        async with self._opened(path, asked, params, limits, is_stream=False) as response:
            return Answer(body=await response.read(), headers=response.headers, asked=asked)

    @asynccontextmanager
    async def stream(
        self, path: str, asked: Asked, params: Params | None = None, *, silence_s: float | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET an answer that goes on. Raises KubeError, also from within: SILENT after `silence_s` without a byte."""
        limits = aiohttp.ClientTimeout(
            total=None, connect=REACH_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S, sock_read=silence_s
        )
        async with self._opened(path, asked, params, limits, is_stream=True) as response:
            yield response

    @asynccontextmanager
    async def follow(self, path: str, asked: Asked, params: Params) -> AsyncIterator[LiveBody]:
        """GET an answer that brings a little at a time for long, at a low price. Raises KubeError, also from within.

        Through a proxy it comes as every other stream does.
        """
        if self._route["proxy"] is not None:
            async with self.stream(path, asked, params) as response:
                yield ProxiedBody(response)
            return

        async def send(credential: Credential) -> Wire:
            wire = await self._open_wire(credential)
            headers = CIMultiDict(self._headers)
            headers.update(_authorization(credential))
            try:
                await _ask(wire, request_of(self.access.server + path, params, headers), asked)
            except BaseException:
                wire.close()
                raise
            return wire

        with in_words(asked):
            wire = await self._authorized(send, asked)
            try:
                yield wire
            finally:
                wire.close()

    async def open_websocket(
        self, path: str, asked: Asked, params: Params, protocol: str
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket, for the caller to close. Raises KubeError, with the server's own reason for refusing."""

        async def upgrade(credential: Credential) -> aiohttp.ClientWebSocketResponse:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    return await self._session(credential, is_stream=True).ws_connect(
                        self.access.server + path,
                        params=params,
                        protocols=(protocol,),
                        headers=_authorization(credential),
                        max_msg_size=0,
                        heartbeat=20.0,
                        timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                        **self._route,
                    )
            except aiohttp.WSServerHandshakeError as error:
                raise await self._refusal(error, path, asked, params) from error

        await self._pace.wait()
        with in_words(asked):
            return await self._authorized(upgrade, asked)

    @asynccontextmanager
    async def _opened(
        self, path: str, asked: Asked, params: Params | None, limits: aiohttp.ClientTimeout, *, is_stream: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        async def send(credential: Credential) -> aiohttp.ClientResponse:
            response = await self._session(credential, is_stream=is_stream).get(
                self.access.server + path,
                params=params,
                headers=_authorization(credential),
                timeout=limits,
                allow_redirects=False,
                **self._route,
            )
            if response.status != 200:
                raise await _read_refusal(response, asked)
            return response

        with in_words(asked):
            response = await self._authorized(send, asked)
            try:
                yield response
            finally:
                if (connection := response.connection) is not None and connection.transport is not None:
                    connection.transport.abort()  # it was not read to its end, and nobody waits for the rest
                response.close()

    async def _open_wire(self, credential: Credential) -> Wire:
        """Connect, and begin TLS where the server speaks it."""
        self._session(credential, is_stream=True)  # and with it the TLS context of this credential
        url = urlsplit(self.access.server)
        host = url.hostname or ""
        if self._dialer is None:
            port = url.port or (443 if url.scheme == "https" else 80)
            self._dialer = Dialer(host, port, self._new_socket, self.clock)
        try:
            async with asyncio.timeout(REACH_TIMEOUT_S):
                wire = Wire(await self._dialer.connect(CONNECT_TIMEOUT_S))
                try:
                    if self._context is not None and url.scheme == "https":
                        await wire.begin_tls(self._context, self.access.tls_server_name or host)
                except BaseException:
                    wire.close()
                    raise
        except TimeoutError as error:
            raise UnreachedError(errno.ETIMEDOUT, "it does not answer") from error
        return wire

    async def _close_oldest(self) -> None:
        """Close what is left of a client certificate long replaced; a stream on it is resumed on a new connection."""
        while len(self._retired) > 2 * RETIRED_KEPT:
            await self._retired.popleft().close()

    async def _authorized(self, send: Callable[[Credential], Awaitable[T]], asked: Asked) -> T:
        """Send with the credential of now; after a 401 once more with a renewed one, where there is such a thing."""
        credential = await self.credentials.current()
        await self._close_oldest()
        try:
            with in_words(asked):
                return await send(credential)
        except KubeError as error:
            if error.kind is not Kind.UNAUTHORIZED:
                raise
            renewed = await self.credentials.renew(credential)
            if renewed is None:
                raise
        return await send(renewed)

    async def _refusal(
        self, error: aiohttp.WSServerHandshakeError, path: str, asked: Asked, params: Params
    ) -> KubeError:
        """Why an upgrade was refused: aiohttp drops the body, so the same is asked as a plain GET."""
        if error.status == 401:
            return failure(Kind.UNAUTHORIZED, asked)
        try:
            await self.get(path, asked, params, timeout_s=CONNECT_TIMEOUT_S)
        except KubeError as reason:
            if error.status != 403 or reason.kind in (Kind.FORWARD_FORBIDDEN, Kind.FORBIDDEN, Kind.NOT_LOGGED_IN):
                return reason
        return failure(Kind.PROXY, asked, f"the upgrade to a WebSocket was refused with HTTP {error.status}")

    def _session(self, credential: Credential, *, is_stream: bool) -> aiohttp.ClientSession:
        """Give the session to use; new ones after a renewal of the client certificate, while old streams live on."""
        if self._requests is None or self._streams is None or credential.certificate != self._certificate:
            self._retired += [session for session in (self._requests, self._streams) if session is not None]
            self._certificate = credential.certificate
            shrink_tls_buffers()
            self._context = context = tls_context(self.access, credential.certificate)
            self._requests = self._new_session(context, REQUESTS_AT_ONCE)
            self._streams = self._new_session(context, 0)
        return self._streams if is_stream else self._requests

    def _new_session(self, context: Any, limit: int) -> aiohttp.ClientSession:
        """Make a session of at most `limit` connections; 0 is without bound (the default of 100 blocks silently)."""
        connector = aiohttp.TCPConnector(
            limit=limit, ssl=context, socket_factory=self._new_socket, keepalive_timeout=30.0, ttl_dns_cache=60
        )
        return aiohttp.ClientSession(
            connector=connector, headers=self._headers, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )

    def _new_socket(self, address: tuple[Any, ...]) -> socket.socket:
        made = keepalive_socket(address)
        self._sockets.add(made)
        return made


def _route(access: ClusterAccess) -> _Route:
    """Through which proxy, if any, and to which name. The proxy's password leaves its URL, which errors quote."""
    url = access.proxy_url or environment_proxy(access.server, os.environ)
    parts = urlsplit(url or "")
    headers: dict[str, str] | None = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        # Under this name aiohttp sends it as Proxy-Authorization, in a CONNECT and without one.
        headers = {"Authorization": Secret(f"Basic {base64.b64encode(login).decode()}")}
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return _Route(proxy=url, proxy_headers=headers, server_hostname=access.tls_server_name)


def _common_headers(access: ClusterAccess, agent: str) -> CIMultiDict[str]:
    headers = CIMultiDict(access.impersonate)
    headers["User-Agent"] = agent
    headers["Accept"] = "application/json, */*"
    if not access.compression:
        headers["Accept-Encoding"] = "identity"
    return headers


def _authorization(credential: Credential) -> dict[str, str]:
    return {"Authorization": credential.authorization} if credential.authorization else {}


async def _ask(wire: Wire, request: bytes, asked: Asked) -> None:
    """Send a request by a wire. Raises KubeError with the reason of a refusal."""
    await wire.send(request)
    head = await wire.head()
    if head.status != 200:
        reason = await wire.read_briefly(LONGEST_REASON_BYTES, CONNECT_TIMEOUT_S)
        raise failure_of_answer(asked, head.status, head.content_type, reason, head.headers)


async def _read_refusal(response: aiohttp.ClientResponse, asked: Asked) -> KubeError:
    """Read an answer that is no success, as far as its reason goes, and close it."""
    try:
        body = b"" if response.status == 204 else await response.content.read(LONGEST_REASON_BYTES)
        return failure_of_answer(asked, response.status, response.content_type, body, response.headers)
    finally:
        response.close()
