"""What the README promises stands in the program."""

from __future__ import annotations

import re

from tests import readme
from ztui.cli.commands import COMMANDS


def test_tables_of_keys_and_flags_are_current() -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert readme.rendered(text) == text, "run python -m tests.readme"


def test_commands_in_examples_exist() -> None:
    names = {name for command in COMMANDS for name in (command.name, *command.aliases)}
    examples = re.findall(r"^ztui ([a-z]+) ", readme.README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert examples
    assert set(examples) <= names
