"""A view onto single entries: oldest above, newest at the bottom, like a log; filtered as they arrive.

Entries of several ztunnels arrive a little out of order, so what came within the last second is put in the order of
the log's own time. A finite input is ordered as a whole once it was read to its end.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ztui.model.filter import failures
from ztui.model.text import logged_at

if TYPE_CHECKING:
    from ztui.model.fields import Lookup
    from ztui.model.filter import FlowFilter
    from ztui.model.flow import AccessLogEntry
    from ztui.store.entries import EntryStore

REORDER_S = 1.0
_REJUDGE_S = 2.0
"""So often at most a filter is asked again of everything: a mesh that is rolled out changes with every pod."""
_MANY = 4096
"""From so many on, times are read page by page instead of one by one."""


class FlowView:
    """A window onto the entries of a store. `version` grows when the page may differ.

    `is_complete` tells whether no more will come: then everything is put in order once. While paused nothing new is
    taken; what the store has meanwhile forgotten leaves the view all the same.
    """

    def __init__(self, entries: EntryStore, lookup: Lookup, *, is_complete: Callable[[], bool] = lambda: False) -> None:
        self._entries = entries
        self._lookup = lookup
        self._is_complete = is_complete
        self._seqs: array[int] = array("q")
        self._next = entries.first_seq
        self._forgotten_to = entries.first_seq
        self._now = 0.0
        self._is_sorted = False
        self._lookup_version = lookup.version
        self._rejudged_at = float("-inf")
        self._where: FlowFilter | None = None
        self.filter: FlowFilter | None = None
        self.problems_only = False
        self.is_paused = False
        self.follow = True
        self.version = 0
        self._selected: int | None = None

    # -- content

    def refresh(self, now: float = 0.0) -> None:
        """Take what was logged since the last time, and let go of what the store forgot."""
        self._now = now
        self._forget()
        if not self.is_paused:
            self._rejudge(now)
            self._take(now)
        if self._selected is not None and self._selected < self._entries.first_seq:
            self._selected = self._seqs[0] if self._seqs else None

    def _rejudge(self, now: float) -> None:
        """Ask the filter again of everything where it may answer otherwise now: entries age, names come after them."""
        if self._where is None or self._rejudged_at <= now < self._rejudged_at + _REJUDGE_S:
            return
        is_told_more = self._where.asks_lookup and self._lookup_version != self._lookup.version
        if is_told_more or (self._ages and self._rejudged_at != now):
            self._lookup_version, self._rejudged_at = self._lookup.version, now
            self._begin_again()

    @property
    def _ages(self) -> bool:
        return self._where is not None and "age" in self._where.keys

    def _take(self, now: float) -> None:
        first, last = max(self._next, self._entries.first_seq), self._entries.next_seq
        if last > first:
            found = array("q", self._entries.scan(self._where, self._lookup, first=first, last=last, now=now))
            self._next = last
            if found:
                self._insert(found)
        if self._is_complete() and not self._is_sorted:
            self._is_sorted = True
            if self._ages:
                self._begin_again()
            else:
                self._order(0)
        if self.follow:
            self._selected = self._seqs[-1] if self._seqs else None

    def _insert(self, found: array[int]) -> None:
        """Append new entries; those of the last second are ordered by logged time together with them."""
        tail = self._tail_start(found)
        self._seqs += found
        self._order(tail)

    def _tail_start(self, found: array[int]) -> int:
        """Give the position from which on shown entries are no more than a second older than the oldest new one."""
        oldest = min(self._entries.time(seq) for seq in found)
        start = len(self._seqs)
        newest = logged_at(self._entries.time(self._seqs[-1])) if self._seqs else None
        limit = newest - REORDER_S if newest is not None else None
        while start and self._entries.time(self._seqs[start - 1]) > oldest:
            at = logged_at(self._entries.time(self._seqs[start - 1]))
            if limit is None or at is None or at < limit:
                break
            start -= 1
        return start

    def _order(self, start: int) -> None:
        tail = self._seqs[start:]
        if len(tail) >= _MANY:
            times = dict(self._entries.times(min(tail), max(tail) + 1))
            ordered = sorted(tail, key=times.__getitem__)
        else:
            ordered = sorted(tail, key=self._entries.time)
        self._seqs[start:] = array("q", ordered)
        self.version += 1

    def _forget(self) -> None:
        """Let go of entries the store has forgotten.

        The first to arrive need not be the first by time (a log's history can arrive after another's present), so
        they may stand anywhere; a page of them goes at once, so it is looked for rarely.
        """
        first = self._entries.first_seq
        if first == self._forgotten_to:
            return
        self._forgotten_to = first
        kept = array("q", [seq for seq in self._seqs if seq >= first])
        if len(kept) != len(self._seqs):
            self._seqs = kept
            self.version += 1

    def page(self, first: int, height: int) -> list[AccessLogEntry]:
        """Give entries `first` … of the list, at most `height`; decoded only now."""
        seqs = self._seqs[max(first, 0) : max(first, 0) + height]
        oldest = self._entries.first_seq
        return [self._entries.entry(seq) for seq in seqs if seq >= oldest]

    @property
    def count(self) -> int:
        """Entries that are shown."""
        return len(self._seqs)

    @property
    def total(self) -> int:
        """Entries that are kept."""
        return len(self._entries)

    @property
    def news(self) -> int:
        """While paused: how many entries came since, shown or not; 0 otherwise."""
        return self._entries.next_seq - self._next if self.is_paused else 0

    # -- what is shown

    def set_filter(self, where: FlowFilter | None) -> None:
        """Show only entries that match."""
        self.filter = where
        self._begin_again()

    def set_problems_only(self, on: bool) -> None:
        """Show only failed and denied entries."""
        self.problems_only = on
        self._begin_again()

    def _begin_again(self) -> None:
        self._forget()
        where = self.filter
        if self.problems_only:
            where = failures() if where is None else where & failures()
        self._where = where
        selected = self._selected
        last = self._next if self.is_paused else self._entries.next_seq
        self._seqs = array("q", self._entries.scan(where, self._lookup, last=last, now=self._now))
        self._next = last
        self._order(0)
        if selected is not None and self._seqs:
            places = {seq: seq for seq in self._seqs}
            self._selected = places.get(selected) or self._nearest(selected)
        else:
            self._selected = None

    def _nearest(self, seq: int) -> int:
        return min(self._seqs, key=lambda one: abs(one - seq))

    def pause(self) -> None:
        """Stop the view; collection goes on."""
        self.is_paused = True

    def resume(self) -> None:
        """Show the present again at the next refresh."""
        self.is_paused = False

    # -- selection and search

    @property
    def selected_key(self) -> str | None:
        """The number of the entry under the cursor, as text."""
        return None if self._selected is None else str(self._selected)

    @property
    def selected(self) -> AccessLogEntry | None:
        """The entry under the cursor."""
        if self._selected is None or self._selected < self._entries.first_seq:
            return None
        return self._entries.entry(self._selected)

    @property
    def selected_index(self) -> int:
        """Its position in the list; the last where nothing is selected."""
        if self._selected is None:
            return max(len(self._seqs) - 1, 0)
        return index_of(self._seqs, self._selected)

    def select_index(self, index: int) -> None:
        """Put the cursor on a position."""
        self.follow = False
        if self._seqs:
            self._selected = self._seqs[max(0, min(index, len(self._seqs) - 1))]

    def select_key(self, key: str) -> bool:
        """Put the cursor on the entry of that number; False where it is not shown."""
        index = index_of(self._seqs, int(key))
        is_shown = bool(self._seqs) and self._seqs[index] == int(key)
        if is_shown:
            self.select_index(index)
        return is_shown

    def move(self, delta: int) -> None:
        """Move the cursor by rows."""
        self.select_index(self.selected_index + delta)

    def go_first(self) -> None:
        """Put the cursor on the oldest entry."""
        self.select_index(0)

    def go_last(self, *, follow: bool = True) -> None:
        """Put the cursor on the newest entry, and keep it on whatever becomes the newest."""
        self.select_index(len(self._seqs) - 1)
        self.follow = follow

    def find(self, text: str, forward: bool = True) -> bool:
        """Move the cursor to the next entry (or the one before) that shows this text, round the end."""
        needle = text.casefold()
        return self._step(lambda entry: needle in shown_text(entry).casefold(), forward=forward)

    def next_problem(self, forward: bool = True) -> bool:
        """Move the cursor to the next failed or denied entry (or the one before); False where there is none."""
        judge = failures().judge(self._lookup)
        return self._step(lambda entry: bool(judge(entry.shape)), forward=forward)

    def _step(self, wanted: Callable[[AccessLogEntry], bool], *, forward: bool) -> bool:
        start, count = self.selected_index, len(self._seqs)
        for distance in range(1, count + 1):
            index = (start + (distance if forward else -distance)) % count
            if wanted(self._entries.entry(self._seqs[index])):
                self.select_index(index)
                return True
        return False


def index_of(seqs: Sequence[int], seq: int) -> int:
    """Find a number in a list that is ordered but for neighbours of a second; else the place it would have."""
    if not seqs:
        return 0
    near = bisect_left(seqs, seq)
    for reach in (64, 4096, len(seqs)):
        low = max(near - reach, 0)
        try:
            return low + list(seqs[low : near + reach]).index(seq)
        except ValueError:
            continue
    return min(near, len(seqs) - 1)


def shown_text(entry: AccessLogEntry) -> str:
    """Join what a row of an entry shows, to be searched."""
    shape = entry.shape
    texts = (
        entry.time, entry.src_addr, shape.src_workload, shape.src_namespace, shape.dst_addr, shape.dst_hbone_addr,
        shape.dst_service, shape.dst_workload, shape.dst_namespace, shape.direction, shape.error,
        shape.verdict and shape.verdict.value,
    )  # fmt: skip
    return " ".join(filter(None, texts))
