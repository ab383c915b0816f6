"""The one place where an exception of aiohttp or the network becomes a KubeError."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Iterator

import aiohttp

from ztui.kube.failures import Asked, Kind, KubeError, failure, failure_of_answer

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
    kind = next((kind for types, kind in _KINDS if isinstance(error, types)), Kind.OTHER)
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, TimeoutError):
        kind = Kind.CONNECT_TIMEOUT
    if _ALERT.search(str(error)):
        kind = Kind.UNAUTHORIZED
    return failure(kind, asked, _words_of(error, kind))


_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Kind], ...] = (
    ((aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError), Kind.CERTIFICATE),
    (aiohttp.ClientConnectorDNSError, Kind.DNS),
    (aiohttp.ClientConnectorSSLError, Kind.NOT_TLS),
    (aiohttp.ConnectionTimeoutError, Kind.CONNECT_TIMEOUT),
    (aiohttp.SocketTimeoutError, Kind.SILENT),
    (aiohttp.ClientConnectorError, Kind.REFUSED),
    ((aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError), Kind.CUT),
    (TimeoutError, Kind.TIMEOUT),
    ((aiohttp.ClientConnectionError, ConnectionError, EOFError, ssl.SSLError), Kind.CUT),
    (aiohttp.ClientResponseError, Kind.BAD_ANSWER),
)
"""First match wins, so the special stands before the general (a certificate error is a connector error too)."""

_ALERT = re.compile(r"ALERT_[A-Z_]*CERTIFICATE|alert [a-z ]*certificate")
"""The server refused *our* certificate, within TLS: expired, revoked, of another authority."""


def _words_of(error: BaseException, kind: Kind) -> str:
    if kind is Kind.CERTIFICATE:
        error = getattr(error, "certificate_error", error)
        return str(getattr(error, "verify_message", "") or error)
    return str(error) or type(error).__name__
