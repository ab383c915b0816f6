"""More is written than can be read: detail goes in steps and comes back, and what is counted stays exact."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from tests.observers.live.simulated import ROOT
from ztui.clock import SystemClock
from ztui.kube.client import Client
from ztui.kube.credentials import Credentials
from ztui.kube.kubeconfig import ClusterAccess, Secret, Token
from ztui.kube.logtypes import LogTarget
from ztui.model.observation import Deliver, Detail, Shed, Wish
from ztui.observers.live.following import follow
from ztui.observers.live.logs import Wanted
from ztui.observers.live.mailbox import Mailbox
from ztui.observers.live.options import LiveOptions
from ztui.session import Session
from ztui.store.mesh import Mesh

STREAMS, FAST, SLOW = 16, 500_000, 2_000
FAST_FOR_S = 8.0


class Following:
    """The live observer's *follow* side, told what to follow; *ask* carries words to the flood and back."""

    title, is_finite, is_saved, is_unverified = "flood", False, False, False

    def __init__(self, access: ClusterAccess, clock: SystemClock) -> None:
        self._access, self._clock = access, clock
        self._wanted: Mailbox[Wanted] = Mailbox()
        self._detail: Mailbox[Detail] = Mailbox()
        self.question: str | None = None
        self._answers: list[bytes] = []

    def _client(self) -> Client:
        return Client(self._access, Credentials(self._access, self._clock), clock=self._clock)

    async def follow(self, deliver: Deliver) -> None:
        targets = [LogTarget(uid=f"u{i}", namespace="ns", pod=f"p{i}", container="c") for i in range(STREAMS)]
        self._wanted.put(Wanted(targets=tuple(targets), nodes={target.uid: "w1" for target in targets}))
        async with self._client() as client:
            await follow(
                client, LiveOptions(since_s=None), deliver, Random(1), wanted=self._wanted, peers=Mailbox(),
                detail=self._detail,
            )  # fmt: skip

    async def ask(self, deliver: Deliver) -> None:
        async with self._client() as client:
            while True:
                question, self.question = self.question, None
                if question is not None:
                    answer = await client.get(question, client.asked("the flood"), timeout_s=60.0)
                    self._answers.append(answer.body)
                await asyncio.sleep(0.01)

    def take_answer(self) -> bytes | None:
        return self._answers.pop() if self._answers else None

    def wish(self, wish: Wish) -> None:
        if isinstance(wish, Shed):
            self._detail.put(wish.detail)


class Screen:
    """Takes in as the screen does: by slices, from tick to tick."""

    def __init__(self, access: ClusterAccess) -> None:
        clock = SystemClock()
        self.mesh = Mesh(clock=clock)
        self._observer = Following(access, clock)
        self.session = Session(self._observer, self.mesh, clock)
        self.steps: list[Detail] = []

    def turn(self) -> None:
        time.sleep(self.session.take_in() or 0.1)
        assert self.session.failure is None, self.session.failure
        if self.steps[-1:] != [self.session.detail]:
            self.steps.append(self.session.detail)

    def turn_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.turn()

    def turn_until_all_is_read_whole(self) -> None:
        until = time.monotonic() + 150.0
        while self.session.detail is not Detail.FULL and time.monotonic() < until:
            self.turn()

    def ask(self, path: str) -> dict[str, int]:
        self._observer.question = path
        while (answer := self._observer.take_answer()) is None:
            self.turn()
        told: dict[str, int] = json.loads(answer)
        return told


@contextmanager
def flood() -> Iterator[ClusterAccess]:
    words = [sys.executable, "-m", "tests.road.flood", str(STREAMS), str(FAST), str(SLOW)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        try:
            yield ClusterAccess(
                context="flood", server=told["server"], authority=told["authority"].encode(),
                auth=Token(token=Secret("token")),
            )  # fmt: skip
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_detail_goes_and_comes_back_and_every_line_is_counted() -> None:
    with flood() as access:
        screen = Screen(access)
        screen.session.start()
        try:
            screen.turn_for(3.0)
            assert screen.steps == [Detail.FULL]
            screen.ask(f"/fast?for_s={FAST_FOR_S}")
            screen.turn_for(FAST_FOR_S)
            screen.turn_until_all_is_read_whole()
            screen.turn_for(1.0)
            screen.ask("/end")
            screen.turn_for(3.0)
            written = screen.ask("/written")
        finally:
            screen.session.stop()
    lines, mesh = screen.mesh.lines, screen.mesh
    assert screen.steps[:3] == [Detail.FULL, Detail.NO_HISTORY, Detail.SAMPLED]
    assert screen.steps[-1] is Detail.FULL
    assert lines.received == written["lines"]
    assert lines.adds_up
    if Detail.SKIP in screen.steps:  # what was dropped is said
        assert any(row.gap_count for row in mesh.streams)
        return
    backends = {row.keys["dst.workload"]: row.flows for row in mesh.edges.rows(("dst.workload",))}
    assert backends == {name.removeprefix("of "): flows for name, flows in written.items() if name.startswith("of ")}
    assert sum(row.failed for row in mesh.edges.rows(("verdict",))) == written["failed"]
    assert any(row.read_share < 1.0 for row in mesh.edges.rows(("dst.workload",)))
