"""What a table needs to know of the rows it is a window onto."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

R_co = TypeVar("R_co", covariant=True)


class View(Protocol[R_co]):
    """What the table needs of a view: rows by position, and a selection that follows a row's identity."""

    follow: bool
    """Whether the cursor stays on the last row."""
    version: int
    """Grows when other rows may stand in the list, or in another order."""

    @property
    def count(self) -> int:
        """Rows that pass the filter."""

    @property
    def selected(self) -> R_co | None:
        """The row under the cursor."""

    @property
    def selected_index(self) -> int:
        """Where it stands now."""

    def page(self, first: int, height: int) -> Sequence[R_co]:
        """Rows `first` … `first + height - 1`."""

    def select_index(self, index: int) -> None:
        """Put the cursor on the row that stands there."""

    def move(self, delta: int) -> None:
        """Move the cursor."""

    def go_first(self) -> None:
        """Put the cursor on the first row."""

    def go_last(self, *, follow: bool = False) -> None:
        """Put the cursor on the last row, and keep it on whatever becomes the last."""

    def find(self, text: str, forward: bool = True) -> bool:
        """Move the cursor to the next row that shows this text."""

    def next_problem(self, forward: bool = True) -> bool:
        """Move the cursor to the next row with a problem."""
