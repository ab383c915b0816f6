"""Files and pipes: what they are is told by their content, pipes are followed live, every failure is a state."""

from __future__ import annotations

import asyncio
import bz2
import contextlib
import gzip
import lzma
import os
import sys
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ztui.clock import ManualClock
from ztui.model.observation import ConfigDumpTaken, EntriesRead, Exhausted, Observation, StreamChanged
from ztui.model.streams import StreamKey, StreamKind, StreamState
from ztui.observers.files import FilesObserver
from ztui.observers.files_kind import Kind, Unreadable, recognise
from ztui.observers.files_unpack import Unpacker, unpacker

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
LOG, DUMP = DATA / "plain/w1.log", DATA / "plain/w1-config_dump.json"
LINE = (
    '2026-11-23T08:41:15.2449{:02d}Z\tinfo\taccess\tconnection complete\tsrc.addr=1.2.3.4:{} src.workload="a" '
    'dst.addr=1.2.3.4:6 direction="inbound" bytes_sent=1 bytes_recv=2 duration="3ms"\n'
)


def line(i: int) -> bytes:
    return LINE.format(i % 100, 1000 + i).encode()


class Notebook(list[Observation]):
    """Everything an observer delivered, and a way to wait for more."""

    async def until(self, is_enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not is_enough():  # noqa: ASYNC110  what was delivered is looked at, nothing tells of it
                await asyncio.sleep(0.001)

    @property
    def entries(self) -> int:
        return sum(len(item.batch) for item in self if isinstance(item, EntriesRead))

    @property
    def states(self) -> dict[str, tuple[StreamState, str | None]]:
        return {f"{c.stream.kind}/{c.stream.of}": (c.state, c.reason) for c in self if isinstance(c, StreamChanged)}


async def observe(*paths: Path | str, stdin: int | None = None) -> Notebook:
    notebook = Notebook()
    await FilesObserver([str(path) for path in paths], ManualClock(7.0), stdin=stdin).follow(notebook.append)
    assert isinstance(notebook[-1], Exhausted)
    return notebook


async def test_a_log_is_read_to_its_end_and_is_gone_then() -> None:
    notebook = await observe(LOG)
    assert notebook.entries == 1807
    assert notebook.states == {f"file/{LOG}": (StreamState.GONE, None)}
    reads = [item for item in notebook if isinstance(item, EntriesRead)]
    assert sum(read.batch.byte_count for read in reads) == LOG.stat().st_size
    assert max(read.batch.byte_count for read in reads) <= 256 * 1024
    assert {(read.batch.origin.key, read.batch.origin.node) for read in reads} == {(str(LOG), "w1")}


async def test_dumps_come_before_the_logs_they_explain() -> None:
    notebook = await observe(LOG, DUMP)
    kinds = [type(item) for item in notebook if isinstance(item, (EntriesRead, ConfigDumpTaken))]
    assert kinds[0] is ConfigDumpTaken
    taken = next(item for item in notebook if isinstance(item, ConfigDumpTaken))
    assert (taken.origin.node, taken.taken_at, taken.dump.raw) == ("w1", DUMP.stat().st_mtime, DUMP.read_bytes())


async def test_titles() -> None:
    clock = ManualClock()
    assert FilesObserver(["/a/w1.log"], clock).title == "w1.log"
    assert FilesObserver(["-"], clock).title == "standard input"
    assert FilesObserver(["a", "b", "a"], clock).title == "2 files"
    assert FilesObserver(["a"], clock).is_finite


async def test_failures_are_states_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "cut.json").write_bytes(DUMP.read_bytes()[:30_000])
    notebook = await observe(tmp_path / "missing", tmp_path, tmp_path / "empty", tmp_path / "cut.json", LOG)
    assert notebook.entries == 1807
    reasons = {key.rpartition("/")[2]: reason for key, (state, reason) in notebook.states.items() if reason}
    assert reasons["missing"] == "there is no such file"
    assert reasons[tmp_path.name] == "it is a directory"
    assert reasons["empty"] == "it is empty"
    assert "cut off" in (reasons["cut.json"] or "")
    assert sum(state is StreamState.ERROR for state, _ in notebook.states.values()) == 4


async def followed(write: Callable[[int, Notebook], Awaitable[None]], *paths: Path | str) -> Notebook:
    """Observe a pipe as standard input while `write` feeds it."""
    readable, writable = os.pipe()
    notebook = Notebook()
    observer = FilesObserver([*map(str, paths), "-"], ManualClock(7.0), stdin=readable)

    async def feed() -> None:
        try:
            await write(writable, notebook)
        finally:
            os.close(writable)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(feed())
            tasks.create_task(observer.follow(notebook.append))
    finally:
        os.close(readable)
    assert isinstance(notebook[-1], Exhausted)
    return notebook


async def test_a_pipe_is_followed_line_by_line() -> None:
    async def write(pipe: int, notebook: Notebook) -> None:
        for i in range(5):
            os.write(pipe, line(i))
            await notebook.until(lambda i=i: notebook.entries == i + 1)  # type: ignore[misc]
        os.write(pipe, line(5)[:-1])

    notebook = await followed(write)
    assert notebook.entries == 6, "the last line needs no line feed"
    assert notebook.states == {"file/-": (StreamState.GONE, None)}


async def test_a_pipe_of_several_pods_has_an_origin_for_each() -> None:
    async def write(pipe: int, notebook: Notebook) -> None:
        for i in range(4):
            text = b"[pod/ztunnel-%c/istio-proxy] " % (97 + i % 2) + line(i)
            os.write(pipe, text[:50])
            os.write(pipe, text[50:])
            await notebook.until(lambda i=i: notebook.entries == i + 1)  # type: ignore[misc]

    notebook = await followed(write)
    origins = {item.batch.origin for item in notebook if isinstance(item, EntriesRead)}
    assert {(origin.key, origin.ztunnel) for origin in origins} == {
        ("- ztunnel-a", "ztunnel-a"),
        ("- ztunnel-b", "ztunnel-b"),
    }
    assert set(notebook.states) == {"file/- ztunnel-a", "file/- ztunnel-b"}


async def test_a_packed_pipe_is_followed_too() -> None:
    async def write(pipe: int, notebook: Notebook) -> None:
        packer = zlib.compressobj(wbits=31)
        for i in range(3):
            os.write(pipe, packer.compress(line(i)) + packer.flush(2))
            await notebook.until(lambda i=i: notebook.entries == i + 1)  # type: ignore[misc]
        os.write(pipe, packer.flush())

    assert (await followed(write)).entries == 3


async def test_a_pipe_that_writes_nothing_waits_while_files_are_read() -> None:
    async def write(pipe: int, notebook: Notebook) -> None:
        await notebook.until(lambda: notebook.entries == 1807)
        assert not any(isinstance(item, Exhausted) for item in notebook)

    notebook = await followed(write, LOG)
    assert notebook.states["file/-"] == (StreamState.ERROR, "it is empty")


async def test_a_dump_through_a_pipe_was_taken_now() -> None:
    async def write(pipe: int, notebook: Notebook) -> None:
        data = DUMP.read_bytes()
        for at in range(0, len(data), 4096):
            os.write(pipe, data[at : at + 4096])
            await asyncio.sleep(0)

    notebook = await followed(write)
    taken = next(item for item in notebook if isinstance(item, ConfigDumpTaken))
    assert taken.taken_at == 7.0
    stream = StreamKey(kind=StreamKind.CONFIG_DUMP, of="-")
    assert notebook.states == {f"{stream.kind}/{stream.of}": (StreamState.CONNECTED, None)}


async def test_a_named_pipe_may_wait_for_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    notebook = Notebook()
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(FilesObserver([str(path), str(LOG)], ManualClock()).follow(notebook.append))
        await notebook.until(lambda: notebook.entries == 1807)
        with path.open("wb", buffering=0) as pipe:
            pipe.write(line(0))
            await notebook.until(lambda: notebook.entries == 1808)
        await following
    assert isinstance(notebook[-1], Exhausted)


async def test_following_can_be_cancelled() -> None:
    readable, writable = os.pipe()
    notebook = Notebook()
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(FilesObserver(["-"], ManualClock(), stdin=readable).follow(notebook.append))
        os.write(writable, line(0))
        await notebook.until(lambda: notebook.entries == 1)
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
    os.close(writable)
    os.close(readable)


async def test_lines_without_end_are_cut_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    for prefix in (b"", b"[pod/a/b] "):
        path.write_bytes(b"".join(prefix + text for text in (line(1), b"x" * 3_000_000 + b"\n", line(2))))
        notebook = await observe(path)
        assert notebook.entries == 2
        counts = [item.batch.lines for item in notebook if isinstance(item, EntriesRead)]
        assert (sum(c.received for c in counts), sum(c.unreadable for c in counts)) == (3, 1)


# -- recognising


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (line(1), Kind.LOG),
        (b"\xef\xbb\xbf" + line(1), Kind.LOG),
        (b"\n\n" + line(1), Kind.LOG),
        (b'{"level":"info","time":"2026-11-23T08:45:07.503789Z","scope":"ztunnel","message":"x"}\n', Kind.LOG),
        (b'{"bytes_recv":1,"message":"x","time":"2026-11-23T08:45:07.503789Z"}\n', Kind.LOG),
        (b"[pod/ztunnel-a/istio-proxy] " + line(1), Kind.PREFIXED_LOG),
        (b"Found 3 pods\n[pod/ztunnel-a/istio-proxy] " + line(1), Kind.PREFIXED_LOG),
        (b'{"workloads": []}\n', Kind.DOCUMENT),
        (b'{\n  "certificates": []', Kind.DOCUMENT),
        (b" [ {} ]", Kind.DOCUMENT),
    ],
)
def test_kinds(head: bytes, kind: Kind) -> None:
    assert recognise(head, is_all=True) is kind


def test_what_is_not_yet_clear_waits() -> None:
    for head in (b"", b"\n", b"{", b'{"level":"info",'):
        assert recognise(head, is_all=False) is None
    assert recognise(b"{" + b" " * 70_000, is_all=False) is Kind.DOCUMENT


# -- unpacking

TEXT = b"".join(map(line, range(3_000)))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("step", [1, 7, 1_000, 1 << 20])
def test_packed_text_comes_out_whole_however_it_is_cut(pack: Callable[[bytes], bytes], step: int) -> None:
    packed = pack(TEXT[:100_000]) + pack(TEXT[100_000:])
    found = unpacker(packed, is_all=True)
    assert isinstance(found, Unpacker)
    out = [text for at in range(0, len(packed), step) for text in found.feed(packed[at : at + step])]
    found.finish()
    assert b"".join(out) == TEXT
    assert max(map(len, out)) <= 256 * 1024


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_text_that_ends_too_soon_or_is_damaged(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(TEXT)
    cut = unpacker(packed, is_all=True)
    assert isinstance(cut, Unpacker)
    list(cut.feed(packed[:-20]))
    with pytest.raises(Unreadable, match="cut off"):
        cut.finish()
    bad = unpacker(packed, is_all=True)
    assert isinstance(bad, Unpacker)
    with pytest.raises(Unreadable, match="damaged"):
        list(bad.feed(packed[:40] + bytes(byte ^ 0xFF for byte in packed[40:200]) + packed[200:]))


def test_a_bomb_is_unpacked_in_pieces() -> None:
    packed = gzip.compress(b"\n" * 50_000_000)
    found = unpacker(packed, is_all=True)
    assert isinstance(found, Unpacker)
    assert sum(len(text) for text in found.feed(packed) if len(text) <= 256 * 1024) == 50_000_000


def test_a_few_bytes_may_still_become_packed_text() -> None:
    assert unpacker(b"\x1f", is_all=False) is True
    assert unpacker(b"\x1f", is_all=True) is False
    assert unpacker(b"20", is_all=False) is False


def test_zstd_is_named_where_python_cannot_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    with pytest.raises(Unreadable, match="it is compressed with zstd") as refused:
        unpacker(b"\x28\xb5\x2f\xfd\0\0\0\0", is_all=True)
    assert "zstd -dc" in (refused.value.remedy or "")
