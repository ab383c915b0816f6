"""Compressed files, unpacked as they are read: gzip, bzip2 and xz, and zstd where Python has it (3.14)."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from ztui.observers.files_kind import Unreadable

MOST_BYTES = 256 * 1024
"""Unpacked at a time, whatever the packed bytes promise."""


def _zstd() -> Any:
    try:
        return import_module("compression.zstd").ZstdDecompressor()
    except ImportError:
        raise Unreadable(
            "it is compressed with zstd", "Unpack it on the way: `zstd -dc FILE | ztui … --file -`."
        ) from None


_FORMATS: dict[bytes, tuple[str, Callable[[], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda: _Gzip()),  # noqa: PLW0108  the class stands below
    b"BZh": ("bzip2", bz2.BZ2Decompressor),
    b"\xfd7zXZ\0": ("xz", lzma.LZMADecompressor),
    b"\x28\xb5\x2f\xfd": ("zstd", _zstd),
}
_LONGEST_MAGIC = max(map(len, _FORMATS))


class _Gzip:
    """A gzip stream with the interface that bz2 and lzma share."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    def decompress(self, data: bytes, max_length: int) -> bytes:
        text = self._stream.decompress(self._waiting + data, max_length)
        self._waiting = self._stream.unconsumed_tail
        return text


class Unpacker:
    """Unpacks one compressed file, which may be several packed texts in a row (`cat a.gz b.gz`)."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self._name = name
        self._make = make
        self._stream = make()
        self._is_between = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack what follows, a piece at a time. Raises Unreadable where it is damaged."""
        while data or not self._stream.needs_input:
            if self._is_between:
                data = data.lstrip(b"\0")  # tapes and some tools pad
                if not data:
                    return
                self._stream, self._is_between = self._make(), False
            try:
                text = self._stream.decompress(data, MOST_BYTES)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
                raise Unreadable(f"its {self._name} compression is damaged") from None
            data = b""
            if self._stream.eof:
                data, self._is_between = self._stream.unused_data, True
            if text:
                yield text
            if self._is_between and not data:
                return

    def finish(self) -> None:
        """Make sure that nothing is missing. Raises Unreadable where the file was cut off."""
        if not self._is_between:
            raise Unreadable(f"its {self._name} compression is cut off: the file is not whole")


def unpacker(head: bytes, *, is_all: bool) -> Unpacker | bool:
    """Give the unpacker for a file that begins so; False where it is not packed, True where more must be seen first."""
    for magic, (name, make) in _FORMATS.items():
        if head.startswith(magic):
            return Unpacker(name, make)
    return not is_all and len(head) < _LONGEST_MAGIC and any(magic.startswith(head) for magic in _FORMATS)
