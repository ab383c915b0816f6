"""Connections (6): open now, by the dumps; first seen by us."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ztui import units
from ztui.store.mesh import Topic
from ztui.tables.nodewise import CONNECTIONS, ConnectionRow, connection_rows
from ztui.ui.panes.dumppane import DumpPane
from ztui.ui.panes.fields import CONNECTION_FIELDS

if TYPE_CHECKING:
    from ztui.ui.stage import Stage


class ConnectionsPane(DumpPane[ConnectionRow]):
    """One row per open connection."""

    NAME: ClassVar[str] = "connections"
    TITLE: ClassVar[str] = "Connections"
    SHORT: ClassVar[str] = "Conn"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "Connections that were open when their ztunnel was last asked. No source tells the bytes of an open one.",
        """First seen is ours: a dump does not know how old a connection is. An inbound row stands for all streams of
        one tunnel to one address.""",
    )

    def __init__(self, stage: Stage) -> None:
        mesh = stage.mesh
        super().__init__(stage, CONNECTIONS, lambda: connection_rows(mesh), Topic.DUMPS, fields=CONNECTION_FIELDS)

    def heading(self) -> str:
        """Say how old the oldest answer is."""
        age = self.stage.mesh.inventory.oldest_age_s(self.stage.now)
        return "Connections open now" + (f" · dumps up to {units.format_age(age)} old" if age is not None else "")

    def workload(self) -> str | None:
        """Name the ztunnel's own pod."""
        return self.row.open.connection.name if self.row is not None else None

    def service(self) -> str | None:
        """Name the service, where one is known."""
        return (self.row.service or "").partition(":")[0] or None if self.row is not None else None
