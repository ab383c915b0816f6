"""The scope of commands on a cluster: labels as kubectl selects by them, namespaces, and logins that ask."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.observers.live.simulated import Simulator, write_plugin
from tests.observers.live.test_commands import Outcome, Run, ztui, ztunnels_of

__all__ = ["ztui"]


def pods_with(done: Outcome, *ends: str) -> set[str]:
    """The apps at these ends of printed entries."""
    entries = map(json.loads, done.out.splitlines())
    return {entry[end].get("workload", "?").split("-")[0] for entry in entries for end in ends}


def test_a_selector_takes_what_its_pods_take_part_in(cluster: Simulator, ztui: Run) -> None:
    whole = ztui(cluster, "entries", "--since", "24h", "-o", "jsonl").out.splitlines()
    done = ztui(cluster, "entries", "--since", "24h", "-l", "app=ratings", "-o", "jsonl")
    assert done.code == 0
    entries = list(map(json.loads, done.out.splitlines()))
    assert 0 < len(entries) < len(whole)
    assert all(
        "ratings" in {entry[end].get("workload", "").split("-")[0] for end in ("src", "dst")} for entry in entries
    )
    two = ztui(cluster, "entries", "--since", "24h", "-l", "app in (ratings,locked)", "-o", "jsonl")
    assert pods_with(two, "dst") >= {"ratings", "locked"}


def test_a_selector_holds_for_edges_and_balance(cluster: Simulator, ztui: Run) -> None:
    edges = ztui(cluster, "edges", "--since", "24h", "-l", "app=reviews,version=v2", "-o", "json")
    assert edges.code == 0
    assert edges.rows()
    ends = [(row.get("src.workload", ""), row.get("dst.service", "")) for row in edges.rows()]
    assert all(source.startswith("reviews-v2") or "reviews" in service for source, service in ends)
    none = ztui(cluster, "balance", "--since", "24h", "-l", "app=nobody", "-o", "json")
    assert (none.code, none.rows()) == (0, [])


@pytest.mark.parametrize(
    ("kind", "selector", "expected"),
    [
        ("workloads", "app=curl", {"workload/curl"}),
        ("services", "app=reviews", {"service/reviews.default"}),
        ("policies", "app=locked", {"policy/only"}),
        ("workloads", "app=curl,app!=curl", set()),
    ],
)
def test_a_selector_holds_for_what_ztunnels_hold(
    cluster: Simulator, ztui: Run, kind: str, selector: str, expected: set[str]
) -> None:
    done = ztui(cluster, kind, "-l", selector, "-o", "name")
    assert done.code == 0
    assert {line.split("-")[0] for line in done.out.splitlines()} == expected


def test_a_selector_finds_the_ztunnels_and_certificates_of_its_pods(cluster: Simulator, ztui: Run) -> None:
    [health] = ztui(cluster, "health", "-l", "app=locked", "-o", "json").rows()
    certificates = ztui(cluster, "certificates", "-l", "app=locked", "-o", "json").rows()
    assert {row["identity"].rpartition("/")[2] for row in certificates} == {"locked"}
    assert health["node"] in ztunnels_of(cluster).values()
    connections = ztui(cluster, "connections", "-l", "app=nobody", "-o", "json").rows()
    assert connections == []


def test_istioctls_table_is_narrowed_by_scope(cluster: Simulator, ztui: Run) -> None:
    by_label = ztui(cluster, "workloads", "-l", "app in (curl,locked)", "-o", "short").out.splitlines()
    assert [line.split()[1].split("-")[0] for line in by_label[1:]] == ["curl", "locked"]
    by_namespace = ztui(cluster, "workloads", "-n", "secure,outside", "-o", "short").out.splitlines()
    assert {line.split()[0] for line in by_namespace[1:]} == {"secure", "outside"}
    pod = next(iter(ztunnels_of(cluster)))
    as_istioctl = ztui(cluster, "workloads", pod, "-n", "istio-system", "-o", "short").out.splitlines()
    assert {"default", "secure"} <= {line.split()[0] for line in as_istioctl[1:]}, "-n is the ztunnel's own here"


def test_several_pods_of_a_target_stand_in_istioctls_table(cluster: Simulator, ztui: Run) -> None:
    done = ztui(cluster, "workloads", "deployment/loadgen", "-o", "short")
    assert {line.split()[1].split("-")[0] for line in done.out.splitlines()[1:]} == {"loadgen"}
    assert len(done.out.splitlines()) == 3


def test_a_selector_without_sight_of_pods_is_an_error(cluster: Simulator, ztui: Run) -> None:
    done = ztui(cluster, "entries", "--context", "namespaced", "-l", "app=curl")
    assert done.code == 3
    assert done.lines[0].startswith("Labels of pods cannot be read: ")
    assert len(done.lines) == 2
    with_place = ztui(cluster, "edges", "--context", "namespaced", "-n", "default", "-l", "app=curl", "-o", "json")
    assert with_place.rows(), "pods of a namespace that may be read are enough"


@pytest.mark.parametrize("command", ["entries", "edges", "workloads", "health", "balance"])
def test_a_selector_that_cannot_be_read_is_wrong_usage(cluster: Simulator, ztui: Run, command: str) -> None:
    done = ztui(cluster, command, "-l", "app=a=b")
    assert (done.code, len(done.lines), done.out) == (2, 2, "")


def test_a_login_may_ask_its_user(cluster: Simulator, tmp_path: Path) -> None:
    config = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    token = next(user["user"]["token"] for user in config["users"] if user["name"] == "admin")
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
    plugin = write_plugin(
        tmp_path / "ask", f"printf 'Code: ' >&2; read code; [ \"$code\" = 42 ] && echo '{json.dumps(answer)}'"
    )
    exec_ = {"apiVersion": answer["apiVersion"], "command": str(plugin), "interactiveMode": "Always"}
    config["users"].append({"name": "ask", "user": {"exec": exec_}})
    config["contexts"].append({"name": "ask", "context": {**config["contexts"][0]["context"], "user": "ask"}})
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(json.dumps(config))
    words = [
        sys.executable,
        "-m",
        "ztui",
        "services",
        "--context",
        "ask",
        "-o",
        "name",
        "--kubeconfig",
        str(kubeconfig),
    ]

    terminal, keyboard = pty.openpty()
    with subprocess.Popen(words, stdin=keyboard, stdout=subprocess.PIPE, stderr=keyboard) as process:
        assert select.select([terminal], [], [], 30)[0]
        assert b"Code: " in os.read(terminal, 4096)
        os.write(terminal, b"42\n")
        out, _ = process.communicate(timeout=60)
    os.close(keyboard)
    os.close(terminal)
    assert process.returncode == 0
    assert b"service/reviews.default" in out.splitlines()

    refused = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "wants to ask questions" in refused.stderr
