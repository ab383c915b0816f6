"""A cluster that does not exist, moving through time: seeded, repeatable, and steppable."""

from __future__ import annotations

from dataclasses import dataclass

from ztui.simulator import acts, names
from ztui.simulator.bookinfo import Founder
from ztui.simulator.certificates import Authority
from ztui.simulator.clock import HOUR, MINUTE, SECOND
from ztui.simulator.cluster import Cluster
from ztui.simulator.lifecycle import Lifecycle
from ztui.simulator.logfile import LogFile
from ztui.simulator.scenario import Act, Scenario
from ztui.simulator.schedule import Schedule
from ztui.simulator.traffic import Traffic
from ztui.simulator.ztunnel import Ztunnel

_HISTORY_LINES = 60_000
_LOG_BYTES = 192 << 20
"""What all logs together are to stay below, as long as each may hold 512 KiB; a kubelet's own limit is 10 MiB each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSettings:
    """What the world is like. `start_us` is when it is first looked at; its history lies before."""

    start_us: int
    scenario: Scenario
    nodes: int = 3
    pods: int | None = None
    rate: float = 45.0
    """Log lines a second, all ztunnels together."""
    seed: int = 1
    versions: tuple[str, ...] = ("1.31",)
    json_log: bool = False
    history_us: int = 10 * MINUTE


class World:
    """Everything there is in the cluster, and the way to move it forward."""

    def __init__(self, settings: WorldSettings) -> None:
        self.settings = settings
        history_us = min(settings.history_us, int(_HISTORY_LINES / max(settings.rate, 1e-9) * SECOND))
        self.began_us = settings.start_us - history_us
        self.cluster = Cluster()
        self.schedule = Schedule(self.began_us)
        self.ztunnels: dict[str, Ztunnel] = {}
        founder = Founder(self.cluster, names.generator(settings.seed, "founder"), settings.start_us)
        self.traffic = Traffic(
            self.cluster, self.ztunnels, self.schedule, names.generator(settings.seed, "traffic"), settings.rate
        )
        self.traffic.lanes = founder.found(settings.nodes, settings.pods)
        self.authority = Authority(
            names.generator(settings.seed, "authority"), (settings.start_us // SECOND) * SECOND - 90 * 24 * HOUR
        )
        self.lifecycle = Lifecycle(
            cluster=self.cluster,
            schedule=self.schedule,
            traffic=self.traffic,
            ztunnels=self.ztunnels,
            authority=self.authority,
            draw=names.generator(settings.seed, "lifecycle"),
            versions=settings.versions,
            json_log=settings.json_log,
            log_limit_bytes=max(min(10 << 20, _LOG_BYTES // settings.nodes), 512 << 10),
        )
        self.lifecycle.populate(self.began_us)
        self.traffic.start(self.began_us)
        self._plan_acts()

    @property
    def now_us(self) -> int:
        """The time up to which everything has happened."""
        return self.schedule.now_us

    def advance(self, to_us: int) -> int:
        """Let everything up to `to_us` happen and say how many log lines were written by it."""
        before = self.lines_written()
        self.schedule.run(to_us)
        return self.lines_written() - before

    def lines_written(self) -> int:
        """Physical log lines of all ztunnels, dead ones included, since the beginning of the history."""
        return sum(log.written for _, _, log in self.lifecycle.history)

    def log_of(self, pod_uid: str, *, previous: bool = False) -> LogFile | None:
        """Find the log of a pod's container, or of its last dead one."""
        return (self.lifecycle.previous_logs if previous else self.lifecycle.logs).get(pod_uid)

    def ztunnel_of(self, pod_uid: str) -> Ztunnel | None:
        """Find the ztunnel that runs in this pod."""
        return next((one for one in self.ztunnels.values() if one.pod.uid == pod_uid), None)

    def act(self, act: Act) -> str:
        """Let an act happen now, once, to the first it names; says what happened."""
        return acts.perform(self.lifecycle, self.now_us, act, 0)

    def _plan_acts(self) -> None:
        for act in self.settings.scenario.acts:
            first = self.settings.start_us + act.at_us
            turn = 0
            while act.every_us and first < self.began_us:
                first, turn = first + act.every_us, turn + 1
            if first >= self.began_us:
                self.schedule.at(first, self._happen, act, turn)

    def _happen(self, at_us: int, act: Act, turn: int) -> None:
        acts.perform(self.lifecycle, at_us, act, turn)
        if act.every_us:
            self.schedule.at(at_us + act.every_us, self._happen, act, turn + 1)
