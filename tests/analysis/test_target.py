"""What a TARGET on the command line means, and what is said where it means nothing or two things."""

from __future__ import annotations

from typing import Any

import pytest

from ztui.analysis.target import Surroundings, TargetError, is_about, resolve
from ztui.model.cluster import Pod, Ztunnel
from ztui.model.workload import Workload


def pod(name: str, namespace: str = "default", node: str | None = "w1", **more: Any) -> Pod:
    return Pod(uid=f"{namespace}/{name}", name=name, namespace=namespace, node=node, **more)


def workload(name: str, namespace: str = "default", node: str = "w1", **more: Any) -> Workload:
    return Workload(uid=f"K//Pod/{namespace}/{name}", name=name, namespace=namespace, node=node, **more)


def ztunnel(node: str, name: str | None = None) -> Ztunnel:
    return Ztunnel(name=name or f"ztunnel-{node}", namespace="istio-system", node=node)


DEPLOYED: dict[str, Any] = {"owner": "ReplicaSet/reviews-v1-7d4b9c", "labels": {"pod-template-hash": "7d4b9c"}}
HERE = Surroundings(
    ztunnels=[ztunnel("w1"), ztunnel("w2"), ztunnel("w2", "ztunnel-new")],
    pods=[
        pod("reviews-v1-7d4b9c-x", node="w1", **DEPLOYED),
        pod("reviews-v1-7d4b9c-y", node="w2", **DEPLOYED),
        pod("db-0", "shop", node="w2", owner="StatefulSet/db"),
        pod("web", "shop"),
        pod("web", "blog"),
        pod("pending", node=None),
        pod("far", node="w9"),
        pod("node.with.dots"),
    ],
    workloads=[
        workload(
            "reviews-v1-7d4b9c-x", services=("default/reviews.default.svc.cluster.local",), service_account="reviews"
        ),
        workload("only-in-dumps", "shop", "w2", workload_name="cart", workload_type="deployment"),
    ],
)
W1, W2, W2_NEW = (f"istio-system/{name}" for name in ("ztunnel-w1", "ztunnel-w2", "ztunnel-new"))
ALL = {W1, W2, W2_NEW}
X, Y = ("default", "reviews-v1-7d4b9c-x"), ("default", "reviews-v1-7d4b9c-y")
PAIR = {X, Y}


@pytest.mark.parametrize(
    ("text", "namespace", "ztunnels", "pods", "says"),
    [
        ("ztunnel-w1", None, {W1}, None, "ztunnel ztunnel-w1"),
        ("ztunnel-w1.istio-system", None, {W1}, None, "ztunnel ztunnel-w1"),
        ("ztunnel-w1", "istio-system", {W1}, None, "ztunnel ztunnel-w1"),
        ("node/w2", None, {W2, W2_NEW}, None, "node w2"),
        ("no/w1", None, {W1}, None, "node w1"),
        ("db-0", None, {W2, W2_NEW}, {("shop", "db-0")}, "pod db-0 in shop"),
        ("db-0.shop", None, {W2, W2_NEW}, {("shop", "db-0")}, "pod db-0 in shop"),
        ("pod/db-0", "shop", {W2, W2_NEW}, {("shop", "db-0")}, "pod db-0 in shop"),
        ("web.blog", None, {W1}, {("blog", "web")}, "pod web in blog"),
        ("node.with.dots", None, {W1}, {("default", "node.with.dots")}, "pod node.with.dots in default"),
        ("deploy/reviews-v1", None, ALL, PAIR, "deployment reviews-v1 in default: 2 pods on 2 nodes"),
        ("Deployment/reviews-v1.default", None, ALL, PAIR, "deployment reviews-v1 in default: 2 pods on 2 nodes"),
        ("rs/reviews-v1-7d4b9c", None, ALL, PAIR, "replicaset reviews-v1-7d4b9c in default: 2 pods on 2 nodes"),
        ("sts/db", None, {W2, W2_NEW}, {("shop", "db-0")}, "statefulset db in shop: 1 pod on 1 node"),
        ("svc/reviews", None, {W1}, {X}, "service reviews in default: 1 pod on 1 node"),
        ("sa/reviews", None, {W1}, {X}, "serviceaccount reviews in default: 1 pod on 1 node"),
        ("deploy/cart", None, {W2, W2_NEW}, {("shop", "only-in-dumps")}, "deployment cart in shop: 1 pod on 1 node"),
        ("workload/cart", None, {W2, W2_NEW}, {("shop", "only-in-dumps")}, "workload cart in shop: 1 pod on 1 node"),
    ],
)  # fmt: skip
def test_what_a_target_means(
    text: str, namespace: str | None, ztunnels: set[str], pods: set[tuple[str, str]] | None, says: str
) -> None:
    target = resolve(text, HERE, namespace=namespace)
    assert target.ztunnels == ztunnels
    assert target.pods == pods
    assert target.says == says


@pytest.mark.parametrize(
    ("text", "namespace", "what", "remedy"),
    [
        ("nobody", None, "no pod called 'nobody' is known", "NAME.NAMESPACE or -n"),
        ("db-0", "default", "no pod called 'db-0' in namespace default is known", "NAME.NAMESPACE"),
        ("ztunnel-w1", "shop", "no pod called 'ztunnel-w1' in namespace shop", "NAME.NAMESPACE"),
        ("web", None, "'web' is in 2 namespaces", "write one of: web.blog, web.shop"),
        ("node/w7", None, "no ztunnel runs on a node called 'w7'", "nodes with a ztunnel: w1, w2"),
        ("crontab/x", None, "'crontab' is no kind ztui knows", "write pod, node, deployment"),
        ("default/curl", None, "'default' is no kind", "before the slash"),
        ("deploy/nothing", None, "deployment 'nothing' has no known pod", "known: deployments: deployment/cart"),
        ("deploy/", None, "has no name", "node/NAME"),
        ("", None, "has no name", "a pod's name"),
        ("far", None, "pod far is on w9, where no ztunnel runs", "leave TARGET out"),
        ("pending", None, "a node that is not known yet", "leave TARGET out"),
    ],
)
def test_what_means_nothing_is_said_in_two_lines(text: str, namespace: str | None, what: str, remedy: str) -> None:
    with pytest.raises(TargetError) as refused:
        resolve(text, HERE, namespace=namespace)
    assert what in refused.value.what
    assert remedy in refused.value.remedy
    assert refused.value.exit_code == 2


def test_saved_files_have_pods_and_no_ztunnels() -> None:
    target = resolve("only-in-dumps", Surroundings(workloads=HERE.workloads))
    assert not target.ztunnels
    assert target.pods == frozenset({("shop", "only-in-dumps")})


def test_rows_are_filtered_to_the_pods_that_were_meant() -> None:
    about = is_about(resolve("db-0", HERE))
    assert [about("shop", "db-0"), about("default", "db-0"), about(None, None)] == [True, False, False]
    everything = is_about(resolve("node/w1", HERE))
    assert everything("any", "thing")


def test_only_a_few_names_are_proposed() -> None:
    here = Surroundings(ztunnels=[ztunnel(f"w{i}") for i in range(10, 30)])
    with pytest.raises(TargetError) as refused:
        resolve("node/x", here)
    assert refused.value.remedy == "nodes with a ztunnel: w10, w11, w12, w13, w14 and 15 more"
