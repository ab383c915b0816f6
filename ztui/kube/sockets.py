"""The sockets under the sessions: kept alive by the kernel, small TLS buffers, verified peers, enough descriptors."""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
import tempfile
from asyncio import sslproto
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ztui.kube.failures import Asked, Kind, failure

if TYPE_CHECKING:
    from ztui.kube.kubeconfig import ClientCertificate, ClusterAccess

TLS_BUFFER_BYTES = 8 * 1024
"""More than a kubelet writes at once: a log's lines come one by one."""
_KEEPALIVE = (
    ("TCP_KEEPIDLE", 30),
    ("TCP_KEEPALIVE", 30),  # macOS' name of the same
    ("TCP_KEEPINTVL", 10),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 60_000),
)


def keepalive_socket(address: tuple[Any, ...]) -> socket.socket:
    """Open a socket that notices within a minute that its peer is gone, and that no load balancer cuts when idle."""
    family, kind, protocol = address[:3]
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):
            with contextlib.suppress(OSError):
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


def shrink_tls_buffers() -> None:
    """Give each TLS connection of aiohttp a read buffer of 8 KiB, not 256: 1,000 logs by a proxy would take 256 MiB."""
    if hasattr(sslproto.SSLProtocol, "max_size"):
        sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES


def raise_file_limit(wanted: int) -> int:
    """Raise the soft limit of open files towards `wanted`; returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reachable = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < reachable:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted if soft == resource.RLIM_INFINITY else soft


def tls_context(access: ClusterAccess, certificate: ClientCertificate | None) -> ssl.SSLContext:
    """How the server is verified and what is shown to it. Raises KubeError(CONFIG)."""
    asked = Asked(host=access.host)
    try:
        context = ssl.create_default_context(cadata=access.authority.decode() if access.authority else None)
    except (ssl.SSLError, ValueError) as error:
        raise failure(
            Kind.CONFIG, asked, f"The certificate authority of {access.title} cannot be read: {error}"
        ) from error
    # Python 3.13 refuses authorities without a key identifier, which many clusters have; kubectl does not.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", ssl.VerifyFlags(0))
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        try:
            _load_pair(context, certificate)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise failure(
                Kind.CONFIG, asked, f"The client certificate of {access.title} cannot be used: {error}"
            ) from error
    return context


def _load_pair(context: ssl.SSLContext, pair: ClientCertificate) -> None:
    """OpenSSL reads pairs from files only: one of our own, mode 0600, gone before this returns."""
    with tempfile.NamedTemporaryFile(prefix="ztui-", suffix=".pem") as file:
        file.write(pair.certificate.rstrip() + b"\n" + pair.key.rstrip() + b"\n")
        file.flush()
        context.load_cert_chain(Path(file.name), password=lambda: "")  # else OpenSSL asks on the terminal
