"""The rows around a pane give up words before they give up facts."""

from __future__ import annotations

from tests.ui.stand_ins import OneWidget, shown
from ztui.keys import footer
from ztui.ui.looks import Span
from ztui.ui.widgets.rows import FooterRow, Part, StatusRow, Tab, TabsRow


async def test_status_leaves_out_the_least_important() -> None:
    row = StatusRow()
    async with OneWidget(row).run_test(size=(60, 1)) as pilot:
        row.show(
            [Part((Span("ztui"),), 8), Part((Span("●●◐"),), 1), Part((Span("kind-ambient"),), 4)], (Span("14:07:31"),)
        )
        assert shown(row)[0].split() == ["ztui", "●●◐", "kind-ambient", "14:07:31"]
        await pilot.resize_terminal(20, 1)
        assert shown(row)[0].split() == ["●●◐", "14:07:31"]
        await pilot.resize_terminal(1, 1)


async def test_tabs_become_shorter_and_count_problems() -> None:
    row = TabsRow()
    tabs = [
        Tab(name="flows", key="1", title="Flows", short="Flo", problems=2),
        Tab(name="certificates", key="3", title="Certificates", short="Cert"),
    ]
    async with OneWidget(row).run_test(size=(60, 1)) as pilot:
        row.show(tabs, "flows")
        assert shown(row)[0] == " 1 Flows ✖2  3 Certificates"
        await pilot.resize_terminal(24, 1)
        assert shown(row)[0] == " 1 Flows ✖2  3 Cert"
        await pilot.resize_terminal(16, 1)
        assert shown(row)[0] == " 1 Flows ✖2  3"


async def test_footer_keeps_help() -> None:
    row = FooterRow()
    async with OneWidget(row).run_test(size=(120, 1)) as pilot:
        row.show(footer())
        assert shown(row)[0].startswith(" / filter   Enter detail")
        await pilot.resize_terminal(20, 1)
        assert shown(row)[0].split() == ["/", "filter", "?", "help"]
        row.show(footer(), (Span("Copied."),))
        assert shown(row)[0] == " Copied."
