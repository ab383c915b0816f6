"""Panes whose answers are not there yet: they say in a sentence what will stand here, and what is known already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from ztui.tables.columns import time_cell
from ztui.ui.looks import BLANK, Line, Span, line
from ztui.ui.panes.pane import Pane
from ztui.ui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from ztui.analysis.merge import M, Merged
    from ztui.ui.stage import Stage


class SentencesPane(Pane):
    """A few lines instead of a table."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._sheet = Sheet()
        self._sheet.add_class("-open")

    def compose(self) -> ComposeResult:
        """One sheet."""
        yield self._sheet

    def sync(self) -> int:
        """Write the sentences anew."""
        self._sheet.show(self.sentences())
        return 0

    def plain_text(self) -> str:
        """Give the sentences, to be copied or saved."""
        return self._sheet.text

    def sentences(self) -> Sequence[Line]:
        """Say what will stand here, and what is known already."""
        raise NotImplementedError


class DriftPane(SentencesPane):
    """Drift (7)."""

    NAME: ClassVar[str] = "drift"
    TITLE: ClassVar[str] = "Drift"
    SHORT: ClassVar[str] = "Drif"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "Differences between Kubernetes, istiod and each ztunnel will stand here, with their age.",
        "Until then: in how much the ztunnels' own config dumps differ from each other.",
    )

    def sentences(self) -> Sequence[Line]:
        """Say in how much the ztunnels agree with each other: that needs only their dumps."""
        inventory = self.stage.mesh.inventory
        lines = [
            line(Span(" Differences between Kubernetes, istiod and each ztunnel will stand here, with their age.")),
            BLANK,
            line(Span(" Known already", "header"), Span("   what the ztunnels hold, compared with each other", "dim")),
        ]
        if not inventory.dumps:
            return [*lines, line(" No config dump has been read, so nothing can be compared.")]
        asked = len(inventory.dumps)
        lines.append(line(f" Config dumps of {asked} ztunnel{'' if asked == 1 else 's'}."))
        lines.append(_agreement("workloads", inventory.workloads))
        lines.append(_agreement("services", inventory.services))
        lines.append(_agreement("policies", inventory.policies))
        lines += [BLANK, line(Span(" One sample each: a difference may be a change on its way.", "dim"))]
        return lines


def _agreement(what: str, rows: Sequence[Merged[M]]) -> Line:
    differing = [row.key for row in rows if not row.is_agreed]
    if not differing:
        what = what if len(rows) != 1 else "policy" if what == "policies" else what.removesuffix("s")
        return line(" ", Span("·", "ok"), f" {len(rows)} {what}: every ztunnel that answered holds the same.")
    named = ", ".join(differing[:5]) + (" …" if len(differing) > 5 else "")
    return line(" ", Span("!", "warn"), f" {len(differing)} of {len(rows)} {what} differ or are missing: {named}")


class RolloutPane(SentencesPane):
    """Rollout (8)."""

    NAME: ClassVar[str] = "rollout"
    TITLE: ClassVar[str] = "Rollout"
    SHORT: ClassVar[str] = "Roll"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "New connections by revision over time and failures per terminating pod will stand here.",
        "Until then: the marks that were set (m sets one, M lists them).",
    )

    def sentences(self) -> Sequence[Line]:
        """List the marks."""
        context = self.stage.context()
        marks = list(self.stage.mesh.marks)[-20:]
        lines = [
            line(
                " New connections by revision over time, failures per terminating pod, "
                "and what changed before the start will stand here."
            ),
            BLANK,
            line(Span(" Known already", "header"), Span("   marks", "dim")),
        ]
        lines += [line(" ", time_cell(mark.at, context), f"  {mark.name}") for mark in marks]
        return (
            lines
            if marks
            else [*lines, line(" None yet. ", Span(self.stage.key("mark"), "key"), " sets a mark at this moment.")]
        )
