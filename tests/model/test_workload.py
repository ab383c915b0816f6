"""Workloads, waypoints and the state of a node's own pods."""

from __future__ import annotations

from typing import Any

import pytest

from ztui.model.flow import Direction
from ztui.model.workload import Locality, Waypoint, read_state, read_waypoint, read_workload


@pytest.mark.parametrize(
    ("address", "waypoint"),
    [
        ({"destination": "/10.96.65.117", "hboneMtlsPort": 15008}, {"ip": "10.96.65.117", "hbone_port": 15008}),
        ({"destination": "net1/fd00::7"}, {"network": "net1", "ip": "fd00::7"}),
        ({"destination": "default/wp.default.svc"}, {"namespace": "default", "hostname": "wp.default.svc"}),
        ({"destination": "odd"}, {"namespace": "odd"}),
        ({"destination": "/10.0.0.1", "port": 15008}, {"ip": "10.0.0.1", "hbone_port": 15008}),
    ],
)
def test_both_forms_of_a_gateway_address(address: dict[str, Any], waypoint: dict[str, Any]) -> None:
    assert read_waypoint(address) == Waypoint(destination=address["destination"], **waypoint)


@pytest.mark.parametrize("address", [None, {}, {"destination": ""}, {"destination": 3}, "x"])
def test_no_gateway_address(address: object) -> None:
    assert read_waypoint(address) is None


def test_a_workload_of_1_31() -> None:
    workload = read_workload(
        {
            "uid": "Kubernetes//Pod/default/reviews-1",
            "name": "reviews-1",
            "namespace": "default",
            "workloadName": "reviews",
            "workloadType": "pod",
            "trustDomain": "cluster.local",
            "serviceAccount": "bookinfo-reviews",
            "protocol": "HBONE",
            "networkMode": "Standard",
            "status": "Healthy",
            "capacity": 3,
            "clusterId": "",
            "locality": {"region": "eu", "zone": "eu-1", "subzone": ""},
            "services": ["default/reviews.default.svc.cluster.local"],
            "authorizationPolicies": ["default/p"],
            "applicationTunnel": {"protocol": "PROXY", "port": None},
        }
    )
    assert workload.identity == "spiffe://cluster.local/ns/default/sa/bookinfo-reviews"
    assert workload.app == "reviews"
    assert workload.locality == Locality(region="eu", zone="eu-1")
    assert str(workload.locality) == "eu/eu-1"
    assert (workload.capacity, workload.cluster_id, workload.tunnel_protocol, workload.tunnel_port) == (
        3,
        None,
        "PROXY",
        None,
    )
    assert (workload.is_hbone, workload.is_healthy, workload.is_pod, workload.native_tunnel) == (
        True,
        True,
        True,
        False,
    )
    assert workload.policies == ("default/p",)


def test_connections_of_a_pod() -> None:
    state = read_state(
        "uid-1",
        {
            "state": "Up",
            "info": {"name": "curl", "namespace": "default", "serviceAccount": "curl", "trustDomain": "td"},
            "connections": {
                "inbound": [
                    {"src": "10.0.0.2:1", "originalDst": None, "actualDst": "10.0.0.1:80", "protocol": "HBONE"}
                ],
                "outbound": [
                    {"src": "10.0.0.1:2", "originalDst": "10.96.0.1:80", "actualDst": "10.0.0.3:15008", "since": 7}
                ],
            },
        },
    )
    assert state.connections is not None
    inbound, outbound = state.connections
    assert (inbound.direction, inbound.original_dst, inbound.name) == (Direction.INBOUND, None, "curl")
    assert (outbound.direction, outbound.protocol) == (Direction.OUTBOUND, None)
    assert outbound.raw()["since"] == 7
    assert inbound.key != outbound.key
    assert state.connections == read_state("uid-1", {"info": {"name": "curl", "namespace": "default"}, "connections": {
        "inbound": [inbound.raw()], "outbound": [outbound.raw()]}}).connections  # fmt: skip
