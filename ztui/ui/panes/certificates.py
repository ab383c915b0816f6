"""Certificates (3): identity × node, judged by their dates, the most urgent first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from ztui import units
from ztui.store.mesh import Topic
from ztui.tables.columns import Cell, Column, Context, Meaning, Table
from ztui.tables.nodewise import CERTIFICATES, CertificateRow, certificate_rows
from ztui.ui.panes.dumppane import DumpPane
from ztui.ui.panes.fields import CERTIFICATE_FIELDS
from ztui.ui.widgets.bars import gauge

if TYPE_CHECKING:
    from ztui.ui.stage import Stage

_GAUGE_WIDTH = 14
_RENEWAL = 0.5


def _gauge_cell(row: CertificateRow, _: Context) -> Cell:
    if row.status.elapsed is None:
        return Cell("")
    meaning = Meaning.WARN if row.status.is_problem else Meaning.ACCENT
    return Cell(gauge(row.status.elapsed, _GAUGE_WIDTH, mark=_RENEWAL), meaning)


def with_gauge(table: Table[CertificateRow]) -> Table[CertificateRow]:
    """Add a column that draws how much of a certificate's life is over, with a mark where it is renewed."""
    column: Column[CertificateRow] = Column(
        key="life",
        title="life · renewal at │",
        value=lambda row: row.status.elapsed,
        cell=_gauge_cell,
        width=_GAUGE_WIDTH,
        min_width=_GAUGE_WIDTH,
        priority=5,
        sort="life",
    )
    at = table.keys.index("renewal") + 1
    return replace(table, columns=(*table.columns[:at], column, *table.columns[at:]))


class CertificatesPane(DumpPane[CertificateRow]):
    """One row per identity and node."""

    NAME: ClassVar[str] = "certificates"
    TITLE: ClassVar[str] = "Certificates"
    SHORT: ClassVar[str] = "Cert"
    ABOUT: ClassVar[tuple[str, ...]] = (
        """ztunnel renews a certificate at half of its life. Its own word stays Available while renewals fail, and with
        a CA that never answers even past expiry; so the verdict here goes by the dates.""",
        "Overdue ones stand first. Identities that are overdue on one node only point at that node's ztunnel.",
    )

    def __init__(self, stage: Stage) -> None:
        mesh = stage.mesh
        super().__init__(
            stage,
            with_gauge(CERTIFICATES),
            lambda: certificate_rows(mesh, stage.now),
            Topic.DUMPS,
            fields=CERTIFICATE_FIELDS,
            every_second=True,
        )

    def heading(self) -> str:
        """Say what is worst, and when the first one expires."""
        rows = self.asked.rows()
        bad = [row for row in rows if row.status.is_problem]
        left = [row.status.not_after - self.stage.now for row in rows if row.status.not_after is not None]
        words = [f"Certificates · {len(bad)} of {len(rows)} need attention" if rows else "Certificates"]
        if left and min(left) > 0:
            words.append(f"the first expires in {units.format_age(min(left))}")
        return " · ".join(words)
