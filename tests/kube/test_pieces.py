"""What is read in pieces is what `json.loads` reads, and what it refuses is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ztui.kube.pieces import PIECE, read_in_pieces

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def read(body: bytes) -> tuple[Any, int]:
    pieces, count = read_in_pieces(body), 1
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value, count
        count += 1


@given(values, st.sampled_from([None, 1, "\t"]))
def test_any_value_is_read_as_json_does(value: Any, indent: int | str | None) -> None:
    assert read(json.dumps(value, indent=indent).encode())[0] == value


@given(values, st.integers(0, 200), st.binary(max_size=2))
def test_broken_text_is_refused_where_json_refuses_it(value: Any, cut: int, put: bytes) -> None:
    text = json.dumps({"items": [value], "metadata": value}).encode()
    text = text[:cut] + put + text[cut + 1 :]
    try:
        wanted = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r".*"):
            read(text)
    else:
        assert repr(read(text)[0]) == repr(wanted)


def test_a_long_list_is_read_in_pieces() -> None:
    pods = {"kind": "PodList", "items": [{"metadata": {"name": f"p{each}", "x": "y" * 900}} for each in range(500)]}
    found, pieces = read(json.dumps(pods).encode())
    assert found == pods
    assert pieces > 400_000 // PIECE
