"""What a live cluster is asked for, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """Which cluster, as whom, which part of it, and what it may cost. Spans are in seconds."""

    kubeconfig: tuple[str, ...] = ()
    """Files its user named; without any, kubectl's rule."""
    context: str | None = None
    as_user: str | None = None
    as_groups: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    """Where pods and services are read if they may not be read everywhere."""
    istio_namespace: str = "istio-system"
    """Where ztunnels are looked for if they may not be looked for everywhere."""
    ztunnel_namespace: str | None = None
    ztunnel_selector: str = "app=ztunnel"
    admin_port: int = 15000
    nodes: tuple[str, ...] = ()
    """Only the ztunnels of these nodes are read."""
    target: str | None = None
    """A TARGET as its user wrote it: only the ztunnels that can have written about it are read."""
    target_namespace: str | None = None
    """Where TARGET lives, if its user said so with -n."""
    since_s: float | None = 600.0
    """How much of each log from before now is read; None (and no `tail`): only what is new."""
    tail: int | None = None
    max_log_requests: int = 300
    refuses_more: bool = False
    """Whether more ztunnels than that are an error: a command must not answer from a part without a word."""
    qps: float = 20.0
    request_timeout_s: float = 10.0
    dump_interval_s: float = 10.0
    sheds: bool = True
    """Whether less may be read of each line where more is written than can be read: a screen must be fresh, what a
    command prints must be whole."""
    may_ask: bool = False
    """Whether a login may use the terminal now: never while a screen is drawn on it."""
    takes_dumps: bool = True
    follows_logs: bool = True
