"""Prints the README's tables from the program's own declarations: `python -m tests.readme` writes them in place."""

from __future__ import annotations

import dataclasses
import re
from itertools import groupby
from pathlib import Path

from ztui import keys
from ztui.settings import Option, Settings

README = Path(__file__).resolve().parents[1] / "README.md"


def flag_table() -> str:
    """Every flag, by group, with its help."""
    options: list[Option] = [field.metadata["option"] for field in dataclasses.fields(Settings) if field.metadata]
    rows = ["| | Flag | Meaning |", "|---|---|---|"]
    for group, members in groupby(options, key=lambda option: option.group):
        for index, option in enumerate(members):
            flag = ", ".join(f"`{name}`" for name in option.flags) + (f" {option.metavar}" if option.metavar else "")
            meaning = option.help.replace("|", "\\|")
            rows.append(f"| {group if index == 0 else ''} | {flag.replace('|', chr(92) + '|')} | {meaning} |")
    return "\n".join(rows)


def rendered(text: str) -> str:
    """The README with its generated tables as they should be now."""
    for name, table in (("keys", keys.markdown_table()), ("flags", flag_table())):
        text = with_table(text, name, table)
    return text


def with_table(text: str, name: str, table: str) -> str:
    """The text with another table between the markers of that name."""
    pattern = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)


def main() -> None:
    """Write the tables in place."""
    README.write_text(rendered(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
