"""Everything a user can set, each declared once: flag beats environment variable beats config file beats default.

An option `--max-log-requests` is also `ZTUI_MAX_LOG_REQUESTS` and the key `max-log-requests` of `config.toml`
(`$XDG_CONFIG_HOME/ztui/`, or `--config`). Commands name the options they take; the parser, the help, the completion
and this resolution all read the same declaration.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ztui import units
from ztui.errors import UsageError

Parse = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """How one setting is written on a command line, in the environment and in a file."""

    flags: tuple[str, ...]
    """The first long one names it everywhere else."""
    help: str
    metavar: str = ""
    """Empty for a switch, which takes no value."""
    parse: Parse = str
    is_list: bool = False
    """Repeatable, and a comma list where `splits`."""
    splits: bool = True
    choices: tuple[str, ...] = ()
    group: str = "Options"

    @property
    def name(self) -> str:
        """The key in the config file: the long flag without its dashes."""
        return self.flags[-1].removeprefix("--")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "ZTUI_" + self.name.upper().replace("-", "_")

    def read(self, text: str, where: str) -> object:
        """Read one written value; `where` names its place for the error. Raises UsageError."""
        if self.choices and text not in self.choices:
            raise UsageError(f"{where} {text!r} does not exist.", f"Choose one of {', '.join(self.choices)}.")
        try:
            return self.parse(text)
        except ValueError as error:
            raise UsageError(f"{where} cannot be {text!r}.", f"{_sentence(str(error))}") from None

    def read_all(self, texts: list[str], where: str) -> tuple[object, ...]:
        """Read a repeatable option's values, each of which may be a comma list. Raises UsageError."""
        parts = [part.strip() for text in texts for part in (text.split(",") if self.splits else [text])]
        return tuple(self.read(part, where) for part in parts if part)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _switch(text: str) -> bool:
    """Read an environment variable or file value of a switch."""
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("", "0", "false", "no", "off"):
        return False
    raise ValueError("write true or false")


def _count(text: str) -> int:
    """Read a whole number that is not negative."""
    if not text.isdigit():
        raise ValueError("write a whole number")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("write a number") from None


def _moment(text: str) -> float:
    """Read an RFC 3339 time as Unix seconds."""
    moment = units.parse_time(text)
    if moment is None:
        raise ValueError("write a time such as 2026-01-31T09:08:07Z")
    return moment


CLUSTER, ZTUNNEL, SCOPE, LOAD = "Cluster", "Where ztunnel lives", "Scope", "Load"
FLOWS, TIME, OUTPUT, INPUT = "Filters", "Time", "Output", "Input"
ISTIOCTL, LOOKS, DEMO, PROGRAM = "As in istioctl ztunnel-config", "Looks", "Simulated cluster", "Program"


def setting(default: object, *flags: str, help: str, **more: Any) -> Any:  # noqa: A002  argparse's word
    """Declare one option and its default; a `bool` default makes a switch, a tuple a repeatable option."""
    is_list = isinstance(default, tuple)
    parse = more.pop("parse", _switch if isinstance(default, bool) else str)
    return field(
        default=default,
        metadata={"option": Option(flags=flags, help=help, parse=parse, is_list=is_list, **more)},
    )


FORMATS = ("table", "wide", "short", "json", "jsonl", "yaml", "csv", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asked for, resolved once. Spans are in seconds, sizes in bytes, times Unix seconds."""

    context: str | None = setting(None, "--context", metavar="NAME", group=CLUSTER, help="kubeconfig context")
    kubeconfig: str | None = setting(None, "--kubeconfig", metavar="FILE", group=CLUSTER, help="kubeconfig file")
    as_user: str | None = setting(None, "--as", metavar="USER", group=CLUSTER, help="impersonate this user")
    as_groups: tuple[str, ...] = setting(
        (), "--as-group", metavar="GROUP", group=CLUSTER, splits=False, help="impersonate this group (repeatable)"
    )
    request_timeout_s: float = setting(
        10.0,
        "--request-timeout",
        metavar="SPAN",
        parse=units.parse_duration_s,
        group=CLUSTER,
        help="longest wait for an answer of the API server (10s)",
    )

    namespaces: tuple[str, ...] = setting(
        (), "-n", "--namespace", metavar="NS", group=SCOPE, help="only these namespaces (repeatable, comma list)"
    )
    is_all_namespaces: bool = setting(
        False, "-A", "--all-namespaces", group=SCOPE, help="all namespaces (the default; overrides -n)"
    )
    selector: str | None = setting(
        None, "-l", "--selector", metavar="LABELS", group=SCOPE, help="only pods with these labels"
    )
    nodes: tuple[str, ...] = setting((), "--node", metavar="NODE", group=SCOPE, help="only these nodes (repeatable)")

    istio_namespace: str = setting(
        "istio-system", "-i", "--istio-namespace", metavar="NS", group=ZTUNNEL, help="istiod's namespace (istio-system)"
    )
    ztunnel_namespace: str | None = setting(
        None, "--ztunnel-namespace", metavar="NS", group=ZTUNNEL, help="ztunnel's namespace (found by its label)"
    )
    ztunnel_selector: str = setting(
        "app=ztunnel", "--ztunnel-selector", metavar="LABELS", group=ZTUNNEL, help="labels of ztunnel (app=ztunnel)"
    )
    proxy_admin_port: int = setting(
        15000, "--proxy-admin-port", metavar="PORT", parse=_count, group=ZTUNNEL, help="ztunnel's admin port (15000)"
    )

    max_log_requests: int = setting(
        300, "--max-log-requests", metavar="N", parse=_count, group=LOAD, help="follow at most this many logs (300)"
    )
    qps: float = setting(
        20.0, "--qps", metavar="N", parse=_number, group=LOAD, help="requests a second to the API server (20)"
    )
    dump_interval_s: float = setting(
        10.0,
        "--dump-interval",
        metavar="SPAN",
        parse=units.parse_duration_s,
        group=LOAD,
        help="how often one ztunnel's config dump is read (10s)",
    )
    is_without_dumps: bool = setting(False, "--no-dumps", group=LOAD, help="read logs only, no config dumps")

    filter: str | None = setting(None, "--filter", metavar="EXPR", group=FLOWS, help="the expression of the / prompt")

    is_following: bool = setting(False, "-f", "--follow", group=TIME, help="keep printing what arrives")
    since_s: float | None = setting(
        None, "--since", metavar="SPAN", parse=units.parse_duration_s, group=TIME, help="start this long ago (15m)"
    )
    since_time: float | None = setting(
        None, "--since-time", metavar="TIME", parse=_moment, group=TIME, help="start at this time (RFC 3339)"
    )
    until: float | None = setting(
        None, "--until", metavar="TIME", parse=_moment, group=TIME, help="end at this time (RFC 3339)"
    )
    tail: int | None = setting(
        None, "--tail", metavar="N", parse=_count, group=TIME, help="only the last N lines of each log"
    )
    is_watching: bool = setting(False, "-w", "--watch", group=TIME, help="print again as it changes")

    output: str | None = setting(
        None, "-o", "--output", metavar="FORMAT", choices=FORMATS, group=OUTPUT, help="|".join(FORMATS)
    )
    sort: str | None = setting(
        None, "--sort", metavar="COLUMN", group=OUTPUT, help="sort by this column; none keeps the order"
    )
    columns: tuple[str, ...] = setting((), "--columns", metavar="A,B,C", group=OUTPUT, help="only these columns")
    is_without_headers: bool = setting(False, "--no-headers", group=OUTPUT, help="no line of titles")
    is_with_headers: bool = setting(False, "--with-headers", group=OUTPUT, help="name each table (all -o short)")
    by: tuple[str, ...] = setting(
        ("src.workload", "dst.service"),
        "--by",
        metavar="KEYS",
        group=OUTPUT,
        help="what to group by (src.workload,dst.service)",
    )
    is_with_observed: bool = setting(
        False, "--with-observed", group=OUTPUT, help="also print what the answer rests on (json, yaml)"
    )

    files: tuple[str, ...] = setting(
        (),
        "--file",
        metavar="PATH",
        splits=False,
        group=INPUT,
        help="read this instead of a cluster (repeatable, - = stdin)",
    )

    workload_namespace: str | None = setting(
        None, "--workload-namespace", metavar="NS", group=ISTIOCTL, help="only workloads of this namespace"
    )
    service_namespace: str | None = setting(
        None, "--service-namespace", metavar="NS", group=ISTIOCTL, help="only services of this namespace"
    )
    policy_namespace: str | None = setting(
        None, "--policy-namespace", metavar="NS", group=ISTIOCTL, help="only policies of this namespace"
    )
    workload_node: str | None = setting(
        None, "--workload-node", metavar="NODE", group=ISTIOCTL, help="only workloads on this node"
    )
    address: str | None = setting(None, "--address", metavar="IP", group=ISTIOCTL, help="only what has this address")
    is_raw: bool = setting(False, "--raw", group=ISTIOCTL, help="connections: addresses instead of names")

    max_rows: int = setting(
        100_000, "--buffer", metavar="N", parse=_count, group=LOAD, help="keep this many entries (100000)"
    )
    max_bytes: int = setting(
        64 << 20,
        "--memory",
        metavar="SIZE",
        parse=units.parse_bytes,
        group=LOAD,
        help="keep entries of this size (64MiB)",
    )

    color: str = setting(
        "auto", "--color", metavar="WHEN", choices=("auto", "always", "never"), group=LOOKS, help="auto|always|never"
    )
    theme: str | None = setting(None, "--theme", metavar="NAME", group=LOOKS, help="colours of the screen")
    is_ascii: bool = setting(False, "--ascii", group=LOOKS, help="no glyphs beyond ASCII")
    is_without_mouse: bool = setting(False, "--no-mouse", group=LOOKS, help="leave the mouse to the terminal")
    tick_hz: float = setting(4.0, "--tick", metavar="HZ", parse=_number, group=LOOKS, help="pictures a second (4)")
    pane: str | None = setting(None, "--pane", metavar="NAME", group=LOOKS, help="start on this pane")

    is_listing: bool = setting(False, "--list", group=DEMO, help="list the scenarios")
    demo_nodes: int | None = setting(None, "--nodes", metavar="N", parse=_count, group=DEMO, help="number of nodes")
    demo_pods: int | None = setting(None, "--pods", metavar="N", parse=_count, group=DEMO, help="number of pods")
    demo_rate: float | None = setting(
        None, "--rate", metavar="LINES/S", parse=_number, group=DEMO, help="log lines a second"
    )
    demo_seed: int | None = setting(None, "--seed", metavar="N", parse=_count, group=DEMO, help="seed of all draws")
    demo_speed: float | None = setting(
        None, "--speed", metavar="X", parse=_number, group=DEMO, help="how fast time passes"
    )
    demo_versions: tuple[str, ...] = setting(
        (), "--versions", metavar="A,B", group=DEMO, help="ztunnel versions in the mesh"
    )
    is_serving: bool = setting(False, "--serve", group=DEMO, help="stand as a cluster for kubectl, without a screen")
    kubeconfig_out: str | None = setting(
        None, "--kubeconfig-out", metavar="FILE", group=DEMO, help="write a kubeconfig for it here"
    )

    log_file: str | None = setting(None, "--log-file", metavar="FILE", group=PROGRAM, help="write what goes wrong here")
    is_verbose: bool = setting(False, "-v", "--verbose", group=PROGRAM, help="say more when something goes wrong")

    flow_terms: tuple[tuple[bool, str, str], ...] = ()
    """The filter flags in the order written: whether negated, the flag's name, its value."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys given anew in the config file's `[keys]`: binding id → keys."""


def _filter(flag: str, help: str, metavar: str = "", choices: tuple[str, ...] = ()) -> Option:  # noqa: A002
    return Option(
        flags=(flag,), help=help, metavar=metavar, choices=choices, is_list=bool(metavar), splits=False, group=FLOWS
    )


FILTER_OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        _filter("--from", "source workload", "NAME"),
        _filter("--to", "destination workload or service", "NAME"),
        _filter("--from-namespace", "source namespace", "NS"),
        _filter("--to-namespace", "destination namespace", "NS"),
        _filter("--service", "destination service", "NAME"),
        _filter("--identity", "identity of either end", "ID"),
        _filter("--port", "destination port", "PORT"),
        _filter("--direction", "the reporting side: inbound|outbound", "SIDE", ("inbound", "outbound")),
        _filter("--security", "mtls|plaintext", "KIND", ("mtls", "plaintext")),
        _filter("--failed", "denied and failed ones only"),
        _filter("--error", "error text matches", "REGEX"),
        _filter("--not", "negates the next filter"),
    )
}
"""Hubble's words. Their order matters (`--not`), so they are collected in Settings.flow_terms."""

OPTIONS: dict[str, Option] = {
    each.name: each.metadata["option"] for each in dataclasses.fields(Settings) if "option" in each.metadata
}
"""Field of Settings → its option."""


def config_path(named: str | None, environ: Mapping[str, str]) -> tuple[str, bool]:
    """Give the config file's path, and whether it must exist (it was named)."""
    named = named or environ.get("ZTUI_CONFIG")
    if named:
        return named, True
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config")  # noqa: PTH118
    return f"{home}/ztui/config.toml", False


def read_config(path: str, must_exist: bool) -> dict[str, Any]:
    """Read a config file; nothing where there is none. Raises UsageError where it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  pathlib would cost `ztui version` five milliseconds
            data = file.read()
    except FileNotFoundError:
        if must_exist:
            raise UsageError(f"The config file {path} does not exist.", "Name an existing one with --config.") from None
        return {}
    except OSError as error:
        raise UsageError(
            f"The config file {path} cannot be read: {error.strerror}.", "Check its permissions."
        ) from None
    import tomllib  # noqa: PLC0415  only where there is a file

    try:
        return tomllib.loads(data.decode())
    except ValueError as error:
        raise UsageError(
            f"The config file {path} is no TOML: {error}.", "Correct it, or name another with --config."
        ) from None


def resolve(
    flags: Mapping[str, list[str] | bool],
    terms: tuple[tuple[bool, str, str], ...] = (),
    *,
    environ: Mapping[str, str],
    config: Mapping[str, Any],
    config_name: str = "config.toml",
) -> Settings:
    """Make Settings of written values: `flags` by field of Settings, each as written. Raises UsageError."""
    _refuse_unknown(config, config_name)
    values: dict[str, Any] = {}
    for name, option in OPTIONS.items():
        if name in flags:
            written, where = flags[name], option.flags[-1]
        elif option.variable in environ:
            written, where = [environ[option.variable]], option.variable
        elif option.name in config:
            written, where = _written(config[option.name]), f"{option.name} in {config_name}"
        else:
            continue
        if isinstance(written, bool):
            values[name] = written
        elif option.is_list:
            values[name] = option.read_all(written, where)
        else:
            values[name] = option.read(written[-1], where)
    keys = {name: str(value) for name, value in config.get("keys", {}).items()}
    return Settings(**values, flow_terms=terms or _standing_terms(environ, config), keys=keys)


def _written(value: object) -> list[str]:
    """Rewrite a value of the config file as if it had been typed."""
    if isinstance(value, list):
        return [str(part) for part in value]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _standing_terms(environ: Mapping[str, str], config: Mapping[str, Any]) -> tuple[tuple[bool, str, str], ...]:
    """Collect the filters of environment and file: they hold where the command line has none of its own."""
    terms = []
    for name, option in FILTER_OPTIONS.items():
        if option.variable in environ:
            written, where = [environ[option.variable]], option.variable
        else:
            written, where = _written(config.get(name, "")), f"{name} in the config file"
        for text in filter(None, written):
            if option.metavar:
                terms.append((False, name, str(option.read(text, where))))
            elif replace(option, parse=_switch).read(text, where):
                terms.append((False, name, "true"))
    return tuple(terms)


def _refuse_unknown(config: Mapping[str, Any], config_name: str) -> None:
    known = {option.name for option in OPTIONS.values()} | set(FILTER_OPTIONS) | {"keys"}
    for name in config:
        if name not in known:
            raise UsageError(
                f"{config_name} sets {name!r}, which ztui does not know.",
                "Remove it; the keys are the long flags of ztui --help.",
            )
