"""Results for people, for machines and for the README."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import Result
from tests.bench.measure import ROOT
from tests.readme import README, with_table

_GLYPHS = {"reached": "✔✔", "kept": "✔", "missed": "✘"}


def line(result: Result) -> str:
    """One result on one line."""
    figure = result.figure
    against = f"{result.ours} against {result.theirs}" if result.theirs else result.ours
    reach = f", reach {figure.bound(figure.reach)}" if figure.reach is not None else ""
    note = f"  ({result.note})" if result.note else ""
    return (
        f"{_GLYPHS[result.verdict]:2} {figure.name:18} {figure.shown(result.value):>9}  "
        f"floor {figure.bound(figure.floor)}{reach}: {result.verdict}; {against}{note}"
    )


def as_json(results: Iterable[Result]) -> str:
    """Everything that was measured, with where and when."""
    rows = [
        {
            "name": result.figure.name,
            "figure": result.figure.text,
            "opponent": result.figure.opponent,
            "value": result.value,
            "unit": result.figure.unit,
            "floor": result.figure.floor,
            "reach": result.figure.reach,
            "is_most": result.figure.is_most,
            "verdict": result.verdict,
            "ours": result.ours,
            "theirs": result.theirs,
            "note": result.note,
        }
        for result in results
    ]
    return json.dumps({**surroundings(), "results": rows}, indent=1, ensure_ascii=False) + "\n"


def surroundings() -> dict[str, str]:
    """Where and when it was measured."""
    return {
        "machine": f"{os.cpu_count()} × {_processor()}, {platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "date": f"{datetime.now(tz=UTC):%Y-%m-%d}",
        "commit": _commit(),
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    return next((row.partition(":")[2].strip() for row in text.splitlines() if row.startswith("model name")), "CPU")


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def markdown(results: Sequence[Result]) -> str:
    """The table of the README."""
    where = surroundings()
    rows = [
        f"On {where['machine']}, Python {where['python']}, {where['date']}, commit `{where['commit']}`.",
        "CPU time of whole processes, best of three or more in turn, unless a time is named.",
        "",
        "| Figure | Opponent in the same run | Measured | Floor | Reach for | |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        figure = result.figure
        against = f" ({result.ours} against {result.theirs})" if result.theirs else ""
        note = f"; {result.note}" if result.note else ""
        reach = figure.bound(figure.reach) if figure.reach is not None else "–"
        rows.append(
            f"| {figure.text} | {figure.opponent} | **{figure.shown(result.value)}**{against}{note} "
            f"| {figure.bound(figure.floor)} | {reach} | {result.verdict} |"
        )
    missed = [result.figure for result in results if result.verdict == "missed" and result.figure.limit]
    if missed:
        rows += ["", "What limits those that miss their floor:", ""]
        rows += [f"- *{figure.text}* ({figure.opponent}): {figure.limit}" for figure in missed]
    return "\n".join(rows)


def write_readme(results: Sequence[Result]) -> None:
    """Put the table into README.md, between its markers."""
    text = README.read_text(encoding="utf-8")
    README.write_text(with_table(text, "measured", markdown(results)), encoding="utf-8")
