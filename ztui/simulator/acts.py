"""What can happen in the world on purpose: the acts that scenarios and the control address name."""

from __future__ import annotations

from collections.abc import Callable

from ztui.simulator.cluster import App, Node, Pod
from ztui.simulator.lifecycle import Lifecycle
from ztui.simulator.scenario import Act


def perform(life: Lifecycle, at_us: int, act: Act, turn: int) -> str:
    """Let an act happen to the next of those it names; ValueError for an unknown act, app or node."""
    known = _ACTS.get(act.do)
    if known is None:
        raise ValueError(f"no act {act.do!r}; there are: {', '.join(_ACTS)}")
    target = act.of[turn % len(act.of)] if act.of else ""
    return known(life, at_us, act, target)


def names_of_acts() -> list[str]:
    """Every act there is."""
    return list(_ACTS)


def _roll(life: Lifecycle, at_us: int, _act: Act, target: str) -> str:
    app = _app(life, target or "default/reviews-v2")
    begun = life.roll(at_us, app)
    return f"rollout of {app.name} {'begins' if begun else 'is still under way'}"


def _block(life: Lifecycle, at_us: int, act: Act, target: str) -> str:
    """Drop port 15008 of an app's pods for a time, as a NetworkPolicy without it would."""
    pods = list(_app(life, target or "default/details-v1").pods)
    addresses = {pod.address for pod in pods if pod.address}
    life.traffic.blocked |= addresses
    if act.for_us:
        life.schedule.at(at_us + act.for_us, lambda _at_us: life.traffic.blocked.difference_update(addresses))
    return f"port 15008 of {', '.join(sorted(addresses))} is dropped"


def _unblock(life: Lifecycle, _at_us: int, _act: Act, _target: str) -> str:
    life.traffic.blocked.clear()
    return "no port is dropped"


def _restart_ztunnel(life: Lifecycle, at_us: int, _act: Act, target: str) -> str:
    node = _node(life, target or "w1")
    life.restart_ztunnel(at_us, node)
    return f"ztunnel on {node.name} restarts"


def _replace_ztunnel(life: Lifecycle, at_us: int, _act: Act, target: str) -> str:
    node = _node(life, target or "w1")
    life.replace_ztunnel(at_us, node)
    return f"ztunnel on {node.name} is replaced"


def _delete_pod(life: Lifecycle, at_us: int, _act: Act, target: str) -> str:
    """Delete one pod by name, or the oldest of an app; its Deployment makes a new one."""
    namespace, _, name = (target or "default/reviews-v2").partition("/")
    pod = life.cluster.pods.get((namespace, name)) or _oldest(_app(life, f"{namespace}/{name}"))
    life.create(at_us, pod.app, pod.app.revisions[-1])
    life.leave(at_us, pod)
    return f"pod {pod.name} is deleted"


_ACTS: dict[str, Callable[[Lifecycle, int, Act, str], str]] = {
    "rollout": _roll,
    "block-15008": _block,
    "unblock": _unblock,
    "restart-ztunnel": _restart_ztunnel,
    "replace-ztunnel": _replace_ztunnel,
    "delete-pod": _delete_pod,
}


def _app(life: Lifecycle, target: str) -> App:
    namespace, _, name = target.partition("/")
    app = life.cluster.apps.get((namespace, name))
    if app is None:
        raise ValueError(f"no app {target!r}")
    return app


def _node(life: Lifecycle, name: str) -> Node:
    node = life.cluster.nodes.get(name)
    if node is None:
        raise ValueError(f"no node {name!r}")
    return node


def _oldest(app: App) -> Pod:
    staying = [pod for pod in app.pods if pod.leaving_us is None]
    if not staying:
        raise ValueError(f"no pod of {app.name} to delete")
    return min(staying, key=lambda pod: pod.created_us)
