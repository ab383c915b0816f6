"""The control address under `/simulator`: for tests, benches and pictures, and for the admin alone.

| | |
|---|---|
| `GET /simulator` | the time, the faults, the acts there are |
| `GET /simulator/counts` | lines written, per log and in all |
| `POST /simulator/faults` | `{NAME: VALUE}`: switch faults |
| `POST /simulator/acts` | `{"do": NAME, "of": [TARGET], "for": "20s"}`: let something happen now |
| `POST /simulator/clock` | `{"to": TIME}` or `{"by": "10s"}`: step a stepped clock; says how many lines were written |
| `POST /simulator/tokens` | `{"user": NAME, "do": "expire" or "renew"}` |
| `POST /simulator/restart` | `{"for_s": 2}`: drop every connection, refuse for so long, listen again |
| `POST /simulator/rotate` | `{"pod": NAME}`: begin a new log file |
| `POST /simulator/compact` | make every older resource version too old |
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ztui.simulator.acts import names_of_acts
from ztui.simulator.api.access import ROLES
from ztui.simulator.api.answers import json_answer
from ztui.simulator.api.permits import ADMIN, forbidden_path
from ztui.simulator.api.status import ApiError
from ztui.simulator.clock import read_duration, read_stamp, stamp_micro
from ztui.simulator.scenario import read_act

if TYPE_CHECKING:
    from aiohttp import web

    from ztui.simulator.api.host import Host

Json = dict[str, Any]

PREFIX = "/simulator"


@dataclass(slots=True)
class Control:
    """What can be done to the simulation from outside."""

    host: Host
    restart: Callable[[float], None]
    """Asks the server to restart and returns at once."""
    renewed: Callable[[], None]
    """Called when a token has changed."""

    async def answer(self, request: web.BaseRequest, user: str) -> web.Response:
        """Do what is asked; 400 with the reason where that makes no sense."""
        if user != ADMIN:
            raise forbidden_path(user, request.path)
        what = request.path.removeprefix(PREFIX).strip("/")
        known = _ASKED.get(what) if request.method == "GET" else _DONE.get(what)
        if known is None:
            raise ApiError(404, f"nothing to {request.method} at {request.path}")
        try:
            return json_answer(await known(self, _read_wanted(await request.read())))
        except KeyError as error:
            raise ApiError(400, f"{error} is missing") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise ApiError(400, str(error)) from error

    async def state(self, _wanted: Json) -> Json:
        """Say what there is."""
        host = self.host
        return {
            "now": stamp_micro(host.clock.now_us()),
            "lived_to": stamp_micro(host.world.now_us),
            "is_stepped": host.clock.stepped,
            "is_warm": host.warm.is_set(),
            "scenario": host.world.settings.scenario.name,
            "seed": host.world.settings.seed,
            "resource_version": host.shelf.version,
            "followers": len(host.followers),
            "watchers": len(host.watchers),
            "faults": asdict(host.faults),
            "acts": names_of_acts(),
        }

    async def counts(self, _wanted: Json) -> Json:
        """Lines since the beginning of the history, dead ztunnels' included: `access` counts access log lines."""
        history = self.host.world.lifecycle.history
        logs = [
            {
                "node": pod.node.name if pod.node is not None else "",
                "pod": pod.name,
                "uid": pod.uid,
                "restarts": restarts,
                "written": log.written,
                "access": log.access,
                "first": log.first,
                "is_closed": log.closed,
            }
            for pod, restarts, log in history
        ]
        return {
            "written": sum(log.written for _, _, log in history),
            "access": sum(log.access for _, _, log in history),
            "overruns": self.host.overruns,
            "logs": logs,
        }

    async def faults(self, wanted: Json) -> Json:
        """Switch faults."""
        if wanted.get("gone"):
            self.host.shelf.compact()
        self.host.faults.set(wanted)
        self.host.ring_all()
        return asdict(self.host.faults)

    async def acts(self, wanted: Json) -> Json:
        """Let something happen now."""
        said = self.host.world.act(read_act(wanted))
        self.host.ring()
        return {"said": said}

    async def clock(self, wanted: Json) -> Json:
        """Step the clock."""
        host = self.host
        await host.warm.wait()
        to_us = read_stamp(wanted["to"]) if "to" in wanted else host.clock.now_us() + read_duration(wanted["by"])
        lines = await host.step(to_us)
        return {"now": stamp_micro(host.clock.now_us()), "lines": lines}

    async def tokens(self, wanted: Json) -> Json:
        """Let a user's credentials expire, or give it a new token."""
        user, what = wanted["user"], wanted["do"]
        if user not in ROLES or what not in ("expire", "renew"):
            raise ValueError(f"no user {user!r}, or neither expire nor renew: {what!r}")
        if what == "expire":
            self.host.accounts.expired.add(user)
            return {"user": user}
        token = self.host.accounts.renew(user)
        self.renewed()
        return {"user": user, "token": token}

    async def restarts(self, wanted: Json) -> Json:
        """Restart the API server; the cluster lives on."""
        for_s = float(wanted.get("for_s", 1.0))
        self.restart(for_s)
        return {"for_s": for_s}

    async def rotate(self, wanted: Json) -> Json:
        """Begin a new log file in a pod, as the kubelet does at 10 MiB."""
        history = self.host.world.lifecycle.history
        logs = [log for pod, _, log in history if pod.name == wanted["pod"] and not log.closed]
        if not logs:
            raise ValueError(f"no log of a pod {wanted['pod']!r}")
        for log in logs:
            log.rotate()
        return {"rotated": wanted["pod"]}

    async def compact(self, _wanted: Json) -> Json:
        """Forget old resource versions; open watches learn of it."""
        self.host.shelf.compact()
        self.host.ring_all()
        return {"resource_version": self.host.shelf.version}


def _read_wanted(body: bytes) -> Json:
    wanted = json.loads(body or b"{}")
    if not isinstance(wanted, dict):
        raise TypeError("the body is not an object")
    return wanted


_Act = Callable[[Control, Json], Awaitable[Json]]
_ASKED: dict[str, _Act] = {"": Control.state, "counts": Control.counts}
_DONE: dict[str, _Act] = {
    "faults": Control.faults,
    "acts": Control.acts,
    "clock": Control.clock,
    "tokens": Control.tokens,
    "restart": Control.restarts,
    "rotate": Control.rotate,
    "compact": Control.compact,
}
