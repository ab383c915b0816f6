"""`pods/NAME/portforward` over WebSocket: channels as the container runtimes frame them.

Byte 0 of a message is its channel: for the k-th port 2k carries data and 2k+1 the text of an error. The first message
on each channel is the port, two bytes, little-endian.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from ztui.simulator.api import tunnel
from ztui.simulator.api.answers import text_answer
from ztui.simulator.api.permits import demand, is_allowed, refused
from ztui.simulator.api.status import ApiError

if TYPE_CHECKING:
    from ztui.simulator.api.call import Call
    from ztui.simulator.cluster import Pod
    from ztui.simulator.podports import PodConnection

PROTOCOL = "v4.channel.k8s.io"
_FRAME_BYTES = 32 << 10


async def serve_portforward(call: Call) -> web.StreamResponse:
    """Connect the client with ports of a pod until either goes away."""
    _demand_both(call)
    if call.request.headers.get("Upgrade", "").lower() != "websocket":
        raise ApiError(400, "Upgrade request required")
    header = call.request.headers.get("Sec-WebSocket-Protocol", "")
    offered = [one.strip() for one in header.split(",") if one.strip()]
    chosen = next((one for one in offered if one in (PROTOCOL, tunnel.PROTOCOL)), None)
    if offered and chosen is None:
        return text_answer("", 403)
    pod = call.pod()
    if pod.node is None:
        raise ApiError(400, f"pod {pod.name} does not have a host assigned")
    try:
        ports = [int(port) for port in call.request.query.getall("ports", ())]
    except ValueError as error:
        return text_answer(f"unable to parse ports: {error}\n", 400)
    if chosen != tunnel.PROTOCOL and (not ports or not all(0 < port < 65_536 for port in ports)):
        return text_answer("query parameter ports is required\n", 400)
    await call.host.warm.wait()  # else a ztunnel would tell of a world that its log has long left behind
    socket = web.WebSocketResponse(protocols=(chosen or PROTOCOL,), compress=False, max_msg_size=0)
    await socket.prepare(call.request)
    with contextlib.suppress(ConnectionError):  # the client went away, and there is nobody to tell
        if chosen == tunnel.PROTOCOL:
            await tunnel.Tunnel(socket, partial(_dial, call, pod)).run()
        else:
            await _Forward(call, pod, ports, socket).run()
    return socket


def _dial(call: Call, pod: Pod, port: int) -> PodConnection | str:
    """Connect with a port inside the pod; where nobody listens, say so in containerd's words."""
    connection = call.host.ports.dial(pod.uid, port)
    if connection is not None:
        return connection
    return (
        f"error forwarding port {port} to pod {pod.container_id}, uid : failed to connect to localhost:{port} "
        f'inside namespace "{pod.uid}", IPv4: dial tcp4 127.0.0.1:{port}: connect: connection refused'
    )


def _demand_both(call: Call) -> None:
    """Demand what an upgrade needs: `get` and, since Kubernetes 1.35, `create`, whose refusal gives no reason."""
    target = call.target
    demand(call.host, call.user, "get", target)
    if not is_allowed(call.host, call.user, "create", "", target.rbac_resource, target.namespace):
        raise refused(target, "")


class _Forward:
    """The connections of one WebSocket: one to each port."""

    def __init__(self, call: Call, pod: Pod, ports: list[int], socket: web.WebSocketResponse) -> None:
        self._ports = ports
        self._socket = socket
        self._connections: dict[int, PodConnection] = {}
        self._refusals: dict[int, str] = {}
        for number, port in enumerate(ports):
            found = _dial(call, pod, port)
            if isinstance(found, str):
                self._refusals[2 * number + 1] = found
            else:
                self._connections[2 * number] = found

    async def run(self) -> None:
        for number, port in enumerate(self._ports):
            await self._send(2 * number, port.to_bytes(2, "little"))
            await self._send(2 * number + 1, port.to_bytes(2, "little"))
        for channel, text in self._refusals.items():
            await self._send(channel, text.encode())
            await self._socket.close()
            return
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY or not await self._take(message.data):
                break
        await self._socket.close()

    async def _take(self, data: bytes) -> bool:
        """Hand a message to its connection and send what comes back; False once that has closed."""
        connection = self._connections.get(data[0]) if data else None
        if connection is None:
            return True
        answer = memoryview(connection.receive(data[1:]))
        for start in range(0, len(answer), _FRAME_BYTES):
            await self._send(data[0], answer[start : start + _FRAME_BYTES])
        return not connection.is_closed

    async def _send(self, channel: int, data: bytes | memoryview) -> None:
        await self._socket.send_bytes(b"".join((bytes((channel,)), data)))
