"""Connecting to one server over and over: its name is looked up once a minute, its addresses are tried in a race."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Any

import aiohappyeyeballs

if TYPE_CHECKING:
    from collections.abc import Callable

    from ztui.clock import Clock

KNOWN_FOR_S = 60.0
RACE_DELAY_S = 0.25
"""After it the next address is tried beside the first (RFC 8305)."""

_Info = tuple[Any, ...]
"""An address, as getaddrinfo gives it."""


class UnreachedError(OSError):
    """No address of the server could be connected to."""


class Dialer:
    """Opens connections to one server. Used on one loop only."""

    def __init__(self, host: str, port: int, new_socket: Callable[[_Info], socket.socket], clock: Clock) -> None:
        self._host, self._port = host, port
        self._new_socket = new_socket
        self._clock = clock
        self._infos: list[Any] = []
        self._looked_up_at = 0.0
        self._looking_up = asyncio.Lock()

    async def connect(self, timeout_s: float) -> socket.socket:
        """Connect. Raises UnreachedError, or gaierror where the server's name is not known."""
        infos = await self._look_up()
        try:
            async with asyncio.timeout(timeout_s):
                found = await aiohappyeyeballs.start_connection(
                    infos, happy_eyeballs_delay=RACE_DELAY_S, socket_factory=self._new_socket
                )
        except TimeoutError:
            self._infos = []
            raise UnreachedError(errno.ETIMEDOUT, "it does not answer") from None
        except OSError as error:
            self._infos = []
            raise UnreachedError(error.errno, error.strerror or str(error)) from error
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    async def _look_up(self) -> list[Any]:
        async with self._looking_up:  # a thousand streams ask once
            now = self._clock.monotonic()
            if not self._infos or now > self._looked_up_at + KNOWN_FOR_S:
                self._infos = await self._ask()
                self._looked_up_at = now
            return self._infos

    async def _ask(self) -> list[Any]:
        try:  # an address needs no look-up, and no thread that waits for it
            return socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            )
        except socket.gaierror:
            loop = asyncio.get_running_loop()
            return await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
