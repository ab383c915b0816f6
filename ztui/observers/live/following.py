"""The *follow* side of a live cluster: the logs that *ask* has found to be wanted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ztui.observers.live.logs import LogReading, Peers, log_fleet

if TYPE_CHECKING:
    from random import Random

    from ztui.analysis.target import PodName
    from ztui.kube.client import Client
    from ztui.kube.fleet import LogFleet
    from ztui.model.observation import Deliver, Detail
    from ztui.observers.live.logs import Wanted
    from ztui.observers.live.mailbox import Mailbox
    from ztui.observers.live.options import LiveOptions


async def follow(
    client: Client, options: LiveOptions, deliver: Deliver, rng: Random, *, wanted: Mailbox[Wanted],
    peers: Mailbox[frozenset[PodName]], detail: Mailbox[Detail],
) -> None:  # fmt: skip
    """Follow what is wanted until cancelled; `peers` is told with whom the target's pods have connections."""
    reading = LogReading(deliver, client.clock, Peers(peers.put), rng)
    fleet = log_fleet(client, reading, options, rng)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fleet.run())
        tasks.create_task(_take_orders(fleet, reading, wanted))
        tasks.create_task(_take_detail(reading, detail))


async def _take_orders(fleet: LogFleet, reading: LogReading, wanted: Mailbox[Wanted]) -> None:
    while True:
        order = await wanted.take()
        reading.know(order)
        fleet.follow(order.targets)


async def _take_detail(reading: LogReading, detail: Mailbox[Detail]) -> None:
    while True:
        reading.shed(await detail.take())
