"""Sizes, spans and times as people write them; what is none is refused with the units there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ztui import units
from ztui.units import UnitError, parse_bytes, parse_duration_s, parse_time


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        ("1kB", 1_000),
        ("1.5 MB", 1_500_000),
        ("64MiB", 64 << 20),
        ("2g", 2 * 10**9),
        ("0", 0),
        ("1TB", 10**12),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10", 10), ("250ms", 0.25), ("15m", 900), ("1h30m", 5_400), ("1d", 86_400), ("1m 30s", 90), ("500us", 0.0005)],
)
def test_spans(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "MB", "-5", "1e3", "1.2.3", "5 parsecs", "²", "9" * 400, "1m30"])
def test_what_is_neither_is_refused_with_the_units_there_are(text: str) -> None:
    with pytest.raises(UnitError, match="write a number and B, kB"):
        parse_bytes(text)
    with pytest.raises(UnitError, match="write a number and ms, s"):
        parse_duration_s(text)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_bytes, parse_duration_s):
        try:
            assert parse(text) >= 0
        except UnitError:
            continue


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-31T09:08:07.5Z", 1_769_850_487.5),
        ("2026-01-31T10:08:07.500000+01:00", 1_769_850_487.5),
        ("2026-01-31T09:08:07", 1_769_850_487.0),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times(text: str, at: float | None) -> None:
    assert parse_time(text) == at


@given(st.floats(0, 1e15))
def test_numbers_stay_narrow(number: float) -> None:
    for form, width in ((units.format_count, 6), (units.format_bytes, 7), (units.format_rate, 6)):
        assert len(form(number)) <= width, (form, number)
    assert units.format_time(1_769_850_487.9) == "2026-01-31T09:08:07Z"
