"""Why a login is refused, said by what can be seen from here: a client certificate that has run out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztui.kube.failures import Kind, KubeError
from ztui.units import format_age

if TYPE_CHECKING:
    from ztui.clock import Clock
    from ztui.kube.kubeconfig import ClusterAccess


class Explainer:
    """Says more of a failure than the server did, where the kubeconfig shows the reason."""

    def __init__(self, access: ClusterAccess, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._expires_at: float | None = None
        self._is_read = False

    def __call__(self, why: KubeError) -> KubeError:
        """Give the same failure, or one that names the certificate that has expired."""
        if why.kind is not Kind.UNAUTHORIZED or self._access.certificate is None:
            return why
        if not self._is_read:
            self._is_read, self._expires_at = True, _expiry_of(self._access.certificate.certificate)
        ago = self._clock.now() - self._expires_at if self._expires_at is not None else 0.0
        if ago <= 0.0:
            return why
        return KubeError(
            why.kind,
            f"The client certificate of {self._access.title} expired {format_age(ago)} ago.",
            "Get a new kubeconfig for this cluster (kubeadm: `kubeadm certs renew admin.conf`).",
            detail=why.detail,
        )


def _expiry_of(pem: bytes) -> float | None:
    """Read until when a certificate is valid, in Unix seconds; None where it cannot be read."""
    from cryptography import x509  # noqa: PLC0415  hardly anybody needs it

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()
    except ValueError:
        return None
