"""A view onto single entries reads like a log, whatever the order of arrival, and keeps its cursor."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.feed import START, Fed, line, pod, stamp
from ztui.model.filter import labelled, parse
from ztui.store.flowview import FlowView, index_of


def view_of(fed: Fed) -> FlowView:
    return FlowView(fed.mesh.entries, fed.mesh.inventory, is_complete=lambda: fed.mesh.exhausted)


def times(view: FlowView) -> list[str]:
    return [entry.time for entry in view.page(0, view.count)]


def test_entries_of_two_nodes_stand_in_the_order_of_their_logs() -> None:
    fed = Fed()
    view = view_of(fed)
    fed.log("w1", line(1.0), line(1.4))
    view.refresh()
    fed.log("w2", line(1.2), line(1.3), line(1.6))
    view.refresh()
    assert times(view) == [stamp(at) for at in (1.0, 1.2, 1.3, 1.4, 1.6)]


def test_what_comes_more_than_a_second_late_stands_where_the_last_second_begins() -> None:
    fed = Fed()
    view = view_of(fed)
    fed.log("w1", line(1), line(5), line(8), line(8.5))
    view.refresh()
    fed.log("w2", line(2))
    view.refresh()
    assert times(view) == [stamp(at) for at in (1, 5, 2, 8, 8.5)], "what was read is not moved under the eyes"
    view.set_filter(None)
    assert times(view) == sorted(times(view))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), lag=st.floats(0, 0.9))
def test_within_a_second_any_order_of_arrival_reads_the_same(seed: int, lag: float) -> None:
    random = Random(seed)
    arrivals = sorted((at / 10 + random.uniform(0, lag), at / 10) for at in range(100))
    fed = Fed()
    view = view_of(fed)
    while arrivals:
        size = random.randint(1, 7)
        fed.log("w1", *(line(at) for _, at in arrivals[:size]))
        del arrivals[:size]
        view.refresh()
    assert times(view) == [stamp(at / 10) for at in range(100)]


def test_a_finite_input_is_ordered_as_a_whole_once_it_was_read() -> None:
    fed = Fed()
    view = view_of(fed)
    fed.log("w1", line(50), line(60))
    view.refresh()
    fed.log("w2", line(1), line(55))
    view.refresh()
    fed.mesh.exhausted = True
    view.refresh()
    assert times(view) == [stamp(at) for at in (1, 50, 55, 60)]


def test_a_logs_history_that_arrives_after_anothers_present_outlives_it() -> None:
    """The first to arrive are forgotten first, though by time they are the last."""
    fed = Fed(max_rows=4_096)
    view = view_of(fed)
    fed.log("w1", *(line(90_000 + at) for at in range(1_000)))
    view.refresh()
    fed.log("w2", *(line(at) for at in range(5_000)))
    view.set_filter(None)
    fed.log("w2", *(line(5_000 + at) for at in range(1_024)))
    view.refresh()
    assert fed.mesh.entries.first_seq >= 1_000
    assert view.count == len(fed.mesh.entries)
    assert times(view) == [stamp(at) for at in range(fed.mesh.entries.first_seq - 1_000, 6_024)]
    assert not view.find("ratings")


def test_the_cursor_stays_on_its_entry_and_moves_on_when_it_is_forgotten() -> None:
    fed = Fed(max_rows=300)
    view = view_of(fed)
    fed.log("w1", *(line(at) for at in range(300)))
    view.refresh()
    view.select_index(10)
    fed.log("w1", *(line(at) for at in range(300, 310)))
    view.refresh()
    assert (view.selected_key, view.selected_index) == ("10", 10)
    fed.log("w1", *(line(at) for at in range(310, 1_000)))
    view.refresh()
    assert view.selected_index == 0
    assert view.selected_key == str(fed.mesh.entries.first_seq)


def test_following_keeps_to_the_newest_until_the_cursor_is_moved() -> None:
    fed = Fed()
    view = view_of(fed)
    for at in range(3):
        fed.log("w1", line(at))
        view.refresh()
        assert view.selected_key == str(at)
    view.move(-1)
    fed.log("w1", line(9))
    view.refresh()
    assert (view.selected_key, view.follow) == ("1", False)
    view.go_last()
    assert (view.selected_key, view.follow) == ("3", True)
    view.go_first()
    assert view.selected_key == "0"


def test_while_paused_nothing_new_is_shown_and_the_news_are_counted() -> None:
    fed = Fed()
    view = view_of(fed)
    fed.log("w1", line(1), line(2))
    view.refresh()
    view.pause()
    fed.log("w1", line(3), line(4, src="ratings"))
    view.refresh()
    assert (view.count, view.news, view.total) == (2, 2, 4)
    view.set_filter(parse("from:curl"))
    assert (view.count, view.news) == (2, 2), "a filter asks what is shown, not what came since"
    view.resume()
    view.refresh()
    assert (view.count, view.news) == (3, 0)


def test_a_filter_holds_at_once_and_the_cursor_goes_to_the_nearest() -> None:
    fed = Fed()
    view = view_of(fed)
    fed.log("w1", *(line(at, src="curl" if at % 3 else "ratings") for at in range(9)))
    view.refresh()
    view.select_index(4)
    before = view.version
    view.set_filter(parse("from:ratings"))
    assert view.version > before
    assert [entry.seq for entry in view.page(0, 9)] == [0, 3, 6]
    assert view.selected_key == "3"
    view.set_filter(parse("from:nobody"))
    assert (view.count, view.selected, view.selected_index) == (0, None, 0)
    view.set_filter(None)
    assert (view.count, view.selected_index) == (9, 8)


def test_ages_count_from_now_when_a_filter_is_set_too() -> None:
    fed = Fed()
    view = view_of(fed)
    fed.log("w1", line(0), line(50), line(58))
    view.refresh(START + 60)
    view.set_filter(parse("age<15s"))
    assert times(view) == [stamp(50), stamp(58)]
    view.set_filter(parse("age>15s"))
    assert times(view) == [stamp(0)]


def test_problems_only_is_what_failed_or_was_denied() -> None:
    fed = Fed()
    view = view_of(fed)
    fed.log(
        "w1", line(1), line(2, error="io error: x"), line(3, error="http status: 401 Unauthorized"),
        line(4, error="connection closed due to connection drain"), line(5, src="ratings", error="io error: y"),
    )  # fmt: skip
    view.refresh()
    view.set_problems_only(True)
    assert [entry.seq for entry in view.page(0, 9)] == [1, 2, 4]
    view.set_filter(parse("from:ratings"))
    assert [entry.seq for entry in view.page(0, 9)] == [4]


def test_search_and_problems_go_round_the_end() -> None:
    fed = Fed()
    view = view_of(fed)
    fed.log("w1", line(1, error="io error: x"), line(2), line(3, src="Ratings"), line(4))
    view.refresh()
    view.select_index(2)
    assert view.next_problem()
    assert view.selected_index == 0
    assert view.find("ratings")
    assert view.selected_index == 2
    assert view.find("RATINGS", forward=False)
    assert view.selected_index == 2
    assert not view.find("nowhere")
    assert view.select_key("3")
    assert not view.select_key("77")
    assert view.selected_index == 3


def test_a_page_is_what_is_asked_for() -> None:
    fed = Fed()
    view = view_of(fed)
    assert (view.page(0, 5), view.count, view.selected_index) == ([], 0, 0)
    assert not view.next_problem()
    fed.log("w1", *(line(at) for at in range(5)))
    view.refresh()
    assert [entry.seq for entry in view.page(-3, 2)] == [0, 1]
    assert [entry.seq for entry in view.page(4, 9)] == [4]


@pytest.mark.parametrize("seq", [0, 63, 64, 4_000, 9_999])
def test_a_number_is_found_wherever_it_stands(seq: int) -> None:
    seqs = list(range(10_000))
    Random(1).shuffle(seqs)
    assert seqs[index_of(seqs, seq)] == seq


def test_names_and_labels_that_come_after_the_lines_count_for_them_too() -> None:
    fed = Fed()
    view = view_of(fed)
    wanted = labelled("app=curl")
    assert wanted is not None
    view.set_filter(wanted)
    fed.log("w1", line(1, src="curl-1"), line(2, src="other-1"))
    view.refresh(now=START)
    assert view.count == 0
    fed.pods(pod("curl-1", labels={"app": "curl"}))
    view.refresh(now=START + 1)
    assert times(view) == [stamp(1)]
    fed.log("w1", line(3, src="curl-1"))
    view.refresh(now=START + 1.5)
    assert times(view) == [stamp(1), stamp(3)]


def test_a_view_that_is_paused_is_not_judged_again() -> None:
    fed = Fed()
    view = view_of(fed)
    view.set_filter(labelled("app=curl"))
    fed.log("w1", line(1, src="curl-1"))
    view.refresh(now=START)
    view.pause()
    fed.pods(pod("curl-1", labels={"app": "curl"}))
    view.refresh(now=START + 5)
    assert view.count == 0


def test_entries_age_out_of_a_view() -> None:
    fed = Fed()
    view = view_of(fed)
    view.set_filter(parse("age<10s"))
    fed.log("w1", line(1), line(5))
    view.refresh(now=START + 6)
    assert times(view) == [stamp(1), stamp(5)]
    view.refresh(now=START + 12)
    assert times(view) == [stamp(5)]
