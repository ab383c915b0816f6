"""Port-forward over the wire: the framing, the ports of a ztunnel, and every refusal."""

from __future__ import annotations

import asyncio
import json
import ssl
import struct

import aiohttp
import pytest

from tests.simulator.serving import Api
from ztui.clock import SystemClock
from ztui.kube.client import Client
from ztui.kube.credentials import Credentials
from ztui.kube.failures import Kind, KubeError
from ztui.kube.kubeconfig import ClusterAccess, Secret, Token
from ztui.kube.podhttp import PodHttp

PROTOCOL = "v4.channel.k8s.io"


def path_to(api: Api, query: str) -> str:
    return f"/api/v1/namespaces/istio-system/pods/{api.ztunnel_pod().name}/portforward?{query}"


def headers(api: Api) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.host.accounts.tokens['sre']}"}


class Channels:
    """The client's side: what came on each channel, the ports taken off."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.came: dict[int, bytes] = {}

    async def fill(self) -> bool:
        message = await self.socket.receive(timeout=5)
        if message.type is not aiohttp.WSMsgType.BINARY:
            return False
        assert len(message.data) <= 32 * 1024 + 1
        self.came[message.data[0]] = self.came.get(message.data[0], b"") + message.data[1:]
        return True

    async def answer(self, request: str, channel: int = 0) -> tuple[str, bytes]:
        """One HTTP exchange: the head and the whole body."""
        while len(self.came.get(channel, b"")) < 2:
            await self.fill()
        start = len(self.came[channel])
        await self.socket.send_bytes(bytes((channel,)) + request.encode())
        while b"\r\n\r\n" not in self.came[channel][start:]:
            assert await self.fill()
        head, _, body = self.came[channel][start:].partition(b"\r\n\r\n")
        length = int(dict(line.split(b": ") for line in head.split(b"\r\n")[1:])[b"content-length"])
        while len(body) < length:
            assert await self.fill()
            body = self.came[channel][start:].partition(b"\r\n\r\n")[2]
        return head.decode(), body


async def connect(api: Api, query: str, protocols: tuple[str, ...] = (PROTOCOL,)) -> Channels:
    socket = await api.session.ws_connect(
        api.server.url + path_to(api, query), headers=headers(api), protocols=protocols, max_msg_size=0
    )
    return Channels(socket)


async def test_the_admin_port_dumps_and_takes_levels_on_one_connection(api: Api) -> None:
    channels = await connect(api, "ports=15000")
    head, body = await channels.answer("GET /config_dump HTTP/1.1\r\nHost: localhost:15000\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK")
    assert body == api.host.ports.printer.dump(api.host.world.ztunnels["w1"])
    assert "workloadState" in json.loads(body)
    _, level = await channels.answer("POST /logging HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert level == b"current log level is hickory_server=off,info\n"
    _, level = await channels.answer("POST /logging?level=access=debug HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert level == b"current log level is hickory_server=off,access=debug,info\n"
    head, _ = await channels.answer("POST /logging?level=access:debug HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert head.startswith("HTTP/1.1 400")
    assert channels.came[0][:2] == channels.came[1][:2] == struct.pack("<H", 15_000)
    await channels.socket.close()


async def test_a_dump_waits_until_the_history_is_lived_through(api: Api) -> None:
    """It tells of the same world as the log: else its endpoints are none of those that the log names."""
    api.host.warm.clear()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(connect(api, "ports=15000"))
        assert (await api.get("/api/v1/pods")).code == 200
        assert not asked.done()
        api.host.warm.set()
    await asked.result().socket.close()


async def test_the_stats_port_counts_what_the_log_says(api: Api) -> None:
    channels = await connect(api, "ports=15020")
    _, body = await channels.answer("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    closed = [line for line in body.decode().splitlines() if line.startswith("istio_tcp_connections_closed_total")]
    ztunnel = api.host.world.ztunnels["w1"]
    written = [line for _, line in ztunnel.log.lines if b"connection complete" in line]
    assert sum(int(line.rpartition(" ")[2]) for line in closed) == len(written) > 100
    assert body.endswith(b"# EOF\n")
    await channels.socket.close()


async def test_two_ports_are_two_pairs_of_channels(api: Api) -> None:
    channels = await connect(api, "ports=15000&ports=15021")
    _, body = await channels.answer("GET /healthz/ready HTTP/1.1\r\nHost: localhost\r\n\r\n", channel=2)
    assert body == b"ready\n"
    assert {channel: data[:2] for channel, data in channels.came.items()} == {
        0: struct.pack("<H", 15_000),
        1: struct.pack("<H", 15_000),
        2: struct.pack("<H", 15_021),
        3: struct.pack("<H", 15_021),
    }
    await channels.socket.close()


async def test_a_port_nobody_listens_on_is_told_on_the_error_channel(api: Api) -> None:
    channels = await connect(api, "ports=15999")
    while await channels.fill():
        pass
    assert channels.came[0] == struct.pack("<H", 15_999)
    text = channels.came[1][2:].decode()
    assert text.startswith("error forwarding port 15999 to pod ")
    assert text.endswith("connect: connection refused")
    assert channels.socket.closed


async def test_a_connection_ends_when_its_process_does(api: Api) -> None:
    channels = await connect(api, "ports=15000")
    await api.control("acts", {"do": "restart-ztunnel", "of": ["w1"]})
    await channels.socket.send_bytes(b"\x00GET /config_dump HTTP/1.1\r\nHost: x\r\n\r\n")
    while await channels.fill():
        pass
    assert channels.socket.closed


@pytest.mark.parametrize(
    ("query", "protocols", "code"),
    [
        ("ports=15000", ("v5.channel.k8s.io",), 403),
        ("ports=15000", ("portforward.k8s.io",), 403),
        ("", (PROTOCOL,), 400),
        ("ports=http", (PROTOCOL,), 400),
        ("ports=0", (PROTOCOL,), 400),
    ],
)
async def test_what_is_not_accepted(api: Api, query: str, protocols: tuple[str, ...], code: int) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(api, query, protocols)
    assert refused.value.status == code


async def test_a_plain_get_is_told_to_upgrade(api: Api) -> None:
    answer = await api.get(path_to(api, "ports=15000"))
    assert (answer.code, answer.json["message"]) == (400, "Upgrade request required")


@pytest.mark.parametrize("fault", ["truncated", "not-json", "500"])
async def test_faults_of_the_dump(api: Api, fault: str) -> None:
    await api.control("faults", {"dump_error": fault})
    channels = await connect(api, "ports=15000")
    head, body = await channels.answer("GET /config_dump HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert head.startswith("HTTP/1.1 500" if fault == "500" else "HTTP/1.1 200")
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(body)
    await channels.socket.close()


async def test_the_products_own_client_understands_it(api: Api) -> None:
    """The two know nothing of each other; here they meet."""

    clock = SystemClock()
    access = ClusterAccess(
        context="sre",
        server=api.server.url,
        authority=ssl.DER_cert_to_PEM_cert(api.context.get_ca_certs(binary_form=True)[0]).encode(),
        auth=Token(token=Secret(api.host.accounts.tokens["sre"])),
    )
    async with Client(access, Credentials(access, clock=clock), clock=clock) as client:
        pods = PodHttp(client)
        pod = api.ztunnel_pod().name
        dump = await pods.get("istio-system", pod, 15_000, "/config_dump")
        assert dump.body == api.host.ports.printer.dump(api.host.world.ztunnels["w1"])
        assert b"istio_tcp_connections_opened_total" in (await pods.get("istio-system", pod, 15_020, "/metrics")).body
        assert (await pods.post("istio-system", pod, 15_000, "/logging?level=debug")).status == 200
        with pytest.raises(KubeError) as refused:
            await pods.get("istio-system", pod, 15_999, "/")
        assert refused.value.kind is Kind.FORWARD
        await pods.close()
