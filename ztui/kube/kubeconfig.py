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

import yaml

from ztui.kube.failures import Asked, Kind, KubeError, failure

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token written in the kubeconfig."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFile:
    """A file somebody else keeps a fresh bearer token in."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """A name and a password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A command that prints credentials (`users[].user.exec`)."""

    command: str
    """Absolute where the kubeconfig named a path, else to be found in PATH."""
    args: tuple[str, ...] = ()
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
    authority: bytes | None = None
    """PEM of the authorities to trust; None for the machine's own."""
    insecure: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None
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
        return f"{parts.hostname}:{port}"

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
    merged = _merge([_read(path) for path in _files(paths, environment)])
    if not merged["contexts"] and not merged["clusters"] and not paths:
        if "KUBERNETES_SERVICE_HOST" in environment and (service_account / "token").exists():
            return _in_cluster(environment, service_account, _impersonation({}, as_user, as_groups))
        raise _wrong(
            "There is no kubeconfig, so no cluster to look at.", "Set KUBECONFIG or --kubeconfig, or try `ztui demo`."
        )
    return _resolve(merged, context, as_user, as_groups)


def _wrong(what: str, remedy: str = "") -> KubeError:
    error = failure(Kind.CONFIG, Asked(host=""), what)
    return KubeError(Kind.CONFIG, error.what, remedy or error.remedy, permanent=True)


def _files(paths: Sequence[str | Path], environment: Mapping[str, str]) -> list[Path]:
    """List the files to merge, strongest first. One that its user named must exist; KUBECONFIG may name absent ones."""
    if paths:
        found = [Path(path).expanduser() for path in paths]
        for path in found:
            if not path.exists():
                raise _wrong(f"The kubeconfig {path} does not exist.", "Check --kubeconfig.")
        return found
    listed = [Path(part) for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    if not listed:
        home = environment.get("HOME")
        listed = [Path(home) / ".kube" / "config"] if home else []
    return [path for path in listed if path.exists()]


def _read(path: Path) -> tuple[Path, Mapping[str, Any]]:
    try:
        found = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  safe, in C
    except OSError as error:
        raise _wrong(f"The kubeconfig {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _wrong(
            f"The kubeconfig {path} is not YAML.", f"Correct it: {str(error).splitlines()[-1].strip()}."
        ) from error
    if found is not None and not isinstance(found, dict):
        raise _wrong(f"The file {path} is not a kubeconfig.")
    return path.absolute().parent, found or {}


_KINDS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_PATH_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _merge(files: Sequence[tuple[Path, Mapping[str, Any]]]) -> dict[str, Any]:
    """Merge by kubectl's rule: the first file to name an entry or the current context wins. Paths become absolute."""
    merged: dict[str, Any] = {"clusters": {}, "users": {}, "contexts": {}, "current-context": ""}
    for directory, found in files:
        for kind, inner in _KINDS.items():
            for entry in _entries(found, kind):
                body = dict(entry.get(inner) or {})
                for key in _PATH_KEYS:
                    if isinstance(body.get(key), str) and body[key]:
                        body[key] = str(directory / body[key])
                merged[kind].setdefault(str(entry.get("name", "")), body | {"": directory})
        merged["current-context"] = merged["current-context"] or found.get("current-context") or ""
    return merged


def _entries(found: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    entries = found.get(kind) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _wrong(f"The kubeconfig's `{kind}` is not a list of entries.")
    return entries


def _resolve(
    merged: Mapping[str, Any], wanted: str | None, as_user: str | None, as_groups: Sequence[str]
) -> ClusterAccess:
    name = wanted or str(merged["current-context"])
    contexts = merged["contexts"]
    if not name:
        raise _wrong("The kubeconfig has no current context.", f"Name one with --context: {_names(contexts)}.")
    if name not in contexts:
        raise _wrong(f"There is no context {name!r} in the kubeconfig.", f"Use one of: {_names(contexts)}.")
    context = contexts[name]
    cluster = merged["clusters"].get(context.get("cluster", ""))
    if cluster is None:
        raise _wrong(f"The context {name!r} names the cluster {context.get('cluster', '')!r}, which is not there.")
    server = str(cluster.get("server") or "").rstrip("/")
    if not server:
        raise _wrong(f"The cluster of context {name!r} has no server.")
    user = merged["users"].get(context.get("user", ""), {})
    authority = _bytes_of(cluster, "certificate-authority")
    if authority and cluster.get("insecure-skip-tls-verify"):
        raise _wrong(
            f"The cluster of context {name!r} has both an authority and insecure-skip-tls-verify.", "Remove one."
        )
    return ClusterAccess(
        context=name,
        server=server if "://" in server else f"https://{server}",
        namespace=context.get("namespace") or None,
        authority=authority,
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        tls_server_name=cluster.get("tls-server-name") or None,
        proxy_url=_proxy(cluster.get("proxy-url")),
        compression=not cluster.get("disable-compression"),
        impersonate=_impersonation(user, as_user, as_groups),
        auth=_auth(user, cluster, merged, name),
        certificate=_pair(user),
    )


def _names(contexts: Mapping[str, Any]) -> str:
    names = sorted(contexts)
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "") if names else "there is none"


def _proxy(url: object) -> str | None:
    if not url:
        return None
    if urlsplit(str(url)).scheme not in ("http", "https"):
        raise _wrong(f"The proxy {url} is of a kind ztui cannot use.", "Use an http:// or https:// proxy-url.")
    return str(url)


def _bytes_of(entry: Mapping[str, Any], key: str) -> bytes | None:
    """Read the value of KEY-data, else of the file that KEY names: data beats file, as in kubectl."""
    if data := entry.get(f"{key}-data"):
        try:
            return base64.b64decode(data, validate=False)
        except (binascii.Error, ValueError, TypeError) as error:
            raise _wrong(f"The kubeconfig's {key}-data is not base64.") from error
    if path := entry.get(key):
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise _wrong(f"The {key} {path} cannot be read: {error.strerror}.") from error
    return None


def _pair(user: Mapping[str, Any]) -> ClientCertificate | None:
    certificate, key = _bytes_of(user, "client-certificate"), _bytes_of(user, "client-key")
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "client-key" if key is None else "client-certificate"
        raise _wrong(f"The user of this context has no {missing}.")
    return ClientCertificate(certificate=certificate, key=key)


def _auth(user: Mapping[str, Any], cluster: Mapping[str, Any], merged: Mapping[str, Any], context: str) -> Auth | None:
    if path := user.get("tokenFile"):
        return TokenFile(path=Path(path))
    if token := user.get("token"):
        return Token(token=str(token).strip())
    if user.get("username"):
        return Basic(username=str(user["username"]), password=str(user.get("password") or ""))
    if isinstance(user.get("exec"), dict):
        return _plugin(user["exec"], cluster, user[""])
    if isinstance(provider := user.get("auth-provider"), dict):
        settings = {key: str(value) for key, value in (provider.get("config") or {}).items()}
        return Legacy(
            provider=str(provider.get("name")), settings=settings, kubeconfig=_as_file(merged, context), context=context
        )
    return None


_CLUSTER_INFO = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")


def _plugin(spec: Mapping[str, Any], cluster: Mapping[str, Any], directory: Path) -> Plugin:
    command = str(spec.get("command") or "")
    if not command or not spec.get("apiVersion"):
        raise _wrong("The user's exec plugin has no command or no apiVersion.")
    if "/" in command and not command.startswith("/"):
        command = str(directory / command)
    info: dict[str, Any] | None = None
    if spec.get("provideClusterInfo"):
        info = {key: cluster[key] for key in _CLUSTER_INFO if key in cluster}
        if authority := _bytes_of(cluster, "certificate-authority"):
            info["certificate-authority-data"] = base64.b64encode(authority).decode()
        for extension in cluster.get("extensions") or []:
            if extension.get("name") == "client.authentication.k8s.io/exec":
                info["config"] = extension.get("extension")
    return Plugin(
        command=command,
        args=tuple(str(arg) for arg in spec.get("args") or ()),
        env=tuple((str(pair.get("name")), str(pair.get("value"))) for pair in spec.get("env") or ()),
        api_version=str(spec["apiVersion"]),
        install_hint=str(spec.get("installHint") or "").strip(),
        interactive_mode=str(spec.get("interactiveMode") or "IfAvailable"),
        cluster=info,
    )


def _as_file(merged: Mapping[str, Any], context: str) -> dict[str, Any]:
    """Write the merged kubeconfig as one file's dictionary again."""
    file: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": context}
    for kind, inner in _KINDS.items():
        file[kind] = [
            {"name": name, inner: {key: value for key, value in body.items() if key}}
            for name, body in merged[kind].items()
        ]
    return file


_HEADER_SAFE = "!#$&'*+-.^_`|~"


def _impersonation(
    user: Mapping[str, Any], as_user: str | None, as_groups: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Make the headers of acting as somebody else; the command line's words beat the kubeconfig's."""
    name = as_user or user.get("as")
    groups = as_groups or user.get("as-groups") or ()
    if not name:
        if groups or user.get("as-uid"):
            raise _wrong("Impersonating a group needs a user too.", "Add --as USER (or `as` in the kubeconfig).")
        return ()
    headers = [("Impersonate-User", str(name))]
    headers += [("Impersonate-Group", str(group)) for group in groups]
    if as_user is None:
        if uid := user.get("as-uid"):
            headers.append(("Impersonate-Uid", str(uid)))
        for key, values in (user.get("as-user-extra") or {}).items():
            headers += [(f"Impersonate-Extra-{quote(str(key), safe=_HEADER_SAFE)}", str(value)) for value in values]
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
