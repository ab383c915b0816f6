"""What the filter prompt proposes and understands: keys, values that exist with their counts, the sentence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from ztui.model.filter import KEYS, FilterError, FlowFilter, parse
from ztui.ui.looks import Span
from ztui.ui.prompt import Advice, Adviser, Hint
from ztui.ui.stage import quoted

Values = Callable[[str], Mapping[str, int]]
"""Key of the filter → values that exist, each with how often."""

ABOUT_KEYS: Mapping[str, str] = {
    "from": "source: workload, app, name.ns, address",
    "to": "destination: workload, app, service, address",
    "from.ns": "source's namespace",
    "to.ns": "destination's namespace",
    "ns": "namespace of either end",
    "service": "destination's service",
    "workload": "either end",
    "identity": "SPIFFE identity of either end",
    "node": "node whose ztunnel wrote it",
    "src.node": "source's node",
    "dst.node": "destination's node",
    "src.zone": "source's zone",
    "dst.zone": "destination's zone",
    "ztunnel": "ztunnel that wrote it",
    "port": "destination port",
    "dir": "inbound, outbound",
    "security": "mtls, plaintext",
    "verdict": "forwarded, denied, failed, drained",
    "flag": "response flag",
    "error": "error text; ~ for a regular expression",
    "revision": "canonical revision of either end",
    "protocol": "HBONE, TCP",
    "bytes": "bytes both ways: bytes>1MB",
    "sent": "bytes sent: sent>1MB",
    "recv": "bytes received: recv>1MB",
    "duration": "how long it took: duration>250ms",
    "age": "how long ago: age<5m",
}
_MOST = 50


def filter_adviser(values: Values, known: Collection[str] = KEYS) -> Adviser:
    """Make what advises on a filter as it is typed; `known` are the keys that the rows to be filtered have."""

    def advise(text: str) -> Advice:
        head, word = _last_word(text)
        return Advice(hints=_hints(head, word, values, known), understood=_understood(text, known))

    return advise


def not_told(where: FlowFilter, known: Collection[str]) -> str | None:
    """Say which keys of a filter these rows have nothing for, and which they have; None where they have all."""
    unknown = [key for key in KEYS if key in where.keys and key not in known]
    if not unknown:
        return None
    usable = [key for key in KEYS if key in known]
    ask = f"ask for {', '.join(usable)}, or any word" if usable else "any word can be asked for"
    return f"these rows do not tell {' or '.join(unknown)}: {ask}"


def _last_word(text: str) -> tuple[str, str]:
    """Split off the word that is being typed; quotes keep blanks together, `!` and `(` stay before it."""
    start, is_quoted = 0, False
    for index, char in enumerate(text):
        if char == '"':
            is_quoted = not is_quoted
        elif not is_quoted and char in " (!":
            start = index + 1
    return text[:start], text[start:]


def _hints(head: str, word: str, values: Values, known: Collection[str]) -> list[Hint]:
    at = next((i for i, char in enumerate(word) if char in ":~<>"), None)
    if at is None:
        return [
            Hint(text=f"{head}{key}:", shown=f"{key}:", about=ABOUT_KEYS.get(key, ""))
            for key in KEYS
            if key in known and key.startswith(word)
        ]
    key, operator, begun = word[:at], word[at], word[at + 1 :].strip('"').casefold()
    if operator != ":":
        return []
    found = [(value, count) for value, count in values(key).items() if begun in value.casefold()]
    found.sort(key=lambda pair: (not pair[0].casefold().startswith(begun), -pair[1], pair[0]))
    return [
        Hint(text=f"{head}{key}:{quoted(value)} ", shown=f"{key}:{value}", about=f"{count} ×")
        for value, count in found[:_MOST]
    ]


def _understood(text: str, known: Collection[str]) -> tuple[Span, ...]:
    if not text.strip():
        return (Span("Enter with nothing typed shows everything.", "dim"),)
    try:
        read = parse(text)
    except FilterError as wrong:
        return (Span("✖ ", "error"), Span(f"{wrong.what} {wrong.remedy}"))
    never = read.never_matches() or not_told(read, known)
    if never:
        return (Span("! ", "warn"), Span(f"This cannot match anything: {never}."))
    return (Span("understood: ", "dim"), Span(read.sentence()))
