"""What keys do. Each action is a few lines that ask a pane, the memory or the session; drawing is the frame's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.app import SystemCommand
from textual.command import CommandPalette

from ztui.errors import UsageError, ZtuiError
from ztui.model.filter import FilterError
from ztui.model.observation import MarkSet, PollNow
from ztui.ui import hints, saving, terminal
from ztui.ui.frame import Feed
from ztui.ui.overlays import Overlay, help_of, marks_of, raw_of
from ztui.ui.prompt import Prompt
from ztui.ui.shaping import Shaping
from ztui.ui.summary import summary
from ztui.ui.widgets.rows import TabsRow
from ztui.ui.widgets.table import WindowTable

if TYPE_CHECKING:
    from textual.screen import Screen

    from ztui.ui.stage import Stage


class ZtuiApp(Shaping):
    """The screen of ztui."""

    # -- panes --------------------------------------------------------------------------------------------------------

    async def action_show_pane(self, name: str) -> None:
        """Open a pane by its number."""
        if name != self.pane_name:
            self.came_from.append(self.pane_name)
        await self.open_pane(name)

    async def action_show_balance(self) -> None:
        """Open the balance of the service under the cursor."""
        service = self.pane.service()
        if service is not None:
            self.stage.balance_service = service
        await self.action_show_pane("balance")

    @on(TabsRow.Chosen)
    async def tab_clicked(self, event: TabsRow.Chosen) -> None:
        """Open the pane whose tab was clicked."""
        await self.action_show_pane(event.name)

    @on(WindowTable.Touched)
    def table_touched(self, event: WindowTable.Touched) -> None:
        """Give the keys to the table that was touched."""
        self.pane.activate_table(event.table)

    @on(WindowTable.Opened)
    def row_opened(self) -> None:
        """Open the row that was clicked twice."""
        self.action_detail()

    # -- moving -------------------------------------------------------------------------------------------------------

    def action_move(self, delta: int) -> None:
        """Move by a row."""
        if self.overlays:
            self.sheet.scroll(delta)
        elif table := self.pane.table:
            table.move(delta)
            self.pane.cursor_moved()

    def action_page(self, delta: int) -> None:
        """Move by a screen."""
        if self.overlays:
            self.sheet.scroll_page(delta)
        elif table := self.pane.table:
            table.page(delta)
            self.pane.cursor_moved()

    def action_go_first(self) -> None:
        """Go to the top."""
        if self.overlays:
            self.sheet.go_first()
        elif table := self.pane.table:
            table.go_first()
            self.pane.cursor_moved()

    def action_go_newest(self) -> None:
        """Go to the end, and stay there as it grows."""
        if self.overlays:
            self.sheet.go_last()
        elif table := self.pane.table:
            table.go_newest()
            self.pane.cursor_moved()

    def action_next_part(self, delta: int) -> None:
        """Give the keys to the next part of the pane."""
        self.pane.next_part(delta)
        self.sync()

    # -- looking closer -----------------------------------------------------------------------------------------------

    def action_detail(self) -> None:
        """Say everything about the row under the cursor."""
        if self.overlays:
            return
        if self.pane.detail() is None:
            self.say("There is no row here to look at.")
            return
        self.open_overlay(Overlay(name="detail", lines=lambda: self.pane.detail() or ()))

    def action_raw(self) -> None:
        """Show the row under the cursor as JSON."""
        documents = self.pane.documents()
        if not documents:
            self.say("There is no row here to show raw.")
        elif not self.overlays or self.overlays[-1].name != "raw":
            self.open_overlay(raw_of(documents))

    def action_failure(self, delta: int) -> None:
        """Go to the next failure; an open detail follows."""
        table = self.pane.table
        before = table.view.selected_index if table is not None else 0
        if table is None or not table.next_problem(delta):
            self.say("There is no failure among these rows." if table else "There are no rows here.")
        elif (table.view.selected_index - before) * delta <= 0:
            self.say("No later failure: this is the first." if delta > 0 else "No earlier failure: this is the last.")
        if self.overlays and self.overlays[-1].name == "raw":
            self.close_overlay()
        self.sync()

    def action_follow_workload(self) -> None:
        """Follow the workload under the cursor in all panes, or stop following."""
        workload = self.pane.workload()
        if self.stage.followed is not None and workload in (None, self.stage.followed):
            self.say(f"No longer following {self.stage.followed}.")
            self.stage.followed = None
        elif workload is None:
            self.say("There is no workload under the cursor.")
            return
        else:
            self.stage.followed = workload
            keys = f"{self.stage.key('follow_workload')} or {self.stage.key('back')}"
            self.say(f"Following {workload} in all panes; {keys} stops.")
        self._apply_filters()

    async def action_back(self) -> None:
        """Close what is open, then clear the filter, then go back to the pane before."""
        if self.close_overlay():
            return
        self._said = ()  # what was said of a state that Esc ends is not true any more
        if self.stage.filters.pop(self.pane_name, None) or self._forget_find():
            self._apply_filters()
        elif self.stage.is_problems_only:
            self.action_problems()
        elif self.stage.followed is not None:
            self.say(f"No longer following {self.stage.followed}.")
            self.stage.followed = None
            self._apply_filters()
        elif self.came_from:
            await self.open_pane(self.came_from.pop())

    def _forget_find(self) -> bool:
        found = [part for part in self.pane.parts if part.table.find_text]
        for part in found:
            part.table.find_text = ""
        return bool(found)

    # -- filtering and finding ----------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Ask for a filter."""
        self.close_overlays()
        if not self.pane.parts:
            self.say(f"{self.pane.TITLE} has no rows to filter.")
            return
        advise = hints.filter_adviser(self.pane.hint_values, self.pane.filter_keys)
        self.prompt.open("filter", "filter", self.stage.filters.get(self.pane_name, ""), advise)

    def action_find(self) -> None:
        """Ask for a text to find."""
        table = self.pane.table
        if table is None and not self.overlays:
            self.say(f"{self.pane.TITLE} has no rows to search.")
            return
        self.prompt.open("find", "find", table.find_text if table else "")

    def action_find_again(self, delta: int) -> None:
        """Go to the next hit."""
        if self.overlays:
            hit = self.sheet.find(self.sheet.find_text, forward=delta > 0)
        elif table := self.pane.table:
            hit = bool(table.find_text) and table.find_again(delta)
        else:
            hit = False
        if not hit:
            self.say(f"Nothing found; {self.stage.key('find')} finds a text in what is shown.")
        self.sync()

    def action_problems(self) -> None:
        """Show problems only, or everything."""
        self.stage.is_problems_only = not self.stage.is_problems_only
        self.say(
            f"Problems only; {self.stage.key('problems')} shows everything."
            if self.stage.is_problems_only
            else "Showing everything."
        )
        self.sync()

    def _apply_filters(self) -> None:
        self.filter_panes()
        self.sync()

    @on(Prompt.Typed)
    def prompt_typed(self, event: Prompt.Typed) -> None:
        """Filter while the filter is typed, as far as it makes sense."""
        if event.kind == "filter":
            self._try_filter(event.text)

    def _try_filter(self, text: str) -> bool:
        before = self.stage.filters.get(self.pane_name, "")
        self.stage.filters[self.pane_name] = text.strip()
        try:
            self._apply_filters()
        except FilterError:
            self.stage.filters[self.pane_name] = before
            return False
        return True

    @on(Prompt.Left)
    def prompt_left(self, event: Prompt.Left) -> None:
        """Take everything back that was typed."""
        event.stop()
        self.prompt.close()
        if event.kind == "filter":
            self._try_filter(event.text)

    @on(Prompt.Entered)
    def prompt_entered(self, event: Prompt.Entered) -> None:
        """Do what was asked for."""
        event.stop()
        text = event.text.strip()
        if event.kind == "filter" and not self._try_filter(text):
            return
        self.prompt.close()
        if event.kind == "find":
            self._find(text)
        elif event.kind == "mark":
            self._set_mark(text)
        elif event.kind == "save":
            self._save(text)

    def _find(self, text: str) -> None:
        if self.overlays:
            self.sheet.find_text = text
        elif table := self.pane.table:
            table.find_text = text
        if text:
            self.action_find_again(1)
        else:
            self.sync()

    # -- keeping ------------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Ask for a mark's name; the mark stands where the key was pressed."""
        self._mark_at = self.stage.now
        self.prompt.open("mark", "mark", f"mark {len(list(self.stage.mesh.marks)) + 1}")

    _mark_at = 0.0

    def _set_mark(self, name: str) -> None:
        self.stage.mesh.ingest(MarkSet(name=name or "mark", at=self._mark_at))
        self.say(f"Marked: {name or 'mark'}.")

    def action_marks(self) -> None:
        """List the marks."""
        self.open_overlay(marks_of(self.stage))

    def _shown_text(self) -> str:
        if self.overlays:
            return self.sheet.text
        return saving.documents_text(self.pane.documents()) or self.pane.plain_text()

    def action_copy(self) -> None:
        """Copy the sheet, or the row under the cursor as JSON."""
        text = self.screen.get_selected_text() or self._shown_text()
        if not text:
            self.say("There is nothing to copy here.")
            return
        self._copy(text)

    def _copy(self, text: str) -> None:
        if terminal.copy_to_tmux(text):
            self.say("Copied to tmux's buffer.")
        else:
            self.copy_to_clipboard(text)
            self.say("Copied (OSC 52; a terminal that does not know it ignores it).")

    def action_save(self) -> None:
        """Ask for a file to save what is shown to."""
        self.prompt.open("save", "save as", saving.proposed_name(self.pane_name, self.stage.now))

    def _save(self, path: str) -> None:
        try:
            text = self.sheet.text if self.overlays else saving.table_text(self.pane, self.stage)
            written = saving.save(path, text)
        except ZtuiError as refused:
            self.say(f"{refused.what} {refused.remedy}", "error")
        else:
            self.say(f"Saved {written}.")

    def action_poll(self) -> None:
        """Ask for fresh config dumps."""
        if self.stage.is_finite:
            self.say("Saved files do not change: there is nothing to poll.")
            return
        self.feed.wish(PollNow())
        self.say("Asked every ztunnel for a fresh config dump.")

    # -- the program --------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """Explain the pane and the keys."""
        if not self.overlays or self.overlays[-1].name != "help":
            self.open_overlay(help_of(self.pane, self.stage.bindings))

    async def action_back_or_quit(self) -> None:
        """Close what is open; with nothing open, quit."""
        if not self.close_overlay():
            self.leave(0)

    def action_quit_summary(self) -> None:
        """Quit, and leave a few lines behind."""
        self.exit(summary(self.stage), return_code=0)

    def action_interrupt(self) -> None:
        """Copy what is selected; quit if nothing is."""
        selected = self.screen.get_selected_text() or self.prompt.selected_text
        if selected:
            self._copy(selected)
        else:
            self.leave(130)

    def action_command_palette(self) -> None:
        """Offer everything by name. Textual's own placeholder ends in a sign that is no ASCII."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(id="--command-palette", placeholder="Search for commands"))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002  one screen
        """Offer every key's action and every theme by name."""
        for binding in self.stage.bindings:
            if binding.id not in ("palette", "down", "up", "interrupt"):
                yield SystemCommand(
                    binding.description, f"key {binding.keys[0]}" if binding.keys else "", self._runner(binding.action)
                )
        for name in sorted(self.available_themes):
            yield SystemCommand(f"Theme {name}", "Change the colours", lambda name=name: setattr(self, "theme", name))

    def _runner(self, action: str):  # type: ignore[no-untyped-def]
        return lambda: self.run_action(action)


def _refuse_unknown(what: str, wanted: str | None, known: Iterable[str]) -> None:
    if wanted is not None and wanted not in known:
        raise UsageError(f"There is no {what} {wanted!r}.", f"Choose one of: {', '.join(known)}.")


def run(stage: Stage, feed: Feed) -> int:
    """Show the screen until it is left; the exit code. The terminal has been claimed before.

    Raises UsageError for a theme or a pane that does not exist, and whatever went wrong while the screen was there.
    """
    app = ZtuiApp(stage, feed, colourless="NO_COLOR" in os.environ)
    _refuse_unknown("theme", stage.settings.theme, app.available_themes)
    _refuse_unknown("pane", stage.settings.pane, app.panes)
    terminal.watch_terminal(terminal.leave_at_once)
    terminal.forget_exported_size()
    try:
        said = app.run(mouse=not stage.settings.is_without_mouse)
    finally:
        feed.stop()
    if (failure := feed.failure or app.bug) is not None:
        raise failure
    if said:
        terminal.say_on_exit(said)
    return app.return_code or 0
