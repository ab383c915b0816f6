"""A window onto rows that change: order, filter, search, pause, and a cursor that knows its row."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ztui.model.fields import Field, Kind
from ztui.model.filter import parse
from ztui.store.views import TableView


@dataclass(frozen=True)
class Row:
    name: str
    size: int | None = None
    tags: tuple[str, ...] = ()


FIELDS: dict[str, Field[Row]] = {
    "from": Field(name="from", getter=lambda row: row.name),
    "bytes": Field(name="bytes", getter=lambda row: row.size, kind=Kind.BYTES),
    "ns": Field(name="ns", getter=lambda row: row.tags),
}


class Shelf:
    """Rows that change, each time with another version."""

    def __init__(self, *rows: Row) -> None:
        self.rows, self.version = list(rows), 1

    def put(self, *rows: Row) -> None:
        self.rows, self.version = list(rows), self.version + 1


def view_of(shelf: Shelf, sort: str | None = None) -> TableView[Row]:
    view = TableView(
        rows=lambda: shelf.rows, key=lambda row: row.name, fields=FIELDS, version=lambda: shelf.version,
        is_problem=lambda row: row.name.startswith("bad"), default_sort=sort,
    )  # fmt: skip
    view.refresh()
    return view


def names(view: TableView[Row]) -> str:
    return "".join(row.name for row in view.page(0, view.count))


def test_numbers_begin_with_the_largest_words_with_a_and_nothing_stands_last() -> None:
    shelf = Shelf(Row("b", 1), Row("A"), Row("d", 3), Row("c", 2))
    view = view_of(shelf, sort="bytes")
    assert names(view) == "dcbA"
    view.sort_by("bytes")
    assert names(view) == "bcdA"
    view.sort_by("from")
    assert names(view) == "Abcd"
    view.sort_by(None)
    assert names(view) == "bAdc"
    view.sort_by("no such field")
    assert names(view) == "bAdc"


def test_equal_rows_keep_the_order_they_come_in() -> None:
    shelf = Shelf(Row("c", 1), Row("a", 1), Row("b", 1))
    assert names(view_of(shelf, sort="bytes")) == "cab"


def test_the_cursor_stays_on_its_row_wherever_that_goes() -> None:
    shelf = Shelf(Row("a", 3), Row("b", 2), Row("c", 1))
    view = view_of(shelf, sort="bytes")
    view.select_key("b")
    shelf.put(Row("x", 9), Row("a", 3), Row("b", 1), Row("c", 2))
    view.refresh()
    assert (view.selected_key, view.selected_index) == ("b", 3)
    shelf.put(Row("x", 9), Row("a", 3))
    view.refresh()
    assert (view.selected_key, view.selected_index) == ("a", 1), "its row is gone: the one in its place"
    shelf.put()
    view.refresh()
    assert (view.selected, view.selected_key, view.selected_index) == (None, None, 0)


def test_a_filter_by_fields_and_what_it_hides() -> None:
    shelf = Shelf(Row("a", 3_000_000, ("x",)), Row("b", 5, ("x", "y")), Row("bad", None, ("y",)))
    view = view_of(shelf)
    view.set_filter(parse("ns:y"))
    assert (names(view), view.total, view.hidden) == ("bbad", 3, 1)
    view.set_filter(parse("bytes>1MB"))
    assert names(view) == "a"
    view.set_filter(parse("verdict:failed"))
    assert names(view) == "", "a key these rows do not have matches none of them"
    view.set_filter(parse("!ns:y"))
    assert names(view) == "a"
    view.set_filter(None)
    view.set_problems_only(True)
    assert names(view) == "bad"


def test_while_paused_the_rows_stand_still_but_can_be_arranged() -> None:
    shelf = Shelf(Row("a", 1), Row("b", 2))
    view = view_of(shelf)
    view.pause()
    shelf.put(Row("z", 9))
    view.refresh()
    assert (names(view), view.news) == ("ab", 1)
    view.sort_by("bytes")
    assert names(view) == "ba"
    view.resume()
    view.refresh()
    assert (names(view), view.news) == ("z", 0)


def test_nothing_is_computed_anew_where_nothing_changed() -> None:
    shelf = Shelf(Row("a"))
    view = view_of(shelf)
    before = view.version
    shelf.rows = [Row("b")]  # without another version
    view.refresh()
    assert (names(view), view.version) == ("a", before)


def test_search_and_problems_go_round_the_end() -> None:
    shelf = Shelf(Row("bad1"), Row("b", 2), Row("c", None, ("Blue",)), Row("bad2"))
    view = view_of(shelf)
    assert view.find("blue")
    assert view.selected_index == 2
    assert view.next_problem()
    assert view.selected_key == "bad2"
    assert view.next_problem()
    assert view.selected_key == "bad1"
    assert view.next_problem(forward=False)
    assert view.selected_key == "bad2"
    assert not view.find("nowhere")
    assert view.selected_key == "bad2"
    assert not view_of(Shelf()).next_problem()


def test_following_keeps_to_the_last_row() -> None:
    shelf = Shelf(Row("a"), Row("b"))
    view = view_of(shelf)
    view.go_last(follow=True)
    shelf.put(Row("a"), Row("b"), Row("c"))
    view.refresh()
    assert view.selected_key == "c"
    view.move(-1)
    shelf.put(Row("a"), Row("b"), Row("c"), Row("d"))
    view.refresh()
    assert view.selected_key == "b"
    view.go_first()
    assert view.selected_key == "a"


@pytest.mark.parametrize("delta", [-9, 9])
def test_the_cursor_never_leaves_the_list(delta: int) -> None:
    view = view_of(Shelf(Row("a"), Row("b"), Row("c")))
    view.move(delta)
    assert view.selected_index == (0 if delta < 0 else 2)
