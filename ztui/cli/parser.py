"""From a command line to a command and its settings; from commands to their help.

Only the parser of the command at hand is built: `ztui version` should not wait for the flags of the others.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ztui.cli.commands import BY_NAME, COMMANDS, PROGRAM, SCREEN, Command
from ztui.errors import UsageError
from ztui.settings import FILTER_OPTIONS, OPTIONS, Option, Settings, config_path, read_config, resolve

Term = tuple[bool, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What a command line asks for."""

    command: Command
    arguments: tuple[str, ...]
    """TARGET, SERVICE, SCENARIO or shell, as given."""
    settings: Settings
    program: str
    """How the user calls ztui: `ztui`, or `kubectl ztui`."""
    wants_help: bool = False
    wants_version: bool = False


class _Parser(argparse.ArgumentParser):
    """argparse that raises UsageError instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


class _AddTerm(argparse.Action):
    """Collects filter flags in the order they are written; `--not` waits for the next one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  argparse's signature
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        name = (option_string or "").removeprefix("--")
        if name == "not":
            namespace.negates_next = True
            return
        text = FILTER_OPTIONS[name].read(values, f"--{name}") if isinstance(values, str) else "true"
        namespace.terms.append((namespace.negates_next, name, str(text)))
        namespace.negates_next = False


def find_command(words: Sequence[str]) -> tuple[Command, list[str]]:
    """Find the command in a command line, and what else there is. Without one it is the screen's."""
    with_value = {flag for option in OPTIONS.values() if option.metavar for flag in option.flags}
    with_value |= {option.flags[0] for option in FILTER_OPTIONS.values() if option.metavar} | {"--config"}
    i = 0
    while i < len(words):
        word = words[i]
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            command = BY_NAME.get(word)
            if command is None:
                break
            return command, [*words[:i], *words[i + 1 :]]
        i += 2 if word in with_value else 1
    return SCREEN, list(words)


def _add(parser: Any, dest: str, option: Option, command: Command) -> None:
    flags = list(option.flags)
    if dest == "files" and command.is_f_file:
        flags.insert(0, "-f")
    if option.name in FILTER_OPTIONS and dest == option.name:
        nargs = None if option.metavar else 0
        parser.add_argument(
            *flags, action=_AddTerm, nargs=nargs, help=option.help, metavar=option.metavar or None, dest="terms"
        )
    elif option.metavar:
        parser.add_argument(*flags, action="append", dest=dest, help=option.help, metavar=option.metavar)
    else:
        parser.add_argument(*flags, action="store_true", dest=dest, help=option.help)


def build(command: Command, program: str) -> argparse.ArgumentParser:
    """Build the parser of one command; its help groups flags by what they are about."""
    is_screen = command is SCREEN
    prog = program if is_screen else f"{program} {command.name}"
    parser = _Parser(
        prog=prog,
        usage=f"{prog} {command.argument + ' ' if command.argument else ''}[flags]"
        + (f"\n       {program} COMMAND [flags]" if is_screen else ""),
        description=_list_commands() if is_screen else _describe(command),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    groups: dict[str, Any] = {}
    for dest in (*command.takes, *PROGRAM):
        option = OPTIONS.get(dest) or FILTER_OPTIONS[dest]
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        _add(groups[option.group], dest, option, command)
    about = groups[OPTIONS["is_verbose"].group]
    about.add_argument("--config", metavar="FILE", help="config file ($XDG_CONFIG_HOME/ztui/config.toml)")
    about.add_argument("--version", action="store_true", help="print the version")
    about.add_argument("-h", "--help", action="store_true", help="print this")
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    return parser


def _list_commands() -> str:
    lines = ["Watch every ztunnel of an Istio ambient mesh from one terminal pane.", "", "Commands:"]
    for command in COMMANDS:
        words = f"{command.name} {command.argument}".rstrip()
        aliases = f" ({', '.join(command.aliases)})" if command.aliases else ""
        lines.append(f"  {words:<27} {command.summary}{aliases}")
    return "\n".join(
        [*lines, "", "Without a command: the screen. TARGET is a pod, node/NAME or kind/NAME[.NAMESPACE]."]
    )


def _describe(command: Command) -> str:
    aliases = f"\n\nAliases: {', '.join(command.aliases)}" if command.aliases else ""
    return f"Prints {command.summary}.{aliases}" if command.module != "demo" else f"Shows {command.summary}."


def parse(words: Sequence[str], environ: Mapping[str, str], program: str = "ztui") -> Invocation:
    """Read a whole command line with its environment and config file. Raises UsageError."""
    command, rest = find_command(words)
    parser = build(command, program)
    space = argparse.Namespace(terms=[], negates_next=False)
    found = vars(parser.parse_intermixed_args(rest, space))
    wants = {f"wants_{word}": bool(found.pop(word, False)) for word in ("help", "version")}
    named_config = found.pop("config", None)
    arguments = tuple(found.pop("arguments", ()))
    terms: tuple[Term, ...] = tuple(found.pop("terms"))
    if found.pop("negates_next"):
        raise UsageError("--not has no filter after it.", "Write --not before the filter it turns round.")
    if any(wants.values()):
        return Invocation(command=command, arguments=arguments, settings=Settings(), program=program, **wants)
    if len(arguments) > (1 if command.argument else 0):
        raise UsageError(f"{arguments[-1]!r} is one argument too many.", f"See {parser.prog} --help.")
    path, must_exist = config_path(named_config, environ)
    settings = resolve(found, terms, environ=environ, config=read_config(path, must_exist), config_name=path)
    return Invocation(command=command, arguments=arguments, settings=settings, program=program)


def help_text(command: Command, program: str) -> str:
    """Write a command's help."""
    return build(command, program).format_help()
