"""How much room a column gets: names can be told apart, numbers are never cut."""

from __future__ import annotations

from ztui.tables.edges import EDGES
from ztui.tables.flows import FLOWS
from ztui.ui.widgets.layout import GAP, NAME_WIDTH, Placed, column_sets, place

WANTED = {"src.workload": 26, "dst.service": 19, "flows": 7, "rate": 6, "failing": 9, "sent": 7, "recv": 7, "p50": 6}
NARROW = [column for column in EDGES.columns if not column.wide]


def total(placed: tuple[Placed, ...]) -> int:
    return sum(each.width for each in placed) + GAP * (len(placed) - 1)


def test_sixty_cells_show_who_to_whom_how_often_and_what_fails() -> None:
    placed = place(NARROW, WANTED, 57)
    assert [each.column.key for each in placed] == ["src.workload", "dst.service", "rate", "failing"]
    assert all(each.width >= NAME_WIDTH for each in placed[:2])


def test_numbers_are_shown_whole_or_not_at_all() -> None:
    for room in range(40, 160):
        for each in place(NARROW, WANTED, room):
            if each.column.key in ("rate", "failing", "sent", "recv", "p50"):
                assert each.width >= WANTED[each.column.key], (room, each.column.key)


def test_no_room_is_exceeded_and_a_name_is_kept_however_small() -> None:
    for table in (EDGES, FLOWS):
        for room in range(1, 250):
            placed = place(list(table.columns), {}, room)
            assert placed
            assert total(placed) <= max(room, 1), (table.name, room)


def test_a_long_error_takes_what_is_left_and_nothing_else() -> None:
    wanted = {"from": 20, "to": 24, "error": 200}
    placed = {each.column.key: each.width for each in place(list(FLOWS.columns), wanted, 170)}
    assert placed["from"] == 20
    assert placed["to"] == 24
    assert placed["error"] > 24


def test_every_column_is_in_one_of_the_sets_with_the_names_beside_it() -> None:
    sets = column_sets(list(EDGES.columns), WANTED, 60)
    assert {column.key for columns in sets for column in columns} == {column.key for column in EDGES.columns}
    for columns in sets:
        assert {"src.workload", "dst.service"} <= {column.key for column in columns}
