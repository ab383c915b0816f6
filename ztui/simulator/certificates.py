"""The mesh's own authority and the certificates each ztunnel holds: one per identity and node, renewed at half-life."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ztui.simulator.clock import HOUR, MINUTE, SECOND, stamp

LIFETIME_US = 24 * HOUR
BACKDATED_US = 2 * MINUTE
"""istiod dates a certificate two minutes back, so that clocks may differ."""
_ROOT_YEARS_US = 10 * 365 * 24 * HOUR


@dataclass(slots=True, eq=False)
class Certificate:
    """What one ztunnel holds for one identity; `serial` is empty while the first one is being fetched."""

    identity: str
    not_before_us: int
    not_after_us: int
    serial: int
    pem: str = ""
    state: str = "Available"

    @property
    def renews_us(self) -> int:
        """Half-life, when ztunnel asks for the next one."""
        return self.not_before_us + (self.not_after_us - self.not_before_us) // 2


@dataclass(slots=True, eq=False)
class Authority:
    """Signs on demand: the texts of certificates are made when a dump is asked for, their dates long before."""

    draw: random.Random
    created_us: int
    _key: ec.EllipticCurvePrivateKey | None = None
    _root: dict[str, str] = field(default_factory=dict)

    def issue(self, identity: str, now_us: int, *, age_us: int = 0) -> Certificate:
        """Issue a certificate as istiod gives it at `now_us`, or gave it `age_us` ago."""
        issued = (now_us - age_us) // SECOND * SECOND
        return Certificate(
            identity=identity,
            not_before_us=issued - BACKDATED_US,
            not_after_us=issued + LIFETIME_US,
            serial=self.draw.getrandbits(127),
        )

    def describe(self, certificate: Certificate) -> dict[str, Any]:
        """Show the certificate as an element of a dump's `certificates`."""
        held = certificate.state == "Available"
        return {
            "certChain": [self._leaf(certificate)] if held else [],
            "identity": certificate.identity,
            "rootCerts": [self._root_facts()] if held else [],
            "state": certificate.state,
        }

    def _leaf(self, certificate: Certificate) -> dict[str, str]:
        if not certificate.pem:
            certificate.pem = _encode(self._sign(certificate))
        return _facts(certificate.pem, certificate.serial, certificate.not_before_us, certificate.not_after_us)

    def _root_facts(self) -> dict[str, str]:
        if not self._root:
            not_after = self.created_us + _ROOT_YEARS_US
            serial = self.draw.getrandbits(127)
            builder = _builder("cluster.local", self._signer().public_key(), serial, self.created_us, not_after)
            builder = builder.subject_name(_organisation("cluster.local"))
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            signed = builder.sign(self._signer(), hashes.SHA256(), ecdsa_deterministic=True)
            self._root = _facts(_encode(signed), serial, self.created_us, not_after)
        return self._root

    def _sign(self, certificate: Certificate) -> x509.Certificate:
        key = _drawn_key(random.Random(certificate.serial))
        builder = _builder(
            "cluster.local", key.public_key(), certificate.serial, certificate.not_before_us, certificate.not_after_us
        )
        builder = builder.subject_name(x509.Name([]))
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(certificate.identity)])
        builder = builder.add_extension(names, critical=True)
        return builder.sign(self._signer(), hashes.SHA256(), ecdsa_deterministic=True)

    def _signer(self) -> ec.EllipticCurvePrivateKey:
        if self._key is None:
            self._key = _drawn_key(self.draw)
        return self._key


def _drawn_key(draw: random.Random) -> ec.EllipticCurvePrivateKey:
    """Draw a P-256 key that the same seed draws again. It guards nothing."""
    return ec.derive_private_key(draw.getrandbits(255) + 1, ec.SECP256R1())


def _organisation(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])


def _builder(
    issuer: str, key: ec.EllipticCurvePublicKey, serial: int, not_before_us: int, not_after_us: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(_organisation(issuer))
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(_moment(not_before_us))
        .not_valid_after(_moment(not_after_us))
    )


def _moment(us: int) -> datetime:
    return datetime.fromtimestamp(us // SECOND, UTC)


def _encode(certificate: x509.Certificate) -> str:
    """Base64 of the PEM text: how ztunnel shows it since 1.22."""
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.PEM)).decode()


def _facts(pem: str, serial: int, not_before_us: int, not_after_us: int) -> dict[str, str]:
    return {
        "expirationTime": stamp(not_after_us),
        "pem": pem,
        "serialNumber": str(serial),
        "validFrom": stamp(not_before_us),
    }
