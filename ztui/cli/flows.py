"""`flows`: connections that ended. Halves are not paired yet: each is printed as a flow of its own, and says so."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ztui.cli.streaming import RowStream, stream
from ztui.model.accesslog import entry_at
from ztui.model.flow import Direction, EntryBatch, Flow
from ztui.tables.flows import FLOWS

if TYPE_CHECKING:
    from ztui.cli.parser import Invocation


def run(invocation: Invocation) -> int:
    """Print flows: once, or with -f as they come."""
    rows = _Halves(invocation.settings, FLOWS, _flow_at)
    return stream(invocation, rows, wants=lambda shape: not shape.is_opened)


class _Halves(RowStream[Flow]):
    """Says once, as soon as there is anything to say it of, that halves are not paired."""

    _is_said = False

    def write(self, batch: EntryBatch, order: Sequence[int]) -> None:
        """Write these rows of a batch."""
        if order and not self._is_said:
            self._is_said = True
            print("Halves are not paired: a connection that two ztunnels reported is printed twice.", file=sys.stderr)
        super().write(batch, order)


def _flow_at(batch: EntryBatch, i: int) -> Flow:
    entry = entry_at(batch, i)
    is_inbound = entry.shape.direction == Direction.INBOUND
    return Flow(inbound=entry) if is_inbound else Flow(outbound=entry)
