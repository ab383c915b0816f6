"""Whether the environment wants a proxy for a server: the rules of Go's programs, so that ztui goes kubectl's way."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from ztui.kube.failures import Asked, Kind, KubeError, failure


def checked_proxy(url: str, where: str) -> str | None:
    """Check a proxy's URL, None where there is none. It is never quoted, as it may hold a password."""
    if not url:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        _ = parts.port  # raises where it is no number, or too large a one
    except ValueError:
        parts = urlsplit("")
    if parts.scheme.startswith("socks"):
        raise _wrong(f"The {where} is a SOCKS proxy, which ztui cannot use.", "Use an http:// or https:// proxy.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _wrong(f"The {where} is not the URL of a proxy.", "Write it as http://HOST:PORT.")
    return parts.geturl()


def environment_proxy(server: str, environment: Mapping[str, str]) -> str | None:
    """Find the proxy of HTTPS_PROXY or HTTP_PROXY for `server`, a URL; None for loopback and where NO_PROXY says so.

    Raises KubeError(CONFIG) where it is of no use.
    """
    parts = urlsplit(server)
    host = (parts.hostname or "").lower()
    name = f"{parts.scheme}_proxy"
    proxy = environment.get(name.upper()) or environment.get(name)
    if not proxy or host == "localhost" or _is_loopback(host):
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    exceptions = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    if any(_excepts(exception.strip().lower(), host, port) for exception in exceptions.split(",")):
        return None
    return checked_proxy(proxy.strip(), f"proxy in {name.upper()}")


def _wrong(what: str, remedy: str) -> KubeError:
    error = failure(Kind.CONFIG, Asked(host=""), what)
    return KubeError(Kind.CONFIG, error.what, remedy, permanent=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _excepts(exception: str, host: str, port: int) -> bool:
    """Whether one entry of NO_PROXY names the host: `*`, an address, a network, a name, a domain, maybe with a port."""
    if not exception:
        return False
    if exception == "*":
        return True
    try:
        if "/" in exception:
            return ipaddress.ip_address(host) in ipaddress.ip_network(exception, strict=False)
        return ipaddress.ip_address(host) == ipaddress.ip_address(exception)
    except ValueError:
        pass
    name, _, wanted_port = exception.partition(":")
    if wanted_port and str(port) != wanted_port:
        return False
    name = name.removeprefix("*")
    domain = name.removeprefix(".")
    return host.endswith(f".{domain}") or (host == domain and not name.startswith("."))
