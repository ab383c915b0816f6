"""The prompt: one line to type into, with what could be typed and what was understood above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from ztui.ui.looks import Line, Span, fit, line
from ztui.ui.widgets.lines import TextLines

MOST_HINTS = 6


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that could be typed: the whole text it would lead to, how it is listed, and a word about it."""

    text: str
    shown: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """What could be typed next, and what was understood (or why it cannot be)."""

    hints: Sequence[Hint] = ()
    understood: Line = ()


Adviser = Callable[[str], Advice]


def no_advice(_: str) -> Advice:
    """Know nothing about what is typed."""
    return Advice()


class Prompt(Widget):
    """Opened for a filter, a text to find, a mark's name, a file's name."""

    DEFAULT_CSS = """
    Prompt { height: auto; display: none; layout: vertical; }
    Prompt.-open { display: block; }
    Prompt > .hints { height: 0; }
    Prompt > .row { height: 1; layout: horizontal; }
    Prompt .label { width: auto; }
    Prompt Input { width: 1fr; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("tab", "complete", show=False),
        Binding("down", "choose(1)", show=False),
        Binding("up", "choose(-1)", show=False),
    ]

    class Typed(Message):
        """The text changed."""

        def __init__(self, kind: str, text: str) -> None:
            super().__init__()
            self.kind, self.text = kind, text

    class Entered(Typed):
        """The text was confirmed."""

    class Left(Typed):
        """The prompt was left without confirming; `text` is what it was opened with."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = ""
        self._hints = TextLines(classes="hints")
        self._label = TextLines(classes="label")
        self._input = Input(compact=True, select_on_focus=False)
        self._input.cursor_blink = False
        self._adviser: Adviser = no_advice
        self._opened_with = ""
        self._advice = Advice()
        self._chosen: int | None = None

    def compose(self) -> ComposeResult:
        """Hints above, the line below."""
        yield self._hints
        yield Row(self._label, self._input, classes="row")

    @property
    def is_open(self) -> bool:
        """Whether something is being typed."""
        return self.has_class("-open")

    @property
    def selected_text(self) -> str:
        """What is selected in the line."""
        return self._input.selected_text if self.is_open else ""

    def open(self, kind: str, label: str, text: str, adviser: Adviser = no_advice) -> None:
        """Ask for a text."""
        self.kind, self._adviser, self._opened_with = kind, adviser, text
        self._label.styles.width = len(label) + 2
        self._label.show(line(Span(f" {label} ", "key")))
        self.add_class("-open")
        with self.prevent(Input.Changed):
            self._input.value = text
        self._input.cursor_position = len(text)
        # Not `focus()`, which waits for its turn in the queue while more keys arrive.
        self.screen.set_focus(self._input)
        self._advise()

    def type(self, text: str) -> None:
        """Take text as if it had been typed."""
        self._input.insert_text_at_cursor(text)

    def close(self) -> None:
        """Let go of the keys."""
        self.remove_class("-open")
        self.screen.set_focus(None)

    def _advise(self) -> None:
        self._chosen = None
        self._advice = self._adviser(self._input.value)
        self._show()

    def _show(self) -> None:
        room = MOST_HINTS if self.app.size.height >= 20 else 2
        first = max(0, (self._chosen or 0) - room + 1)
        hints = list(enumerate(self._advice.hints))[first : first + room]
        widest = max((len(hint.shown) for _, hint in hints), default=0)
        lines = [
            line(
                Span("▶ " if index == self._chosen else "  ", "title"),
                Span(fit(hint.shown, widest), "name"),
                Span(f"  {hint.about}", "dim"),
            )
            for index, hint in hints
        ]
        if self._advice.understood:
            lines.append((Span("  "), *self._advice.understood))
        self._hints.styles.height = len(lines)
        self._hints.show(*lines)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Advise on what stands there now."""
        event.stop()
        self._advise()
        self.post_message(self.Typed(self.kind, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the hint that is chosen, or what stands there."""
        event.stop()
        if self._chosen is not None:
            self.action_complete()
            return
        self.post_message(self.Entered(self.kind, event.value))

    def action_leave(self) -> None:
        """Leave without confirming."""
        self.post_message(self.Left(self.kind, self._opened_with))

    def action_choose(self, delta: int) -> None:
        """Choose the next hint."""
        if self._advice.hints:
            here = -1 if self._chosen is None and delta > 0 else (self._chosen or 0)
            self._chosen = (here + delta) % len(self._advice.hints)
            self._show()

    def action_complete(self) -> None:
        """Put the chosen hint (or the first) into the line."""
        if self._advice.hints:
            text = self._advice.hints[self._chosen or 0].text
            self._input.value = text
            self._input.cursor_position = len(text)


class Row(Widget):
    """Label and line beside each other."""
