"""The collector is held off while any thread reads much, and goes on afterwards as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ztui.collector import MANY, Undisturbed


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    gc.enable()
    gc.collect()
    yield
    gc.enable()
    gc.unfreeze()


def test_nothing_is_collected_until_the_last_of_those_who_read_is_done() -> None:
    one, other = Undisturbed(), Undisturbed()
    with one:
        with other:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with Undisturbed():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_what_fails_lets_the_collector_go_on() -> None:
    with pytest.raises(ValueError, match="no"), Undisturbed():
        raise ValueError("no")
    assert gc.isenabled()


def test_many_new_objects_are_set_aside_and_few_are_not() -> None:
    before = gc.get_freeze_count()
    with Undisturbed():
        few: list[list[int]] = [[]]
    assert gc.get_freeze_count() == before
    with Undisturbed():
        many = [[each] for each in range(MANY + 1)]
    assert gc.get_freeze_count() >= before + MANY
    del few, many
