"""Fields: addresses, names in every spelling, and what an entry says of its flag and its security."""

from __future__ import annotations

import pytest

from tests.store.feed import batch, line
from ztui.model.fields import (
    BY_KEYS,
    ENTRY_FIELDS,
    NOTHING_KNOWN,
    RESOLVED_KEYS,
    identity_names,
    is_address,
    names,
    port_of,
    response_flag_of,
    security_of,
    service_names,
    shown_texts,
    split_address,
)
from ztui.model.flow import Shape


def shape(text: str) -> Shape:
    return batch("w1", text).shapes[0]


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("10.1.1.2:80", ("10.1.1.2", 80)),
        ("[fd00::2]:8080", ("fd00::2", 8080)),
        ("svc.example.com:443", ("svc.example.com", 443)),
        ("10.1.1.2", (None, None)),
        ("10.1.1.2:", (None, None)),
        ("10.1.1.2:http", (None, None)),
        ("10.1.1.2:1234567", (None, None)),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_an_address_is_split_from_its_port(address: str | None, parts: tuple[str | None, int | None]) -> None:
    assert split_address(address) == parts


def test_what_is_an_address() -> None:
    assert [is_address(text) for text in ("10.1.1.2", "fd00::2", "10.1.1", "curl", "[fd00::2]")] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_every_way_to_write_a_workload_a_service_an_identity() -> None:
    assert names("curl-1", "default", "curl") == (
        "curl-1", "curl-1.default", "default/curl-1", "curl", "curl.default", "default/curl",
    )  # fmt: skip
    assert names("curl", None, "curl") == ("curl",)
    assert names(None, "default") == ()
    assert service_names("reviews.shop.svc.cluster.local") == (
        "reviews.shop.svc.cluster.local", "reviews", "reviews.shop", "shop/reviews",
    )  # fmt: skip
    assert service_names("api.example.com") == ("api.example.com",), "a ServiceEntry's host is no name.namespace"
    assert service_names("localhost") == ("localhost",)
    assert service_names(None) == ()
    assert identity_names("spiffe://td/ns/shop/sa/web") == (
        "spiffe://td/ns/shop/sa/web", "td/ns/shop/sa/web", "web", "shop/web", "web.shop",
    )  # fmt: skip
    assert identity_names("spiffe://td/other") == ("spiffe://td/other", "td/other")
    assert identity_names(None) == ()


@pytest.mark.parametrize(
    ("error", "flag"),
    [
        (None, "-"),
        ("connection closed due to connection drain", "-"),
        ("connection closed due to policy rejection: explicitly denied by: a/b", "DENY"),
        ("connection closed due to policy change", "DENY"),
        ("http status: 401 Unauthorized", "CONNECT"),
        ("io error: invalid peer certificate: UnknownIssuer", "CONNECT"),
        ("tls error: invalid root certificate", "TLS_FAILURE"),
        ("http2 handshake failed: x", "H2_HANDSHAKE_FAILURE"),
        ("connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: x", "NETWORK_POLICY"),
        ("identity error: signing gRPC error", "IDENTITY_ERROR"),
        ("connection closed: peer certificate revoked by CRL", "CERT_REVOKED"),
        ("send: receive: io error: x", "CONNECT"),
    ],
)
def test_the_flag_that_the_metric_beside_an_entry_has(error: str | None, flag: str) -> None:
    assert response_flag_of(shape(line(1, error=error))) == flag


def test_what_has_no_metric_has_no_flag() -> None:
    assert response_flag_of(shape(line(1, message="connection opened"))) is None
    assert response_flag_of(shape(line(1, message="connection failed", error="no healthy upstream: x"))) is None


def test_security_is_proved_by_the_source_inbound_and_by_the_tunnel_outbound() -> None:
    assert security_of(shape(line(1))) == "mtls"
    assert security_of(shape(line(1, hbone=None))) == "plaintext"
    assert security_of(shape(line(1, "inbound"))) == "mtls"
    assert security_of(shape(line(1, "inbound", src=None, hbone="10.1.2.5:80"))) == "plaintext"


def test_the_port_that_was_meant_is_the_one_inside_the_tunnel() -> None:
    assert port_of(shape(line(1, hbone="10.1.2.5:9080", dst_addr="10.1.2.5:15008"))) == 9080
    assert port_of(shape(line(1, hbone="svc.example.com:443"))) == 443
    assert port_of(shape(line(1, hbone=None, dst_addr="10.1.2.5:5432"))) == 5432


def test_every_field_of_an_entry_can_be_asked_of_the_barest_line() -> None:
    bare = Shape(origin=shape(line(1)).origin, level="info", message="connection complete")
    assert {key: value for key, getter in BY_KEYS.items() if (value := getter(bare, NOTHING_KNOWN)) is not None} == {
        "node": "w1", "security": "plaintext", "verdict": "forwarded", "response_flag": "-",
    }  # fmt: skip
    assert set(BY_KEYS) >= RESOLVED_KEYS
    assert all(name == field.name for name, field in ENTRY_FIELDS.items())
    assert None not in shown_texts(bare, NOTHING_KNOWN)
