"""Settings as what a live cluster is asked for, and the kubeconfig's cluster as an observer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ztui.cli.observing import SCREEN, Purpose
from ztui.errors import UsageError
from ztui.kube.kubeconfig import load
from ztui.observers.live.observer import LiveObserver
from ztui.observers.live.options import LiveOptions

if TYPE_CHECKING:
    from ztui.clock import Clock
    from ztui.model.observation import Observer
    from ztui.settings import Settings


def make_live_observer(
    settings: Settings, clock: Clock, *, target: str | None = None, purpose: Purpose = SCREEN
) -> Observer:
    """Make the observer of the cluster that the settings name. Raises ZtuiError: a kubeconfig that names none."""
    options = live_options(settings, clock.now(), target=target, purpose=purpose)
    access = load(options.kubeconfig, context=options.context, as_user=options.as_user, as_groups=options.as_groups)
    return LiveObserver(access, options, clock)


def live_options(
    settings: Settings, now: float, *, target: str | None = None, purpose: Purpose = SCREEN
) -> LiveOptions:
    """Say what is asked of the cluster. Raises UsageError for a number that makes no sense."""
    _refuse_nonsense(settings)
    namespaces = () if settings.is_all_namespaces else settings.namespaces
    return LiveOptions(
        kubeconfig=(settings.kubeconfig,) if settings.kubeconfig else (),
        context=settings.context,
        as_user=settings.as_user,
        as_groups=settings.as_groups,
        namespaces=namespaces,
        istio_namespace=settings.istio_namespace,
        ztunnel_namespace=settings.ztunnel_namespace,
        ztunnel_selector=settings.ztunnel_selector,
        admin_port=settings.proxy_admin_port,
        nodes=settings.nodes,
        target=target,
        target_namespace=namespaces[0] if target and namespaces else None,
        since_s=_since_s(settings, now, purpose.since_s),
        tail=settings.tail,
        max_log_requests=settings.max_log_requests,
        refuses_more=purpose.is_command,
        sheds=not purpose.is_command,
        may_ask=purpose.is_command and sys.stdin is not None and sys.stdin.isatty(),
        qps=settings.qps,
        request_timeout_s=settings.request_timeout_s,
        dump_interval_s=settings.dump_interval_s,
        takes_dumps=not settings.is_without_dumps,
        follows_logs=purpose.follows_logs,
    )


def _since_s(settings: Settings, now: float, usual_s: float) -> float | None:
    """How much of each log from before now is read; None for only what `--tail` names, or what is new."""
    if settings.since_time is not None:
        return max(1.0, now - settings.since_time)
    if settings.since_s is not None:
        return settings.since_s
    return None if settings.tail is not None or settings.is_following else usual_s


def _refuse_nonsense(settings: Settings) -> None:
    if settings.qps <= 0:
        raise UsageError(
            f"--qps cannot be {settings.qps:g}.", "Write how many requests a second are allowed, as in 20."
        )
    if settings.dump_interval_s <= 0:
        raise UsageError("--dump-interval cannot be 0.", "Write a span, as in 10s; --no-dumps takes none.")
    if not 0 < settings.proxy_admin_port < 65536:
        raise UsageError(f"--proxy-admin-port cannot be {settings.proxy_admin_port}.", "Write a port, as in 15000.")
