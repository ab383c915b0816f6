"""What every pane stands on: the memory, the clock, and what the one who looks has chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ztui.keys import REGISTRY, KeyBinding, written
from ztui.model.filter import FlowFilter, parse
from ztui.store.rates import BUCKET_S
from ztui.tables.columns import Context, Zone

if TYPE_CHECKING:
    from ztui.clock import Clock
    from ztui.settings import Settings
    from ztui.store.mesh import Mesh

WINDOWS_S: tuple[float | None, ...] = (10.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, None)
"""Lengths of the window that edges and balance look back through, in seconds; None is everything since the start."""
_MINUTES_FROM_S = 120.0
USUAL_WINDOW_S = 60.0
"""The window a live screen starts with, in seconds."""
AGGREGATIONS: tuple[tuple[str, ...], ...] = (
    ("src.workload", "dst.service"),
    ("src.app", "dst.app"),
    ("dst.service", "dst.workload"),
    ("src.namespace", "dst.namespace"),
    ("src.node", "dst.node"),
    ("error",),
    (),
)
"""What `a` cycles through; the empty one is single flows."""
_ZONES = (Zone.RELATIVE, Zone.LOCAL, Zone.UTC)


@dataclass(slots=True)
class Stage:
    """Shared by all panes of one screen."""

    mesh: Mesh
    clock: Clock
    settings: Settings
    title: str
    """What is observed: a context's name, a file's."""
    is_finite: bool = False
    """Whether what is observed ends: saved files."""
    is_unverified: bool = False
    """Whether nobody checks that the API server is the one it says it is: everything shown may be a lie."""
    bindings: Sequence[KeyBinding] = REGISTRY
    zone: Zone = Zone.UTC
    window_index: int = WINDOWS_S.index(USUAL_WINDOW_S)
    aggregation_index: int = 0
    scope: FlowFilter | None = None
    """The filter the program was started with."""
    followed: str | None = None
    """The workload that `o` follows in all panes."""
    is_problems_only: bool = False
    is_paused: bool = False
    paused_at: float = 0.0
    paused_seq: int = 0
    """Number the next entry had when the view was paused."""
    filters: dict[str, str] = field(default_factory=dict)
    """Filter text by pane."""
    balance_service: str | None = None
    """The service whose balance is shown; the busiest where None."""

    def key(self, name: str) -> str:
        """Spell the key that does this now, by the id of its binding; where it has none, that of the palette."""
        keys = {binding.id: binding.keys[0] for binding in self.bindings if binding.keys}
        return written(keys.get(name) or keys.get("palette", ":"))

    def context(self) -> Context:
        """Gather what cells may depend on now."""
        return Context(now=self.now, zone=self.zone, ascii=self.settings.is_ascii)

    @property
    def now(self) -> float:
        """Unix seconds; a paused view stands still."""
        return self.paused_at if self.is_paused else self.clock.now()

    @property
    def moment(self) -> float:
        """Where ages and windows of single entries count back from: in saved logs their end, as in commands."""
        return (self.mesh.now_logged if self.is_finite else None) or self.now

    @property
    def window_s(self) -> float | None:
        """Length of the window in seconds; None for everything."""
        return WINDOWS_S[self.window_index]

    @property
    def window_text(self) -> str:
        """The window in words; with what of it is kept, where a busy mesh fills the memory of counts sooner."""
        text, kept_s = window_text(self.window_s), self.mesh.edges.kept_s(self.moment)
        if self.window_s is None:
            return text
        if kept_s is None or kept_s > self.window_s - 2 * BUCKET_S:
            is_cut_well = self.mesh.edges.off_by_s(self.window_s, self.moment) <= 2 * BUCKET_S
            return text if is_cut_well else f"≈ {text}"
        return f"{text}, {window_text(kept_s if kept_s < _MINUTES_FROM_S else kept_s // 60 * 60)} kept"

    @property
    def by(self) -> tuple[str, ...]:
        """Keys that flows are aggregated by; empty for single flows."""
        return AGGREGATIONS[self.aggregation_index]

    def pause(self) -> None:
        """Let what is shown stand still; collection goes on."""
        self.paused_at = self.clock.now()
        self.paused_seq = self.mesh.entries.next_seq
        self.is_paused = True
        self.mesh.edges.hold(is_held=True)

    def resume(self) -> None:
        """Show what is known now."""
        self.is_paused = False
        self.mesh.edges.hold(is_held=False)

    @property
    def news(self) -> int:
        """Entries that arrived since the view was paused."""
        return self.mesh.entries.next_seq - self.paused_seq if self.is_paused else 0

    def next_zone(self) -> Zone:
        """Write times the next way."""
        self.zone = _ZONES[(_ZONES.index(self.zone) + 1) % len(_ZONES)]
        return self.zone

    def move_window(self, delta: int) -> None:
        """Make the window longer or shorter."""
        self.window_index = max(0, min(self.window_index + delta, len(WINDOWS_S) - 1))

    def next_aggregation(self) -> tuple[str, ...]:
        """Aggregate by the next set of keys."""
        self.aggregation_index = (self.aggregation_index + 1) % len(AGGREGATIONS)
        return self.by

    def everywhere(self) -> FlowFilter | None:
        """Combine what holds in all panes: the scope given at the start, and the workload that is followed."""
        if self.followed is None:
            return self.scope
        follow = parse(f"workload:{quoted(self.followed)}")
        return follow if self.scope is None else self.scope & follow

    def own_filter(self, pane: str) -> FlowFilter | None:
        """Read the filter typed for a pane. Raises FilterError."""
        text = self.filters.get(pane, "")
        return parse(text) if text else None


def quoted(value: str) -> str:
    """Quote a value for the filter's grammar, where it needs it."""
    return f'"{value}"' if any(char in value for char in ' ()!"') else value


def window_text(window_s: float | None) -> str:
    """Write the length of a window."""
    if window_s is None:
        return "since the start"
    return (
        f"{window_s:.0f} s" if window_s < _MINUTES_FROM_S else f"{window_s / 60:.0f} min" if window_s < 3600 else "1 h"
    )
