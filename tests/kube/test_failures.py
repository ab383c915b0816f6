"""What can go wrong, row by row: which failure an answer or an exception is, and its two plain lines."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import ssl
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from ztui.kube.exceptions import failure_of, in_words
from ztui.kube.failures import Asked, Kind, KubeError, failure, failure_of_answer, failure_of_status, plain

LIST = Asked(host="k.test:6443", verb="list", resource="pods")
LOG = Asked(host="k.test:6443", resource="pods/log", namespace="ns", name="p", login="aws eks get-token")
FORWARD = Asked(host="k.test:6443", verb="create", resource="pods/portforward", namespace="ns", name="p")
NODES = Asked(host="k.test:6443", verb="watch", resource="nodes")


def status(message: str, reason: str = "", code: int = 0) -> tuple[str, bytes]:
    body = {"kind": "Status", "apiVersion": "v1", "message": message, "reason": reason, "code": code}
    return "application/json", json.dumps(body).encode()


TEXT, HTML = "text/plain", "text/html; charset=utf-8"
NO_ROLE = 'pods "p" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "ns"'
DIAL = 'Get "https://10.0.0.9:10250/containerLogs/ns/p/c": dial tcp 10.0.0.9:10250: connect: connection refused'

ANSWERS = [
    (LIST, 400, (TEXT, b"Client sent an HTTP request to an HTTPS server."), Kind.TLS_EXPECTED, "speaks https"),
    (
        LOG,
        400,
        status('container "c" in pod "p" is waiting to start: PodInitializing'),
        Kind.CONTAINER_STARTING,
        "wait",
    ),
    (LOG, 400, status('previous terminated container "c" in pod "p" not found'), Kind.CONTAINER_STARTING, "previous"),
    (LIST, 400, status("unable to parse requirement"), Kind.OTHER, "HTTP 400 unable to parse"),
    (LIST, 401, status("Unauthorized", "Unauthorized"), Kind.UNAUTHORIZED, "not accepted by k.test:6443"),
    (LOG, 403, status(NO_ROLE, "Forbidden"), Kind.FORBIDDEN, "You may not get pods/log in ns."),
    (LIST, 403, status("pods is forbidden", "Forbidden"), Kind.FORBIDDEN, "You may not list pods in all namespaces."),
    (NODES, 403, status("nodes is forbidden", "Forbidden"), Kind.FORBIDDEN, "You may not watch nodes."),
    (FORWARD, 403, status('pods "p" is forbidden: '), Kind.FORWARD_FORBIDDEN, "may not create pods/portforward in ns"),
    (LIST, 403, status('User "system:anonymous" cannot list'), Kind.NOT_LOGGED_IN, "not logged in to k.test:6443"),
    (LIST, 403, (HTML, b"<html><b>Access denied</b></html>"), Kind.PROXY, "between here and k.test:6443"),
    (LIST, 404, (TEXT, b"404 page not found\n"), Kind.ABSENT, "The cluster has no pods"),
    (LOG, 404, status('pods "p" not found', "NotFound"), Kind.GONE, "There is no pod p any more"),
    (LOG, 404, status('pods "worker-1" not found', "NotFound"), Kind.NODE_GONE, "The node of pod p is gone"),
    (LOG, 404, status('nodes "worker-1" not found', "NotFound"), Kind.NODE_GONE, "The node of pod p is gone"),
    (LIST, 407, (HTML, b"<h1>Proxy login</h1>"), Kind.PROXY, "refused the request"),
    (LIST, 410, status("The provided continue parameter is too old", "Expired"), Kind.EXPIRED, "version of pods"),
    (LIST, 418, (HTML, b"<html><script>x</script>teapot</html>"), Kind.BAD_ANSWER, "teapot"),
    (LIST, 302, (TEXT, b""), Kind.BAD_ANSWER, "no reason given"),
    (LIST, 429, (TEXT, b"Too many requests, please try again later."), Kind.BUSY, "The API server is busy"),
    (LOG, 500, status(DIAL), Kind.NODE_UNREACHABLE, "The kubelet that runs pod p does not answer"),
    (LOG, 500, status("No agent available"), Kind.NODE_UNREACHABLE, "kubelet"),
    (LIST, 500, (HTML, b"<html>oops</html>"), Kind.OTHER, "HTTP 500 oops"),
    (LIST, 502, (HTML, b"<html>Bad Gateway</html>"), Kind.RESTARTING, "restarting or overloaded"),
    (LIST, 503, (TEXT, b"no healthy upstream"), Kind.RESTARTING, "restarting or overloaded"),
    (FORWARD, 503, status("error trying to reach service: dial"), Kind.POD_UNREACHABLE, "cannot reach pod p"),
    (LIST, 504, status("Timeout: Too large resource version: 9, current: 3"), Kind.EXPIRED, "no longer keeps"),
    (LIST, 504, (TEXT, b"upstream request timeout"), Kind.RESTARTING, "restarting"),
    (LOG, 204, (TEXT, b""), Kind.NOT_SCHEDULED, "Pod p has no node yet."),
    (LIST, 403, ("application/json", b"{broken"), Kind.PROXY, "between here"),
    (LIST, 403, ("application/json", b'{"kind": "Other"}'), Kind.PROXY, "between here"),
]


@pytest.mark.parametrize(("asked", "code", "answer", "kind", "says"), ANSWERS)
def test_answers(asked: Asked, code: int, answer: tuple[str, bytes], kind: Kind, says: str) -> None:
    error = failure_of_answer(asked, code, *answer)
    assert error.kind is kind
    assert says in error.what
    assert error.remedy
    assert "{" not in error.what + error.remedy, "every place is filled"
    assert "<" not in error.what


def test_every_kind_has_its_two_lines() -> None:
    for kind in Kind:
        error = failure(kind, LOG, "detail")
        for line in (error.what, error.remedy):
            assert line
            assert "\n" not in line
            assert "{" not in line
        assert error.exit_code == 3


def test_a_login_is_named_in_the_remedy() -> None:
    assert failure(Kind.UNAUTHORIZED, LOG).remedy == "Log in again (aws eks get-token)."
    assert failure(Kind.UNAUTHORIZED, LIST).remedy == "Log in again."


def test_forwards_need_two_verbs() -> None:
    remedy = failure_of_answer(FORWARD, 403, *status('pods "p" is forbidden: ')).remedy
    assert "get and create on pods/portforward" in remedy


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (None, None),
        ("soon", None),
        ("-1", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("9" * 30, 600.0),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    headers = {"Retry-After": text} if text is not None else {}
    assert failure_of_answer(LIST, 429, TEXT, b"", headers).retry_after == seconds


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (
            {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 1 (57516)"},
            "EXPIRED",
        ),
        ({"kind": "Status", "code": 504, "message": "Too large resource version"}, "EXPIRED"),
        ({"kind": "Status", "code": 500, "message": "etcd: leader changed"}, "OTHER"),
        ({"kind": "Status", "code": "410"}, "OTHER"),
        ({}, "OTHER"),
    ],
)
def test_error_events_of_a_watch(body: dict[str, Any], kind: str) -> None:
    assert failure_of_status(LIST, body).kind is Kind[kind]


KEY = ConnectionKey("k.test", 6443, True, True, None, None, None)


def verification(message: str) -> aiohttp.ClientConnectorCertificateError:
    inner = ssl.SSLCertVerificationError(1, "certificate verify failed")
    inner.verify_message = message
    return aiohttp.ClientConnectorCertificateError(KEY, inner)


EXCEPTIONS = [
    (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, "unknown")), Kind.DNS, "name k.test:6443", "VPN"),
    (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "refused")), Kind.REFUSED, "Nothing answers", "VPN"),
    (aiohttp.ClientConnectorError(KEY, TimeoutError(110, "timed out")), Kind.CONNECT_TIMEOUT, "not answer", "firewall"),
    (aiohttp.ConnectionTimeoutError("Connection timeout"), Kind.CONNECT_TIMEOUT, "does not answer", "firewall"),
    (aiohttp.ClientConnectorError(KEY, OSError(errno.EMFILE, "x")), Kind.TOO_MANY_FILES, "Too many open", "ulimit -n"),
    (OSError(errno.ENFILE, "x"), Kind.TOO_MANY_FILES, "Too many open", "ulimit -n"),
    (
        aiohttp.ClientProxyConnectionError(KEY, ConnectionRefusedError(111, "refused")),
        Kind.PROXY_UNREACHABLE,
        "The proxy on the way to k.test:6443 does not answer.",
        "NO_PROXY",
    ),
    (verification("unable to get local issuer certificate"), Kind.CERTIFICATE, "local issuer", "another authority"),
    (verification("self-signed certificate"), Kind.CERTIFICATE, "self-signed", "another authority"),
    (verification("certificate has expired"), Kind.CERTIFICATE, "has expired", "Renew the server's certificate"),
    (verification("certificate is not yet valid"), Kind.CERTIFICATE, "not yet valid", "clock"),
    (verification("Hostname mismatch, certificate is not valid for 'k'."), Kind.CERTIFICATE, "mismatch", "tls-server"),
    (verification("IP address mismatch"), Kind.CERTIFICATE, "mismatch", "tls-server-name"),
    (verification("CA signature digest algorithm too weak"), Kind.CERTIFICATE, "too weak", "certificate-authority"),
    (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "WRONG_VERSION")), Kind.NOT_TLS, "does not speak TLS", "URL"),
    (aiohttp.SocketTimeoutError("Timeout on reading"), Kind.SILENT, "No sign of life", "again"),
    (TimeoutError(), Kind.TIMEOUT, "No answer about pod p in time", "--request-timeout"),
    (aiohttp.ClientPayloadError("not completed"), Kind.CUT, "was lost", "resumed"),
    (aiohttp.ServerDisconnectedError(), Kind.CUT, "was lost", "resumed"),
    (ConnectionResetError(104, "reset"), Kind.CUT, "was lost", "resumed"),
    (aiohttp.ClientConnectionResetError("closing transport"), Kind.CUT, "was lost", "resumed"),
    (
        ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]"),
        Kind.UNAUTHORIZED,
        "login is not accepted",
        "aws eks",
    ),
    (ssl.SSLError(1, "[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED]"), Kind.UNAUTHORIZED, "login is not accepted", "aws eks"),
    (ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA]"), Kind.UNAUTHORIZED, "login is not accepted", "aws eks"),
    (OSError(113, "No route to host"), Kind.OTHER, "No route to host", "again"),
    (EOFError(), Kind.CUT, "was lost", "resumed"),
]


@pytest.mark.parametrize(("error", "kind", "says", "remedy"), EXCEPTIONS)
def test_exceptions(error: BaseException, kind: Kind, says: str, remedy: str) -> None:
    found = failure_of(error, LOG)
    assert found.kind is kind
    assert says in found.what
    assert remedy in found.remedy
    assert found.what.strip(" .")


def test_only_failures_are_put_in_words() -> None:
    with pytest.raises(KubeError) as caught, in_words(LOG):
        raise TimeoutError
    assert isinstance(caught.value.__cause__, TimeoutError)
    with pytest.raises(KubeError) as again, in_words(LIST):
        raise caught.value
    assert again.value is caught.value
    with pytest.raises(ZeroDivisionError), in_words(LOG):
        raise ZeroDivisionError
    with pytest.raises(asyncio.CancelledError), in_words(LOG):
        raise asyncio.CancelledError


def test_which_failures_are_of_the_server_as_a_whole() -> None:
    of_server = {kind for kind in Kind if failure(kind, LIST).is_of_server}
    assert of_server == {Kind.DNS, Kind.REFUSED, Kind.CONNECT_TIMEOUT, Kind.PROXY_UNREACHABLE, Kind.RESTARTING}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\t c", "a b c"),
        ("\x1b[31mred\x1b[0m \x9b1m\u202ex", "[31mred [0m 1m x"),
        ("x" * 400, "x" * 299 + "…"),
        ("Authorization: Bearer abcdefghijkl7", "Authorization: Bearer (a secret)"),
        ("token eyJhbGciOiJub25lIn0.eyJleHAiOjF9.c2ln rejected", "token (a secret) rejected"),
        ("basic authentication failed", "basic authentication failed"),
        ("Basic bWU6c2VjcmV0", "Basic (a secret)"),
        ("bearer of news", "bearer of news"),
        ("", ""),
    ],
)
def test_somebody_elses_words_are_made_inert(text: str, expected: str) -> None:
    assert plain(text) == expected
