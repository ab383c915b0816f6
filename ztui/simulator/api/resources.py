"""Which resources the API serves, and what kubectl calls them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_READ = ("get", "list", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of one group."""

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """(name, kind, verbs)."""

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def is_custom(self) -> bool:
        """Whether a CRD defines it: its group is somebody's own."""
        return self.group.endswith((".istio.io", "gateway.networking.k8s.io"))

    @property
    def group_resource(self) -> str:
        """As error texts name it: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_POD_PARTS = (("log", "Pod", ("get",)), ("portforward", "PodPortForwardOptions", ("create", "get")))
RESOURCES = (
    Resource(plural="namespaces", kind="Namespace", namespaced=False, short=("ns",)),
    Resource(plural="nodes", kind="Node", namespaced=False, short=("no",)),
    Resource(plural="pods", kind="Pod", short=("po",), subresources=_POD_PARTS),
    Resource(plural="services", kind="Service", short=("svc",)),
    Resource(plural="events", kind="Event", short=("ev",)),
    Resource(plural="deployments", kind="Deployment", group="apps", short=("deploy",)),
    Resource(plural="replicasets", kind="ReplicaSet", group="apps", short=("rs",)),
    Resource(plural="daemonsets", kind="DaemonSet", group="apps", short=("ds",)),
    Resource(plural="controllerrevisions", kind="ControllerRevision", group="apps"),
    Resource(plural="endpointslices", kind="EndpointSlice", group="discovery.k8s.io"),
    Resource(plural="networkpolicies", kind="NetworkPolicy", group="networking.k8s.io", short=("netpol",)),
    Resource(plural="gateways", kind="Gateway", group="gateway.networking.k8s.io", short=("gtw",)),
    Resource(plural="authorizationpolicies", kind="AuthorizationPolicy", group="security.istio.io", short=("ap",)),
    Resource(plural="peerauthentications", kind="PeerAuthentication", group="security.istio.io", short=("pa",)),
    Resource(plural="serviceentries", kind="ServiceEntry", group="networking.istio.io", short=("se",)),
    Resource(plural="workloadentries", kind="WorkloadEntry", group="networking.istio.io", short=("we",)),
)
BY_PATH = {(one.group, one.version, one.plural): one for one in RESOURCES}
_REVIEWS = {
    ("authorization.k8s.io", "v1"): ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "v1"): ("selfsubjectreviews",),
}
_REVIEW_KINDS = {
    "selfsubjectaccessreviews": "SelfSubjectAccessReview",
    "selfsubjectrulesreviews": "SelfSubjectRulesReview",
    "selfsubjectreviews": "SelfSubjectReview",
}


def core_versions() -> Json:
    """Answer `/api`."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_list() -> Json:
    """`/apis`."""
    groups = sorted({(one.group, one.version) for one in RESOURCES if one.group} | set(_REVIEWS))
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*one) for one in groups]}


def group(name: str) -> Json | None:
    """`/apis/GROUP`; None for a group nobody serves."""
    for one in group_list()["groups"]:
        if one["name"] == name:
            return {"kind": "APIGroup", "apiVersion": "v1", **one}
    return None


def resource_list(name: str, version: str) -> Json | None:
    """`/api/v1` and `/apis/GROUP/VERSION`; None for what nobody serves."""
    rows = [row for one in RESOURCES if (one.group, one.version) == (name, version) for row in _rows(one)]
    for plural in _REVIEWS.get((name, version), ()):
        row = {"name": plural, "singularName": plural[:-1], "namespaced": False, "kind": _REVIEW_KINDS[plural]}
        rows.append({**row, "verbs": ["create"]})
    if not rows:
        return None
    full = f"{name}/{version}" if name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": full, "resources": rows}


def _group(name: str, version: str) -> Json:
    full = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [full], "preferredVersion": full}


def _rows(one: Resource) -> list[Json]:
    row: Json = {
        "name": one.plural,
        "singularName": one.singular,
        "namespaced": one.namespaced,
        "kind": one.kind,
        "verbs": list(_READ),
    }
    if one.short:
        row["shortNames"] = list(one.short)
    rows = [row]
    for part, kind, verbs in one.subresources:
        rows.append(
            {
                "name": f"{one.plural}/{part}",
                "singularName": "",
                "namespaced": one.namespaced,
                "kind": kind,
                "verbs": list(verbs),
            }
        )
    return rows
