"""Reads a ztunnel's `/config_dump`: every shape known from 1.22 (maps by address) to 1.31, unknown keys kept.

A dump of a large mesh is 14 MB and nearly all of it is the same on every node and from one minute to the next. So each
top-level section is hashed first: one that was read before, of whichever ztunnel, is the same object again. In a new
section only the elements that the section before it did not have are decoded, one by one, so that a loop that reads in
slices never waits long. Source: ztunnel's `src/admin.rs`.
"""

from __future__ import annotations

import hashlib
import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from math import isinf
from typing import Any, Generic, NoReturn, TypeVar
from weakref import WeakValueDictionary

from ztui.model.certificate import CertificateChain, read_chain
from ztui.model.dumpitem import DumpItem, JsonObject, object_at, text_at
from ztui.model.policy import AuthorizationPolicy, read_policy
from ztui.model.service import Service, read_service
from ztui.model.text import clean
from ztui.model.workload import OpenConnection, Workload, WorkloadState, read_state, read_workload

_SLICE_BYTES = 32 * 1024
"""How much is decoded between two yields: about a millisecond's work."""
_HASH_CHUNK = 1 << 20
_KEY_BYTES = 256
_ELEMENT_BYTES = 64 * 1024
"""How far the end of an element is looked for before it is compared with those already known."""
_MAX_PROBLEMS = 20
_DEEPEST = 100
"""Brackets within each other in one element; ztunnel's own have nine."""

_SPACE = re.compile(rb"[ \t\n\r]*")
_ELEMENT_END = b"\n    }"  # serde's pretty printing: two blanks a level, and no raw newline inside a JSON text

T = TypeVar("T", bound=DumpItem)


class DumpError(ValueError):
    """These bytes are no config dump that can be read; the message says why in plain words."""


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Section(Generic[T]):
    """One top-level section of a dump. Equal sections of any ztunnel at any time are one object while it is in use."""

    items: tuple[T, ...] = ()
    pieces: tuple[str, ...] = ()
    """Its text, verbatim: what stands between the elements, and each element's own text, in turn."""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConfigDump:
    """What one ztunnel held at one moment. The dump has no time of its own: whoever took it knows when."""

    workloads: tuple[Workload, ...] = ()
    services: tuple[Service, ...] = ()
    policies: tuple[AuthorizationPolicy, ...] = ()
    certificates: tuple[CertificateChain, ...] = ()
    states: tuple[WorkloadState, ...] = ()
    """The node's own pods."""
    version: str | None = None
    """As built; None where the build did not know its own version."""
    local_node: str | None = None
    cluster_id: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """ztunnel's own settings as decoded; unstable from version to version."""
    sections: tuple[Section[Any] | str, ...] = field(default=(), repr=False)
    """The text in order: shared sections, and what stands around them."""
    problems: tuple[str, ...] = ()
    """What could not be understood and was left out, in plain words; bounded."""

    @property
    def connections(self) -> tuple[OpenConnection, ...]:
        """All open connections of the node's own pods."""
        return tuple(connection for state in self.states for connection in state.connections or ())

    @property
    def raw(self) -> bytes:
        """The dump byte for byte as it was read."""
        pieces: list[str] = []
        for section in self.sections:
            if isinstance(section, str):
                pieces.append(section)
            else:
                pieces.extend(section.pieces)
        return "".join(pieces).encode("utf-8", "surrogateescape")


Slices = Generator[None, None, ConfigDump]


class DumpReader:
    """Reads dumps of any number of ztunnels and remembers sections, so that what is equal is read once and shared.

    Remembered are only sections that some ConfigDump still holds, and the elements of each section's latest reading.
    One thread's own.
    """

    def __init__(self) -> None:
        self._sections: WeakValueDictionary[tuple[str, int, bytes], Section[Any]] = WeakValueDictionary()
        self._elements: dict[str, dict[tuple[str | None, str], DumpItem]] = {}

    def read(self, data: bytes) -> ConfigDump:
        """Read one dump. Raises DumpError where the bytes are cut off, are not JSON or are not a config dump."""
        slices = self.read_in_slices(data)
        while True:
            try:
                next(slices)
            except StopIteration as done:
                dump = done.value
                assert isinstance(dump, ConfigDump)
                return dump

    def read_in_slices(self, data: bytes) -> Slices:
        """As `read`, but yields every millisecond or so of work; the dump is the generator's return value."""
        document = _Document(data)
        position = document.open_object()
        sections: list[Section[Any] | str] = []
        found: dict[str, Any] = {}
        mark = 0
        while True:
            name, start = document.key_at(position)
            if name in _READERS and data[start : start + 1] in (b"[", b"{"):
                section, end = yield from self._read_section(document, name, start)
                sections += (document.text(mark, start), section)
                found[name] = section
                mark = end
            else:
                found[name], end = document.value_at(start)
                yield
            position, ended = document.after(end, b"}")
            if ended:
                break
        document.close(position)
        sections.append(document.text(mark, len(data)))
        return _dump_of(found, tuple(sections))

    def _read_section(
        self, document: _Document, name: str, start: int
    ) -> Generator[None, None, tuple[Section[Any], int]]:
        """Read the section at `start`, and say where it ends.

        Where a remembered section could end, the text up to there is hashed: if it is equal to that section it is a
        whole section too, and where it ends is certain without having been read.
        """
        for length in sorted({length for kind, length, _ in self._sections if kind == name}, reverse=True):
            if document.can_end(start, start + length):
                digest = yield from document.digest(start, start + length)
                known = self._sections.get((name, length, digest))
                if known is not None:
                    return known, start + length
        section, end = yield from self._read_elements(document, name, start)
        digest = yield from document.digest(start, end)
        return self._sections.setdefault((name, end - start, digest), section), end

    def _read_elements(
        self, document: _Document, name: str, start: int
    ) -> Generator[None, None, tuple[Section[Any], int]]:
        """Read a section element by element, whether it is a list or, as in 1.22, a map."""
        read, known = _READERS[name], self._elements.get(name, {})
        latest: dict[tuple[str | None, str], DumpItem] = {}
        items: list[DumpItem] = []
        pieces: list[str] = []
        problems: list[str] = []
        keyed = document.data[start : start + 1] == b"{"
        closer = b"}" if keyed else b"]"
        position = document.skip(start + 1)
        ended = document.data[position : position + 1] == closer
        mark = paused = start
        while not ended:
            key = None
            if keyed:
                key, position = document.key_at(position)
            guess = document.guess_end(position)
            text = document.text(position, guess)
            element, end = known.get((key, text)), guess
            if element is None:
                value, end = document.value_at(position, guess)
                text = text if end == guess else document.text(position, end)
                element = _read_element(read, key, value, text)
            pieces += (document.text(mark, position), text)
            if element is None:
                problems.append(f"an element of {name} is not what it should be: {clean(text[:80])}")
            else:
                items.append(element)
                latest[key, text] = element
            mark = end
            position, ended = document.after(end, closer)
            if end - paused > _SLICE_BYTES:
                paused = end
                yield
        pieces.append(document.text(mark, position + 1))
        self._elements[name] = latest
        return Section(tuple(items), tuple(pieces), tuple(problems[:_MAX_PROBLEMS])), position + 1


Read = Callable[[str | None, JsonObject, str], DumpItem]

_READERS: dict[str, Read] = {
    "workloads": lambda _, obj, text: read_workload(obj, text),
    "services": lambda _, obj, text: read_service(obj, text),
    "policies": lambda _, obj, text: read_policy(obj, text),
    "certificates": lambda _, obj, text: read_chain(obj, text),
    "workloadState": lambda key, obj, text: read_state(key or "", obj, text),
}
_NAMES = frozenset({"uid", "name", "hostname", "identity", "info", "state"})
"""An element that has none of these is no element of any section of a known shape."""


def _read_element(read: Read, key: str | None, value: Any, text: str) -> DumpItem | None:
    if not isinstance(value, dict) or _NAMES.isdisjoint(value):
        return None
    return read(clean(key) if key is not None else None, value, text)


def _dump_of(found: Mapping[str, Any], sections: tuple[Section[Any] | str, ...]) -> ConfigDump:
    if not any(name in found for name in ("workloads", "certificates", "workloadState")):
        raise DumpError("it is JSON, but not a config dump of a ztunnel: it has no workloads and no certificates")
    read: dict[str, Section[Any]] = {}
    problems: list[str] = []
    for name in _READERS:
        section = found.get(name)
        if isinstance(section, Section):
            problems += section.problems
        elif section is not None:
            problems.append(f"{name} is neither a list nor a map")
        read[name] = section if isinstance(section, Section) else Section()
    config = object_at(found, "config")
    return ConfigDump(
        workloads=read["workloads"].items,
        services=read["services"].items,
        policies=read["policies"].items,
        certificates=read["certificates"].items,
        states=read["workloadState"].items,
        version=_version(object_at(found, "version")),
        local_node=text_at(config, "localNode"),
        cluster_id=text_at(config, "clusterId"),
        config=config,
        sections=sections,
        problems=tuple(problems[:_MAX_PROBLEMS]),
    )


def _version(version: JsonObject) -> str | None:
    """Istio's version if the build knew it, else ztunnel's own; `unknown` is not known."""
    for key in ("istioVersion", "version"):
        word = text_at(version, key)
        if word is not None and word != "unknown":
            return word
    return None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _finite(word: str) -> float:
    number = float(word)
    if isinf(number):
        raise ValueError("a number is too large")
    return number


def _depth(value: Any) -> int:
    """Count how many lists and objects stand within each other, without going down the stack."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, list | dict)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


_TOO_DEEP = "it is not a config dump: its values are nested too deeply"


class _Document:
    """The bytes of one dump and the steps of reading them; every step that fails raises DumpError.

    Only small windows are ever decoded: one text of 14 MB would stop everything else for 10 ms.
    """

    _decoder = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def text(self, start: int, end: int) -> str:
        """Decode the text between two positions; bytes that are not UTF-8 become lone surrogates."""
        return self.data[start:end].decode("utf-8", "surrogateescape")

    def skip(self, position: int) -> int:
        """Go past white space."""
        space = _SPACE.match(self.data, position)
        return space.end() if space else position

    def fail(self, position: int) -> NoReturn:
        """Say why nothing can be read at `position`."""
        complete = self.data.rstrip()
        if not complete.endswith(b"}") or position >= len(complete):
            raise DumpError("it is cut off: the text ends in the middle of the dump")
        line = self.data.count(b"\n", 0, position) + 1
        raise DumpError(f"it is not JSON (line {line})")

    def open_object(self) -> int:
        """Find the first key of the whole."""
        start = self.skip(len(BOM_UTF8) if self.data.startswith(BOM_UTF8) else 0)
        opener = self.data[start : start + 1]
        if not opener:
            raise DumpError("it is empty")
        if opener != b"{":
            raise DumpError("it is not a config dump but a list" if opener == b"[" else "it is not JSON")
        first = self.skip(start + 1)
        if self.data[first : first + 1] == b"}":
            raise DumpError("it is JSON, but not a config dump of a ztunnel: it is an empty object")
        return first

    def key_at(self, position: int) -> tuple[str, int]:
        """Read the key at `position`, and say where its value begins."""
        if self.data[position : position + 1] != b'"':
            self.fail(position)
        key, end = self.value_at(position, position + _KEY_BYTES)
        colon = self.skip(end)
        if self.data[colon : colon + 1] != b":":
            self.fail(colon)
        return str(key), self.skip(colon + 1)

    def value_at(self, position: int, guess: int = 0) -> tuple[Any, int]:
        """Decode the whole value at `position`, and say where it ends.

        The window up to `guess` is tried first, and widened as long as the value does not end in it.
        """
        window = max(guess - position, _KEY_BYTES)
        while True:
            text = self.text(position, position + window)
            is_all = position + window >= len(self.data)
            try:
                value, end = self._decoder.raw_decode(text)
            except RecursionError:
                raise DumpError(_TOO_DEEP) from None
            except json.JSONDecodeError as error:
                if is_all:
                    self.fail(position + len(text[: error.pos].encode("utf-8", "surrogateescape")))
            except ValueError:  # a constant that is not JSON, a number of thousands of digits
                line = self.data.count(b"\n", 0, position) + 1
                raise DumpError(f"it is not JSON (line {line}): a number there is none, or too large") from None
            else:
                if end < len(text) or is_all or text[-1] in '"]}':  # a number may go on behind the window
                    if text.count("[", 0, end) + text.count("{", 0, end) > _DEEPEST and _depth(value) > _DEEPEST:
                        raise DumpError(_TOO_DEEP)
                    end = end if text.isascii() else len(text[:end].encode("utf-8", "surrogateescape"))
                    return value, position + end
            window *= 8

    def after(self, end: int, closer: bytes) -> tuple[int, bool]:
        """Find where the next element begins after the one that ended at `end`; or where `closer` is, and True."""
        position = self.skip(end)
        follows = self.data[position : position + 1]
        if follows == closer:
            return position, True
        if follows != b",":
            self.fail(position)
        return self.skip(position + 1), False

    def close(self, position: int) -> None:
        """Make sure that nothing follows the closing brace at `position`."""
        end = self.skip(position + 1)
        if end != len(self.data):
            line = self.data.count(b"\n", 0, end) + 1
            raise DumpError(f"it is not one JSON text: something follows the dump (line {line})")

    def guess_end(self, start: int) -> int:
        """Guess where the element at `start` ends, by ztunnel's pretty printing; never less than `start`."""
        end = self.data.find(_ELEMENT_END, start, start + _ELEMENT_BYTES)
        return start if end < 0 else end + len(_ELEMENT_END)

    def can_end(self, start: int, end: int) -> bool:
        """Whether the section at `start` could end at `end`, by the brackets there."""
        closer = b"]" if self.data[start : start + 1] == b"[" else b"}"
        return self.data[end - 1 : end] == closer

    def digest(self, start: int, end: int) -> Generator[None, None, bytes]:
        """Hash the text between two positions."""
        digest = hashlib.sha256(usedforsecurity=False)
        view = memoryview(self.data)
        for position in range(start, end, _HASH_CHUNK):
            digest.update(view[position : min(position + _HASH_CHUNK, end)])
            yield
        return digest.digest()
