"""Scenarios as data: which acts happen when. The files are in `scenarios/`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from ztui.simulator.clock import read_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that happens: its name, its first time counted from the start, and how often it comes again."""

    do: str
    at_us: int
    every_us: int | None = None
    of: tuple[str, ...] = ()
    """Apps or nodes it happens to, one after another."""
    for_us: int = 0
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A timeline with a title."""

    name: str
    title: str
    acts: tuple[Act, ...] = field(default=())


def names_of_scenarios() -> list[str]:
    """All there are, `calm` first."""
    files = resources.files("ztui.simulator").joinpath("scenarios").iterdir()
    found = sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
    return sorted(found, key=lambda name: name != "calm")


def read_scenario(name: str) -> Scenario:
    """Read the scenario of that name; ValueError naming those there are."""
    known = names_of_scenarios()
    if name not in known:
        raise ValueError(f"no scenario {name!r}; there are: {', '.join(known)}")
    text = resources.files("ztui.simulator").joinpath("scenarios", f"{name}.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return Scenario(name=name, title=str(data["title"]), acts=tuple(map(read_act, data.get("act", ()))))


def read_act(data: dict[str, Any]) -> Act:
    """One `[[act]]` table, or the same keys asked for over the control address."""
    every = data.get("every")
    return Act(
        do=str(data["do"]),
        at_us=read_duration(data.get("at", "0s")),
        every_us=read_duration(every) if every else None,
        of=tuple(data.get("of", ())),
        for_us=read_duration(data.get("for", "0s")),
        says=str(data.get("says", "")),
    )
