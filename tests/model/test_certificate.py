"""Certificates: PEM in both encodings, long serial numbers, where the root is."""

from __future__ import annotations

import base64
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from ztui.model.certificate import read_chain
from ztui.model.configdump import DumpReader

DATA = Path(__file__).parents[1] / "data" / "ztunnel"


def test_the_dumps_words_agree_with_the_certificates() -> None:
    dump = DumpReader().read((DATA / "istiod-mesh" / "w1-config_dump.json").read_bytes())
    for chain in dump.certificates:
        for certificate in (*chain.chain, *chain.roots):
            assert certificate.pem is not None
            real = x509.load_pem_x509_certificate(certificate.pem.encode())
            assert certificate.serial == real.serial_number
            assert certificate.not_before == real.not_valid_before_utc.timestamp()
            assert certificate.not_after == real.not_valid_after_utc.timestamp()
            assert certificate.fingerprint == real.fingerprint(SHA256()).hex()


def test_raw_pem_and_the_root_as_the_last_of_the_chain() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"
    chain = read_chain(
        {
            "identity": "spiffe://cluster.local/ns/a/sa/b",
            "state": "Available",
            "certChain": [
                {"pem": pem, "serialNumber": "7", "validFrom": "2026-01-01T00:00:00Z", "expirationTime": "soon"},
                {"pem": base64.b64encode(pem.encode()).decode(), "serialNumber": "-1"},
            ],
        }
    )
    leaf, root = chain.chain
    assert chain.leaf is leaf
    assert chain.roots == (root,)
    assert leaf.pem == root.pem == pem
    assert leaf.fingerprint == root.fingerprint
    assert (leaf.serial, leaf.not_before, leaf.not_after) == (7, 1767225600.0, None)
    assert root.serial is None


def test_a_chain_that_never_came() -> None:
    chain = read_chain(
        {"identity": "x", "state": "Unavailable: signing gRPC error (Unknown error): no", "certChain": []}
    )
    assert (chain.leaf, chain.roots, chain.state_word) == (None, (), "Unavailable")
    assert chain.reason == "signing gRPC error (Unknown error): no"


def test_what_is_no_pem_has_no_fingerprint() -> None:
    for pem in ("", "x", "-----BEGIN X-----\n!!\n", base64.b64encode(b"no pem").decode()):
        (certificate,) = read_chain({"certChain": [{"pem": pem}]}).chain
        assert certificate.fingerprint is None
