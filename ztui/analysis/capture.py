"""Whether a pod's traffic goes through ztunnel, as far as labels, annotation and dumps can tell.

They can all be right while the pod's own packet filter is not, so agreement is never called a proof.
Sources: istio-cni's `cni/pkg/util`, istiod's `ambient` registry, ztunnel's `src/inpod`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ztui.model.cluster import Namespace, Pod
from ztui.model.workload import Protocol, Workload, WorkloadState

MODE_LABEL = "istio.io/dataplane-mode"
REDIRECTION = "ambient.istio.io/redirection"
SIDECAR = "sidecar.istio.io/status"


class CaptureVerdict(StrEnum):
    """What the sources together say."""

    CONSISTENT = "consistent"
    """All sources say it is captured; a proof that would be only with the pod's own packet filter."""
    OUTSIDE = "not in the mesh"
    BROKEN = "broken"
    """Its traffic does not flow, or soon will not."""
    UNCAPTURED = "not captured"
    """It should be, and is not: its traffic flows past the mesh."""
    LAGGING = "lagging"
    """Something has not caught up yet."""
    NATIVE = "speaks HBONE itself"
    SIDECAR = "sidecar"
    UNKNOWN = "unknown"


class Redirection(StrEnum):
    """istio-cni's annotation."""

    ENABLED = "enabled"
    PENDING = "pending"


class Listening(StrEnum):
    """How the node's ztunnel serves the pod; `MISSING` only where its dump is at hand and lacks the pod."""

    UP = "Up"
    PENDING = "Pending"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The verdict, a sentence, and each source with what it says."""

    verdict: CaptureVerdict
    says: str
    evidence: tuple[str, ...] = ()

    @property
    def is_problem(self) -> bool:
        return self.verdict in (CaptureVerdict.BROKEN, CaptureVerdict.UNCAPTURED, CaptureVerdict.LAGGING)


def is_enrolled(pod: Pod, namespace: Namespace | None) -> bool | None:
    """Whether the labels ask for capture, by istio-cni's default rules; None where the namespace is not known."""
    if pod.host_network or pod.phase in ("Succeeded", "Failed"):
        return False
    label = pod.labels.get(MODE_LABEL)
    if label == "ambient":
        return True
    if label == "none":
        return False
    if namespace is None:
        return None
    return namespace.labels.get(MODE_LABEL) == "ambient"


def listening(pod_uid: str, states: Mapping[str, WorkloadState] | None) -> Listening | None:
    """How the node's ztunnel serves a pod; `states` by pod uid, None where no dump of that node is at hand."""
    if states is None:
        return None
    state = states.get(pod_uid)
    if state is None:
        return Listening.MISSING
    try:
        return Listening(state.state or "")
    except ValueError:
        return None


def judge_capture(
    *,
    enrolled: bool | None,
    annotation: str | None,
    is_annotation_known: bool = True,
    served: Listening | None = None,
    protocol: str | None = None,
) -> Capture:
    """Judge from the four sources: labels, istio-cni's annotation, the node's ztunnel, and the protocol in the dumps.

    A source that is None is not known and proves nothing; of the annotation None means absent if it `is known`.
    """
    evidence = _evidence(enrolled, annotation, is_annotation_known, served, protocol)
    facts = _Facts(
        enrolled=enrolled,
        annotation=annotation or ("absent" if is_annotation_known else None),
        served=served,
        protocol=protocol,
    )
    for rule in _RULES:
        if rule.holds_for(facts):
            return Capture(verdict=rule.verdict, says=rule.says.format(n=len(evidence)), evidence=evidence)
    return Capture(verdict=CaptureVerdict.UNKNOWN, says=_unknown(len(evidence)), evidence=evidence)


def _unknown(sources: int) -> str:
    if not sources:
        return "nothing is known about its capture"
    return f"{sources} source{'' if sources == 1 else 's'} known: too few, or they fit no known case"


def capture_of(
    pod: Pod,
    *,
    namespace: Namespace | None,
    states: Mapping[str, WorkloadState] | None,
    workload: Workload | None,
) -> Capture:
    """Judge one pod with all that is at hand; `states` are those of its node's ztunnel, None where there is no dump."""
    if pod.phase in ("Succeeded", "Failed"):
        return Capture(verdict=CaptureVerdict.OUTSIDE, says=f"it has ended ({pod.phase}): there is nothing to capture")
    if SIDECAR in pod.annotations:
        return Capture(verdict=CaptureVerdict.SIDECAR, says="it has a sidecar, which ztunnel leaves alone")
    if workload is not None and workload.native_tunnel:
        says = "it speaks HBONE by itself; no ztunnel stands before it"
        return Capture(verdict=CaptureVerdict.NATIVE, says=says, evidence=("dump: nativeTunnel",))
    served = listening(pod.uid, states)
    if pod.deleted_at is not None and served is not Listening.UP:
        return Capture(verdict=CaptureVerdict.UNKNOWN, says="it is being deleted, and its ztunnel has let go of it")
    if pod.phase == "Pending" and not pod.ips:
        return Capture(verdict=CaptureVerdict.UNKNOWN, says="it has no network yet: istio-cni has not seen it")
    return judge_capture(
        enrolled=is_enrolled(pod, namespace),
        annotation=pod.annotations.get(REDIRECTION),
        served=served,
        protocol=workload.protocol if workload is not None else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    enrolled: bool | None = None
    annotation: str | None = None
    served: Listening | None = None
    protocol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One case. A set that is given must have the fact in it; a case never holds by what is unknown."""

    verdict: CaptureVerdict
    says: str
    enrolled: bool | None = None
    annotation: frozenset[str] = frozenset()
    served: frozenset[Listening] = frozenset()
    protocol: str | None = None

    def holds_for(self, facts: _Facts) -> bool:
        if self.enrolled is not None and facts.enrolled is not self.enrolled:
            return False
        if self.annotation and facts.annotation not in self.annotation:
            return False
        if self.served and facts.served not in self.served:
            return False
        return self.protocol is None or facts.protocol == self.protocol


_ENABLED = frozenset({Redirection.ENABLED.value})
_PENDING = frozenset({Redirection.PENDING.value})
_ABSENT = frozenset({"absent"})
_NOT_UP = frozenset({Listening.MISSING, Listening.PENDING})

_RULES = (
    _Rule(
        verdict=CaptureVerdict.BROKEN,
        says="istio-cni redirects its traffic, but its node's ztunnel does not serve it: "
        "a restart in progress, or istio-cni and ztunnel have lost each other",
        annotation=_ENABLED,
        served=frozenset({Listening.MISSING}),
    ),
    _Rule(
        verdict=CaptureVerdict.BROKEN,
        says="istio-cni redirects its traffic, but ztunnel could not start its listeners "
        "(its log has `failed to start proxy`)",
        annotation=_ENABLED,
        served=frozenset({Listening.PENDING}),
    ),
    _Rule(
        verdict=CaptureVerdict.BROKEN,
        says="istio-cni redirects its traffic, but no ztunnel has accepted it: traffic does not flow",
        annotation=_PENDING,
    ),
    _Rule(
        verdict=CaptureVerdict.LAGGING,
        says="its node's ztunnel serves it, but istio-cni's annotation is absent",
        annotation=_ABSENT,
        served=frozenset({Listening.UP}),
    ),
    _Rule(
        verdict=CaptureVerdict.UNCAPTURED,
        says="its labels ask for capture, but istio-cni did not act: its pod is down, the namespace is excluded, "
        "the pod is older than the label, or another CNI plug-in removed it",
        enrolled=True,
        annotation=_ABSENT,
    ),
    _Rule(
        verdict=CaptureVerdict.LAGGING,
        says="it is captured though its labels do not ask for it (any more): removal has not caught up",
        enrolled=False,
        annotation=_ENABLED,
    ),
    _Rule(
        verdict=CaptureVerdict.LAGGING,
        says="it is captured, but the dumps still say TCP: istiod has not caught up",
        annotation=_ENABLED,
        protocol=Protocol.TCP.value,
    ),
    _Rule(
        verdict=CaptureVerdict.BROKEN,
        says="the dumps say HBONE, but its node's ztunnel does not serve it",
        served=_NOT_UP,
        protocol=Protocol.HBONE.value,
    ),
    _Rule(
        verdict=CaptureVerdict.LAGGING,
        says="it is not captured, but the dumps still say HBONE: istiod has not caught up",
        annotation=_ABSENT,
        protocol=Protocol.HBONE.value,
    ),
    _Rule(
        verdict=CaptureVerdict.CONSISTENT,
        says="captured; no contradiction found in {n} sources",
        enrolled=True,
        annotation=_ENABLED,
        served=frozenset({Listening.UP}),
        protocol=Protocol.HBONE.value,
    ),
    _Rule(
        verdict=CaptureVerdict.CONSISTENT,
        says="captured, as far as is known; no contradiction found in {n} sources",
        annotation=_ENABLED,
    ),
    _Rule(
        verdict=CaptureVerdict.OUTSIDE,
        says="not in the mesh; no contradiction found in {n} sources",
        enrolled=False,
        annotation=_ABSENT,
    ),
    _Rule(
        verdict=CaptureVerdict.CONSISTENT,
        says="captured, by its ztunnel's word alone; no contradiction found in {n} sources",
        served=frozenset({Listening.UP}),
        protocol=Protocol.HBONE.value,
    ),
    _Rule(
        verdict=CaptureVerdict.OUTSIDE,
        says="not in the mesh, by its ztunnel's word alone; no contradiction found in {n} sources",
        served=frozenset({Listening.MISSING}),
        protocol=Protocol.TCP.value,
    ),
)
"""Tried in order, contradictions first: the first that holds is the verdict."""


def _evidence(
    enrolled: bool | None,
    annotation: str | None,
    is_annotation_known: bool,
    served: Listening | None,
    protocol: str | None,
) -> tuple[str, ...]:
    evidence = []
    if enrolled is not None:
        evidence.append(f"labels: {'ask for capture' if enrolled else 'do not ask for capture'}")
    if is_annotation_known:
        evidence.append(f"istio-cni's annotation: {annotation or 'absent'}")
    if served is not None:
        evidence.append(f"its node's ztunnel: {served.value}")
    if protocol is not None:
        evidence.append(f"dump: {protocol}")
    return tuple(evidence)
