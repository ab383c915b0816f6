"""What TARGET and --node mean while ztunnels, pods, dumps and peers become known one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from ztui.analysis.target import TargetError
from ztui.model.cluster import Pod, Ztunnel
from ztui.model.workload import Workload
from ztui.observers.live import targeting
from ztui.observers.live.fleet import Scope
from ztui.observers.live.options import LiveOptions
from ztui.observers.live.targeting import Targeting

ZTUNNELS = [Ztunnel(name=f"ztunnel-{n}", namespace="istio-system", node=f"w{n}", uid=f"z{n}") for n in (1, 2, 3)]


@dataclass
class Asked:
    """A Targeting at work, and what it has said."""

    options: LiveOptions
    scopes: list[Scope] = field(default_factory=list)
    dumps: int = 0

    def __post_init__(self) -> None:
        self.targeting = Targeting(self.options, narrow=self.scopes.append, need_dump=self._need_dump)
        self.task = asyncio.ensure_future(self.targeting.run())

    def _need_dump(self) -> None:
        self.dumps += 1

    async def settle(self) -> None:
        for _ in range(12):
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targeting, "PAUSE_S", 0.0)


@pytest.fixture
async def ask() -> AsyncIterator[type[Asked]]:
    yield Asked
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def pods(*wanted: tuple[str, str]) -> dict[str, Pod]:
    return {name: Pod(uid=name, name=name, namespace="default", node=node) for name, node in wanted}


async def test_without_a_target_everything_is_read_before_anything_is_known(ask: type[Asked]) -> None:
    asked = ask(LiveOptions())
    await asked.settle()
    assert asked.scopes == [Scope()]


async def test_a_pod_waits_for_the_pods_and_its_peers_join_later(ask: type[Asked]) -> None:
    asked = ask(LiveOptions(target="curl"))
    asked.targeting.know_ztunnels(ZTUNNELS)
    await asked.settle()
    assert asked.scopes == []
    asked.targeting.know_pods(pods(("curl", "w1"), ("web", "w3")), ())
    await asked.settle()
    about = frozenset({("default", "curl")})
    assert asked.scopes[-1] == Scope(nodes=frozenset({"w1"}), about=about)
    asked.targeting.know_peers(frozenset({("default", "web"), ("default", "unknown")}))
    await asked.settle()
    assert asked.scopes[-1] == Scope(nodes=frozenset({"w1", "w3"}), about=about)


async def test_a_pod_that_moved_is_followed_to_its_node_and_one_that_went_is_not_forgotten(ask: type[Asked]) -> None:
    asked = ask(LiveOptions(target="curl"))
    asked.targeting.know_ztunnels(ZTUNNELS)
    asked.targeting.know_pods(pods(("curl", "w1")), ())
    await asked.settle()
    asked.targeting.know_pods(pods(("curl", "w2")), ())
    await asked.settle()
    assert asked.scopes[-1].nodes == frozenset({"w2"})
    asked.targeting.know_pods({}, ("curl",))
    await asked.settle()
    assert asked.scopes[-1].nodes == frozenset({"w2"})
    assert not asked.task.done()


async def test_what_pods_do_not_tell_a_dump_is_asked_for(ask: type[Asked]) -> None:
    asked = ask(LiveOptions(target="service/web"))
    asked.targeting.know_ztunnels(ZTUNNELS)
    asked.targeting.told(pods=True)
    await asked.settle()
    assert asked.dumps == 1
    web = Workload(
        uid="cluster//Pod/default/web-1", name="web-1", namespace="default", node="w2",
        services=("default/web.default.svc.cluster.local",),
    )  # fmt: skip
    asked.targeting.know_workloads((web,))
    await asked.settle()
    assert asked.scopes[-1].nodes == frozenset({"w2"})


@pytest.mark.parametrize("target", ["nosuch", "service/nosuch", "node/w9"])
async def test_only_when_all_is_told_a_target_means_nothing(ask: type[Asked], target: str) -> None:
    asked = ask(LiveOptions(target=target))
    asked.targeting.know_ztunnels(ZTUNNELS)
    asked.targeting.told(pods=True)
    await asked.settle()
    assert not asked.task.done()
    asked.targeting.told(dump=True)
    await asked.settle()
    with pytest.raises(TargetError):
        await asked.task


async def test_nodes_are_read_and_one_without_a_ztunnel_is_refused(ask: type[Asked]) -> None:
    asked = ask(LiveOptions(nodes=("w1", "w2")))
    asked.targeting.know_ztunnels(ZTUNNELS)
    await asked.settle()
    assert asked.scopes == [Scope(nodes=frozenset({"w1", "w2"}))]
    refused = ask(LiveOptions(nodes=("w9",)))
    refused.targeting.know_ztunnels(ZTUNNELS)
    await refused.settle()
    with pytest.raises(TargetError, match="w9"):
        await refused.task


async def test_that_there_is_no_ztunnel_at_all_is_said_first(ask: type[Asked]) -> None:
    asked = ask(LiveOptions(target="curl"))
    asked.targeting.know_ztunnels([])
    await asked.settle()
    assert asked.scopes == [Scope()]
