"""Results for people, for machines and for the README."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import Result
from tests.bench.measure import ROOT
from tests.readme import README, with_table

RECORD = ROOT / "tests" / "bench" / "measured.json"
"""What the README says of each figure, so that some of them can be measured anew."""
Row = dict[str, str]
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


def rows_of(results: Iterable[Result], commit: str) -> dict[str, Row]:
    """Give what the README says of each figure, by its name."""
    return {
        result.figure.name: {
            "figure": result.figure.text,
            "opponent": result.figure.opponent,
            "measured": _measured(result),
            "floor": result.figure.bound(result.figure.floor),
            "reach": result.figure.bound(result.figure.reach) if result.figure.reach is not None else "–",
            "verdict": result.verdict,
            "commit": commit,
            "limit": result.figure.limit if result.verdict == "missed" else "",
        }
        for result in results
    }


def _measured(result: Result) -> str:
    against = f" ({result.ours} against {result.theirs})" if result.theirs else ""
    note = f"; {result.note}" if result.note else ""
    return f"**{result.figure.shown(result.value)}**{against}{note}"


def markdown(where: Mapping[str, str], rows: Sequence[Row]) -> str:
    """The table of the README."""
    lines = [
        f"On {where['machine']}, Python {where['python']}; last on {where['date']}.",
        "CPU time of whole processes, best of three or more in turn, unless a time is named.",
        "",
        "| Figure | Opponent in the same run | Measured | Floor | Reach for | | Commit |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        told = (row[key] for key in ("figure", "opponent", "measured", "floor", "reach", "verdict"))
        lines.append(f"| {' | '.join(told)} | `{row['commit']}` |")
    missed = [row for row in rows if row["limit"]]
    if missed:
        lines += ["", "What limits those that miss their floor:", ""]
        lines += [f"- *{row['figure']}* ({row['opponent']}): {row['limit']}" for row in missed]
    return "\n".join(lines)


def write_readme(results: Sequence[Result]) -> None:
    """Put the table into README.md, between its markers.

    Figures that were not measured now stay as they were, with the commit they were measured at; on another machine or
    Python nothing stays.
    """
    where = surroundings()
    known = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    is_here = (known.get("machine"), known.get("python")) == (where["machine"], where["python"])
    rows: dict[str, Row] = {**(known["rows"] if is_here else {}), **rows_of(results, where["commit"])}
    RECORD.write_text(json.dumps({**where, "rows": rows}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    README.write_text(with_table(text, "measured", markdown(where, list(rows.values()))), encoding="utf-8")
