"""`-l` on the screen: what pods with these labels take part in, and nothing said of labels that nobody can see."""

from __future__ import annotations

import pytest

from tests.ui.scene import capture, make_app
from tests.ui.test_why import REMEDY, denied, squeezed
from ztui.cli.filters import flow_filter
from ztui.model.cluster import Pod
from ztui.model.observation import ClusterChanged, Observation
from ztui.model.streams import StreamKind
from ztui.settings import Settings
from ztui.ui.app import ZtuiApp
from ztui.ui.stage import Stage


def selected(selector: str, pane: str, *more: Observation) -> ZtuiApp:
    """A screen that was started with -l."""
    first = make_app([*capture(), *more], pane=pane)
    stage = first.stage
    again = Stage(
        mesh=stage.mesh, clock=stage.clock, settings=stage.settings, title="kind-ambient", is_finite=True,
        window_index=stage.window_index, scope=flow_filter(Settings(selector=selector)),
    )  # fmt: skip
    return ZtuiApp(again, first.feed, ticks=False)


def pods_of(app: ZtuiApp) -> ClusterChanged:
    """Kubernetes' pods of the capture's workloads, labelled by their apps."""
    workloads = [row.item for row in app.stage.mesh.inventory.workloads if row.item.is_pod]
    pods = tuple(
        Pod(uid=w.name, name=w.name, namespace=w.namespace, node=w.node, labels={"app": w.name.split("-")[0]})
        for w in workloads
    )
    return ClusterChanged(resource="pods", changed=pods, replaces_all=True)


@pytest.mark.parametrize("pane", ["flows", "workloads"])
async def test_only_what_its_pods_take_part_in_is_shown(pane: str) -> None:
    app = selected("app=locked", pane)
    app.stage.mesh.ingest(pods_of(app))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        shown = squeezed(app)
        assert "labelled app=locked" in shown
        assert "locked" in shown.replace("labelled app=locked", "")
        assert "ratings" not in shown


async def test_labels_nobody_can_see_match_nothing_and_the_pane_says_why() -> None:
    what = "You may not list pods in all namespaces"
    app = selected("app=locked", "workloads", denied(StreamKind.WATCH, "pods", what))
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        shown = squeezed(app)
        assert "The labels of no pod are known" in shown
        assert what in shown
        assert REMEDY in shown
        assert "Nothing matches" not in shown
