"""The settings a ztunnel of a default installation prints when it starts and repeats in its dump."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class Tagged:
    """A Rust enum with a payload: `!Localhost [..]` in the start-up line, `{"Localhost": [..]}` in the dump."""

    __slots__ = ("tag", "value")

    def __init__(self, tag: str, value: object) -> None:
        self.tag = tag
        self.value = value


def _seconds(secs: int) -> Json:
    return {"secs": secs, "nanos": 0}


def start_config(node: str, pod: str) -> Json:
    """Everything in the order of the start-up line."""
    istiod = "https://istiod.istio-system.svc:15012"
    root = Tagged("File", "/var/run/secrets/istio/root-cert.pem")
    return {
        "proxy": True,
        "dnsProxy": True,
        "windowSize": 4194304,
        "connectionWindowSize": 16777216,
        "frameSize": 1048576,
        "poolMaxStreamsPerConn": 100,
        "poolUnusedReleaseTimeout": _seconds(300),
        "socks5Addr": None,
        "adminAddr": Tagged("Localhost", [False, 15000]),
        "statsAddr": Tagged("SocketAddr", "0.0.0.0:15020"),
        "readinessAddr": Tagged("SocketAddr", "0.0.0.0:15021"),
        "inboundAddr": "0.0.0.0:15008",
        "inboundPlaintextAddr": "0.0.0.0:15006",
        "outboundAddr": "0.0.0.0:15001",
        "dnsProxyAddr": Tagged("Localhost", [False, 15053]),
        "illegalPorts": [15006, 15001, 15008],
        "network": "",
        "localNode": node,
        "proxyMode": "Shared",
        "proxyWorkloadInformation": None,
        "clusterId": "Kubernetes",
        "clusterDomain": "cluster.local",
        "caAddress": istiod,
        "caRootCert": root,
        "altCaHostname": None,
        "xdsAddress": istiod,
        "xdsRootCert": root,
        "altXdsHostname": None,
        "preferedServiceNamespace": None,
        "secretTtl": _seconds(86400),
        "xdsOnDemand": False,
        "fakeCa": False,
        "fakeSelfInbound": False,
        "selfTerminationDeadline": _seconds(5),
        "proxyMetadata": {"CLUSTER_ID": "Kubernetes", "DNS_CAPTURE": "true"},
        "numWorkerThreads": 2,
        "requireOriginalSource": None,
        "proxyArgs": "proxy ztunnel",
        "dnsResolverCfg": _resolver(),
        "dnsResolverOpts": _resolver_options(),
        "inpodUds": "/var/run/ztunnel/ztunnel.sock",
        "inpodPortReuse": True,
        "packetMark": 1337,
        "socketConfig": {
            "keepaliveTime": _seconds(180),
            "keepaliveInterval": _seconds(180),
            "keepaliveRetries": 9,
            "keepaliveEnabled": True,
            "userTimeoutEnabled": False,
        },
        "xdsHeaders": [],
        "caHeaders": [],
        "localhostAppTunnel": True,
        "ztunnelIdentity": "spiffe://cluster.local/ns/istio-system/sa/ztunnel",
        "ztunnelWorkload": {"name": pod, "namespace": "istio-system", "serviceAccount": "ztunnel"},
        "ipv6Enabled": False,
        "crlPath": None,
        "enableEnhancedBaggage": True,
    }


def _resolver() -> Json:
    transports = ("udp", "tcp")
    links = [{"port": 53, "protocol": {"type": kind}, "bind_addr": None} for kind in transports]
    server = {"ip": "10.96.0.10", "trust_negative_responses": True, "connections": links}
    return {"domain": None, "search": [], "name_servers": [server]}


def _resolver_options() -> Json:
    return {
        "ndots": 1,
        "timeout": 5,
        "attempts": 2,
        "edns0": False,
        "ip_strategy": "Ipv4Only",
        "cache_size": 4096,
        "use_hosts_file": "Auto",
        "positive_min_ttl": None,
        "negative_min_ttl": None,
        "positive_max_ttl": None,
        "negative_max_ttl": None,
        "num_concurrent_reqs": 2,
        "max_active_requests": 32,
        "preserve_intermediates": True,
        "try_tcp_on_error": False,
        "server_ordering_strategy": "QueryStatistics",
        "recursion_desired": True,
        "avoid_local_udp_ports": [],
        "os_port_selection": False,
        "case_randomization": False,
        "trust_anchor": None,
        "allow_answers": [],
        "deny_answers": [],
        "edns_payload_len": 1232,
    }


def as_json(value: object) -> Any:
    """Show the settings as the dump shows them: an enum is an object with one key."""
    if isinstance(value, Tagged):
        return {value.tag: as_json(value.value)}
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value


def describe(config: Json) -> str:
    """Print the settings as YAML the way the start-up line prints them, newline at the end."""
    lines: list[str] = []
    for key, value in config.items():
        _describe(lines, "", f"{key}:", value)
    return "\n".join(lines) + "\n"


def _describe(lines: list[str], indent: str, head: str, value: object) -> None:
    if isinstance(value, Tagged):
        _describe(lines, indent, f"{head} !{value.tag}", value.value)
    elif isinstance(value, dict) and value:
        lines.append(f"{indent}{head}")
        for key, inner in value.items():
            _describe(lines, indent + "  ", f"{key}:", inner)
    elif isinstance(value, list) and value:
        lines.append(f"{indent}{head}")
        for inner in value:
            _describe_item(lines, indent, inner)
    else:
        lines.append(f"{indent}{head} {_scalar(value)}")


def _describe_item(lines: list[str], indent: str, value: object) -> None:
    """Print a list item: an object's first key shares the line with the dash."""
    if not isinstance(value, dict):
        lines.append(f"{indent}- {_scalar(value)}")
        return
    start = len(lines)
    for key, inner in value.items():
        _describe(lines, indent + "  ", f"{key}:", inner)
    lines[start] = f"{indent}- {lines[start].strip()}"


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'" if value in ("", "true", "false") else value
    return "[]" if isinstance(value, list) else str(value)
