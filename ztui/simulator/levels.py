"""ztunnel's log level: directives that are added up, the last one wins, and `reset` starts over."""

from __future__ import annotations

LEVELS = {"off": 0, "error": 1, "warn": 2, "info": 3, "debug": 4, "trace": 5}

_DEFAULT = ("hickory_server=off", "info")


class LevelFilter:
    """What is written and what is not. `access` is looked up so often that its level stands ready."""

    def __init__(self) -> None:
        self._directives: list[str] = []
        self.access = 0
        self.reset()

    def reset(self) -> None:
        """Back to the level the process was started with."""
        self._directives = list(_DEFAULT)
        self.access = self._level_of("access")

    def add(self, text: str) -> bool:
        """Add comma-separated directives; False, and nothing changed, when one of them makes no sense."""
        parts = [part.strip() for part in text.split(",")]
        if not all(map(_is_directive, parts)):
            return False
        for part in parts:
            target = part.partition("=")[0] if "=" in part else ""
            self._directives = [
                old for old in self._directives if (old.partition("=")[0] if "=" in old else "") != target
            ]
            self._directives.append(part)
        self.access = self._level_of("access")
        return True

    def describe(self) -> str:
        """Show the directives as ztunnel prints them."""
        return ",".join(sorted(self._directives, key=lambda part: "=" not in part))

    def allows(self, scope: str, level: str) -> bool:
        """Whether a line of this scope and level is written."""
        return LEVELS[level] <= self._level_of(scope)

    def _level_of(self, scope: str) -> int:
        found, best = 3, -1
        for part in self._directives:
            target, equals, level = part.rpartition("=")
            target = target if equals else ""
            if len(target) > best and (not target or scope == target or scope.startswith(target + "::")):
                found, best = LEVELS[level], len(target)
        return found


def _is_directive(part: str) -> bool:
    target, equals, level = part.rpartition("=")
    if not equals:
        return part in LEVELS
    return level in LEVELS and bool(target) and target.replace("::", "_").replace("_", "a").isalnum()
