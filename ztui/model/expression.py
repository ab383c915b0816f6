"""The grammar of filters: an expression read into conditions, each of them checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from ztui.model.terms import ALIASES, KEYS, NUMBER_KEYS, All, Any_, FilterError, Node, Not, Term, number_of

_DEEPEST = 50
"""Groups and negations within each other: more than anyone writes, less than the stack bears."""
_KEY = re.compile(r"([A-Za-z][A-Za-z._-]*)([:~<>])")


def read_expression(text: str) -> Node:
    """Read an expression. Raises FilterError with the position and what to write instead."""
    reader = _Reader(text)
    node = reader.expression()
    if reader.position < len(text):
        raise FilterError("There is a “)” without its “(”.", "Remove it, or put it in quotes.", reader.position)
    return node


class _Reader:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._depth = 0

    def expression(self) -> Node:
        choices = [self._conjunction()]
        while self._takes_or():
            choices.append(self._conjunction())
        return choices[0] if len(choices) == 1 else Any_(tuple(choices))

    def _conjunction(self) -> Node:
        nodes: list[Node] = []
        while (node := self._factor()) is not None:
            nodes.append(node)
        if not nodes:
            raise FilterError(
                "A condition is missing here.", "Write a word, or key:value such as from:curl.", self.position
            )
        return combined(nodes)

    def _skip_blanks(self) -> None:
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1

    def _takes_or(self) -> bool:
        self._skip_blanks()
        match = re.compile(r"or(?=[\s(!]|$)", re.IGNORECASE).match(self.text, self.position)
        if match is None:
            return False
        self.position = match.end()
        return True

    def _factor(self) -> Node | None:
        """Read one term, group or negation; None at an end: of the text, of a group, or before `or`."""
        self._skip_blanks()
        start = self.position
        if start >= len(self.text) or self.text[start] == ")":
            return None
        if self._takes_or():
            self.position = start
            return None
        if self.text[start] not in "!(":
            return self._term()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FilterError("Conditions are nested too deeply here.", "Write it with fewer “(” and “!”.", start)
        node = self._negation() if self.text[start] == "!" else self._group()
        self._depth -= 1
        return node

    def _negation(self) -> Node:
        start = self.position
        self.position += 1
        node = self._factor()
        if node is None:
            raise FilterError("Nothing follows the “!”.", "Write what must not be, as in !node:w1.", start)
        return node.of if isinstance(node, Not) else Not(node)

    def _group(self) -> Node:
        start = self.position
        self.position += 1
        node = self.expression()
        self._skip_blanks()
        if self.position >= len(self.text):
            raise FilterError("This “(” is never closed.", "Add a “)”, or put it in quotes.", start)
        self.position += 1
        return node

    def _term(self) -> Term:
        start = self.position
        match = _KEY.match(self.text, start)
        if match is None:
            return Term("*", ":", self._value(), start)
        self.position = match.end()
        return make_term(match[1], match[2], self._value(), start)

    def _value(self) -> str:
        start = self.position
        if self.text[start : start + 1] == '"':
            return self._quoted()
        depth = 0
        while self.position < len(self.text) and not self.text[self.position].isspace():
            depth += {"(": 1, ")": -1}.get(self.text[self.position], 0)
            if depth < 0:
                break
            self.position += 1
        return self.text[start : self.position]

    def _quoted(self) -> str:
        match = re.compile(r'"((?:[^"\\]|\\.)*)"').match(self.text, self.position)
        if match is None:
            raise FilterError("This quote is never closed.", 'Add a “"” at the end of the value.', self.position)
        self.position = match.end()
        return re.sub(r"\\([\"\\])", r"\1", match[1])


def make_term(key: str, op: str, value: str, position: int = 0) -> Term:
    """Make one condition and check it. Raises FilterError."""
    known = ALIASES.get(key.lower(), key.lower())
    if known not in KEYS:
        close = get_close_matches(known, (*KEYS, *ALIASES), n=2)
        advice = f"Did you mean {' or '.join(close)}?" if close else f"Keys are {', '.join(KEYS)}; quote plain words."
        raise FilterError(f"There is no key “{key}”.", advice, position)
    if not value:
        raise FilterError(
            f"{key}{op} needs a value.", f"Write one after it, as in {_EXAMPLES.get(known, known + ':w1')}.", position
        )
    term = Term(known, op, value, position)
    if op == "~":
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise FilterError(
                f"“{value}” is not a regular expression: {error}.", "Use key:value, or mend it.", position
            ) from None
    elif op in "<>" and known not in NUMBER_KEYS:
        raise FilterError(f"{known} is not a number.", f"Write {known}:{value} or {known}~{value}.", position)
    elif known in NUMBER_KEYS:
        number_of(term)
    return term


_EXAMPLES = {"from": "from:curl", "to": "to:reviews.default", "port": "port:9080", "duration": "duration>250ms",
             "bytes": "bytes>1MB", "error": "error~refused", "verdict": "verdict:denied"}  # fmt: skip


def combined(nodes: Iterable[Node]) -> Node:
    """AND the conditions; those that give the same key a value are ORed first, as two values of `--from` are."""
    parts: list[Node] = []
    places: dict[str, int] = {}
    for node in nodes:
        key = _joined_key(node)
        if key is None or key not in places:
            if key is not None:
                places[key] = len(parts)
            parts.append(node)
            continue
        before = parts[places[key]]
        parts[places[key]] = Any_((*(before.of if isinstance(before, Any_) else (before,)), node))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _joined_key(node: Node) -> str | None:
    """Give the key whose values are alternatives: of a term with a value, not of a range, a word or a negation."""
    return node.key if isinstance(node, Term) and node.key != "*" and node.op in ":~" else None
