"""The registry of keys: complete, without conflicts, remappable."""

from __future__ import annotations

import pytest

from ztui.errors import UsageError
from ztui.keys import REGISTRY, KeyGroup, by_group, footer, markdown_table, remap, written, written_keys

PROMISED = (
    "0 1 2 3 4 5 6 7 8 9 i ? f1 : ctrl+p / f n N ctrl+f ctrl+b e E x enter y o escape space G j k g pageup pagedown "
)
PROMISED += "up down shift+left shift+right O a w v t m M { } z c ctrl+s ctrl+r q ctrl+q Q ctrl+c"


def test_every_promised_key_is_bound_once() -> None:
    bound = [key for binding in REGISTRY for key in binding.keys]
    assert len(bound) == len(set(bound))
    assert set(PROMISED.split()) <= set(bound)


def test_keys_of_later_editions_are_not_bound() -> None:
    bound = {key for binding in REGISTRY for key in binding.keys}
    assert not bound & {"R", "P", "[", "]", "S"}


def test_ids_are_unique() -> None:
    assert len({binding.id for binding in REGISTRY}) == len(REGISTRY)


def test_footer_has_at_most_seven_keys_and_ends_with_help() -> None:
    assert footer() == [
        ("/", "filter"),
        ("Enter", "detail"),
        ("space", "pause"),
        ("i", "balance"),
        ("x", "problems"),
        ("m", "mark"),
        ("?", "help"),
    ]
    assert footer(limit=3) == [("/", "filter"), ("Enter", "detail"), ("?", "help")]


def test_remap_replaces_keys() -> None:
    remapped = {binding.id: binding.keys for binding in remap({"pause": "p", "raw": "y, ctrl+y", "mark": ""})}
    assert remapped["pause"] == ("p",)
    assert remapped["raw"] == ("y", "ctrl+y")
    assert remapped["mark"] == ()


def test_remap_may_swap_two_keys() -> None:
    remapped = {binding.id: binding.keys for binding in remap({"find": "/", "filter": "f"})}
    assert (remapped["find"], remapped["filter"]) == (("/",), ("f",))


@pytest.mark.parametrize(
    ("overrides", "what", "remedy"),
    [
        ({"paus": "p"}, "keys: there is no binding 'paus'", "Did you mean 'pause'?"),
        ({"zzzzz": "p"}, "keys: there is no binding 'zzzzz'", "`ztui keys`"),
        ({"raw": "x"}, "keys: x would be both 'raw' and 'problems'", "another key"),
        ({"quit": ""}, "keys: 'quit' has no key left", "Give it one"),
    ],
)
def test_remap_refuses(overrides: dict[str, str], what: str, remedy: str) -> None:
    with pytest.raises(UsageError) as refused:
        remap(overrides)
    assert refused.value.what == what
    assert remedy in refused.value.remedy


def test_readme_table_names_every_binding() -> None:
    table = markdown_table()
    assert all(f"`{binding.id}`" in table for binding in REGISTRY)
    assert "| `j` `↓` | Down | `down` |" in table


def test_groups_keep_reading_order() -> None:
    assert [group for group, _ in by_group()] == list(KeyGroup)


def test_keys_are_spelled_as_people_do() -> None:
    assert written("pagedown") == "PgDn"
    assert written_keys(next(b for b in REGISTRY if b.id == "down")) == "j ↓"
