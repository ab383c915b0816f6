"""Services: 1.31's shape and the endpoint keys of before 1.24."""

from __future__ import annotations

from ztui.model.service import Endpoint, LoadBalancer, read_service


def test_a_service_of_1_31() -> None:
    service = read_service(
        {
            "name": "reviews",
            "namespace": "default",
            "hostname": "reviews.default.svc.cluster.local",
            "vips": ["/10.96.0.1", "net/fd00::1"],
            "cidrVips": [{"network": "", "cidr": "10.99.0.0/16"}],
            "ports": {"80": 8080, "443": 0, "http": 1, "90": "x"},
            "endpoints": {"uid-1": {"workloadUid": "uid-1", "port": {"80": 9080}, "status": "Healthy"}},
            "weightedWaypoints": [
                {"destination": {"destination": "default/a.default", "hboneMtlsPort": 15008}, "weight": 90},
                {"destination": {"destination": "default/b.default"}, "weight": 10},
            ],
            "loadBalancer": {"mode": "Failover", "routingPreferences": ["Network", "Zone"], "healthPolicy": "AllowAll"},
            "canonical": True,
            "visibility": "Namespace",
            "ipFamilies": "Dual",
        }
    )
    assert service.key == "default/reviews.default.svc.cluster.local"
    assert service.ips == ("10.96.0.1", "fd00::1")
    assert service.cidr_vips == ("/10.99.0.0/16",)
    assert service.ports == {80: 8080, 443: 0}
    assert service.endpoints == (Endpoint(key="uid-1", workload_uid="uid-1", ports={80: 9080}, status="Healthy"),)
    assert [(w.hostname, w.weight) for w in service.weighted_waypoints] == [("a.default", 90), ("b.default", 10)]
    assert service.load_balancer == LoadBalancer(
        mode="Failover", routing_preferences=("Network", "Zone"), health_policy="AllowAll"
    )
    assert (service.canonical, service.visibility, service.ip_families) == (True, "Namespace", "Dual")


def test_endpoints_before_1_24() -> None:
    service = read_service(
        {
            "endpoints": {
                "uid-1:/10.0.0.1": {
                    "workloadUid": "uid-1",
                    "service": "default/reviews.default",
                    "address": "/10.0.0.1",
                    "port": {"80": 9080},
                },
                "uid-2:n/10.0.0.2": {"workloadUid": "uid-2", "address": {"network": "n", "address": "10.0.0.2"}},
                "broken": 7,
            }
        }
    )
    first, second = service.endpoints
    assert (first.workload_uid, first.address, first.service, first.status) == (
        "uid-1",
        "/10.0.0.1",
        "default/reviews.default",
        None,
    )
    assert (second.address, second.ports) == ("n/10.0.0.2", {})
    assert service.load_balancer is None
