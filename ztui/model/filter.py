"""Flow filters in Hubble's words: read, combined, negated, and said as a sentence.

    expression = term { term }      terms are ANDed, the same key twice is ORed; `or`, parentheses and ! are allowed
    term       = word               a part of anything shown
               | key:value          equal, or a glob; `ns/name` and `name.ns` where a workload or service is meant
               | key~regex | key>number | key<number       numbers take units: 1MB, 250ms, 15m

A filter is asked about a shape first: True, False, or None where single entries decide (bytes, duration, an address).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from ztui.model.expression import combined, make_term, read_expression
from ztui.model.fields import ENTRY_KEYS, LABELS, SHAPE_KEYS, Field, Lookup, Value, shown_texts, split_address
from ztui.model.labels import parse_selector
from ztui.model.terms import (
    ALIASES,
    KEYS,
    WORDS,
    All,
    Any_,
    FilterError,
    Node,
    Not,
    Term,
    Truth,
    number_of,
    test_of,
)

if TYPE_CHECKING:
    from ztui.model.flow import AccessLogEntry, Shape

__all__ = ["ALIASES", "KEYS", "FilterError", "FlowFilter", "failures", "from_flags", "labelled", "parse"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FlowFilter:
    """A predicate on entries and on rows, with the text it was read from and a sentence that says it."""

    root: Node

    @property
    def text(self) -> str:
        """The filter in its own grammar, normalised: equal texts are equal filters."""
        return str(self.root)

    def __str__(self) -> str:
        return self.text

    def sentence(self) -> str:
        """Say what was understood: `from curl, failed, not on w1`."""
        return self.root.says()

    @property
    def keys(self) -> frozenset[str]:
        """The keys it asks for; `*` is a bare word."""
        return frozenset(term.key for term in self.root.terms())

    @property
    def asks_lookup(self) -> bool:
        """Whether what matches may change when dumps or the cluster tell more."""
        return not self.keys <= _SAID_BY_LINES

    @property
    def needs_entry(self) -> bool:
        """Whether some entries cannot be judged by their shape alone."""
        return any(_needs_entry(term) for term in self.root.terms())

    def __and__(self, more: FlowFilter) -> FlowFilter:
        return FlowFilter(All((*_parts(self.root), *_parts(more.root))))

    def __or__(self, more: FlowFilter) -> FlowFilter:
        return FlowFilter(Any_((self.root, more.root)))

    def only(self, keys: Collection[str]) -> FlowFilter | None:
        """Keep those of the ANDed conditions that ask for these keys alone; None where none is left."""
        kept = tuple(part for part in _parts(self.root) if all(term.key in keys for term in part.terms()))
        return FlowFilter(kept[0] if len(kept) == 1 else All(kept)) if kept else None

    def negated(self) -> FlowFilter:
        """Give the opposite."""
        return FlowFilter(self.root.of if isinstance(self.root, Not) else Not(self.root))

    # -- judging

    def judge(self, lookup: Lookup) -> Callable[[Shape], Truth]:
        """Make a judge of shapes that remembers its verdicts; None is for entries to decide."""
        verdicts: dict[Shape, Truth] = {}

        def judge(shape: Shape) -> Truth:
            try:
                return verdicts[shape]
            except KeyError:
                verdict = verdicts[shape] = self.on_shape(shape, lookup)
                return verdict

        return judge

    def on_shape(self, shape: Shape, lookup: Lookup) -> Truth:
        """Whether entries of this shape match; None where it takes the entry itself to say."""

        def decide(term: Term) -> Truth:
            if term.key in ENTRY_KEYS or term.key == "age":
                return None
            found = shown_texts(shape, lookup) if term.key == "*" else SHAPE_KEYS[term.key](shape, lookup)
            return term.holds(found) or (None if _may_be_in_entry(term) else False)

        return self.root.judge(decide)

    def matches(self, entry: AccessLogEntry, lookup: Lookup, *, now: float = 0.0) -> bool:
        """Whether one entry matches. `now` (Unix seconds) is what its age is counted from."""
        shape = entry.shape

        def find(key: str) -> Value:
            if key in ENTRY_KEYS:
                return ENTRY_KEYS[key](entry)
            if key == "age":
                return now - seconds_of(entry.time)
            if key == "*":
                return (*shown_texts(shape, lookup), entry.time, entry.src_addr or "")
            found = SHAPE_KEYS[key](shape, lookup)
            source = split_address(entry.src_addr)[0] if key in _SOURCES else None
            return (*found, source) if source and isinstance(found, tuple) else found

        return bool(self.root.judge(lambda term: term.holds(find(term.key))))

    def predicate(self, fields: Mapping[str, Field[T]]) -> Callable[[T], bool]:
        """Make a predicate on rows of a table: keys are looked up among its fields, those it lacks match nothing."""
        getters = {name: field.getter for name, field in fields.items()}
        shown = [getter for name, getter in getters.items() if name != LABELS]

        def find(row: T, key: str) -> Value:
            if key == "*":
                return tuple(text for getter in shown for text in _texts(getter(row)))
            getter = getters.get(key)
            return getter(row) if getter is not None else None

        return lambda row: bool(self.root.judge(lambda term: term.holds(find(row, term.key))))

    def never_matches(self, fields: Iterable[str] | None = None) -> str | None:
        """Say in a sentence why nothing can ever match, where that is certain; None otherwise.

        `fields` are the keys a table knows; without them every key is taken as known.
        """
        return _never(self.root, None if fields is None else frozenset(fields))


_SOURCES = frozenset({"from", "workload"})
_SAID_BY_LINES = frozenset(
    {*ENTRY_KEYS, "age", "from.ns", "to.ns", "ns", "identity", "node", "ztunnel", "port", "dir", "security", "verdict",
     "flag", "error", "protocol"}
)  # fmt: skip
"""Keys that an entry answers alone."""


_MAYBE_ADDRESS = re.compile(r"[0-9a-fA-F.:*?]*[.:][0-9a-fA-F.:*?]*")
_MAYBE_PATTERN = re.compile(r"(?=.*[0-9])[0-9a-fA-F.:\\^$*+?()\[\]{}|d-]+")
_MAYBE_PART = re.compile(r"[0-9a-fA-F.:\[\]TZ+-]+")


def _may_be_in_entry(term: Term) -> bool:
    """Whether a term that a shape does not fulfil may be by an entry: its source's address, or its time."""
    if term.key == "*":
        return _MAYBE_PART.fullmatch(term.value) is not None
    maybe = _MAYBE_PATTERN if term.op == "~" else _MAYBE_ADDRESS
    return term.key in _SOURCES and maybe.fullmatch(term.value) is not None


def _needs_entry(term: Term) -> bool:
    return term.key in ENTRY_KEYS or term.key == "age" or (term.key != "*" and _may_be_in_entry(term))


def seconds_of(time: str) -> float:
    """Unix seconds of a time as written; 0 for what is no time."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return 0.0


def _texts(value: Value) -> tuple[str, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (str(value),)


def _parts(node: Node) -> tuple[Node, ...]:
    return node.of if isinstance(node, All) else (node,)


def _never(node: Node, fields: frozenset[str] | None) -> str | None:
    """Say why a condition never holds: of an AND where one part never does, of an OR where none ever does."""
    match node:
        case Term():
            return _never_term(node, fields)
        case All():
            whys = (_never(part, fields) for part in node.of)
            return next(filter(None, whys), None) or _empty_range([p for p in node.of if isinstance(p, Term)])
        case Any_():
            reasons = [_never(part, fields) for part in node.of]
            return reasons[0] if all(reasons) else None
        case Not():
            return None


def _never_term(term: Term, fields: frozenset[str] | None) -> str | None:
    if fields is not None and term.key != "*" and term.key not in fields:
        return f"nothing here has a {term.key}"
    words = WORDS.get(term.key)
    if words and term.op == ":" and not any(map(test_of(term), words)):
        return f"{term.key} is one of {', '.join(words)}, never {term.value}"
    return None


def _empty_range(terms: Iterable[Term]) -> str | None:
    bounds: dict[tuple[str, str], float] = {}
    for term in terms:
        if term.op in "<>":
            best = max if term.op == ">" else min
            bounds[term.key, term.op] = best(number_of(term), bounds.get((term.key, term.op), number_of(term)))
    for (key, op), low in bounds.items():
        if op == ">" and bounds.get((key, "<"), low + 1) <= low:
            return f"no {key} is over and under these numbers at once"
    return None


# -- reading


def parse(text: str) -> FlowFilter:
    """Read an expression. Raises FilterError with the position and what to write instead."""
    return FlowFilter(read_expression(text))


def failures() -> FlowFilter:
    """`--failed`: what failed or was denied."""
    return FlowFilter(Any_((Term("verdict", ":", "failed"), Term("verdict", ":", "denied"))))


def labelled(selector: str) -> FlowFilter | None:
    """`--selector`: what a pod with these labels takes part in; None where it selects everything. Raises UsageError."""
    return FlowFilter(Term(LABELS, ":", selector)) if parse_selector(selector).requirements else None


def from_flags(flags: Iterable[tuple[str, str]]) -> FlowFilter | None:
    """Read the flow flags of a command line, in their order: (`from`, `curl`), (`not`, ``), (`node`, `w1`).

    `not` negates the next; `failed` takes no value; `error` is a regex; `filter` is a whole expression. None of
    nothing. Raises FilterError.
    """
    nodes: list[Node] = []
    is_negated = False
    for name, value in flags:
        if name == "not":
            is_negated = not is_negated
            continue
        node = _flag(name, value)
        if is_negated:
            node, is_negated = Not(node), False
        nodes.extend(_parts(node))
    if is_negated:
        raise FilterError("--not negates nothing.", "Put it before the filter that it is to negate.", 0)
    return FlowFilter(combined(nodes)) if nodes else None


def _flag(name: str, value: str) -> Node:
    if name == "failed":
        return failures().root
    if name == "filter":
        return parse(value).root
    return make_term(name, "~" if name == "error" else ":", value)
