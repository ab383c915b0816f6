"""The flags of `python -m ztui.simulator`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ztui.simulator.api.kubeconfig import context_names
from ztui.simulator.clock import read_stamp
from ztui.simulator.scenario import names_of_scenarios
from ztui.simulator.ztunnel import VERSIONS

_SEE_HELP = "See `python -m ztui.simulator --help`."


class OptionError(Exception):
    """A flag or its value makes no sense; the remedy is the second line."""

    def __init__(self, message: str, remedy: str = _SEE_HELP) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the simulated cluster is to be like, and how it is served."""

    is_listing: bool = False
    scenario: str = "calm"
    nodes: int = 3
    pods: int | None = None
    rate: float = 45.0
    seed: int = 1
    speed: float = 1.0
    versions: tuple[str, ...] = ("1.31",)
    is_json_log: bool = False
    port: int = 0
    user: str = "admin"
    kubeconfig: Path | None = None
    is_stepped: bool = False
    start_us: int | None = None
    tick_ms: int = 50
    ends_with_stdin: bool = False


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in two lines instead of the whole usage."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise OptionError(f"{message[:1].upper()}{message[1:]}.")


def read_options(words: Sequence[str]) -> Options:
    """Read the command line. Raises OptionError; `--help` prints and ends as argparse does."""
    found = _parser().parse_args(words)
    if found.start is not None and not found.stepped and found.start < 0:
        raise OptionError("A time before 1970 is not a time to start at.")
    return Options(
        is_listing=found.list,
        scenario=found.scenario,
        nodes=found.nodes,
        pods=found.pods,
        rate=found.rate,
        seed=found.seed,
        speed=found.speed,
        versions=found.versions,
        is_json_log=found.json_log,
        port=found.port,
        user=found.user,
        kubeconfig=found.kubeconfig_out,
        is_stepped=found.stepped,
        start_us=found.start,
        tick_ms=found.tick_ms,
        ends_with_stdin=found.until_stdin_closes,
    )


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m ztui.simulator", description="Serves the Kubernetes API of a cluster that does not exist."
    )
    add = parser.add_argument
    add("--list", action="store_true", help="list the scenarios and end")
    add("--scenario", default="calm", choices=names_of_scenarios(), metavar="NAME", help="what happens when")
    add("--nodes", default=3, type=_whole(1, 5_000), metavar="N", help="number of nodes, each with a ztunnel")
    add("--pods", type=_whole(1, 200_000), metavar="N", help="number of pods besides the system's")
    add("--rate", default=45.0, type=_real(0.0, 1e6), metavar="LINES/S", help="log lines a second, all together")
    add("--seed", default=1, type=_whole(0, 1 << 63), metavar="N", help="seed of all draws")
    add("--speed", default=1.0, type=_real(0.01, 1_000.0), metavar="X", help="how much faster than real time")
    add("--versions", default=("1.31",), type=_versions, metavar="A,B", help="versions of the ztunnels, in turn")
    add("--json-log", action="store_true", help="ztunnels log JSON")
    add("--port", default=0, type=_whole(0, 65_535), metavar="N", help="port to listen on; 0 is any that is free")
    add("--user", default="admin", choices=context_names(), metavar="NAME", help="context the kubeconfig begins with")
    add("--kubeconfig-out", type=Path, metavar="FILE", help="where to write the kubeconfig (mode 0600)")
    add("--stepped", action="store_true", help="time stands still until it is stepped over the control address")
    add("--start", type=_time, metavar="TIME", help="when the world is first looked at, RFC 3339; else now")
    add("--tick-ms", default=50, type=_whole(1, 10_000), metavar="N", help="how often the world catches up with time")
    add("--until-stdin-closes", action="store_true", help="end when standard input does")
    return parser


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.strip().isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def _real(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least:g} to {most:g}")
        return value

    return read


def _versions(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [version for version in found if version not in VERSIONS]
    if unknown or not found:
        raise argparse.ArgumentTypeError(f"{text!r} names no ztunnel of {', '.join(VERSIONS)}")
    return found


def _time(text: str) -> int:
    try:
        return read_stamp(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 2026-01-31T09:08:07Z") from None
