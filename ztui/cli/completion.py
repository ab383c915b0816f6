"""`completion bash|zsh|fish`: a script for the shell, generated from the declarations the parser is built from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ztui.cli.commands import COMMANDS, PROGRAM, SCREEN, Command
from ztui.errors import UsageError
from ztui.settings import FILTER_OPTIONS, OPTIONS, Option

if TYPE_CHECKING:
    from ztui.cli.parser import Invocation

_FILE_VALUES = ("files", "kubeconfig", "kubeconfig_out", "log_file")


def run(invocation: Invocation) -> int:
    """Print the script of the shell that is named."""
    shell = invocation.arguments[0] if invocation.arguments else ""
    if shell not in _SCRIPTS:
        raise UsageError(f"There is no completion for {shell or 'no shell'!r}.", "Name one of bash, zsh and fish.")
    print(_SCRIPTS[shell](), end="")
    return 0


def _options(command: Command) -> Iterator[tuple[tuple[str, ...], Option, bool]]:
    """List a command's flags, with their option and whether their value is a file."""
    for dest in (*command.takes, *PROGRAM):
        option = OPTIONS.get(dest) or FILTER_OPTIONS[dest]
        flags = ("-f", *option.flags) if dest == "files" and command.is_f_file else option.flags
        yield flags, option, dest in _FILE_VALUES


def _flags(command: Command) -> str:
    found = [flag for flags, _, _ in _options(command) for flag in flags]
    return " ".join([*found, "--config", "--help"])


def _values() -> dict[str, str]:
    """Give, for flags with a closed choice of values, these values."""
    every = [*OPTIONS.values(), *FILTER_OPTIONS.values()]
    return {"|".join(option.flags): " ".join(option.choices) for option in every if option.choices}


def _file_flags() -> str:
    return "|".join(["--config", *(flag for dest in _FILE_VALUES for flag in OPTIONS[dest].flags)])


def _names(command: Command) -> str:
    return "|".join((command.name, *command.aliases))


def _arguments(command: Command) -> str:
    return " bash zsh fish" if command.name == "completion" else ""


def _bash() -> str:
    names = " ".join(command.name for command in COMMANDS)
    every = "|".join(map(_names, COMMANDS))
    values = "".join(
        f'    {flags}) COMPREPLY=($(compgen -W "{words}" -- "$cur")); return ;;\n' for flags, words in _values().items()
    )
    words = "".join(
        f'    {_names(command)}) words="{_flags(command)}{_arguments(command)}" ;;\n' for command in COMMANDS
    )
    return f"""# bash completion of ztui: source <(ztui completion bash)
_ztui() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD - 1]}}" command="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in
    {every}) command="${{COMP_WORDS[i]}}"; break ;;
    esac
  done
  case "$prev" in
{values}    {_file_flags()}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case "$command" in
{words}    *) words="{names} {_flags(SCREEN)}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -F _ztui ztui
"""


def _zsh() -> str:
    return f"""#compdef ztui
# zsh completion of ztui: source <(ztui completion zsh)
autoload -U +X bashcompinit && bashcompinit
{_bash()}"""


def _fish() -> str:
    lines = ["# fish completion of ztui: ztui completion fish | source", "complete -c ztui -f"]
    every = " ".join(name for command in COMMANDS for name in (command.name, *command.aliases))
    alone = f"not __fish_seen_subcommand_from {every}"
    for command in COMMANDS:
        lines.append(f"complete -c ztui -n '{alone}' -a {command.name} -d {_quoted(command.summary)}")
    for command in (SCREEN, *COMMANDS):
        names = " ".join((command.name, *command.aliases))
        when = alone if command is SCREEN else f"__fish_seen_subcommand_from {names}"
        lines += [_fish_flag(when, flags, option, is_file) for flags, option, is_file in _options(command)]
    lines.append("complete -c ztui -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'")
    return "\n".join(lines) + "\n"


def _fish_flag(when: str, flags: tuple[str, ...], option: Option, is_file: bool) -> str:
    names = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in flags)
    value = " -r" if option.metavar else ""
    if option.choices:
        value = f" -x -a {_quoted(' '.join(option.choices))}"
    elif is_file:
        value = " -r -F"
    return f"complete -c ztui -n '{when}' {names}{value} -d {_quoted(option.help)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
