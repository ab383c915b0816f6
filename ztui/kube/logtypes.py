"""What of a log is followed, how its stream is, whom it tells, and what the streams of one process share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from ztui.kube.failures import KubeError
    from ztui.kube.resume import LogGap


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTarget:
    """One container of one pod, as its pod's watch last showed it. A new uid is another target."""

    uid: str
    namespace: str
    pod: str
    container: str
    restarts: int = 0
    is_running: bool = True
    is_new: bool = False
    """Whether it appeared while we were watching: then all of its log is wanted."""


class LogState(StrEnum):
    """How a log stream is."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    FOLLOWING = "following"
    RETRYING = "retrying"
    DENIED = "denied"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """A state a log stream entered, or confirmed."""

    state: LogState
    why: KubeError | None = None
    retry_at: float | None = None
    """Unix seconds."""
    probed_at: float | None = None
    """When the kubelet last confirmed that there is nothing newer."""
    oldest_available: float | None = None
    """When the kubelet's file begins, where that is later than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """How much of a log from before now is wanted; neither number: none. Both: the fewer lines."""

    since_s: int | None = None
    tail: int | None = None
    whole: bool = False


@dataclass(slots=True)
class LogCounters:
    """What went through one stream."""

    lines: int = 0
    bytes: int = 0
    replayed: int = 0
    """Lines that were read again after a re-opening, and dropped."""
    truncated: int = 0
    opened: int = 0
    gaps: int = 0


class LogListener(Protocol):
    """Whom a stream tells. Called on its loop; must not block."""

    def lines_read(self, target: LogTarget, block: bytes) -> None:
        """Take whole lines, each ended by a newline."""

    def state_changed(self, target: LogTarget, report: LogReport) -> None:
        """Take note that the stream entered a state, or confirmed it."""

    def lines_lost(self, target: LogTarget, gap: LogGap) -> None:
        """Take note that lines may be missing for good."""


class Surroundings(Protocol):
    """What the streams of one process share."""

    def opening(self) -> AbstractAsyncContextManager[Callable[[], None]]:
        """Wait for a turn to open a stream; the value says that it is open."""

    async def server_answers(self) -> None:
        """Wait until the API server answers, found out once for all streams."""

    def later(self, work: Awaitable[None]) -> None:
        """Do a small extra request beside the stream."""
