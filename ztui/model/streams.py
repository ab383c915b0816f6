"""Streams of observations and what can become of them. Failure is a value: a state, with a reason and a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StreamKind(StrEnum):
    """What flows in a stream."""

    LOG = "log"
    CONFIG_DUMP = "config_dump"
    METRICS = "metrics"
    WATCH = "watch"
    FILE = "file"


class StreamState(StrEnum):
    """How a stream is. A quiet one is `connected` and idle; only a probe tells it from a dead one."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    LAGGING = "lagging"
    UNAVAILABLE = "unavailable"
    """Lost for now; `retry_at` says when it is tried again."""
    NOT_PERMITTED = "not permitted"
    ERROR = "error"
    """Understood as not working until something changes: a bad dump, a truncated file."""
    GONE = "gone"
    """Its pod does not exist any more, or its file was read to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamKey:
    """One stream: what flows, and of whom (`Origin.key` of a ztunnel, a resource such as `pods`, a file's path)."""

    kind: StreamKind
    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """An interval in which lines may be missing for good. Times are Unix seconds."""

    stream: StreamKey
    first: float
    last: float
    why: str
    lines: int | None = None
    """How many are missing, where that is known."""
