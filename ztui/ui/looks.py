"""Looks: what a meaning becomes on glass. A look is a word; the theme gives the word its colours.

Colour never stands alone: severity has a glyph and a word in the text, the cursor a mark in the gutter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size

from ztui.tables.columns import Align, Cell, plain_glyphs

LOOKS = (
    "plain",
    "dim",
    "name",
    "number",
    "accent",
    "ok",
    "warn",
    "error",
    "title",
    "header",
    "chosen",
    "match",
    "tab",
    "tab-on",
    "key",
    "loud",
    "bar",
)
"""Every look there is: the meanings of a cell, and what only a screen has (titles, tabs, keys, PAUSED)."""

_FRAMES = {
    "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "┬": "+", "┴": "+", "├": "+", "┤": "+", "┼": "+",
    "▏": "|", "▕": "|", "▎": " ", "▍": " ", "▌": "-", "▋": "=", "▊": "=", "▉": "=", "┊": "|", "┿": "+",
    "↑": "^", "↓": "v", "‹": "<", "›": ">", "←": "<-", "▸": ">", "⌕": "/", "█": "#", "▐": "|",
}  # fmt: skip
_TO_ASCII = str.maketrans(_FRAMES)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text in one look."""

    text: str
    look: str = "plain"


_SHORTEST_NAME = 9
"""Cells below which two halves of a name say less than its beginning."""

Line = tuple[Span, ...]
"""One line of the screen."""

BLANK: Line = ()


def line(*parts: str | Span | Cell) -> Line:
    """Put a line together from plain text, spans and cells."""
    return tuple(_span(part) for part in parts)


def _span(part: str | Span | Cell) -> Span:
    if isinstance(part, Span):
        return part
    if isinstance(part, Cell):
        return Span(part.text, part.meaning.value)
    return Span(part)


def ascii_text(text: str) -> str:
    """Spell every glyph ztui draws in ASCII; other text stays as it is."""
    return text if text.isascii() else plain_glyphs(text.translate(_TO_ASCII))


def width_of(text: str) -> int:
    """Terminal cells a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, align: Align = Align.LEFT, *, is_name: bool = False) -> str:
    """Make a text exactly `width` cells wide: padded, or cut with `…` as its last cell.

    A name is cut in its middle: what tells a pod from its neighbour, or an identity, stands at the end.
    """
    if width <= 0:
        return ""
    actual = width_of(text)
    if actual > width:
        tail = (width - 1) // 2 if is_name and text.isascii() and width >= _SHORTEST_NAME else 0
        return set_cell_size(text, width - 1 - tail) + "…" + (text[-tail:] if tail else "")
    padding = " " * (width - actual)
    return padding + text if align is Align.RIGHT else text + padding


def cut(spans: Line, width: int) -> Line:
    """Cut a line to `width` cells, with `…` where something was lost."""
    return spans if line_width(spans) <= width else _cut(spans, width)


def _cut(spans: Line, width: int) -> Line:
    room, kept = width, []
    for span in spans:
        actual = width_of(span.text)
        if actual > room:
            if room > 0:
                kept.append(Span(fit(span.text, room), span.look))
            break
        kept.append(span)
        room -= actual
    return tuple(kept)


def line_width(spans: Line) -> int:
    """Terminal cells a line takes."""
    return sum(width_of(span.text) for span in spans)


def filled(spans: Line, width: int) -> Line:
    """Make a line exactly `width` cells wide: cut, or filled with blanks, on the cursor's background where it ends."""
    spans = cut(spans, width)
    rest = width - line_width(spans)
    if rest <= 0:
        return spans
    is_cursor = bool(spans) and spans[-1].look.startswith("cursor")
    return (*spans, Span(" " * rest, "cursor plain" if is_cursor else "plain"))


def differing_width(before: Line, now: Line) -> int:
    """Count the cells up to the last one in which two lines of the same width differ; 0 where none does."""
    alike = 0
    while alike < min(len(before), len(now)) and before[-1 - alike] == now[-1 - alike]:
        alike += 1
    old, new = before[: len(before) - alike], now[: len(now) - alike]
    same = 0
    for was, is_now in zip_longest(_backwards(old), _backwards(new)):
        if was != is_now:
            return max(1, line_width(new) - same)  # a mark without a cell of its own belongs to the one before it
        same += width_of(is_now[0])
    return 0


def _backwards(spans: Line) -> Iterator[tuple[str, str]]:
    return ((char, span.look) for span in reversed(spans) for char in reversed(span.text))


def spread(left: Line, right: Line, width: int) -> Line:
    """Put `left` and `right` at the two ends of a line; where there is no room for both, `left` is cut."""
    right = cut(right, width)
    room = width - line_width(right)
    left = cut(left, max(room - 1, 0))
    gap = width - line_width(left) - line_width(right)
    return (*left, Span(" " * gap), *right) if gap > 0 else (*left, *right)
