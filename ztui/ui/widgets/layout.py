"""How many columns fit, and how wide each may be. Pure arithmetic, apart from the widget that draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ztui.tables.columns import Column
from ztui.ui.looks import width_of

GAP = 2
"""Blank cells between two columns."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with the cells it got."""

    column: Column[Any]
    width: int


def place(columns: Sequence[Column[Any]], wanted: Mapping[str, int], room: int) -> tuple[Placed, ...]:
    """Choose the columns that fit into `room` cells and share the room out.

    Columns go by priority (the highest number first) until what is left fits at its smallest; then those that want
    more (`wanted` cells by key) grow evenly, so that one long error cannot starve a name.
    """
    kept = list(columns)
    while len(kept) > 1 and _smallest_total(kept) > room:
        worst = max(kept, key=lambda column: (column.priority, kept.index(column)))
        kept.remove(worst)
    widths = {column.key: _smallest(column) for column in kept}
    spare = room - _smallest_total(kept)
    while spare > 0:
        hungry = [c for c in kept if widths[c.key] < wanted.get(c.key, c.width)]
        if not hungry:
            break
        narrowest = min(widths[c.key] for c in hungry)
        for column in [c for c in hungry if widths[c.key] == narrowest][:spare]:
            widths[column.key] += 1
            spare -= 1
    if kept and spare < 0:
        widths[kept[0].key] = max(1, widths[kept[0].key] + spare)
    return tuple(Placed(column, widths[column.key]) for column in kept)


def column_sets(columns: Sequence[Column[Any]], room: int) -> list[list[Column[Any]]]:
    """Split the columns into sets that fit: each keeps those of priority 1, the rest is dealt out in order.

    The first set is what `place` would keep; `v` shows the next one.
    """
    first = [placed.column for placed in place(columns, {}, room)]
    sets = [first]
    rest = [column for column in columns if column not in first]
    anchors = [column for column in first if column.priority == 1] or first[:1]
    while rest:
        fitting = list(anchors)
        taken: list[Column[Any]] = []
        for column in rest:
            if _smallest_total([*fitting, column]) <= room or not taken:
                fitting.append(column)
                taken.append(column)
        rest = [column for column in rest if column not in taken]
        sets.append(sorted(fitting, key=list(columns).index))
    return sets


def _smallest(column: Column[Any]) -> int:
    return max(1, column.min_width, width_of(column.title))


def _smallest_total(columns: Sequence[Column[Any]]) -> int:
    return sum(_smallest(column) for column in columns) + GAP * max(0, len(columns) - 1)
