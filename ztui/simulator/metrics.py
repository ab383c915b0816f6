"""ztunnel's counters and the OpenMetrics text of its stats port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ztui.simulator.cluster import CLUSTER_ID, Service, Workload

Labels = tuple[tuple[str, str], ...]
_FLAG_SLOT = "response_flags"


@dataclass(slots=True, eq=False)
class Series:
    """The counters of one set of traffic labels; how connections ended is counted by response flag."""

    labels: Labels
    opened: int = 0
    received: int = 0
    sent: int = 0
    closed: Counter[str] = field(default_factory=Counter)

    def text(self, flag: str) -> str:
        """Show the labels as they stand between braces."""
        return ",".join(f'{name}="{flag if name == _FLAG_SLOT else value}"' for name, value in self.labels)


def traffic_labels(
    reporter: str, src: Workload | None, dst: Workload | None, service: Service | None, *, mtls: bool
) -> Labels:
    """Labels of a connection in ztunnel's order; what is not known is the word `unknown`."""
    labels = [("reporter", reporter)]
    labels += _end("source", src, principal=src.identity if src and mtls else None)
    labels += [
        ("destination_service", service.hostname if service else "unknown"),
        ("destination_service_namespace", service.namespace if service else "unknown"),
        ("destination_service_name", service.name if service else "unknown"),
    ]
    labels += _end("destination", dst, principal=dst.identity if dst else None)
    labels += [
        ("request_protocol", "tcp"),
        (_FLAG_SLOT, "-"),
        ("connection_security_policy", "mutual_tls" if mtls else "unknown"),
    ]
    if (src and src.region) or (dst and dst.region):
        for side, workload in (("source", src), ("destination", dst)):
            labels.append((f"{side}_region", (workload.region if workload else "") or "unknown"))
            labels.append((f"{side}_zone", (workload.zone if workload else "") or "unknown"))
    return tuple(labels)


def _end(side: str, workload: Workload | None, *, principal: str | None) -> list[tuple[str, str]]:
    if workload is None:
        names = (
            "workload",
            "canonical_service",
            "canonical_revision",
            "workload_namespace",
            "principal",
            "app",
            "version",
            "cluster",
        )
        return [(f"{side}_{name}", "unknown") for name in names]
    return [
        (f"{side}_workload", workload.workload_name),
        (f"{side}_canonical_service", workload.canonical_name),
        (f"{side}_canonical_revision", workload.canonical_revision),
        (f"{side}_workload_namespace", workload.namespace),
        (f"{side}_principal", principal or "unknown"),
        (f"{side}_app", workload.canonical_name),
        (f"{side}_version", workload.canonical_revision),
        (f"{side}_cluster", CLUSTER_ID),
    ]


def expose(series: Iterable[Series], facts: Mapping[str, int], *, version: str) -> str:
    """Print the whole text of `/metrics`: `# TYPE` without `_total`, samples with it, `# EOF` at the end."""
    out: list[str] = []
    _process(out, facts)
    if version != "1.30":
        _tokio(out, facts)
    _metric(out, "istio_build", "gauge", "Istio component build info.", [(f'component="ztunnel",tag="{version}.0"', 1)])
    kinds = ("istio.security.Authorization", "istio.workload.Address")
    urls = [f'url="type.googleapis.com/{kind}"' for kind in kinds]
    messages = zip(urls, (facts["xds_policies"], facts["xds_addresses"]), strict=True)
    _metric(out, "istio_xds_message", "counter", "Total number of messages received (unstable).", messages)
    volumes = zip(urls, (facts["xds_policies"] * 120, facts["xds_addresses"] * 3_674), strict=True)
    _metric(
        out, "istio_xds_message_bytes", "counter", "Total number of bytes received (unstable).", volumes, unit="bytes"
    )
    _traffic(out, list(series))
    sockets = [('reporter="source"', facts["open_source"]), ('reporter="destination"', facts["open_destination"])]
    _metric(out, "istio_tcp_sockets_open", "gauge", "The current number of open TCP sockets (unstable).", sockets)
    _workload_manager(out, facts)
    return "\n".join(out) + "\n# EOF\n"


def _traffic(out: list[str], series: list[Series]) -> None:
    opened = [(one.text("-"), one.opened) for one in series]
    _metric(out, "istio_tcp_connections_opened", "counter", "The total number of TCP connections opened.", opened)
    closed = [(one.text(flag), count) for one in series for flag, count in one.closed.items()]
    _metric(out, "istio_tcp_connections_closed", "counter", "The total number of TCP connections closed.", closed)
    text = "The size of total bytes received during request in case of a TCP connection."
    _metric(out, "istio_tcp_received_bytes", "counter", text, [(one.text("-"), one.received) for one in series])
    text = "The size of total bytes sent during response in case of a TCP connection."
    _metric(out, "istio_tcp_sent_bytes", "counter", text, [(one.text("-"), one.sent) for one in series])
    failed = [(labels, count) for labels, count in closed if f'{_FLAG_SLOT}="-"' not in labels]
    text = "The total number of TCP connections that failed to establish (unstable)."
    _metric(out, "istio_tcp_connections_failed", "counter", text, failed)


def _process(out: list[str], facts: Mapping[str, int]) -> None:
    _metric(out, "process_open_fds", "gauge", "Number of open file descriptors", [("", facts["open_fds"])])
    _metric(out, "process_max_fds", "gauge", "Maximum number of file descriptors", [("", 1_048_576)])


def _tokio(out: list[str], facts: Mapping[str, int]) -> None:
    _metric(out, "tokio_num_workers", "gauge", "the number of worker threads used by the runtime", [("", 2)])
    text = "the number of tasks currently scheduled in the runtime's global queue"
    _metric(out, "tokio_global_queue_depth", "gauge", text, [("", 0)])
    _metric(
        out, "tokio_num_alive_tasks", "gauge", "the number of alive tasks in the runtime", [("", facts["open_fds"])]
    )


def _workload_manager(out: list[str], facts: Mapping[str, int]) -> None:
    text = "The total number current workloads with active proxies (unstable)."
    _metric(out, "workload_manager_active_proxy_count", "gauge", text, [("", facts["proxies"])])
    text = "The total number current workloads with pending proxies (unstable)."
    _metric(out, "workload_manager_pending_proxy_count", "gauge", text, [("", 0)])
    text = "The total number of proxies that were started (unstable)."
    _metric(out, "workload_manager_proxies_started", "counter", text, [("", facts["proxies_started"])])
    text = "The total number of proxies that were stopped (unstable)."
    _metric(out, "workload_manager_proxies_stopped", "counter", text, [("", facts["proxies_stopped"])])


def _metric(
    out: list[str], name: str, kind: str, text: str, samples: Iterable[tuple[str, int]], *, unit: str = ""
) -> None:
    """One family; a family without samples is not exposed."""
    rows = list(samples)
    if not rows:
        return
    out += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    if unit:
        out.append(f"# UNIT {name} {unit}")
    end = "_total" if kind == "counter" else ""
    out += [f"{name}{end}{{{labels}}} {value}" if labels else f"{name}{end} {value}" for labels, value in rows]
