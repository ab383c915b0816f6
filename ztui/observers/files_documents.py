"""Saved JSON texts: a ztunnel's config dump, several of them by pod (`ztui all -o json`), or one section of one.

`istioctl ztunnel-config workloads -o json` and `… certificates -o json` print such a section: a list.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from ztui.model.configdump import ConfigDump, DumpError, DumpReader
from ztui.model.flow import Origin
from ztui.model.observation import ConfigDumpTaken, Deliver, StreamChanged
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.model.text import clean
from ztui.observers.files_kind import Unreadable

if TYPE_CHECKING:
    from ztui.clock import Clock

_MOST_BYTES = 1 << 30
_SECTIONS = frozenset({"workloads", "certificates", "workloadState"})
_TELLING_KEYS = {"certificates": "certChain", "workloads": "workloadIps"}
"""A section that can stand alone, and a key that its elements have and no other's."""
_REMEDY = "Take one with `istioctl ztunnel-config all POD -o json` or from ztunnel's port 15000, /config_dump."


class DocumentSink:
    """One file that is one JSON text: read when it is whole."""

    def __init__(self, path: str, *, taken_at: float, deliver: Deliver, clock: Clock, dumps: DumpReader) -> None:
        self._path = path
        self._taken_at = taken_at
        self._deliver, self._clock, self._dumps = deliver, clock, dumps
        self._data = bytearray()

    def take(self, data: bytes) -> None:
        """Keep what came. Raises Unreadable where it is more than any dump."""
        self._data += data
        if len(self._data) > _MOST_BYTES:
            raise Unreadable(f"it is one JSON text of more than {_MOST_BYTES >> 20} MiB")

    def end(self) -> None:
        """Read the dump and deliver it. Raises Unreadable."""
        data = _as_dump(bytes(self._data))
        self._data.clear()
        try:
            dump = self._dumps.read(data)
        except DumpError as error:
            several = _dumps_by_pod(data)
            if not several:
                raise Unreadable(clean(str(error)), _REMEDY) from None
            for pod, one in several:
                self._put(self._dumps.read(one), Origin(key=f"{self._path} {pod}", ztunnel=pod))
            return
        _refuse_ambientz(dump)
        self._put(dump, Origin(key=self._path, node=dump.local_node))

    def _put(self, dump: ConfigDump, origin: Origin) -> None:
        if origin.node is None and dump.local_node:
            origin = Origin(key=origin.key, ztunnel=origin.ztunnel, node=dump.local_node)
        self._deliver(ConfigDumpTaken(origin=origin, dump=dump, taken_at=self._taken_at))
        stream = StreamKey(kind=StreamKind.CONFIG_DUMP, of=origin.key)
        self._deliver(StreamChanged(stream=stream, state=StreamState.CONNECTED, at=self._clock.now()))


def _as_dump(data: bytes) -> bytes:
    """Put a dump around the list that is one of its sections; anything else stays as it is."""
    if not data.lstrip().startswith(b"["):
        return data
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return data
    first = found[0] if found else None
    for section, key in _TELLING_KEYS.items():
        if isinstance(first, dict) and key in first:
            return b'{"%b": %b}' % (section.encode(), data)
    return data


def _dumps_by_pod(data: bytes) -> list[tuple[str, bytes]]:
    """Find the dumps in `{pod: dump, …}`, each byte for byte; none where it is anything else."""
    try:
        return list(_members(data.decode("utf-8", "surrogateescape")))
    except (ValueError, RecursionError):
        return []


def _members(text: str) -> Generator[tuple[str, bytes], None, None]:
    decode, at = json.JSONDecoder().raw_decode, _after(text, 0, "{")
    while True:
        name, at = decode(text, at)
        start = _after(text, at, ":")
        value, at = decode(text, start)
        if not isinstance(value, dict) or _SECTIONS.isdisjoint(value):
            raise ValueError(name)
        yield clean(name), text[start:at].encode("utf-8", "surrogateescape")
        rest = text[at:].lstrip()[:1]
        if rest == "}":
            return
        at = _after(text, at, ",")


def _after(text: str, at: int, sign: str) -> int:
    """Go past white space, this sign, and white space again. Raises ValueError where anything else stands there."""
    while text[at : at + 1].isspace():
        at += 1
    if text[at : at + 1] != sign:
        raise ValueError(sign)
    at += 1
    while text[at : at + 1].isspace():
        at += 1
    return at


def _refuse_ambientz(dump: ConfigDump) -> None:
    """Tell istiod's own view from a ztunnel's: it has workloads too, but nothing of a ztunnel."""
    if dump.config or dump.certificates or dump.states or dump.version:
        return
    first: dict[str, Any] = dump.workloads[0].raw() if dump.workloads else {}
    if "addresses" in first and "workloadIps" not in first:
        raise Unreadable("it is what istiod holds (ambientz), which is not read from files", _REMEDY)
