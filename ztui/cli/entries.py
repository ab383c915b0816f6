"""`entries`: access log entries as the ztunnels wrote them, one half of a connection each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztui.cli.streaming import RowStream, stream
from ztui.model.accesslog import entry_at
from ztui.tables.entrylines import EntryLines
from ztui.tables.flows import ENTRIES

if TYPE_CHECKING:
    from ztui.cli.parser import Invocation


def run(invocation: Invocation) -> int:
    """Print entries: once, or with -f as they come."""
    return stream(invocation, RowStream(invocation.settings, ENTRIES, entry_at, EntryLines().write))
