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
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar
from weakref import WeakValueDictionary

from ztui.model.certificate import CertificateChain, read_chain
from ztui.model.dumpitem import DumpItem, JsonObject, object_at, text_at
from ztui.model.policy import AuthorizationPolicy, read_policy
from ztui.model.service import Service, read_service
from ztui.model.text import clean
from ztui.model.workload import OpenConnection, Workload, WorkloadState, read_state, read_workload

_SLICE_CHARS = 32 * 1024
"""How much text is decoded between two yields: about a millisecond's work."""
_HASH_CHUNK = 1 << 20
_KNOWN_ELEMENT_CHARS = 64 * 1024
"""How far the end of an element is looked for before it is compared with those already known."""
_MAX_PROBLEMS = 20

_SPACE = re.compile(r"[ \t\n\r]*")
_ELEMENT_END = "\n    }"  # serde's pretty printing: two blanks a level, and no raw newline inside a JSON text
_SECTION_END = {"[": b"\n  ]", "{": b"\n  }"}

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
        self._sections: WeakValueDictionary[tuple[str, bytes], Section[Any]] = WeakValueDictionary()
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
        if not data.strip():
            raise DumpError("it is empty")
        text = data.decode("utf-8", "surrogateescape")
        yield
        document = _Document(text, data if text.isascii() else None)
        position = document.open_object()
        sections: list[Section[Any] | str] = []
        found: dict[str, Any] = {}
        mark = 0
        while True:
            name, start = document.key_at(position)
            if name in _READERS and text[start : start + 1] in _SECTION_END:
                section, end = yield from self._read_section(document, name, start)
                sections += (text[mark:start], section)
                found[name] = section
                mark = end
            else:
                found[name], end = document.value_at(start)
            position, ended = document.after(end, "}")
            if ended:
                break
        document.close(position)
        sections.append(text[mark:])
        return _dump_of(found, tuple(sections))

    def _read_section(
        self, document: _Document, name: str, start: int
    ) -> Generator[None, None, tuple[Section[Any], int]]:
        """Read the section at `start`, and say where it ends.

        A text equal to a whole section is a whole section, so a guess about the end that hits a remembered hash is
        no guess any more.
        """
        guess = document.guess_end(start)
        digest = b""
        if guess is not None:
            digest = yield from document.digest(start, guess)
            known = self._sections.get((name, digest))
            if known is not None:
                return known, guess
        section, end = yield from self._read_elements(document, name, start)
        if end != guess:
            digest = yield from document.digest(start, end)
        section = self._sections.setdefault((name, digest), section)
        return section, end

    def _read_elements(
        self, document: _Document, name: str, start: int
    ) -> Generator[None, None, tuple[Section[Any], int]]:
        """Read a section element by element, whether it is a list or, as in 1.22, a map."""
        text, read, known = document.text, _READERS[name], self._elements.get(name, {})
        latest: dict[tuple[str | None, str], DumpItem] = {}
        items: list[DumpItem] = []
        pieces: list[str] = []
        problems: list[str] = []
        keyed = text[start] == "{"
        closer = "}" if keyed else "]"
        position = _skip(text, start + 1)
        ended = text[position : position + 1] == closer
        mark, paused = start, start
        while not ended:
            key = None
            if keyed:
                key, position = document.key_at(position)
            element, end = _known_element(text, position, key, known)
            if element is None:
                value, end = document.value_at(position)
                element = _read_element(read, key, value, text[position:end])
            pieces += (text[mark:position], text[position:end])
            if element is None:
                problems.append(f"an element of {name} is not what it should be: {clean(text[position:end][:80])}")
            else:
                items.append(element)
                latest[key, pieces[-1]] = element
            mark = end
            position, ended = document.after(end, closer)
            if end - paused > _SLICE_CHARS:
                paused = end
                yield
        pieces.append(text[mark : position + 1])
        self._elements[name] = latest
        return Section(tuple(items), tuple(pieces), tuple(problems[:_MAX_PROBLEMS])), position + 1


def _known_element(
    text: str, position: int, key: str | None, known: Mapping[tuple[str | None, str], DumpItem]
) -> tuple[DumpItem | None, int]:
    """Find the element at `position` among the known ones; again a guess that a hit proves right."""
    end = text.find(_ELEMENT_END, position, position + _KNOWN_ELEMENT_CHARS) + len(_ELEMENT_END)
    if not known or end < position:
        return None, end
    return known.get((key, text[position:end])), end


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


def _skip(text: str, position: int) -> int:
    """Past white space."""
    space = _SPACE.match(text, position)
    return space.end() if space else position


class _Document:
    """The text of one dump and the steps of reading it; every step that fails raises DumpError."""

    _decoder = json.JSONDecoder(parse_constant=_no_constant)

    def __init__(self, text: str, data: bytes | None) -> None:
        self.text = text
        self._data = data
        """The same in bytes where positions in both are equal (ASCII), else None."""

    def fail(self, position: int) -> NoReturn:
        """Say why nothing can be read at `position`."""
        complete = self.text.rstrip()
        if not complete.endswith("}") or position >= len(complete):
            raise DumpError("it is cut off: the text ends in the middle of the dump")
        line = self.text.count("\n", 0, position) + 1
        raise DumpError(f"it is not JSON (line {line})")

    def open_object(self) -> int:
        """Where the first key of the whole is."""
        start = _skip(self.text, 1 if self.text.startswith("\ufeff") else 0)
        if self.text[start : start + 1] != "{":
            known = self.text[start : start + 1] == "["
            raise DumpError("it is not a config dump but a list" if known else "it is not JSON")
        first = _skip(self.text, start + 1)
        if self.text[first : first + 1] == "}":
            raise DumpError("it is JSON, but not a config dump of a ztunnel: it is an empty object")
        return first

    def key_at(self, position: int) -> tuple[str, int]:
        """Read the key at `position`, and say where its value begins."""
        if self.text[position : position + 1] != '"':
            self.fail(position)
        key, end = self.value_at(position)
        colon = _skip(self.text, end)
        if self.text[colon : colon + 1] != ":":
            self.fail(colon)
        return str(key), _skip(self.text, colon + 1)

    def value_at(self, position: int) -> tuple[Any, int]:
        """Decode the whole value at `position`, and say where it ends."""
        try:
            return self._decoder.raw_decode(self.text, position)
        except RecursionError:
            raise DumpError("it is not a config dump: its values are nested too deeply") from None
        except json.JSONDecodeError as error:
            self.fail(error.pos)
        except ValueError:  # a constant that is not JSON, a number of thousands of digits
            self.fail(position)

    def after(self, end: int, closer: str) -> tuple[int, bool]:
        """Where the next element begins after the one that ended at `end`; or where `closer` is, and True."""
        position = _skip(self.text, end)
        follows = self.text[position : position + 1]
        if follows == closer:
            return position, True
        if follows != ",":
            self.fail(position)
        return _skip(self.text, position + 1), False

    def close(self, position: int) -> None:
        """Make sure that nothing follows the closing brace at `position`."""
        end = _skip(self.text, position + 1)
        if end != len(self.text):
            raise DumpError(
                f"it is not one JSON text: something follows the dump (line {self.text.count(chr(10), 0, end) + 1})"
            )

    def guess_end(self, start: int) -> int | None:
        """Where the section at `start` ends if the dump is pretty-printed as ztunnel does it; None where it is not."""
        if self._data is None:
            return None
        opener = self.text[start]
        if self.text[start + 1 : start + 2] != "\n":
            return None
        end = self._data.find(_SECTION_END[opener], start)
        return None if end < 0 else end + len(_SECTION_END[opener])

    def digest(self, start: int, end: int) -> Generator[None, None, bytes]:
        """Hash the text between two positions."""
        if self._data is None:
            data = memoryview(self.text[start:end].encode("utf-8", "surrogateescape"))
        else:
            data = memoryview(self._data)[start:end]
        digest = hashlib.blake2b(digest_size=16)
        for position in range(0, len(data), _HASH_CHUNK):
            digest.update(data[position : position + _HASH_CHUNK])
            yield
        return digest.digest()
