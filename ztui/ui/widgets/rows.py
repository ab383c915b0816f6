"""The rows around a pane: status, tabs, footer. One line each, drawn from values the app hands over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from ztui.ui.looks import Line, Span, line_width, spread
from ztui.ui.widgets.lines import PaintedLines


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the status row. The lowest `priority` stays longest where there is little room."""

    spans: Line
    priority: int


class StatusRow(PaintedLines):
    """What is observed, how well, and what is wrong: always on glass, whatever its size."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: Sequence[Part] = ()
        self._right: Line = ()

    def show(self, parts: Sequence[Part], right: Line) -> None:
        """Show these parts from left to right, and `right` at the far end."""
        self._parts, self._right = parts, right
        self.sync()

    def lines_now(self, width: int, height: int) -> Sequence[Line]:  # noqa: ARG002  one line by design
        """Leave out the least important parts until the rest fits."""
        parts = list(self._parts)
        while len(parts) > 1 and self._width(parts) + line_width(self._right) + 2 > width:
            parts.remove(max(parts, key=lambda part: part.priority))
        spans: list[Span] = [Span(" ")]
        for index, part in enumerate(parts):
            if index:
                spans.append(Span("  "))
            spans.extend(part.spans)
        return [spread(tuple(spans), (*self._right, Span(" ")), width)]

    @staticmethod
    def _width(parts: Sequence[Part]) -> int:
        return 1 + sum(line_width(part.spans) + 2 for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One numbered tab. `problems` counts problems, not rows."""

    name: str
    key: str
    title: str
    short: str
    problems: int = 0


class TabsRow(PaintedLines):
    """The panes by number. Where there is no room for words the tabs become shorter, and never disappear."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self) -> None:
        super().__init__()
        self._tabs: Sequence[Tab] = ()
        self._active = ""
        self._places: list[tuple[int, int, str]] = []

    def show(self, tabs: Sequence[Tab], active: str) -> None:
        """Show these tabs; `active` is the name of the one in front."""
        self._tabs, self._active = tabs, active
        self.sync()

    def lines_now(self, width: int, height: int) -> Sequence[Line]:  # noqa: ARG002  one line by design
        """Take the longest spelling that fits: full titles, short ones, keys alone."""
        for spell in (self._full, self._short, self._key_only):
            spans = self._spelled(spell)
            if line_width(spans) <= width:
                break
        return [spans]

    def _spelled(self, spell: Callable[[Tab], str]) -> Line:
        spans: list[Span] = []
        self._places = []
        at = 0
        for tab in self._tabs:
            is_active = tab.name == self._active
            badge = f"✖{tab.problems} " if tab.problems else ""
            spans.append(Span(f" {spell(tab)} ", "tab-on" if is_active else "tab"))
            if badge:
                spans.append(Span(badge, "error"))
            width = line_width(tuple(spans)) - at
            self._places.append((at, at + width, tab.name))
            at += width
        return tuple(spans)

    @staticmethod
    def _full(tab: Tab) -> str:
        return f"{tab.key} {tab.title}"

    def _short(self, tab: Tab) -> str:
        return self._full(tab) if tab.name == self._active else f"{tab.key} {tab.short}"

    def _key_only(self, tab: Tab) -> str:
        return self._full(tab) if tab.name == self._active else tab.key

    def on_click(self, event: events.Click) -> None:
        """Choose the tab under the mouse."""
        for left, right, name in self._places:
            if left <= event.x < right:
                self.post_message(self.Chosen(name))


class FooterRow(PaintedLines):
    """At most seven keys, or what was just said."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: Sequence[tuple[str, str]] = ()
        self._said: Line = ()

    def show(self, keys: Sequence[tuple[str, str]], said: Line = ()) -> None:
        """Show keys with their words; `said` takes their place while there is something to say."""
        self._keys, self._said = keys, said
        self.sync()

    def lines_now(self, width: int, height: int) -> Sequence[Line]:  # noqa: ARG002  one line by design
        """Leave out keys from the right until the rest fits; the last one (help) stays."""
        if self._said:
            return [(Span(" "), *self._said)]
        keys = list(self._keys)
        while len(keys) > 1 and line_width(self._spelled(keys)) > width:
            del keys[-2]
        return [self._spelled(keys)]

    @staticmethod
    def _spelled(keys: Sequence[tuple[str, str]]) -> Line:
        spans: list[Span] = []
        for key, word in keys:
            spans += [Span(" "), Span(key, "key"), Span(f" {word}  ", "dim")]
        return tuple(spans)
