"""What crosses from the collecting threads to the main thread: merged while it waits, bounded in rows."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ztui.model.flow import LineCounts, Measures, Shape, Tally
from ztui.model.observation import (
    ConfigDumpTaken,
    ConnectionsCounted,
    EntriesCounted,
    EntriesRead,
    Exhausted,
    Observation,
)

if TYPE_CHECKING:
    from ztui.model.streams import StreamKey

_ROWS_PER_BATCH = 10
"""So many rows a waiting batch is taken for at least, for the bound: live ones may have one or none."""


@dataclass(slots=True)
class _Folded:
    """Sums of batches of one stream and ten seconds whose rows had to go."""

    first: EntriesRead
    tallies: dict[Shape, Tally] = field(default_factory=dict)
    lines: LineCounts = LineCounts()
    byte_count: int = 0

    def add(self, read: EntriesRead) -> None:
        batch = read.batch
        self.lines += batch.lines
        self.byte_count += batch.byte_count
        for shape, sent, recv, duration in zip(batch.shapes, batch.sent, batch.recv, batch.duration_ms, strict=True):
            tally = self.tallies.get(shape)
            if tally is None:
                tally = self.tallies[shape] = Tally()
            tally.add(sent, recv, duration if shape.measures & Measures.DURATION else None)

    def observation(self) -> EntriesCounted:
        batch = self.first.batch
        return EntriesCounted(
            stream=self.first.stream,
            origin=batch.origin,
            logged_at=batch.times[0] if batch.times else b"",
            tallies=self.tallies,
            lines=self.lines,
            byte_count=self.byte_count,
            observed_at=self.first.observed_at,
        )


class Inbox:
    """What has been observed and not yet remembered: bounded in rows, complete in counts.

    Past `max_rows` the oldest rows of a live observer go after their counts are summed; a finite observer is made to
    wait instead, until half of them are taken: the two threads take turns of many rows, not one for one. State changes
    and gaps are never dropped; of config dumps only the latest of each ztunnel waits.
    """

    def __init__(self, *, max_rows: int, is_patient: bool) -> None:
        self._max_rows = max_rows
        self._max_batches = max_rows // _ROWS_PER_BATCH
        self._is_patient = is_patient
        self._arrived = threading.Condition()
        self._waiting = 0
        """Threads that wait; nobody is told while there is none: a live screen looks by itself."""
        self._wanted_rows = 1
        self._entries: deque[EntriesRead] = deque()
        self._rows = 0
        self._folded: dict[tuple[str, bytes], _Folded] = {}
        self._counted: dict[tuple[StreamKey, bytes], ConnectionsCounted] = {}
        self._facts: deque[Observation] = deque()
        self._dumps: dict[str, ConfigDumpTaken] = {}
        self._exhausted: Exhausted | None = None
        self._is_closed = False

    def put(self, observation: Observation) -> None:
        """Hand over one observation, from any thread. Blocks a finite observer while the inbox is full."""
        with self._arrived:
            if isinstance(observation, EntriesRead):
                self._put_entries(observation)
            elif isinstance(observation, ConfigDumpTaken):
                self._dumps[observation.origin.key] = observation
            elif isinstance(observation, ConnectionsCounted):
                self._put_counted(observation)
            elif isinstance(observation, Exhausted):
                self._exhausted = observation
            else:
                self._facts.append(observation)
            if self._waiting and not self._is_waiting_for_more:
                self._arrived.notify_all()

    def _put_entries(self, read: EntriesRead) -> None:
        if self._is_patient and self._rows >= self._max_rows:
            self._await(lambda: self._rows <= self._max_rows // 2 or self._is_closed)
        self._entries.append(read)
        self._rows += len(read.batch.shapes)
        if not self._is_patient:
            self._fold_surplus()

    def _fold_surplus(self) -> None:
        while (self._rows > self._max_rows or len(self._entries) > self._max_batches) and len(self._entries) > 1:
            oldest = self._entries.popleft()
            self._rows -= len(oldest.batch.shapes)
            self._fold(oldest)

    def _await(self, condition: Callable[[], bool], timeout_s: float | None = None) -> None:
        self._waiting += 1
        try:
            self._arrived.wait_for(condition, timeout_s)
        finally:
            self._waiting -= 1

    def _put_counted(self, counted: ConnectionsCounted) -> None:
        key = (counted.stream, counted.logged_at)
        waiting = self._counted.get(key)
        if waiting is not None:
            counted = replace(counted, counted=Counter(waiting.counted) + Counter(counted.counted))
        self._counted[key] = counted

    def _fold(self, read: EntriesRead) -> None:
        # "2026-01-31T09:08:0" is the time without its last second digit: ten seconds of log.
        ten_seconds = read.batch.times[0][:18] if read.batch.times else b""
        key = (read.batch.origin.key, ten_seconds)
        folded = self._folded.get(key)
        if folded is None:
            folded = self._folded[key] = _Folded(first=read)
        folded.add(read)

    def take(self) -> Iterator[Observation]:
        """Everything that waits, in an order in which facts precede the entries they explain. Main thread only."""
        while True:
            with self._arrived:
                observation = self._next()
                if observation is None:
                    return
                # Above it whoever waits for room would wake for nothing.
                if self._waiting and self._rows <= self._max_rows // 2:
                    self._arrived.notify_all()
            yield observation

    def _next(self) -> Observation | None:
        if self._facts:
            return self._facts.popleft()
        if self._dumps:
            return self._dumps.pop(next(iter(self._dumps)))
        if self._counted:
            return self._counted.pop(next(iter(self._counted)))
        if self._folded:
            return self._folded.pop(next(iter(self._folded))).observation()
        if self._entries:
            read = self._entries.popleft()
            self._rows -= len(read.batch.shapes)
            return read
        exhausted, self._exhausted = self._exhausted, None
        return exhausted

    @property
    def rows(self) -> int:
        """Rows that wait: the backlog."""
        return self._rows

    @property
    def _is_waiting_for_more(self) -> bool:
        """Whether nothing waits but fewer rows than are wanted."""
        return self._rows < self._wanted_rows and not self._has_facts

    @property
    def _has_facts(self) -> bool:
        return bool(self._facts or self._dumps or self._folded or self._counted or self._exhausted)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all waits."""
        return not (self._has_facts or self._entries)

    def wait(self, timeout_s: float, rows: int = 1) -> bool:
        """Block until something waits (of entries, `rows` rows) or the inbox is closed; whether something does."""
        with self._arrived:
            self._wanted_rows = min(rows, self._max_rows)
            self._await(lambda: self._is_closed or not self._is_waiting_for_more, timeout_s)
            return not self.is_empty

    def close(self) -> None:
        """Let go of everybody who waits."""
        with self._arrived:
            self._is_closed = True
            self._arrived.notify_all()
