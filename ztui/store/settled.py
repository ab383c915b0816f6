"""What a question without a window adds up to, but for the last buckets: added once, when a bucket is old enough.

Kept per bucket, the sums of all edges took 5 MB a minute in a large mesh, for an hour; and to add up the past anew for
each answer took half a processor once there was one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ztui.store.history import History
    from ztui.store.segments import Share

Key = TypeVar("Key")
Value = TypeVar("Value")
Growth = TypeVar("Growth")
PAST = -1
"""Stands for a bucket's number where the time before all buckets is meant."""


class Settled(Generic[Key, Value]):
    """Sums of the past and of all closed buckets that were old enough so far, also of those that are past by now.

    `sums` gives those of what one bucket knows, `total` adds up two for good. What was handed out is never changed.
    """

    def __init__(
        self,
        history: History,
        sums: Callable[[Iterable[Share], int], dict[Key, Value]],
        total: Callable[[Value | None, Value], Value],
    ) -> None:
        self._total = total
        self._retired, self._folds = history.retired, history.folds
        self._numbers: set[int] = set()
        """Of the packed parts that are in the sums, and not yet in the past."""
        self.newest = PAST
        """The newest bucket that is in the sums."""
        self.groups: dict[Key, Value] = {}
        self._add(sums(history.past_shares(), PAST))

    def is_of(self, history: History) -> bool:
        """Whether nothing became part of the past that is not in the sums, or left it: else begin again."""
        parts = (part for bucket in history.buckets() for part in history.segments(bucket))
        gone = self._numbers.difference(*(part.numbers for part in parts))
        if history.folds != self._folds or history.retired != self._retired + len(gone):
            return False
        self._retired = history.retired
        self._numbers -= gone
        return True

    def settle(self, history: History, before: int, sums: Callable[[Iterable[Share], int], dict[Key, Value]]) -> bool:
        """Add what is not yet in the sums of the closed buckets before this one.

        False where that is not possible, as what is in them was joined with what is not.
        """
        for bucket in history.buckets():
            end = history.end(bucket)
            for part in history.segments(bucket):
                is_new = part.numbers.isdisjoint(self._numbers)
                if not is_new and (end > before or not part.numbers <= self._numbers):
                    return False
                if is_new and end <= before:
                    self._numbers |= part.numbers
                    self._add(sums(part.shares(), bucket))
                    self.newest = max(self.newest, end - 1)
        return True

    def _add(self, groups: dict[Key, Value]) -> None:
        for group, sums in groups.items():
            self.groups[group] = self._total(self.groups.get(group), sums)


class Kept(ABC, Generic[Key, Value, Growth]):
    """What one question knows: of buckets that still grow, of closed ones as they were asked for, of all old ones.

    The question is one, and not the owner of one: it would own what refers to it, and stay until it is collected.
    """

    def __init__(self) -> None:
        self._closed: dict[int, tuple[int, dict[Key, Value]]] = {}
        """Bucket → the state it was in, and its sums."""
        self._settled: Settled[Key, Value] | None = None
        self._growing: dict[int, Growth] = {}
        """Open bucket → its sums, and how far they go."""

    @abstractmethod
    def sums(self, shares: Iterable[Share], bucket: int, length: int = 1) -> dict[Key, Value]:
        """Give sums of what one bucket knows, which may be several times ten seconds long."""

    @staticmethod
    @abstractmethod
    def total(known: Value | None, more: Value) -> Value:
        """Add up two sums for good."""

    @property
    def newest_settled(self) -> int:
        """The newest bucket that is in the sums of all old ones; it cannot be told apart any more."""
        return PAST if self._settled is None else self._settled.newest

    def settled(self, history: History, before: int) -> dict[Key, Value]:
        """Give the sums of the past and of all closed buckets before this one."""
        known = self._settled
        if known is None or not known.is_of(history) or not known.settle(history, before, self.sums):
            known = self._settled = Settled(history, self.sums, self.total)
            known.settle(history, before, self.sums)
        return known.groups

    def closed(self, history: History, bucket: int) -> dict[Key, Value]:
        """Give the sums of a closed bucket."""
        state = history.state(bucket)
        known = self._closed.get(bucket)
        if known is None or known[0] != state:
            length = history.end(bucket) - bucket
            known = self._closed[bucket] = (state, self.sums(history.shares(bucket), bucket, length))
        return known[1]

    def forget_buckets(self, alive: Collection[int]) -> None:
        """Let go of the sums of all other buckets."""
        for bucket in self._closed.keys() - alive:
            del self._closed[bucket]

    def unsettle(self) -> None:
        """Let go of the sums of all old buckets."""
        self._settled = None

    def forget_since(self, first: int) -> None:
        """Let go of sums that are not true from this bucket on."""
        for bucket in [bucket for bucket in self._growing if bucket >= first]:
            del self._growing[bucket]
        for bucket in [bucket for bucket in self._closed if bucket >= first]:
            del self._closed[bucket]
        if self.newest_settled >= first:
            self._settled = None
