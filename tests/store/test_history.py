"""Old buckets joined: an hour is kept in a mesh with very many edges, and what is counted stays what was logged."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from tests.store.feed import START, Fed, line
from ztui.model.flow import Origin, Shape
from ztui.store.choices import Choices, Span
from ztui.store.history import Bounds, History
from ztui.store.segments import Cells, Joining, Segment, Share

PODS = 10
SHAPES = [Shape(origin=Origin(key="z"), level="info", message=str(n)) for n in range(6)]


def an_hour(fed: Fed, minutes: int = 60) -> None:
    """Let each of some pods log once every ten seconds, in the fifth of them."""
    for step in range(6 * minutes):
        for n in range(PODS):
            fed.log("w1", line(10.0 * step + 5, src=f"pod-{n}", sent=1, took=step % 50))


def test_an_hour_is_kept_in_a_fraction_of_the_cells() -> None:
    fed = Fed(joined_cells=300)
    an_hour(fed)
    history = fed.mesh.edges.rates.history
    assert history.kept_from == 0
    assert sum(len(part.shapes) for bucket in history.buckets() for part in history.segments(bucket)) <= 300


def test_what_is_joined_is_short_for_its_age() -> None:
    fed = Fed(joined_cells=300)
    an_hour(fed)
    history, newest = fed.mesh.edges.rates.history, fed.mesh.edges.rates.newest_bucket
    buckets = history.buckets()
    assert all(history.end(bucket) == following for bucket, following in pairwise(buckets))
    lengths = {bucket: history.end(bucket) - bucket for bucket in buckets}
    assert max(lengths.values()) > 30
    assert all(length <= (newest - bucket) / 3 for bucket, length in lengths.items() if length > 1)
    assert all(length == 1 for bucket, length in lengths.items() if bucket > newest - 12)


def test_few_edges_are_kept_to_ten_seconds() -> None:
    fed = Fed()
    an_hour(fed)
    history = fed.mesh.edges.rates.history
    assert all(history.end(bucket) == bucket + 1 for bucket in history.buckets())


@pytest.mark.parametrize("window_s", [60, 120, 300, 600, 1800, 3000])
def test_a_window_counts_what_was_logged_in_the_time_it_says(window_s: int) -> None:
    fed = Fed(joined_cells=300)
    an_hour(fed)
    (row,) = fed.edges("dst.service", window_s=window_s)
    assert row.rate_per_s == pytest.approx(PODS / 10)
    assert row.flows == pytest.approx(window_s * PODS / 10, rel=1 / 6)
    assert row.bytes_sent == row.flows
    off = fed.mesh.edges.off_by_s(window_s, START + 3600)
    assert abs(row.flows - window_s * PODS / 10) == pytest.approx(off * PODS / 10)


def test_durations_keep_their_quantiles() -> None:
    fed = Fed(joined_cells=300)
    an_hour(fed)
    (row,) = fed.edges("dst.service")
    assert row.flows == 3600
    assert row.p50 == pytest.approx(25, abs=2)
    assert row.p99 == pytest.approx(49, abs=1)


def test_a_late_line_counts_in_the_bucket_it_was_joined_to() -> None:
    fed = Fed(joined_cells=300)
    an_hour(fed)
    before = fed.edges("dst.service", window_s=600)[0].flows
    fed.log("w1", line(605.0), *(line(at) for at in range(3700, 3740, 10)))
    assert fed.edges("dst.service")[0].flows == 3600 + 5
    assert fed.edges("dst.service", window_s=600, now=START + 3600)[0].flows == before
    assert fed.mesh.edges.rates.history.kept_from == 0


def test_a_moment_that_has_passed_is_shown_at_the_rate_of_its_bucket() -> None:
    fed = Fed(joined_cells=300)
    an_hour(fed)
    (row,) = fed.edges("dst.service", window_s=60, now=START + 1200)
    assert row.trend == pytest.approx([PODS / 10] * 12)
    assert row.rate_per_s == pytest.approx(PODS / 10)


def test_nothing_is_joined_while_somebody_looks_at_a_moment_that_has_passed() -> None:
    fed = Fed(joined_cells=300)
    an_hour(fed, minutes=6)
    fed.mesh.edges.hold(is_held=True)
    paused = START + 359
    before = fed.edges("dst.service", window_s=300, now=paused)
    for step in range(36, 200):
        for n in range(PODS):
            fed.log("w1", line(10.0 * step + 5, src=f"pod-{n}"))
    assert fed.edges("dst.service", window_s=300, now=paused)[0].flows == before[0].flows
    fed.mesh.edges.hold(is_held=False)
    for step in range(200, 280):
        for n in range(PODS):
            fed.log("w1", line(10.0 * step + 5, src=f"pod-{n}"))
    assert len(fed.mesh.edges.rates.history.buckets()) < 40


def test_choices_since_a_moment_count_from_where_a_bucket_begins() -> None:
    fed = Fed(joined_cells=300)
    an_hour(fed)
    choices = Choices(fed.mesh)
    (whole,) = choices.balances(Span())
    assert whole.n == 3600
    for since in (300.0, 1200.0, 2000.0, 3000.0, 3500.0):
        (found,) = choices.balances(Span(since=START + since))
        assert found.n == pytest.approx((3600 - since) * PODS / 10, rel=1 / 6)
        (before,) = choices.balances(Span(until=START + since - 0.1))
        assert found.n + before.n == 3600, "no choice is on both sides of a moment, or on neither"


def cells(rng: Random) -> Cells:
    found: Cells = {}
    for shape in rng.sample(SHAPES, rng.randrange(1, 6)):
        durations = [rng.randrange(1 << rng.choice((4, 12, 40))) for _ in range(rng.choice((1, 2, 60, 70, 300)))]
        time = f"2026-01-31T{rng.randrange(10, 24)}:{rng.randrange(10, 60)}:00.000000Z".encode()
        found[shape] = [rng.randrange(1 << 70), rng.randrange(9), time, *durations]
    return found


def sums(shares: list[Share]) -> dict[Shape, tuple[int, int, int, bytes]]:
    found: dict[Shape, tuple[int, int, int, bytes]] = {}
    for shape, entries, sent, recv, time, durations, weight in shares:
        assert len(durations) * weight == pytest.approx(entries)
        known = found.get(shape, (0, 0, 0, b""))
        found[shape] = (known[0] + entries, known[1] + sent, known[2] + recv, max(known[3], time))
    return found


def joined_of(parts: list[Segment], rng: Random) -> Segment:
    joining, most = Joining(parts), rng.randrange(1, 20)
    while (found := joining.step(most)) is None:
        pass
    return found


@pytest.mark.parametrize("seed", range(60))
def test_joined_segments_say_what_their_parts_said(seed: int) -> None:
    rng = Random(seed)
    parts = [Segment.of_cells(cells(rng), number) for number in range(rng.randrange(2, 5))]
    joined = joined_of(parts, rng)
    assert sums(list(joined.shares())) == sums([share for part in parts for share in part.shares()])
    again = joined_of([joined, *parts], rng)
    assert sums(list(again.shares())) == sums([share for part in (joined, *parts) for share in part.shares()])
    assert again.numbers == joined.numbers == frozenset(range(len(parts)))


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_whatever_comes_late_and_whatever_is_too_much(seed: int) -> None:
    rng = Random(seed)
    bounds = Bounds(max_buckets=40, joined_cells=12, max_cells=rng.choice((14, 400)), max_shapes=400)
    history = History(bounds, lambda shape: True)
    added, newest = 0, 100
    for _ in range(120):
        newest += rng.choice((0, 1, 1, 2, 9))
        history.age(newest)
        found = cells(rng)
        added += sum(len(cell) - 3 for cell in found.values())
        history.add(newest - rng.choice((0, 0, 0, 3, 20, 50)), found)
        for _ in range(rng.choice((0, 1, 9))):
            history.tend()
        kept = [share for bucket in history.buckets() for share in history.shares(bucket)]
        assert sum(share[1] for share in [*kept, *history.past_shares()]) == added
        ends = [(bucket, history.end(bucket)) for bucket in history.buckets()]
        assert all(end <= following for (_, end), (following, _) in pairwise(ends))
