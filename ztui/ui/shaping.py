"""Keys that shape what is shown: which time, which columns and groups, in which order."""

from __future__ import annotations

from ztui.tables.columns import Zone
from ztui.ui.frame import Frame


class Shaping(Frame):
    """The frame, and the keys that change how what is shown looks, not what it is."""

    def action_pause(self) -> None:
        """Let the view stand still, or go on."""
        if self.stage.is_paused:
            self.stage.resume()
        else:
            self.stage.pause()
        self.sync()

    def action_aggregation(self) -> None:
        """Aggregate flows by the next set of keys."""
        if not self.pane.IS_AGGREGATED:
            self.say(f"{self.pane.TITLE} is not aggregated; Flows and Overview are.")
            return
        by = self.stage.next_aggregation()
        self.say(f"Flows by {' and '.join(by)}." if by else "Single flows, the newest at the bottom.")
        self.sync()

    def action_choose_column(self, delta: int) -> None:
        """Choose a column to sort by."""
        if table := self.pane.table:
            table.choose_column(delta)

    def action_sort(self) -> None:
        """Sort by the chosen column."""
        table = self.pane.table
        said = table.sort_chosen() if table else None
        self.say(
            said.capitalize() + "."
            if said
            else f"Choose a column first: {self.stage.key('column_left')} or {self.stage.key('column_right')}."
        )
        self.sync()

    def action_wide(self) -> None:
        """Show all columns there is room for."""
        if table := self.pane.table:
            table.toggle_wide()
            self.sync()

    def action_next_columns(self) -> None:
        """Show the next set of columns."""
        if table := self.pane.table:
            table.next_columns()
            self.sync()

    def action_window(self, delta: int) -> None:
        """Look back longer or shorter."""
        if not self.pane.HAS_WINDOW:
            self.say(f"{self.pane.TITLE} shows what is now; Flows, Overview and Balance have a window.")
            return
        self.stage.move_window(delta)
        self.say(f"Window: {self.stage.window_text}.")
        self.sync()

    def action_time_zone(self) -> None:
        """Write times the next way."""
        words = {Zone.RELATIVE: "as ages", Zone.LOCAL: "in local time", Zone.UTC: "in UTC"}
        self.say(f"Times {words[self.stage.next_zone()]}.")
        self.sync()

    def action_maximise(self) -> None:
        """Give the whole screen to the active part, or take it back."""
        self.screen.toggle_class("-maximised")
        for part in self.pane.parts:
            part.set_class(part is self.pane.part, "-active")
        self.call_after_refresh(self.sync)
