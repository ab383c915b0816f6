"""The one place where an exception of aiohttp or the network becomes a KubeError."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator

import aiohttp

from ztui.kube.dial import UnreachedError
from ztui.kube.failures import Asked, Kind, KubeError, failure, failure_of_answer
from ztui.kube.tls import NotTlsError
from ztui.kube.wire import NotHttpError

FAILURES = (aiohttp.ClientError, OSError, asyncio.TimeoutError, EOFError)
"""All that aiohttp and the network may raise (SSLError is an OSError); anything else is a bug and goes through."""


@contextlib.contextmanager
def in_words(asked: Asked) -> Iterator[None]:
    """Let only KubeErrors, bugs and cancellation out."""
    try:
        yield
    except KubeError:
        raise
    except FAILURES as error:
        raise failure_of(error, asked) from error


def failure_of(error: BaseException, asked: Asked) -> KubeError:
    """Say an exception of aiohttp or the network in words. Its own text may be empty, so it never stands alone."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return failure(Kind.PROXY, asked, f"{error.status} {error.message}")
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return failure_of_answer(asked, error.status, "", error.message.encode(), error.headers)
    number = _errno_of(error)
    if number in (errno.EMFILE, errno.ENFILE):
        return failure(Kind.TOO_MANY_FILES, asked, os.strerror(number))
    kind = next((kind for types, kind in _KINDS if isinstance(error, types)), Kind.OTHER)
    if kind is Kind.REFUSED and number == errno.ETIMEDOUT:
        kind = Kind.CONNECT_TIMEOUT
    if kind is Kind.CERTIFICATE:
        return _distrust(error, asked)
    if _ALERT.search(str(error)):
        kind = Kind.UNAUTHORIZED
    return failure(kind, asked, str(error) or type(error).__name__)


def _errno_of(error: BaseException) -> int | None:
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(inner, TimeoutError):
        return errno.ETIMEDOUT
    return inner.errno if isinstance(inner, OSError) else None


_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Kind], ...] = (
    ((aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError), Kind.CERTIFICATE),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), Kind.DNS),
    ((aiohttp.ClientConnectorSSLError, NotTlsError), Kind.NOT_TLS),
    (aiohttp.ClientProxyConnectionError, Kind.PROXY_UNREACHABLE),
    (aiohttp.ConnectionTimeoutError, Kind.CONNECT_TIMEOUT),
    (aiohttp.SocketTimeoutError, Kind.SILENT),
    ((aiohttp.ClientConnectorError, UnreachedError), Kind.REFUSED),
    ((aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError), Kind.CUT),
    (TimeoutError, Kind.TIMEOUT),
    ((aiohttp.ClientConnectionError, ConnectionError, EOFError, ssl.SSLError), Kind.CUT),
    ((aiohttp.ClientResponseError, NotHttpError), Kind.BAD_ANSWER),
)
"""First match wins, so the special stands before the general (a certificate error is a connector error too)."""

_ALERT = re.compile(r"ALERT_[A-Z_]*(?:CERTIFICATE|UNKNOWN_CA)|alert (?:[a-z ]*certificate|unknown ca)")
"""The server refused *our* certificate, within TLS: expired, revoked, of another authority."""


def _distrust(error: BaseException, asked: Asked) -> KubeError:
    """Say why a server's certificate is not trusted, and what mends just that."""
    error = getattr(error, "certificate_error", error)
    detail = str(getattr(error, "verify_message", "") or error)
    remedy = next((remedy for words, remedy in _CERTIFICATE_REMEDIES if words in detail.lower()), "")
    return failure(Kind.CERTIFICATE, asked, detail, remedy=remedy)


_CERTIFICATE_REMEDIES = (
    ("expired", "Renew the server's certificate; check this machine's clock."),
    ("not yet valid", "Check this machine's clock."),
    ("mismatch", "Check the server's name in the kubeconfig; tls-server-name says for which name it shall be."),
    ("issuer", "Check certificate-authority in the kubeconfig: another authority signed it."),
    ("self-signed", "Check certificate-authority in the kubeconfig: another authority signed it."),
)
"""By what OpenSSL says of it."""
