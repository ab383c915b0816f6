"""The panes, one small module each, by name in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ztui.ui.panes.balance import BalancePane
from ztui.ui.panes.certificates import CertificatesPane
from ztui.ui.panes.connections import ConnectionsPane
from ztui.ui.panes.flows import FlowsPane
from ztui.ui.panes.health import HealthPane
from ztui.ui.panes.overview import OverviewPane
from ztui.ui.panes.policies import PoliciesPane
from ztui.ui.panes.sentences import DriftPane, RolloutPane
from ztui.ui.panes.services import ServicesPane
from ztui.ui.panes.workloads import WorkloadsPane

if TYPE_CHECKING:
    from ztui.ui.panes.pane import Pane
    from ztui.ui.stage import Stage

PANES: Mapping[str, Callable[[Stage], Pane]] = {
    OverviewPane.NAME: OverviewPane,
    FlowsPane.NAME: FlowsPane,
    WorkloadsPane.NAME: WorkloadsPane,
    CertificatesPane.NAME: CertificatesPane,
    ServicesPane.NAME: ServicesPane,
    PoliciesPane.NAME: PoliciesPane,
    ConnectionsPane.NAME: ConnectionsPane,
    DriftPane.NAME: DriftPane,
    RolloutPane.NAME: RolloutPane,
    HealthPane.NAME: HealthPane,
    BalancePane.NAME: BalancePane,
}
