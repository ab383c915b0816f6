"""Reading logs: whole commands on files, beside the pipes and scripts they replace."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.figures import Figure, Result, ms
from tests.bench.measure import OPPONENTS, PYTHON, ROOT, ZTUI, Run, cpu_of, environment

NAIVE = Figure(
    name="edges-naive",
    text="`ztui edges --file` over 1 M plain lines, whole process: speed",
    opponent="one regex with named groups per line (escaped quotes honoured), dataclass, dict",
    floor=6,
    reach=8,
    is_steady=True,
    guard=3.5,  # of the 200,000 lines of --quick, a fifth of whose time is the start
    limit=(
        "a quarter is the one regex pass, a quarter counting per shape (misses of the processor's cache), the rest "
        "splitting columns, numbers and odd lines; each is a loop in C already"
    ),
)
UNESCAPED = Figure(
    name="edges-unescaped",
    text="same",
    opponent='the same script with `"([^"]*)"` for every text: wrong at an escaped quote, and half the time',
    floor=2,
)
MAWK = Figure(
    name="edges-mawk",
    text="same",
    opponent="`mawk` computing the same aggregate",
    floor=1.8,
    reach=2.5,
    is_steady=True,
    guard=0.75,
    limit=(
        "a quarter is the one regex pass, an eighth knowing each line's text again, the rest numbers, counting (misses "
        "of the processor's cache), columns, new pairs and odd lines; each is a loop in C already; mawk takes 3.7 µs "
        "a line"
    ),
)
GREP = Figure(
    name="edges-grep",
    text="same",
    opponent="`grep -E 'inbound\\|outbound' \\| cat` (filters only)",
    floor=0.4,
    reach=0.6,
)
JSON = Figure(
    name="edges-json",
    text="JSON lines: time",
    opponent="plain lines of the same entries",
    floor=1.4,
    reach=1.1,
    is_most=True,
    is_steady=True,
)
BIG = Figure(
    name="edges-big",
    text="every pair new (20,000 pods, 380 k edges): speed",
    opponent="one regex with named groups per line, dataclass, dict",
    floor=2.5,
    reach=4,
    limit=(
        "two of five lines make a new shape: its halves are read and joined (4 µs), its connections judged, grouped "
        "and summed (5 µs), and 79,000 edges are printed; with 400,000 shapes each look-up misses the caches"
    ),
)
JQ = Figure(
    name="entries-jq",
    text="`ztui entries --file -o jsonl` over 200 k lines: speed",
    opponent="`jq -c .` reading the JSON log of the same entries",
    floor=1.5,
    reach=3,
    is_steady=True,
)
ROW = Figure(
    name="memory-row",
    text="bytes per kept connection (tracemalloc over 100 k)",
    opponent="slotted dataclasses of the same fields",
    floor=96,
    reach=64,
    is_most=True,
    unit="B",
    is_steady=True,
)
SHAPE = Figure(
    name="memory-shape",
    text="bytes per distinct shape and edge (tracemalloc over 100 k)",
    floor=1024,
    is_most=True,
    unit="B",
    is_steady=True,
    guard=1322,
    limit="the text of a shape is its key (350 B), the shape 220 B, and each ten seconds it occurs in 70 B",
)
COUNT = Figure(
    name="count-only",
    text="count-only mode (all errors still parsed): rate",
    opponent="full mode",
    floor=4,
    reach=7,
    is_steady=True,
    guard=2.8,
)


def edges(bench: Bench) -> Iterator[Result]:
    """The edge aggregate of one saved log, against everything people do it with."""
    log = bench.corpus("base", bench.lines)
    plain = str(log.plain)
    answers = {name: bench.scratch / name for name in ("ztui", "naive", "mawk")}
    runs = {
        "ztui": cpu_of(ZTUI, "edges", "--file", plain, "-o", "json", output=answers["ztui"]),
        "json": cpu_of(ZTUI, "edges", "--file", str(log.json), "-o", "json"),
        "naive": cpu_of(PYTHON, str(OPPONENTS / "naive.py"), plain, output=answers["naive"]),
        "unescaped": cpu_of(PYTHON, str(OPPONENTS / "naive.py"), plain, "--unescaped"),
        "mawk": cpu_of("mawk", "-f", str(OPPONENTS / "edges.awk"), plain, output=answers["mawk"]),
        "grep": cpu_of("sh", "-c", f"grep -E 'inbound|outbound' {plain} | cat >/dev/null"),
    }
    best = bench.in_turn(runs)
    _agree(answers)
    for figure, name in ((NAIVE, "naive"), (UNESCAPED, "unescaped"), (MAWK, "mawk"), (GREP, "grep")):
        yield Result(figure=figure, value=best[name] / best["ztui"], ours=ms(best["ztui"]), theirs=ms(best[name]))
    yield Result(figure=JSON, value=best["json"] / best["ztui"], ours=ms(best["json"]), theirs=ms(best["ztui"]))


def big(bench: Bench) -> Iterator[Result]:
    """A mesh so large that most pairs of pods are met for the first time."""
    plain = str(bench.corpus("big", bench.lines).plain)
    answers = {name: bench.scratch / name for name in ("ztui", "naive")}
    runs = {
        "ztui": cpu_of(ZTUI, "edges", "--file", plain, "-o", "json", output=answers["ztui"]),
        "naive": cpu_of(PYTHON, str(OPPONENTS / "naive.py"), plain, output=answers["naive"]),
    }
    best = bench.in_turn(runs)
    _agree(answers)
    yield Result(figure=BIG, value=best["naive"] / best["ztui"], ours=ms(best["ztui"]), theirs=ms(best["naive"]))


def _agree(answers: dict[str, Path]) -> None:
    """See that all computed the same aggregate: flows and failures of every edge. Raises ValueError."""
    ours = {
        (edge.get("src.workload", "-"), edge.get("dst.service", "-")): (edge["flows"], edge["failed"])
        for edge in json.loads(answers["ztui"].read_bytes())
    }
    for name, path in answers.items():
        if name == "ztui":
            continue
        rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
        theirs = {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}
        if theirs != ours:
            key = next(iter(theirs.items() ^ ours.items()))
            raise ValueError(f"{name} and ztui do not tell the same, for example of {key}")


def entries(bench: Bench) -> Iterator[Result]:
    """Every entry printed as JSON."""
    log = bench.corpus("base", 100_000 if bench.quick else 200_000)
    runs = {
        "ztui": cpu_of(ZTUI, "entries", "--file", str(log.plain), "-o", "jsonl", output=bench.scratch / "entries"),
        "jq": cpu_of("jq", "-c", ".", str(log.json), output=bench.scratch / "jq"),
    }
    best = bench.in_turn(runs)
    yield Result(figure=JQ, value=best["jq"] / best["ztui"], ours=ms(best["ztui"]), theirs=ms(best["jq"]))


def memory(bench: Bench) -> Iterator[Result]:
    """What is kept of a connection, and of everything that repeats."""
    plain = str(bench.corpus("base", 200_000).plain)
    ours = json.loads(_printed("tests.bench.memory", plain, "100000"))
    theirs = float(_printed("tests.bench.opponents.records", plain, "100000"))
    yield Result(figure=ROW, value=ours["row"], ours=f"{ours['row']:.0f} B", theirs=f"{theirs:.0f} B")
    note = f"{ours['shapes']:,} shapes and their edges"
    yield Result(figure=SHAPE, value=ours["shape"], ours=f"{ours['shape']:.0f} B", note=note)


def counting(bench: Bench) -> Iterator[Result]:
    """What overload gains by counting only."""
    plain = str(bench.corpus("base", 200_000).plain)
    names = ("full", "skipped", "counted", "sampled")
    runs: dict[str, Run] = {name: partial(_counted_us, plain, name) for name in names}
    best = bench.in_turn(runs)
    full, skipped, counted, sampled = (best[name] for name in names)
    note = f"each edge counted as well: {counted:.2f} µs; that, and one block of eight read in full: {sampled:.2f} µs"
    yield Result(
        figure=COUNT, value=full / skipped, ours=f"{skipped:.2f} µs a line", theirs=f"{full:.2f} µs", note=note
    )


def _counted_us(path: str, how: str) -> float:
    return float(_printed("tests.bench.counting", path, how))


def _printed(module: str, *arguments: str) -> str:
    command = [PYTHON, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment()).stdout
