"""A sheet: lines of text laid over a pane (help, detail, raw, marks), to be scrolled, searched and copied."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.selection import Selection
from textual.strip import Strip

from ztui.ui.looks import Line, Span, line_width, width_of
from ztui.ui.widgets.lines import PaintedLines


class Sheet(PaintedLines):
    """Lines that may be longer than the screen is high and wide; long ones are wrapped at blanks."""

    ALLOW_SELECT = True
    DEFAULT_CSS = """
    Sheet { height: 1fr; display: none; }
    Sheet.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = 0
        self.find_text = ""
        self._content: Sequence[Line] = ()
        self._wrapped: list[Line] = []
        self._wrapped_for: tuple[Sequence[Line], int] | None = None

    def show(self, content: Sequence[Line]) -> None:
        """Show these lines, from where the sheet stands."""
        self._content = content
        self.sync()

    @property
    def text(self) -> str:
        """Everything on the sheet, as plain text."""
        return "\n".join("".join(span.text for span in spans).rstrip() for spans in self._content)

    def lines_now(self, width: int, height: int) -> Sequence[Line]:
        """Return the lines in sight; a last one that says how many there are more."""
        wrapped = self._wrap(width)
        self.first = max(0, min(self.first, len(wrapped) - height))
        lines = wrapped[self.first : self.first + height]
        if self.find_text:
            lines = [_highlighted(spans, self.find_text) for spans in lines]
        rest = len(wrapped) - self.first - height
        if rest > 0 and height > 1:
            lines[-1] = (Span(f"  ↓ {rest + 1} more lines", "dim"),)
        return lines

    def _wrap(self, width: int) -> list[Line]:
        if self._wrapped_for is None or self._wrapped_for[0] is not self._content or self._wrapped_for[1] != width:
            self._wrapped = [part for spans in self._content for part in wrap(spans, width)]
            self._wrapped_for = (self._content, width)
        return self._wrapped

    def scroll(self, delta: int) -> None:
        """Scroll by lines."""
        self.first = max(0, self.first + delta)
        self.sync()

    def scroll_page(self, delta: int) -> None:
        """Scroll by screens."""
        self.scroll(delta * max(1, self.size.height - 2))

    def go_first(self) -> None:
        """Go to the top."""
        self.first = 0
        self.sync()

    def go_last(self) -> None:
        """Go to the end."""
        self.first = len(self._wrapped)
        self.sync()

    def find(self, text: str, *, forward: bool = True) -> bool:
        """Bring the next line with `text` to the top; whether there is one."""
        self.find_text = text
        wanted = text.casefold()
        hits = [y for y, spans in enumerate(self._wrapped) if wanted in _plain(spans).casefold()]
        if not text or not hits:
            self.sync()
            return False
        if forward:
            self.first = next((y for y in hits if y > self.first), hits[0])
        else:
            self.first = next((y for y in reversed(hits) if y < self.first), hits[-1])
        self.sync()
        return True

    def render_line(self, y: int) -> Strip:
        """Draw one line, with what is selected by the mouse reversed."""
        strip = super().render_line(y)
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        if span is not None:
            start, end = span
            end = strip.cell_length if end < 0 else min(end, strip.cell_length)
            before, chosen, after = (
                strip.divide([start, end, strip.cell_length]) if start < end else (strip, None, None)
            )
            if chosen is not None and after is not None:
                chosen = chosen.apply_style(self.screen.get_component_rich_style("screen--selection"))
                strip = Strip.join([before, chosen, after])
        return strip.apply_offsets(0, y)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Give the text under the mouse's selection."""
        shown = "\n".join(_plain(spans) for spans in self._painted)
        return selection.extract(shown), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002  whichever it is, it is drawn anew
        """Draw the selection."""
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down by three lines."""
        event.stop()
        self.scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up by three lines."""
        event.stop()
        self.scroll(-3)


def _plain(spans: Line) -> str:
    return "".join(span.text for span in spans)


def _highlighted(spans: Line, wanted: str) -> Line:
    drawn: list[Span] = []
    for span in spans:
        at = span.text.casefold().find(wanted.casefold())
        if at < 0 or len(span.text.casefold()) != len(span.text):
            drawn.append(span)
            continue
        end = at + len(wanted)
        drawn += [Span(span.text[:at], span.look), Span(span.text[at:end], "match"), Span(span.text[end:], span.look)]
    return tuple(drawn)


def wrap(spans: Line, width: int) -> list[Line]:
    """Wrap a line at blanks where there are any; continuation lines are indented like the first, plus two."""
    if width <= 4 or line_width(spans) <= width:
        return [spans]
    first = spans[0].text if spans else ""
    indent = min(len(first) - len(first.lstrip()) + 2, width // 2)
    lines: list[Line] = []
    current: list[Span] = []
    room = width
    for span in spans:
        for piece in _pieces(span.text):
            if width_of(piece.rstrip()) > room and current and any(part.text.strip() for part in current):
                lines.append(tuple(current))
                current, room = [Span(" " * indent)], width - indent
                piece = piece.lstrip()  # noqa: PLW2901  a blank at a line's end is no indent of the next
            if not piece.strip():
                piece = piece[: max(0, room)]  # noqa: PLW2901  blanks at a line's end are no reason for a `…`
            for part in _chopped(piece, room, width - indent):
                if current and width_of(part.rstrip()) > room:
                    lines.append(tuple(current))
                    current, room = [Span(" " * indent)], width - indent
                current.append(Span(part, span.look))
                room -= width_of(part)
    if current:
        lines.append(tuple(current))
    return lines


def _pieces(text: str) -> list[str]:
    """Words, each with the blanks before it."""
    pieces: list[str] = []
    word = ""
    for char in text:
        if char == " " and word.strip():
            pieces.append(word)
            word = ""
        word += char
    return [*pieces, word] if word else pieces


def _chopped(piece: str, room: int, width: int) -> list[str]:
    """Cut a word that is too long for any line into pieces that fit."""
    if width_of(piece) <= max(room, width):
        return [piece]
    parts: list[str] = []
    part = ""
    limit = max(1, room)
    for char in piece:
        if width_of(part + char) > limit:
            parts.append(part)
            part, limit = "", max(1, width)
        part += char
    return [*parts, part]
