"""What can go wrong between us and an API server, in plain words: one table of words, one of answers.

Every row was seen on a real API server (1.36); the words are for someone who is woken at night.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ztui.errors import NotObservableError


class Kind(StrEnum):
    """What failed, as far as a caller has to tell cases apart."""

    CONFIG = "config"
    CREDENTIALS = "credentials"
    DNS = "dns"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect timeout"
    TIMEOUT = "timeout"
    CERTIFICATE = "certificate"
    NOT_TLS = "not tls"
    TLS_EXPECTED = "tls expected"
    PROXY = "proxy"
    PROXY_UNREACHABLE = "proxy unreachable"
    TOO_MANY_FILES = "too many files"
    UNAUTHORIZED = "unauthorized"
    NOT_LOGGED_IN = "not logged in"
    FORBIDDEN = "forbidden"
    FORWARD_FORBIDDEN = "forward forbidden"
    GONE = "gone"
    NODE_GONE = "node gone"
    ABSENT = "absent"
    EXPIRED = "expired"
    BUSY = "busy"
    NODE_UNREACHABLE = "node unreachable"
    POD_UNREACHABLE = "pod unreachable"
    RESTARTING = "restarting"
    NOT_SCHEDULED = "not scheduled"
    CONTAINER_STARTING = "container starting"
    FORWARD = "forward"
    CUT = "cut"
    SILENT = "silent"
    KUBELET = "kubelet"
    BAD_ANSWER = "bad answer"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of the API server: fills the words of a failure."""

    host: str
    """`HOST:PORT` of the server."""
    verb: str = "get"
    resource: str = "the API server"
    """As RBAC spells it: `pods`, `pods/log`, `pods/portforward`."""
    namespace: str | None = None
    name: str | None = None
    login: str = ""
    """How its user logs in: the command of an exec plugin, or empty."""


class KubeError(NotObservableError):
    """A failure of the API server, of the way to it, or of what stands behind it, with words for its user."""

    def __init__(
        self,
        kind: Kind,
        what: str,
        remedy: str,
        *,
        detail: str = "",
        retry_after: float | None = None,
        permanent: bool = False,
    ) -> None:
        super().__init__(what, remedy)
        self.kind = kind
        self.detail = detail
        """The server's or the library's own words, made inert; may be empty."""
        self.retry_after = retry_after
        """Seconds the server asked us to wait."""
        self.permanent = permanent
        """Whether trying again soon is pointless: something has to change first."""

    @property
    def is_of_server(self) -> bool:
        """Whether the API server as a whole cannot be reached, so that every other request would fail too."""
        return self.kind in _OF_SERVER


_OF_SERVER = frozenset({Kind.DNS, Kind.REFUSED, Kind.CONNECT_TIMEOUT, Kind.PROXY_UNREACHABLE, Kind.RESTARTING})


@dataclass(frozen=True, slots=True)
class _Words:
    what: str
    remedy: str
    permanent: bool = False


_WORDS: Mapping[Kind, _Words] = {
    Kind.CONFIG: _Words("{detail}", "Check the kubeconfig, --kubeconfig and --context.", permanent=True),
    Kind.CREDENTIALS: _Words("No credentials: {detail}", "Log in again{login}, then ztui goes on by itself."),
    Kind.DNS: _Words("Cannot find the API server's name {host}.", "Check the kubeconfig, the VPN or the DNS."),
    Kind.REFUSED: _Words("Nothing answers at {host}.", "Is the cluster running? Check the context and the VPN."),
    Kind.CONNECT_TIMEOUT: _Words("{host} does not answer.", "Check the VPN and the firewall."),
    Kind.TIMEOUT: _Words("No answer about {subject} in time.", "It is tried again; --request-timeout allows longer."),
    Kind.CERTIFICATE: _Words(
        "The certificate of {host} is not trusted: {detail}",
        "Check certificate-authority and tls-server-name in the kubeconfig.",
        permanent=True,
    ),
    Kind.NOT_TLS: _Words("{host} does not speak TLS.", "Check the server's URL in the kubeconfig.", permanent=True),
    Kind.TLS_EXPECTED: _Words(
        "The kubeconfig says http:// but {host} speaks https.", "Correct the server's URL.", permanent=True
    ),
    Kind.PROXY: _Words(
        "Something between here and {host} refused the request.", "Check proxy-url, HTTPS_PROXY and NO_PROXY."
    ),
    Kind.PROXY_UNREACHABLE: _Words(
        "The proxy on the way to {host} does not answer.", "Check proxy-url, HTTPS_PROXY, NO_PROXY and the VPN."
    ),
    Kind.TOO_MANY_FILES: _Words(
        "This machine lets ztui open no more files and connections: {detail}",
        "Raise the limit of open files (`ulimit -n 8192`) and start again.",
    ),
    Kind.UNAUTHORIZED: _Words("Your login is not accepted by {host} or has expired.", "Log in again{login}."),
    Kind.NOT_LOGGED_IN: _Words(
        "You are not logged in to {host}.", "Log in again{login}; check the user of the context."
    ),
    Kind.FORBIDDEN: _Words(
        "You may not {verb} {resource}{where}.", "Ask for a role that allows {verb} on {resource}.", permanent=True
    ),
    Kind.FORWARD_FORBIDDEN: _Words(
        "You may not {verb} {resource}{where}.",
        "It needs get and create on pods/portforward (create since Kubernetes 1.35).",
        permanent=True,
    ),
    Kind.GONE: _Words("There is no {subject} any more.", "Nothing to do: what replaces it is picked up."),
    Kind.NODE_GONE: _Words("The node of {subject} is gone.", "Nothing to do: what replaces it is picked up."),
    Kind.ABSENT: _Words("The cluster has no {resource}.", "Nothing to do unless it should have.", permanent=True),
    Kind.EXPIRED: _Words("The server no longer keeps that version of {resource}.", "It is listed again."),
    Kind.BUSY: _Words("The API server is busy.", "It is tried again."),
    Kind.NODE_UNREACHABLE: _Words(
        "The kubelet that runs {subject} does not answer.", "Look at the node; it is tried again."
    ),
    Kind.POD_UNREACHABLE: _Words(
        "The API server cannot reach {subject}.", "It may not listen, or the control plane has no way to pods."
    ),
    Kind.RESTARTING: _Words("The API server is restarting or overloaded.", "It is tried again."),
    Kind.NOT_SCHEDULED: _Words("{Subject} has no node yet.", "It is tried again once it has."),
    Kind.CONTAINER_STARTING: _Words("{Subject} is not running: {detail}", "It is tried again."),
    Kind.FORWARD: _Words("{Subject} does not answer on its port: {detail}", "Is it running? It is tried again."),
    Kind.CUT: _Words("The connection to {host} was lost.", "It is resumed."),
    Kind.SILENT: _Words("No sign of life from {host}.", "It is tried again."),
    Kind.KUBELET: _Words("The kubelet ended the log of {subject}: {detail}", "It is tried again."),
    Kind.BAD_ANSWER: _Words("{host} answered something unexpected about {subject}: {detail}", "Is it an API server?"),
    Kind.OTHER: _Words("Asking for {subject} failed: {detail}", "It is tried again."),
}


def failure(
    kind: Kind, asked: Asked, detail: str = "", *, retry_after: float | None = None, remedy: str = ""
) -> KubeError:
    """Say a failure of `kind` in words about what was asked; `remedy` where more is known than its usual one."""
    words = _WORDS[kind]
    detail = plain(detail) or "no reason given"
    noun = asked.resource.partition("/")[0].removesuffix("s") if asked.name else asked.resource
    subject = f"{noun} {asked.name}" if asked.name else noun
    places = {
        "host": asked.host,
        "verb": asked.verb,
        "resource": asked.resource,
        "where": f" in {asked.namespace}"
        if asked.namespace
        else " in all namespaces"
        if asked.resource != "nodes"
        else "",
        "subject": subject,
        "Subject": subject[:1].upper() + subject[1:],
        "detail": detail,
        "login": f" ({asked.login})" if asked.login else "",
    }
    return KubeError(
        kind,
        words.what.format_map(places),
        remedy or words.remedy.format_map(places),
        detail=detail,
        retry_after=retry_after,
        permanent=words.permanent,
    )


_SECRETS = re.compile(
    r"\b((?i:bearer|basic))\s+(?=[a-z]*[^a-z\s])[\w.~+/=-]{8,}"  # not "basic authentication"
    r"|\beyJ[\w-]{8,}(?:\.[\w-]+)*"
)


def plain(text: str, limit: int = 300) -> str:
    """Make somebody else's words safe for one line of a terminal: printable characters only, bounded, no tokens."""
    text = _SECRETS.sub(lambda found: f"{found[1] or ''} (a secret)".strip(), text[: limit * 8])
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer that is not a success, reduced to what tells one failure from another."""

    status: int
    is_status: bool
    """Whether the body is Kubernetes' own Status object; if not, something else may have answered."""
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Rule:
    statuses: range
    kind: Kind
    text: re.Pattern[str] | None = None
    is_status: bool | None = None
    resource: str | None = None

    def fits(self, answer: _Answer, asked: Asked) -> bool:
        return (
            answer.status in self.statuses
            and self.is_status in (None, answer.is_status)
            and self.resource in (None, asked.resource)
            and (self.text is None or self.text.search(answer.text) is not None)
        )


def _just(status: int) -> range:
    return range(status, status + 1)


_DIAL = re.compile(r"dial tcp|i/o timeout|no route to host|connection refused|EOF|proxy error from|No agent available")
_CONTAINER = re.compile(
    r"is waiting to start|is terminated|previous terminated container|is not valid for pod|not available"
)

_RULES = (
    _Rule(_just(204), Kind.NOT_SCHEDULED, resource="pods/log"),
    _Rule(_just(400), Kind.TLS_EXPECTED, re.compile("HTTP request to an HTTPS server")),
    _Rule(_just(400), Kind.CONTAINER_STARTING, _CONTAINER, resource="pods/log"),
    _Rule(_just(401), Kind.UNAUTHORIZED),
    _Rule(_just(403), Kind.NOT_LOGGED_IN, re.compile(r'User "system:anonymous"')),
    _Rule(_just(403), Kind.FORWARD_FORBIDDEN, is_status=True, resource="pods/portforward"),
    _Rule(_just(403), Kind.FORBIDDEN, is_status=True),
    _Rule(_just(403), Kind.PROXY, is_status=False),
    _Rule(_just(404), Kind.ABSENT, is_status=False),
    _Rule(_just(404), Kind.NODE_GONE, re.compile(r"^nodes? "), resource="pods/log"),
    _Rule(_just(404), Kind.GONE),
    _Rule(_just(407), Kind.PROXY),
    _Rule(_just(410), Kind.EXPIRED),
    _Rule(_just(429), Kind.BUSY),
    _Rule(_just(500), Kind.NODE_UNREACHABLE, _DIAL),
    _Rule(_just(503), Kind.POD_UNREACHABLE, re.compile("error trying to reach service")),
    _Rule(_just(504), Kind.EXPIRED, re.compile("Too large resource version")),
    _Rule(range(502, 505), Kind.RESTARTING),
)


def failure_of_answer(
    asked: Asked, status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None
) -> KubeError:
    """Read an answer that is not a success. The body is only taken for a Status where its type says JSON."""
    answer = _read_answer(status, content_type, body)
    kind = next((rule.kind for rule in _RULES if rule.fits(answer, asked)), Kind.OTHER)
    if kind is Kind.OTHER and not answer.is_status and status < 500:
        kind = Kind.BAD_ANSWER
    if kind is Kind.GONE and asked.resource == "pods/log" and _names_another(answer.text, asked):
        kind = Kind.NODE_GONE
    detail = answer.text if kind is not Kind.OTHER else f"HTTP {status} {answer.text}"
    return failure(kind, asked, detail, retry_after=_seconds((headers or {}).get("Retry-After")))


def failure_of_status(asked: Asked, status: Mapping[str, object]) -> KubeError:
    """Read the Status object of an ERROR event in a watch."""
    code = status.get("code")
    body = json.dumps(status).encode()
    return failure_of_answer(asked, code if isinstance(code, int) else 500, "application/json", body)


def _read_answer(status: int, content_type: str, body: bytes) -> _Answer:
    text = body.decode("utf-8", "replace")
    if "json" in content_type:
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if isinstance(found, dict) and found.get("kind") == "Status":
            return _Answer(status, True, str(found.get("message") or ""), str(found.get("reason") or ""))
    if "html" in content_type:
        text = re.sub(r"<[^>]*>", " ", text)
    return _Answer(status, False, text, "")


def _names_another(text: str, asked: Asked) -> bool:
    """Tell a missing Node from a missing pod: the API server then says `pods "NODE" not found`, naming the node."""
    named = re.match(r'pods "([^"]*)" not found', text)
    return named is not None and asked.name is not None and named[1] != asked.name


LONGEST_RETRY_AFTER_S = 600.0


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After; one that is longer than we let ourselves be sent away is cut."""
    is_number = text is not None and text.isascii() and text.isdigit()
    return min(float(text), LONGEST_RETRY_AFTER_S) if text is not None and is_number else None
