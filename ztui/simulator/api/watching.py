"""Watch: changes as they happen, through selectors, with bookmarks, until the time is up or the version too old."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ztui.simulator.api import versions
from ztui.simulator.api.answers import begin_stream, dump
from ztui.simulator.api.listing import one_in_form
from ztui.simulator.api.paths import is_true, number
from ztui.simulator.api.selectors import Test, read_selectors
from ztui.simulator.api.status import too_old

if TYPE_CHECKING:
    from aiohttp import web

    from ztui.simulator.api.call import Call
    from ztui.simulator.api.shelf import Change

Json = dict[str, Any]

BOOKMARK_EVERY_S = 60.0
_LAST_BOOKMARK_S = 2.0
"""The last bookmark comes so long before the end."""
_LONGEST_S = 1_800
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a watch asks for."""

    since: int | None
    initial: bool
    ends_initial: bool
    bookmarks: bool
    timeout_s: float
    test: Test | None


async def watch_objects(call: Call) -> web.StreamResponse:
    """Answer 200, then one event a line. Too old a version is told inside the stream."""
    watch = _Watch(call, _read_wanted(call))
    response = await begin_stream(call.request)
    call.host.watchers.add(watch.bell)
    try:
        await watch.run(response)
    except ConnectionError:
        pass  # the client went away, and there is nobody to tell
    finally:
        call.host.watchers.discard(watch.bell)
    return response


def _read_wanted(call: Call) -> _Wanted:
    query, shelf = call.query, call.host.shelf
    match = versions.check_match(query)
    asked = query.get("sendInitialEvents")
    if asked is not None and match != versions.NOT_OLDER:
        raise versions.invalid(
            f"{versions.MATCH}: Forbidden: sendInitialEvents requires setting {versions.MATCH} to NotOlderThan"
        )
    version = versions.wanted_version(query, shelf)
    streamed = asked is not None and is_true(asked)
    timeout_s = number(query, "timeoutSeconds")
    return _Wanted(
        since=version,
        initial=streamed or (asked is None and version in (None, 0)),
        ends_initial=streamed,
        bookmarks=is_true(query.get("allowWatchBookmarks")),
        timeout_s=timeout_s if timeout_s and timeout_s > 0 else _LONGEST_S,
        test=read_selectors(query.get("labelSelector"), query.get("fieldSelector")),
    )


@dataclass(slots=True)
class _Watch:
    """One open watch and the version up to which it has told everything."""

    call: Call
    wanted: _Wanted
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0

    async def run(self, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.wanted.timeout_s
        bookmark = loop.time() + min(BOOKMARK_EVERY_S, max(self.wanted.timeout_s - _LAST_BOOKMARK_S, 0.0))
        await self._begin(response)
        while loop.time() < ends:
            if self._is_too_old():
                await response.write(_line("ERROR", too_old(self.seen, self.call.host.shelf.oldest).status()))
                return
            if events := b"".join(self._events()):
                await response.write(events)
                continue
            if self.wanted.bookmarks and loop.time() >= bookmark:
                await response.write(self._bookmark({}))
                bookmark = max(loop.time() + 1.0, min(bookmark + BOOKMARK_EVERY_S, ends - _LAST_BOOKMARK_S))
            await self._sleep(min(bookmark, ends) if self.wanted.bookmarks else ends)

    async def _sleep(self, until: float) -> None:
        self.bell.clear()
        try:
            async with asyncio.timeout_at(until):
                await self.bell.wait()
        except TimeoutError:
            pass

    async def _begin(self, response: web.StreamResponse) -> None:
        """Send what is there already, as ADDED, where that is asked for."""
        shelf, target = self.call.host.shelf, self.call.target
        if not self.wanted.initial:
            self.seen = shelf.version if self.wanted.since is None else self.wanted.since
            return
        self.seen = shelf.version
        values = [shelf.value(target.resource.plural, item) for _, item in shelf.items(*self._scope())]
        lines = [_line("ADDED", one_in_form(self.call, value)) for value in values if self._passes(value)]
        if self.wanted.ends_initial and self.wanted.bookmarks:
            lines.append(self._bookmark(_INITIAL_END))
        await response.write(b"".join(lines))

    def _scope(self) -> tuple[str, str | None]:
        return self.call.target.resource.plural, self.call.target.namespace

    def _is_too_old(self) -> bool:
        return self.seen < self.call.host.shelf.oldest or self.call.host.faults.gone

    def _events(self) -> Iterator[bytes]:
        """Tell the changes since the last look."""
        shelf = self.call.host.shelf
        for change in shelf.since(self.seen, self.call.target.resource.plural):
            what = self._translated(change)
            if what is not None:
                yield _line(what, one_in_form(self.call, change.value))
        self.seen = shelf.version

    def _translated(self, change: Change) -> str | None:
        """Translate a change for this watch: an object that begins to match is ADDED, one that ceases to is DELETED."""
        if not self._is_in_scope(change.value):
            return None
        if self.wanted.test is None:
            return change.what
        matched = change.before is not None and self.wanted.test(change.before)
        matches = change.what != "DELETED" and self.wanted.test(change.value)
        if matches:
            return "MODIFIED" if matched else "ADDED"
        return "DELETED" if matched else None

    def _passes(self, value: Json) -> bool:
        return self.wanted.test is None or self.wanted.test(value)

    def _is_in_scope(self, value: Json) -> bool:
        return self.call.target.namespace in (None, value["metadata"].get("namespace"))

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        resource = self.call.target.resource
        metadata: Json = {"resourceVersion": str(self.seen), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        value = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        return _line("BOOKMARK", value)


def _line(what: str, value: Json) -> bytes:
    return dump({"type": what, "object": value}) + b"\n"
