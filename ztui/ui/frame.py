"""The frame around the panes: one tick, one status row, tabs, footer; and how the program starts and ends.

One timer drives everything. A tick drains what was observed into the memory, lets the visible pane compare what it
shows with what is known, and repaints the lines that differ. Nothing else paints, nothing else polls.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen

from ztui.errors import ZtuiError
from ztui.keys import REGISTRY, footer
from ztui.ui import terminal, themes
from ztui.ui.looking import Looking
from ztui.ui.looks import Line, Span
from ztui.ui.panes import PANES
from ztui.ui.prompt import Prompt
from ztui.ui.status import Glance, status_parts, status_right
from ztui.ui.widgets.lines import LookScreen
from ztui.ui.widgets.rows import FooterRow, StatusRow, Tab, TabsRow
from ztui.ui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from textual.timer import Timer

    from ztui.model.observation import Wish
    from ztui.ui.overlays import Overlay
    from ztui.ui.panes.pane import Pane
    from ztui.ui.stage import Stage

SHORT_HEIGHT = 20
"""Lines below which status, header and rows are all there is room for."""
SLOWEST_S = 2.0
"""The longest a tick is put off for a slow terminal."""
_LATE_TICKS = 3
_ON_TIME_TICKS = 40
_SAID_S = 4.0


class Feed(Protocol):
    """Where observations come from: a session."""

    failure: BaseException | None

    def start(self) -> None:
        """Begin to collect."""

    def take_in(self) -> float | None:
        """Put a slice of what has arrived into the memory; in how many seconds the next is due, if any is left."""

    def wish(self, wish: Wish) -> None:
        """Ask the observer for something."""

    def stop(self) -> None:
        """Stop collecting."""


class MainScreen(LookScreen, inherit_bindings=False):
    """The one screen. Keys belong to the app; Textual's own bindings of a screen would move a focus we do not use."""

    AUTO_FOCUS = ""


def _fitting(length: int, breakpoints: Sequence[tuple[int, str]]) -> str:
    return next((name for least, name in sorted(breakpoints, reverse=True) if length >= least), "")


class Frame(App[str], inherit_bindings=False):
    """Status, tabs, pane, prompt and footer on one screen, and the tick that keeps them true."""

    CSS_PATH = "app.tcss"
    TITLE = "ztui"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012  as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (SHORT_HEIGHT, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(b.keys), b.action, b.description, id=b.id, show=False, priority=b.always) for b in REGISTRY
    ]

    def __init__(self, stage: Stage, feed: Feed, *, ticks: bool = True, colourless: bool = False) -> None:
        super().__init__(ansi_color=True if colourless else None)
        self.stage = stage
        self.feed = feed
        self.ascii_only = stage.settings.is_ascii
        self.set_class(self.ascii_only, "-ascii")
        self.animation_level = "none"
        self.exit_code = 0
        self.panes: dict[str, Pane] = {name: make(stage) for name, make in PANES.items()}
        self.pane_name = stage.settings.pane if stage.settings.pane in self.panes else "overview"
        self.came_from: list[str] = []
        self.overlays: list[Overlay] = []
        self.status = StatusRow()
        self.tabs = TabsRow()
        self.place = Vertical(id="place")
        self.sheet = Sheet()
        self.prompt = Prompt()
        self.footer = FooterRow()
        self._ticks = ticks
        self._timer: Timer | None = None
        self._slices: Timer | None = None
        self._interval_s = 1 / max(0.1, stage.settings.tick_hz)
        self._late = 0
        self._on_time = 0
        self._last_tick = stage.clock.monotonic()
        self._last_second = -1.0
        self._said: Line = ()
        self._said_until = 0.0
        self._problems: dict[str, int] = {}
        self._looking = Looking()
        self.filter_panes()
        for theme in themes.OWN:
            self.register_theme(theme)
        self.theme = themes.WITHOUT_COLOUR if colourless or self.no_color else self._wanted_theme()
        moved = {b.id: ",".join(b.keys) for b, usual in zip(stage.bindings, REGISTRY, strict=True) if b != usual}
        if moved:
            self.set_keymap(moved)

    def _wanted_theme(self) -> str:
        wanted = self.stage.settings.theme
        return wanted if wanted in self.available_themes else themes.DARK.name

    # -- life -----------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[None]:
        """Give the one screen, with the classes of its size at once: else all of it would be styled twice."""
        width, height = self.size
        fitting = (_fitting(width, self.HORIZONTAL_BREAKPOINTS), _fitting(height, self.VERTICAL_BREAKPOINTS))
        return MainScreen(id="_default", classes=" ".join(fitting))

    def compose(self) -> ComposeResult:
        """Put the rows around an empty place; only the first pane is made at once, and all show what they can."""
        self.pane.refresh_views()
        self.sync_rows()
        yield self.status
        yield self.tabs
        with self.place:
            yield self.panes[self.pane_name]
        yield self.sheet
        yield self.prompt
        yield self.footer

    def on_mount(self) -> None:
        """Take over signals, so that however the program ends the terminal is given back."""
        if self._ticks:
            terminal.handle_signals(asyncio.get_running_loop(), self.leave)
        self.screen.set_focus(None)
        self.app_resume_signal.subscribe(self, lambda _: self.screen.refresh())  # the shell wrote over everything

    def on_ready(self) -> None:
        """Start to collect once there is something to look at."""
        self.feed.start()
        if self._ticks:
            gc.freeze()
            gc.enable()  # it was off for the start
            self._timer = self.set_interval(self._interval_s, self.tick)
        self.sync()

    def leave(self, code: int = 0) -> None:
        """End with this exit code."""
        self.exit_code = code
        self.exit(return_code=code)

    def _fatal_error(self) -> None:
        """Leave without a word: what went wrong is raised once the terminal is the shell's again.

        Textual would print a traceback with the values of local variables; a token could stand in one.
        """
        self._close_messages_no_wait()

    @property
    def bug(self) -> Exception | None:
        """What no handler caught, where something went wrong on the screen itself."""
        return self._exception

    def on_key(self, event: events.Key) -> None:
        """Give the prompt what was typed right behind the key that opened it.

        Such keys were on their way to the screen already when the prompt took the focus; as keys they would be
        commands, or lost. What the prompt itself took never comes up here.
        """
        if self.prompt.is_open and event.character is not None and event.is_printable:
            event.prevent_default()  # Textual's own handler, which looks for a binding, runs after this one
            self.prompt.type(event.character)

    # -- the tick ---------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Take in what was observed and repaint what differs. The only heartbeat there is."""
        self._keep_pace()
        if self._slices is None:
            self._take_in()
        if isinstance(self.feed.failure, ZtuiError):
            self.exit()  # what it says is said once the terminal is the shell's again
            return
        if self.feed.failure is not None:
            raise self.feed.failure
        self.sync()

    def _take_in(self) -> None:
        """Take in a slice of what was observed; what is left follows in further slices, with keys between them."""
        again_s = self.feed.take_in()
        self._slices = None if again_s is None else self.set_timer(again_s, self._take_in)

    def _keep_pace(self) -> None:
        """Tick slower while the terminal cannot keep up (its writes block the loop), and say so."""
        now = self.stage.clock.monotonic()
        took, self._last_tick = now - self._last_tick, now
        if took > 2 * self._interval_s:
            self._late, self._on_time = self._late + 1, 0
        else:
            self._late, self._on_time = 0, self._on_time + 1
        usual = 1 / max(0.1, self.stage.settings.tick_hz)
        if self._late >= _LATE_TICKS and self._interval_s < SLOWEST_S:
            self._set_interval(min(SLOWEST_S, self._interval_s * 2))
        elif self._on_time >= _ON_TIME_TICKS and self._interval_s > usual:
            self._set_interval(max(usual, self._interval_s / 2))

    def _set_interval(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._late = self._on_time = 0
        if self._timer is not None:
            self._timer.stop()
            self._timer = self.set_interval(interval_s, self.tick)

    @property
    def is_slowed(self) -> bool:
        """Whether ticks are put off because the terminal is slow."""
        return self._interval_s > 1 / max(0.1, self.stage.settings.tick_hz)

    def sync(self) -> None:
        """Bring everything on glass up to date."""
        if self.overlays:
            self.sheet.show(self.overlays[-1].lines())
        else:
            self.pane.sync()
        second = self.stage.clock.now() // 1
        if second != self._last_second:
            self._last_second = second
            self._problems = {name: pane.problem_count() for name, pane in self.panes.items()}
            self._look()
        self.sync_rows()

    def _look(self) -> None:
        """Tell the observer which ztunnels are on screen, where that has changed."""
        stage = self.stage
        if stage.is_finite:
            return
        wish = self._looking.wish(self.pane, stage.mesh, stage.followed, stage.clock.monotonic())
        if wish is not None:
            self.feed.wish(wish)

    def sync_rows(self) -> None:
        """Bring status, tabs and footer up to date."""
        self.status.show(status_parts(self._glance()), status_right(self.stage))
        self.tabs.show(self._tab_values(), self.pane_name)
        if self._said and self.stage.clock.monotonic() >= self._said_until:
            self._said = ()
        self.footer.show(footer(self.stage.bindings), self._said)

    def _glance(self) -> Glance:
        key = next((b.keys[0] for b in self.stage.bindings if b.id == f"pane.{self.pane_name}" and b.keys), "")
        return Glance(
            stage=self.stage,
            pane_key=key,
            pane_title=self.pane.TITLE,
            is_short=self.size.height < SHORT_HEIGHT,
            is_slowed=self.is_slowed,
            problem_count=self.problem_count,
        )

    def _tab_values(self) -> Sequence[Tab]:
        keys = {b.id: b.keys[0] for b in self.stage.bindings if b.keys}
        return [
            Tab(
                name=name,
                key=keys.get(f"pane.{name}", " "),
                title=pane.TITLE,
                short=pane.SHORT,
                problems=self._problems.get(name, 0),
            )
            for name, pane in self.panes.items()
            if name != "balance" or self.pane_name == "balance"
        ]

    @property
    def problem_count(self) -> int:
        """Problems on all panes together."""
        return sum(self._problems.values())

    def say(self, text: str, look: str = "plain") -> None:
        """Say something in the footer for a few seconds."""
        self._said = (Span(text, look),)
        self._said_until = self.stage.clock.monotonic() + _SAID_S
        self.sync_rows()

    # -- panes --------------------------------------------------------------------------------------------------------

    @property
    def pane(self) -> Pane:
        """The pane in front."""
        return self.panes[self.pane_name]

    def filter_panes(self) -> None:
        """Let every pane show what its own filter and those of all panes leave."""
        for name, pane in self.panes.items():
            pane.set_filter(self.stage.own_filter(name), self.stage.everywhere())

    async def open_pane(self, name: str) -> None:
        """Bring a pane to the front; it is made when it is first looked at."""
        self.close_overlays()
        if name == self.pane_name:
            return
        before, self.pane_name = self.pane, name
        before.display = False
        if not self.pane.is_attached:
            await self.place.mount(self.pane)
        self.pane.display = True
        self.sync()

    def open_overlay(self, overlay: Overlay) -> None:
        """Lay a sheet over the pane."""
        self.overlays.append(overlay)
        self.sheet.first = 0
        self.sheet.find_text = ""
        self.place.display = False
        self.sheet.add_class("-open")
        self.sync()

    def close_overlay(self) -> bool:
        """Take the topmost sheet away; whether there was one."""
        if not self.overlays:
            return False
        self.overlays.pop()
        self.sheet.first = 0
        if not self.overlays:
            self.sheet.remove_class("-open")
            self.place.display = True
        self.sync()
        return True

    def close_overlays(self) -> None:
        """Take all sheets away."""
        self.overlays.clear()
        self.sheet.remove_class("-open")
        self.place.display = True
