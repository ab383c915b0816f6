"""Bars as text: a histogram's bar with its expected mark, and a certificate's gauge. Pure functions."""

from __future__ import annotations

_EIGHTHS = (" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_ASCII_EIGHTHS = (" ", " ", "-", "-", "-", "=", "=", "=")
EXPECTED_MARK = "│"
"""Where the expected share stands: a line in the blank, a notch in the bar."""


def bar(value: float, top: float, width: int, *, expected: float | None = None, is_ascii: bool = False) -> str:
    """Draw `value` of `top` in `width` cells to the eighth of a cell, with a mark where `expected` stands.

    The mark is always visible: it is cut into a bar that reaches beyond it. In ASCII a bar is `###=`, the mark `|`;
    there a last eighth is not drawn, so that nothing looks like the mark.
    """
    if width <= 0:
        return ""
    eighths = 0 if top <= 0 else round(8 * width * min(max(value / top, 0.0), 1.0))
    if value > 0:
        eighths = max(1, eighths)
    full, parts = ("#", _ASCII_EIGHTHS) if is_ascii else ("█", _EIGHTHS)
    if is_ascii and value > 0:
        eighths = max(2, eighths)
    drawn = full * (eighths // 8) + (parts[eighths % 8] if eighths % 8 else "")
    cells = list(drawn.ljust(width))
    if expected is not None and top > 0 and expected > 0:
        at = round(width * min(expected / top, 1.0))
        cells[min(at, width - 1)] = "|" if is_ascii else EXPECTED_MARK
    return "".join(cells)


def gauge(elapsed: float, width: int, *, mark: float | None = None) -> str:
    """Draw how much of a span has passed, between two edges: `▕████▎   ▏`; `mark` (0–1) is drawn as a line."""
    inner = max(1, width - 2)
    return f"▕{bar(min(max(elapsed, 0.0), 1.0), 1.0, inner, expected=mark)}▏"
