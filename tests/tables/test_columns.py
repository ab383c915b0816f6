"""Cells: what stands where nothing is known, how numbers and times are written, and the plain spelling of glyphs."""

from __future__ import annotations

from typing import Any

import pytest

from ztui import units
from ztui.tables.columns import (
    ASCII_GLYPHS,
    NOTHING,
    Align,
    Cell,
    Column,
    Context,
    Meaning,
    Table,
    Zone,
    clock_text,
    logged_cell,
    number_column,
    plain_glyphs,
    text_column,
    time_cell,
)
from ztui.tables.edges import edges_table
from ztui.tables.flows import ENTRIES, FLOWS
from ztui.tables.health import HEALTH, LAMPS
from ztui.tables.holdings import POLICIES, SERVICES, WORKLOADS
from ztui.tables.nodewise import CERTIFICATES, CONNECTIONS, VERDICT_CELLS

NOW = 1_769_850_000.5
TABLES: list[Table[Any]] = [
    ENTRIES, FLOWS, edges_table(), WORKLOADS, SERVICES, POLICIES, CERTIFICATES, CONNECTIONS, HEALTH,
]  # fmt: skip


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_word_is_not_shown_as_one(value: str | None) -> None:
    column: Column[object] = text_column("x", "x", lambda _: value)
    assert column.cell(object(), Context(now=NOW)) == NOTHING


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, NOTHING),
        (0, Cell("·", Meaning.DIM)),
        (0.0, Cell("·", Meaning.DIM)),
        (12_345, Cell("12k", Meaning.NUMBER)),
    ],
)
def test_nothing_at_all_is_not_the_same_as_not_known(value: float | None, cell: Cell) -> None:
    column: Column[object] = number_column("x", "x", lambda _: value, zero="·")
    assert column.cell(object(), Context(now=NOW)) == cell
    assert column.align is Align.RIGHT
    assert column.sort == "x"


@pytest.mark.parametrize(
    ("at", "zone", "text"),
    [
        (None, Zone.UTC, "–"),
        (NOW - 0.5, Zone.UTC, "09:00:00.00"),
        (NOW, Zone.UTC, "09:00:00.50"),
        (NOW - 90, Zone.RELATIVE, "1 m 30 s"),
        (NOW + 90, Zone.RELATIVE, "in 1 m 30 s"),
        (NOW, Zone.RELATIVE, "0 s"),
    ],
)
def test_a_moment_in_the_zone_that_was_chosen(at: float | None, zone: Zone, text: str) -> None:
    assert time_cell(at, Context(now=NOW, zone=zone)).text == text


def test_the_time_of_a_log_line_stands_as_it_was_written() -> None:
    line = "2026-01-31T09:08:07.129999Z"
    assert logged_cell(line, Context(now=NOW)).text == "09:08:07.12", (
        "cut, not rounded: it never reads later than it was"
    )
    assert logged_cell(line, Context(now=NOW, zone=Zone.RELATIVE)).text == "in 8 m 07 s"
    assert logged_cell("nonsense", Context(now=NOW)) == NOTHING
    assert len(clock_text(NOW, Zone.LOCAL)) == 11


def test_ascii_spells_every_glyph_in_one_character() -> None:
    assert all(len(plain) == 1 and plain.isascii() for plain in ASCII_GLYPHS.values())
    assert plain_glyphs("● 3 · ✖ a→b … größe") == "* 3 . x a>b ~ größe", "names of the cluster stay as they are"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_titles_and_fixed_cells_have_a_plain_spelling(table: Table[Any]) -> None:
    titles = [column.title for column in table.columns]
    glyphs = [cell.text for cell in VERDICT_CELLS.values()] + [glyph for glyph, _ in LAMPS.values()]
    for text in (*titles, *glyphs):
        assert plain_glyphs(text).isascii(), text


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_well_formed(table: Table[Any]) -> None:
    assert len(set(table.keys)) == len(table.keys)
    assert all(column.min_width <= column.width for column in table.columns)
    assert any(column.priority == 1 for column in table.columns)
    assert table.default_sort is None or table.default_sort in table.keys
    with pytest.raises(KeyError):
        table.column("colour")


def test_lamps_differ_without_colour_and_without_unicode() -> None:
    loud = {state: glyph for state, (glyph, meaning) in LAMPS.items() if meaning is not Meaning.DIM}
    assert len(set(loud.values())) == len(loud)
    assert len(set(map(plain_glyphs, loud.values()))) == len(loud)


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (units.format_bytes, 0, "0 B"),
        (units.format_bytes, 999, "999 B"),
        (units.format_bytes, 1_000, "1 kB"),
        (units.format_bytes, 3_940_000, "3.9 MB"),
        (units.format_bytes, 2**64, "18447 PB"),
        (units.format_duration_ms, 0, "0 ms"),
        (units.format_duration_ms, 999.6, "1 s"),
        (units.format_duration_ms, 125_000, "2 m 05 s"),
        (units.format_count, 9_999, "9999"),
        (units.format_count, 10_000, "10k"),
        (units.format_rate, 0.001, "<0.01"),
        (units.format_rate, 0, "0.0"),
        (units.format_age, 3_600 * 26, "1 d 2 h"),
        (units.format_share, 0.3366, "33.7 %"),
    ],
)
def test_numbers_are_written_for_narrow_columns(form: Any, value: float, text: str) -> None:
    assert form(value) == text
