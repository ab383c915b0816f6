"""Workloads (2): as the ztunnels see them, and how many of these agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ztui.store.mesh import Topic
from ztui.tables.holdings import WORKLOADS, WorkloadRow, workload_rows
from ztui.ui.panes.dumppane import DumpPane
from ztui.ui.panes.fields import WORKLOAD_FIELDS

if TYPE_CHECKING:
    from ztui.ui.stage import Stage


class WorkloadsPane(DumpPane[WorkloadRow]):
    """One row per workload."""

    NAME: ClassVar[str] = "workloads"
    TITLE: ClassVar[str] = "Workloads"
    SHORT: ClassVar[str] = "Work"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "Every workload the ztunnels hold, as most of them do. `held by 3/3`: so many of those that answered hold it.",
        """Captured says that no source contradicts it (label, annotation, the ztunnel's own state): iptables are in
        none of them, so it is no proof.""",
    )

    def __init__(self, stage: Stage) -> None:
        mesh = stage.mesh
        super().__init__(
            stage, WORKLOADS, lambda: workload_rows(mesh), Topic.DUMPS, Topic.CLUSTER, fields=WORKLOAD_FIELDS
        )

    def workload(self) -> str | None:
        """Name the row."""
        return self.row.workload.name if self.row is not None else None

    def service(self) -> str | None:
        """Name the first service it belongs to."""
        services = self.row.workload.services if self.row is not None else ()
        return services[0].partition("/")[2] if services else None
