"""Shared: a certificate authority, a test API server, a clock that can be moved on while sockets stay real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.kube.apiserver import ApiServer, Authority
from ztui.kube.client import Client
from ztui.kube.credentials import Credentials


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


class LoopClock:
    """The loop's own time, which `advance` moves: every timer that is due by then fires."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._real = loop.time
        self._ahead = 0.0
        loop.time = self.monotonic  # type: ignore[method-assign]

    def monotonic(self) -> float:
        return self._real() + self._ahead

    def now(self) -> float:
        return 1_767_225_600.0 + self.monotonic()

    async def advance(self, seconds: float, step_s: float = 1.0) -> None:
        """Let `seconds` go by in steps, with real I/O in between."""
        while seconds > 0:
            self._ahead += min(step_s, seconds)
            seconds -= step_s
            await settle()


async def settle(turns: int = 12) -> None:
    """Let what is ready run, sockets included."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def until(condition: object, timeout_s: float = 5.0) -> None:
    """Wait for something to become true, in real time and not long."""
    assert callable(condition)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not condition():
        assert loop.time() < deadline, "it never became true"
        await asyncio.sleep(0.002)


@pytest.fixture
async def clock() -> LoopClock:
    return LoopClock(asyncio.get_running_loop())


@pytest.fixture
async def api(authority: Authority) -> AsyncIterator[ApiServer]:
    server = ApiServer(authority)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(api: ApiServer, clock: LoopClock) -> AsyncIterator[Client]:
    access = api.access()
    async with Client(access, Credentials(access, clock), clock=clock, qps=1000.0, request_timeout_s=10.0) as made:
        yield made


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
