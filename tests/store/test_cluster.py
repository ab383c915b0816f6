"""Kubernetes objects as last listed and watched."""

from __future__ import annotations

from tests.store.feed import Fed, origin, pod
from ztui.model.cluster import Node
from ztui.model.observation import ClusterChanged
from ztui.store.cluster import ClusterState


def test_a_fresh_list_forgets_what_it_does_not_name() -> None:
    cluster = ClusterState()
    cluster.take(ClusterChanged(resource="pods", changed=(pod("a", ips=("10.1.1.1",)), pod("b")), synced=False))
    assert "pods" not in cluster.synced
    cluster.take(ClusterChanged(resource="pods", changed=(pod("b"),), replaces_all=True))
    assert (cluster.pod("default", "a"), cluster.pod_at("10.1.1.1")) == (None, None)
    assert cluster.pod("default", "b") is not None
    assert "pods" in cluster.synced


def test_a_name_that_is_used_again_means_the_new_pod_whatever_order_they_come_in() -> None:
    cluster = ClusterState()
    old, new = pod("db-0", uid="old", ips=("10.1.1.1",)), pod("db-0", uid="new", ips=("10.1.1.1",))
    cluster.take(ClusterChanged(resource="pods", changed=(old,)))
    cluster.take(ClusterChanged(resource="pods", changed=(new,)))
    cluster.take(ClusterChanged(resource="pods", deleted=("old",)))
    assert cluster.pod("default", "db-0") is new
    assert cluster.pod_at("10.1.1.1") is new


def test_an_address_belongs_to_a_running_pod_with_a_network_of_its_own() -> None:
    cluster = ClusterState()
    for one in (pod("host", ips=("172.18.0.2",), host_network=True), pod("job", ips=("10.1.1.3",), phase="Succeeded")):
        cluster.take(ClusterChanged(resource="pods", changed=(one,)))
    assert cluster.pod_at("172.18.0.2") is cluster.pod_at("10.1.1.3") is None


def test_an_unknown_resource_and_a_full_memory_do_no_harm() -> None:
    cluster = ClusterState(max_objects=1)
    cluster.take(ClusterChanged(resource="gateways", changed=(), deleted=("x",)))
    cluster.take(ClusterChanged(resource="nodes", changed=(Node(name="w1"), Node(name="w2"))))
    cluster.take(ClusterChanged(resource="nodes", changed=(Node(name="w1", ready=True),)))
    assert cluster.nodes == {"w1": Node(name="w1", ready=True)}
    assert "gateways" in cluster.synced


def test_ztunnels_stand_by_node() -> None:
    fed = Fed()
    fed.ztunnels("w2", "w1", followed=["w2"])
    assert [ztunnel.node for ztunnel in fed.mesh.cluster.ztunnels.values()] == ["w1", "w2"]
    assert fed.mesh.cluster.followed == {origin("w2").key}


def test_labels_of_a_pod_outlive_it() -> None:
    fed = Fed()
    fed.pods(pod("curl", labels={"app": "curl"}))
    inventory = fed.mesh.inventory
    assert inventory.labels("default", "curl") == "app=curl"
    before = inventory.version
    fed.pods(pod("curl", labels={"app": "other"}))
    assert inventory.version > before, "labels name a pod too"
    fed.pods()
    assert inventory.labels("default", "curl") == "app=other", "lines about it come after it"
    assert inventory.labels("default", "nobody") is None
