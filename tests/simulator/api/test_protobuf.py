"""Reviews in protobuf, as kubectl sends them."""

from __future__ import annotations

import pytest

from ztui.simulator.api.protobuf import read_review


def field(number: int, data: bytes) -> bytes:
    assert len(data) < 16_384
    length = bytes((len(data),)) if len(data) < 128 else bytes((len(data) & 0x7F | 0x80, len(data) >> 7))
    return bytes((number << 3 | 2,)) + length + data


def envelope(kind: str, body: bytes) -> bytes:
    types = field(1, b"authorization.k8s.io/v1") + field(2, kind.encode())
    return b"k8s\0" + field(1, types) + field(2, body) + field(3, b"") + field(4, b"")


def test_a_review_of_a_resource() -> None:
    asked = b"".join(field(number, text) for number, text in ((1, b"istio-system"), (2, b"get"), (5, b"pods")))
    body = field(1, b"") + field(2, field(1, asked + field(6, b"log"))) + field(3, b"\x08\x00")
    assert read_review(envelope("SelfSubjectAccessReview", body)) == {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "namespace": "istio-system",
                "verb": "get",
                "resource": "pods",
                "subresource": "log",
            }
        },
    }


def test_a_review_of_rules_with_a_long_namespace() -> None:
    name = "n" * 200
    found = read_review(envelope("SelfSubjectRulesReview", field(2, field(1, name.encode()))))
    assert found["spec"] == {"namespace": name}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"{}", "does not begin with k8s"),
        (b"k8s\0\x0a\xff", "in the middle of a number"),
        (b"k8s\0\x0a\x05abc", "ends too early"),
        (b"k8s\0\x0d\x00\x00\x00\x00", "wire type 5"),
        (envelope("Pod", b""), "a Pod is no review"),
    ],
)
def test_what_cannot_be_read(data: bytes, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        read_review(data)
