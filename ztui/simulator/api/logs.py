"""`pods/NAME/log`: what a container wrote, from where the client wants it, and on as it is written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from ztui.simulator.api.answers import begin_stream
from ztui.simulator.api.host import Follower
from ztui.simulator.api.paths import is_true, number
from ztui.simulator.api.status import ApiError
from ztui.simulator.clock import SECOND, read_stamp
from ztui.simulator.logfile import LogFile

if TYPE_CHECKING:
    from ztui.simulator.api.call import Call
    from ztui.simulator.api.host import Host
    from ztui.simulator.cluster import Pod

_LINES_AT_ONCE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """The query of a log request, checked."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since_ns: int | None = None
    limit_bytes: int | None = None


async def serve_log(call: Call) -> web.StreamResponse:
    """Answer with the log; what is wrong with the request or the container is told before."""
    host, pod = call.host, call.pod()
    options = _read_options(call)
    _check_container(pod, options.container)
    if pod.node is None:
        return web.Response(status=204)
    if host.faults.log_error:
        raise ApiError(500, host.faults.log_error)
    await host.warm.wait()
    log = _log_of(host, pod, options)
    response = await begin_stream(call.request, "text/plain")
    follower = Follower(pod, log, _first_number(log, options))
    reading = _Reading(host, options, follower, response, asyncio.get_running_loop().time())
    host.followers.add(follower)
    try:
        if await reading.run():
            _break_off(call)
    except ConnectionError:
        pass  # the client went away, and there is nobody to tell
    finally:
        host.followers.discard(follower)
    return response


def _break_off(call: Call) -> None:
    """Cut the connection in the middle of the body."""
    if call.request.transport is not None:
        call.request.transport.abort()


# what is asked for


def _read_options(call: Call) -> LogOptions:
    query = call.query
    seconds = _at_least(number(query, "sinceSeconds"), "sinceSeconds", 1)
    time = query.get("sinceTime", "")
    if seconds is not None and time:
        raise _invalid(": Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified")
    since_us = None
    if seconds is not None:
        since_us = call.host.clock.now_us() - seconds * SECOND
    elif time:
        since_us = _read_time(time)
    return LogOptions(
        container=query.get("container", ""),
        follow=is_true(query.get("follow")),
        previous=is_true(query.get("previous")),
        timestamps=is_true(query.get("timestamps")),
        tail_lines=_at_least(number(query, "tailLines"), "tailLines", 0),
        since_ns=None if since_us is None else since_us * 1_000,
        limit_bytes=_at_least(number(query, "limitBytes"), "limitBytes", 1),
    )


def _read_time(text: str) -> int:
    """Read a time, which loses its fraction on the way to the kubelet, so that the whole second is sent again."""
    try:
        return read_stamp(text.replace(" ", "+")) // SECOND * SECOND
    except ValueError as error:
        reason = f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'
        raise ApiError(400, reason) from error


def _at_least(value: int | None, name: str, least: int) -> int | None:
    if value is not None and value < least:
        limit = "greater than 0" if least else "greater than or equal to 0"
        raise _invalid(f"{name}: Invalid value: {value}: must be {limit}")
    return value


def _invalid(message: str) -> ApiError:
    return ApiError(422, f'PodLogOptions "" is invalid: {message}', {"kind": "PodLogOptions"})


# which log that is


def _check_container(pod: Pod, container: str) -> None:
    if container and container != pod.app.container:
        raise ApiError(400, f"container {container} is not valid for pod {pod.name}")


def _log_of(host: Host, pod: Pod, options: LogOptions) -> LogFile:
    """Find the file; pods that write nothing anyone reads here have an empty one."""
    name = pod.app.container
    if options.previous:
        previous = host.world.log_of(pod.uid, previous=True)
        if previous is None:
            raise ApiError(400, f'previous terminated container "{name}" in pod "{pod.name}" not found')
        return previous
    log = host.world.log_of(pod.uid)
    if log is None and pod.started_us is None:
        raise ApiError(400, f'container "{name}" in pod "{pod.name}" is waiting to start: ContainerCreating')
    return log if log is not None else LogFile(1 << 10, closed=pod.phase == "Succeeded")


def _first_number(log: LogFile, options: LogOptions) -> int:
    """Find the first line to send: the tail is taken before the time is looked at."""
    first = log.first
    if options.tail_lines is not None:
        first = max(first, log.written - options.tail_lines)
    if options.since_ns is not None:
        first = max(first, log.number_since(options.since_ns))
    return first


# how it is sent


@dataclass(slots=True)
class _Reading:
    """One log on its way to one client."""

    host: Host
    options: LogOptions
    follower: Follower
    response: web.StreamResponse
    opened_at: float
    sent_bytes: int = 0

    async def run(self) -> bool:
        """Send until there is no more; True where the connection is to be broken off instead of ended."""
        log, follower = self.follower.log, self.follower
        while True:
            faults = self.host.faults
            is_silent = faults.is_silent(follower.pod.name)
            if not is_silent and not await self._send_what_is_there():
                return False
            ends, cuts = self._deadline(faults.eof_every_s), self._deadline(faults.cut_every_s)
            if self._is_past(cuts):
                await self._send_half_a_line()
                return True
            if self._is_past(ends) or not self.options.follow:
                return False
            if log.closed and follower.number >= log.written:
                return False
            if is_silent or follower.number >= log.written:
                await self._sleep(min((at for at in (ends, cuts) if at is not None), default=None))

    async def _send_what_is_there(self) -> bool:
        """Send up to the end of the file; False once the limit of bytes is reached."""
        log, follower = self.follower.log, self.follower
        last = log.written
        while follower.number < last:
            if follower.number < log.first:
                self.host.overruns += log.first - follower.number
            most = min(_LINES_AT_ONCE, last - follower.number)
            text, follower.number = log.read(follower.number, most, stamps=self.options.timestamps)
            limit = self.options.limit_bytes
            if limit is not None and self.sent_bytes + len(text) >= limit:
                await self.response.write(text[: limit - self.sent_bytes])
                return False
            if not text:
                return True
            self.sent_bytes += len(text)
            await self.response.write(text)
        return True

    async def _send_half_a_line(self) -> None:
        """Send what a broken connection leaves behind: the beginning of the newest line, without its end."""
        log = self.follower.log
        text, _ = log.read(max(log.written - 1, log.first), 1, stamps=self.options.timestamps)
        if text:
            await self.response.write(text[: len(text) // 2])

    async def _sleep(self, until: float | None) -> None:
        bell = self.follower.bell
        bell.clear()
        if until is None:
            await bell.wait()
            return
        try:
            async with asyncio.timeout_at(until):
                await bell.wait()
        except TimeoutError:
            pass

    def _deadline(self, after_s: float) -> float | None:
        return self.opened_at + after_s if after_s > 0 else None

    @staticmethod
    def _is_past(deadline: float | None) -> bool:
        return deadline is not None and asyncio.get_running_loop().time() >= deadline
