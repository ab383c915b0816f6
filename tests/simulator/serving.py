"""The API server in this process, on a stepped clock, and a client that logs in as anybody."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from tests.simulator.worlds import START_US, make_world
from ztui.simulator.api.host import Host
from ztui.simulator.api.server import ApiServer
from ztui.simulator.api.tls import Signer
from ztui.simulator.clock import WorldClock
from ztui.simulator.cluster import Pod

Json = dict[str, Any]


@dataclass
class Answer:
    code: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found

    @property
    def lines(self) -> list[str]:
        return self.body.decode().splitlines()


@dataclass
class Api:
    host: Host
    server: ApiServer
    session: aiohttp.ClientSession
    context: ssl.SSLContext

    def _headers(self, user: str | None, accept: str) -> dict[str, str]:
        found = {"Accept": accept}
        if user is not None:
            found["Authorization"] = f"Bearer {self.host.accounts.tokens[user]}"
        return found

    async def get(self, path: str, user: str | None = "admin", accept: str = "application/json") -> Answer:
        async with self.session.get(self.server.url + path, headers=self._headers(user, accept)) as response:
            return Answer(response.status, response.headers, await response.read())

    async def post(self, path: str, value: Any, user: str | None = "admin") -> Answer:
        headers = self._headers(user, "application/json")
        async with self.session.post(self.server.url + path, json=value, headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())

    async def control(self, what: str, value: Any) -> Json:
        answer = await self.post(f"/simulator/{what}", value)
        assert answer.code == 200, answer.body
        return answer.json

    @asynccontextmanager
    async def stream(self, path: str, user: str = "admin", accept: str = "application/json") -> AsyncIterator[Stream]:
        async with self.session.get(self.server.url + path, headers=self._headers(user, accept)) as response:
            yield Stream(response)

    def ztunnel_pod(self, node: str = "w1") -> Pod:
        return self.host.world.ztunnels[node].pod

    def log_path(self, node: str = "w1", query: str = "") -> str:
        return f"/api/v1/namespaces/istio-system/pods/{self.ztunnel_pod(node).name}/log?{query}"


class Stream:
    """A chunked answer, line by line."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def line(self) -> str:
        async with asyncio.timeout(10):
            return (await self.response.content.readline()).decode()

    async def event(self) -> Json:
        found: Json = json.loads(await self.line())
        return found

    async def rest(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.response.content.read()


@asynccontextmanager
async def serving(signer: Signer, scenario: str | None = None, **wanted: Any) -> AsyncIterator[Api]:
    """Serve a small stepped world, its history lived through."""
    world = make_world(scenario, **{"nodes": 2, "rate": 20.0, **wanted})
    host = Host(world, WorldClock(start_us=START_US, stepped=True))
    world.advance(START_US)
    host.warm.set()
    server = ApiServer(host, signer.server_context())
    context = ssl.create_default_context(cadata=signer.pem.decode())
    await server.listen()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(server.serve())
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            yield Api(host, server, session, context)
        task.cancel()


def selector(text: str) -> str:
    return quote(text, safe="")


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop run until something is so, ten seconds at most."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 -- nothing rings when a server forgets a client
            await asyncio.sleep(0.01)
