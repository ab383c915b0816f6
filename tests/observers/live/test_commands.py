"""Commands on a cluster that can be watched whole, in part, or not at all: right answers, or two plain lines."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.observers.live.ledger import entries_in
from tests.observers.live.simulated import Simulator, write_plugin
from ztui.__main__ import main

Run = Callable[..., "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.out)
        return found

    @property
    def lines(self) -> list[str]:
        """Its error lines: two where it failed."""
        assert "Traceback" not in self.err
        return self.err.splitlines()


@pytest.fixture
def ztui(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Run a command in this process, as the program does."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    interval = sys.getswitchinterval()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(cluster: Simulator | Path, *words: str) -> Outcome:
        kubeconfig = cluster.kubeconfig if isinstance(cluster, Simulator) else cluster
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        code = main(list(words))
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    yield run
    sys.setswitchinterval(interval)
    for number, handler in kept.items():
        signal.signal(number, handler)


def ztunnels_of(cluster: Simulator) -> dict[str, str]:
    """Node of each ztunnel pod."""
    return {log["pod"]: log["node"] for log in cluster.ask("counts")["logs"]}


# -- right answers


def test_entries_are_every_line_the_ztunnels_wrote(cluster: Simulator, ztui: Run) -> None:
    done = ztui(cluster, "entries", "--since", "24h", "-o", "jsonl")
    assert (done.code, done.err) == (0, "")
    found = Counter(
        (entry["ztunnel"], entry["time"], entry["src"]["addr"]) for entry in map(json.loads, done.out.splitlines())
    )
    written = Counter(
        (pod, at.decode(), addr.decode())
        for pod in ztunnels_of(cluster)
        for at, addr in entries_in(cluster.log_of(pod))
    )
    assert found == written


def test_a_tail_is_of_each_log(cluster: Simulator, ztui: Run) -> None:
    done = ztui(cluster, "entries", "--tail", "5", "-o", "jsonl")
    counts = Counter(json.loads(line)["ztunnel"] for line in done.out.splitlines())
    assert set(counts) <= set(ztunnels_of(cluster))
    assert counts
    assert max(counts.values()) <= 5


def test_edges_count_each_connection_once(cluster: Simulator, ztui: Run) -> None:
    edges = ztui(cluster, "edges", "--since", "24h", "--by", "direction", "-o", "json").rows()
    by_side = {row["direction"]: row["flows"] for row in edges}
    whole = ztui(cluster, "edges", "--since", "24h", "-o", "json").rows()
    counted = sum(row["flows"] for row in whole)
    assert by_side["outbound"] <= counted < by_side["outbound"] + by_side["inbound"]
    assert any(row["src.workload"].startswith("loadgen") and "productpage" in row["dst.service"] for row in whole)


def test_every_ztunnel_holds_the_same_workloads(cluster: Simulator, ztui: Run) -> None:
    done = ztui(cluster, "workloads", "-o", "json", "--with-observed")
    answer = json.loads(done.out)
    assert done.code == 0
    assert {row["ztunnels"]["holding"] for row in answer["items"]} == {3}
    assert answer["observed"]["ztunnels"] == {"asked": 3, "answered": 3}
    assert answer["observed"]["not_permitted"] == []


def test_a_dump_is_passed_on_byte_for_byte(cluster: Simulator, ztui: Run) -> None:
    pod = next(iter(ztunnels_of(cluster)))
    done = ztui(cluster, "all", pod, "-o", "json")
    assert done.code == 0
    assert set(json.loads(done.out)) >= {"workloads", "services", "policies", "certificates"}


@pytest.mark.parametrize("kind", ["certificates", "connections", "services", "policies"])
def test_what_the_ztunnels_hold_is_told(cluster: Simulator, ztui: Run, kind: str) -> None:
    done = ztui(cluster, kind, "-o", "json")
    assert done.code == 0
    assert done.rows()


def test_health_has_a_row_for_each_node(cluster: Simulator, ztui: Run) -> None:
    rows = ztui(cluster, "health", "-o", "json").rows()
    assert {row["node"]: row["ztunnel"] for row in rows} == {node: pod for pod, node in ztunnels_of(cluster).items()}
    assert {row["log"]["state"] for row in rows} == {"connected"}
    assert {row["dump"]["state"] for row in rows} == {"connected"}


# -- TARGET


def test_a_ztunnel_as_target_is_all_that_is_asked(cluster: Simulator, ztui: Run) -> None:
    pod = next(iter(ztunnels_of(cluster)))
    observed = json.loads(ztui(cluster, "edges", pod, "-o", "json", "--with-observed").out)["observed"]
    streams = [name for name in observed["streams"] if not name.startswith("watch/")]
    assert streams == [f"config_dump/istio-system/{pod}", f"log/istio-system/{pod}"]


def test_a_pod_as_target_brings_in_the_ztunnels_of_its_peers(cluster: Simulator, ztui: Run) -> None:
    workloads = ztui(cluster, "workloads", "-o", "json").rows()
    pod = next(row for row in workloads if row["name"].startswith("productpage"))
    done = ztui(cluster, "entries", f"{pod['name']}.{pod['namespace']}", "--since", "24h", "-o", "jsonl")
    entries = [json.loads(line) for line in done.out.splitlines()]
    assert {pod["name"]} <= {e["src"].get("workload") for e in entries} | {e["dst"].get("workload") for e in entries}
    assert all(pod["name"] in (e["src"].get("workload"), e["dst"].get("workload")) for e in entries)
    assert {entry["node"] for entry in entries} > {pod["node"]}


def test_a_service_is_found_in_a_dump_where_pods_may_not_be_listed_everywhere(cluster: Simulator, ztui: Run) -> None:
    done = ztui(cluster, "edges", "service/reviews", "--context", "namespaced", "--since", "24h", "-o", "json")
    assert (done.code, done.err) == (0, "")
    assert {row["dst.service"] for row in done.rows()} == {"reviews.default.svc.cluster.local"}


@pytest.mark.parametrize("target", ["nosuch", "node/w9", "deployment/nosuch", "pot/x"])
def test_a_target_that_means_nothing_is_wrong_usage(cluster: Simulator, ztui: Run, target: str) -> None:
    done = ztui(cluster, "edges", target)
    assert (done.code, done.out, len(done.lines)) == (2, "", 2)
    assert target.rpartition("/")[2] in done.err


# -- what is not permitted


def test_logs_only_gives_flows_and_names_what_it_lacks(cluster: Simulator, ztui: Run) -> None:
    done = ztui(cluster, "edges", "--context", "logsonly", "--since", "24h", "-o", "json", "--with-observed")
    answer = json.loads(done.out)
    assert done.code == 0
    assert answer["items"]
    assert answer["observed"]["not_permitted"] == [
        "You may not create pods/portforward in istio-system.",
        "You may not list namespaces in all namespaces.",
        "You may not list services in all namespaces.",
    ]


def test_health_is_told_without_dumps_too(cluster: Simulator, ztui: Run) -> None:
    done = ztui(cluster, "health", "--context", "logsonly", "-o", "json")
    assert done.code == 0
    assert {(row["log"]["state"], row["dump"]["state"]) for row in done.rows()} == {("connected", "not permitted")}


def test_ztunnels_are_looked_for_where_one_may(cluster: Simulator, ztui: Run) -> None:
    assert ztui(cluster, "edges", "--context", "namespaced", "--since", "24h").code == 0
    done = ztui(cluster, "edges", "--context", "namespaced", "--ztunnel-selector", "app=nosuch")
    assert (done.code, len(done.lines)) == (3, 2)
    assert "Looked for in istio-system only" in done.err


@pytest.mark.parametrize(
    ("words", "code", "says", "advises"),
    [
        (["edges", "--context", "nosuch"], 3, "no context 'nosuch'", "admin"),
        (["edges", "--kubeconfig", "/nonexistent"], 3, "does not exist", "--kubeconfig"),
        (["entries", "--context", "nolog"], 3, "may not get pods/log", "role"),
        (["entries", "-f", "--context", "nolog"], 3, "may not get pods/log", "role"),
        (["workloads", "--context", "logsonly"], 3, "may not create pods/portforward", "create"),
        (["health", "--context", "nobody"], 3, "may not list pods in istio-system", "role"),
        (["edges", "--ztunnel-selector", "app=nosuch"], 3, "No ztunnel found", "--ztunnel-namespace"),
        (["edges", "--ztunnel-namespace", "nosuch"], 3, "in namespace nosuch", "--ztunnel-namespace"),
        (["edges", "--max-log-requests", "2"], 2, "3 ztunnels", "--max-log-requests 3"),
        (["edges", "--qps", "0"], 2, "--qps", "20"),
        (["workloads", "--no-dumps"], 2, "Without config dumps", "--no-dumps"),
    ],
)
def test_what_cannot_be_observed_is_two_plain_lines(
    cluster: Simulator, ztui: Run, words: list[str], code: int, says: str, advises: str
) -> None:
    done = ztui(cluster, *words)
    assert (done.code, done.out) == (code, "")
    what, remedy = done.lines
    assert says in what
    assert advises in remedy


# -- what is wrong with the way there


def _cluster_of(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["clusters"][0]["cluster"]
    return found


def _user_of(config: dict[str, Any]) -> dict[str, Any]:
    user: dict[str, Any] = next(each["user"] for each in config["users"] if each["name"] == "admin")
    user.clear()
    return user


def _without_context(config: dict[str, Any]) -> None:
    config["current-context"] = ""


def _to_nobody(config: dict[str, Any]) -> None:
    _cluster_of(config)["server"] = "https://127.0.0.1:1"


def _to_another_name(config: dict[str, Any]) -> None:
    _cluster_of(config)["tls-server-name"] = "other.example"


def _without_authority(config: dict[str, Any]) -> None:
    del _cluster_of(config)["certificate-authority-data"]


def _with_wrong_token(config: dict[str, Any]) -> None:
    _user_of(config)["token"] = "wrong"


def _with_broken_certificate(config: dict[str, Any]) -> None:
    _user_of(config).update({"client-certificate-data": "bm9uZQ==", "client-key-data": "bm9uZQ=="})


@pytest.mark.parametrize(
    ("change", "says", "advises"),
    [
        (_without_context, "no current context", "--context"),
        (_to_nobody, "Nothing answers at 127.0.0.1:1", "Is the cluster running?"),
        (_to_another_name, "is not trusted", "tls-server-name"),
        (_without_authority, "is not trusted", "certificate-authority"),
        (_with_wrong_token, "Your login is not accepted", "Log in again"),
        (_with_broken_certificate, "The client certificate of admin cannot be used", "kubeconfig"),
    ],
)
def test_a_wrong_kubeconfig_is_said_in_two_plain_lines(
    cluster: Simulator, ztui: Run, tmp_path: Path, change: Callable[[dict[str, Any]], None], says: str, advises: str
) -> None:
    done = ztui(cluster.edited(tmp_path / "wrong", change), "edges", "--request-timeout", "1s")
    assert (done.code, done.out) == (3, "")
    what, remedy = done.lines
    assert says in what
    assert advises in remedy


def test_an_exec_plugin_that_fails_is_quoted_and_named(cluster: Simulator, ztui: Run, tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "cloud-login", "echo 'session expired, run: cloud login' >&2\nexit 1\n")

    def use_plugin(config: dict[str, Any]) -> None:
        _user_of(config)["exec"] = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "args": ["token"],
            "interactiveMode": "Never",
        }

    done = ztui(cluster.edited(tmp_path / "kubeconfig", use_plugin), "edges")
    assert done.code == 3
    what, remedy = done.lines
    assert "session expired, run: cloud login" in what
    assert "cloud-login token" in remedy


def test_a_server_that_never_answers_is_given_up_in_time(cluster: Simulator, ztui: Run) -> None:
    cluster.ask("faults", slow_s=30.0)
    try:
        begun = time.monotonic()
        done = ztui(cluster, "edges", "--request-timeout", "1s")
    finally:
        _hurry(cluster)
    assert done.code == 3
    assert len(done.lines) == 2
    assert time.monotonic() - begun < 15


def _hurry(cluster: Simulator) -> None:
    cluster.ask("faults", slow_s=0.0)
