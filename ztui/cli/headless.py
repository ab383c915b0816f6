"""Observing without a screen: when a snapshot has settled, when `-w` prints, and when there is not enough to say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ztui.cli.observing import make_observer
from ztui.clock import Clock, SystemClock
from ztui.errors import InputError, NotObservableError
from ztui.model.observation import (
    ConfigDumpTaken,
    EntriesRead,
    Exhausted,
    Observation,
    StreamChanged,
    ZtunnelsFound,
)
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.session import Memory, Session

if TYPE_CHECKING:
    from ztui.settings import Settings

_DRAIN_S = 0.25
_QUIET_S = 0.5
"""A log that says nothing for so long after it was opened has told its past."""
_PATIENCE_S = 20.0
"""So long the first answers of a cluster may take, beyond --request-timeout."""
_LOST = (StreamState.UNAVAILABLE, StreamState.NOT_PERMITTED, StreamState.ERROR, StreamState.GONE)


@dataclass(slots=True)
class Progress:
    """What has been observed so far, seen from far: enough to know when to print. Stands in front of the memory."""

    memory: Memory
    clock: Clock
    is_exhausted: bool = False
    ztunnels: ZtunnelsFound | None = None
    states: dict[StreamKey, StreamChanged] = field(default_factory=dict)
    dumps: set[str] = field(default_factory=set)
    last_entries_at: float = 0.0
    entries_from: set[str] = field(default_factory=set)

    def ingest(self, observation: Observation) -> None:
        """Note what kind of observation it is, and hand it on."""
        match observation:
            case EntriesRead():
                self.last_entries_at = self.clock.monotonic()
                self.entries_from.add(observation.batch.origin.key)
            case ConfigDumpTaken():
                self.dumps.add(observation.origin.key)
            case StreamChanged():
                self.states[observation.stream] = observation
            case ZtunnelsFound():
                self.ztunnels = observation
            case Exhausted():
                self.is_exhausted = True
        self.memory.ingest(observation)

    def is_lost(self, kind: StreamKind, of: str) -> bool:
        """Whether that stream is in a state that no waiting of ours will change."""
        change = self.states.get(StreamKey(kind=kind, of=of))
        return change is not None and change.state in _LOST

    def failures(self, kind: StreamKind) -> list[StreamChanged]:
        """Streams of a kind that do not work now."""
        return [
            change
            for key, change in self.states.items()
            if key.kind is kind and change.state in _LOST and change.state is not StreamState.GONE
        ]


class Watch:
    """One observer at work for one headless command."""

    def __init__(self, settings: Settings, session: Session, progress: Progress, *, needs: StreamKind) -> None:
        self.progress = progress
        self._settings = settings
        self._session = session
        self._needs = needs
        self._clock = progress.clock
        self._started_at = self._clock.monotonic()

    @property
    def is_finite(self) -> bool:
        """Whether observing ends by itself."""
        return self._session.observer.is_finite

    def settle(self) -> None:
        """Observe until there is enough to print once. Raises ZtuiError where there never will be."""
        deadline = self._started_at + self._settings.request_timeout_s + _PATIENCE_S
        while not self._has_settled():
            if not self.is_finite and self._clock.monotonic() > deadline:
                break
            self._observe(0.1)
        self.require()

    def ticks(self, every_s: float) -> Iterator[bool]:
        """Observe on and give control back every `every_s` seconds; True for the last time."""
        due = self._clock.monotonic() + every_s
        while True:
            self._observe(max(0.0, min(every_s, due - self._clock.monotonic())))
            if self.progress.is_exhausted:
                yield True
                return
            if self._clock.monotonic() >= due:
                due = self._clock.monotonic() + every_s
                yield False

    def _observe(self, timeout_s: float) -> None:
        self._session.wait(timeout_s)
        self._session.drain(_DRAIN_S)
        if self._session.failure is not None:
            raise self._session.failure

    def _has_settled(self) -> bool:
        progress = self.progress
        if self.is_finite:
            return progress.is_exhausted
        if progress.ztunnels is None:
            return bool(progress.failures(StreamKind.WATCH))
        if self._needs is StreamKind.CONFIG_DUMP:
            keys = {ztunnel.key for ztunnel in progress.ztunnels.ztunnels}
            return all(key in progress.dumps or progress.is_lost(StreamKind.CONFIG_DUMP, key) for key in keys)
        return self._logs_have_settled(progress.ztunnels.followed)

    def _logs_have_settled(self, followed: frozenset[str]) -> bool:
        streams = [self.progress.states.get(StreamKey(kind=StreamKind.LOG, of=key)) for key in followed]
        begun = (StreamState.CONNECTED, StreamState.LAGGING, *_LOST)
        if not all(stream is not None and stream.state in begun for stream in streams):
            return False
        latest = max([self.progress.last_entries_at, self._started_at])
        return self._clock.monotonic() - latest >= _QUIET_S

    def missing(self) -> list[StreamChanged]:
        """Streams this command needs that do not work."""
        return self.progress.failures(self._needs)

    def require(self) -> None:
        """Raise ZtuiError where nothing was observed that an answer could rest on."""
        progress = self.progress
        if self.is_finite:
            self._require_files()
            return
        if progress.ztunnels is None:
            failed = progress.failures(StreamKind.WATCH)
            reason = (failed[0].reason if failed else None) or "the cluster did not answer in time"
            raise NotObservableError(f"No ztunnel can be looked for: {reason}.".replace("..", "."), _REMEDY_CLUSTER)
        if not progress.ztunnels.ztunnels:
            place = self._settings.ztunnel_namespace
            raise NotObservableError(
                f"No ztunnel found{f' in namespace {place}' if place else ''}: "
                f"no pod has the labels {self._settings.ztunnel_selector}.",
                "Check --context, or say where it runs with --ztunnel-namespace and --ztunnel-selector.",
            )
        answered = progress.dumps if self._needs is StreamKind.CONFIG_DUMP else progress.entries_from
        if not answered and (failed := self.missing()):
            raise NotObservableError(
                f"No ztunnel could be read: {failed[0].reason}.".replace("..", "."), _REMEDY_CLUSTER
            )

    def _require_files(self) -> None:
        failed = [*self.progress.failures(StreamKind.FILE)]
        if failed and not self.progress.dumps and not self.progress.entries_from:
            raise InputError(f"{failed[0].stream.of}: {failed[0].reason}.".replace("..", "."), _REMEDY_FILE)

    def finish(self) -> int:
        """Say on stderr what is missing from what was printed; the exit code."""
        missing = self.missing() if not self.is_finite else self.progress.failures(StreamKind.FILE)
        if not missing:
            return 0
        for change in missing[:5]:
            print(f"{change.stream.of}: {change.reason or change.state.value}", file=sys.stderr)
        answer = "files" if self.is_finite else "ztunnels"
        print(f"What is printed lacks these {len(missing)} {answer}.", file=sys.stderr)
        return InputError.exit_code if self.is_finite else NotObservableError.exit_code

    def observed(self) -> dict[str, object]:
        """Tell what an answer rests on, as JSON has it."""
        progress = self.progress
        answered = progress.dumps if self._needs is StreamKind.CONFIG_DUMP else progress.entries_from
        asked = {ztunnel.key for ztunnel in progress.ztunnels.ztunnels} if progress.ztunnels else answered
        return {
            "ztunnels": {"asked": len(asked | answered), "answered": len(answered)},
            "streams": {
                f"{key.kind.value}/{key.of}": change.state.value
                for key, change in sorted(progress.states.items(), key=lambda item: (item[0].kind, item[0].of))
            },
            "not_permitted": sorted(
                {
                    change.reason or key.of
                    for key, change in progress.states.items()
                    if change.state is StreamState.NOT_PERMITTED
                }
            ),
        }


_REMEDY_CLUSTER = "Check --context and --kubeconfig, and that `kubectl -n istio-system get pods` works."
_REMEDY_FILE = "Name ztunnel's log (plain or JSON) or a config dump with --file."


@contextmanager
def watching(
    settings: Settings, memory: Memory, *, needs: StreamKind = StreamKind.LOG, target: str | None = None
) -> Iterator[Watch]:
    """Observe what the settings ask for while the block runs; what is observed goes to `memory`."""
    clock = SystemClock()
    observer = make_observer(settings, clock, target=target)
    progress = Progress(memory=memory, clock=clock)
    session = Session(observer, progress, clock)
    session.start()
    try:
        yield Watch(settings, session, progress, needs=needs)
    finally:
        session.stop()
