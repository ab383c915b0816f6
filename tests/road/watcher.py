"""The screen on a cluster, in a process of its own, telling a file what has been counted so far.

`python -m tests.road.watcher KUBECONFIG FILE`: the program is what `ztui` runs, a thread of the test looks on.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

from ztui.cli.observing import make_observer
from ztui.clock import SystemClock
from ztui.session import Session
from ztui.settings import Settings
from ztui.store.mesh import Mesh
from ztui.ui.stage import Stage
from ztui.ui.terminal import claim_terminal

DAY_S = 86_400.0


def tell(mesh: Mesh, session: Session, path: Path) -> None:
    """Write down what is counted, again and again. The numbers may be of slightly different moments."""
    while True:
        time.sleep(0.05)
        try:
            lines = mesh.lines
            gaps = sum(row.gap_count for row in mesh.streams)
        except RuntimeError:  # a stream came while it was looked at
            continue
        told = {
            "received": lines.received,
            "adds_up": lines.adds_up,
            "gaps": gaps,
            "dumps": len(mesh.inventory.dumps),
            "backlog": session.backlog_rows,
            "detail": session.detail.value,
        }
        part = path.with_suffix(".part")
        part.write_text(json.dumps(told))
        part.replace(path)


def main(kubeconfig: str, path: str) -> int:
    """Run the screen."""
    settings = Settings(kubeconfig=kubeconfig, since_s=DAY_S, dump_interval_s=5.0)
    claim_terminal()
    clock = SystemClock()
    observer = make_observer(settings, clock)
    mesh = Mesh(clock=clock)
    session = Session(observer, mesh, clock)
    stage = Stage(mesh=mesh, clock=clock, settings=settings, title=observer.title, is_finite=False)
    threading.Thread(target=tell, args=(mesh, session, Path(path)), daemon=True).start()
    code: int = import_module("ztui.ui.app").run(stage, session)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
