"""The SPDY that kubectl's port-forward speaks, taken apart and put together."""

from __future__ import annotations

import struct
import zlib

import pytest

from tests.simulator.serving import Api
from ztui.simulator.api.spdy import DICTIONARY, Kind, Reader, Writer
from ztui.simulator.api.tunnel import PROTOCOL


class Client:
    """The other side: opens streams, sends data, reads frames."""

    def __init__(self) -> None:
        self.deflate = zlib.compressobj(zdict=DICTIONARY)

    def open(self, stream: int, **headers: str) -> bytes:
        text = struct.pack(">I", len(headers))
        for pair in headers.items():
            for word in pair:
                text += struct.pack(">I", len(word)) + word.encode()
        block = self.deflate.compress(text) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIBB", stream, 0, 0, 0) + block
        return struct.pack(">HHI", 0x8003, 1, len(body)) + body

    def pair(self, request: int, port: str) -> tuple[int, int, bytes]:
        error, data = 4 * request + 1, 4 * request + 3
        opened = self.open(error, streamtype="error", port=port, requestid=str(request))
        end = struct.pack(">II", error, 1 << 24)
        return error, data, opened + end + self.open(data, streamtype="data", port=port, requestid=str(request))


def test_the_dictionary_is_the_protocols() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_frames_come_whole_however_the_bytes_are_cut() -> None:
    client = Client()
    _, _, opened = client.pair(0, "15000")
    ping = struct.pack(">HHII", 0x8003, 6, 4, 1)
    data = opened + struct.pack(">II", 3, 5) + b"hello" + ping + struct.pack(">HHIII", 0x8003, 3, 8, 3, 5)
    for size in (1, 7, len(data)):
        reader = Reader()
        frames = [frame for start in range(0, len(data), size) for frame in reader.feed(data[start : start + size])]
        kinds = [frame.kind for frame in frames]
        assert kinds == [Kind.OPEN, Kind.DATA, Kind.OPEN, Kind.DATA, Kind.PING, Kind.RESET]
        assert frames[0].headers == {"streamtype": "error", "port": "15000", "requestid": "0"}
        assert frames[1].is_last
        assert (frames[3].stream, frames[3].data, frames[3].is_last) == (3, b"hello", False)
        assert frames[5].stream == 3


def test_answers_are_what_the_protocol_says() -> None:
    writer = Writer()
    first = writer.accept(1)
    assert first[:4] == b"\x80\x03\x00\x02"
    inflate = zlib.decompressobj(zdict=DICTIONARY)
    assert inflate.decompress(first[12:]) == inflate.decompress(writer.accept(3)[12:]) == struct.pack(">I", 0)
    assert writer.data(3, b"ab", is_last=True) == b"\0\0\0\3\1\0\0\2ab"
    assert writer.pong(b"\0\0\0\1") == b"\x80\3\0\6\0\0\0\4\0\0\0\1"


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n" * 9, b"\x80\x03\x00\x01\0\0\0\x0cnot a block!", b"\x80\2" + bytes(6)]
)
def test_what_is_not_spdy(data: bytes) -> None:
    reader = Reader()
    if data.startswith(b"GET"):
        assert list(reader.feed(data)) == [], "a length that never comes"
        return
    with pytest.raises(ValueError, match=r"SPDY|broken frame"):
        list(reader.feed(data))


async def test_a_session_over_the_wire(api: Api) -> None:
    path = f"/api/v1/namespaces/istio-system/pods/{api.ztunnel_pod().name}/portforward"
    headers = {"Authorization": f"Bearer {api.host.accounts.tokens['sre']}"}
    client = Client()
    came: dict[int, bytes] = {}
    ended: set[int] = set()
    async with api.session.ws_connect(api.server.url + path, headers=headers, protocols=(PROTOCOL,)) as socket:
        error, data, opened = client.pair(0, "15021")
        request = b"GET /healthz/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        await socket.send_bytes(opened + struct.pack(">II", data, len(request)) + request)
        refused_error, refused, opened = client.pair(1, "15999")
        await socket.send_bytes(opened)
        while not {error, data, refused_error, refused} <= ended:
            frame = (await socket.receive(timeout=5)).data
            first, second = struct.unpack_from(">II", frame)
            if first >> 31:
                continue
            came[first] = came.get(first, b"") + frame[8:]
            if second >> 24 & 1:
                ended.add(first)
    assert came[data].endswith(b"\r\n\r\nready\n")
    assert came[error] == b""
    assert came[refused_error].endswith(b"connect: connection refused")
