"""The figures that are promised: what is measured against whom, the floor, and what to reach for."""

from __future__ import annotations

from dataclasses import dataclass

SLACK = 0.3
"""What a run on somebody's busy machine may miss a floor by before it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. Of a ratio, `ours` is over `theirs` or the other way round as its text says."""

    name: str
    text: str
    opponent: str = "–"
    floor: float
    reach: float | None = None
    is_most: bool = False
    """Whether the floor is the most it may be, instead of the least."""
    unit: str = "×"
    is_steady: bool = False
    """Whether it cannot flake, so that a run of CI may fail on it."""
    guard: float | None = None
    """What CI holds in place of a floor that is out of reach: what was reached."""
    limit: str = ""
    """Where the floor is out of reach: what was tried, and what limits it."""

    def shown(self, value: float) -> str:
        """The value with its unit, to three digits."""
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
        return f"{value:,.{digits}f} {self.unit}"

    def bound(self, limit: float) -> str:
        """A floor or a goal as the table has it."""
        return f"{'≤' if self.is_most else '≥'} {limit:,g} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure as it was measured."""

    figure: Figure
    value: float
    ours: str = ""
    theirs: str = ""
    note: str = ""

    def meets(self, limit: float, *, slack: float = 0.0) -> bool:
        """Whether the value keeps to a limit, give or take."""
        if self.figure.is_most:
            return self.value <= limit * (1 + slack)
        return self.value >= limit * (1 - slack)

    @property
    def verdict(self) -> str:
        """`reached`, `kept` or `missed`."""
        if self.figure.reach is not None and self.meets(self.figure.reach):
            return "reached"
        return "kept" if self.meets(self.figure.floor) else "missed"

    @property
    def fails(self) -> bool:
        """Whether it is so far off, and so steady, that the change which caused it must not land."""
        held = self.figure.floor if self.figure.guard is None else self.figure.guard
        return self.figure.is_steady and not self.meets(held, slack=SLACK)


def ms(seconds: float) -> str:
    """Seconds of CPU as people read them."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1_000:.0f} ms"
