"""How much to keep of what is read when more is written than can be read: one rule, by how late the lines are.

A live view must rather be fresh and say what it lacks than be complete and late: reading that falls behind the
kubelet's rotation loses lines that nobody ever counted. So detail goes in steps, and comes back slowly.
"""

from __future__ import annotations

from collections.abc import Hashable

from ztui.model.observation import Detail

STEPS = tuple(Detail)
LATE_S = {Detail.FULL: 2.0, Detail.NO_HISTORY: 5.0, Detail.SAMPLED: 20.0}
"""From how late on the next step is taken."""
PATIENCE_S = 1.0
"""So long a step is given to show what it helps, before the next one is taken."""
WELL_S = 1.0
WELL_FOR_S = 5.0
"""A step is left once lines were less than `WELL_S` late (or few) for `WELL_FOR_S`; the next takes as long again."""
WORTH_LINES_PER_S = 10_000
"""Below this rate no step is taken: leaving detail out would save a few hundredths of a core, so what is late is not
late because of us (a slow API server, a cluster's clock that was stopped)."""
SAMPLED_SHARE = 0.125
"""Of the batches of a stream that are read whole in the sampled step."""


def share_read(told: int, unread: int) -> float:
    """Give the share whose numbers were read, of connections that went well: failures are always read."""
    return 1.0 - unread / told if unread else 1.0


def estimated(size: int, share: float) -> int | None:
    """Estimate a sum of bytes from the share that was read; None where nothing was."""
    if share == 1.0:
        return size
    return round(size / share) if share > 0 else None


class Overload:
    """The step that is taken. Times are seconds on any clock that never steps back."""

    def __init__(self) -> None:
        self.detail = Detail.FULL
        self._since = float("-inf")
        self._well_since: float | None = None

    def see(self, late_s: float, at: float, *, lines_per_s: float = float("inf")) -> Detail:
        """Judge how late the latest lines are, about once a second; the detail from now on."""
        if late_s >= WELL_S and lines_per_s >= WORTH_LINES_PER_S:
            self._well_since = None
            if late_s >= LATE_S.get(self.detail, float("inf")) and at - self._since >= PATIENCE_S:
                self._step(1, at)
        elif self._well_since is None:
            self._well_since = at
        elif at - self._well_since >= WELL_FOR_S and self.detail is not Detail.FULL:
            self._step(-1, at)
            self._well_since = at
        return self.detail

    def _step(self, by: int, at: float) -> None:
        self.detail = STEPS[STEPS.index(self.detail) + by]
        self._since = at


class Lateness:
    """How late the latest lines of each stream are, beyond what they have been lately at least.

    A node's clock may be off, and a stream begins with lines of the past: neither is overload. A stream that reads
    lines ever older, measured against our clock, is.
    """

    MEMORY_S = 300.0
    """The least is that of this long to twice as long."""

    def __init__(self) -> None:
        self._latest: dict[Hashable, float] = {}
        self._least: dict[Hashable, float] = {}
        self._least_before: dict[Hashable, float] = {}
        self._since = float("-inf")

    def saw(self, stream: Hashable, lag_s: float) -> None:
        """Note that lines of a stream arrived, the latest of them `lag_s` after it was written."""
        self._latest[stream] = lag_s
        least = self._least.get(stream)
        if least is None or lag_s < least:
            self._least[stream] = lag_s

    def take_worst(self, at: float) -> float | None:
        """How late the latest lines of the worst stream are that spoke since the last call; None where none did."""
        latest, self._latest = self._latest, {}
        late = [lag - self._usual(stream) for stream, lag in latest.items()]
        if at - self._since >= self.MEMORY_S:
            self._since = at
            self._least_before, self._least = self._least, {}
        return max(late, default=None)

    def _usual(self, stream: Hashable) -> float:
        return min(self._least.get(stream, float("inf")), self._least_before.get(stream, float("inf")))
