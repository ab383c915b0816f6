"""What has been observed so far, seen from far: enough to know when a command can print, and when it never will."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ztui.model.observation import (
    ConfigDumpTaken,
    EntriesRead,
    Exhausted,
    Observation,
    StreamChanged,
    ZtunnelsFound,
)
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.model.text import logged_at

if TYPE_CHECKING:
    from ztui.clock import Clock
    from ztui.session import Memory

QUIET_S = 0.5
"""A log that says nothing for so long after it was opened has told its past."""
GLANCE_S = 0.2
"""So long a log that has come to the present is looked at: its node's clock may be ahead of ours."""
LIVE_PACE_S = 1.0
"""A log whose own time moves on by no more than this beyond ours tells the present."""
LOST = (StreamState.UNAVAILABLE, StreamState.NOT_PERMITTED, StreamState.ERROR, StreamState.GONE)
ZTUNNELS = StreamKey(kind=StreamKind.WATCH, of="ztunnels")


@dataclass(slots=True)
class Past:
    """How far one ztunnel's log has told what was before now. Logged times are Unix seconds."""

    latest: bytes = b""
    """The latest time that was logged, as written."""
    is_told: bool = False
    _looked_at: float | None = None
    _logged: float = 0.0

    def look(self, monotonic: float, started: float) -> bool:
        """Whether its past is told: it moves on only as fast as time does, or not at all.

        What was written before is read much faster than that. A log that has come to when we `started` is looked at
        for a shorter time.
        """
        if self.is_told:
            return True
        logged = (logged_at(self.latest) if self.latest else None) or 0.0
        if self._looked_at is None:
            self._looked_at, self._logged = monotonic, logged
        elapsed = monotonic - self._looked_at
        if elapsed >= (GLANCE_S if logged >= started else QUIET_S):
            self.is_told = logged - self._logged <= elapsed + LIVE_PACE_S
            self._looked_at, self._logged = monotonic, logged
        return self.is_told


@dataclass(slots=True)
class Progress:
    """Notes what kinds of observations come by. Stands in front of the memory."""

    memory: Memory
    clock: Clock
    is_exhausted: bool = False
    ztunnels: ZtunnelsFound | None = None
    states: dict[StreamKey, StreamChanged] = field(default_factory=dict)
    dumps: set[str] = field(default_factory=set)
    entries_from: set[str] = field(default_factory=set)
    pasts: dict[str, Past] = field(default_factory=dict)
    news_at: float = 0.0
    """When something came that is waited for, on our monotonic clock."""

    def ingest(self, observation: Observation) -> None:
        """Note what kind of observation it is, and hand it on."""
        match observation:
            case EntriesRead():
                self._note_entries(observation)
            case ConfigDumpTaken():
                self._note_news(is_news=observation.origin.key not in self.dumps)
                self.dumps.add(observation.origin.key)
            case StreamChanged():
                self._note_state(observation)
            case ZtunnelsFound():
                self._note_news(is_news=self.ztunnels is None)
                self.ztunnels = observation
            case Exhausted():
                self.is_exhausted = True
        self.memory.ingest(observation)

    def _note_news(self, *, is_news: bool) -> None:
        if is_news:
            self.news_at = self.clock.monotonic()

    def _note_entries(self, read: EntriesRead) -> None:
        batch = read.batch
        if batch.lines.received > batch.lines.unreadable + batch.lines.continuation:  # else it may be no log at all
            self.entries_from.add(batch.origin.key)
        if batch.shapes:
            past = self.pasts.setdefault(batch.origin.key, Past())
            past.latest = max(past.latest, batch.latest or max(batch.times))

    def _note_state(self, change: StreamChanged) -> None:
        key = change.stream
        self.states[key] = change
        if change.state is StreamState.CONNECTED and key.kind is StreamKind.LOG and key.of not in self.pasts:
            self.pasts[key.of] = Past()
            self._note_news(is_news=True)

    def is_lost(self, kind: StreamKind, of: str) -> bool:
        """Whether that stream gives nothing, and no waiting of ours will change it."""
        change = self.states.get(StreamKey(kind=kind, of=of))
        return change is not None and (is_without(change) or change.state is StreamState.GONE)

    def failures(self, kind: StreamKind) -> list[StreamChanged]:
        """Streams of a kind that give nothing now."""
        return [change for key, change in self.states.items() if key.kind is kind and is_without(change)]

    def of_watch(self, name: str) -> list[StreamChanged]:
        """Give the states of the watch of that name, or of those of single namespaces that stand for it."""
        return [
            change
            for key, change in self.states.items()
            if key.kind is StreamKind.WATCH and (key.of == name or key.of.startswith(f"{name} in "))
        ]

    @property
    def watches_are_told(self) -> bool:
        """Whether every kind of Kubernetes object was listed, or is known not to be."""
        beginning = (StreamState.WAITING, StreamState.CONNECTING)
        return all(change.state not in beginning for key, change in self.states.items() if key.kind is StreamKind.WATCH)

    @property
    def dumps_are_told(self) -> bool:
        """Whether every dump that is to be taken was taken, or is known not to come."""
        return all(
            key.of in self.dumps or is_without(change) or change.state is StreamState.GONE
            for key, change in self.states.items()
            if key.kind is StreamKind.CONFIG_DUMP
        )

    def logs_are_told(self, started: float) -> bool:
        """Whether every log that is followed was read up to when we `started`, or is known not to come."""
        if self.ztunnels is None:
            return False
        told = [self._is_log_told(key, started) for key in self.ztunnels.followed]  # each is looked at, each time
        return all(told)

    def _is_log_told(self, key: str, started: float) -> bool:
        if self.is_lost(StreamKind.LOG, key):
            return True
        past = self.pasts.get(key)
        return past is not None and past.look(self.clock.monotonic(), started)


def is_without(change: StreamChanged) -> bool:
    """Whether a stream gives nothing, and says why: it is lost, or waits for something."""
    is_waiting = change.state is StreamState.WAITING and change.reason is not None
    return is_waiting or (change.state in LOST and change.state is not StreamState.GONE)
