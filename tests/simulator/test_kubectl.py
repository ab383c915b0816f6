"""The real kubectl of this machine against the simulator: what an operator would type."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.simulated import SimulatedCluster, simulated

KUBECTL = shutil.which("kubectl")
pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(KUBECTL is None, reason="no kubectl on this machine"),
    pytest.mark.xdist_group("kubectl"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[SimulatedCluster]:
    with simulated("--seed", "3", "--rate", "60") as found:
        yield found


@pytest.fixture
def kubectl(cluster: SimulatedCluster) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str, context: str = "admin") -> subprocess.CompletedProcess[str]:
        assert KUBECTL is not None
        command = [KUBECTL, "--kubeconfig", str(cluster.kubeconfig), "--context", context, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    return run


Kubectl = Callable[..., subprocess.CompletedProcess[str]]


def ztunnel(kubectl: Kubectl) -> str:
    found = kubectl("get", "pods", "-n", "istio-system", "-l", "app=ztunnel", "-o", "name")
    return found.stdout.split()[0]


def test_get_pods_everywhere_and_wide(kubectl: Kubectl) -> None:
    found = kubectl("get", "pods", "-A")
    assert found.stdout.splitlines()[0].split() == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert re.search(r"^istio-system +ztunnel-\w{5} +1/1 +Running +0 +\d+d$", found.stdout, re.MULTILINE)
    wide = kubectl("get", "pods", "-o", "wide", context="sre-cert").stdout.splitlines()
    assert wide[0].split()[5:7] == ["IP", "NODE"]
    assert re.search(r" 10\.244\.\d+\.\d+ +w[123] ", wide[1])


def test_get_as_json_and_of_many_kinds(kubectl: Kubectl) -> None:
    nodes = json.loads(kubectl("get", "nodes", "-o", "json").stdout)
    assert [item["metadata"]["name"] for item in nodes["items"]] == ["w1", "w2", "w3"]
    kinds = kubectl("get", "deploy,ds,svc,endpointslices,authorizationpolicies", "-A", "-o", "name")
    assert (kinds.returncode, kinds.stderr) == (0, "")
    assert "authorizationpolicy.security.istio.io/only-productpage" in kinds.stdout
    chosen = kubectl("get", "pods", "-l", "app=reviews,version in (v1,v2)", "--chunk-size=2", "-o", "name")
    assert len(chosen.stdout.split()) == 4


def test_watch(cluster: SimulatedCluster, kubectl: Kubectl) -> None:
    found = kubectl("get", "pods", "-n", "istio-system", "--watch", "--request-timeout=1s")
    assert found.stdout.splitlines()[0].split()[0] == "NAME"
    assert found.stdout.count("ztunnel-") == 3


def test_logs_with_flags(kubectl: Kubectl) -> None:
    pod = ztunnel(kubectl)
    tail = kubectl("logs", "-n", "istio-system", pod, "--tail=3", "--timestamps").stdout.splitlines()
    assert len(tail) == 3
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z \S+\tinfo\t", line) for line in tail)
    since = kubectl("logs", "-n", "istio-system", pod, "--since=5s").stdout.splitlines()
    assert 0 < len(since) < 400
    assert len(kubectl("logs", "-n", "istio-system", pod, "--limit-bytes=100").stdout) == 100
    previous = kubectl("logs", "-n", "istio-system", pod, "--previous")
    assert "previous terminated container" in previous.stderr
    wrong = kubectl("logs", "-n", "istio-system", pod, "-c", "app")
    assert "container app is not valid for pod" in wrong.stderr


def test_logs_followed(cluster: SimulatedCluster, kubectl: Kubectl) -> None:
    assert KUBECTL is not None
    words = [KUBECTL, "--kubeconfig", str(cluster.kubeconfig), "logs", "-n", "istio-system", ztunnel(kubectl)]
    with subprocess.Popen([*words, "-f", "--tail=0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(20)]
        process.kill()
    assert all("\t" in line for line in lines)
    assert len(set(lines)) == 20


def test_auth(kubectl: Kubectl) -> None:
    def can(*words: str, context: str) -> str:
        return kubectl("auth", "can-i", *words, context=context).stdout.strip()

    assert can("get", "pods", "--subresource=log", "-n", "istio-system", context="sre") == "yes"
    assert can("get", "pods", "--subresource=log", "-n", "istio-system", context="nolog-cert") == "no"
    assert can("list", "deployments.apps", context="sre") == "no"
    rules = kubectl("auth", "can-i", "--list", "-n", "istio-system", context="namespaced").stdout
    assert re.search(r"pods/log +\[\] +\[\] +\[get\]", rules)
    assert re.search(r"Username +nobody", kubectl("auth", "whoami", context="nobody").stdout)


def test_what_is_forbidden(kubectl: Kubectl) -> None:
    found = kubectl("get", "pods", "-A", context="nobody")
    assert found.returncode == 1
    assert found.stderr.startswith(
        'Error from server (Forbidden): pods is forbidden: User "nobody" cannot list resource "pods"'
    )


def test_raw_and_describe(kubectl: Kubectl) -> None:
    assert kubectl("get", "--raw", "/healthz").stdout == "ok"
    assert json.loads(kubectl("get", "--raw", "/api/v1/namespaces").stdout)["kind"] == "NamespaceList"
    described = kubectl("describe", "-n", "istio-system", ztunnel(kubectl))
    assert described.returncode == 0
    assert re.search(r"Controlled By: +DaemonSet/ztunnel", described.stdout)
    assert kubectl("describe", "node", "w1").returncode == 0
    assert kubectl("describe", "service", "reviews").returncode == 0


def test_an_unknown_resource(kubectl: Kubectl) -> None:
    started = time.monotonic()
    found = kubectl("get", "widgets")
    assert 'the server doesn\'t have a resource type "widgets"' in found.stderr
    assert time.monotonic() - started < 30


def test_port_forward(cluster: SimulatedCluster, kubectl: Kubectl) -> None:
    assert KUBECTL is not None
    words = [KUBECTL, "--kubeconfig", str(cluster.kubeconfig), "port-forward", "-n", "istio-system", ztunnel(kubectl)]
    with subprocess.Popen([*words, "--address=127.0.0.1", ":15000"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        match = re.search(r"127\.0\.0\.1:(\d+) -> 15000", process.stdout.readline())
        assert match
        for _ in range(2):
            connection = http.client.HTTPConnection("127.0.0.1", int(match[1]), timeout=10)
            connection.request("GET", "/config_dump")
            assert "workloadState" in json.loads(connection.getresponse().read())
            connection.request("POST", "/logging")
            assert b"current log level" in connection.getresponse().read()
            connection.close()
        process.kill()
