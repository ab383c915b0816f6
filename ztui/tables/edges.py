"""The table of edges: flows aggregated by any of the keys of `--by`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztui import units
from ztui.tables.columns import (
    NOTHING,
    Align,
    Cell,
    Column,
    Context,
    Meaning,
    Table,
    number_column,
    text_column,
    time_cell,
)
from ztui.tables.documents import edge_document

if TYPE_CHECKING:
    from ztui.store.edges import EdgeRow

_BARS = "▁▂▃▄▅▆▇█"
_LEAST_RATE_PER_S = 0.01
"""Below this a rate says less than the count it is made of."""


def spark(values: tuple[float, ...]) -> str:
    """Draw a row of bars, the highest value the highest bar; nothing at all is the lowest."""
    top = max(values, default=0.0)
    if top <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[min(7, int(8 * value / top))] for value in values)


KEY_TITLES = {
    "src.workload": "from",
    "src.app": "from",
    "src.namespace": "from ns",
    "src.identity": "identity",
    "dst.service": "to",
    "dst.workload": "to",
    "dst.app": "to",
    "dst.namespace": "to ns",
    "dst.port": "port",
    "src.node": "from node",
    "dst.node": "to node",
    "src.zone": "from zone",
    "dst.zone": "to zone",
    "response_flag": "flag",
}
"""Titles of the keys of `--by`, where they differ from the key."""


_CLUSTER_DOMAIN = ".svc.cluster.local"


def short_service(hostname: str) -> str:
    """Leave out the domain that every service of an ordinary cluster shares: `reviews.default`, also before a port."""
    host, colon, port = hostname.partition(":")
    return host.removesuffix(_CLUSTER_DOMAIN) + colon + port


OTHER = "(other)"
"""Stands in the first column of the row that keeps the sums of edges that were forgotten."""


def _key_column(key: str, at: int) -> Column[EdgeRow]:
    def cell(row: EdgeRow, _: Context) -> Cell:
        text = row.group[at]
        if not text:
            return Cell(OTHER, Meaning.DIM) if not at and row.is_other else NOTHING
        return Cell(short_service(text) if key == "dst.service" else text, Meaning.NAME)

    return Column(
        key=key,
        title=KEY_TITLES.get(key, key),
        value=lambda row: row.group[at],
        cell=cell,
        width=28,
        min_width=8,
        priority=1,
        sort=key,
    )


def _failing_cell(row: EdgeRow, _: Context) -> Cell:
    """`✖ 0.4/s` while connections fail, `✖ 3 of 280` where that is long ago, `✖ denied` where all are refused."""
    if not row.failed:
        return Cell("·", Meaning.DIM)
    if row.denied == row.flows:
        return Cell("✖ denied", Meaning.ERROR)
    if row.failed_per_s >= _LEAST_RATE_PER_S:
        return Cell(f"✖ {units.format_rate(row.failed_per_s)}/s", Meaning.ERROR)
    return Cell(f"✖ {units.format_count(row.failed)} of {units.format_count(row.flows)}", Meaning.ERROR)


def _read_share(row: EdgeRow) -> float:
    return row.read_share


def edges_table(by: tuple[str, ...] = ("src.workload", "dst.service")) -> Table[EdgeRow]:
    """Make the table of edges for these keys of `--by`."""
    return Table(
        name="edges",
        columns=(
            *(_key_column(key, at) for at, key in enumerate(by)),
            number_column("flows", "flows", lambda r: r.flows, width=6, priority=3),
            number_column("rate", "/s", lambda r: r.rate_per_s, form=units.format_rate, zero="·", width=6, priority=2),
            Column(
                key="trend",
                title="trend",
                value=lambda r: spark(r.trend),
                cell=lambda r, _: Cell(spark(r.trend), Meaning.ACCENT),
                width=10,
                min_width=4,
                priority=6,
            ),
            Column(
                key="failing",
                title="fail",
                value=lambda r: r.failed,
                cell=_failing_cell,
                width=9,
                min_width=6,
                align=Align.RIGHT,
                priority=2,
                sort="failed",
            ),
            number_column("failed", "failed", lambda r: r.failed, meaning=Meaning.ERROR, zero="·", width=6, wide=True),
            number_column("denied", "denied", lambda r: r.denied, meaning=Meaning.ERROR, zero="·", width=6, wide=True),
            number_column(
                "sent", "⇡sent", lambda r: r.bytes_sent, form=units.format_bytes, read_share=_read_share, priority=4
            ),
            number_column(
                "recv", "⇣recv", lambda r: r.bytes_recv, form=units.format_bytes, read_share=_read_share, priority=4
            ),
            number_column(
                "p50", "p50", lambda r: r.p50, form=units.format_duration_ms, read_share=_read_share, priority=5
            ),
            number_column(
                "p99", "p99", lambda r: r.p99, form=units.format_duration_ms, read_share=_read_share, priority=5
            ),
            Column(
                key="last",
                title="last",
                value=lambda r: r.last_seen,
                cell=lambda r, c: time_cell(r.last_seen, c),
                width=11,
                priority=7,
                sort="last",
                wide=True,
            ),
            text_column("error", "last error", lambda r: r.last_error, meaning=Meaning.ERROR, width=40, wide=True),
        ),
        row_key=lambda row: "\x1f".join([value or "" for value in row.group]),
        row_name=lambda row: "edge/" + "/".join([value or "" for value in row.group[: len(by)]]),
        document=lambda row: edge_document(row, by),
        is_problem=lambda row: row.failed > 0,
        default_sort="flows",
    )


EDGES: Table[EdgeRow] = edges_table()
