"""Certificates (3): identity × node, judged by their dates, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from ztui import units
from ztui.analysis.certificates import CertificateVerdict
from ztui.store.mesh import Topic
from ztui.tables.columns import Cell, Column, Context, Meaning, Table
from ztui.tables.nodewise import CERTIFICATES, CertificateRow, certificate_rows
from ztui.ui.looks import Line, Span, line
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


def where_overdue(rows: Sequence[CertificateRow]) -> list[str]:
    """Compare nodes: a CA that is silent is missed by all of them, a ztunnel that does not ask only by its own."""
    late = (CertificateVerdict.OVERDUE, CertificateVerdict.EXPIRED)
    nodes = {row.held.node or row.held.ztunnel for row in rows}
    bad = [row for row in rows if row.status.verdict in late]
    bad_nodes = {row.held.node or row.held.ztunnel for row in bad}
    if not bad:
        return []
    identities = len({row.status.identity for row in bad})
    what = f"{identities} identit{'y' if identities == 1 else 'ies'} overdue or expired"
    if len(nodes) == 1:
        return [f"{what}; with one node alone its ztunnel and the CA cannot be told apart."]
    if bad_nodes == nodes:
        return [f"{what} on every node: looks like the CA (istiod) or the way to it, not one ztunnel."]
    if len(bad_nodes) == 1:
        return [f"{what}, on {bad_nodes.pop()} alone: looks like that node's ztunnel, not the CA."]
    return [f"{what}, on {len(bad_nodes)} of {len(nodes)} nodes ({', '.join(sorted(bad_nodes)[:4])})."]


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

    def notes(self) -> Sequence[Line]:
        """Say whether what is overdue points at one node's ztunnel or at the CA."""
        return [line(" ", Span("!", "warn"), f" {text}") for text in where_overdue(self.asked.rows())]

    def heading(self) -> str:
        """Say what is worst, and when the first one expires."""
        rows = self.asked.rows()
        bad = [row for row in rows if row.status.is_problem]
        left = [row.status.not_after - self.stage.now for row in rows if row.status.not_after is not None]
        words = [f"Certificates · {len(bad)} of {len(rows)} need attention" if rows else "Certificates"]
        if left and min(left) > 0:
            words.append(f"the first expires in {units.format_age(min(left))}")
        return " · ".join(words)
