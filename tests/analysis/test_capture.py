"""Whether a pod's traffic goes through ztunnel, by what four sources say, and never more than they say."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from ztui.analysis.capture import Capture, CaptureVerdict, Listening, capture_of, is_enrolled, judge_capture, listening
from ztui.model.cluster import Namespace, Pod
from ztui.model.workload import Workload, WorkloadState

AMBIENT = {"istio.io/dataplane-mode": "ambient"}
NONE = {"istio.io/dataplane-mode": "none"}


def pod(**more: Any) -> Pod:
    return Pod(**{"uid": "u1", "name": "curl", "namespace": "default", "node": "w1", "phase": "Running", **more})


def redirection(word: str | None) -> dict[str, str]:
    return {} if word is None else {"ambient.istio.io/redirection": word}


@pytest.mark.parametrize(
    ("labels", "namespace", "enrolled"),
    [
        ({}, Namespace(name="default", labels=AMBIENT), True),
        ({}, Namespace(name="default"), False),
        (AMBIENT, Namespace(name="default"), True),
        (NONE, Namespace(name="default", labels=AMBIENT), False),
        (AMBIENT, None, True),
        ({}, None, None),
    ],
)
def test_what_the_labels_ask_for(labels: dict[str, str], namespace: Namespace | None, enrolled: bool | None) -> None:
    assert is_enrolled(pod(labels=labels), namespace) is enrolled


def test_a_pod_on_the_hosts_network_is_never_captured() -> None:
    assert is_enrolled(pod(labels=AMBIENT, host_network=True), None) is False


def test_how_a_nodes_ztunnel_serves_a_pod() -> None:
    states = {word: {"u1": WorkloadState(pod_uid="u1", state=word)} for word in ("Up", "Pending", "Dreaming", None)}
    assert listening("u1", states["Up"]) is Listening.UP
    assert listening("u1", states["Pending"]) is Listening.PENDING
    assert listening("u1", states["Dreaming"]) is listening("u1", states[None]) is None, (
        "a word nobody knows proves nothing"
    )
    assert listening("u1", {}) is Listening.MISSING
    assert listening("u1", None) is None


# labels, annotation, the node's ztunnel, the dumps' protocol → verdict: the table of the reference
CASES = [
    (True, "enabled", Listening.UP, "HBONE", CaptureVerdict.CONSISTENT),
    (True, "enabled", Listening.MISSING, "HBONE", CaptureVerdict.BROKEN),
    (True, "enabled", Listening.PENDING, "HBONE", CaptureVerdict.BROKEN),
    (True, "pending", Listening.MISSING, "TCP", CaptureVerdict.BROKEN),
    (True, "pending", Listening.PENDING, "TCP", CaptureVerdict.BROKEN),
    (True, None, Listening.MISSING, "TCP", CaptureVerdict.UNCAPTURED),
    (False, "enabled", Listening.UP, "HBONE", CaptureVerdict.LAGGING),
    (True, "enabled", Listening.UP, "TCP", CaptureVerdict.LAGGING),
    (False, None, Listening.MISSING, "TCP", CaptureVerdict.OUTSIDE),
    (True, None, Listening.UP, "HBONE", CaptureVerdict.LAGGING),
]


@pytest.mark.parametrize(("enrolled", "annotation", "served", "protocol", "verdict"), CASES)
def test_the_cases_of_the_reference(
    enrolled: bool, annotation: str | None, served: Listening, protocol: str, verdict: CaptureVerdict
) -> None:
    capture = judge_capture(enrolled=enrolled, annotation=annotation, served=served, protocol=protocol)
    assert capture.verdict is verdict
    assert len(capture.evidence) == 4
    assert capture.is_problem == (verdict in (CaptureVerdict.BROKEN, CaptureVerdict.UNCAPTURED, CaptureVerdict.LAGGING))


def every_case() -> list[tuple[dict[str, Any], Capture]]:
    facts = product((True, False, None), ("enabled", "pending", "odd", None), (True, False), (*Listening, None),
                    ("HBONE", "TCP", None))  # fmt: skip
    cases: list[tuple[dict[str, Any], Capture]] = []
    for enrolled, annotation, is_known, served, protocol in facts:
        case = {"enrolled": enrolled, "annotation": annotation, "served": served, "protocol": protocol}
        case["is_annotation_known"] = is_known or annotation is not None
        cases.append((case, judge_capture(**case)))
    return cases


def test_agreement_is_never_called_a_proof() -> None:
    for case, capture in every_case():
        if capture.verdict in (CaptureVerdict.CONSISTENT, CaptureVerdict.OUTSIDE):
            assert f"no contradiction found in {len(capture.evidence)} sources" in capture.says, case


def test_what_is_not_known_contradicts_nothing() -> None:
    for case, capture in every_case():
        known = sum(value is not None for key, value in case.items() if key != "is_annotation_known")
        if known == 0 and not case["is_annotation_known"]:
            assert capture.verdict is CaptureVerdict.UNKNOWN
            assert capture.says == "nothing is known about its capture"
        if capture.verdict is CaptureVerdict.BROKEN:
            assert case["served"] in (Listening.MISSING, Listening.PENDING) or case["annotation"] == "pending", case
        if capture.verdict is CaptureVerdict.UNCAPTURED:
            assert case["enrolled"] is True, case
            assert case["annotation"] is None, case


def test_no_verdict_changes_when_a_source_that_agrees_is_added() -> None:
    alone = judge_capture(enrolled=None, annotation="enabled", served=None, protocol=None)
    both = judge_capture(enrolled=True, annotation="enabled", served=Listening.UP, protocol="HBONE")
    assert alone.verdict is both.verdict is CaptureVerdict.CONSISTENT
    assert "as far as is known" in alone.says
    assert "as far as is known" not in both.says


@pytest.mark.parametrize(
    ("of", "workload", "verdict"),
    [
        (pod(annotations={"sidecar.istio.io/status": "{}"}), None, CaptureVerdict.SIDECAR),
        (pod(labels=AMBIENT), Workload(protocol="HBONE", native_tunnel=True), CaptureVerdict.NATIVE),
        (pod(phase="Succeeded", annotations=redirection("enabled"), labels=AMBIENT), None, CaptureVerdict.OUTSIDE),
        (pod(phase="Failed", annotations=redirection("enabled"), labels=AMBIENT), None, CaptureVerdict.OUTSIDE),
        (pod(deleted_at=1.0, annotations=redirection("enabled"), labels=AMBIENT), None, CaptureVerdict.UNKNOWN),
        (pod(phase="Pending", labels=AMBIENT), None, CaptureVerdict.UNKNOWN),
        (pod(phase="Pending", labels=AMBIENT, ips=("10.1.1.2",)), None, CaptureVerdict.UNCAPTURED),
        (pod(annotations=redirection("enabled"), labels=AMBIENT), None, CaptureVerdict.BROKEN),
    ],
)
def test_pods_that_need_no_judging_yet_or_any_more(of: Pod, workload: Workload | None, verdict: CaptureVerdict) -> None:
    assert capture_of(of, namespace=None, states={}, workload=workload).verdict is verdict
