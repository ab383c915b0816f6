"""Keeping a copy of the objects of one kind: a list in pages, then a watch, whatever happens in between.

Each object is slimmed as it arrives and its JSON dropped. Changes leave in batches, ten a second at most; after a new
list only what differs from the copy leaves, so nobody downstream sees that there was an interruption.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ztui.collector import Undisturbed
from ztui.kube.exceptions import in_words
from ztui.kube.failures import Asked, Kind, KubeError, failure, failure_of_status
from ztui.kube.pace import Backoff

if TYPE_CHECKING:
    from random import Random

    import aiohttp

    from ztui.kube.client import Client

PAGE = 500
WATCH_S = (240, 360)
"""A watch is asked to end after a draw from this: cheap to open again, and it bounds every half-open connection."""
SILENCE_S = 150.0
"""Bookmarks come each minute, jittered: two that are missing mean that nobody is there."""
BATCH_S = 0.1
SETTLED_S = 5.0
DENIED_S = 60.0
_NEVER = float("inf")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Which objects: a collection's path, and as RBAC names it."""

    name: str
    """Plural, lower case: `pods`."""
    path: str
    namespace: str | None = None
    label_selector: str | None = None

    @staticmethod
    def core(name: str, *, namespace: str | None = None, label_selector: str | None = None) -> Resource:
        """Name a resource of the core group, of one namespace or of all."""
        where = f"namespaces/{namespace}/" if namespace else ""
        return Resource(name=name, path=f"/api/v1/{where}{name}", namespace=namespace, label_selector=label_selector)


class WatchState(StrEnum):
    """How the copy is."""

    SYNCING = "syncing"
    LIVE = "live"
    STALE = "stale"
    """The copy stands, its watch is broken."""
    DENIED = "denied"
    ABSENT = "absent"
    """The cluster has no such kind of object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReport:
    """A state a reflector entered."""

    state: WatchState
    why: KubeError | None = None
    retry_at: float | None = None
    """Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Generic[T]):
    """What became different. Keys are those the reflector was told to use."""

    changed: tuple[T, ...] = ()
    deleted: tuple[str, ...] = ()
    is_first: bool = False
    """The first complete list: `changed` is all there is."""


class Reflector(Generic[T]):
    """A copy of one kind's objects, kept by list and watch until cancelled."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        *,
        slim: Callable[[Mapping[str, Any]], T],
        key: Callable[[T], str],
        on_changes: Callable[[Changes[T]], None],
        on_state: Callable[[WatchReport], None],
        rng: Random,
    ) -> None:
        self.items: dict[str, T] = {}
        self.is_synced = False
        """Whether a list was complete once."""
        self._client = client
        self._clock = client.clock
        self._resource = resource
        self._slim = slim
        self._key = key
        self._on_changes = on_changes
        self._on_state = on_state
        self._rng = rng
        self._backoff = Backoff(rng)
        self._version: str | None = None
        self._state: WatchState | None = None
        self._pending: dict[str, T | None] = {}
        self._page = PAGE
        self._live_since = _NEVER

    async def run(self) -> None:
        """Keep the copy. A failure is a state that is reported, and tried again."""
        while True:
            self._live_since = _NEVER
            try:
                if self._version is None:
                    await self._list()
                await self._watch()
                why = None
            except KubeError as error:
                why = error
            self._flush()
            if self._clock.monotonic() - self._live_since >= SETTLED_S:
                self._backoff.reset()
                if why is None:
                    continue  # a watch that ended in good time
            await self._rest(why)

    async def _rest(self, why: KubeError | None) -> None:
        """Wait as the failure asks for; drop the version where the server no longer knows it."""
        if why is not None and why.kind is Kind.EXPIRED:
            self._version = None
        delay = self._backoff.next_s(why.retry_after if why else None)
        if why is not None and why.kind is not Kind.EXPIRED:
            state = _STATES.get(why.kind, WatchState.STALE if self.is_synced else WatchState.SYNCING)
            if state in (WatchState.DENIED, WatchState.ABSENT):
                self._version = None
                delay = DENIED_S * self._rng.uniform(1.0, 1.5)
            self._report(state, why, self._clock.now() + delay)
        await asyncio.sleep(delay)

    def _asked(self, verb: str) -> Asked:
        return self._client.asked(self._resource.name, verb=verb, namespace=self._resource.namespace)

    def _params(self, **more: str | int) -> dict[str, str | int]:
        selector = self._resource.label_selector
        return {**({"labelSelector": selector} if selector else {}), **more}

    async def _list(self) -> None:
        """Read all pages; tell what differs from the copy."""
        if not self.is_synced:
            self._report(WatchState.SYNCING)
        found: dict[str, T] = {}
        more = ""
        while True:
            answer = await self._read_page(more)
            metadata = _metadata_of(answer)
            if not metadata.get("resourceVersion"):
                raise failure(Kind.BAD_ANSWER, self._asked("list"), "it is not a list of objects")
            with Undisturbed():
                for item in answer.get("items") or ():
                    if not _metadata_of(item):
                        raise failure(Kind.BAD_ANSWER, self._asked("list"), "one of its items is no object")
                    slimmed = self._slim(item)
                    found[self._key(slimmed)] = slimmed
            more = str(metadata.get("continue") or "")
            if not more:
                break
            await asyncio.sleep(0)
        self._take_list(found)
        self._version = str(metadata["resourceVersion"])
        self._page = PAGE

    async def _read_page(self, more: str) -> dict[str, Any]:
        """Read the first page, or the one that `more` names. One that expired meanwhile is not begun in pages again."""
        params = self._params(**({"limit": self._page} if self._page else {}), **({"continue": more} if more else {}))
        try:
            answer = await self._client.get(self._resource.path, self._asked("list"), params)
        except KubeError as error:
            if error.kind is Kind.EXPIRED and more:
                self._page = 0  # the pages took longer than the server keeps a version: all at once then
            raise
        return await answer.json_in_pieces()

    def _take_list(self, found: dict[str, T]) -> None:
        changed = tuple(item for key, item in found.items() if self.items.get(key) != item)
        deleted = tuple(key for key in self.items if key not in found)
        is_first = not self.is_synced
        self.items, self.is_synced = found, True
        if changed or deleted or is_first:
            self._on_changes(Changes(changed=changed, deleted=deleted, is_first=is_first))

    async def _watch(self) -> None:
        """Read events until the server ends the watch. Raises KubeError: EXPIRED, SILENT and the rest."""
        params = self._params(
            watch="1",
            allowWatchBookmarks="true",
            resourceVersion=self._version or "",
            timeoutSeconds=self._rng.randint(*WATCH_S),
        )
        asked = self._asked("watch")
        async with self._client.stream(self._resource.path, asked, params, silence_s=SILENCE_S) as response:
            self._live_since = self._clock.monotonic()
            self._report(WatchState.LIVE)
            await self._read_events(response, asked)

    async def _read_events(self, response: aiohttp.ClientResponse, asked: Asked) -> None:
        splitter, due = _Events(), 0.0
        while True:
            held_s = max(0.0, due - self._clock.monotonic()) if self._pending else None
            try:
                async with asyncio.timeout(held_s):
                    with in_words(asked):
                        chunk = await response.content.readany()
            except TimeoutError:
                self._flush()
                continue
            if not chunk:
                return
            for line in splitter.feed(chunk):
                self._take_event(line, asked)
            now = self._clock.monotonic()
            if self._pending and now >= due:
                self._flush()
                due = now + BATCH_S

    def _take_event(self, line: bytes, asked: Asked) -> None:
        event = _loads(line)
        kind, body = event.get("type"), event.get("object")
        if kind == "ERROR":
            raise failure_of_status(asked, body if isinstance(body, dict) else {})
        metadata = _metadata_of(body)
        if not metadata or not isinstance(body, dict):
            return  # cut off, or of a kind yet to come
        if kind in ("ADDED", "MODIFIED", "DELETED"):
            item = self._slim(body)
            self._pending[self._key(item)] = None if kind == "DELETED" else item
        if version := metadata.get("resourceVersion"):
            self._version = str(version)

    def _flush(self) -> None:
        """Take the held events into the copy, and tell of those that changed it."""
        pending, self._pending = self._pending, {}
        changed = tuple(item for key, item in pending.items() if item is not None and self.items.get(key) != item)
        deleted = tuple(key for key, item in pending.items() if item is None and key in self.items)
        for key in deleted:
            del self.items[key]
        self.items.update((self._key(item), item) for item in changed)
        if changed or deleted:
            self._on_changes(Changes(changed=changed, deleted=deleted))

    def _report(self, state: WatchState, why: KubeError | None = None, retry_at: float | None = None) -> None:
        if state is not self._state or why is not None:
            self._state = state
            self._on_state(WatchReport(state=state, why=why, retry_at=retry_at))


_STATES = {
    Kind.FORBIDDEN: WatchState.DENIED,
    Kind.NOT_LOGGED_IN: WatchState.DENIED,
    Kind.ABSENT: WatchState.ABSENT,
}


class _Events:
    """Cuts a watch into its lines, one object each, however large."""

    def __init__(self) -> None:
        self._carry: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        *lines, rest = chunk.split(b"\n")
        if lines and self._carry:
            lines[0] = b"".join(self._carry) + lines[0]
            self._carry = []
        if rest:
            self._carry.append(rest)
        return [line for line in lines if line]


def _metadata_of(thing: object) -> Mapping[str, Any]:
    metadata = thing.get("metadata") if isinstance(thing, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _loads(line: bytes) -> dict[str, Any]:
    """Read one event with the collector off; a line that is none says nothing (it was cut off)."""
    try:
        with Undisturbed():
            event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
