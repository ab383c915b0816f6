"""What all panes have in common: parts, one of which has the keys; a filter; sentences for help and for emptiness."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.widget import Widget

from ztui.model.filter import KEYS

if TYPE_CHECKING:
    from ztui.model.filter import FlowFilter
    from ztui.ui.looks import Line
    from ztui.ui.stage import Stage
    from ztui.ui.widgets.part import AnyPart
    from ztui.ui.widgets.table import WindowTable


class Pane(Widget, inherit_bindings=False):
    """One of the numbered panes. It paints what its views hold; the app tells it when."""

    DEFAULT_CSS = """
    Pane { height: 1fr; layout: vertical; }
    """
    NAME: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""
    SHORT: ClassVar[str] = ""
    ABOUT: ClassVar[tuple[str, ...]] = ()
    """What the pane shows and how to read it, a sentence each: its help."""
    HAS_WINDOW: ClassVar[bool] = False
    """Whether what it shows is of a window of time, rather than of now."""
    IS_AGGREGATED: ClassVar[bool] = False
    """Whether `a` changes what it shows."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.parts: list[AnyPart] = []
        self._active = 0

    # -- what the app asks --------------------------------------------------------------------------------------

    @property
    def part(self) -> AnyPart | None:
        """The part that has the keys."""
        return self.parts[self._active] if self.parts else None

    @property
    def table(self) -> WindowTable[Any] | None:
        """The table that has the keys."""
        part = self.part
        return part.table if part else None

    @property
    def row(self) -> Any | None:
        """The row under the cursor."""
        table = self.table
        return None if table is None else table.view.selected

    def refresh_views(self) -> None:
        """Let the views of this pane catch up with the memory."""

    def sync(self) -> int:
        """Bring the pane on glass up to date; how many lines were painted."""
        self.refresh_views()
        for part in self.parts:
            if not part.table.is_touched and not part.table.view.follow:
                part.table.view.select_index(0)
        return sum(part.sync() for part in self.parts if part.display)

    def cursor_moved(self) -> None:
        """Follow the cursor of the part that has the keys; what was observed meanwhile is for the next tick."""
        if self.part is not None:
            self.part.sync_cursor()

    def set_filter(self, own: FlowFilter | None, everywhere: FlowFilter | None) -> None:
        """Show only what passes the filter typed for this pane, and the one that holds in all panes."""

    def problem_count(self) -> int:
        """How many problems the pane would show: the number beside its tab."""
        return 0

    @property
    def filter_keys(self) -> Collection[str]:
        """Keys of the filter that the rows have something for."""
        return KEYS

    def hint_values(self, key: str) -> Mapping[str, int]:  # noqa: ARG002  a pane without rows knows none
        """Values that exist for a key of the filter, each with how often it occurs."""
        return {}

    # -- parts --------------------------------------------------------------------------------------------------

    def activate(self, index: int) -> None:
        """Give the keys to another part."""
        if not self.parts:
            return
        self._active = index % len(self.parts)
        for position, part in enumerate(self.parts):
            part.set_active(position == self._active)

    def activate_table(self, table: WindowTable[Any]) -> None:
        """Give the keys to the part with this table."""
        for index, part in enumerate(self.parts):
            if part.table is table:
                self.activate(index)

    def next_part(self, delta: int) -> None:
        """Give the keys to the next part."""
        self.activate(self._active + delta)

    # -- what can be said about the row under the cursor ----------------------------------------------------------

    def detail(self) -> Sequence[Line] | None:
        """Say everything about the row under the cursor; None where there is none."""
        return None

    def documents(self) -> Sequence[Mapping[str, object]]:
        """Give the row under the cursor as JSON has it; `y` and `c` show and copy it."""
        return ()

    def plain_text(self) -> str:
        """Give what a pane without rows says."""
        return ""

    def workload(self) -> str | None:
        """Name the workload under the cursor, for `o`."""
        return None

    def service(self) -> str | None:
        """Name the service under the cursor, for `i`."""
        return None
