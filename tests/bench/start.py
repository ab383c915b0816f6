"""Starting: what a command and the screen cost before they show anything."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from tests.bench.bench import Bench
from tests.bench.figures import Figure, Result, ms
from tests.bench.measure import PYTHON, ROOT, ZTUI, cpu_of, environment
from tests.bench.terminal import Pty

HELP = Figure(
    name="start-help",
    text="`ztui --help`, `ztui version` (the dearer of the two): CPU",
    opponent="`python -c pass`",
    floor=6,
    reach=4,
    is_most=True,
    is_steady=True,
)
LOADED = Figure(
    name="start-loaded",
    text="Textual, Rich, aiohttp, kubernetes loaded by `ztui --help`, `ztui version`",
    floor=0,
    is_most=True,
    unit="of 4",
    is_steady=True,
)
PAINT = Figure(
    name="start-paint",
    text="`ztui demo` exec → first paint: CPU",
    opponent="`python -c 'import textual.app'`",
    floor=2.2,
    reach=1.7,
    is_most=True,
    is_steady=True,
)
_HEAVY = ("textual", "rich", "aiohttp", "kubernetes")


def commands(bench: Bench) -> Iterator[Result]:
    """What is cheap must stay cheap."""
    runs = {
        "pass": cpu_of(PYTHON, "-c", "pass"),
        "help": cpu_of(ZTUI, "--help"),
        "version": cpu_of(ZTUI, "version"),
    }
    best = bench.in_turn(runs, rounds=10)
    dearer = max(best["help"], best["version"])
    note = f"--help {ms(best['help'])}, version {ms(best['version'])}"
    yield Result(figure=HELP, value=dearer / best["pass"], ours=ms(dearer), theirs=ms(best["pass"]), note=note)
    loaded = {name for word in ("--help", "version") for name in _loaded(word)}
    yield Result(figure=LOADED, value=len(loaded), ours=", ".join(sorted(loaded)) or "none")


def _loaded(word: str) -> list[str]:
    """Names of heavy packages that a command loads."""
    code = (
        f"import sys\nfrom ztui.__main__ import main\nmain([{word!r}])\n"
        f"print('loaded', *[name for name in {_HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run(
        [PYTHON, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment()
    )
    return ended.stdout.splitlines()[-1].split()[1:]


def first_paint(bench: Bench) -> Iterator[Result]:
    """The screen of the demo, up to the moment its tabs stand on the terminal."""
    runs = {"import": cpu_of(PYTHON, "-c", "import textual.app"), "demo": _paint}
    best = bench.in_turn(runs, rounds=max(5, bench.rounds))
    yield Result(figure=PAINT, value=best["demo"] / best["import"], ours=ms(best["demo"]), theirs=ms(best["import"]))


def _paint() -> float:
    with Pty([ZTUI, "demo"]) as pty:
        pty.wait_for(b"Overview")
        return pty.cpu_s()
