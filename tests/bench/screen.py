"""The screen in a pseudo-terminal of 140 × 50, beside the same rows in an app made of Textual's own widgets."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.feed import Feed, blocks, stamped
from tests.bench.figures import Figure, Result, ms
from tests.bench.measure import PYTHON, ZTUI, percentile
from tests.bench.terminal import Pty

CPU = Figure(
    name="screen-cpu",
    text="UI at 2,000 lines/s, 4 Hz, 140×50 in a pty: CPU",
    opponent="the same rows in a Textual DataTable app",
    floor=0.25,
    reach=0.1,
    is_most=True,
    limit=(
        "most of a tick is Textual's painting and the lines and cells of the table; the rest brings the edges up to "
        "date"
    ),
)
BYTES = Figure(
    name="screen-bytes",
    text="bytes to the terminal per frame, a fifth of the rows changing",
    opponent="the same rows in a Textual DataTable app",
    floor=0.2,
    reach=0.1,
    is_most=True,
    is_steady=True,
    guard=0.25,
    limit="a row is sent from its start to the last changed cell: Textual's partial update crops only at the right",
)
FIRST = Figure(
    name="screen-first",
    text="50,000 entries in memory, key press → first rows: CPU",
    opponent="the same rows in a Textual DataTable app",
    floor=0.02,
    is_most=True,
)
KEY = Figure(
    name="screen-key",
    text="key press → bytes, p95, 50,000 rows, while 2,000 lines/s arrive",
    floor=20,
    reach=8,
    is_most=True,
    unit="ms",
)
_OURS = [ZTUI, "--pane", "flows", "--file", "-"]
_THEIRS = [PYTHON, "-m", "tests.bench.opponents.datatable"]
_LINES_PER_BLOCK = 20  # a hundred times a second
_TICK_S = 0.25
_ROWS = 40
_SHOWN = b".team-"
"""Part of every namespace: on the terminal as soon as a row is."""
_AGGREGATIONS = 6
"""How often `a` leads from edges to single flows."""


def busy(bench: Bench) -> Iterator[Result]:
    """2,000 lines a second through a pipe; every program reads, counts and paints them."""
    log = bench.corpus("base", 200_000).plain
    runs = {"ztui": lambda: _cpu_share(_OURS, log, bench), "theirs": lambda: _cpu_share(_THEIRS, log, bench)}
    best = bench.in_turn(runs)
    ours, theirs = f"{best['ztui']:.1%} of a core", f"{best['theirs']:.1%}"
    yield Result(figure=CPU, value=best["ztui"] / best["theirs"], ours=ours, theirs=theirs)


def _cpu_share(command: list[str], log: Path, bench: Bench) -> float:
    with Feed(blocks(log, _LINES_PER_BLOCK)) as feed, Pty(command, stdin=feed.reader) as pty:
        feed.start()
        pty.wait_for(_SHOWN)
        time.sleep(4)
        cpu, at = pty.cpu_s(), time.monotonic()
        time.sleep(5 if bench.quick else 15)
        return (pty.cpu_s() - cpu) / (time.monotonic() - at)


def frames(bench: Bench) -> Iterator[Result]:
    """Forty edges on the screen, eight of which get a connection before each frame."""
    log = bench.corpus("base", 200_000).plain
    sizes = {name: _frame_bytes(command, log, bench) for name, command in (("ztui", _OURS), ("theirs", _THEIRS))}
    ours, theirs = f"{sizes['ztui'] / 1000:.1f} kB", f"{sizes['theirs'] / 1000:.1f} kB"
    yield Result(figure=BYTES, value=sizes["ztui"] / sizes["theirs"], ours=ours, theirs=theirs)


def _frame_bytes(command: list[str], log: Path, bench: Bench) -> float:
    lines = _of_edges(log)
    with Feed(_fifths(lines), every_s=_TICK_S) as feed, Pty(command, stdin=feed.reader) as pty:
        feed.start()
        pty.wait_for(_SHOWN)
        time.sleep(3)
        before, at = pty.byte_count, time.monotonic()
        time.sleep(5 if bench.quick else 10)
        return (pty.byte_count - before) / (time.monotonic() - at) * _TICK_S


def _of_edges(log: Path) -> list[bytes]:
    """Find one outbound line of each of as many edges as the screen has rows."""
    found: dict[tuple[bytes, bytes], bytes] = {}
    ends = re.compile(
        rb'\tinfo\taccess\tconnection complete.* src\.workload="([^"]*)".* dst\.service="([^"]*)".*outbound'
    )
    with log.open("rb") as lines:
        for line in lines:
            match = ends.search(line)
            if match is not None:
                found.setdefault((match[1], match[2]), line)
            if len(found) == _ROWS:
                break
    return list(found.values())


def _fifths(lines: list[bytes]) -> Iterator[bytes]:
    """All lines first, then a fifth of them each time, stamped with the time it is."""
    yield stamped(b"".join(lines))
    step = len(lines) // 5
    for part in itertools.cycle(range(5)):
        yield stamped(b"".join(lines[part * step : (part + 1) * step]))


def first_rows(bench: Bench) -> Iterator[Result]:
    """Single entries are asked for when 50,000 of them are in memory."""
    log = bench.corpus("base", 60_000).plain
    runs = {
        "ztui": lambda: _first_rows(_OURS, b"a" * _AGGREGATIONS, (b"Single flows", "⇢".encode()), log),
        "theirs": lambda: _first_rows(_THEIRS, b"l", (b"direction", b"outbound"), log),
    }
    best = bench.in_turn(runs)
    ours, theirs = ms(best["ztui"]), ms(best["theirs"])
    yield Result(figure=FIRST, value=best["ztui"] / best["theirs"], ours=ours, theirs=theirs)


def _first_rows(command: list[str], keys: bytes, signs: tuple[bytes, bytes], log: Path) -> float:
    """Load, come to rest, press, and take the CPU time until the new header and a row have been painted."""
    whole = log.read_bytes()
    with Feed(iter(()), first=[whole]) as feed, Pty(command, stdin=feed.reader) as pty:
        feed.start()
        pty.wait_for(_SHOWN)
        _rest(pty)
        for key in keys[:-1]:
            pty.press(bytes([key]))
            _rest(pty)
        cpu = pty.cpu_s()
        pty.forget()
        pty.press(keys[-1:])
        for sign in signs:
            pty.wait_for(sign)
        return pty.cpu_s() - cpu


def _rest(pty: Pty) -> None:
    """Wait until it has used next to no CPU for half a second."""
    used = pty.cpu_s()
    for _ in range(240):
        time.sleep(0.5)
        if pty.cpu_s() - used < 0.06:
            return
        used = pty.cpu_s()
    raise TimeoutError("the screen does not come to rest")


def keys(bench: Bench) -> Iterator[Result]:
    """How long the screen takes to answer a key, among 50,000 rows that grow."""
    log = bench.corpus("base", 200_000).plain
    source = blocks(log, _LINES_PER_BLOCK)
    first = b"".join(itertools.islice(source, 60_000 // _LINES_PER_BLOCK))
    with Feed(source, first=[first]) as feed, Pty(_OURS, stdin=feed.reader) as pty:
        feed.start()
        pty.wait_for(_SHOWN)
        time.sleep(3)
        for _ in range(_AGGREGATIONS):
            pty.press(b"a")
            time.sleep(1)
        pty.wait_for(b"Single flows")
        waits = [_answered_after(pty) for _ in range(60 if bench.quick else 200)]
    p50, p95 = percentile(waits, 0.5) * 1_000, percentile(waits, 0.95) * 1_000
    yield Result(figure=KEY, value=p95, ours=f"p50 {p50:.1f} ms, p95 {p95:.1f} ms")


def _answered_after(pty: Pty) -> float:
    """Press a key when the screen is between two frames; seconds until bytes come."""
    draw = random.Random(len(pty.arrivals))
    pty.wait_for_more(len(pty.arrivals))
    while time.monotonic() - pty.arrivals[-1][0] < 0.03:
        time.sleep(0.002)
    time.sleep(draw.uniform(0, 0.1))
    known = len(pty.arrivals)
    at = time.monotonic()
    pty.press(b"k" if draw.random() < 0.7 else b"j")
    return pty.wait_for_more(known) - at
