"""The live path: a simulated cluster in another process, over TLS on loopback."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.bench import Bench
from tests.bench.cluster import Cluster, cluster
from tests.bench.feed import Feed, blocks, stamped
from tests.bench.figures import Figure, Result, ms
from tests.bench.measure import PYTHON, ROOT, ZTUI, cpu_of, environment, used
from tests.bench.terminal import Pty

LINE = Figure(
    name="live-line",
    text="live: receive + parse + aggregate per line, TLS, 100 streams × 50/s from another process: CPU",
    opponent="the same with unpaced aiohttp reads",
    floor=0.5,
    reach=0.3,
    is_most=True,
)
P50 = Figure(
    name="live-p50",
    text="live: byte written → counted at that load, p50 (a time)",
    floor=35,
    reach=30,
    is_most=True,
    unit="ms",
)
P99 = Figure(name="live-p99", text="same, p99", floor=80, reach=60, is_most=True, unit="ms")
LATE = Figure(
    name="live-late",
    text="lateness of a 10 ms UI callback at 50,000 lines/s, p99",
    opponent="the same with parsing in the UI loop, every 100 ms",
    floor=0.5,
    reach=0.25,
    is_most=True,
)
RATE = Figure(
    name="live-late-rate", text="same: lines/s that were taken in meanwhile", floor=45_000, reach=49_000, unit="lines/s"
)
STALL = Figure(
    name="live-stall",
    text="dump of 20,000 workloads (≥ 13 MB) arriving: longest UI stall",
    opponent="`json.loads` in the loop",
    floor=0.2,
    is_most=True,
)
STALL_MS = Figure(name="live-stall-ms", text="same, as a time", floor=25, reach=10, is_most=True, unit="ms")
SHORT = Figure(
    name="live-short",
    text="`ztui workloads -o short` from a cluster, one ztunnel: CPU",
    opponent="`kubectl get pods -A -o json` on the same simulated server",
    floor=5,
    reach=3,
    is_most=True,
    limit="collections of 50,000 young objects (15 ms each) while the dump is decoded, not the dump's way to memory",
)
FURTHER = Figure(
    name="live-further",
    text="each further ztunnel in the same command: CPU",
    floor=25,
    reach=10,
    is_most=True,
    unit="ms",
)
OPENED = Figure(
    name="live-1000-open",
    text="1,000 nodes × 10 lines/s on loopback: all streams following",
    floor=60,
    is_most=True,
    unit="s",
)
LOST = Figure(name="live-1000-lost", text="same: lines lost", floor=0, is_most=True, unit="lines")
CORE = Figure(name="live-1000-core", text="same: CPU", floor=60, reach=40, is_most=True, unit="% of a core")
STREAM = Figure(name="live-1000-rss", text="same: RSS per stream", floor=100, reach=60, is_most=True, unit="KB")
GROWTH = Figure(
    name="live-soak",
    text="15 min at 2,000 lines/s: growth of RSS after minute 5",
    floor=2,
    reach=0,
    is_most=True,
    unit="MB",
    limit=(
        "a third are pairs that a rollout makes new, a third durations of edges since the start (up to 256 each), the "
        "rest holes between what stays; the log begins again at minute 8, and from minute 10 on little is added"
    ),
)
_STREAMS, _PER_STREAM_S = 100, 50
_WINDOW_S = 6.0
_FURTHER = 10
_DUMP_PODS = 20_000
_STEP_S, _LONGEST_STEP_S = 0.1, 0.5
_RATE = 2_000


def per_line(bench: Bench) -> Iterator[Result]:
    """What a line costs from the socket to the sums."""
    flags = ("--nodes", f"{_STREAMS}", "--pods", "300", "--rate", f"{_STREAMS * _PER_STREAM_S}", "--tick-ms", "2")
    with cluster(*flags) as simulated:
        runs = {
            "ztui": lambda: _line_us(_watched(simulated, "tick")),
            "theirs": lambda: _line_us(_printed("tests.bench.opponents.unpaced", *_followed(simulated))),
        }
        best = bench.in_turn(runs)
        yield Result(
            figure=LINE,
            value=best["ztui"] / best["theirs"],
            ours=f"{best['ztui']:.1f} µs",
            theirs=f"{best['theirs']:.1f} µs",
        )
        found = min((_watched(simulated, "arrival") for _ in range(bench.rounds)), key=lambda found: found["p99_ms"])
        note = f"read every {found['pause_ms']:.0f} ms"
        yield Result(figure=P50, value=found["p50_ms"], note=note)
        yield Result(figure=P99, value=found["p99_ms"])


def _line_us(found: dict[str, Any]) -> float:
    return float(found["cpu_s"] / found["lines"] * 1_000_000)


def _followed(simulated: Cluster) -> tuple[str, str, str]:
    return str(simulated.kubeconfig), str(_STREAMS), str(_WINDOW_S)


def _watched(simulated: Cluster, how: str) -> dict[str, Any]:
    with _watching(*_followed(simulated), how) as process:
        _tell(process)
        return _last_line(process)


def _tell(process: subprocess.Popen[str], what: object = "") -> None:
    """Let it go on with what it waits to be told."""
    assert process.stdin is not None
    process.stdin.write(f"{what}\n")
    process.stdin.flush()


@contextmanager
def _watching(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the program's live path; it follows everything when the block begins."""
    process = subprocess.Popen(
        [PYTHON, "-m", "tests.bench.watching", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "following\n":
            raise RuntimeError(f"watching the cluster ended with {process.wait()}")
        yield process
    finally:
        process.kill()
        process.communicate()


def _last_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        last = line
    found: dict[str, Any] = json.loads(last)
    return found


def _printed(module: str, *arguments: str) -> dict[str, Any]:
    command = [PYTHON, "-m", module, *arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT, env=environment())
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def lateness(bench: Bench) -> Iterator[Result]:
    """What 50,000 lines a second do to whoever waits for a key."""
    log = bench.corpus("base", bench.lines).plain
    best: dict[str, float] = {}
    rates: dict[str, float] = {}
    for _ in range(bench.rounds):
        for how in ("lines", "lines-in-loop"):
            found = _late(how, log)
            rates[how] = found["lines_per_s"]
            best[how] = min(best.get(how, found["p99_ms"]), found["p99_ms"])
    ours, theirs = best["lines"], best["lines-in-loop"]
    yield Result(figure=LATE, value=ours / theirs, ours=f"{ours:.1f} ms", theirs=f"{theirs:.1f} ms")
    yield Result(figure=RATE, value=rates["lines"], note=f"{rates['lines-in-loop']:,.0f} in the loop")


def _late(how: str, log: Path) -> dict[str, Any]:
    with Feed(blocks(log, 500)) as feed:
        command = [PYTHON, "-m", "tests.bench.lateness", how, "5"]
        process = subprocess.Popen(command, stdin=feed.reader, stdout=subprocess.PIPE, cwd=ROOT, env=environment())
        feed.start()
        found: dict[str, Any] = json.loads(process.communicate()[0])
        return found


def stall(bench: Bench) -> Iterator[Result]:
    """A config dump of a large mesh arrives."""
    with cluster("--nodes", "3", "--pods", f"{_DUMP_PODS}") as simulated:
        dump = bench.scratch / "dump.json"
        reach = ("--kubeconfig", str(simulated.kubeconfig), "--request-timeout", "60s")
        used([ZTUI, "all", "-o", "json", "--node", "w1", *reach], output=dump)
        longest: dict[str, float] = {}
        for _ in range(bench.rounds):
            for how, of in (("dump", simulated.kubeconfig), ("dump-in-loop", dump)):
                found = _printed("tests.bench.lateness", how, str(of))
                longest[how] = min(longest.get(how, found["longest_ms"]), found["longest_ms"])
        size = dump.stat().st_size
    ours, theirs = longest["dump"], longest["dump-in-loop"]
    note = f"{size / 1_000_000:.0f} MB"
    yield Result(figure=STALL, value=ours / theirs, ours=f"{ours:.1f} ms", theirs=f"{theirs:.0f} ms", note=note)
    yield Result(figure=STALL_MS, value=ours)


def short_commands(bench: Bench) -> Iterator[Result]:
    """A command that asks a cluster once."""
    costs: dict[int, dict[str, float]] = {}
    for nodes in (1, 1 + _FURTHER):
        with cluster("--nodes", f"{nodes}", "--pods", "100") as simulated:
            reach = ("--kubeconfig", str(simulated.kubeconfig))
            runs = {
                "ztui": cpu_of(ZTUI, "workloads", "-o", "short", *reach),
                "kubectl": cpu_of("kubectl", "get", "pods", "-A", "-o", "json", *reach),
            }
            costs[nodes] = bench.in_turn(runs)
    one, many = costs[1], costs[1 + _FURTHER]
    yield Result(figure=SHORT, value=one["ztui"] / one["kubectl"], ours=ms(one["ztui"]), theirs=ms(one["kubectl"]))
    each = (many["ztui"] - one["ztui"]) / _FURTHER * 1_000
    yield Result(figure=FURTHER, value=each, note=f"{1 + _FURTHER} ztunnels: {ms(many['ztui'])}")


def thousand(bench: Bench) -> Iterator[Result]:
    """A thousand nodes; time in the cluster is stepped, so that what was written can be counted to the line."""
    nodes = 200 if bench.quick else 1_000
    flags = ("--nodes", f"{nodes}", "--pods", f"{2 * nodes}", "--rate", f"{10 * nodes}", "--stepped")
    with cluster(*flags) as simulated:
        simulated.ask("clock", by="100ms")
        with _watching(str(simulated.kubeconfig), f"{nodes}", "20", "exact") as process:
            before = simulated.written()
            with _stepped(simulated):
                _tell(process)
                assert process.stdout is not None
                process.stdout.readline()
            written = {pod: lines - before.get(pod, 0) for pod, lines in simulated.written().items()}
            _tell(process, sum(written.values()))
            found = _last_line(process)
    yield Result(figure=OPENED, value=found["opened_s"])
    yield _lost(written, found["received"])
    note = f"{found['lines'] / found['took_s']:,.0f} lines/s"
    yield Result(figure=CORE, value=found["cpu_s"] / found["took_s"] * 100, note=note)
    yield Result(figure=STREAM, value=found["rss_per_stream"] / 1_000)


def _lost(written: dict[str, int], received: dict[str, int]) -> Result:
    """Compare log by log: what came twice of one must not make up for what another lost."""
    missing = [lines - received.get(pod, 0) for pod, lines in written.items()]
    lost, doubled = sum(each for each in missing if each > 0), -sum(each for each in missing if each < 0)
    twice = f"; {doubled:,} of them came twice" if doubled else ""
    return Result(figure=LOST, value=lost + doubled, note=f"of {sum(written.values()):,}{twice}")


@contextmanager
def _stepped(simulated: Cluster) -> Iterator[None]:
    """Let the cluster's time pass as fast as ours while the block runs; more slowly where the machine cannot keep up.

    A long step at once would write more into the busiest logs than they hold before anybody may read them.
    """
    is_done = threading.Event()

    def step() -> None:
        lived = time.monotonic()
        while not is_done.wait(max(0.0, lived + _STEP_S - time.monotonic())):
            passed = time.monotonic() - lived
            lived += passed
            simulated.ask("clock", by=f"{min(passed, _LONGEST_STEP_S) * 1_000:.0f}ms")

    thread = threading.Thread(target=step)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def soak(bench: Bench) -> Iterator[Result]:
    """The whole screen, left open."""
    log = bench.corpus("steady", 1_000_000).plain
    each = _RATE // 100
    with Feed(map(stamped, blocks(log, each))) as feed, Pty([ZTUI, "--file", "-"], stdin=feed.reader) as pty:
        feed.start()
        time.sleep(bench.soak_s / 3)
        settled, began = pty.rss_bytes(), time.monotonic()
        cpu = pty.cpu_s()
        time.sleep(bench.soak_s * 2 / 3)
        growth = (pty.rss_bytes() - settled) / 1e6
        share = (pty.cpu_s() - cpu) / (time.monotonic() - began)
    scaled = "" if bench.soak_s == 900 else f"scaled to {bench.soak_s / 60:g} min; "
    note = f"{scaled}{settled / 1e6:.0f} MB after a third, {share:.0%} of a core"
    yield Result(figure=GROWTH, value=growth, note=note)
