"""What all of the API's answers share: the world, its clock, the shelf, the users, and who waits for news."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ztui.simulator.api.access import Accounts
from ztui.simulator.api.shelf import Shelf
from ztui.simulator.clock import SECOND, WorldClock
from ztui.simulator.cluster import Pod
from ztui.simulator.faults import Faults
from ztui.simulator.logfile import LogFile
from ztui.simulator.podports import PodPorts
from ztui.simulator.world import World

_LINES_AT_ONCE = 150
"""About so many lines are written before requests get their turn: some milliseconds."""
_SLICES_UNHEARD = 20
"""After so many followers are woken, however far behind the world is: their logs hold only so much."""


@dataclass(slots=True, eq=False)
class Follower:
    """One open log stream: the file it reads, the line it reads next, and the bell that wakes it."""

    pod: Pod
    log: LogFile
    number: int
    bell: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class Host:
    """The running simulation as the API sees it."""

    world: World
    clock: WorldClock
    accounts: Accounts = field(default_factory=Accounts)
    faults: Faults = field(default_factory=Faults)
    shelf: Shelf = field(init=False)
    ports: PodPorts = field(init=False)
    followers: set[Follower] = field(default_factory=set)
    watchers: set[asyncio.Event] = field(default_factory=set)
    warm: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the history has been lived through."""
    overruns: int = 0
    """Lines that fell off a log before a slow follower had read them."""

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.world.cluster)
        self.ports = PodPorts(self.world, self.faults)
        self.shelf.on_change.append(self._ring_watchers)

    async def live(self, tick_s: float) -> None:
        """Live through the history in small slices, then keep up with the clock until cancelled."""
        await self._catch_up(self.world.settings.start_us)
        self.warm.set()
        while True:
            if not self.clock.stepped:
                await self._catch_up(self.clock.now_us())
            await asyncio.sleep(tick_s)

    async def step(self, to_us: int) -> int:
        """Move a stepped clock, live up to it, and say how many lines were written."""
        self.clock.step_to(to_us)
        written = self.world.advance(to_us)
        self.ring()
        return written

    def ring(self) -> None:
        """Wake the followers for whom there is something to read, or nothing any more."""
        for follower in self.followers:
            if follower.log.written != follower.number or follower.log.closed:
                follower.bell.set()

    def ring_all(self) -> None:
        """Wake everybody who waits, because the rules have changed."""
        for follower in self.followers:
            follower.bell.set()
        self._ring_watchers()

    async def _catch_up(self, to_us: int) -> None:
        """Live up to a time in slices. Waking followers for each would cost more than their lines do."""
        slice_us = int(_LINES_AT_ONCE / max(self.world.settings.rate, 1.0) * SECOND)
        slices = 0
        while self.world.now_us < to_us:
            self.world.advance(min(self.world.now_us + slice_us, to_us))
            slices += 1
            if slices % _SLICES_UNHEARD == 0:
                self.ring()
            await asyncio.sleep(0)
        self.ring()

    def _ring_watchers(self) -> None:
        for bell in self.watchers:
            bell.set()
