"""Settings: flag beats environment beats file beats default, and what is wrong is said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ztui.cli.commands import COMMANDS, SCREEN
from ztui.cli.parser import Invocation, build, find_command, parse
from ztui.errors import UsageError
from ztui.settings import FILTER_OPTIONS, OPTIONS, Settings, config_path, read_config, resolve


def settings_of(line: str, environ: dict[str, str] | None = None) -> Settings:
    return parse(line.split(), {"HOME": "/nowhere", **(environ or {})}).settings


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    config = tmp_path / "ztui" / "config.toml"
    config.parent.mkdir()
    config.write_text('sort = "file"\nqps = 5\nno-headers = true\nnamespace = ["a", "b"]\nmemory = "1MiB"\n')
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "ZTUI_SORT": "environment", "ZTUI_QPS": "7"}
    settings = settings_of("edges --sort flag", environ)
    assert (settings.sort, settings.qps, settings.is_without_headers) == ("flag", 7.0, True)
    assert (settings.namespaces, settings.max_bytes, settings.max_log_requests) == (("a", "b"), 1 << 20, 300)
    assert settings_of("edges", environ).sort == "environment"
    assert settings_of("edges", {"XDG_CONFIG_HOME": str(tmp_path)}).sort == "file"
    assert settings_of("edges").sort is None


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_option_has_its_variable_and_its_key(name: str) -> None:
    option = OPTIONS[name]
    text = option.choices[0] if option.choices else "2026-01-31T09:08:07Z" if option.metavar == "TIME" else "7"
    text = text if option.metavar else "true"
    assert option.variable == "ZTUI_" + option.flags[-1][2:].upper().replace("-", "_")
    from_environment = getattr(resolve({}, environ={option.variable: text}, config={}), name)
    from_file = getattr(resolve({}, environ={}, config={option.name: text}), name)
    assert from_environment == from_file != getattr(Settings(), name) or name == "color"


def test_lists_are_repeated_or_parted_by_commas_except_where_commas_belong_to_the_value() -> None:
    assert settings_of("workloads -n a,b -n c").namespaces == ("a", "b", "c")
    assert settings_of("workloads --namespace=a").namespaces == ("a",)
    assert settings_of("workloads --file a,b -f c").files == ("a,b", "c")
    assert settings_of("workloads", {"ZTUI_NAMESPACE": "a, b"}).namespaces == ("a", "b")


def test_f_is_the_file_of_a_snapshot_and_follows_a_log() -> None:
    assert settings_of("certs -f dump.json").files == ("dump.json",)
    assert settings_of("entries -f --file w1.log").is_following
    assert settings_of("all -f -").files == ("-",)


@pytest.mark.parametrize("text", ["1", "true", "YES", "on"])
def test_switches_are_written_in_many_ways(text: str) -> None:
    assert settings_of("edges", {"ZTUI_ASCII": text}).is_ascii
    assert not settings_of("edges", {"ZTUI_ASCII": "off"}).is_ascii


def test_filter_flags_keep_their_order() -> None:
    terms = settings_of("edges --from a --not --to b --failed --port 80").flow_terms
    assert terms == ((False, "from", "a"), (True, "to", "b"), (False, "failed", "true"), (False, "port", "80"))


def test_standing_filters_hold_where_the_command_line_has_none() -> None:
    environ = {"ZTUI_FROM": "curl", "ZTUI_FAILED": "true"}
    assert settings_of("edges", environ).flow_terms == ((False, "from", "curl"), (False, "failed", "true"))
    assert settings_of("edges --to b", environ).flow_terms == ((False, "to", "b"),)
    assert settings_of("edges", {"ZTUI_FAILED": "no"}).flow_terms == ()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ZTUI_QPS": "many"}, "ZTUI_QPS cannot be 'many'."),
        ({"ZTUI_OUTPUT": "xml"}, "ZTUI_OUTPUT 'xml' does not exist."),
        ({"ZTUI_ASCII": "perhaps"}, "ZTUI_ASCII cannot be 'perhaps'."),
        ({"ZTUI_DIRECTION": "up"}, "ZTUI_DIRECTION 'up' does not exist."),
        ({"ZTUI_FAILED": "perhaps"}, "ZTUI_FAILED cannot be 'perhaps'."),
        ({"ZTUI_CONFIG": "/nowhere.toml"}, "The config file /nowhere.toml does not exist."),
    ],
)
def test_what_is_wrong_in_the_environment_is_said_with_its_name(environ: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        settings_of("edges", environ)
    assert error.value.what == said
    assert error.value.remedy.endswith(".")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is no TOML"),
        ("colour = 1", "sets 'colour', which ztui does not know"),
        ("qps = 'many'", "qps in "),
        ("direction = 'up'", "direction in the config file 'up' does not exist"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        settings_of(f"edges --config {path}")
    assert said in error.value.what


def test_where_the_config_file_lies() -> None:
    assert config_path(None, {"HOME": "/h"}) == ("/h/.config/ztui/config.toml", False)
    assert config_path(None, {"HOME": "/h", "XDG_CONFIG_HOME": "/x"}) == ("/x/ztui/config.toml", False)
    assert config_path(None, {"ZTUI_CONFIG": "/c"}) == ("/c", True)
    assert config_path("/named", {"ZTUI_CONFIG": "/c"}) == ("/named", True)
    assert read_config("/nowhere/config.toml", False) == {}
    with pytest.raises(UsageError, match="cannot be read"):
        read_config("/", True)


def test_keys_are_given_anew_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\nquit = "ctrl+x"\n')
    assert settings_of(f"keys --config {path}").keys == {"quit": "ctrl+x"}


# -- the command line


@pytest.mark.parametrize("command", [SCREEN, *COMMANDS], ids=lambda command: command.name)
def test_every_command_takes_what_it_declares(command: object) -> None:
    assert command in (SCREEN, *COMMANDS)
    help_text = build(command, "ztui").format_help()
    for dest in command.takes:
        option = OPTIONS.get(dest) or FILTER_OPTIONS[dest]
        assert option.flags[-1] in help_text


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("", "ztui"),
        ("reviews-v1-abc.default", "ztui"),
        ("--context kind edges", "edges"),
        ("-n default certs", "certificates"),
        ("--file - --failed", "ztui"),
        ("--file edges --failed", "ztui"),
        ("-- edges", "ztui"),
        ("lb reviews", "balance"),
    ],
)
def test_the_command_is_found_among_flags(line: str, name: str) -> None:
    assert find_command(line.split())[0].name == name


def test_arguments_may_stand_anywhere() -> None:
    def told(line: str) -> Invocation:
        return parse(line.split(), {})

    assert told("workloads curl.default -o json").arguments == ("curl.default",)
    assert told("workloads -o json curl.default").arguments == ("curl.default",)
    assert told("-o json workloads curl.default").arguments == ("curl.default",)
    with pytest.raises(UsageError, match="one argument too many"):
        told("keys quit")
