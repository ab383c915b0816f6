"""The pictures in `screenshots/`: each pane, drawn by the program from the simulated cluster at a fixed time and seed.

`python -m tests.pictures` writes them, `--check` compares the text on them with what the program draws now (their
colours and shapes are Textual's), `--png` also makes the README's PNG of the overview. What is drawn came through
every wire: the simulated cluster serves, the live observer watches, and only the clocks stand still.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulated import SimulatedCluster, simulated
from ztui.cli.observing import make_observer
from ztui.session import Session
from ztui.settings import Settings
from ztui.store.mesh import Mesh
from ztui.ui.app import ZtuiApp
from ztui.ui.stage import Stage
from ztui.units import parse_time

if TYPE_CHECKING:
    from ztui.model.observation import Wish

FOLDER = Path(__file__).resolve().parents[1] / "screenshots"
STARTS = "2026-07-25T14:06:00Z"
SEED = "11"
LOOKS_AT = "2026-07-25T14:07:31Z"
SINCE_S = 3_600.0
"""Reaches back past the history the cluster begins with."""
PATIENCE_S = 60.0
FONT = "DejaVu Sans Mono"
"""Debian's fonts-dejavu-core."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One file: the keys that lead there from the start, and the size of the terminal."""

    name: str
    keys: tuple[str, ...]
    size: tuple[int, int] = (140, 40)


PICTURES = (
    Picture("overview", ()),
    Picture("flows", ("1",)),
    Picture("flows-single", ("1", *"aaaaaa", "G")),
    Picture("flow-detail", ("1", "x", "enter")),
    Picture("filter", ("1", "slash", *"to:secure/locked !verdict:for")),
    Picture("workloads", ("2",)),
    Picture("certificates", ("3",)),
    Picture("services", ("4",)),
    Picture("policies", ("5",)),
    Picture("connections", ("6",)),
    Picture("drift", ("7",)),
    Picture("rollout", ("8",)),
    Picture("health", ("9",)),
    Picture("balance", ("1", "j", "j", "i")),
    Picture("help", ("question_mark",)),
    Picture("overview-80x24", (), (80, 24)),
    Picture("flows-60x15", ("1",), (60, 15)),
)


class StandingClock:
    """The time of the picture; intervals are real, for what waits on sockets."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        """Unix seconds of the picture."""
        return self._now

    def monotonic(self) -> float:
        """Real seconds."""
        return time.monotonic()


class FilledFeed:
    """Everything has been observed: the screen only draws."""

    failure: BaseException | None = None

    def start(self) -> None:
        """Nothing is left to collect."""

    def take_in(self) -> float | None:
        """Nothing waits."""
        return None

    def wish(self, wish: Wish) -> None:
        """Nobody listens."""

    def stop(self) -> None:
        """Nothing runs."""


def observed(cluster: SimulatedCluster, clock: StandingClock) -> Mesh:
    """Watch until every line that was written is counted, and every ztunnel's dump is of the time of the picture."""
    mesh = Mesh(clock=clock)
    observer = make_observer(Settings(kubeconfig=str(cluster.kubeconfig), since_s=SINCE_S), clock)
    cluster.ask("clock", to=LOOKS_AT)
    session = Session(observer, mesh, clock)
    session.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not is_complete(mesh, written := sum(cluster.written().values())):
            session.wait(0.1)
            session.drain()
            if session.failure is not None:
                raise session.failure
            if time.monotonic() > deadline:
                raise TimeoutError(f"{mesh.lines.received} of {written} lines, {len(mesh.inventory.dumps)} dumps")
    finally:
        session.stop()
    return mesh


def is_complete(mesh: Mesh, written: int) -> bool:
    """Whether nothing is missing for the picture."""
    ztunnels = mesh.cluster.ztunnels
    return bool(ztunnels) and mesh.lines.received >= written and len(mesh.inventory.dumps) == len(ztunnels)


async def drawn(picture: Picture, mesh: Mesh, clock: StandingClock) -> str:
    """Draw one picture; SVG."""
    stage = Stage(mesh=mesh, clock=clock, settings=Settings(), title="demo")
    app = ZtuiApp(stage, FilledFeed(), ticks=False)
    async with app.run_test(size=picture.size) as pilot:
        app.tick()
        await pilot.pause()
        await pilot.press(*picture.keys)
        app.tick()
        await pilot.pause()
        return app.export_screenshot(title=f"ztui · {picture.name}")


def text_of(svg: str) -> list[str]:
    """What can be read on a picture, stretch by stretch."""
    return [html.unescape(found) for found in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


_TEXT = re.compile(r'<text ([^>]*?)x="([0-9.]+)"([^>]*?) textLength="([0-9.]+)"([^>]*)>([^<]*)</text>')


def _by_cells(found: re.Match[str]) -> str:
    """Give each character its place: cairo does not stretch a text to the length it is given."""
    before, left, middle, length, after, text = found.groups()
    count = len(html.unescape(text))
    places = " ".join(f"{float(left) + index * float(length) / count:.1f}" for index in range(count))
    return f'<text {before}x="{places}"{middle}{after}>{text}</text>'


def with_png(svg: Path) -> None:
    """Write the PNG beside an SVG, for places that show no SVG."""
    import cairosvg  # noqa: PLC0415  needs a system library; only for this

    # A browser falls back to its own monospace font; cairo would take a proportional one.
    text = _TEXT.sub(_by_cells, svg.read_text(encoding="utf-8").replace("Fira Code", FONT))
    cairosvg.svg2png(bytestring=text.encode(), write_to=str(svg.with_suffix(".png")), output_width=1640)


def main(words: Sequence[str] | None = None) -> int:
    """Write or check all pictures; 1 where one is out of date."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--png", action="store_true", help="also make the README's PNG")
    asked = parser.parse_args(words)
    os.environ.pop("NO_COLOR", None)
    now = parse_time(LOOKS_AT)
    assert now is not None
    clock = StandingClock(now)
    with simulated("--stepped", "--start", STARTS, "--seed", SEED) as cluster:
        mesh = observed(cluster, clock)
    stale = []
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        svg = asyncio.run(drawn(picture, mesh, clock))
        path = FOLDER / f"{picture.name}.svg"
        if not asked.check:
            path.write_text(svg, encoding="utf-8")
        elif not path.exists() or text_of(path.read_text(encoding="utf-8")) != text_of(svg):
            stale.append(path.name)
    if asked.png:
        with_png(FOLDER / "overview.svg")
    if stale:
        print(f"out of date: {', '.join(stale)}; run `python -m tests.pictures`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
