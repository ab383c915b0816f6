"""The body of an answer that goes on for long, whichever way it comes: by a wire of its own, or by aiohttp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp


class LiveBody(Protocol):
    """A body that is read piece by piece, as long as that is wanted, then poured."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer, without regard to case."""

    async def read(self) -> bytes:
        """Wait for more of the body; nothing at its end."""

    async def pour(self, into: Callable[[bytes], None]) -> None:
        """Hand on what comes of the body until its end, on this loop."""


class ProxiedBody:
    """The body of an answer that comes through aiohttp, which knows all kinds of proxies."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer."""
        return self._response.headers

    async def read(self) -> bytes:
        """Wait for more of the body; nothing at its end."""
        return await self._response.content.readany()

    async def pour(self, into: Callable[[bytes], None]) -> None:
        """Hand on what comes of the body until its end."""
        async for piece in self._response.content.iter_any():
            into(piece)
