"""What a cluster is made of: nodes, apps, pods, services, machines and policies, and who hears of a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ztui.simulator import names

TRUST_DOMAIN = "cluster.local"
CLUSTER_ID = "Kubernetes"


@dataclass(slots=True, eq=False, kw_only=True)
class Namespace:
    """A namespace; `ambient` is the label that captures its pods."""

    name: str
    uid: str
    created_us: int
    ambient: bool = False
    rv: int = 0


@dataclass(slots=True, eq=False, kw_only=True)
class Node:
    """A machine with a kubelet, and the pods that run on it."""

    name: str
    index: int
    region: str
    zone: str
    uid: str
    created_us: int
    ready: bool = True
    rv: int = 0
    pods: dict[str, Pod] = field(default_factory=dict)
    addresses_given: int = 0

    def next_address(self) -> str:
        """Give a pod address that no pod of this node has had before."""
        self.addresses_given += 1
        return names.pod_address(self.index, self.addresses_given)


@dataclass(slots=True, eq=False, kw_only=True)
class Workload:
    """One end of a connection as the mesh sees it: a pod or a machine outside the cluster."""

    name: str
    namespace: str
    service_account: str
    canonical_name: str
    canonical_revision: str
    workload_name: str
    address: str = ""
    node: Node | None = None
    hbone: bool = False
    healthy: bool = False
    capacity: int = 1
    services: list[Service] = field(default_factory=list)
    policies: tuple[str, ...] = ()
    """Policies attached by a selector, as `namespace/name`; namespace-wide and global ones are looked up."""
    region: str = ""
    zone: str = ""

    @property
    def identity(self) -> str:
        return f"spiffe://{TRUST_DOMAIN}/ns/{self.namespace}/sa/{self.service_account}"

    @property
    def mesh_uid(self) -> str:
        """Key of the workload in the mesh's own configuration."""
        return f"{CLUSTER_ID}/networking.istio.io/WorkloadEntry/{self.namespace}/{self.name}"


@dataclass(slots=True, eq=False, kw_only=True)
class Pod(Workload):
    """A pod and its life: pending, running, ready, leaving, gone."""

    uid: str
    app: App
    template_hash: str
    created_us: int
    rv: int = 0
    phase: str = "Pending"
    scheduled_us: int | None = None
    started_us: int | None = None
    ready_us: int | None = None
    leaving_us: int | None = None
    restarts: int = 0
    container_id: str = ""
    captured: bool = False

    @property
    def mesh_uid(self) -> str:
        return f"{CLUSTER_ID}//Pod/{self.namespace}/{self.name}"


@dataclass(slots=True, eq=False, kw_only=True)
class Revision:
    """One template of a Deployment: its ReplicaSet, or a ControllerRevision of a DaemonSet."""

    name: str
    hash: str
    uid: str
    created_us: int
    rv: int = 0


@dataclass(slots=True, eq=False, kw_only=True)
class App:
    """What a Deployment or DaemonSet wants, and the pods it has now."""

    name: str
    namespace: str
    uid: str
    created_us: int
    kind: str = "Deployment"
    replicas: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    service_account: str = "default"
    container: str = "app"
    image: str = ""
    port: int = 9080
    meshed: bool = True
    policies: tuple[str, ...] = ()
    rv: int = 0
    generation: int = 1
    revisions: list[Revision] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)

    @property
    def canonical_name(self) -> str:
        return self.labels.get("app", self.name)

    @property
    def canonical_revision(self) -> str:
        return self.labels.get("version", "latest")

    def pods_of(self, revision: Revision) -> list[Pod]:
        """List the pods made from one template."""
        return [pod for pod in self.pods if pod.template_hash == revision.hash]


@dataclass(slots=True, eq=False, kw_only=True)
class Service:
    """A Service, the workloads its selector finds, and how ztunnel is to choose among them."""

    name: str
    namespace: str
    uid: str
    created_us: int
    address: str
    selector: dict[str, str]
    ports: dict[int, int]
    rv: int = 0
    slice_uid: str = ""
    slice_name: str = ""
    members: list[Workload] = field(default_factory=list)
    mode: str = "Standard"
    routing_preferences: tuple[str, ...] = ()
    version: int = 0
    """Grows when the set of endpoints changes; caches of candidates are keyed by it."""

    @property
    def hostname(self) -> str:
        return f"{self.name}.{self.namespace}.svc.{TRUST_DOMAIN}"

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.hostname}"

    def endpoints(self) -> list[Workload]:
        """List the members a new connection may go to: healthy, with an address."""
        return [member for member in self.members if member.healthy and member.address]


@dataclass(slots=True, eq=False, kw_only=True)
class Policy:
    """An AuthorizationPolicy as far as ztunnel enforces it."""

    name: str
    namespace: str
    uid: str
    created_us: int
    action: str = "Allow"
    selector: dict[str, str] = field(default_factory=dict)
    principals: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    rv: int = 0

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def scope(self) -> str:
        if self.selector:
            return "WorkloadSelector"
        return "Global" if self.namespace == "istio-system" else "Namespace"

    def matches(self, identity: str | None, port: int) -> bool:
        """Whether its one rule matches a connection; principals are compared without their scheme."""
        if self.ports and port not in self.ports:
            return False
        if not self.principals:
            return bool(self.ports)
        return identity is not None and identity.removeprefix("spiffe://") in self.principals


Listener = Callable[[str, str, object], None]


@dataclass(slots=True, eq=False)
class Cluster:
    """Everything there is, the counter of its changes, and the listeners that hear of each."""

    namespaces: dict[str, Namespace] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    apps: dict[tuple[str, str], App] = field(default_factory=dict)
    pods: dict[tuple[str, str], Pod] = field(default_factory=dict)
    services: dict[tuple[str, str], Service] = field(default_factory=dict)
    machines: dict[tuple[str, str], Workload] = field(default_factory=dict)
    policies: dict[tuple[str, str], Policy] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    mesh_version: int = 0
    """Grows with every change a ztunnel would hear of over xDS."""

    def tell(self, what: str, kind: str, thing: object) -> None:
        """Let the listeners know: `what` is ADDED, MODIFIED or DELETED, `kind` the plural resource name."""
        for listener in self.listeners:
            listener(what, kind, thing)

    def mesh_changed(self, *services: Service) -> None:
        """Note that ztunnels hear of a change, and which services' endpoints moved."""
        self.mesh_version += 1
        for service in services:
            service.version += 1

    def policies_of(self, workload: Workload) -> list[Policy]:
        """List the policies in force for a destination: global, its namespace's, and those whose selector finds it."""
        return [
            policy
            for policy in self.policies.values()
            if policy.scope == "Global"
            or (policy.scope == "Namespace" and policy.namespace == workload.namespace)
            or policy.key in workload.policies
        ]

    def refusal(self, workload: Workload, identity: str | None, port: int) -> str | None:
        """Why ztunnel would refuse a connection to `workload`, in its own words; None where it would not."""
        policies = self.policies_of(workload)
        for policy in policies:
            if policy.action == "Deny" and policy.matches(identity, port):
                return f"connection closed due to policy rejection: explicitly denied by: {policy.key}"
        allows = [policy for policy in policies if policy.action == "Allow"]
        if allows and not any(policy.matches(identity, port) for policy in allows):
            return "connection closed due to policy rejection: allow policies exist, but none allowed"
        return None

    def workloads(self) -> list[Workload]:
        """Every workload istiod would send: pods with an address that have not ended, and machines."""
        living: list[Workload] = [pod for pod in self.pods.values() if pod.address and pod.phase == "Running"]
        return living + list(self.machines.values())
