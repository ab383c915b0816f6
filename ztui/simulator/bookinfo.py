"""The cluster at the beginning: bookinfo and its neighbours on a few nodes, or as many shops as asked for."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ztui.simulator import names
from ztui.simulator.clock import HOUR
from ztui.simulator.cluster import App, Cluster, Namespace, Node, Policy, Revision, Service, Workload
from ztui.simulator.traffic import Lane

_REGION = "eu-west-1"
_NAMESPACES = {
    "default": True,
    "secure": True,
    "legacy": False,
    "outside": False,
    "istio-system": False,
    "kube-system": False,
}


@dataclass(frozen=True, slots=True)
class _Spec:
    name: str
    replicas: int
    account: str
    namespace: str = "default"
    image: str = "docker.io/istio/examples-bookinfo-{name}:1.20.3"
    port: int = 9080
    meshed: bool = True
    kind: str = "Deployment"

    @property
    def app(self) -> str:
        head, dash, tail = self.name.rpartition("-v")
        return head if dash and tail.isdigit() else self.name

    @property
    def version(self) -> str:
        _, dash, tail = self.name.rpartition("-v")
        return f"v{tail}" if dash and tail.isdigit() else ""


_BOOKINFO = (
    _Spec("productpage-v1", 2, "bookinfo-productpage"),
    _Spec("details-v1", 1, "bookinfo-details"),
    _Spec("ratings-v1", 2, "bookinfo-ratings"),
    _Spec("reviews-v1", 2, "bookinfo-reviews"),
    _Spec("reviews-v2", 2, "bookinfo-reviews"),
    _Spec("reviews-v3", 2, "bookinfo-reviews"),
    _Spec("curl", 1, "curl", image="docker.io/curlimages/curl:8.16.0", port=80),
    _Spec("loadgen", 2, "loadgen", image="docker.io/fortio/fortio:1.69.5", port=8080),
    _Spec("locked", 1, "locked", namespace="secure", image="docker.io/kong/httpbin:0.2.3"),
    _Spec("plain", 1, "plain", namespace="outside", image="docker.io/kong/httpbin:0.2.3", meshed=False),
)
_SYSTEM = (
    _Spec("istiod", 1, "istiod", "istio-system", "docker.io/istio/pilot:1.31.0", 15012, meshed=False),
    _Spec(
        "ztunnel", 0, "ztunnel", "istio-system", "docker.io/istio/ztunnel:1.31.0", 15020, meshed=False, kind="DaemonSet"
    ),
    _Spec(
        "istio-cni-node",
        0,
        "istio-cni",
        "istio-system",
        "docker.io/istio/install-cni:1.31.0",
        15014,
        False,
        "DaemonSet",
    ),
    _Spec("coredns", 2, "coredns", "kube-system", "registry.k8s.io/coredns/coredns:v1.12.1", 53, meshed=False),
)
_CONTAINERS = {"istiod": "discovery", "ztunnel": "istio-proxy", "istio-cni-node": "install-cni"}
_SHOP_REPLICAS = 10


@dataclass(slots=True)
class Founder:
    """Fills an empty cluster. Draws only names and identifiers; nothing moves yet."""

    cluster: Cluster
    draw: random.Random
    now_us: int
    services_made: int = 0

    def found(self, nodes: int, pods: int | None) -> list[Lane]:
        """Make everything but the pods, and say who will talk to whom."""
        for name, ambient in _NAMESPACES.items():
            made = Namespace(name=name, uid=self._uid(), created_us=self._age(30), ambient=ambient)
            self.cluster.namespaces[name] = made
        for index in range(nodes):
            self._node(index)
        base = _fewer(_BOOKINFO, pods)
        for spec in (*_SYSTEM, *base):
            self._app(spec)
        for name, namespace in (
            ("productpage", "default"),
            ("details", "default"),
            ("ratings", "default"),
            ("reviews", "default"),
            ("locked", "secure"),
            ("plain", "outside"),
        ):
            self._service(name, namespace, {9080: 9080})
        self._service("kubernetes", "default", {443: 6443})
        self._service("istiod", "istio-system", {15012: 15012})
        self._service("kube-dns", "kube-system", {53: 53}, app="coredns")
        self._warehouse()
        self._lock()
        missing = (pods or 0) - sum(spec.replicas for spec in base)
        return self._bookinfo_lanes() + self._shops(missing)

    def _bookinfo_lanes(self) -> list[Lane]:
        """Shares add up to about a hundred."""
        return [
            self._lane("loadgen", "productpage", 30, recv=4_200, ms=38),
            self._lane("curl", "productpage", 5, recv=4_200, ms=41),
            self._lane("productpage-v1", "details", 17, recv=420, ms=4),
            self._lane("productpage-v1", "reviews", 22, recv=760, ms=16),
            self._lane("reviews-v2", "ratings", 7, recv=290, ms=3),
            self._lane("reviews-v3", "ratings", 7, recv=290, ms=3),
            self._lane("productpage-v1", "warehouse", 4, namespace="legacy", recv=900, ms=9),
            self._lane("loadgen", "reviews", 0.35, sent=40_000, recv=9_000_000, ms=170_000, spread=0.8),
            self._lane("curl", "plain", 2, namespace="outside", recv=2_100, ms=11),
            self._lane("curl", "locked", 1, namespace="secure", recv=600, ms=6),
            self._lane("productpage-v1", "locked", 0.6, namespace="secure", recv=600, ms=6),
            self._lane("plain", "reviews", 1, client_namespace="outside", recv=760, ms=17),
            Lane(client=self.cluster.apps["default", "curl"], address="203.0.113.80:443", share=1, recv=5_800, ms=85),
        ]

    def _lane(
        self, client: str, service: str, share: float, *, namespace: str = "default", client_namespace: str = "default",
        **size: float,
    ) -> Lane:  # fmt: skip
        lane = Lane(
            client=self.cluster.apps[client_namespace, client],
            service=self.cluster.services[namespace, service],
            share=share,
        )
        for name, value in size.items():
            setattr(lane, name, value)
        return lane

    def _shops(self, pods: int) -> list[Lane]:
        """Make more apps of one kind until there are enough pods, each calling the next and none alone busy."""
        lanes: list[Lane] = []
        count = -(-pods // _SHOP_REPLICAS) if pods > 0 else 0
        caller = self.cluster.apps["default", "loadgen"]
        for number in range(count):
            replicas = min(_SHOP_REPLICAS, pods - number * _SHOP_REPLICAS)
            name = f"shop-{number:04d}"
            app = self._app(_Spec(name, replicas, name, image="docker.io/istio/examples-shop:1.0"))
            service = self._service(name, "default", {9080: 9080})
            lanes.append(Lane(client=caller, service=service, share=max(200 / count, 2.0), recv=800, ms=14))
            caller = app
        return lanes

    def _node(self, index: int) -> None:
        name = f"w{index + 1}"
        zone = f"{_REGION}{'abc'[index % 3]}"
        self.cluster.nodes[name] = Node(
            name=name, index=index, region=_REGION, zone=zone, uid=self._uid(), created_us=self._age(30)
        )

    def _app(self, spec: _Spec) -> App:
        labels = {"app": spec.app}
        if spec.version:
            labels["version"] = spec.version
        app = App(
            name=spec.name,
            namespace=spec.namespace,
            uid=self._uid(),
            created_us=self._age(9),
            kind=spec.kind,
            replicas=len(self.cluster.nodes) if spec.kind == "DaemonSet" else spec.replicas,
            labels=labels,
            service_account=spec.account,
            container=_CONTAINERS.get(spec.name, spec.app),
            image=spec.image.format(name=spec.name),
            port=spec.port,
            meshed=spec.meshed,
            policies=("secure/only-productpage",) if spec.name == "locked" else (),
        )
        _decorate(app)
        template = names.suffix(self.draw, 10)
        app.revisions.append(
            Revision(name=f"{spec.name}-{template}", hash=template, uid=self._uid(), created_us=app.created_us)
        )
        self.cluster.apps[spec.namespace, spec.name] = app
        return app

    def _service(self, name: str, namespace: str, ports: dict[int, int], *, app: str = "") -> Service:
        service = Service(
            name=name,
            namespace=namespace,
            uid=self._uid(),
            created_us=self._age(9),
            address=names.service_address(self.services_made),
            selector={} if name == "kubernetes" else {"app": app or name},
            ports=ports,
            slice_uid=self._uid(),
            slice_name=f"{name}-{names.suffix(self.draw)}",
        )
        self.services_made += 1
        self.cluster.services[namespace, name] = service
        return service

    def _warehouse(self) -> None:
        """Two machines outside the cluster, one three times as strong: what capacity is for."""
        service = self._service("warehouse", "legacy", {8080: 8080})
        service.selector = {}
        for number, capacity in ((1, 1), (2, 3)):
            machine = Workload(
                name=f"warehouse-vm-{number}",
                namespace="legacy",
                service_account="warehouse",
                canonical_name="warehouse",
                canonical_revision="latest",
                workload_name=f"warehouse-vm-{number}",
                address=f"192.168.40.{10 + number}",
                healthy=True,
                capacity=capacity,
                services=[service],
                region=_REGION,
                zone=f"{_REGION}a",
            )
            service.members.append(machine)
            self.cluster.machines["legacy", machine.name] = machine

    def _lock(self) -> None:
        """Make the one policy: only productpage may talk to `locked`, and curl keeps trying."""
        self.cluster.policies["secure", "only-productpage"] = Policy(
            name="only-productpage",
            namespace="secure",
            uid=self._uid(),
            created_us=self._age(5),
            selector={"app": "locked"},
            principals=("cluster.local/ns/default/sa/bookinfo-productpage",),
        )

    def _uid(self) -> str:
        return names.uid(self.draw)

    def _age(self, days: int) -> int:
        """Draw a time about so many days ago."""
        return self.now_us - int(days * 24 * HOUR * (0.9 + self.draw.random() * 0.1))


def _fewer(specs: tuple[_Spec, ...], pods: int | None) -> tuple[_Spec, ...]:
    """One replica each where fewer pods are asked for than bookinfo has."""
    if pods is None or pods >= sum(spec.replicas for spec in specs):
        return specs
    return tuple(_Spec(one.name, 1, one.account, one.namespace, one.image, one.port, one.meshed) for one in specs)


def _decorate(app: App) -> None:
    """Add what Istio's charts put on the pods of its own apps."""
    if app.name == "ztunnel":
        app.labels |= {"app.kubernetes.io/name": "ztunnel", "istio.io/dataplane-mode": "none"}
        app.annotations = {
            "istio.io/rev": "default",
            "prometheus.io/port": "15020",
            "prometheus.io/scrape": "true",
            "sidecar.istio.io/inject": "false",
        }
    elif app.name == "istio-cni-node":
        app.labels = {"k8s-app": "istio-cni-node", "istio.io/dataplane-mode": "none"}
    elif app.name == "istiod":
        app.labels |= {"istio.io/rev": "default", "istio.io/dataplane-mode": "none"}
    elif app.name == "coredns":
        app.labels |= {"k8s-app": "kube-dns"}
