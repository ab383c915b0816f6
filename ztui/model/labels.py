"""Label selectors in kubectl's grammar: `app=curl,version!=v1,tier in (a,b),!canary,team`.

    selector    = requirement { "," requirement }      all of them hold
    requirement = key | "!" key | key ("=" | "==" | "!=") value | key ("in" | "notin") "(" value {"," value} ")"
                | key (">" | "<") integer

Read as `k8s.io/apimachinery/pkg/labels` does: what is negative also holds for what has no such label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ztui.errors import UsageError

_PLAIN = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(_PLAIN)
_VALUE = re.compile(rf"(?:{_PLAIN})?")
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_LONGEST_PREFIX = 253
_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")
_ADVICE = "Write it as for kubectl: 'app=curl,version!=v1', 'tier in (a,b)', '!canary', 'team'."


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `operator` is `in`, `notin`, `exists`, `absent`, `>` or `<`."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels fulfil it."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
        number, bound = _integer(value), _integer(next(iter(self.values)))
        if number is None or bound is None:
            return False
        return number > bound if self.operator == ">" else number < bound


@dataclass(frozen=True, slots=True)
class Selector:
    """Requirements that all hold; of none, everything."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether something with these labels is selected."""
        return all(requirement.holds(labels) for requirement in self.requirements)

    def matches_text(self, text: str) -> bool:
        """Whether labels written by `labels_text` are selected."""
        return self.matches(_labels_of(text))


def labels_text(labels: Mapping[str, str]) -> str:
    """Write labels as one text, as kubectl's --show-labels does."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


@lru_cache(maxsize=4096)
def _labels_of(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return {key: value for key, _, value in pairs}


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[+-]?[0-9]{1,19}", text) else None


def parse_selector(text: str, flag: str = "--selector") -> Selector:
    """Read a selector. Raises UsageError, which names `flag`."""
    return Selector(tuple(_Reader(text, flag).requirements()))


class _Reader:
    """Reads one selector, token by token."""

    def __init__(self, text: str, flag: str) -> None:
        self._text = text
        self._flag = flag
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def requirements(self) -> Iterator[Requirement]:
        """Read all of them. Nothing at all selects everything."""
        if not self._tokens:
            return
        while True:
            yield self._requirement()
            if not self._peek():
                return
            if self._take() != ",":
                raise self._wrong("a comma is missing between two conditions")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._take()
            return Requirement(self._key(), "absent")
        key = self._key()
        match self._peek():
            case "" | ",":
                return Requirement(key, "exists")
            case "=" | "==":
                self._take()
                return Requirement(key, "in", frozenset({self._value()}))
            case "!=":
                self._take()
                return Requirement(key, "notin", frozenset({self._value()}))
            case "in" | "notin" as operator:
                self._take()
                return Requirement(key, operator, self._values())
            case "<" | ">" as operator:
                self._take()
                bound = self._value()
                if _integer(bound) is None:
                    raise self._wrong(f"{bound!r} after {operator} is no whole number")
                return Requirement(key, operator, frozenset({bound}))
        raise self._wrong(f"{self._peek()!r} after {key!r} is no operator")

    def _key(self) -> str:
        key = self._take()
        prefix, slash, name = key.rpartition("/")
        if not key or key in "=!<>(),==!=":
            raise self._wrong("a label's name is missing")
        is_prefixed = len(prefix) <= _LONGEST_PREFIX and _PREFIX.fullmatch(prefix) is not None
        if not _NAME.fullmatch(name) or (slash and not is_prefixed):
            raise self._wrong(f"{key!r} is no name of a label")
        return key

    def _value(self) -> str:
        if self._peek() in ("", ",", ")"):
            return ""  # `a=` asks for the empty value
        value = self._take()
        if not _VALUE.fullmatch(value):
            raise self._wrong(f"{value!r} is no value of a label")
        return value

    def _values(self) -> frozenset[str]:
        if self._take() != "(":
            raise self._wrong("a “(” is missing after in or notin")
        values = {self._value()}
        while self._peek() == ",":
            self._take()
            values.add(self._value())
        if self._take() != ")":
            raise self._wrong("a “(” is never closed")
        return frozenset(values)

    def _wrong(self, why: str) -> UsageError:
        return UsageError(f"{self._flag} {self._text!r} cannot be read: {why}.", _ADVICE)
