"""The API server: one TLS listener on loopback, who asks and whether they may, and the way to each answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from ztui.simulator.api import control, discovery, listing, logs, portforward, reviews, watching
from ztui.simulator.api.access import ANONYMOUS
from ztui.simulator.api.answers import refusal, text_answer
from ztui.simulator.api.call import Call
from ztui.simulator.api.paths import Target, read_path, verb_of
from ztui.simulator.api.permits import ADMIN, demand, forbidden_path, impersonated
from ztui.simulator.api.status import ApiError
from ztui.simulator.api.tls import LOOPBACK

if TYPE_CHECKING:
    from ztui.simulator.api.host import Host

_NOT_FOUND = "404 page not found\n"
_BUSY = "Too many requests, please try again later."
_BACKLOG = 1_024
_LAST_WORDS_S = 0.05
"""Time for the answer to the request that asked for the restart."""


class ApiServer:
    """Serves a host. `port` is 0 until it listens, and stays the same over restarts."""

    def __init__(self, host: Host, context: ssl.SSLContext, *, port: int = 0) -> None:
        self._host = host
        self._context = context
        self.port = port
        self._restarts: asyncio.Queue[float] = asyncio.Queue()
        self.on_token: Callable[[], None] = lambda: None
        self._control = control.Control(host, self._restarts.put_nowait, self._tell_token)
        self._listener: asyncio.Server | None = None
        self._web = web.Server(self._answer, access_log=None, handler_cancellation=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://{LOOPBACK}:{self.port}"

    async def listen(self) -> None:
        """Begin to listen. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            self._web, LOOPBACK, self.port, ssl=self._context, backlog=_BACKLOG, reuse_address=True
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def serve(self) -> None:
        """Go on until cancelled; a restart closes everything, pauses, and listens on the same port again."""
        try:
            while True:
                pause_s = await self._restarts.get()
                await asyncio.sleep(_LAST_WORDS_S)
                self.close()
                await asyncio.sleep(pause_s)
                await self.listen()
        finally:
            self.close()

    def close(self) -> None:
        """Listen no more, and break every connection off."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._web.connections):
            if connection.transport is not None:
                connection.transport.abort()

    def _tell_token(self) -> None:
        self.on_token()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if self._host.faults.slow_s > 0 and not request.path.startswith(control.PREFIX):
                await asyncio.sleep(self._host.faults.slow_s)
            return await self._find_answer(request)
        except ApiError as error:
            return refusal(error)

    async def _find_answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        user = self._host.accounts.who(request.headers.get("Authorization"), certificate_name(request))
        user = impersonated(user, request.headers.get("Impersonate-User"))
        if (answer := discovery.public(path)) is not None:
            return answer
        if path.startswith(control.PREFIX):
            return await self._control.answer(request, user)
        if reviews.is_review(path) and user != ANONYMOUS:
            return await reviews.review(self._host, request, user)
        target = read_path(path)
        if target is not None:
            return await self._resource(request, user, target)
        if user == ANONYMOUS:
            raise forbidden_path(user, path)
        answer = discovery.discovery(path)
        if answer is None and user != ADMIN:
            raise forbidden_path(user, path)
        return answer if answer is not None else text_answer(_NOT_FOUND, 404)

    async def _resource(self, request: web.BaseRequest, user: str, target: Target) -> web.StreamResponse:
        verb = verb_of(request.method, target, request.query)
        call = Call(host=self._host, request=request, user=user, target=target)
        if target.rbac_resource == "pods/portforward" and request.method in ("GET", "POST"):
            return await portforward.serve_portforward(call)
        demand(self._host, user, verb, target)
        if self._host.faults.too_many and verb in ("list", "watch"):
            raise ApiError(429, _BUSY, retry_after_s=self._host.faults.retry_after_s)
        if request.method != "GET":
            raise ApiError(405, "the server does not allow this method on the requested resource")
        if target.rbac_resource == "pods/log":
            return await logs.serve_log(call)
        if target.part is not None:
            return text_answer(_NOT_FOUND, 404)
        if verb == "watch":
            return await watching.watch_objects(call)
        return listing.get_object(call) if verb == "get" else listing.list_objects(call)


def certificate_name(request: web.BaseRequest) -> str | None:
    """Find the common name of the client's certificate, which TLS has verified; None where it shows none."""
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport is not None else None
    for part in (certificate or {}).get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return None
