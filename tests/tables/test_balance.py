"""Rows and documents of balance: the contract's shape, and no key for what is not known."""

from __future__ import annotations

import csv

import pytest

from tests.analysis.test_balance import HOSTNAME, THREE, ask, draws
from ztui.analysis.draws import Held, Hop, Window
from ztui.tables.balance import (
    BALANCE,
    SERVICES_SEEN,
    backend_document,
    backend_rows,
    balance_document,
    balance_table,
    short_pod,
)
from ztui.tables.columns import Context
from ztui.tables.render import lines

COUNTS = {"v1": 666, "v2": 1417, "v3": 2122}
WINDOW = Window(since=1_700_000_000.0, until=1_700_000_600.0, length_s=600.0)
CONTEXT = Context(now=0.0)


@pytest.mark.parametrize(
    ("pod", "service", "short"),
    [
        ("reviews-v1-5fd6d4f8f8-knbht", None, "reviews-v1 knbht"),
        ("reviews-v1-5fd6d4f8f8-knbht", "reviews", "v1 knbht"),
        ("reviews-5fd6d4f8f8-knbht", "reviews", "knbht"),
        ("db-0", "db", "db-0"),
        ("reviews", "reviews", "reviews"),
    ],
)
def test_short_pod(pod: str, service: str | None, short: str) -> None:
    assert short_pod(pod, service) == short


def test_the_contracts_shape() -> None:
    document = balance_document(ask(COUNTS, THREE, window=WINDOW))
    assert document["service"] == HOSTNAME
    assert document["port"] == 9080
    assert document["window"] == {"seconds": 600, "since": "2023-11-14T22:13:20Z", "until": "2023-11-14T22:23:20Z"}
    assert document["choices"] == [
        {
            "backend": name,
            "namespace": "default",
            "observed": observed,
            "expected": pytest.approx(4205 * weight / 6, abs=0.001),
            "share": pytest.approx(observed / 4205, abs=1e-6),
            "expected_share": pytest.approx(weight / 6, abs=1e-6),
            "capacity": weight,
            "state": "endpoint",
        }
        for weight, (name, observed) in enumerate(COUNTS.items(), 1)
    ]
    assert document["load"] == [
        {"backend": name, "namespace": "default", "failed": 0, "bytes_sent": 0, "bytes_recv": 0} for name in COUNTS
    ]  # what is open is not known here, so nothing is said of it
    assert "test" not in document
    assert "verdict" not in document
    assert isinstance(document["says"], str)


def test_what_is_not_known_is_left_out() -> None:
    document = balance_document(ask({"v1": 3}, None))
    assert "port" not in document
    choice = document["choices"][0]  # type: ignore[index]  # it is a list
    assert "capacity" not in choice
    assert "state" not in choice
    assert document["weights"] == "assumed equal"


def test_rows_counted_apart_come_last_and_only_in_full() -> None:
    counts = draws(COUNTS) | draws({"v1": 9}, (None, ""), Hop.ELSEWHERE)
    result = ask({}, THREE, draws=counts)
    assert [row.backend.hop for row in backend_rows(result)] == [*[Hop.BACKEND] * 3, Hop.ELSEWHERE]
    assert len(backend_rows(result, with_all=False)) == 3
    assert backend_document(backend_rows(result)[3])["hop"] == "elsewhere"


def test_table_and_csv() -> None:
    rows = backend_rows(ask(COUNTS, THREE, window=WINDOW))
    header, first, *_ = lines(BALANCE, rows, "table", CONTEXT)
    assert header.split()[:4] == ["BACKEND", "OPENED", "SHARE", "EXPECTED"]
    assert first.split()[:6] == ["v1", "666", "15.8", "%", "16.7", "%"]
    names, values, *_ = lines(BALANCE, rows, "csv", CONTEXT)
    assert dict(zip(names.split(","), values.split(","), strict=True))["open"] == ""
    assert list(lines(BALANCE, rows, "name", CONTEXT)) == ["backend/v1", "backend/v2", "backend/v3"]


def test_assumed_shares_carry_a_question_mark() -> None:
    rows = backend_rows(ask({"v1": 30, "v2": 50}, None))
    assert "50.0 % ?" in next(text for text in lines(BALANCE, rows, "table", CONTEXT) if "v1" in text)


def test_one_row_per_service() -> None:
    result = ask(COUNTS, THREE, window=WINDOW)
    header, row = lines(SERVICES_SEEN, [result], "table", CONTEXT)
    assert header.split()[0] == "SERVICE"
    assert row.split()[:8] == ["reviews.default:9080", "4205", "3", "v3", "50.5", "%", "50.0", "%"]
    assert list(lines(SERVICES_SEEN, [result], "name", CONTEXT)) == ["service/reviews.default"]
    quiet = ask({}, THREE, window=WINDOW)
    assert "–" in list(lines(SERVICES_SEEN, [quiet], "table", CONTEXT))[1]


@pytest.mark.parametrize(
    ("counts", "of", "note"),
    [
        (COUNTS, THREE, ""),
        ({"v1": 1}, THREE, "too few to say"),
        (COUNTS | {"old": 9}, THREE, "endpoints changed"),
        (COUNTS, None, "weights unknown"),
    ],
)
def test_a_row_notes_what_its_shares_do_not_mean(counts: dict[str, int], of: Held | None, note: str) -> None:
    _, values, *_ = lines(SERVICES_SEEN, [ask(counts, of)], "csv", CONTEXT)
    keys = SERVICES_SEEN.keys
    assert next(csv.reader([values]))[keys.index("note")] == note


def test_the_screens_table_names_pods_briefly_and_in_full() -> None:
    row = backend_rows(ask({"reviews-v1-5fd6d4f8f8-knbht": 40, "reviews-v2-6f9b55c5db-c94m2": 40}, None))[0]
    table = balance_table(is_short=True)
    assert table.column("backend").cell(row, CONTEXT).text == "v1 knbht"
    assert table.column("pod").cell(row, CONTEXT).text == "reviews-v1-5fd6d4f8f8-knbht"
