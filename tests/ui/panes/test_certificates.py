"""Certificates say whether what is overdue points at one ztunnel or at the CA."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.feed import START, Fed
from tests.tables.test_nodewise import chain
from tests.ui.scene import capture, make_app
from tests.ui.test_why import squeezed
from ztui.tables.nodewise import certificate_rows
from ztui.ui.panes.certificates import where_overdue

FRESH, LATE, EXPIRED = 1.0, 15.0, 30.0


@pytest.mark.parametrize(
    ("hours_by_node", "says"),
    [
        ({"w1": FRESH, "w2": FRESH}, None),
        ({"w1": LATE, "w2": FRESH}, "1 identity overdue or expired, on w1 alone: looks like that node's ztunnel"),
        ({"w1": LATE, "w2": EXPIRED}, "1 identity overdue or expired on every node: looks like the CA"),
        ({"w1": LATE}, "with one node alone its ztunnel and the CA cannot be told apart"),
        ({"w1": LATE, "w2": EXPIRED, "w3": FRESH}, "on 2 of 3 nodes (w1, w2)"),
    ],
)
def test_nodes_are_compared(hours_by_node: dict[str, float], says: str | None) -> None:
    fed = Fed()
    for node, hours in hours_by_node.items():
        certificates: list[dict[str, Any]] = [chain(hours)]
        fed.dump(node, certificates=certificates)
    said = where_overdue(certificate_rows(fed.mesh, START))
    assert (said == []) if says is None else (says in said[0])


async def test_what_is_compared_stands_under_the_rows() -> None:
    app = make_app(capture(), pane="certificates")
    app.stage.clock.advance(40 * 365 * 86_400)  # type: ignore[attr-defined]
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert "overdue or expired on every node: looks like the CA (istiod)" in squeezed(app)
