"""Saving and copying what is shown: the same text the commands without a screen print."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ztui.errors import UsageError
from ztui.tables import render

if TYPE_CHECKING:
    from ztui.ui.panes.pane import Pane
    from ztui.ui.stage import Stage


def proposed_name(pane: str, now: float) -> str:
    """Propose a file name that says what and when."""
    return f"ztui-{pane}-{datetime.fromtimestamp(now, tz=UTC):%Y%m%dT%H%M%SZ}.txt"


def documents_text(documents: Sequence[Mapping[str, object]]) -> str:
    """Write rows as JSON."""
    return "\n".join(json.dumps(document, indent=2, ensure_ascii=False) for document in documents)


def table_text(pane: Pane, stage: Stage) -> str:
    """Write every row of the active table, as `-o table` does."""
    table = pane.table
    if table is None:
        return pane.plain_text()
    rows = table.view.page(0, table.view.count)
    return "\n".join(render.lines(table.table, rows, "wide" if table.is_wide else "table", stage.context())) + "\n"


def save(path: str, text: str) -> str:
    """Write a new file that only its owner may read; its path. Raises UsageError."""
    if not path:
        raise UsageError("No file was named.", "Type a name, or press Esc.")
    target = Path(path).expanduser()
    try:
        # Cluster data is nobody else's business, and an existing file is never overwritten.
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as refused:
        raise UsageError(f"{target} cannot be written: {refused.strerror}.", "Choose another name.") from refused
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")
    return str(target)
