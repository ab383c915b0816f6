"""The observer of saved files and pipes: config dumps and ztunnel logs, recognised by content, packed or not.

Files on disk are read in turn, dumps before logs, since they explain them; pipes are then followed side by side for as
long as somebody writes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol

from ztui.model.accesslog import ShapeTable
from ztui.model.configdump import DumpReader
from ztui.model.observation import Deliver, Exhausted, StreamChanged, Wish
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.observers.files_documents import DocumentSink
from ztui.observers.files_kind import HEAD_BYTES, Kind, Unreadable, recognise
from ztui.observers.files_logs import BATCH_BYTES, LogSink, PrefixedSink
from ztui.observers.files_unpack import Unpacker, unpacker

if TYPE_CHECKING:
    from ztui.clock import Clock

STDIN = "-"
_TURN_BYTES = BATCH_BYTES
"""Read of a file on disk before a wish to stop is heard."""
_MOST_SHAPES = 1 << 19
"""Shapes known at once of saved logs: each takes about 650 bytes, mostly its text, and forgetting them to learn them
again costs a mesh of 20,000 pods a fifth of the time."""
_GATHER_BYTES, _GATHER_S = 32 * 1024, 0.05
"""A pipe is let gather so many bytes, for so long at most: a wake-up costs more than reading a line. It holds twice as
many, so whoever writes into it is not made to wait."""
_LEAST_PAUSE_S = 0.005


class Sink(Protocol):
    """What a recognised file's text is given to."""

    def take(self, data: bytes) -> None:
        """Read on."""

    def end(self) -> None:
        """Read what is left, at the end of the file. Raises Unreadable where it held nothing that could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What the files of one observer have in common."""

    deliver: Deliver
    clock: Clock
    shapes: ShapeTable
    dumps: DumpReader


class Intake:
    """What becomes of one file's bytes: unpacked where they are packed, recognised, read. Raises Unreadable."""

    def __init__(self, path: str, written_at: float, shared: _Shared) -> None:
        self._path = path
        self._written_at = written_at
        self._shared = shared
        self._packed = b""
        self._unpacker: Unpacker | None = None
        self._is_opened = False
        self._head = b""
        self._sink: Sink | None = None

    def take(self, data: bytes) -> None:
        """Take the next bytes of the file."""
        if not self._is_opened:
            self._packed += data
            self._open(is_all=False)
        elif self._unpacker is not None:
            for text in self._unpacker.feed(data):
                self._take_text(text)
        else:
            self._take_text(data)

    def end(self) -> None:
        """Take note that this was all."""
        if not self._is_opened:
            self._open(is_all=True)
        if self._unpacker is not None:
            self._unpacker.finish()
        if self._sink is None:
            self._recognise(is_all=True)
        if self._sink is not None:
            self._sink.end()

    def _open(self, *, is_all: bool) -> None:
        found = unpacker(self._packed, is_all=is_all)
        if found is True:
            return
        self._is_opened = True
        self._unpacker = found or None
        data, self._packed = self._packed, b""
        self.take(data)

    def _take_text(self, text: bytes) -> None:
        if self._sink is not None:
            self._sink.take(text)
            return
        self._head += text
        self._recognise(is_all=False)

    def _recognise(self, *, is_all: bool) -> None:
        kind = recognise(self._head, is_all=is_all)
        if kind is None:
            return
        shared, head = self._shared, self._head
        if kind is Kind.DOCUMENT:
            self._sink = DocumentSink(
                self._path,
                taken_at=self._written_at,
                deliver=shared.deliver,
                clock=shared.clock,
                dumps=shared.dumps,
            )
        else:
            make = PrefixedSink if kind is Kind.PREFIXED_LOG else LogSink
            self._sink = make(self._path, head, shared.deliver, shared.clock, shared.shapes)
        self._head = b""
        self._sink.take(head)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A file that could be opened."""

    path: str
    descriptor: int
    is_stream: bool
    """Whether it is a pipe, a socket or a terminal: its end is when nobody writes any more."""
    written_at: float | None
    starts_as_document: bool = False

    def close(self) -> None:
        os.close(self.descriptor)


class FilesObserver:
    """Observes saved files, each named by its path (`-` is standard input). Ends when all are read to their end.

    `stdin` is the descriptor of what was piped in, where the keyboard has taken the place of standard input.
    """

    is_finite = True
    is_unverified = False

    def __init__(self, paths: Sequence[str], clock: Clock, stdin: int | None = None) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._clock = clock
        self._stdin = 0 if stdin is None else stdin

    @property
    def title(self) -> str:
        """What is read: the file's name, or how many there are."""
        names = [name_of(path) for path in self._paths]
        return names[0] if len(names) == 1 else f"{len(names)} files"

    @property
    def is_saved(self) -> bool:
        """Whether all of them lie on disk: a pipe may have to be waited for."""
        return all(os.path.isfile(path) for path in self._paths)  # noqa: PTH113  as open takes it

    async def ask(self, deliver: Deliver) -> None:
        """Files answer no questions: all of them are read by `follow`."""

    def wish(self, wish: Wish) -> None:
        """Wishes are for a cluster."""

    async def follow(self, deliver: Deliver) -> None:
        """Read every file to its end, and then say so."""
        shared = _Shared(deliver=deliver, clock=self._clock, shapes=ShapeTable(_MOST_SHAPES), dumps=DumpReader())
        opened = [file for path in self._paths if (file := self._open(path, deliver)) is not None]
        try:
            on_disk = [file for file in opened if not file.is_stream]
            for file in sorted(on_disk, key=lambda file: not file.starts_as_document):
                await self._read(file, shared)
            async with asyncio.TaskGroup() as tasks:
                for file in opened:
                    if file.is_stream:
                        tasks.create_task(self._read(file, shared))
        finally:
            for file in opened:
                file.close()
        deliver(Exhausted())

    def _open(self, path: str, deliver: Deliver) -> _Opened | None:
        try:
            return _open(path, self._stdin)
        except OSError as error:
            self._fail(path, Unreadable(_why(error)), deliver)
        except Unreadable as refused:
            self._fail(path, refused, deliver)
        return None

    async def _read(self, file: _Opened, shared: _Shared) -> None:
        """Read one file to its end. That it cannot be read is no error of ours: it is a state of its stream."""
        written_at = file.written_at if file.written_at is not None else self._clock.now()
        intake = Intake(file.path, written_at, shared)
        try:
            if file.is_stream:
                await _pump(file.descriptor, intake)
            else:
                while data := _next_of(file.descriptor):
                    intake.take(data)
                    await asyncio.sleep(0)
            intake.end()
        except Unreadable as refused:
            self._fail(file.path, refused, shared.deliver)

    def _fail(self, path: str, refused: Unreadable, deliver: Deliver) -> None:
        deliver(
            StreamChanged(
                stream=StreamKey(kind=StreamKind.FILE, of=path),
                state=StreamState.ERROR,
                at=self._clock.now(),
                reason=refused.reason,
                remedy=refused.remedy,
            )
        )


def name_of(path: str) -> str:
    """Give a file's name as its user knows it."""
    return "standard input" if path == STDIN else PurePath(path).name or path


def _open(path: str, stdin: int) -> _Opened:
    """Open one file. Raises OSError and Unreadable."""
    if path == STDIN and stdin == 0 and sys.stdin is None:  # `<&-`: by now descriptor 0 is something of our own
        raise Unreadable("it is closed")
    # Without O_NONBLOCK a named pipe nobody writes to yet would hold up everything else. It is reading that waits.
    descriptor = os.dup(stdin) if path == STDIN else os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    about = os.fstat(descriptor)
    if stat.S_ISDIR(about.st_mode):
        os.close(descriptor)
        raise Unreadable("it is a directory", "Name the files in it: --file may be repeated.")
    is_disk = stat.S_ISREG(about.st_mode)
    head = os.pread(descriptor, HEAD_BYTES, os.lseek(descriptor, 0, os.SEEK_CUR)) if is_disk else b""
    return _Opened(
        path=path,
        descriptor=descriptor,
        is_stream=not is_disk,
        written_at=about.st_mtime if is_disk else None,
        starts_as_document=_is_document(head),
    )


def _is_document(head: bytes) -> bool:
    """Whether a file should be read before logs: a guess that only orders."""
    try:
        return recognise(head, is_all=True) is Kind.DOCUMENT
    except Unreadable:
        return False


def _next_of(descriptor: int) -> bytes:
    """Read what comes next. Raises Unreadable; an OSError of whoever takes what was read is none of the file's."""
    try:
        return os.read(descriptor, _TURN_BYTES)
    except OSError as error:
        raise Unreadable(_why(error)) from error


async def _pump(descriptor: int, intake: Intake) -> None:
    """Read a pipe as it flows, without ever holding up the loop that other pipes share."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    now = asyncio.get_running_loop().time
    read_at = now()
    while True:
        if not poll.poll(0):
            await _until_readable(descriptor)
        data = _next_of(descriptor)
        if not data:
            return
        intake.take(data)
        since, read_at = read_at, now()
        await asyncio.sleep(_pause_s(len(data), read_at - since))


def _pause_s(size: int, took_s: float) -> float:
    """Give for how long a pipe may gather that gave so many bytes in so many seconds; 0 where it would run full."""
    pause_s = _GATHER_BYTES * took_s / size
    return min(pause_s, _GATHER_S) if pause_s > _LEAST_PAUSE_S else 0


async def _until_readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)


def _why(error: OSError) -> str:
    """Say in plain words why a file cannot be opened or read."""
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case PermissionError():
            return "you are not permitted to read it"
        case _ if error.errno == errno.EBADF:
            return "it is closed"
        case _:
            return f"it cannot be read ({error.strerror})"
