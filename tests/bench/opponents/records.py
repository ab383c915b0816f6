"""What keeping connections costs in the usual way: a list of slotted dataclasses. Prints bytes per connection."""

import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.opponents.naive import QUOTED, line_of

LINE = line_of(QUOTED)


@dataclass(slots=True)
class Connection:
    time: str
    level: str
    message: str
    src_addr: str
    src_workload: str | None
    src_namespace: str | None
    src_identity: str | None
    src_cluster: str | None
    dst_addr: str
    dst_hbone_addr: str | None
    dst_service: str | None
    dst_workload: str | None
    dst_namespace: str | None
    dst_identity: str | None
    dst_cluster: str | None
    direction: str
    bytes_sent: int
    bytes_recv: int
    duration: int
    error: str | None


def main(path: str, count: int) -> None:
    kept = []
    tracemalloc.start()
    with Path(path).open(encoding="utf-8") as lines:
        for line in lines:
            found = LINE.match(line)
            if found is None:
                continue
            fields: dict[str, Any] = {
                name: sys.intern(value) if value else None for name, value in found.groupdict().items()
            }
            for number in ("bytes_sent", "bytes_recv", "duration"):
                fields[number] = int(fields[number] or 0)
            kept.append(Connection(**fields))
            if len(kept) == count:
                break
    print(tracemalloc.get_traced_memory()[0] / len(kept))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
