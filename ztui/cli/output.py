"""What a command prints, and how: to a terminal with colours, to a pipe without, always whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from ztui.errors import UsageError
from ztui.tables.columns import Context, Table
from ztui.tables.render import lines, sort_rows

if TYPE_CHECKING:
    from ztui.settings import Settings

T = TypeVar("T")


def has_color(settings: Settings) -> bool:
    """Whether to colour what is printed: as told, else on a terminal unless NO_COLOR or a dumb terminal forbids it."""
    if settings.color != "auto":
        return settings.color == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def context_of(settings: Settings, now: float) -> Context:
    """Make the context of cells: glyphs are ASCII where told, and where stdout could not write them."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return Context(now=now, ascii=settings.is_ascii or encoding != "utf8")


def form_of(settings: Settings, name: str, *, without: Sequence[str] = ("short",)) -> str:
    """Give the output format. Raises UsageError for one this command does not have."""
    form = settings.output or "table"
    if form in without:
        raise UsageError(f"{name} has no -o {form}.", "Use table, wide, json, jsonl, yaml, csv or name.")
    return form


def print_lines(texts: Iterable[str]) -> None:
    """Print lines; what stdout's encoding does not have is written as an escape."""
    out = sys.stdout
    if (out.encoding or "").lower() not in ("utf-8", "utf8"):
        texts = (
            text.encode(out.encoding or "ascii", "backslashreplace").decode(out.encoding or "ascii") for text in texts
        )
    for text in texts:
        out.write(text + "\n")
    out.flush()


def print_rows(
    table: Table[T],
    rows: Iterable[T],
    settings: Settings,
    context: Context,
    *,
    columns: Sequence[str] = (),
    observed: Mapping[str, object] | None = None,
) -> None:
    """Print a table once, sorted, in the format asked for; `columns` are those of `-o table` without `--columns`.

    Raises UsageError for a column that does not exist.
    """
    form = form_of(settings, table.name)
    print_lines(
        lines(
            table,
            sort_rows(table, rows, settings.sort),
            form,
            context,
            columns=settings.columns or (columns if form == "table" else ()),
            headers=not settings.is_without_headers,
            color=has_color(settings),
            observed=observed if settings.is_with_observed else None,
        )
    )
