"""Observing without a screen: when a snapshot has settled, when `-w` prints, and when there is not enough to say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ztui.cli.observing import SCREEN, Purpose, make_observer
from ztui.cli.progress import ZTUNNELS, Progress
from ztui.clock import SystemClock
from ztui.errors import InputError, NotObservableError, UsageError
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.session import Memory, Session

if TYPE_CHECKING:
    from ztui.model.observation import StreamChanged
    from ztui.settings import Settings

_DRAIN_S = 0.25
_FILE_ROWS, _FILE_WAIT_S = 8_192, 0.05
"""Rows of saved logs that are taken at once, and how long fewer of them may wait."""
_LIVE_ROWS = 200_000
_PATIENCE_S = 20.0
"""So long nothing new may come from a cluster, beyond --request-timeout."""
_TRIES_S = 3.0
"""So long a cluster is tried that cannot be reached: it may be restarting."""
_RATE_S = 1.5
"""So long logs are listened to where lines a second are told."""
_RECENT_S = 10.0
"""How much of each log from before now is read where only its state is told: enough to see that it speaks."""
_LINGER_S = 0.4
"""So long a TARGET's peers may take to be discovered, once its own logs are read."""
_FINAL = (StreamState.NOT_PERMITTED, StreamState.ERROR)


class Watch:
    """One observer at work for one headless command."""

    def __init__(
        self, settings: Settings, session: Session, progress: Progress, *, needs: StreamKind | None, linger_s: float
    ) -> None:
        self.progress = progress
        self._settings = settings
        self._session = session
        self._needs = needs
        self._linger_s = linger_s
        self._told_at: float | None = None
        self._clock = progress.clock
        self._started_at = self._clock.monotonic()
        self._started = self._clock.now()

    @property
    def is_finite(self) -> bool:
        """Whether observing ends by itself."""
        return self._session.observer.is_finite

    def settle(self) -> None:
        """Observe until there is enough to print once. Raises ZtuiError where there never will be."""
        while not (self._has_settled() or self._is_late()):
            self._observe(0.1)
        self.require()

    def ticks(self, every_s: float) -> Iterator[bool]:
        """Observe on and give control back every `every_s` seconds; True for the last time.

        Raises ZtuiError where a cluster cannot be observed at all.
        """
        if not self.is_finite:
            while not (self._has_begun() or self._is_late()):
                self._observe(0.1)
            self.require()
        due = self._clock.monotonic() + every_s
        while not self.progress.is_exhausted:
            self._observe(max(0.0, min(every_s, due - self._clock.monotonic())))
            if self._clock.monotonic() >= due and not self.progress.is_exhausted:
                due = self._clock.monotonic() + every_s
                yield False
        yield True

    def _observe(self, timeout_s: float) -> None:
        if self.is_finite:
            self._session.wait(min(timeout_s, _FILE_WAIT_S), rows=_FILE_ROWS)
        else:
            self._session.wait(timeout_s)
        self._session.drain(_DRAIN_S)
        if self._session.failure is not None:
            raise self._session.failure

    def _is_late(self) -> bool:
        """Whether a cluster has brought nothing that is waited for, for longer than anybody would wait."""
        if getattr(self._session.observer, "is_asking", False):  # a login takes as long as its user does
            self.progress.news_at = self._clock.monotonic()
        since = max(self._started_at, self.progress.news_at)
        patience = self._settings.request_timeout_s + _PATIENCE_S
        return not self.is_finite and self._clock.monotonic() - since > patience

    def _has_settled(self) -> bool:
        progress = self.progress
        if self.is_finite:  # a pipe may flow for ever: who watches it is shown what has come
            has_begun = bool(progress.entries_from or progress.dumps)
            return progress.is_exhausted or (self._settings.is_watching and has_begun)
        if progress.ztunnels is None:
            return self._is_lost()
        if not progress.ztunnels.ztunnels:
            return progress.watches_are_told  # then it is known where was looked
        is_told = progress.watches_are_told and progress.dumps_are_told and progress.logs_are_told(self._started)
        now = self._clock.monotonic()
        self._told_at = (self._told_at or now) if is_told else None
        return self._told_at is not None and now - self._told_at >= self._linger_s

    def _has_begun(self) -> bool:
        """Whether something can be expected to come, or never will."""
        progress = self.progress
        if progress.ztunnels is None:
            return self._is_lost()
        if self._settings.selector and not progress.watches_are_told:
            return False  # before the pods are known nothing can be selected
        followed = progress.ztunnels.followed
        return bool(progress.pasts) or progress.logs_are_told(self._started) or not followed

    def _is_lost(self) -> bool:
        """Whether ztunnels cannot be looked for: at once where waiting does not help, else after a few tries."""
        change = self.progress.states.get(ZTUNNELS)
        if change is None or change.state in (StreamState.CONNECTED, StreamState.CONNECTING):
            return False
        tried_s = self._clock.monotonic() - self._started_at
        return change.state in _FINAL or tried_s >= min(_TRIES_S, self._settings.request_timeout_s)

    def missing(self) -> list[StreamChanged]:
        """Streams this command needs that do not work."""
        return self.progress.failures(self._needs) if self._needs is not None else []

    def require(self) -> None:
        """Raise ZtuiError where nothing was observed that an answer could rest on."""
        progress = self.progress
        if self.is_finite:
            self._require_files()
            return
        looking = progress.states.get(ZTUNNELS)
        reason, remedy = (looking.reason, looking.remedy) if looking else (None, None)
        if progress.ztunnels is None:
            raise _cannot("No ztunnel can be looked for", reason or "The cluster did not answer in time.", remedy)
        if not progress.ztunnels.ztunnels:
            place = self._settings.ztunnel_namespace
            raise NotObservableError(
                f"No ztunnel found{f' in namespace {place}' if place else ''}: "
                f"no pod has the labels {self._settings.ztunnel_selector}.{f' {reason}' if reason else ''}",
                "Check --context, or say where it runs with --ztunnel-namespace and --ztunnel-selector.",
            )
        answered = progress.dumps if self._needs is StreamKind.CONFIG_DUMP else progress.entries_from
        self._require_labels()
        if not answered and (failed := self.missing()) and len(failed) >= self._asked:
            raise _cannot("No ztunnel could be read", failed[0].reason or failed[0].state.value, failed[0].remedy)

    def _require_labels(self) -> None:
        """Raise NotObservableError where --selector was given and no pod may be looked at."""
        pods = self.progress.of_watch("pods")
        if not self._settings.selector or any(change.state is StreamState.CONNECTED for change in pods):
            return
        why = next((change for change in pods if change.reason), None)
        reason, remedy = (why.reason, why.remedy) if why else (None, None)
        raise _cannot("Labels of pods cannot be read", reason or "The cluster did not list its pods in time.", remedy)

    @property
    def _asked(self) -> int:
        """How many streams of the kind that is needed there are."""
        states = self.progress.states.items()
        return sum(key.kind is self._needs and change.state is not StreamState.GONE for key, change in states)

    def _require_files(self) -> None:
        failed = [*self.progress.failures(StreamKind.FILE)]
        if failed and not self.progress.dumps and not self.progress.entries_from:
            of = _name(failed[0])
            raise InputError(f"{of}: {failed[0].reason}.".replace("..", "."), failed[0].remedy or _REMEDY_FILE)
        if self._needs is StreamKind.CONFIG_DUMP and not self.progress.dumps:
            raise InputError("There is no config dump among the files given.", _REMEDY_DUMP)

    def require_log(self) -> None:
        """Raise InputError where files were given and none is a log."""
        if self.progress.is_exhausted and self.progress.dumps and not self.progress.entries_from:
            raise InputError("There is no log among the files given.", _REMEDY_LOG)

    def finish(self) -> int:
        """Say on stderr what is missing from what was printed; the exit code."""
        missing = self.missing() if not self.is_finite else self.progress.failures(StreamKind.FILE)
        if not missing:
            return 0
        for change in missing[:5]:
            print(f"{_name(change)}: {change.reason or change.state.value}", file=sys.stderr)
        answer = "file" if self.is_finite else "ztunnel"
        lacking = f"this {answer}" if len(missing) == 1 else f"these {len(missing)} {answer}s"
        print(f"What is printed lacks {lacking}.", file=sys.stderr)
        return InputError.exit_code if self.is_finite else NotObservableError.exit_code

    def observed(self) -> dict[str, object]:
        """Tell what an answer rests on, as JSON has it."""
        progress = self.progress
        answered = progress.dumps if self._needs is StreamKind.CONFIG_DUMP else progress.entries_from
        kind = self._needs or StreamKind.LOG
        states = progress.states.items()
        asked = {key.of for key, change in states if key.kind is kind and change.state is not StreamState.GONE}
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
_REMEDY_LOG = "Name one with --file: `kubectl -n istio-system logs POD --tail=-1` of a ztunnel pod."
_REMEDY_DUMP = "Name one with --file: `istioctl ztunnel-config all POD -o json`, or ztunnel's port 15000, /config_dump."


def _cannot(what: str, reason: str, remedy: str | None) -> NotObservableError:
    return NotObservableError(f"{what}: {reason.rstrip('.')}.", remedy or _REMEDY_CLUSTER)


def _name(change: StreamChanged) -> str:
    """Name a stream as its user does."""
    return "standard input" if change.stream == StreamKey(kind=StreamKind.FILE, of="-") else change.stream.of


@contextmanager
def watching(
    settings: Settings, memory: Memory, *, needs: StreamKind | None = StreamKind.LOG, target: str | None = None
) -> Iterator[Watch]:
    """Observe what the settings ask for while the block runs; what is observed goes to `memory`.

    `needs` is what the answer rests on: the logs, the config dumps, or None where it tells of whatever there is.
    """
    if needs is StreamKind.CONFIG_DUMP and settings.is_without_dumps and not settings.files:
        raise UsageError("Without config dumps there is nothing to print.", "Leave --no-dumps out.")
    clock = SystemClock()
    since_s = SCREEN.since_s if needs is not None else _RECENT_S
    purpose = Purpose(follows_logs=needs is not StreamKind.CONFIG_DUMP, since_s=since_s, is_command=True)
    observer = make_observer(settings, clock, target=target, purpose=purpose)
    progress = Progress(memory=memory, clock=clock)
    rows = _FILE_ROWS if observer.is_finite else _LIVE_ROWS
    session = Session(observer, progress, clock, max_waiting_rows=rows)
    if observer.is_saved:
        session.read_saved()
    else:
        session.start()
    try:
        linger_s = _RATE_S if needs is None else _LINGER_S if target and purpose.follows_logs else 0.0
        yield Watch(settings, session, progress, needs=needs, linger_s=linger_s)
    finally:
        session.stop()
