"""How many columns fit, and how wide each may be. Pure arithmetic, apart from the widget that draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ztui.tables.columns import Align, Column
from ztui.ui.looks import width_of

GAP = 2
"""Blank cells between two columns."""
NAME_WIDTH = 18
"""Cells in which a pod's name can still be told from its neighbour's."""
WORD_WIDTH = 12
"""Cells in which a state's word or an IPv4 address can be read."""
_INDISPENSABLE = 2
"""Columns of this priority and below stay, however narrow names become for them."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with the cells it got."""

    column: Column[Any]
    width: int


def place(columns: Sequence[Column[Any]], wanted: Mapping[str, int], room: int) -> tuple[Placed, ...]:
    """Choose the columns that fit into `room` cells and share the room out.

    Columns go by priority (the highest number first) until what is left fits: numbers whole, for a number that is cut
    is a wrong number, and the names a row is known by wide enough to tell them apart. Then those that want more
    (`wanted` cells by key) grow evenly, so that one long error cannot starve a name.
    """
    kept = list(columns)
    while len(kept) > 1 and _total(kept, lambda column: _comfortable(column, wanted)) > room:
        worst = max(kept, key=lambda column: (column.priority, kept.index(column)))
        if worst.priority <= _INDISPENSABLE:
            break
        kept.remove(worst)
    while len(kept) > 1 and _total(kept, _smallest) > room:
        kept.remove(max(kept, key=lambda column: (column.priority, kept.index(column))))
    widths = {column.key: _smallest(column) for column in kept}
    spare = room - _total(kept, _smallest)
    spare = _grow(kept, widths, spare, lambda column: _comfortable(column, wanted))
    spare = _grow(kept, widths, spare, lambda column: wanted.get(column.key, column.width))
    if kept and spare < 0:
        widths[kept[0].key] = max(1, widths[kept[0].key] + spare)
    return tuple(Placed(column, widths[column.key]) for column in kept)


def _grow(
    columns: Sequence[Column[Any]], widths: dict[str, int], spare: int, goal: Callable[[Column[Any]], int]
) -> int:
    """Widen the columns evenly towards their goals, numbers first; the cells that are left over."""
    for group in ([c for c in columns if c.align is Align.RIGHT], [c for c in columns if c.align is not Align.RIGHT]):
        while spare > 0:
            hungry = [column for column in group if widths[column.key] < goal(column)]
            if not hungry:
                break
            narrowest = min(widths[column.key] for column in hungry)
            for column in [c for c in hungry if widths[c.key] == narrowest][:spare]:
                widths[column.key] += 1
                spare -= 1
    return spare


def column_sets(columns: Sequence[Column[Any]], wanted: Mapping[str, int], room: int) -> list[list[Column[Any]]]:
    """Split the columns into sets that fit: each keeps those of priority 1, the rest is dealt out in order.

    The first set is what `place` would keep; `v` shows the next one.
    """
    first = [placed.column for placed in place(columns, wanted, room)]
    sets = [first]
    rest = [column for column in columns if column not in first]
    anchors = [column for column in first if column.priority == 1] or first[:1]
    while rest:
        fitting = list(anchors)
        taken: list[Column[Any]] = []
        for column in rest:
            if _total([*fitting, column], _smallest) <= room or not taken:
                fitting.append(column)
                taken.append(column)
        rest = [column for column in rest if column not in taken]
        sets.append(sorted(fitting, key=list(columns).index))
    return sets


def _smallest(column: Column[Any]) -> int:
    return max(1, column.min_width, width_of(column.title))


def _comfortable(column: Column[Any], wanted: Mapping[str, int]) -> int:
    """Cells in which a column says what it has to say: a number all of it, a row's name enough to tell it apart."""
    asks = wanted.get(column.key, column.width)
    if column.align is Align.RIGHT:
        return max(_smallest(column), asks)
    return max(_smallest(column), min(asks, NAME_WIDTH if column.priority == 1 else WORD_WIDTH))


def _total(columns: Sequence[Column[Any]], width: Callable[[Column[Any]], int]) -> int:
    return sum(width(column) for column in columns) + GAP * max(0, len(columns) - 1)
