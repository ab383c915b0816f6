"""What a TARGET on the command line means: which ztunnels to ask, and which pods the rows are filtered to.

A ztunnel pod means that ztunnel; `node/NAME` the ztunnels of that node; any other pod or `kind/name` the ztunnels of
the nodes its pods run on, and only their rows. Each takes an optional `.namespace` suffix, as in istioctl, or `-n`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ztui.errors import UsageError
from ztui.model.cluster import Pod, Ztunnel
from ztui.model.workload import Workload


class TargetError(UsageError):
    """A TARGET that names nothing here, or more than one thing."""


PodName = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was found under a TARGET."""

    text: str
    """As it was given."""
    ztunnels: frozenset[str] = frozenset()
    """`Origin.key` of those on its nodes; empty where no ztunnels are known at all, as with saved files."""
    nodes: frozenset[str] = frozenset()
    pods: frozenset[PodName] | None = None
    """Which pods the rows are filtered to; None where a ztunnel or a node was meant and nothing is filtered."""
    says: str = ""
    """What it was understood as: `deployment reviews in default: 3 pods on 2 nodes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is there to be meant: the ztunnels, and pods as Kubernetes or, without its word, the dumps name them."""

    ztunnels: Sequence[Ztunnel] = ()
    pods: Sequence[Pod] = ()
    workloads: Sequence[Workload] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A pod, from whichever source named it."""

    name: str
    namespace: str
    node: str | None
    owners: frozenset[tuple[str, str]]
    """Kind and name of what it belongs to."""


_KINDS = {
    "po": "pod", "pod": "pod", "pods": "pod",
    "no": "node", "node": "node", "nodes": "node",
    "deploy": "deployment", "deployment": "deployment", "deployments": "deployment",
    "ds": "daemonset", "daemonset": "daemonset", "daemonsets": "daemonset",
    "sts": "statefulset", "statefulset": "statefulset", "statefulsets": "statefulset",
    "rs": "replicaset", "replicaset": "replicaset", "replicasets": "replicaset",
    "job": "job", "jobs": "job", "cj": "cronjob", "cronjob": "cronjob", "cronjobs": "cronjob",
    "svc": "service", "service": "service", "services": "service",
    "sa": "serviceaccount", "serviceaccount": "serviceaccount", "serviceaccounts": "serviceaccount",
    "workload": "workload", "w": "workload",
}  # fmt: skip


def resolve(text: str, here: Surroundings, *, namespace: str | None = None) -> Target:
    """Find what a TARGET means. Raises TargetError, whose remedy says what could have been written."""
    kind_text, slash, name = text.rpartition("/")
    kind = _KINDS.get(kind_text.lower()) if slash else "pod"
    if kind is None:
        known = "pod, node, deployment, daemonset, statefulset, replicaset, job, service, serviceaccount or workload"
        raise TargetError(f"TARGET {text!r}: {kind_text!r} is no kind ztui knows", f"write {known} before the slash")
    if not name:
        raise TargetError(f"TARGET {text!r} has no name", "write a pod's name, node/NAME or kind/name")
    if kind == "node":
        return _node(text, name, here)
    if kind == "pod" and (ztunnel := _ztunnel(name, namespace, here.ztunnels)) is not None:
        return ztunnel
    return _pods(text, kind, name, namespace, here)


def _node(text: str, name: str, here: Surroundings) -> Target:
    """Find a node's ztunnels; a node may have two while ztunnel is being upgraded."""
    found = [ztunnel for ztunnel in here.ztunnels if ztunnel.node == name]
    if not found:
        nodes = sorted({ztunnel.node for ztunnel in here.ztunnels if ztunnel.node})
        raise TargetError(f"no ztunnel runs on a node called {name!r}", _choice(nodes, "nodes with a ztunnel"))
    keys = frozenset(ztunnel.key for ztunnel in found)
    return Target(text=text, ztunnels=keys, nodes=frozenset({name}), says=f"node {name}")


def _ztunnel(name: str, namespace: str | None, ztunnels: Sequence[Ztunnel]) -> Target | None:
    """Find a ztunnel by its pod's name. Its own namespace needs no naming: pod names of a DaemonSet are unique."""
    for wanted, within in _readings(name, namespace):
        for ztunnel in ztunnels:
            if ztunnel.name == wanted and within in (None, ztunnel.namespace):
                nodes = frozenset({ztunnel.node} if ztunnel.node else ())
                return Target(text=name, ztunnels=frozenset({ztunnel.key}), nodes=nodes, says=f"ztunnel {wanted}")
    return None


def _readings(name: str, namespace: str | None) -> Iterable[tuple[str, str | None]]:
    """How `name.rest` can be meant: a name with dots, or a name and its namespace. -n settles the namespace."""
    yield name, namespace
    head, dot, tail = name.rpartition(".")
    if dot and head and namespace in (None, tail):
        yield head, tail


def _pods(text: str, kind: str, name: str, namespace: str | None, here: Surroundings) -> Target:
    candidates = list(_candidates(here))
    for wanted, within in _readings(name, namespace):
        found = [
            candidate
            for candidate in candidates
            if within in (None, candidate.namespace) and _is_meant(candidate, kind, wanted)
        ]
        if found:
            return _target(text, kind, wanted, found, here.ztunnels)
    names = sorted({f"{kind}/{name}" for name in _names(candidates, kind)}) if kind != "pod" else []
    scope = f" in namespace {namespace}" if namespace else ""
    what = f"no pod called {name!r}{scope} is known" if kind == "pod" else f"{kind} {name!r}{scope} has no known pod"
    raise TargetError(what, _choice(names, f"known: {kind}s") if names else _ADVICE)


_ADVICE = "check the name and its namespace (NAME.NAMESPACE or -n), or leave TARGET out to see every ztunnel"


def _candidates(here: Surroundings) -> Iterable[_Candidate]:
    """List pods by Kubernetes' word first; the dumps add owners, services and accounts, and pods it did not name."""
    held = {(workload.namespace, workload.name): workload for workload in here.workloads if workload.is_pod}
    for pod in here.pods:
        workload = held.pop((pod.namespace, pod.name), None)
        owners = _owners_of_pod(pod) | (_owners_of_workload(workload) if workload else frozenset())
        yield _Candidate(name=pod.name, namespace=pod.namespace, node=pod.node, owners=owners)
    for workload in held.values():
        owners = _owners_of_workload(workload)
        yield _Candidate(name=workload.name, namespace=workload.namespace, node=workload.node, owners=owners)


def _owners_of_pod(pod: Pod) -> frozenset[tuple[str, str]]:
    """Name a pod's controller and, through a ReplicaSet's template hash, the Deployment above it."""
    if pod.owner is None:
        return frozenset()
    kind, _, name = pod.owner.partition("/")
    owners = {(kind.lower(), name)}
    template = pod.labels.get("pod-template-hash")
    if kind.lower() == "replicaset" and template and name.endswith(f"-{template}"):
        owners.add(("deployment", name.removesuffix(f"-{template}")))
    return frozenset(owners)


def _owners_of_workload(workload: Workload) -> frozenset[tuple[str, str]]:
    owners = {("service", service.partition("/")[2].partition(".")[0]) for service in workload.services}
    if workload.service_account:
        owners.add(("serviceaccount", workload.service_account))
    if workload.workload_name:
        owners.add((workload.workload_type or "workload", workload.workload_name))
    return frozenset(owners)


def _is_meant(candidate: _Candidate, kind: str, name: str) -> bool:
    if kind == "pod":
        return candidate.name == name
    if kind == "workload":
        return candidate.name == name or any(owner == name for _, owner in candidate.owners)
    return (kind, name) in candidate.owners


def _names(candidates: Iterable[_Candidate], kind: str) -> set[str]:
    return {owner for candidate in candidates for of, owner in candidate.owners if of == kind}


def _target(text: str, kind: str, name: str, found: Sequence[_Candidate], ztunnels: Sequence[Ztunnel]) -> Target:
    """Put together what was found; a name in several namespaces is an error, since it can mean only one."""
    namespaces = sorted({candidate.namespace for candidate in found})
    if len(namespaces) > 1:
        raise TargetError(
            f"TARGET {text!r} is in {len(namespaces)} namespaces",
            _choice([f"{name}.{namespace}" for namespace in namespaces], "write one of"),
        )
    nodes = frozenset(candidate.node for candidate in found if candidate.node)
    keys = frozenset(ztunnel.key for ztunnel in ztunnels if ztunnel.node in nodes)
    if not keys and ztunnels:
        where = ", ".join(sorted(nodes)) or "a node that is not known yet"
        raise TargetError(
            f"{kind} {name} is on {where}, where no ztunnel runs", "leave TARGET out to see every ztunnel"
        )
    pods = frozenset((candidate.namespace, candidate.name) for candidate in found)
    counts = f"{_count(len(pods), 'pod')} on {_count(len(nodes), 'node')}"
    says = f"{kind} {name} in {namespaces[0]}" + ("" if kind == "pod" else f": {counts}")
    return Target(text=text, ztunnels=keys, nodes=nodes, pods=pods, says=says)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _choice(names: Sequence[str], title: str, limit: int = 5) -> str:
    """List a few names to choose from."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{title}: {', '.join(names[:limit])}{more}" if names else _ADVICE


def is_about(target: Target) -> Callable[[str | None, str | None], bool]:
    """Make the row filter of a target: says whether a pod of this namespace and name is meant."""
    pods = target.pods
    if pods is None:
        return lambda namespace, name: True  # noqa: ARG005  nothing is filtered
    return lambda namespace, name: (namespace, name) in pods
