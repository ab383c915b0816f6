"""A screen over a memory that was fed from captures: time stands still, the tick is made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ztui.clock import ManualClock
from ztui.model.accesslog import Reader
from ztui.model.configdump import DumpReader
from ztui.model.flow import Origin
from ztui.model.observation import ConfigDumpTaken, EntriesRead, Exhausted, Observation, Wish
from ztui.model.streams import StreamKey, StreamKind
from ztui.settings import Settings
from ztui.store.mesh import Mesh
from ztui.ui.app import ZtuiApp
from ztui.ui.stage import WINDOWS_S, Stage

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
NOW = 1_785_000_000.0


class HandFeed:
    """Hands over what a test puts into it."""

    def __init__(self, mesh: Mesh) -> None:
        self.failure: BaseException | None = None
        self.waiting: list[Observation] = []
        self.wishes: list[Wish] = []
        self.is_started = False
        self._mesh = mesh

    def start(self) -> None:
        self.is_started = True

    def take_in(self) -> float | None:
        waiting, self.waiting = self.waiting, []
        for observation in waiting:
            self._mesh.ingest(observation)
        return None

    def wish(self, wish: Wish) -> None:
        self.wishes.append(wish)

    def stop(self) -> None:
        self.is_started = False


def origin(node: str) -> Origin:
    return Origin(key=f"istio-system/ztunnel-{node}", ztunnel=f"ztunnel-{node}", namespace="istio-system", node=node)


def entries_of(path: Path, node: str, at: float = NOW) -> EntriesRead:
    reader = Reader(origin(node))
    batch = reader.feed(path.read_bytes())
    stream = StreamKey(kind=StreamKind.LOG, of=origin(node).key)
    return EntriesRead(stream=stream, batch=batch, observed_at=at)


def read_lines(text: str, node: str = "w1", at: float = NOW) -> EntriesRead:
    reader = Reader(origin(node))
    batch = reader.feed(text.encode())
    return EntriesRead(stream=StreamKey(kind=StreamKind.LOG, of=origin(node).key), batch=batch, observed_at=at)


def dump_of(path: Path, node: str, at: float = NOW) -> ConfigDumpTaken:
    return ConfigDumpTaken(origin=origin(node), dump=DumpReader().read(path.read_bytes()), taken_at=at)


def capture(*, dumps: bool = True) -> Sequence[Observation]:
    """Everything of the captured mesh with istiod: two logs, two dumps."""
    folder = DATA / "istiod-mesh"
    logs: list[Observation] = [entries_of(folder / f"{node}.log", node) for node in ("w1", "w2")]
    taken: list[Observation] = [dump_of(folder / f"{node}-config_dump.json", node) for node in ("w1", "w2")]
    return [*(taken if dumps else ()), *logs, Exhausted()]


def make_app(
    observations: Sequence[Observation] = (), *, is_finite: bool = True, ticks: bool = False, **settings: Any
) -> ZtuiApp:
    """A screen over these observations."""
    clock = ManualClock(NOW)
    mesh = Mesh(clock=clock)
    for observation in observations:
        mesh.ingest(observation)
    stage = Stage(
        mesh=mesh,
        clock=clock,
        settings=Settings(**settings),
        title="kind-ambient",
        is_finite=is_finite,
        window_index=len(WINDOWS_S) - 1 if is_finite else 1,
    )
    return ZtuiApp(stage, HandFeed(mesh), ticks=ticks)


def glass(app: ZtuiApp) -> list[str]:
    """What is on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]
