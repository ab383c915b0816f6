"""Which API server, and as whom: kubeconfig files, their merge and their contexts, read as kubectl reads them.

Pure: nothing is connected to and no plugin is run here. The `kubernetes` package is not asked, because it gets the
merge, empty users, token files, impersonation and relative plugin commands wrong (and costs 300 ms to import); only
for legacy `auth-provider` users credentials.py hands it the merged dictionary.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ztui.kube.kubefiles import Entry, Merged, read_all, wrong
from ztui.kube.proxies import checked_proxy

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Secret(str):
    """Text that must not be seen: whatever prints it for a programmer (a traceback with its variables) hides it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token written in the kubeconfig."""

    token: Secret = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFile:
    """A file somebody else keeps a fresh bearer token in."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """A name and a password."""

    username: str
    password: Secret = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A command that prints credentials (`users[].user.exec`)."""

    command: str
    """Absolute where the kubeconfig named a path, else to be found in PATH."""
    args: tuple[str, ...] = field(default=(), repr=False)
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_version: str
    install_hint: str = ""
    interactive_mode: str = "IfAvailable"
    cluster: Mapping[str, Any] | None = None
    """What the plugin is told of the cluster, where it asked for it (`provideClusterInfo`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Legacy:
    """An `auth-provider` user of old: name and settings, and the whole merged kubeconfig for the package to read."""

    provider: str
    settings: Mapping[str, str] = field(repr=False)
    kubeconfig: Mapping[str, Any] = field(repr=False)
    context: str


Auth = Token | TokenFile | Basic | Plugin | Legacy


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A certificate chain and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccess:
    """Everything needed to talk to one API server as one user."""

    context: str | None
    """The context's name; None inside a pod."""
    server: str
    """`https://host:port`, possibly with a path, without a slash at the end."""
    namespace: str | None = None
    authority: bytes | None = field(default=None, repr=False)
    """PEM of the authorities to trust; None for the machine's own."""
    insecure: bool = False
    """Whether the server's certificate is not verified, because the kubeconfig says so: to be shown to its user."""
    tls_server_name: str | None = None
    proxy_url: str | None = field(default=None, repr=False)
    """May hold a password."""
    compression: bool = True
    impersonate: tuple[tuple[str, str], ...] = ()
    """`Impersonate-…` headers."""
    auth: Auth | None = None
    certificate: ClientCertificate | None = None

    @property
    def host(self) -> str:
        """`HOST:PORT`, for words."""
        parts = urlsplit(self.server)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        name = parts.hostname or ""
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"

    @property
    def title(self) -> str:
        """The name its user knows the cluster by."""
        return self.context or "in-cluster"


def load(
    paths: Sequence[str | Path] = (),
    *,
    context: str | None = None,
    as_user: str | None = None,
    as_groups: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
) -> ClusterAccess:
    """Resolve the cluster of a context the way kubectl does.

    `paths` are those its user named; without any, KUBECONFIG's (read now, not at import), else `~/.kube/config`, else
    the pod's own service account. Raises KubeError(CONFIG) in words.
    """
    merged = read_all(paths, environment)
    if merged.is_empty and not paths:
        if context is None and "KUBERNETES_SERVICE_HOST" in environment and (service_account / "token").exists():
            return _in_cluster(environment, service_account, _impersonation(_NOBODY, as_user, as_groups))
        raise wrong(
            "There is no kubeconfig, so no cluster to look at.", "Set KUBECONFIG or --kubeconfig, or try `ztui demo`."
        )
    return _resolve(merged, context, as_user, as_groups)


_NOBODY = Entry(title="no user")


def _resolve(merged: Merged, wanted: str | None, as_user: str | None, as_groups: Sequence[str]) -> ClusterAccess:
    name = wanted or merged.current
    if not name:
        raise wrong("The kubeconfig has no current context.", f"Name one with --context: {_names(merged)}.")
    context = merged.contexts.get(name)
    if context is None:
        raise wrong(f"There is no context {name!r} in the kubeconfig.", f"Use one of: {_names(merged)}.")
    cluster = merged.clusters.get(context.text("cluster"))
    if cluster is None:
        raise wrong(f"The context {name!r} names the cluster {context.text('cluster')!r}, which is not there.")
    user = merged.users.get(context.text("user"), _NOBODY)
    authority = _bytes_of(cluster, "certificate-authority")
    insecure = cluster.flag("insecure-skip-tls-verify")
    if authority and insecure:
        raise wrong(
            f"The cluster of context {name!r} has both an authority and insecure-skip-tls-verify.", "Remove one."
        )
    return ClusterAccess(
        context=name,
        server=_server(cluster.text("server"), name),
        namespace=context.text("namespace") or None,
        authority=authority,
        insecure=insecure,
        tls_server_name=cluster.text("tls-server-name") or None,
        proxy_url=checked_proxy(cluster.text("proxy-url"), "proxy-url in the kubeconfig"),
        compression=not cluster.flag("disable-compression"),
        impersonate=_impersonation(user, as_user, as_groups),
        auth=_auth(user, cluster, merged, name),
        certificate=_pair(user),
    )


def _names(merged: Merged) -> str:
    names = sorted(merged.contexts)
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "") if names else "there is none"


def _server(text: str, context: str) -> str:
    """Check a server's URL before anything is asked of it. It is not quoted where it may hold a password."""
    if not text:
        raise wrong(f"The cluster of context {context!r} has no server.")
    server = (text if "://" in text else f"https://{text}").rstrip("/")
    remedy = "Write its server as https://HOST:PORT."
    try:
        parts = urlsplit(server)
        _ = parts.port  # raises where it is no number, or too large a one
        name = (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise wrong(f"The server of context {context!r} is not a URL.", remedy) from error
    if parts.scheme not in ("https", "http") or not name or any(c.isspace() for c in server):
        raise wrong(f"The server of context {context!r} is not a URL.", remedy)
    if parts.username or parts.password:
        raise wrong(f"The server of context {context!r} has a user in its URL.", "Name it in the kubeconfig's user.")
    return server


def _bytes_of(entry: Entry, key: str) -> bytes | None:
    """Read the value of KEY-data, else of the file that KEY names: data beats file, as in kubectl."""
    if data := entry.text(f"{key}-data"):
        try:
            return base64.b64decode("".join(data.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise wrong(f"The {key}-data of {entry.title} is not base64.") from error
    if path := entry.text(key):
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise wrong(f"The {key} {path} cannot be read: {error.strerror}.") from error
    return None


def _pair(user: Entry) -> ClientCertificate | None:
    certificate, key = _bytes_of(user, "client-certificate"), _bytes_of(user, "client-key")
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "client-key" if key is None else "client-certificate"
        raise wrong(f"The user of this context has no {missing}.")
    return ClientCertificate(certificate=certificate, key=key)


def _auth(user: Entry, cluster: Entry, merged: Merged, context: str) -> Auth | None:
    """Choose how the user proves who it is: a token beats a plugin, and its file beats the token, as in kubectl."""
    if path := user.text("tokenFile"):
        return TokenFile(path=Path(path))
    if token := user.text("token"):
        return Token(token=Secret(token))
    if name := user.text("username"):
        return Basic(username=name, password=Secret(user.text("password")))
    if user.has("exec"):
        return _plugin(user.part("exec"), cluster)
    if user.has("auth-provider"):
        provider = user.part("auth-provider")
        settings = {key: str(value) for key, value in provider.part("config").body.items()}
        return Legacy(
            provider=provider.text("name"), settings=settings, kubeconfig=merged.as_file(context), context=context
        )
    return None


_CLUSTER_INFO = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
_EXEC = "client.authentication.k8s.io"
_EXEC_VERSIONS = (f"{_EXEC}/v1", f"{_EXEC}/v1beta1")
_INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")


def _plugin(spec: Entry, cluster: Entry) -> Plugin:
    command, version = spec.text("command"), spec.text("apiVersion")
    if not command or not version:
        raise wrong("The user's exec plugin has no command or no apiVersion.")
    if version not in _EXEC_VERSIONS:
        raise wrong(
            f"The exec plugin {command} is configured for {version}, which is no longer spoken.",
            f"Write the kubeconfig anew with its tool, or use {_EXEC_VERSIONS[1]}.",
        )
    mode = spec.text("interactiveMode") or "IfAvailable"
    if mode not in _INTERACTIVE_MODES:
        raise wrong("The exec plugin's interactiveMode is not known.", f"Use one of: {', '.join(_INTERACTIVE_MODES)}.")
    if "/" in command and not command.startswith("/"):
        command = str(spec.directory / command)
    return Plugin(
        command=command,
        args=spec.texts("args"),
        env=tuple((pair.text("name"), pair.text("value")) for pair in spec.parts("env")),
        api_version=version,
        install_hint=spec.text("installHint"),
        interactive_mode=mode,
        cluster=_cluster_info(cluster) if spec.flag("provideClusterInfo") else None,
    )


def _cluster_info(cluster: Entry) -> dict[str, Any]:
    """Tell a plugin of the cluster what kubectl would."""
    info = {key: cluster.body[key] for key in _CLUSTER_INFO if cluster.has(key)}
    if authority := _bytes_of(cluster, "certificate-authority"):
        info["certificate-authority-data"] = base64.b64encode(authority).decode()
    for extension in cluster.parts("extensions"):
        if extension.text("name") == f"{_EXEC}/exec":
            info["config"] = extension.body.get("extension")
    return info


_HEADER_SAFE = "!#$&'*+-.^_`|~"


def _impersonation(user: Entry, as_user: str | None, as_groups: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Make the headers of acting as somebody else; the command line's words beat the kubeconfig's."""
    name = as_user or user.text("as")
    groups = tuple(as_groups) or user.texts("as-groups")
    extra = user.part("as-user-extra")
    if not name:
        if groups or user.has("as-uid") or extra.body:
            raise wrong("Impersonating a group needs a user too.", "Add --as USER (or `as` in the kubeconfig).")
        return ()
    headers = [("Impersonate-User", name)]
    headers += [("Impersonate-Group", group) for group in groups]
    if as_user is None:
        if uid := user.text("as-uid"):
            headers.append(("Impersonate-Uid", uid))
        for key in extra.body:
            headers += [(f"Impersonate-Extra-{quote(key, safe=_HEADER_SAFE)}", value) for value in extra.texts(key)]
    if not all(value.isprintable() for _, value in headers):
        raise wrong("Whom to impersonate has a line break in it.", "Check --as, --as-group and the kubeconfig's `as`.")
    return tuple(headers)


def _in_cluster(
    environment: Mapping[str, str], service_account: Path, impersonate: tuple[tuple[str, str], ...]
) -> ClusterAccess:
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT", "443")
    authority, namespace = service_account / "ca.crt", service_account / "namespace"
    return ClusterAccess(
        context=None,
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace.read_text().strip() if namespace.exists() else None,
        authority=authority.read_bytes() if authority.exists() else None,
        impersonate=impersonate,
        auth=TokenFile(path=service_account / "token"),
    )
