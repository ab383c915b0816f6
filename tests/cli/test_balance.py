"""`ztui balance` on saved files: every format, every way to name a service, two plain lines where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ztui.__main__ import main

DATA = Path(__file__).parents[1] / "data" / "ztunnel" / "plain"
REVIEWS = "reviews.default.svc.cluster.local"
LOGS = [word for node in ("w1", "w2") for word in ("--file", str(DATA / f"{node}.log"))]
DUMPS = [word for node in ("w1", "w2") for word in ("--file", str(DATA / f"{node}-config_dump.json"))]

Printed = pytest.CaptureFixture[str]


def run(capsys: Printed, *words: str, files: list[str] | None = None) -> tuple[int, str, str]:
    code = main(["balance", *words, *([*LOGS, *DUMPS] if files is None else files)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    "name",
    [
        "reviews", "reviews.default", "default/reviews", REVIEWS, f"default/{REVIEWS}", "svc/reviews",
        "service/reviews.default",
    ],
)  # fmt: skip
def test_every_way_to_name_a_service(capsys: Printed, name: str) -> None:
    code, out, _ = run(capsys, name, "-o", "json")
    assert code == 0
    document = json.loads(out)
    assert document["service"] == REVIEWS
    drawn = [one for one in document["choices"] if "hop" not in one]
    assert [one["observed"] for one in drawn] == [191, 420, 654]
    assert [one["expected_share"] for one in drawn] == pytest.approx([1 / 6, 2 / 6, 3 / 6], abs=1e-6)


def test_a_table_with_what_can_be_said_below(capsys: Printed) -> None:
    code, out, _ = run(capsys, "reviews")
    assert code == 0
    rows, _, said = out.partition("\n\n")
    assert len(rows.splitlines()) == 4  # what came from elsewhere has a row only with -o wide
    assert "1265 connections to reviews.default:9080 seen" in said
    assert "No verdict is given." in said
    code, out, _ = run(capsys, "reviews", "--no-headers")
    assert len(out.splitlines()) == 3
    _, out, _ = run(capsys, "reviews", "-o", "wide")
    assert "elsewhere" in out.splitlines()[4]


def test_one_row_per_service_without_a_name(capsys: Printed) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    assert out.splitlines()[1].startswith("reviews.default:9080")
    assert len(out.splitlines()) == 8
    _, out, _ = run(capsys, "-o", "json")
    assert next(one["n"] for one in json.loads(out)) == 1265
    _, out, _ = run(capsys, "-o", "jsonl")
    assert next(json.loads(text)["service"] for text in out.splitlines()) == REVIEWS
    _, out, _ = run(capsys, "-o", "name", "-n", "secure")
    assert out == "service/locked.secure\n"


def test_filters_and_time(capsys: Printed) -> None:
    _, out, _ = run(capsys, "reviews", "--from", "curl-7656cf8794-r7zb9", "-o", "json")
    assert json.loads(out)["n"] == 365
    _, out, _ = run(capsys, "reviews", "--since", "60s", "-o", "json")
    document = json.loads(out)
    assert 0 < document["n"] < 1265
    assert document["window"]["seconds"] == 60
    _, out, _ = run(capsys, "reviews", "--since-time", "2026-11-23T08:42:00Z", "-o", "json")
    assert 0 < json.loads(out)["n"] < 1265


def test_logs_alone_say_that_weights_are_unknown(capsys: Printed) -> None:
    code, out, _ = run(capsys, "reviews", files=LOGS)
    assert code == 0
    assert "33.3 % ?" in out
    assert "Weights unknown (no config dump)" in out
    assert "open ones unknown" in out


def test_dumps_alone_say_that_no_connection_was_seen(capsys: Printed) -> None:
    code, out, _ = run(capsys, "reviews", files=DUMPS)
    assert code == 0
    assert "No connection to reviews.default:9080 was seen." in out
    assert "50.0 %" in out


def test_what_it_rests_on(capsys: Printed) -> None:
    _, out, _ = run(capsys, "reviews", "-o", "json", "--with-observed")
    assert "ztunnels" in json.loads(out)["observed"]


@pytest.mark.parametrize("form", ["yaml", "csv", "wide"])
def test_other_formats(capsys: Printed, form: str) -> None:
    code, out, _ = run(capsys, "reviews", "-o", form)
    assert code == 0
    assert "reviews-v3-7d99fd7978-7rgtd" in out


@pytest.mark.parametrize(
    ("words", "what", "remedy"),
    [
        (("revews",), "There is no service 'revews'.", "There is reviews.default, "),
        (("reviews", "-n", "secure"), "There is no service 'reviews' in secure.", "There is reviews.default, "),
        (("reviews", "-o", "short"), "balance has no -o short.", "Use table, "),
        (("reviews", "--columns", "nonsense"), "balance has no column 'nonsense'.", "Choose from backend, "),
        (("--sort", "nonsense"), "balance has no column 'nonsense'.", "Choose from service, "),
    ],
)
def test_two_plain_lines(capsys: Printed, words: tuple[str, ...], what: str, remedy: str) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first == what
    assert second.startswith(remedy)


def test_a_name_that_two_services_have(capsys: Printed, tmp_path: Path) -> None:
    dump = json.loads((DATA / "w1-config_dump.json").read_text(encoding="utf-8"))
    reviews = next(one for one in dump["services"] if one["name"] == "reviews")
    dump["services"].append(reviews | {"namespace": "test", "hostname": "reviews.test.svc.cluster.local", "vips": []})
    (tmp_path / "dump.json").write_text(json.dumps(dump, indent=2), encoding="utf-8")
    files = [*LOGS, "--file", str(tmp_path / "dump.json")]
    code, _, err = run(capsys, "reviews", files=files)
    assert code == 2
    assert err.splitlines() == ["'reviews' is the name of 2 services.", "Name one: reviews.default, reviews.test."]
    code, out, _ = run(capsys, "reviews", "-n", "test", "-o", "json", files=files)
    assert (code, json.loads(out)["namespace"]) == (0, "test")
