"""Every key of the screen as data: the screen binds it, `?` explains it, `ztui keys` and the README print it.

Pure values. A key is written as Textual writes it (`ctrl+f`, `pagedown`, `?`); the config file may give any
binding other keys by its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum

from ztui.errors import UsageError


class KeyGroup(StrEnum):
    """What a key is for; the order is that of the help and of the README's table."""

    PANES = "Panes"
    MOVE = "Move"
    LOOK = "Look closer"
    SELECT = "Filter and find"
    SHAPE = "Shape what is shown"
    KEEP = "Keep"
    PROGRAM = "Program"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBinding:
    """One thing a key does. `keys` are alternatives; the first is the one shown in the footer."""

    id: str
    """Its name in the config file's `[keys]`."""
    keys: tuple[str, ...]
    action: str
    """What the screen runs, with its argument: `show_pane('flows')`."""
    description: str
    group: KeyGroup
    label: str = ""
    """Its word in the footer, where it stands there."""
    pane: str | None = None
    """The pane it works in; None for all of them."""
    footer: bool = False
    always: bool = False
    """Works also while a prompt or the palette is open."""


def _pane(key: str, name: str, description: str) -> KeyBinding:
    return KeyBinding(
        id=f"pane.{name}",
        keys=(key,),
        action=f"show_pane('{name}')",
        description=description,
        group=KeyGroup.PANES,
    )


def _key(group: KeyGroup, name: str, keys: str, description: str, *, action: str = "", label: str = "") -> KeyBinding:
    return KeyBinding(
        id=name,
        keys=tuple(keys.split()),
        action=action or name,
        description=description,
        group=group,
        label=label,
        footer=bool(label),
    )


_MOVE, _LOOK, _SELECT = KeyGroup.MOVE, KeyGroup.LOOK, KeyGroup.SELECT
_SHAPE, _KEEP, _PROGRAM = KeyGroup.SHAPE, KeyGroup.KEEP, KeyGroup.PROGRAM

REGISTRY: tuple[KeyBinding, ...] = (
    _pane("0", "overview", "Overview: live flows, balance, certificate expiries, health"),
    _pane("1", "flows", "Flows: who talks to whom, and what fails"),
    _pane("2", "workloads", "Workloads as the ztunnels see them"),
    _pane("3", "certificates", "Certificates: renewal and expiry, overdue ones first"),
    _pane("4", "services", "Services: VIPs, ports, endpoints, waypoint"),
    _pane("5", "policies", "Policies as the ztunnels hold them"),
    _pane("6", "connections", "Connections open now"),
    _pane("7", "drift", "Drift between Kubernetes, istiod and each ztunnel"),
    _pane("8", "rollout", "Rollout: marks and what changed"),
    _pane("9", "health", "Health: one row per node"),
    KeyBinding(
        id="pane.balance",
        keys=("i",),
        action="show_balance",
        description="Balance of the service under the cursor",
        group=KeyGroup.PANES,
        label="balance",
        footer=True,
    ),
    _key(_MOVE, "down", "j down", "Down", action="move(1)"),
    _key(_MOVE, "up", "k up", "Up", action="move(-1)"),
    _key(_MOVE, "page_down", "ctrl+f pagedown", "Page down", action="page(1)"),
    _key(_MOVE, "page_up", "ctrl+b pageup", "Page up", action="page(-1)"),
    _key(_MOVE, "first", "g home", "First row", action="go_first"),
    _key(_MOVE, "newest", "G end", "Newest row, and follow", action="go_newest"),
    _key(_MOVE, "next_part", "tab", "Next part of the pane", action="next_part(1)"),
    _key(_MOVE, "previous_part", "shift+tab", "Previous part of the pane", action="next_part(-1)"),
    _key(_LOOK, "detail", "enter", "Detail with explanation and evidence", label="detail"),
    _key(_LOOK, "raw", "y", "Raw line or JSON"),
    _key(_LOOK, "next_failure", "e", "Next failure", action="failure(1)"),
    _key(_LOOK, "previous_failure", "E", "Previous failure", action="failure(-1)"),
    _key(_LOOK, "follow_workload", "o", "Follow this workload in all panes; again: stop"),
    _key(_LOOK, "back", "escape", "Close, then clear the filter, then go back"),
    _key(_SELECT, "filter", "/", "Filter, with value hints; ! negates", label="filter"),
    _key(_SELECT, "problems", "x", "Problems only", label="problems"),
    _key(_SELECT, "find", "f", "Find in what is shown"),
    _key(_SELECT, "find_next", "n", "Next hit", action="find_again(1)"),
    _key(_SELECT, "find_previous", "N", "Previous hit", action="find_again(-1)"),
    _key(_SHAPE, "pause", "space", "Pause the view; collection goes on", label="pause"),
    _key(_SHAPE, "aggregation", "a", "Cycle what is aggregated"),
    _key(_SHAPE, "column_left", "shift+left", "Choose the column to the left", action="choose_column(-1)"),
    _key(_SHAPE, "column_right", "shift+right", "Choose the column to the right", action="choose_column(1)"),
    _key(_SHAPE, "sort", "O", "Sort by the chosen column; again: turn round"),
    _key(_SHAPE, "wide", "w", "Wide: all columns"),
    _key(_SHAPE, "columns", "v", "Next set of columns that do not fit", action="next_columns"),
    _key(_SHAPE, "window_shorter", "{", "Shorter window", action="window(-1)"),
    _key(_SHAPE, "window_longer", "}", "Longer window", action="window(1)"),
    _key(_SHAPE, "time_zone", "t", "Times relative, local, UTC"),
    _key(_SHAPE, "maximise", "z", "Give the whole screen to this part"),
    _key(_KEEP, "mark", "m", "Set a mark", label="mark"),
    _key(_KEEP, "marks", "M", "List marks"),
    _key(_KEEP, "copy", "c", "Copy the row or text shown"),
    _key(_KEEP, "save", "ctrl+s", "Save what is shown to a file"),
    _key(_KEEP, "poll", "ctrl+r", "Poll config dumps now"),
    _key(_PROGRAM, "help", "? f1", "Help of this pane", label="help"),
    _key(_PROGRAM, "palette", ": ctrl+p", "Command palette", action="command_palette"),
    KeyBinding(
        id="quit",
        keys=("q", "ctrl+q"),
        action="back_or_quit",
        description="Back, then quit",
        group=_PROGRAM,
    ),
    _key(_PROGRAM, "quit_summary", "Q", "Quit leaving a text summary"),
    KeyBinding(
        id="interrupt",
        keys=("ctrl+c",),
        action="interrupt",
        description="Copy if text is selected, else quit",
        group=_PROGRAM,
        always=True,
    ),
    _key(_PROGRAM, "suspend", "ctrl+z", "Suspend to the shell", action="suspend_process"),
)
"""All bindings of this edition, in the order they are explained."""

_WRITTEN = {
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "shift+Tab",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "up": "↑",
    "down": "↓",
    "shift+left": "shift+←",
    "shift+right": "shift+→",
    "f1": "F1",
}


def written(key: str) -> str:
    """Spell a key the way people do: `Esc`, `PgDn`, `shift+←`."""
    return _WRITTEN.get(key, key)


def written_keys(binding: KeyBinding) -> str:
    """All keys of a binding, the way people spell them: `j ↓`."""
    return " ".join(written(key) for key in binding.keys)


def remap(overrides: Mapping[str, str], bindings: Iterable[KeyBinding] = REGISTRY) -> tuple[KeyBinding, ...]:
    """Give bindings other keys by id (`{"pause": "p", "raw": "y,ctrl+y"}`); an empty text leaves one without a key.

    Raises UsageError for an id that does not exist, and for a key that would do two things in the same pane.
    """
    known = {binding.id: binding for binding in bindings}
    for name, keys in overrides.items():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise UsageError(
                f"keys: there is no binding {name!r}",
                f"Did you mean {close[0]!r}? `ztui keys` lists them all." if close else "`ztui keys` lists them all.",
            )
        split = tuple(part for part in (text.strip() for text in keys.split(",")) if part)
        known[name] = replace(known[name], keys=split)
    remapped = tuple(known.values())
    if "quit" in known and not known["quit"].keys:
        raise UsageError("keys: 'quit' has no key left", "Give it one; without it only ctrl+c ends the program.")
    _refuse_conflicts(remapped)
    return remapped


def _refuse_conflicts(bindings: Iterable[KeyBinding]) -> None:
    taken: dict[str, list[KeyBinding]] = {}
    for binding in bindings:
        for key in binding.keys:
            for other in taken.setdefault(key, []):
                if binding.pane is None or other.pane is None or binding.pane == other.pane:
                    raise UsageError(
                        f"keys: {written(key)} would be both {other.id!r} and {binding.id!r}",
                        "Give one of the two another key in the config file's [keys].",
                    )
            taken[key].append(binding)


def by_group(bindings: Iterable[KeyBinding] = REGISTRY) -> Iterator[tuple[KeyGroup, list[KeyBinding]]]:
    """List the bindings under their headings, in reading order."""
    everything = list(bindings)
    for group in KeyGroup:
        if members := [binding for binding in everything if binding.group is group]:
            yield group, members


def footer(bindings: Iterable[KeyBinding] = REGISTRY, limit: int = 7) -> list[tuple[str, str]]:
    """Key and word of what stands in the footer, at most `limit` of them, `? help` always the last."""
    shown = [(written(b.keys[0]), b.label) for b in bindings if b.footer and b.keys]
    shown.sort(key=lambda item: _FOOTER_ORDER.index(item[1]) if item[1] in _FOOTER_ORDER else len(_FOOTER_ORDER))
    return [*shown[: limit - 1], shown[-1]] if len(shown) > limit else shown


_FOOTER_ORDER = ("filter", "detail", "pause", "balance", "problems", "mark", "help")


def markdown_table(bindings: Iterable[KeyBinding] = REGISTRY) -> str:
    """Write the README's table of keys."""
    lines = ["| Key | Does | Id |", "|---|---|---|"]
    for group, members in by_group(bindings):
        lines.append(f"| **{group}** | | |")
        for binding in members:
            keys = " ".join(f"`{written(key)}`" for key in binding.keys)
            lines.append(f"| {keys} | {binding.description} | `{binding.id}` |")
    return "\n".join(lines) + "\n"
