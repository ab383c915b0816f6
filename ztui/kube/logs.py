"""Following one container's log through everything that ends a stream: without a lost line, and without a double one.

What arrives is cut on newlines only and handed on as whole lines, each with the kubelet's timestamp before it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ztui.kube.failures import Asked, Kind, KubeError, failure
from ztui.kube.logtypes import Backfill, LogCounters, LogListener, LogReport, LogState, LogTarget, Surroundings
from ztui.kube.pace import Backoff
from ztui.kube.resume import LogGap, Replay, ResumePoint, seconds_of, stamp_of
from ztui.kube.splitter import Splitter

if TYPE_CHECKING:
    from random import Random

    from ztui.kube.client import Client
    from ztui.kube.livebody import LiveBody

SETTLED_S = 30.0
"""A stream that lived this long has recovered."""
FAREWELL_S = 5.0
"""A pod that is gone may still have lines on the way for this long."""
RESTART_TOLD_S = 1.0
"""The kubelet reads a new container's log a moment before the API server has heard of the restart."""


class LogStream:
    """The log of one container, from its first line asked for until its pod is gone."""

    def __init__(
        self,
        client: Client,
        target: LogTarget,
        listener: LogListener,
        surroundings: Surroundings,
        *,
        backfill: Backfill,
        rng: Random,
    ) -> None:
        self.target = target
        self.counters = LogCounters()
        self.point = ResumePoint()
        self._client = client
        self._clock = client.clock
        self._listener = listener
        self._around = surroundings
        self._backfill = Backfill(whole=True) if target.is_new else backfill
        self._backoff = Backoff(rng)
        self._news = asyncio.Event()
        self._scope: asyncio.Timeout | None = None
        self._why_interrupted: KubeError | None = None
        self._is_retired = False
        self._followed_restarts = target.restarts
        self.floor: float | None = None
        """From when on all lines are wanted, by the server's clock in Unix seconds; known once it was opened."""
        self._unended = b""
        self._broke = False
        self.state = LogState.WAITING
        self.last_byte_at = self._clock.monotonic()
        self.recent_lines = 0
        """Lines since the last silence of 10 s: tells a busy stream from one that speaks now and then."""

    @property
    def asked(self) -> Asked:
        """The request for this log, for words."""
        return self._client.asked("pods/log", namespace=self.target.namespace, name=self.target.pod)

    @property
    def path(self) -> str:
        """The path of the pod in the API."""
        return f"/api/v1/namespaces/{self.target.namespace}/pods/{self.target.pod}"

    async def run(self) -> None:
        """Follow until retired. A failure is a state that is reported, and tried again."""
        while not self._is_retired:
            await self._until_running()
            lines, began = self.counters.lines, self._clock.monotonic()
            why = await self._attempt()
            await self._rest(why, self._clock.monotonic() - began, has_news=self.counters.lines > lines)
        if self._broke:
            asyncio.get_running_loop().call_later(FAREWELL_S, self.interrupt, None)
            await self._attempt()
        self._say_farewell()

    def update(self, target: LogTarget) -> None:
        """Take what the pod's watch shows now; ends a rest if it is news."""
        target = replace(target, restarts=max(target.restarts, self.target.restarts), is_new=self.target.is_new)
        if target != self.target:
            self.target = target
            self._news.set()

    def retire(self) -> None:
        """End, because the pod is gone or not wanted; what is still coming is read first."""
        if not self._is_retired:
            self._is_retired = True
            self._news.set()
            asyncio.get_running_loop().call_later(FAREWELL_S, self.interrupt, None)

    def revive(self, target: LogTarget) -> None:
        """Make ready to run again, where it left off."""
        self._is_retired = False
        self.update(target)

    def interrupt(self, why: KubeError | None) -> None:
        """End the present connection: it is believed dead. It is opened again where it broke off."""
        if self._scope is not None:
            self._why_interrupted = why
            self._scope.reschedule(asyncio.get_running_loop().time())

    def confirm_idle(self) -> None:
        """Report that the kubelet says there is nothing newer."""
        self._report(LogState.FOLLOWING, probed_at=self._clock.now())

    async def _until_running(self) -> None:
        while not self.target.is_running and not self._is_retired:
            self._report(LogState.WAITING, failure(Kind.CONTAINER_STARTING, self.asked, "its pod does not run yet"))
            await self._for_news(None)

    async def _attempt(self) -> KubeError | None:
        """One connection from opening to end; why it ended, None where cleanly."""
        self._why_interrupted = None
        self._scope = asyncio.timeout(None)
        try:
            async with self._scope:
                await self._confirm_container()
                if self.target.restarts > self._followed_restarts:
                    await self._read_previous()
                await self._read(self._where_to_begin(), follow=True)
        except TimeoutError:
            self._broke = self._why_interrupted is not None
            return self._why_interrupted
        except KubeError as error:
            self._broke = self._broke or error.kind in (Kind.CUT, Kind.SILENT)
            return error
        finally:
            self._scope = None
        self._broke = False
        return None

    async def _rest(self, why: KubeError | None, lived_s: float, *, has_news: bool) -> None:
        """Wait as long as the way it ended asks for, or until the pod's watch has news."""
        if has_news or lived_s >= SETTLED_S:
            self._backoff.reset()
        if self._is_retired:
            return
        if why is None and lived_s > (1.0 if has_news else 5.0):
            return
        if why is not None and why.is_of_server:
            self._report(LogState.RETRYING, why, self._clock.now() + 2.0)
            await self._around.server_answers()
            return
        is_denied = why is not None and why.kind in (Kind.FORBIDDEN, Kind.NOT_LOGGED_IN)
        delay = self._backoff.rarely_s() if is_denied else self._backoff.next_s(why.retry_after if why else None)
        waits = why is None or why.kind in (Kind.CONTAINER_STARTING, Kind.NOT_SCHEDULED)
        state = LogState.DENIED if is_denied else LogState.WAITING if waits else LogState.RETRYING
        self._report(state, why, self._clock.now() + delay)
        await self._for_news(delay)

    async def _for_news(self, delay: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._news.wait()
        self._news.clear()

    async def _confirm_container(self) -> None:
        """Ask, not guess, whether another container runs now: after a clean end, and where no line would tell."""
        is_first = self.counters.opened == 0
        if is_first or (self._broke and self.point.last is not None):
            return
        await self._look_at_pod()

    async def _look_at_pod(self) -> None:
        asked = self._client.asked("pods", namespace=self.target.namespace, name=self.target.pod)
        try:
            pod = (await self._client.get(self.path, asked)).json()
        except KubeError as error:
            if error.kind is Kind.FORBIDDEN:
                return  # list and watch may be all we are allowed: the watch will tell, later
            raise
        if (pod.get("metadata") or {}).get("uid") not in (self.target.uid, None):
            raise failure(Kind.GONE, self.asked)
        statuses = (pod.get("status") or {}).get("containerStatuses") or []
        counts = [status.get("restartCount") or 0 for status in statuses if status.get("name") == self.target.container]
        self.target = replace(self.target, restarts=max([*counts, self.target.restarts]))

    async def _read_previous(self) -> None:
        """Read what the container that ended wrote last; then the log of the one that runs now begins at its start."""
        last = self.point.last
        try:
            if last is not None or self.floor is not None:
                await self._read(self._where_to_begin() | {"previous": "true"}, follow=False)
        except KubeError as error:
            if error.kind not in (Kind.CONTAINER_STARTING, Kind.GONE):
                raise
            if last is not None:
                self._lose(seconds_of(last), self._clock.now(), "its container was restarted and the old log is gone")
        self.point.clear()
        self._unended = b""
        self._backfill = Backfill(whole=True)
        self._followed_restarts = self.target.restarts

    def _where_to_begin(self) -> dict[str, str | int]:
        """Say from where: behind the last line, else as much as was asked for."""
        if self.point.last is not None:
            return {"sinceTime": self.point.last.decode()}
        if self._backfill.whole:
            return {}
        if self.floor is not None:
            return {"sinceTime": _rfc3339(self.floor)}
        since_s, tail = self._backfill.since_s, self._backfill.tail
        asked: dict[str, str | int] = {}
        if since_s is not None:
            asked["sinceSeconds"] = max(1, since_s)
        if tail is not None or since_s is None:
            asked["tailLines"] = tail or 0
        return asked

    async def _read(self, begin: dict[str, str | int], *, follow: bool) -> None:
        """Read one answer to its end. Raises KubeError however it breaks."""
        params = {"container": self.target.container, "timestamps": "true", **begin}
        if follow:
            params["follow"] = "true"
        replay = self.point.replay()
        self._report(LogState.CONNECTING)
        self.last_byte_at = self._clock.monotonic()
        async with (
            self._around.opening() as is_open,
            self._client.follow(f"{self.path}/log", self.asked, params) as body,
        ):
            is_open()
            self._note_opening(body, begin)
            splitter = Splitter()
            if replay is not None:
                await self._consume_replay(body, splitter, replay, may_be_another=follow)
            await body.pour(lambda piece: self._take(splitter, piece))
            self.counters.truncated += splitter.truncated
            rest = splitter.rest
        self._end(rest, is_final=not follow)

    def _note_opening(self, body: LiveBody, begin: dict[str, str | int]) -> None:
        self.counters.opened += 1
        self.last_byte_at = self._clock.monotonic()
        if self.floor is None:
            date = body.headers.get("Date")
            answered_at = parsedate_to_datetime(date).timestamp() if date else self._clock.now()
            self.floor = answered_at - (self._backfill.since_s or 0)
            if "sinceSeconds" in begin:
                self._around.later(self._find_oldest(self.floor))
        self._report(LogState.FOLLOWING)

    async def _consume_replay(
        self, body: LiveBody, splitter: Splitter, replay: Replay, *, may_be_another: bool
    ) -> None:
        """Read until it is known which lines are new."""
        while not replay.is_done and (piece := await body.read()):
            block = self._cut(splitter, piece)
            if not block:
                continue
            block = replay.filter(block)
            if may_be_another and replay.gap is not None and await self._is_restarted(replay):
                raise failure(Kind.CUT, self.asked, "its container was restarted")
            if block:
                self._deliver(block)
        self._close_replay(replay)

    def _take(self, splitter: Splitter, piece: bytes) -> None:
        """Deliver the whole lines of what arrived."""
        if block := self._cut(splitter, piece):
            self._deliver(block)

    def _cut(self, splitter: Splitter, piece: bytes) -> bytes:
        """Take note that the stream speaks; gives the lines that this piece completes."""
        now = self._clock.monotonic()
        self.recent_lines = 0 if now - self.last_byte_at > 10.0 else self.recent_lines
        self.last_byte_at = now
        return splitter.feed(piece)

    async def _is_restarted(self, replay: Replay) -> bool:
        """Tell a rotated log from one of another container, before a gap is believed."""
        if not replay.is_done:
            return False
        for pause_s in (0.0, RESTART_TOLD_S):
            await asyncio.sleep(pause_s)
            await self._look_at_pod()
            if self.target.restarts > self._followed_restarts:
                return True
        return False

    def _close_replay(self, replay: Replay) -> None:
        self.counters.replayed += replay.dropped
        if replay.gap is not None:
            self._lose(replay.gap.first, replay.gap.last, replay.gap.why)

    def _deliver(self, block: bytes) -> None:
        lines = block.count(b"\n")
        self.counters.lines += lines
        self.counters.bytes += len(block)
        self.recent_lines += lines
        self._unended = b""
        self.point.delivered(block)
        self._listener.lines_read(self.target, block)

    def _end(self, rest: bytes, *, is_final: bool) -> None:
        """Judge what stood behind the last newline of a clean end: a line's beginning, or the kubelet's own words."""
        if not rest:
            return
        if stamp_of(rest) is None and not rest[:1].isdigit():
            raise failure(Kind.KUBELET, self.asked, rest.decode("utf-8", "replace"))
        if is_final or rest == self._unended:  # twice the same: its writer ended without a newline
            self._deliver(rest + b"\n")
        else:
            self._unended = rest

    async def _find_oldest(self, asked_from: float) -> None:
        """Find out whether the kubelet's file begins later than what was asked for."""
        params: dict[str, str | int] = {"container": self.target.container, "timestamps": "true", "limitBytes": 64}
        with contextlib.suppress(KubeError):
            answer = await self._client.get(f"{self.path}/log", self.asked, params, timeout_s=10.0)
            stamp = stamp_of(answer.body)
            if stamp is not None and seconds_of(stamp) > asked_from and self.state is LogState.FOLLOWING:
                self._report(LogState.FOLLOWING, oldest_available=seconds_of(stamp))

    def _lose(self, first: float, last: float, why: str) -> None:
        self.counters.gaps += 1
        self._listener.lines_lost(self.target, LogGap(first=first, last=max(first, last), why=why))

    def _say_farewell(self) -> None:
        if self._broke and self.point.last is not None:
            self._lose(seconds_of(self.point.last), self._clock.now(), "its pod went before its last lines were read")
        self._report(LogState.ENDED)

    def _report(
        self,
        state: LogState,
        why: KubeError | None = None,
        retry_at: float | None = None,
        *,
        probed_at: float | None = None,
        oldest_available: float | None = None,
    ) -> None:
        self.state = state
        report = LogReport(
            state=state, why=why, retry_at=retry_at, probed_at=probed_at, oldest_available=oldest_available
        )
        self._listener.state_changed(self.target, report)


def _rfc3339(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
