"""What is packed says the same as what it was made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ztui.model.flow import Origin, Shape
from ztui.store.segments import Share, Sum

SHAPE = Shape(origin=Origin(key="z"), level="info", message="connection complete")
NUMBER = st.integers(0, 10**19)
DURATIONS = st.lists(st.integers(0, 500) | st.integers(0, 10**18), min_size=1, max_size=400)


def told(total: Sum) -> list[tuple[object, ...]]:
    shares: list[Share] = list(total.shares(SHAPE))
    return [(*share[:5], list(share[5]), share[6]) for share in shares]


@given(st.lists(st.tuples(NUMBER, NUMBER, DURATIONS), max_size=6))
def test_a_sum_of_the_past_is_the_same_once_it_was_packed(parts: list[tuple[int, int, list[int]]]) -> None:
    kept, packed = Sum(), Sum()
    for sent, recv, durations in parts:
        for total in (kept, packed):
            total.add(len(durations), sent, recv, b"2026-01-31T09:00:00.000000Z", durations)
        packed = Sum.unpacked(packed.packed())
    assert told(packed) == told(kept)
