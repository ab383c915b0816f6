"""Shapes of access log lines: the part of a line that repeats, read once and looked up from then on.

On real traffic 97 % of the lines have a text between `src.addr` and `bytes_sent` that was seen before; what is left of
them is a time, an address and three numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from sys import intern
from typing import Any, cast

from ztui.model.accesslog_strict import VOLATILE
from ztui.model.flow import Measures, Origin, Shape
from ztui.model.text import clean, read_bytes, unquote_debug

_ENDS = ("workload", "namespace", "identity", "cluster")


def _optional(pattern: bytes, *names: bytes) -> bytes:
    return b"".join(b"(?:%b)?" % pattern.replace(b"NAME", name.replace(b".", rb"\.")) for name in names)


def _names(end: bytes, *names: str) -> list[bytes]:
    return [end + b"." + name.encode() for name in names]


_PLAIN_TEXT = rb' NAME="([^"\\]*)"'
_PLAIN_BARE = rb' NAME=([^" \t][^ \t]*)'
_JSON_TEXT = rb',"NAME":"([^"\\\x00-\x1f]*)"'

_PLAIN_ERROR = rb'(?: error="([^"\\]*(?:\\.[^"\\]*)*)")?'
_JSON_ERROR = rb'(?:,"error":"([^"\\\x00-\x1f]*)")?'

_PLAIN_SRC = re.compile(_optional(_PLAIN_TEXT, *_names(b"src", *_ENDS)))
_PLAIN_DST = re.compile(
    _PLAIN_BARE.replace(b"NAME", rb"dst\.addr")
    + _optional(_PLAIN_BARE, b"dst.hbone_addr")
    + _optional(_PLAIN_TEXT, *_names(b"dst", "service", *_ENDS))
    + rb' direction="([^"\\]*)"'
    + _PLAIN_ERROR
)
_JSON_SRC = re.compile(_optional(_JSON_TEXT, *_names(b"src", *_ENDS)))
_JSON_DST = re.compile(
    _JSON_TEXT.replace(b"NAME", rb"dst\.addr")
    + _optional(_JSON_TEXT, *_names(b"dst", "hbone_addr", "service", *_ENDS))
    + _JSON_TEXT.replace(b"NAME", b"direction")
    + _JSON_ERROR
)
_PLAIN_END = re.compile(_PLAIN_ERROR)
_JSON_END = re.compile(_JSON_ERROR)

_SOURCES = (_PLAIN_SRC, _JSON_SRC)
_PLAIN_TOKEN = re.compile(
    rb'[ \t]+([A-Za-z_][A-Za-z0-9_.]*)=(?:"[^"\\]*(?:\\.[^"\\]*)*"|[^" \t][^ \t]*|)(?=[ \t]|\Z)', re.DOTALL
)
_JSON_TOKEN = re.compile(
    rb',"([A-Za-z_][A-Za-z0-9_.]*)":(?:"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"|true|false|null|-?[0-9.eE+-]+)'
)
_VOLATILE = frozenset(name.encode() for name in VOLATILE)

_Half = tuple[str | None, ...]
"""Of a source: workload, namespace, identity, cluster. Of a destination: all up to direction and error."""


mark_of: Callable[[bytes], int] = hash
"""What is kept of a text to know it again: its hash of 64 bits, 36 bytes where the text takes 400.

Python keys that hash with a secret of each process, so that nobody can write two texts of one mark; in a full table
chance makes a pair of them once in eight thousand million runs.
"""


class _Texts(dict[bytes | None, str | None]):
    """Names as they were read: pods have a name each, but few namespaces, identities and services."""

    def __init__(self) -> None:
        self[None] = None

    def __missing__(self, data: bytes) -> str:
        text = data.decode("utf-8", "replace")
        text = self[data] = intern(text if text.isprintable() else clean(text))
        return text


class _Draft(Shape):
    """A shape that is being written, and is then made one: a tenth of the time of the frozen class's constructor."""

    __slots__ = ()
    __setattr__ = object.__setattr__  # both of them, else writing is not what it is for any other class
    __delattr__ = object.__delattr__


_new = _Draft.__new__


def read_end(error: bytes, *, is_plain: bool) -> str:
    """Read the text of an error, as it stands between its quotes."""
    return intern(unquote_debug(error.decode("utf-8", "replace")) if is_plain else read_bytes(error))


def can_repeat(text: bytes) -> bool:
    """Whether a part of a line is whole fields, quotes closed, none twice and none that differs from line to line."""
    token = _JSON_TOKEN if text[:1] == b"," else _PLAIN_TOKEN
    at = 0
    keys = set()
    while at < len(text):
        field = token.match(text, at)
        if field is None or field[1] in keys or field[1] in _VOLATILE:
            return False
        keys.add(field[1])
        at = field.end()
    return True


class ShapeTable:
    """Every shape some readers of one thread know, at most `limit`; forgotten all at once when there are more.

    Forgetting costs time, never truth: a text met again gets a new Shape, equal to the old in everything but identity.
    """

    def __init__(self, limit: int = 65_536) -> None:
        if limit < 1:
            raise ValueError("a shape table holds at least one shape")
        self.limit = limit
        self._count = 0
        self._parts: dict[Origin, dict[int, Shape]] = {}
        self._texts = _Texts()
        self._sources: dict[int, _Half | None] = {}
        self._destinations: dict[int, _Half | None] = {}

    def __len__(self) -> int:
        return self._count

    def part(self, origin: Origin) -> dict[int, Shape]:
        """Give the shapes of one ztunnel by the mark of their text: look up freely, add only through `add`."""
        return self._parts.setdefault(origin, {})

    def add(self, part: dict[int, Shape], mark: int, shape: Shape) -> None:
        """Remember a shape of this part by the mark of its text, making room first where there is none."""
        if self._count >= self.limit:
            self._forget()
        part[mark] = shape
        self._count += 1

    def learn(self, origin: Origin, text: bytes, measures: Measures = Measures.ALL) -> Shape | None:
        """Read what repeats of a completed connection without error, as ztunnel writes it; None if it is any different.

        Source and destination are read apart and remembered apart: new pairs are mostly of known halves.
        """
        return self._join(origin, "info", "connection complete", text, measures, None)

    def learn_odd(self, origin: Origin, key: bytes) -> Shape | None:
        """Read what repeats of any other access line, given as its head and what stands before and after its numbers.

        The parts are joined by line feeds; a line without numbers has no third part.
        """
        head, before, *after = key.split(b"\n")
        level, is_plain, message = head.partition(b"\taccess\t")
        if not is_plain:
            level, _, message = head.partition(b",")
        error = None
        if after:
            end = (_PLAIN_END if is_plain else _JSON_END).fullmatch(after[0])
            if end is None:
                return None
            error = None if end[1] is None else read_end(end[1], is_plain=bool(is_plain))
        measures = Measures.ALL if after else Measures.NONE
        return self._join(origin, intern(read_bytes(level)), intern(read_bytes(message)), before, measures, error)

    def _join(
        self, origin: Origin, level: str, message: str, text: bytes, measures: Measures, error: str | None
    ) -> Shape | None:
        is_json = text.startswith(b",")
        at = text.find(b',"dst.addr":' if is_json else b" dst.addr=")
        if at < 0:
            return None
        src_text, dst_text = text[:at], text[at:]
        src = self._sources.get(mark_of(src_text)) or self._half(
            self._sources, src_text, _JSON_SRC if is_json else _PLAIN_SRC
        )
        dst = self._destinations.get(mark_of(dst_text)) or self._half(
            self._destinations, dst_text, _JSON_DST if is_json else _PLAIN_DST
        )
        if src is None or dst is None:
            return None
        if error is not None:
            if dst[-1] is not None:
                return None
            dst = (*dst[:-1], error)
        shape: Any = _new(_Draft)
        shape.origin, shape.level, shape.message = origin, level, message
        shape.src_workload, shape.src_namespace, shape.src_identity, shape.src_cluster = src
        (
            shape.dst_addr, shape.dst_hbone_addr, shape.dst_service, shape.dst_workload, shape.dst_namespace,
            shape.dst_identity, shape.dst_cluster, shape.direction, shape.error,
        ) = dst  # fmt: skip
        shape.measures, shape.other = measures, ()
        shape.__class__ = Shape
        return cast("Shape", shape)

    def _half(self, known: dict[int, _Half | None], text: bytes, pattern: re.Pattern[bytes]) -> _Half | None:
        match = pattern.fullmatch(text)
        if match is None:
            return None
        if len(self._texts) > 2 * self.limit:
            self._texts = _Texts()
        if pattern in _SOURCES:
            values = list(map(self._texts.__getitem__, match.groups()))
        else:
            *names, error = match.groups()
            values = list(map(self._texts.__getitem__, names))
            values.append(None if error is None else read_end(error, is_plain=pattern is _PLAIN_DST))
        if len(known) >= self.limit:
            known.clear()
        half = known[mark_of(text)] = tuple(values)
        return half

    def _forget(self) -> None:
        """Forget whole texts; their halves, which have a bound of their own, make it cheap to learn them again."""
        for part in self._parts.values():
            part.clear()
        self._count = 0
