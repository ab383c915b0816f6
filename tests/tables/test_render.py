"""Tables as text: aligned for people, exact for scripts, and nothing that could move a cursor."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ztui.errors import UsageError
from ztui.model.text import clean
from ztui.tables.columns import Cell, Column, Context, Meaning, Table, number_column, text_column
from ztui.tables.render import TableWriter, choose_columns, csv_lines, json_lines, lines, sort_rows, width_of

NOW = Context(now=0.0)
ASCII = Context(now=0.0, ascii=True)


@dataclass(frozen=True)
class Row:
    name: str | None
    size: int | None = None
    ready: bool | None = None


def _ready(row: Row, _: Context) -> Cell:
    return Cell("✖ no", Meaning.ERROR) if row.ready is False else Cell("● yes", Meaning.OK)


TABLE: Table[Row] = Table(
    name="things",
    columns=(
        text_column("name", "name", lambda row: row.name),
        number_column("size", "size", lambda row: row.size),
        Column(key="ready", title="ready…", value=lambda row: row.ready, cell=_ready, wide=True),
    ),
    row_key=lambda row: row.name or "",
    row_name=lambda row: f"thing/{row.name}",
    document=lambda row: {"name": row.name} | ({} if row.size is None else {"size": row.size}),
    default_sort="size",
)
ROWS = [Row("a", 5), Row("größe", 12_345, ready=False), Row("日本", None, ready=True), Row(None, 0)]


def text(form: str, rows: Sequence[Row] = ROWS, context: Context = NOW, **more: object) -> list[str]:
    return list(lines(TABLE, rows, form, context, **more))  # type: ignore[arg-type]


def test_words_stand_left_numbers_right_and_wide_characters_take_two_cells() -> None:
    assert text("table") == [
        "NAME   SIZE",
        "a         5",
        "größe   12k",
        "日本      –",
        "–         0",
    ]
    assert text("wide")[:3] == [
        "NAME   SIZE  READY…",
        "a         5  ● yes",
        "größe   12k  ✖ no",
    ]
    assert text("table", headers=False)[0] == "a        5"


def test_ascii_leaves_only_the_clusters_own_characters() -> None:
    assert text("wide", context=ASCII)[:4] == [
        "NAME   SIZE  READY~",
        "a         5  * yes",
        "größe   12k  x no",
        "日本      -  * yes",
    ]


def test_colour_never_says_what_words_do_not() -> None:
    plain, coloured = text("wide"), text("wide", color=True)
    assert any("\x1b[31m" in line for line in coloured)
    for before, after in zip(plain, coloured, strict=True):
        assert re.sub(r"\x1b\[\d+m", "", after).rstrip() == before


def test_no_row_is_still_a_table() -> None:
    assert text("table", []) == ["NAME  SIZE"]
    assert text("table", [], headers=False) == text("jsonl", []) == text("name", []) == []
    assert text("json", []) == ["[]"]
    assert text("csv", []) == ["name,size,ready"]
    assert yaml.safe_load("\n".join(text("yaml", []))) == []


def test_later_rows_only_widen_the_columns() -> None:
    writer = TableWriter(choose_columns(TABLE), NOW)
    assert list(writer.lines([Row("a", 1)])) == ["NAME  SIZE", "a        1"]
    assert list(writer.lines([Row("a-longer-name", 1)])) == ["a-longer-name     1"]
    assert list(writer.lines([Row("b", 2)])) == ["b                 2"]
    assert len(list(TableWriter(choose_columns(TABLE), NOW).lines(Row("x", i) for i in range(2_500)))) == 2_501


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (None, ["größe", "a", None, "日本"]),
        ("size", ["größe", "a", None, "日本"]),
        ("-size", [None, "a", "größe", "日本"]),
        ("name", ["a", "größe", "日本", None]),
        ("-name", ["日本", "größe", "a", None]),
        ("none", ["a", "größe", "日本", None]),
    ],
)
def test_numbers_fall_words_rise_and_unknown_values_come_last(sort: str | None, order: list[str | None]) -> None:
    assert [row.name for row in sort_rows(TABLE, ROWS, sort)] == order


def test_columns_that_do_not_exist_are_refused_in_two_lines() -> None:
    for ask in (lambda: text("table", columns=("name", "colour")), lambda: list(sort_rows(TABLE, ROWS, "-colour"))):
        with pytest.raises(UsageError) as refused:
            ask()
        assert refused.value.what == "things has no column 'colour'."
        assert refused.value.remedy == "Choose from name, size, ready."


def test_columns_in_the_order_that_was_asked_for() -> None:
    assert text("table", columns=("ready", "name"))[0] == "READY…  NAME"


def test_csv_is_the_bare_values() -> None:
    assert text("csv") == [
        "name,size,ready",
        "a,5,",
        "größe,12345,false",
        "日本,,true",
        ",0,",
    ]
    assert text("csv", headers=False, columns=("size",)) == ["5", "12345", '""', "0"]


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_csv_quotes_whatever_needs_it(names: list[str]) -> None:
    rows = [Row(clean(name)) for name in names]
    table = "\n".join(csv_lines(TABLE.columns, rows)) + "\n"
    read = list(csv.DictReader(io.StringIO(table)))
    assert [row["name"] for row in read] == [row.name for row in rows]


@given(st.text())
def test_text_of_the_cluster_cannot_move_a_cursor_in_any_format(hostile: str) -> None:
    row = Row(clean(hostile))
    for form in ("table", "wide", "csv", "json", "jsonl", "yaml", "name"):
        for line in "\n".join(text(form, [row])).split("\n"):
            assert line.isprintable(), (form, line)


def test_json_is_one_list_yaml_says_the_same_and_jsonl_has_a_line_a_row() -> None:
    documents = [TABLE.document(row) for row in ROWS]
    assert json.loads("\n".join(text("json"))) == documents
    assert list(map(json.loads, text("jsonl"))) == documents
    assert yaml.safe_load("\n".join(text("yaml"))) == documents
    assert text("json")[0] == '[{"name":"a","size":5}', "one document a line"
    assert "größe" in text("json")[1]
    assert list(json_lines([])) == ["[]"]


def test_what_was_observed_is_wrapped_around() -> None:
    observed = {"ztunnels": {"asked": 2, "answered": 1}}
    documents = [TABLE.document(row) for row in ROWS]
    for form, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        assert load("\n".join(text(form, observed=observed))) == {"items": documents, "observed": observed}


def test_names() -> None:
    assert text("name", ROWS[:2]) == ["thing/a", "thing/größe"]


@pytest.mark.parametrize(("name", "cells"), [("abc", 3), ("größe", 5), ("日本", 4), ("e\u0301", 1), ("", 0)])
def test_width_in_cells(name: str, cells: int) -> None:
    assert width_of(name) == cells
