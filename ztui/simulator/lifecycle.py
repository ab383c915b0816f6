"""How pods come and go: creation, readiness, departure, rollouts, and ztunnels that restart or are replaced."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ztui.simulator import names
from ztui.simulator.certificates import Authority, Certificate
from ztui.simulator.clock import HOUR, MILLI, SECOND
from ztui.simulator.cluster import App, Cluster, Node, Pod, Revision, Service
from ztui.simulator.logfile import LogFile
from ztui.simulator.schedule import Schedule
from ztui.simulator.traffic import Traffic
from ztui.simulator.ztunnel import Ztunnel

_REVISIONS_KEPT = 4
_LOG_KEPT_US = 60 * SECOND
"""How long the log of a deleted pod stays readable for those who follow it."""


@dataclass(slots=True, eq=False, kw_only=True)
class Lifecycle:
    """Moves pods through their lives and lets everyone know who needs to."""

    cluster: Cluster
    schedule: Schedule
    traffic: Traffic
    ztunnels: dict[str, Ztunnel]
    authority: Authority
    draw: random.Random
    versions: tuple[str, ...] = ("1.31",)
    json_log: bool = False
    log_limit_bytes: int = 10 << 20
    logs: dict[str, LogFile] = field(default_factory=dict)
    """The current log of each pod that writes one, by pod uid."""
    previous_logs: dict[str, LogFile] = field(default_factory=dict)
    history: list[tuple[Pod, int, LogFile]] = field(default_factory=list)
    """Every log there ever was: its pod, the container's restart count, and the file."""
    _next_node: int = 0

    # the beginning

    def populate(self, at_us: int) -> None:
        """Give every app its pods and every node its ztunnel, all running for days already."""
        for app in list(self.cluster.apps.values()):
            if app.kind == "DaemonSet":
                for node in self.cluster.nodes.values():
                    self._settle(at_us, self._make(app, app.revisions[-1], app.created_us), node)
            else:
                for _ in range(app.replicas):
                    self._settle(at_us, self._make(app, app.revisions[-1], app.created_us), self._pick_node())
        for number, node in enumerate(self.cluster.nodes.values()):
            pod = next(pod for pod in node.pods.values() if pod.app.name == "ztunnel")
            ztunnel = self._new_ztunnel(pod, node, self.versions[number % len(self.versions)], at_us)
            ztunnel.started_us = pod.started_us or at_us
            for local in node.pods.values():
                if local.captured:
                    ztunnel.local[local.uid] = local
                    ztunnel.proxies_started += 1
                    self._certify(at_us, ztunnel, local, staggered=True)
        self.cluster.mesh_changed(*self.cluster.services.values())

    def _settle(self, at_us: int, pod: Pod, node: Node) -> None:
        self._bind(pod, node, pod.created_us + 300 * MILLI)
        pod.address = node.next_address()
        pod.captured = pod.hbone = pod.app.meshed
        pod.phase = "Running"
        pod.started_us = pod.created_us + 2 * SECOND
        pod.ready_us = pod.created_us + 5 * SECOND
        pod.healthy = at_us >= pod.ready_us

    # rollouts

    def roll(self, at_us: int, app: App) -> bool:
        """Start a rollout of a Deployment; False where one is still under way."""
        if any(pod.template_hash != app.revisions[-1].hash for pod in app.pods):
            return False
        template = names.suffix(self.draw, 10)
        revision = Revision(name=f"{app.name}-{template}", hash=template, uid=names.uid(self.draw), created_us=at_us)
        app.revisions.append(revision)
        app.generation += 1
        self.cluster.tell("MODIFIED", "deployments", app)
        self.cluster.tell("ADDED", "replicasets", (app, revision))
        self._replace_next(at_us, app, revision)
        return True

    def _replace_next(self, at_us: int, app: App, revision: Revision) -> None:
        """One new pod, and when it is ready one old one leaves; until none is left."""
        old = [pod for pod in app.pods if pod.template_hash != revision.hash and pod.leaving_us is None]
        if old:
            self.create(at_us, app, revision, replaces=old[0])
            return
        for stale in app.revisions[:-_REVISIONS_KEPT]:
            self.cluster.tell("DELETED", "replicasets", (app, stale))
        del app.revisions[:-_REVISIONS_KEPT]

    def create(self, at_us: int, app: App, revision: Revision, *, replaces: Pod | None = None) -> Pod:
        """Create a pod: bound, given a sandbox, started and ready within a few seconds."""
        pod = self._make(app, revision, at_us)
        self.cluster.tell("ADDED", "pods", pod)
        self._revision_changed(pod)
        jitter = self.draw.random()
        self.schedule.at(at_us + 300 * MILLI, self._bound, pod)
        self.schedule.at(at_us + int((1.1 + jitter) * SECOND), self._sandboxed, pod)
        self.schedule.at(at_us + int((1.9 + jitter) * SECOND), self._started, pod)
        self.schedule.at(at_us + int((4.0 + 2 * jitter) * SECOND), self._became_ready, pod, replaces)
        return pod

    def _bound(self, at_us: int, pod: Pod) -> None:
        self._bind(pod, self._pick_node(), at_us)
        self.cluster.tell("MODIFIED", "pods", pod)

    def _sandboxed(self, at_us: int, pod: Pod) -> None:
        """Give the pod a network; the node agent hands it to ztunnel."""
        assert pod.node is not None, "a pod is bound before it gets a sandbox"
        pod.address = pod.node.next_address()
        ztunnel = self.ztunnels.get(pod.node.name)
        if pod.app.meshed and ztunnel is not None:
            pod.captured = pod.hbone = True
            ztunnel.greet(at_us, pod)
            self._certify(at_us, ztunnel, pod)
        self.cluster.tell("MODIFIED", "pods", pod)

    def _started(self, at_us: int, pod: Pod) -> None:
        pod.phase, pod.started_us = "Running", at_us
        self.cluster.mesh_changed()
        self.cluster.tell("MODIFIED", "pods", pod)

    def _became_ready(self, at_us: int, pod: Pod, replaces: Pod | None) -> None:
        pod.ready_us, pod.healthy = at_us, True
        self._endpoints_changed(pod)
        self.cluster.tell("MODIFIED", "pods", pod)
        self._revision_changed(pod)
        if replaces is not None:
            self.leave(at_us + 200 * MILLI, replaces)
            self.schedule.at(at_us + 500 * MILLI, self._replace_next, pod.app, pod.app.revisions[-1])

    def leave(self, at_us: int, pod: Pod) -> None:
        """Tell a pod to go: out of its services at once, its container a few seconds later."""
        pod.leaving_us, pod.healthy = at_us, False
        self._endpoints_changed(pod)
        self.cluster.tell("MODIFIED", "pods", pod)
        stopped = at_us + int((3 + self.draw.random() * 4) * SECOND)
        self.schedule.at(stopped, self._stopped, pod)

    def _stopped(self, at_us: int, pod: Pod) -> None:
        self.traffic.cut(at_us, pod)
        if pod.node is not None and (ztunnel := self.ztunnels.get(pod.node.name)) is not None:
            ztunnel.part(at_us + 2 * MILLI, pod)
            if not any(local.identity == pod.identity for local in ztunnel.local.values()):
                ztunnel.certificates.pop(pod.identity, None)
        pod.phase = "Succeeded"
        self.cluster.mesh_changed()
        self.schedule.at(at_us + 400 * MILLI, self._deleted, pod)

    def _deleted(self, at_us: int, pod: Pod) -> None:
        pod.app.pods.remove(pod)
        del self.cluster.pods[pod.namespace, pod.name]
        if pod.node is not None:
            pod.node.pods.pop(pod.uid, None)
        for service in pod.services:
            service.members.remove(pod)
        self.cluster.tell("DELETED", "pods", pod)
        self._revision_changed(pod)
        log = self.logs.pop(pod.uid, None)
        if log is not None:
            log.closed = True
            self.schedule.at(at_us + _LOG_KEPT_US, lambda _at_us: log.rotate())

    # ztunnels

    def restart_ztunnel(self, at_us: int, node: Node) -> None:
        """End the container and start it again in the same pod: everything it knew begins anew."""
        old = self.ztunnels.pop(node.name, None)
        if old is None:
            return
        self.traffic.cut_node(at_us, old)
        stopped = old.stop(at_us + 2 * MILLI)
        old.log.closed = True
        self.previous_logs[old.pod.uid] = old.log
        old.pod.healthy = False
        old.pod.ready_us = None
        old.pod.started_us = None
        self.cluster.tell("MODIFIED", "pods", old.pod)
        self.schedule.at(stopped + 1_500 * MILLI, self._ztunnel_back, old)

    def _ztunnel_back(self, at_us: int, old: Ztunnel) -> None:
        old.pod.restarts += 1  # counted when the next container is made, not when the last one ends
        old.pod.started_us = at_us
        self._start_ztunnel(at_us, self._new_ztunnel(old.pod, old.node, old.version, at_us), old)
        old.pod.ready_us, old.pod.healthy = at_us + SECOND, True
        self.cluster.tell("MODIFIED", "pods", old.pod)

    def replace_ztunnel(self, at_us: int, node: Node) -> None:
        """As in an upgrade: a second ztunnel pod comes up on the node, then the first one goes."""
        old = self.ztunnels.get(node.name)
        if old is None or old.pod.leaving_us is not None:
            return
        app = old.pod.app
        pod = self._make(app, app.revisions[-1], at_us)
        self._bind(pod, node, at_us)
        self.cluster.tell("ADDED", "pods", pod)
        self.schedule.at(at_us + 2 * SECOND, self._ztunnel_takes_over, pod, old)

    def _ztunnel_takes_over(self, at_us: int, pod: Pod, old: Ztunnel) -> None:
        if self.ztunnels.get(old.node.name) is not old:
            self._deleted(at_us, pod)
            return
        pod.address = old.node.next_address()
        pod.phase, pod.started_us, pod.ready_us, pod.healthy = "Running", at_us, at_us + SECOND, True
        self.traffic.cut_node(at_us, old)
        ready = self._start_ztunnel(at_us, self._new_ztunnel(pod, old.node, old.version, at_us), old)
        self.cluster.mesh_changed()
        self.cluster.tell("MODIFIED", "pods", pod)
        old.pod.leaving_us = at_us
        self.cluster.tell("MODIFIED", "pods", old.pod)
        stopped = old.stop(ready + SECOND)
        self.schedule.at(stopped + 300 * MILLI, self._deleted, old.pod)

    def _new_ztunnel(self, pod: Pod, node: Node, version: str, at_us: int) -> Ztunnel:
        log = LogFile(self.log_limit_bytes)
        ztunnel = Ztunnel(pod=pod, node=node, log=log, version=version, json_log=self.json_log, started_us=at_us)
        self.ztunnels[node.name] = ztunnel
        self.logs[pod.uid] = log
        self.history.append((pod, pod.restarts, log))
        return ztunnel

    def _start_ztunnel(self, at_us: int, ztunnel: Ztunnel, old: Ztunnel) -> int:
        ztunnel.local = dict(old.local)
        ready = ztunnel.start(at_us, [policy.name for policy in self.cluster.policies.values()])
        for pod in ztunnel.local.values():
            self._certify(at_us, ztunnel, pod)
        return ready

    def _certify(self, at_us: int, ztunnel: Ztunnel, pod: Pod, *, staggered: bool = False) -> None:
        if pod.identity in ztunnel.certificates:
            return
        age = int(self.draw.random() * 11.9 * HOUR) if staggered else 0
        self._hold(ztunnel, self.authority.issue(pod.identity, at_us, age_us=age))

    def _hold(self, ztunnel: Ztunnel, certificate: Certificate) -> None:
        ztunnel.certificates[certificate.identity] = certificate
        self.schedule.at(certificate.renews_us, self._renew, ztunnel, certificate)

    def _renew(self, at_us: int, ztunnel: Ztunnel, certificate: Certificate) -> None:
        """At half-life ztunnel asks for the next one; nobody logs it."""
        if ztunnel.certificates.get(certificate.identity) is certificate:
            self._hold(ztunnel, self.authority.issue(certificate.identity, at_us))

    # small things

    def _make(self, app: App, revision: Revision, at_us: int) -> Pod:
        head = app.name if app.kind == "DaemonSet" else f"{app.name}-{revision.hash}"
        services = self._services_of(app)
        pod = Pod(
            name=f"{head}-{names.suffix(self.draw)}",
            namespace=app.namespace,
            service_account=app.service_account,
            canonical_name=app.canonical_name,
            canonical_revision=app.canonical_revision,
            workload_name=app.name,
            services=services,
            policies=app.policies,
            uid=names.uid(self.draw),
            app=app,
            template_hash=revision.hash,
            created_us=at_us,
            container_id=f"{self.draw.getrandbits(256):064x}",
        )
        app.pods.append(pod)
        self.cluster.pods[pod.namespace, pod.name] = pod
        for service in services:
            service.members.append(pod)
        return pod

    def _services_of(self, app: App) -> list[Service]:
        """Find the services of its namespace that select its pods; services are named like the app label."""
        service = self.cluster.services.get((app.namespace, app.labels.get("app", "")))
        if service is None and app.name == "coredns":
            service = self.cluster.services.get(("kube-system", "kube-dns"))
        return [service] if service is not None and service.selector else []

    def _bind(self, pod: Pod, node: Node, at_us: int) -> None:
        pod.node, pod.scheduled_us = node, at_us
        pod.region, pod.zone = node.region, node.zone
        node.pods[pod.uid] = pod

    def _pick_node(self) -> Node:
        nodes = list(self.cluster.nodes.values())
        self._next_node += 1
        return nodes[(self._next_node - 1) % len(nodes)]

    def _endpoints_changed(self, pod: Pod) -> None:
        self.cluster.mesh_changed(*pod.services)
        for service in pod.services:
            self.cluster.tell("MODIFIED", "endpointslices", service)

    def _revision_changed(self, pod: Pod) -> None:
        if pod.app.kind == "DaemonSet":
            self.cluster.tell("MODIFIED", "daemonsets", pod.app)
            return
        self.cluster.tell("MODIFIED", "deployments", pod.app)
        for revision in pod.app.revisions:
            if revision.hash == pod.template_hash:
                self.cluster.tell("MODIFIED", "replicasets", (pod.app, revision))
