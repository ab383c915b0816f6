"""The benchmark: `python -m tests.bench [GROUP …]` measures each line of the README's table beside its opponent.

A run of CI is `python -m tests.bench --quick`: it ends with status 1 if a steady figure misses its floor by 30 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.bench import ingest, live, screen, start
from tests.bench.bench import Bench, bench
from tests.bench.corpus import SEED
from tests.bench.figures import Result
from tests.bench.report import as_json, line, write_readme

Group = Callable[[Bench], Iterator[Result]]

GROUPS: dict[str, tuple[Group, ...]] = {
    "ingest": (ingest.edges, ingest.big, ingest.entries, ingest.counting, ingest.memory),
    "start": (start.commands, start.first_paint),
    "live": (live.per_line, live.lateness, live.stall, live.short_commands, live.thousand),
    "screen": (screen.busy, screen.frames, screen.first_rows, screen.keys),
    "soak": (live.soak,),
}
QUICK: tuple[Group, ...] = (
    ingest.edges, ingest.entries, ingest.counting, ingest.memory, start.commands, start.first_paint, screen.frames,
)  # fmt: skip
"""What is measured in a minute and cannot flake."""


def measured(groups: Sequence[Group], run: Bench, broken: list[str]) -> Iterator[Result]:
    """Measure one group after the other; one that cannot be measured is told and noted, and the rest goes on."""
    for group in groups:
        name = f"{group.__module__.rpartition('.')[2]}.{group.__name__}"
        run.say(f"… {name}")
        try:
            yield from group(run)
        except Exception as error:
            run.say(f"{name} cannot be measured: {type(error).__name__}: {error}")
            broken.append(name)


def main(words: list[str] | None = None) -> int:
    """Measure, print, and say with the exit code whether a steady figure fell."""
    options = _options().parse_args(words)
    names = options.group or list(GROUPS)
    groups = [group for name in names for group in GROUPS[name]]
    if options.quick:
        groups = [group for group in groups if group in QUICK]
    results: list[Result] = []
    broken: list[str] = []
    rounds = options.rounds or (2 if options.quick else 3)
    with bench(quick=options.quick, rounds=rounds, soak_s=options.soak * 60, seed=options.seed) as run:
        for result in measured(groups, run, broken):
            results.append(result)
            print(line(result), flush=True)
    if options.json:
        Path(options.json).write_text(as_json(results), encoding="utf-8")
    if options.readme:
        write_readme(results)
    if broken:
        print(f"Could not be measured: {', '.join(broken)}.", file=sys.stderr)
    fallen = [result.figure.name for result in results if result.fails]
    if fallen:
        print(f"Missed what it must keep by more than 30 %: {', '.join(fallen)}.", file=sys.stderr)
    return 1 if fallen or broken else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("group", nargs="*", choices=[[], *GROUPS], help="what to measure (everything)")
    parser.add_argument("--quick", action="store_true", help="small inputs, steady figures only: for CI")
    parser.add_argument("--rounds", type=int, help="how often opponents take turns (3)")
    parser.add_argument("--soak", type=float, default=15.0, metavar="MINUTES", help="length of the soak (15)")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the corpora")
    parser.add_argument("--json", metavar="FILE", help="write the results as JSON")
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
