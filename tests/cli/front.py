"""The program's front door for tests: a command line in, exit code and what was printed out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ztui.__main__ import main

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
Capture = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Printed:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def run(capsys: Capture, *words: str) -> Printed:
    """Run one command line."""
    code = main(list(words))
    out, err = capsys.readouterr()
    return Printed(code, out, err)


def files(*names: str) -> list[str]:
    """Name captures with --file."""
    return [word for name in names for word in ("--file", str(DATA / name))]


PLAIN, JSON = files("plain/w1.log", "plain/w2.log"), files("json/w1.log", "json/w2.log")
ISTIOD = files("istiod-mesh/w1.log", "istiod-mesh/w2.log")
DUMPS = files("plain/w1-config_dump.json", "plain/w2-config_dump.json")
