"""`version`, `keys`, and the help of every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.front import Capture, run
from ztui import __version__, keys
from ztui.cli.commands import COMMANDS


def test_version_in_every_way(capsys: Capture) -> None:
    for words in (("version",), ("--version",), ("edges", "--version"), ("version", "--no-mouse")[:1]):
        printed = run(capsys, *words)
        assert (printed.code, printed.out, printed.err) == (0, f"ztui {__version__}\n", "")


@pytest.mark.parametrize("command", [command.name for command in COMMANDS] + [""])
def test_help_of_every_command(capsys: Capture, command: str) -> None:
    printed = run(capsys, *command.split(), "--help")
    assert (printed.code, printed.err) == (0, "")
    assert printed.out.startswith("usage: ztui")
    assert max(map(len, printed.lines)) < 140


def test_keys_are_printed_as_the_config_leaves_them(capsys: Capture, tmp_path: Path) -> None:
    found = json.loads(run(capsys, "keys", "-o", "json").out)
    assert {one["id"] for one in found} == {one.id for _, group in keys.by_group(keys.remap({})) for one in group}
    config = tmp_path / "config.toml"
    config.write_text('[keys]\nquit = "ctrl+x"\n')
    remapped = json.loads(run(capsys, "keys", "-o", "json", "--config", str(config)).out)
    assert next(one["keys"] for one in remapped if one["id"] == "quit") == ["ctrl+x"]
    assert run(capsys, "keys", "--no-headers").lines[0] == run(capsys, "keys").lines[1]
