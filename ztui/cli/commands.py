"""Every command ztui has: its names, what it takes, and the module that runs it. Light: no command's own imports."""

from __future__ import annotations

from dataclasses import dataclass

CLUSTER = ("context", "kubeconfig", "as_user", "as_groups", "request_timeout_s")
ZTUNNEL = ("istio_namespace", "ztunnel_namespace", "ztunnel_selector", "proxy_admin_port")
SCOPE = ("namespaces", "is_all_namespaces", "selector", "nodes")
LOAD = ("max_log_requests", "qps", "dump_interval_s", "is_without_dumps", "max_rows", "max_bytes")
FILTERS = (
    "filter", "from", "to", "from-namespace", "to-namespace", "service", "identity", "port", "direction", "security",
    "failed", "error", "not",
)  # fmt: skip
SPAN = ("since_s", "since_time", "until", "tail")
TABLE = ("output", "sort", "columns", "is_without_headers", "is_with_observed")
FILES = ("files",)
LOOKS = ("theme", "is_ascii", "is_without_mouse", "tick_hz", "pane")
DEMO = ("is_listing", "demo_nodes", "demo_pods", "demo_rate", "demo_seed", "demo_speed", "demo_versions", "is_serving",
        "kubeconfig_out")  # fmt: skip
PROGRAM = ("color", "log_file", "is_verbose")
SNAPSHOT = ("workload_namespace", "service_namespace", "policy_namespace", "workload_node", "address", "is_raw")

_OBSERVED = (*CLUSTER, *ZTUNNEL, *SCOPE, *LOAD, *FILES)
_TRAFFIC = (*_OBSERVED, *FILTERS, *SPAN, *TABLE, "is_ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command. `takes` names fields of Settings and filter flags; `module` lies in ztui.cli and has `run`."""

    name: str
    module: str
    summary: str
    takes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    argument: str = ""
    """What it takes besides flags, for its usage line; empty where nothing."""
    is_f_file: bool = False
    """Whether `-f FILE` is `--file`, as in istioctl ztunnel-config, instead of `--follow`."""


def _snapshot(name: str, summary: str, *aliases: str, also: tuple[str, ...] = ()) -> Command:
    takes = (*_OBSERVED, *SNAPSHOT, *also, *TABLE, "is_watching", "is_ascii")
    return Command(
        name=name,
        module="snapshots",
        summary=summary,
        takes=takes,
        aliases=aliases,
        argument="[TARGET]",
        is_f_file=True,
    )


SCREEN = Command(
    name="ztui",
    module="screen",
    summary="the screen, on the current kube context",
    takes=(*_OBSERVED, *FILTERS, *SPAN, *LOOKS),
    argument="[TARGET]",
)

COMMANDS: tuple[Command, ...] = (
    Command(
        name="demo",
        module="demo",
        summary="the screen on a simulated cluster; needs nothing",
        takes=(*DEMO, *FILTERS, *SPAN, *LOOKS, *LOAD),
        argument="[SCENARIO]",
    ),
    Command(
        name="entries",
        module="entries",
        summary="access log entries as the ztunnels wrote them",
        takes=(*_TRAFFIC, "is_following"),
        argument="[TARGET]",
    ),
    Command(
        name="flows",
        module="flows",
        summary="connections with what became of them",
        takes=(*_TRAFFIC, "is_following"),
        argument="[TARGET]",
    ),
    Command(
        name="edges",
        module="edges",
        summary="flows aggregated by --by KEYS",
        takes=(*_TRAFFIC, "by", "is_watching"),
        argument="[TARGET]",
    ),
    Command(
        name="balance",
        module="balance",
        summary="choices and load per backend of a service",
        takes=(*_TRAFFIC, "is_watching"),
        aliases=("lb",),
        argument="[SERVICE]",
    ),
    _snapshot("workloads", "workloads the ztunnels hold, all nodes merged", "workload", "w"),
    _snapshot("services", "services the ztunnels hold", "service", "svc", "s"),
    _snapshot("policies", "authorization policies the ztunnels enforce", "policy", "pol", "p"),
    _snapshot("certificates", "certificates by identity and node", "certificate", "certs", "cert"),
    _snapshot("connections", "connections open now", "connection", "cons", also=("direction",)),
    Command(
        name="health",
        module="snapshots",
        summary="one row per node: streams, certificates, versions, restarts",
        takes=(*_OBSERVED, *TABLE, "is_watching", "is_ascii"),
        argument="[TARGET]",
        is_f_file=True,
    ),
    Command(
        name="all",
        module="snapshots",
        summary="whole config dumps, verbatim with -o json",
        takes=(
            *_OBSERVED,
            *SNAPSHOT,
            "output",
            "is_with_headers",
            "is_without_headers",
            "is_with_observed",
            "is_watching",
            "is_ascii",
        ),
        argument="[TARGET]",
        is_f_file=True,
    ),
    Command(
        name="keys", module="housekeeping", summary="the keys of the screen", takes=("output", "is_without_headers")
    ),
    Command(
        name="completion", module="completion", summary="a completion script for the shell", argument="bash|zsh|fish"
    ),
    Command(name="version", module="housekeeping", summary="ztui's version"),
)

BY_NAME: dict[str, Command] = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}
