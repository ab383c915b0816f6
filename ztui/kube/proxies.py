"""Whether the environment wants a proxy for a server: the rules of Go's programs, so that ztui goes kubectl's way."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def environment_proxy(server: str, environment: Mapping[str, str]) -> str | None:
    """Find the proxy of HTTPS_PROXY or HTTP_PROXY for `server`, a URL; None for loopback and where NO_PROXY says so."""
    parts = urlsplit(server)
    host = (parts.hostname or "").lower()
    name = f"{parts.scheme}_proxy"
    proxy = environment.get(name.upper()) or environment.get(name)
    if not proxy or host == "localhost" or _is_loopback(host):
        return None
    exceptions = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    if any(_excepts(exception.strip().lower(), host, parts.port) for exception in exceptions.split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _excepts(exception: str, host: str, port: int | None) -> bool:
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
    domain = name.removeprefix("*").removeprefix(".")
    return host.endswith(f".{domain}") or (host == domain and not name.startswith("."))
