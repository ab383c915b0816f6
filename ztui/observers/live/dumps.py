"""Config dumps of the ztunnels, taken one after the other on a budget.

A dump is served by the same single thread that keeps ztunnel's connection to istiod: so what is looked at is asked
often, the others slowly, and no two of one ztunnel at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ztui.collector import Undisturbed
from ztui.kube.failures import Kind, KubeError
from ztui.kube.pace import Backoff
from ztui.kube.podhttp import PodHttp
from ztui.model.configdump import ConfigDump, DumpError, DumpReader
from ztui.model.flow import Origin
from ztui.model.observation import ConfigDumpTaken, Deliver, StreamChanged
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.model.text import clean
from ztui.observers.live.words import failed

if TYPE_CHECKING:
    from random import Random

    from ztui.clock import Clock
    from ztui.kube.client import Client
    from ztui.model.cluster import Ztunnel
    from ztui.observers.live.options import LiveOptions

AT_ONCE = 8
SWEEP_PER_S = 2.0
"""Dumps a second of those nobody looks at, over the whole mesh."""
PATH = "/config_dump"
GOODBYE_S = 0.3
"""So long the far ends are waited for when all ends; after that their connections are just closed."""


@dataclass(slots=True)
class _Plan:
    """One ztunnel's turn."""

    ztunnel: Ztunnel
    backoff: Backoff
    due: float
    is_busy: bool = False
    digest: bytes = b""
    dump: ConfigDump | None = None
    state: StreamState | None = None
    reason: str | None = None


class Dumps:
    """Takes the dumps of the ztunnels that are chosen. Belongs to the *ask* thread."""

    def __init__(self, client: Client, options: LiveOptions, deliver: Deliver, rng: Random) -> None:
        self._http = PodHttp(client, warm=AT_ONCE, idle_s=max(1.0, min(10.0, options.request_timeout_s or 10.0)))
        self._clock: Clock = client.clock
        self._options = options
        self._deliver = deliver
        self._rng = rng
        self._reader = DumpReader()
        self._decoding = asyncio.Lock()
        self._plans: dict[str, _Plan] = {}
        self._looked_at: frozenset[str] = frozenset()
        self._denied_until = 0.0
        self._turn = asyncio.Event()

    def choose(self, ztunnels: list[Ztunnel]) -> None:
        """Take dumps of these from now on. A new pod is asked at once."""
        now = self._clock.monotonic()
        wanted = {ztunnel.uid: ztunnel for ztunnel in ztunnels}
        for uid in self._plans.keys() - wanted.keys():
            gone = self._plans.pop(uid)
            if all(other.key != gone.ztunnel.key for other in ztunnels):
                self._deliver(StreamChanged(stream=_stream(gone.ztunnel), state=StreamState.GONE, at=self._clock.now()))
        for uid, ztunnel in wanted.items():
            plan = self._plans.get(uid)
            if plan is None:
                plan = self._plans[uid] = _Plan(ztunnel, Backoff(self._rng, longest_s=60.0), due=now)
                self._report(plan, StreamState.WAITING)
            else:
                is_new_process = ztunnel.restarts != plan.ztunnel.restarts
                if (ztunnel.ready and not plan.ztunnel.ready) or is_new_process:
                    plan.due = min(plan.due, now)
                plan.ztunnel = ztunnel
        self._turn.set()

    def look_at(self, keys: frozenset[str]) -> None:
        """Ask these first and oftener; one that was not looked at before is asked soon."""
        now = self._clock.monotonic()
        for plan in self._plans.values():
            if plan.ztunnel.key in keys - self._looked_at and plan.state is not StreamState.NOT_PERMITTED:
                plan.due = min(plan.due, now + self._options.dump_interval_s / 4)
        self._looked_at = keys
        self._turn.set()

    def poll_now(self, keys: frozenset[str]) -> None:
        """Ask now (all, where none is named), also what was refused or failed."""
        self._denied_until = 0.0
        for plan in self._plans.values():
            if not keys or plan.ztunnel.key in keys:
                plan.due = self._clock.monotonic()
        self._turn.set()

    async def run(self) -> None:
        """Take dumps as they are due, until cancelled."""
        slots = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._turn.clear()
                    await slots.acquire()
                    plan = self._next()
                    if plan is None:
                        slots.release()
                        await self._for_turn()
                        continue
                    plan.is_busy = True
                    tasks.create_task(self._take_turn(plan, slots.release))
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._http.close()

    def _next(self) -> _Plan | None:
        """Pick whose turn it is: the longest overdue, of those that are looked at first."""
        now = self._clock.monotonic()
        due = [plan for plan in self._plans.values() if plan.due <= now and not plan.is_busy]
        return min(due, key=lambda plan: (plan.ztunnel.key not in self._looked_at, plan.due), default=None)

    async def _for_turn(self) -> None:
        """Wait until something is due, or the plans have changed."""
        waiting = [plan.due for plan in self._plans.values() if not plan.is_busy]
        delay = max(0.01, min(waiting) - self._clock.monotonic()) if waiting else None
        try:
            async with asyncio.timeout(delay):
                await self._turn.wait()
        except TimeoutError:
            return

    async def _take_turn(self, plan: _Plan, release: Callable[[], None]) -> None:
        try:
            delay = await self._take(plan)
        finally:
            release()
        plan.is_busy = False
        plan.due = self._clock.monotonic() + delay
        self._turn.set()

    async def _take(self, plan: _Plan) -> float:
        """Take one dump; gives the seconds until its next turn. No failure escapes: it is a state of the stream."""
        denied_s = self._denied_until - self._clock.monotonic()
        if denied_s > 0:
            self._report_denied(plan, denied_s)
            return denied_s + self._rng.uniform(0.0, 5.0)
        if plan.dump is None and plan.ztunnel.node is None:
            self._report(plan, StreamState.WAITING, "Its pod has no node yet.")
            return self._options.dump_interval_s
        try:
            if plan.dump is None and plan.state in (None, StreamState.WAITING):
                self._report(plan, StreamState.CONNECTING)
            ztunnel = plan.ztunnel
            answer = await self._http.get(ztunnel.namespace, ztunnel.name, self._options.admin_port, PATH)
            if answer.status != 200:
                return self._failed(plan, f"its admin port answered {PATH} with HTTP {answer.status}")
            await self._read(plan, answer.body)
        except DumpError as error:
            return self._failed(plan, f"its config dump cannot be read: {error}")
        except KubeError as error:
            return self._refused(plan, error)
        plan.backoff.reset()
        self._report(plan, StreamState.CONNECTED)
        return self._interval_s(plan)

    async def _read(self, plan: _Plan, data: bytes) -> None:
        """Read a dump in slices, so that the loop breathes; one that is byte for byte the last costs its hash."""
        taken_at = self._clock.now()
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if plan.dump is None or digest != plan.digest:
            async with self._decoding:
                plan.dump = await self._decode(data)
            plan.digest = digest
        self._deliver(ConfigDumpTaken(origin=_origin(plan.ztunnel), dump=plan.dump, taken_at=taken_at))

    async def _decode(self, data: bytes) -> ConfigDump:
        slices = self._reader.read_in_slices(data)
        with Undisturbed():
            while True:
                try:
                    next(slices)
                except StopIteration as end:
                    dump: ConfigDump = end.value
                    return dump
                await asyncio.sleep(0)

    def _interval_s(self, plan: _Plan) -> float:
        """Seconds between two dumps of a ztunnel: the interval asked for where it is looked at, else its share."""
        interval = self._options.dump_interval_s
        if plan.ztunnel.key not in self._looked_at:
            interval = max(interval, len(self._plans) / SWEEP_PER_S)
        return interval * self._rng.uniform(0.9, 1.1)

    def _failed(self, plan: _Plan, reason: str) -> float:
        delay = max(self._options.dump_interval_s, plan.backoff.next_s())
        plan.state, plan.reason = StreamState.ERROR, reason
        self._deliver(
            StreamChanged(
                stream=_stream(plan.ztunnel),
                state=StreamState.ERROR,
                at=self._clock.now(),
                reason=clean(reason),
                remedy="It is tried again; look at the log of that ztunnel.",
                retry_at=self._clock.now() + delay,
            )
        )
        return delay

    def _refused(self, plan: _Plan, error: KubeError) -> float:
        """Say why there was no dump. What is forbidden for one is taken to be for all, so it is asked once."""
        is_denied = error.kind in (Kind.FORBIDDEN, Kind.FORWARD_FORBIDDEN, Kind.NOT_LOGGED_IN)
        delay = plan.backoff.rarely_s() if is_denied else plan.backoff.next_s(error.retry_after)
        state = StreamState.NOT_PERMITTED if is_denied else StreamState.UNAVAILABLE
        if is_denied:
            self._denied_until = self._clock.monotonic() + delay
            self._denial = error
        plan.state, plan.reason = state, error.what
        now = self._clock.now()
        self._deliver(failed(_stream(plan.ztunnel), state, error, now, now + delay))
        return delay

    def _report_denied(self, plan: _Plan, retry_in_s: float) -> None:
        if plan.state is not StreamState.NOT_PERMITTED:
            plan.state = StreamState.NOT_PERMITTED
            now = self._clock.now()
            self._deliver(failed(_stream(plan.ztunnel), plan.state, self._denial, now, now + retry_in_s))

    def _report(self, plan: _Plan, state: StreamState, reason: str | None = None) -> None:
        if (plan.state, plan.reason) != (state, reason):
            plan.state, plan.reason = state, reason
            self._deliver(StreamChanged(stream=_stream(plan.ztunnel), state=state, at=self._clock.now(), reason=reason))


def _stream(ztunnel: Ztunnel) -> StreamKey:
    return StreamKey(kind=StreamKind.CONFIG_DUMP, of=ztunnel.key)


def _origin(ztunnel: Ztunnel) -> Origin:
    return Origin(key=ztunnel.key, ztunnel=ztunnel.name, namespace=ztunnel.namespace, node=ztunnel.node)
