"""What can be made to go wrong with the API, each switched on and off by name."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Faults:
    """The switches. Times are real seconds; an empty value switches a fault off."""

    eof_every_s: float = 0.0
    """End every log stream cleanly after this long."""
    cut_every_s: float = 0.0
    """Break every log stream off in the middle of the body after this long."""
    half_open: list[str] = field(default_factory=list)
    """Pods (by name, `*` for all) whose log streams send nothing more, though they stay open."""
    slow_s: float = 0.0
    """Let every request wait."""
    forbid: list[str] = field(default_factory=list)
    """`verb resource`, such as `get pods/log`, refused to everybody but admin with 403."""
    gone: bool = False
    """Tell every watch that its version is too old, as after a compaction; the shelf is compacted too."""
    too_many: bool = False
    """Answer lists and watches with 429."""
    retry_after_s: int = 1
    log_error: str = ""
    """Answer log requests with 500 and this text, as when a kubelet does not answer."""
    dump_error: str = ""
    """`truncated`, `not-json` or `500`: what ztunnel's admin port does with a config dump."""

    def set(self, wanted: dict[str, Any]) -> None:
        """Switch faults by name; ValueError for a name or a value that makes no sense."""
        known = {one.name for one in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"no fault {name!r}; there are: {', '.join(sorted(known))}")
            current = getattr(self, name)
            if isinstance(current, float) and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)  # noqa: PLW2901 -- JSON does not tell 5 from 5.0
            if type(value) is not type(current):
                raise ValueError(f"{name} wants {type(current).__name__}, not {value!r}")
            setattr(self, name, value)

    def is_silent(self, pod_name: str) -> bool:
        """Whether this pod's log streams are to fall silent."""
        return "*" in self.half_open or pod_name in self.half_open

    def forbids(self, verb: str, resource: str) -> bool:
        """Whether a verb on a resource is refused on purpose."""
        return f"{verb} {resource}" in self.forbid or f"* {resource}" in self.forbid
