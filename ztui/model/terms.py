"""Terms of the filter language: one condition, its opposite, and conditions together; each says itself in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate

from ztui.errors import UsageError
from ztui.model.fields import ENTRY_KEYS, LABELS, SHAPE_KEYS, Value
from ztui.model.labels import parse_selector

ALIASES: Mapping[str, str] = {
    "src.workload": "from", "src.app": "from", "dst.workload": "to", "dst.app": "to", "src.namespace": "from.ns",
    "dst.namespace": "to.ns", "from-namespace": "from.ns", "to-namespace": "to.ns", "namespace": "ns",
    "dst.service": "service", "svc": "service", "direction": "dir", "response_flag": "flag", "dst.port": "port",
    "bytes_sent": "sent", "bytes_recv": "recv", "duration_ms": "duration",
}  # fmt: skip
"""Other spellings of a key: those of `--by` and of the flags."""

KEYS: tuple[str, ...] = (*(key for key in SHAPE_KEYS if key != LABELS), *ENTRY_KEYS, "age")
"""Every key a term may have where a filter is typed."""

NUMBER_KEYS = frozenset({"port", "bytes", "sent", "recv", "duration", "age"})
WORDS: Mapping[str, tuple[str, ...]] = {
    "dir": ("inbound", "outbound"),
    "security": ("mtls", "plaintext"),
    "verdict": ("forwarded", "denied", "failed", "drained"),
}
"""Keys whose values are known beforehand."""

_CASELESS = frozenset({*WORDS, "protocol", "flag"})
"""Keys whose values are words of ztunnel's own, which nobody writes in two ways to mean two things."""

_UNITS: dict[str, dict[str, float]] = {
    "bytes": {"": 1, "b": 1, "kb": 10**3, "k": 10**3, "mb": 10**6, "m": 10**6, "gb": 10**9, "g": 10**9,
              "kib": 2**10, "mib": 2**20, "gib": 2**30, "ki": 2**10, "mi": 2**20, "gi": 2**30},
    "duration": {"": 1, "ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000},
    "age": {"": 1, "ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400},
    "port": {"": 1},
}  # fmt: skip
_UNITS["sent"] = _UNITS["recv"] = _UNITS["bytes"]


class FilterError(UsageError):
    """A filter that cannot be read: `position` is where, counted in characters from 0."""

    def __init__(self, what: str, remedy: str, position: int) -> None:
        super().__init__(what, remedy)
        self.position = position


Truth = bool | None
"""None: not decided by what is at hand."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: `key op value`. The key `*` stands for a bare word."""

    key: str
    op: str
    value: str
    position: int = field(default=0, compare=False)

    def judge(self, decide: Decide) -> Truth:
        return decide(self)

    def holds(self, found: Value) -> bool:
        """Whether a value (or one of several names of one thing) fulfils it; a missing value never does."""
        test = test_of(self)
        if isinstance(found, tuple):
            return any(test(one) for one in found)
        return found is not None and test(found)

    def terms(self) -> Iterator[Term]:
        yield self

    def __str__(self) -> str:
        value = _quoted(self.value) if _needs_quotes(self.value) else self.value
        return value if self.key == "*" else f"{self.key}{self.op}{value}"

    def says(self, *, negated: bool = False) -> str:
        text = self._says()
        return f"not {text}" if negated else text

    def _says(self) -> str:
        if self.key == "*":
            return f"with “{self.value}”"
        if self.op == "~":
            return f"{_NOUNS.get(self.key, self.key)} like /{self.value}/"
        if self.op in "<>":
            return f"{_NOUNS.get(self.key, self.key)} {'over' if self.op == '>' else 'under'} {self.value}"
        return _SAYINGS.get(self.key, self.key + " {}").format(self.value)


_NOUNS = {"duration": "duration", "sent": "bytes sent", "recv": "bytes received", "age": "age", "port": "port"}
_SAYINGS = {
    "from": "from {}", "to": "to {}", "from.ns": "from namespace {}", "to.ns": "to namespace {}",
    "ns": "in namespace {}", "service": "to service {}", "workload": "with workload {}",
    "identity": "with identity {}", "node": "on {}", "src.node": "from node {}", "dst.node": "to node {}",
    "src.zone": "from zone {}", "dst.zone": "to zone {}", "ztunnel": "by {}", "port": "on port {}", "dir": "{}",
    "security": "{}", "verdict": "{}", "flag": "with flag {}", "error": "with error {}",
    "revision": "with revision {}", "protocol": "over {}", "bytes": "of {} bytes", "sent": "with {} bytes sent",
    "recv": "with {} bytes received", "duration": "of {} ms", "age": "{} s old", LABELS: "labelled {}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    of: Node

    def judge(self, decide: Decide) -> Truth:
        truth = self.of.judge(decide)
        return None if truth is None else not truth

    def terms(self) -> Iterator[Term]:
        return self.of.terms()

    def __str__(self) -> str:
        return f"!{self.of}" if isinstance(self.of, Term) else f"!({self.of})"

    def says(self, *, negated: bool = False) -> str:
        return self.of.says(negated=not negated)


@dataclass(frozen=True, slots=True)
class All:
    """Every condition holds."""

    of: tuple[Node, ...]

    def judge(self, decide: Decide) -> Truth:
        truth: Truth = True
        for node in self.of:
            one = node.judge(decide)
            if one is False:
                return False
            truth = None if one is None else truth
        return truth

    def terms(self) -> Iterator[Term]:
        return (term for node in self.of for term in node.terms())

    def __str__(self) -> str:
        return " ".join(f"({node})" if isinstance(node, Any_ | All) else str(node) for node in self.of)

    def says(self, *, negated: bool = False) -> str:
        text = ", ".join(node.says() for node in self.of)
        return f"not ({text})" if negated else text


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801  `Any` is taken
    """At least one condition holds."""

    of: tuple[Node, ...]

    def judge(self, decide: Decide) -> Truth:
        truth: Truth = False
        for node in self.of:
            one = node.judge(decide)
            if one:
                return True
            truth = None if one is None else truth
        return truth

    def terms(self) -> Iterator[Term]:
        return (term for node in self.of for term in node.terms())

    def __str__(self) -> str:
        return " or ".join(f"({node})" if isinstance(node, Any_ | All) else str(node) for node in self.of)

    def says(self, *, negated: bool = False) -> str:
        if negated:
            return ", ".join(node.says(negated=True) for node in self.of)
        if self._is_failures():
            return "failed"
        return " or ".join(node.says() for node in self.of)

    def _is_failures(self) -> bool:
        return {str(node) for node in self.of} == {"verdict:failed", "verdict:denied"}


Node = Term | Not | All | Any_
Decide = Callable[[Term], Truth]


_OPERATOR = re.compile(r"^[A-Za-z][A-Za-z._-]*[:~<>]")


def _needs_quotes(value: str) -> bool:
    is_odd = any(c in '()"!' or c.isspace() for c in value)
    return not value or value.casefold() == "or" or is_odd or bool(_OPERATOR.search(value))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def test_of(term: Term) -> Callable[[Value], bool]:
    """Give the test of one value that a term stands for; made once per term."""
    test = _TESTS.get(term)
    if test is None:
        if len(_TESTS) > 1024:
            _TESTS.clear()
        test = _TESTS[term] = _make_test(term)
    return test


_TESTS: dict[Term, Callable[[Value], bool]] = {}


def _make_test(term: Term) -> Callable[[Value], bool]:
    if term.key == "*":
        needle = term.value.casefold()
        return lambda text: needle in str(text).casefold()
    if term.key == LABELS:
        selector = parse_selector(term.value)
        return lambda text: selector.matches_text(str(text))
    if term.op == "~":
        search = re.compile(term.value).search
        return lambda text: search(str(text)) is not None
    if term.op in "<>":
        bound = number_of(term)
        if term.op == ">":
            return lambda number: isinstance(number, int | float) and number > bound
        return lambda number: isinstance(number, int | float) and number < bound
    if term.key in NUMBER_KEYS:
        wanted = number_of(term)
        return lambda number: number == wanted
    is_caseless = term.key in _CASELESS
    if any(c in term.value for c in "*?["):
        match = re.compile(translate(term.value), re.IGNORECASE if is_caseless else 0).match
        return lambda text: match(str(text)) is not None
    if is_caseless:
        word = term.value.casefold()
        return lambda text: str(text).casefold() == word
    return lambda text: text == term.value


def number_of(term: Term) -> float:
    """Give the number of a term in the unit of its key: bytes, milliseconds, seconds for an age. Raises FilterError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", term.value)
    units = _UNITS[term.key]
    if match is None or match[2].lower() not in units:
        known = ", ".join(unit for unit in units if unit)
        raise FilterError(
            f"“{term.value}” is not a number that {term.key} can be compared with.",
            f"Write a number, if you like with a unit ({known})." if known else "Write a plain number.",
            term.position,
        )
    return float(match[1]) * units[match[2].lower()]
