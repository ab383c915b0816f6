"""Services (4): VIPs, ports, endpoints by the honest denominator, waypoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ztui.store.mesh import Topic
from ztui.tables.holdings import SERVICES, ServiceRow, service_rows
from ztui.ui.panes.dumppane import DumpPane
from ztui.ui.panes.fields import SERVICE_FIELDS

if TYPE_CHECKING:
    from ztui.ui.stage import Stage


class ServicesPane(DumpPane[ServiceRow]):
    """One row per service."""

    NAME: ClassVar[str] = "services"
    TITLE: ClassVar[str] = "Services"
    SHORT: ClassVar[str] = "Svc"
    ABOUT: ClassVar[tuple[str, ...]] = (
        """Endpoints are healthy of all: ztunnel drops unhealthy ones from a service, so all are counted by the
        workloads that say they belong to it.""",
        "i shows how the connections to the service under the cursor spread over its backends.",
    )

    def __init__(self, stage: Stage) -> None:
        mesh = stage.mesh
        super().__init__(stage, SERVICES, lambda: service_rows(mesh), Topic.DUMPS, fields=SERVICE_FIELDS)

    def service(self) -> str | None:
        """Name the row."""
        return self.row.service.hostname if self.row is not None else None
