"""The benchmark measures what it says: corpora tell the same in both formats, and opponents give the same answer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.corpus import RECIPES, SEED, messages
from tests.bench.figures import Figure, Result
from tests.bench.measure import OPPONENTS, PYTHON, ROOT, ZTUI, environment
from ztui.model.accesslog import Reader, entry_at
from ztui.model.flow import Origin


def entries(text: str) -> list[tuple[object, ...]]:
    batch = Reader(Origin(key="log")).feed(text.encode())
    found: list[tuple[object, ...]] = []
    for i in range(len(batch)):
        entry = entry_at(batch, i)
        shape = entry.shape
        ends = shape.src_workload, shape.dst_workload, shape.dst_service, shape.direction, shape.error
        found.append((entry.time, entry.src_addr, *ends, entry.bytes_sent, entry.bytes_recv, entry.duration_ms))
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_both_formats_tell_the_same_entries(name: str) -> None:
    pairs = list(messages(RECIPES[name], 3_000, SEED))
    plain = entries("".join(line for line, _ in pairs))
    assert len(plain) > 2_000
    assert plain == entries("".join(line for _, line in pairs))


def test_the_same_seed_writes_the_same() -> None:
    first, again, other = (list(messages(RECIPES["base"], 500, seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_opponents_give_the_answer_of_ztui(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(line for line, _ in messages(RECIPES["base"], 5_000, SEED)), encoding="utf-8")
    ours = {
        (edge.get("src.workload", "-"), edge.get("dst.service", "-")): (edge["flows"], edge["failed"])
        for edge in json.loads(printed(ZTUI, "edges", "--file", str(log), "-o", "json"))
    }
    for command in ([PYTHON, str(OPPONENTS / "naive.py")], ["mawk", "-f", str(OPPONENTS / "edges.awk")]):
        rows = [line.split("\t") for line in printed(*command, str(log)).splitlines()]
        assert {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows} == ours


def printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment()).stdout


def test_verdicts() -> None:
    most = Figure(name="a", text="a", floor=10, reach=5, is_most=True, unit="ms", is_steady=True)
    least = Figure(name="b", text="b", floor=4, is_steady=True, guard=2)
    assert [Result(figure=most, value=value).verdict for value in (5, 9, 11)] == ["reached", "kept", "missed"]
    assert [Result(figure=most, value=value).fails for value in (12.9, 13.1)] == [False, True]
    assert [Result(figure=least, value=value).fails for value in (1.5, 1.3)] == [False, True]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A README with nothing in its table, and nothing on record."""
    readme = tmp_path / "README.md"
    readme.write_text("<!-- measured: x -->\nold\n<!-- /measured -->\nrest", encoding="utf-8")
    monkeypatch.setattr(report, "README", readme)
    monkeypatch.setattr(report, "RECORD", tmp_path / "measured.json")
    return readme


SLOW = Figure(name="a", text="figure", floor=10, unit="ms", is_most=True, limit="the reason")
OTHER = Figure(name="b", text="other", floor=2)


def test_the_table_stands_between_its_markers(written: Path) -> None:
    report.write_readme([Result(figure=SLOW, value=12)])
    text = written.read_text(encoding="utf-8")
    assert "old" not in text
    assert "| figure | – | **12.0 ms** | ≤ 10 ms | – | missed | `" in text
    assert text.endswith("the reason\n\n<!-- /measured -->\nrest")


def test_what_is_not_measured_again_stays_in_the_table_on_the_same_machine(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"machine": "here", "python": "3", "date": "2026-11-24", "commit": "aaaaaaa"}
    for changes in ({}, {"commit": "bbbbbbb"}):
        monkeypatch.setattr(report, "surroundings", lambda changes=changes: here | changes)
        report.write_readme([Result(figure=SLOW, value=9)] if changes else [Result(figure=f, value=12) for f in BOTH])
    text = written.read_text(encoding="utf-8")
    assert "| figure | – | **9.00 ms** | ≤ 10 ms | – | kept | `bbbbbbb` |" in text
    assert "| other | – | **12.0 ×** | ≥ 2 × | – | kept | `aaaaaaa` |" in text
    assert "the reason" not in text
    monkeypatch.setattr(report, "surroundings", lambda: here | {"machine": "there"})
    report.write_readme([Result(figure=SLOW, value=9)])
    assert "other" not in written.read_text(encoding="utf-8")


BOTH = (SLOW, OTHER)
