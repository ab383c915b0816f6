"""What a table is: columns that turn a row into words, and nothing that knows a terminal.

The screen and every output format read the same columns, so they agree cell by cell. A cell is text with a meaning;
colour comes from the meaning, and the text never leaves what it says to the colour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, TypedDict, TypeVar, Unpack

from ztui import units

T = TypeVar("T")

MISSING = "–"
"""What stands where a value is not known."""


class Meaning(StrEnum):
    """Why a cell looks the way it does; a theme gives each its style."""

    PLAIN = "plain"
    DIM = "dim"
    NAME = "name"
    NUMBER = "number"
    ACCENT = "accent"
    OK = "ok"
    WARN = "warn"
    ERROR = "error"


class Zone(StrEnum):
    """How times are written: as an age, in the user's zone, or as the logs have them."""

    RELATIVE = "relative"
    LOCAL = "local"
    UTC = "utc"


ASCII_GLYPHS = dict(zip("●◐○⊘✖·▶⇄⇢⇠⇡⇣–→…≈≤≥µ×“”�▁▂▃▄▅▆▇█", '*~o#x.>=><^v->~~<>ux""?__--==##', strict=True))
"""The plain spelling of every glyph ztui draws, for `--ascii`."""

_TO_ASCII = str.maketrans(ASCII_GLYPHS)


def plain_glyphs(text: str) -> str:
    """Replace ztui's glyphs by ASCII ones; other text stays as it is."""
    return text.translate(_TO_ASCII)


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a table: text with its meaning."""

    text: str
    meaning: Meaning = Meaning.PLAIN


NOTHING = Cell(MISSING, Meaning.DIM)
"""The cell of a value that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a cell may depend on besides its row."""

    now: float
    """Unix seconds: ages count from here."""
    zone: Zone = Zone.UTC
    ascii: bool = False
    """Glyphs are written in ASCII (`plain_glyphs`); the writer of a row sees to it, not its columns."""


class Align(StrEnum):
    """Numbers stand right, words left."""

    LEFT = "left"
    RIGHT = "right"


Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[T]):
    """One thing a table says about a row."""

    key: str
    """Its name in `--columns`, `--sort` and CSV headers."""
    title: str
    value: Callable[[T], Value]
    """The bare value: what CSV prints and sorting compares. None where it is not known."""
    cell: Callable[[T, Context], Cell]
    width: int = 12
    """Cells wide, typically."""
    min_width: int = 4
    align: Align = Align.LEFT
    priority: int = 5
    """1 stays longest when there is little room."""
    sort: str | None = None
    """The field to sort by; None where sorting makes no sense."""
    wide: bool = False
    """Only shown where there is room, or asked for (`-o wide`, `w`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[T]):
    """Everything ztui can print about one kind of row."""

    name: str
    columns: tuple[Column[T], ...]
    row_key: Callable[[T], str]
    """What identifies a row from one moment to the next."""
    row_name: Callable[[T], str]
    """What `-o name` prints."""
    document: Callable[[T], dict[str, object]]
    """The row as JSON and YAML have it, in the order of its keys; unknown values are absent."""
    is_problem: Callable[[T], bool] | None = None
    default_sort: str | None = None
    titles: Mapping[str, str] = field(default_factory=dict)

    def column(self, key: str) -> Column[T]:
        """Find the column of that key. Raises KeyError."""
        for column in self.columns:
            if column.key == key:
                return column
        raise KeyError(key)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all columns, in their order."""
        return tuple(column.key for column in self.columns)


class Look(TypedDict, total=False):
    """How much room a column takes, as Column has it."""

    width: int
    min_width: int
    priority: int
    sort: str | None
    wide: bool


def text_column(
    key: str,
    title: str,
    value: Callable[[T], str | None],
    *,
    meaning: Meaning = Meaning.PLAIN,
    **look: Unpack[Look],
) -> Column[T]:
    """Make a column of words."""

    def cell(row: T, _: Context) -> Cell:
        text = value(row)
        return Cell(text, meaning) if text else NOTHING

    look.setdefault("sort", key)
    return Column(key=key, title=title, value=value, cell=cell, **look)


def number_column(
    key: str,
    title: str,
    value: Callable[[T], float | None],
    *,
    form: Callable[[float], str] = units.format_count,
    meaning: Meaning = Meaning.NUMBER,
    zero: str | None = None,
    read_share: Callable[[T], float] | None = None,
    **look: Unpack[Look],
) -> Column[T]:
    """Make a column of numbers, written by `form`; `zero` stands for nothing at all (`·` where that is good).

    With `read_share`, numbers of a row of which not everything was read are marked as estimates: `≈ 1.2 MB`.
    """

    def cell(row: T, _: Context) -> Cell:
        number = value(row)
        if number is None:
            return NOTHING
        if number == 0 and zero is not None:
            return Cell(zero, Meaning.DIM)
        is_estimate = read_share is not None and read_share(row) < 1.0
        return Cell(f"≈ {form(number)}" if is_estimate else form(number), meaning)

    look.setdefault("sort", key)
    look.setdefault("width", 7)
    return Column(key=key, title=title, value=value, cell=cell, align=Align.RIGHT, **look)


def time_cell(at: float | None, context: Context, *, meaning: Meaning = Meaning.DIM) -> Cell:
    """Write a moment in Unix seconds in the zone the user chose."""
    if at is None:
        return NOTHING
    if context.zone is Zone.RELATIVE:
        age = context.now - at
        return Cell(units.format_age(age) if age >= 0 else f"in {units.format_age(-age)}", meaning)
    return Cell(clock_text(at, context.zone), meaning)


def clock_text(at: float, zone: Zone) -> str:
    """Time of day with hundredths, `14:07:31.02`, in UTC or the machine's own zone."""
    moment = datetime.fromtimestamp(at, tz=UTC)
    if zone is Zone.LOCAL:
        moment = moment.astimezone()
    return moment.strftime("%H:%M:%S.") + f"{moment.microsecond // 10_000:02d}"


def date_text(at: float, zone: Zone) -> str:
    """Date and time of day to the second: `2026-01-31T14:07:31Z`, or with the offset of the machine's own zone."""
    if zone is Zone.LOCAL:
        return datetime.fromtimestamp(int(at), tz=UTC).astimezone().isoformat()
    return units.format_time(at)


def logged_cell(time: str, context: Context) -> Cell:
    """Write the time of a log line as it stands (UTC, cut to hundredths) or move it to the zone the user chose."""
    if context.zone is Zone.UTC and len(time) >= 22:
        return Cell(time[11:22], Meaning.DIM)
    return time_cell(units.parse_time(time), context)
