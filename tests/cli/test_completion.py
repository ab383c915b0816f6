"""Completion scripts: parsed by their shells where these are installed, and complete what the program takes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.front import Capture, run
from ztui.cli.commands import COMMANDS

CHECKS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}


@pytest.mark.parametrize("shell", CHECKS)
def test_a_shell_can_parse_its_script(capsys: Capture, tmp_path: Path, shell: str) -> None:
    printed = run(capsys, "completion", shell)
    assert (printed.code, printed.err) == (0, "")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "ztui"
    script.write_text(printed.out)
    done = subprocess.run([*CHECKS[shell], str(script)], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", CHECKS)
def test_every_command_and_flag_is_there(capsys: Capture, shell: str) -> None:
    script = run(capsys, "completion", shell).out
    assert all(command.name in script for command in COMMANDS)
    for flag in ("since-time", "with-observed", "not", "columns"):
        assert flag in script


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ztui ed", {"edges"}),
        ("ztui edges --with-o", {"--with-observed"}),
        ("ztui edges --direction ", {"inbound", "outbound"}),
        ("ztui -n default certs --no-h", {"--no-headers"}),
        ("ztui completion z", {"zsh"}),
        ("ztui workloads -o js", {"json", "jsonl"}),
        ("ztui --col", {"--color"}),
    ],
)
def test_bash_completes(capsys: Capture, tmp_path: Path, line: str, expected: set[str]) -> None:
    script = tmp_path / "ztui.bash"
    script.write_text(run(capsys, "completion", "bash").out)
    words = line.split(" ")
    program = (
        f"source {script}; COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; "
        '_ztui; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert set(done.stdout.split()) == expected
