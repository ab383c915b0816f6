"""Sheets laid over a pane: help, detail, raw text, marks. Each is a function that writes its lines when asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ztui.keys import KeyBinding, by_group, written_keys
from ztui.tables.columns import time_cell
from ztui.ui.looks import BLANK, Line, Span, line

if TYPE_CHECKING:
    from ztui.ui.panes.pane import Pane
    from ztui.ui.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """One sheet: what it is, and how its lines are written now."""

    name: str
    lines: Callable[[], Sequence[Line]]


def help_of(pane: Pane, bindings: Sequence[KeyBinding]) -> Overlay:
    """Explain a pane and every key."""
    widest = max((len(written_keys(binding)) for binding in bindings), default=0)
    lines: list[Line] = [line(Span(f" {pane.TITLE}", "title")), BLANK]
    lines += [line(" " + " ".join(sentence.split())) for sentence in pane.ABOUT]
    lines += [BLANK, *_LEGEND]
    for group, members in by_group(bindings):
        lines += [BLANK, line(Span(f" {group}", "title"))]
        for binding in members:
            if binding.keys:
                lines.append(
                    line(" ", Span(written_keys(binding).ljust(widest), "key"), Span(f"  {binding.description}"))
                )
    return Overlay(name="help", lines=lambda: lines)


_LEGEND: tuple[Line, ...] = (
    line(
        " ",
        Span("●", "ok"),
        " connected  ",
        Span("◐", "warn"),
        " lagging  ",
        Span("○", "error"),
        " lost  ",
        Span("⊘", "dim"),
        " not permitted  ",
        Span("✖", "error"),
        " failed  ",
        Span("!", "warn"),
        " warning  ",
        Span("·", "dim"),
        " fine  ",
        Span("–", "dim"),
        " not known",
    ),
    line(" ⇄ both halves seen  ⇢ outbound half only  ⇠ inbound half only  ⇡ client to server  ⇣ server to client"),
)


def raw_of(documents: Sequence[Mapping[str, object]]) -> Overlay:
    """Show rows as JSON, as `-o json` prints them."""
    lines = [
        line(f" {text}")
        for document in documents
        for text in json.dumps(document, indent=2, ensure_ascii=False).split("\n")
    ]
    return Overlay(name="raw", lines=lambda: lines)


def marks_of(stage: Stage) -> Overlay:
    """List the marks, the newest first."""

    def lines() -> Sequence[Line]:
        context = stage.context()
        marks = sorted(stage.mesh.marks, key=lambda mark: -mark.at)
        listed = [line(" ", time_cell(mark.at, context), f"  {mark.name}") for mark in marks]
        nothing = [line(" No marks yet. ", Span(stage.key("mark"), "key"), " sets one at this moment.")]
        return [line(Span(" Marks", "title")), BLANK, *(listed or nothing)]

    return Overlay(name="marks", lines=lines)
