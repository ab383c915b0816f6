"""Certificates as a ztunnel holds them, one chain per identity of its node.

Only the dump's own words are read (dates, serial number, PEM); how a chain is to be judged is in `ztui.analysis`.
Sources: ztunnel's `src/identity/manager.rs`, `src/tls/certificate.rs`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import StrEnum

from ztui.model.dumpitem import DumpItem, JsonObject, objects_at, text_at, word_at
from ztui.units import parse_time


class CertificateState(StrEnum):
    """The first word of a chain's state. After `Unavailable: ` the dump gives the reason."""

    INITIALIZING = "Initializing"
    AVAILABLE = "Available"
    UNAVAILABLE = "Unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate of a chain. Times are Unix seconds."""

    encoded: str | None = None
    """As in the dump: base64 of the PEM text; the PEM text itself in old dumps."""
    serial_number: str | None = None
    """As in the dump: a decimal number of any length."""
    valid_from: str | None = None
    expiration_time: str | None = None
    not_before: float | None = None
    not_after: float | None = None

    @property
    def serial(self) -> int | None:
        """Its serial number; longer than 64 bits as a rule."""
        text = self.serial_number or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 100 else None

    @property
    def pem(self) -> str | None:
        """The PEM text; None where there is none to be read."""
        if self.encoded is None or "-----BEGIN" in self.encoded:
            return self.encoded
        try:
            text = base64.b64decode(self.encoded, validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            return None
        return text if "-----BEGIN" in text else None

    @property
    def fingerprint(self) -> str | None:
        """SHA-256 of the certificate's DER form in hex, as `openssl x509 -fingerprint -sha256` computes it."""
        pem = self.pem
        if pem is None:
            return None
        body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
        try:
            return hashlib.sha256(base64.b64decode(body, validate=True)).hexdigest()
        except (binascii.Error, ValueError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateChain(DumpItem):
    """The certificate of one identity on one node. Chains are empty unless it is available."""

    identity: str = ""
    state: str | None = None
    """As in the dump: `Available`, `Initializing`, `Unavailable: signing gRPC error …`."""
    chain: tuple[Certificate, ...] = ()
    """The leaf first; in dumps without `rootCerts` the root is the last."""
    root_certs: tuple[Certificate, ...] | None = None
    """None where the dump does not separate them."""

    @property
    def key(self) -> str:
        return self.identity

    @property
    def leaf(self) -> Certificate | None:
        """The certificate that peers are shown."""
        return self.chain[0] if self.chain else None

    @property
    def roots(self) -> tuple[Certificate, ...]:
        """What the identity trusts: the separate roots, or the last of a longer chain."""
        if self.root_certs is not None:
            return self.root_certs
        return self.chain[-1:] if len(self.chain) > 1 else ()

    @property
    def state_word(self) -> str | None:
        """The state without its reason."""
        return None if self.state is None else self.state.partition(":")[0]

    @property
    def reason(self) -> str | None:
        """Why it is unavailable, in ztunnel's words."""
        return None if self.state is None else self.state.partition(":")[2].strip() or None


def read_chain(obj: JsonObject, text: str = "") -> CertificateChain:
    """Read one element of a dump's `certificates`."""
    return CertificateChain(
        text=text,
        identity=text_at(obj, "identity") or "",
        state=text_at(obj, "state"),
        chain=tuple(map(_read_certificate, objects_at(obj, "certChain"))),
        root_certs=tuple(map(_read_certificate, objects_at(obj, "rootCerts")))
        if isinstance(obj.get("rootCerts"), list)
        else None,
    )


def _read_certificate(obj: JsonObject) -> Certificate:
    encoded = obj.get("pem")
    valid_from, expiration_time = word_at(obj, "validFrom"), word_at(obj, "expirationTime")
    return Certificate(
        encoded=encoded if isinstance(encoded, str) and encoded else None,  # decoded, never shown: kept as it is
        serial_number=text_at(obj, "serialNumber"),
        valid_from=valid_from,
        expiration_time=expiration_time,
        not_before=parse_time(valid_from or ""),
        not_after=parse_time(expiration_time or ""),
    )
