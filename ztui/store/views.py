"""Views: what a list shows of the memory.

Filter, order, search, selection by identity and pause belong here, so a widget is only a window; collection goes on
while a view is paused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ztui.model.fields import LABELS, Field

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter

T = TypeVar("T")


class Selection(Generic[T]):
    """A cursor that stays on its row when others come and go: by key, and by position where the key is gone."""

    def __init__(self, key: Callable[[T], str]) -> None:
        self._key = key
        self.key: str | None = None
        self.index = 0

    def settle(self, rows: Sequence[T]) -> None:
        """Find the row again after the list changed; where it is gone, the row that took its place."""
        place = None if self.key is None else self.place_of(self.key, rows)
        self.put(self.index if place is None else place, rows)

    def place_of(self, key: str, rows: Sequence[T]) -> int | None:
        """Say where the row of a key stands. Looked for from the cursor outwards: rows seldom go far."""
        above = min(self.index, len(rows) - 1)
        below = above + 1
        while above >= 0 or below < len(rows):
            if above >= 0 and self._key(rows[above]) == key:
                return above
            if below < len(rows) and self._key(rows[below]) == key:
                return below
            above, below = above - 1, below + 1
        return None

    def put(self, index: int, rows: Sequence[T]) -> None:
        """Move to a position, as far as there are rows."""
        self.index = max(0, min(index, len(rows) - 1))
        self.key = self._key(rows[self.index]) if rows else None


class TableView(Generic[T]):
    """A window onto rows that change: filtered, ordered, searched, paused. `version` grows when the page may differ.

    `rows` gives all rows now, `version` a counter that grows when they may have changed, `key` what identifies a row
    from one moment to the next. `fields` are what can be sorted, searched and filtered by, under their filter keys too.
    """

    def __init__(
        self,
        *,
        rows: Callable[[], Sequence[T]],
        key: Callable[[T], str],
        fields: Mapping[str, Field[T]],
        version: Callable[[], int],
        is_problem: Callable[[T], bool] | None = None,
        default_sort: str | None = None,
    ) -> None:
        self._rows_now = rows
        self.fields = fields
        self._version_now = version
        self._is_problem = is_problem
        self._seen_version: int | None = None
        self._is_stale = True
        self._rows: list[T] = []
        self._selection = Selection(key)
        self.version = 0
        self.total = 0
        """Rows before filter and problems-only."""
        self.filter: FlowFilter | None = None
        self.sort_name = default_sort
        self.descending = default_sort is not None and _starts_descending(fields.get(default_sort))
        self.problems_only = False
        self.is_paused = False
        self.follow = False
        """Whether the cursor stays on the last row."""
        self._paused_version = 0

    # -- content

    def refresh(self, now: float = 0.0) -> None:  # noqa: ARG002  as every view
        """Compute the list anew if the rows, the filter or the order changed; never while paused."""
        if self.is_paused and not self._is_stale:
            return
        version = self._version_now()
        if version == self._seen_version and not self._is_stale:
            return
        if not self.is_paused or self._seen_version is None:
            self._seen_version = version
            self._all = list(self._rows_now())
        self._is_stale = False
        self._arrange()

    _all: list[T]

    def _arrange(self) -> None:
        rows = self._all
        self.total = len(rows)
        if self.filter is not None:
            rows = list(filter(self.filter.predicate(self.fields), rows))
        if self.problems_only and self._is_problem is not None:
            rows = list(filter(self._is_problem, rows))
        self._rows = self._ordered(rows)
        self._selection.settle(self._rows)
        if self.follow:
            self._selection.put(len(self._rows) - 1, self._rows)
        self.version += 1

    def _ordered(self, rows: list[T]) -> list[T]:
        field = self.fields.get(self.sort_name) if self.sort_name is not None else None
        return list(rows) if field is None else sorted_rows(rows, field, descending=self.descending)

    def page(self, first: int, height: int) -> Sequence[T]:
        """Rows `first` … of the list, at most `height`."""
        return self._rows[max(first, 0) : max(first, 0) + height]

    @property
    def count(self) -> int:
        """Rows that are shown."""
        return len(self._rows)

    @property
    def hidden(self) -> int:
        """Rows that filter or problems-only keep away."""
        return self.total - len(self._rows)

    @property
    def news(self) -> int:
        """While paused: how many changes wait; 0 otherwise."""
        return self._version_now() - self._paused_version if self.is_paused else 0

    # -- what is shown

    def set_filter(self, where: FlowFilter | None) -> None:
        """Show only rows that match."""
        self.filter = where
        self._rearrange()

    def set_problems_only(self, on: bool) -> None:
        """Show only rows with a problem."""
        self.problems_only = on
        self._rearrange()

    def sort_by(self, name: str | None, descending: bool | None = None) -> None:
        """Order by a field; the same one again turns the order round. None: as the rows come."""
        if descending is None:
            field = self.fields.get(name) if name is not None else None
            descending = not self.descending if name == self.sort_name else _starts_descending(field)
        self.sort_name, self.descending = name, descending
        self._rearrange()

    def _rearrange(self) -> None:
        self._is_stale = True
        if self._seen_version is not None:
            self._is_stale = False
            self._arrange()

    def pause(self) -> None:
        """Stop the view; collection goes on."""
        if not self.is_paused:
            self.is_paused = True
            self._paused_version = self._version_now()

    def resume(self) -> None:
        """Show the present again at the next refresh."""
        self.is_paused = False

    # -- selection and search

    @property
    def selected(self) -> T | None:
        """The row under the cursor."""
        return self._rows[self._selection.index] if self._rows else None

    @property
    def selected_key(self) -> str | None:
        """What identifies the row under the cursor."""
        return self._selection.key

    @property
    def selected_index(self) -> int:
        """Its position in the list; 0 in an empty one."""
        return self._selection.index

    def select_index(self, index: int) -> None:
        """Put the cursor on a position."""
        self.follow = False
        if self._rows:
            self._selection.put(index, self._rows)

    def select_key(self, key: str) -> bool:
        """Put the cursor on the row of that key; False where it is not shown."""
        place = self._selection.place_of(key, self._rows)
        if place is not None:
            self.select_index(place)
        return place is not None

    def move(self, delta: int) -> None:
        """Move the cursor by rows."""
        self.select_index(self._selection.index + delta)

    def go_first(self) -> None:
        """Put the cursor on the first row."""
        self.select_index(0)

    def go_last(self, *, follow: bool = False) -> None:
        """Put the cursor on the last row, and keep it on whatever becomes the last."""
        self.select_index(self.count - 1)
        self.follow = follow

    def find(self, text: str, forward: bool = True) -> bool:
        """Move the cursor to the next row (or the one before) that shows this text, round the end; False of none."""
        needle = text.casefold()
        getters = [field.getter for name, field in self.fields.items() if name != LABELS]

        def shows(index: int) -> bool:
            row = self._rows[index]
            return any(needle in word.casefold() for getter in getters for word in as_texts(getter(row)))

        return self._step(shows, forward=forward)

    def next_problem(self, forward: bool = True) -> bool:
        """Move the cursor to the next row (or the one before) with a problem; False where there is none."""
        is_problem = self._is_problem
        if is_problem is None:
            return False
        return self._step(lambda index: is_problem(self._rows[index]), forward=forward)

    def _step(self, wanted: Callable[[int], bool], *, forward: bool) -> bool:
        for distance in range(1, self.count + 1):
            index = (self._selection.index + (distance if forward else -distance)) % self.count
            if wanted(index):
                self.select_index(index)
                return True
        return False


def as_texts(value: object) -> tuple[str, ...]:
    """Every text of a field's value."""
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def sorted_rows(rows: Sequence[T], field: Field[T], *, descending: bool = False) -> list[T]:
    """Order rows by a field, equal ones as they come; rows without a value stand last, whichever way."""
    values = list(map(field.getter, rows))
    if {int, float}.issuperset(map(type, values)):
        numbers: list[Any] = values
        order = sorted(range(len(rows)), key=numbers.__getitem__, reverse=descending)
        return [rows[index] for index in order]
    valued: list[tuple[tuple[int, object], T]] = []
    without: list[T] = []
    for row, value in zip(rows, values, strict=True):
        if value is None:
            without.append(row)
        elif isinstance(value, int | float):
            valued.append(((0, value), row))
        else:
            valued.append(((1, _folded(value)), row))
    valued.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in valued] + without


def _folded(value: object) -> tuple[str, ...]:
    return tuple(text.casefold() for text in as_texts(value))


def _starts_descending(field: Field[T] | None) -> bool:
    """Numbers are looked at from the largest down, words from A to Z."""
    return field is not None and field.kind != "text"
