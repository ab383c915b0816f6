"""Tables as text: for people (`table`, `wide`), for scripts (`json`, `jsonl`, `yaml`, `csv`, `name`).

Nothing is ever cut short: what does not fit its column pushes the line wider.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

from ztui.errors import UsageError
from ztui.tables.columns import Align, Cell, Column, Context, Meaning, Table, Value, plain_glyphs

T = TypeVar("T")

_MEASURED_ROWS = 1000
"""So many rows are measured before they are written: a long table should not wait for its end."""

SGR = {
    Meaning.DIM: "2",
    Meaning.NAME: "",
    Meaning.NUMBER: "",
    Meaning.ACCENT: "36",
    Meaning.OK: "32",
    Meaning.WARN: "33",
    Meaning.ERROR: "31",
}
"""Terminal colours of the sixteen every theme defines, by meaning."""


def choose_columns(table: Table[T], *, keys: Sequence[str] = (), wide: bool = False) -> tuple[Column[T], ...]:
    """Choose the columns to print: those named, or all that belong to the width. Raises UsageError."""
    if not keys:
        return tuple(column for column in table.columns if wide or not column.wide)
    try:
        return tuple(table.column(key) for key in keys)
    except KeyError as error:
        raise UsageError(
            f"{table.name} has no column {error.args[0]!r}.", f"Choose from {', '.join(table.keys)}."
        ) from None


def sort_rows(table: Table[T], rows: Iterable[T], sort: str | None) -> Sequence[T]:
    """Sort rows by a column: numbers largest first, words from A; `-` before the name turns it round.

    Rows without a value come last, either way. `none`, or a table without a default order, keeps the order of the
    input. Raises UsageError.
    """
    sort = sort or table.default_sort
    if sort is None or sort == "none":
        return list(rows)
    is_reversed = sort.startswith("-")
    column = choose_columns(table, keys=(sort.removeprefix("-"),))[0]
    known: list[tuple[Any, T]] = []
    unknown: list[T] = []
    for row in rows:
        value = column.value(row)
        if value is None:
            unknown.append(row)
        else:
            known.append((value, row))
    is_number = any(not isinstance(value, str) for value, _ in known)
    known.sort(key=lambda pair: pair[0], reverse=is_number != is_reversed)
    return [row for _, row in known] + unknown


def width_of(text: str) -> int:
    """Count the terminal cells a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _padded(texts: Sequence[str], widths: Sequence[int], width: int, align: Align) -> list[str]:
    """Make texts that take so many cells as wide as their column: all at once, for there may be many."""
    if align is Align.RIGHT:
        return [" " * (width - taken) + text for text, taken in zip(texts, widths, strict=True)]
    return [text + " " * (width - taken) for text, taken in zip(texts, widths, strict=True)]


def _colored(text: str, cell: Cell) -> str:
    sgr = SGR.get(cell.meaning)
    return f"\x1b[{sgr}m{text}\x1b[0m" if sgr and text.strip() else text


class TableWriter(Generic[T]):
    """Writes rows as aligned lines, without line ends; numbers stand right, the last column is not padded.

    The first rows decide how wide the columns are; later ones, of this call or the next, only widen them.
    """

    def __init__(
        self, columns: Sequence[Column[T]], context: Context, *, headers: bool = True, color: bool = False
    ) -> None:
        self._columns = columns
        self.context = context
        self._color = color
        self._titles = [plain_glyphs(c.title) if context.ascii else c.title for c in columns] if headers else None
        self._widths = [width_of(title) for title in self._titles] if self._titles else [0] * len(columns)

    def lines(self, rows: Iterable[T]) -> Iterator[str]:
        """Write rows; the titles come before the first call's."""
        rows = iter(rows)
        while some := list(islice(rows, _MEASURED_ROWS)):
            columns = [self._column(i, some) for i in range(len(self._columns))]
            if self._titles is not None:
                yield self._header()
            yield from map(self._line, zip(*columns, strict=True))
        if self._titles is not None:
            yield self._header()

    def _column(self, i: int, rows: list[T]) -> list[str]:
        """Write column `i` of some rows, which may make it wider."""
        column, context = self._columns[i], self.context
        cells = [column.cell(row, context) for row in rows]
        texts = [plain_glyphs(cell.text) for cell in cells] if context.ascii else [cell.text for cell in cells]
        widths = list(map(width_of, texts))
        width = self._widths[i] = max(self._widths[i], *widths)
        padded = _padded(texts, widths, width, column.align)
        return [_colored(*of) for of in zip(padded, cells, strict=True)] if self._color else padded

    def _header(self) -> str:
        titles, self._titles = [title.upper() for title in self._titles or ()], None
        return self._line(
            _padded([title], [width_of(title)], width, column.align)[0]
            for title, width, column in zip(titles, self._widths, self._columns, strict=True)
        )

    @staticmethod
    def _line(parts: Iterable[str]) -> str:
        return "  ".join(parts).rstrip()


def csv_lines(columns: Sequence[Column[T]], rows: Iterable[T], *, headers: bool = True) -> Iterator[str]:
    """Write bare values as RFC 4180 has it (with bare line feeds), empty where a value is not known."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")

    def flushed() -> str:
        text = buffer.getvalue()[:-1]
        buffer.seek(0)
        buffer.truncate()
        return text

    if headers:
        writer.writerow([column.key for column in columns])
        yield flushed()
    for row in rows:
        writer.writerow([_csv_value(column.value(row)) for column in columns])
        yield flushed()


def _csv_value(value: Value) -> str | int | float:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def json_text(document: object) -> str:
    """Write one document on one line, as `jq -c` would."""
    return _encode(document)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def json_lines(documents: Iterable[object]) -> Iterator[str]:
    """Write documents as one JSON list, one document a line: `jq` reads it whole, `grep` reads it by line."""
    separator = "["
    for document in documents:
        yield separator + json_text(document)
        separator = ","
    yield "]" if separator == "," else "[]"


def yaml_text(document: object) -> str:
    """Write a document as YAML, keys in their own order."""
    import yaml  # noqa: PLC0415  40 ms that only `-o yaml` should cost

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return text.removesuffix("\n")


def lines(
    table: Table[T],
    rows: Sequence[T],
    form: str,
    context: Context,
    *,
    columns: Sequence[str] = (),
    headers: bool = True,
    color: bool = False,
    observed: Mapping[str, object] | None = None,
) -> Iterator[str]:
    """Write rows in one of the output formats. JSON and YAML with `observed` become `{"items": …, "observed": …}`.

    Raises UsageError for columns or formats the table does not have.
    """
    writers: dict[str, Callable[[], Iterable[str]]] = {
        "json": lambda: json_lines(map(table.document, rows)) if observed is None else [json_text(wrapped())],
        "jsonl": lambda: map(json_text, map(table.document, rows)),
        "yaml": lambda: [yaml_text([table.document(row) for row in rows] if observed is None else wrapped())],
        "name": lambda: map(table.row_name, rows),
        "csv": lambda: csv_lines(choose_columns(table, keys=columns, wide=True), rows, headers=headers),
    }

    def wrapped() -> dict[str, object]:
        return {"items": [table.document(row) for row in rows], "observed": observed}

    if form in writers:
        yield from writers[form]()
    else:
        chosen = choose_columns(table, keys=columns, wide=form == "wide")
        yield from TableWriter(chosen, context, headers=headers, color=color).lines(rows)
