"""What a question without a window adds up to, but for the last buckets: added once, when a bucket is old enough.

Kept per bucket, the sums of all edges took 5 MB a minute in a large mesh, for an hour; and to add up the past anew for
each answer took half a processor once there was one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ztui.store.rates import Rates
    from ztui.store.segments import Share

Key = TypeVar("Key")
Value = TypeVar("Value")
PAST = -1
"""Stands for a bucket's number where the time before all buckets is meant."""


class Settled(Generic[Key, Value]):
    """Sums of the past and of all closed buckets that were old enough so far, also of those that are past by now.

    `sums` gives those of what one bucket knows, `total` adds up two for good. What was handed out is never changed.
    """

    def __init__(
        self,
        rates: Rates,
        sums: Callable[[Iterable[Share], int], dict[Key, Value]],
        total: Callable[[Value | None, Value], Value],
    ) -> None:
        self._sums = sums
        self._total = total
        self._retired, self._folds = rates.retired, rates.folds
        self._numbers: set[int] = set()
        """Of the packed parts that are in the sums, and not yet in the past."""
        self.newest = PAST
        """The newest bucket that is in the sums."""
        self.groups: dict[Key, Value] = {}
        self._add(sums(rates.past_shares(), PAST))

    def is_of(self, rates: Rates) -> bool:
        """Whether nothing became part of the past that is not in the sums, or left it: else begin again."""
        numbers = {part.number for bucket in rates.closed_buckets() for part in rates.segments(bucket)}
        gone = self._numbers - numbers
        if rates.folds != self._folds or rates.retired != self._retired + len(gone):
            return False
        self._retired = rates.retired
        self._numbers -= gone
        return True

    def settle(self, rates: Rates, before: int) -> None:
        """Add what is not yet in the sums of the closed buckets before this one."""
        for bucket in rates.closed_buckets():
            if bucket >= before:
                break
            for part in rates.segments(bucket):
                if part.number not in self._numbers:
                    self._numbers.add(part.number)
                    self._add(self._sums(part.shares(), bucket))
                    self.newest = max(self.newest, bucket)

    def _add(self, groups: dict[Key, Value]) -> None:
        for group, sums in groups.items():
            self.groups[group] = self._total(self.groups.get(group), sums)
