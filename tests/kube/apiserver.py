"""A small API server for tests: TLS, logs as a kubelet serves them, watches that misbehave, framed port-forwards."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ztui.kube.kubeconfig import Auth, ClientCertificate, ClusterAccess

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Authority:
    """A certificate authority that lives as long as the tests."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.certificate = self._sign(self.name, self.key, is_authority=True)
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self, name: str, *, hosts: tuple[str, ...] = ("127.0.0.1", "localhost"), days: float = 1
    ) -> ClientCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key, hosts=hosts, days=days)
        return ClientCertificate(
            certificate=certificate.public_bytes(serialization.Encoding.PEM),
            key=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )

    def server_context(self, hosts: tuple[str, ...] = ("127.0.0.1", "localhost"), days: float = 1) -> ssl.SSLContext:
        pair = self.issue("server", hosts=hosts, days=days)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.pem.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
        with tempfile.NamedTemporaryFile() as file:
            file.write(pair.certificate + pair.key)
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        hosts: tuple[str, ...] = (),
        days: float = 1,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        names: list[x509.GeneralName] = []
        for host in hosts:
            with contextlib.suppress(ValueError):
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
                continue
            names.append(x509.DNSName(host))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def status(code: int, reason: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return web.json_response(body, status=code, headers=headers)


def stamp(second: float) -> str:
    """A kubelet's timestamp `second` seconds into 2026."""
    whole, nanos = divmod(round(second * 1_000_000_000), 1_000_000_000)
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=whole)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


@dataclass
class Cut:
    """How one log answer ends: after so many bytes, in which way."""

    after: int
    how: str = "eof"  # eof | reset | silence
    tail: bytes = b""


@dataclass
class Log:
    """The log of one container as a kubelet serves it."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    previous: list[tuple[str, str]] | None = None
    cuts: list[Cut] = field(default_factory=list)
    is_running: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)
    date: str | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    refusals: list[web.Response] = field(default_factory=list)
    followers: int = 0

    def write(self, second: float, text: str) -> None:
        self.lines.append((stamp(second), text))
        self._tell()

    def finish(self) -> None:
        """The container exits."""
        self.is_running = False
        self._tell()

    def restart(self) -> None:
        self.previous, self.lines, self.is_running = self.lines, [], True
        self._tell()

    def rotate(self) -> None:
        """The current file is put away: a reader that comes later does not see its lines."""
        self.lines = []
        self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        self.requests.append(query)
        if self.refusals:
            return self.refusals.pop(0)
        is_probe = "follow" not in query
        lines = self.lines
        if query.get("previous") == "true":
            if self.previous is None:
                return status(400, "BadRequest", 'previous terminated container "c" in pod "p" not found')
            lines = self.previous
        response = web.StreamResponse(headers={"Date": self.date} if self.date else {})
        response.enable_chunked_encoding()
        response.content_type = "text/plain"
        await response.prepare(request)
        if is_probe:
            text = b"".join(self._selected(lines, query))
            limit = int(query.get("limitBytes", len(text)))
            await response.write(text[:limit])
            return response
        self.followers += 1
        try:
            return await self._follow(request, response, lines, query)
        finally:
            self.followers -= 1

    async def _follow(
        self, request: web.Request, response: web.StreamResponse, lines: list[tuple[str, str]], query: dict[str, str]
    ) -> web.StreamResponse:
        cut = self.cuts.pop(0) if self.cuts else None
        sent, seen = 0, 0
        first = True
        while True:
            news = self.news
            batch = lines[seen:]
            seen = len(lines)
            data = b"".join(self._selected(batch, query) if first else map(_line, batch))
            first = False
            if cut is not None and sent + len(data) >= cut.after:
                await response.write(data[: cut.after - sent] + cut.tail)
                if cut.how == "reset":
                    assert request.transport is not None
                    request.transport.abort()
                elif cut.how == "silence":
                    await asyncio.Event().wait()
                return response
            if data:
                await response.write(data)
                sent += len(data)
            if lines is not self.lines or not self.is_running:
                if len(lines) == seen:
                    return response
                continue
            await news.wait()

    @staticmethod
    def _selected(lines: list[tuple[str, str]], query: dict[str, str]) -> list[bytes]:
        if "tailLines" in query:
            count = int(query["tailLines"])
            lines = lines[-count:] if count else []
        if "sinceTime" in query:
            since = query["sinceTime"][:19]
            lines = [line for line in lines if line[0][:19] >= since]
        return [_line(line) for line in lines]


def _line(line: tuple[str, str]) -> bytes:
    return f"{line[0]} {line[1]}\n".encode()


class ApiServer:
    """Routes are looked up at each request, so a test can change them while it runs."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.routes: dict[str, Handler] = {"/version": self._version}
        self.log = Log()
        self.pod: dict[str, Any] = {"metadata": {"uid": "u1"}, "status": {}}
        self.tokens: set[str] | None = None
        self.requests: list[web.Request] = []
        self.port = 0
        self._runner: web.AppRunner | None = None
        self.routes["/api/v1/namespaces/ns/pods/p/log"] = self._serve_log
        self.routes["/api/v1/namespaces/ns/pods/p"] = self._serve_pod

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._dispatch)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context or self.authority.server_context())
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def access(self, auth: Auth | None = None, certificate: ClientCertificate | None = None) -> ClusterAccess:
        return ClusterAccess(
            context="test",
            server=f"https://127.0.0.1:{self.port}",
            authority=self.authority.pem,
            auth=auth,
            certificate=certificate,
        )

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens is not None and token not in self.tokens:
            return status(401, "Unauthorized", "Unauthorized")
        handler = self.routes.get(request.path)
        return await handler(request) if handler else web.Response(status=404, text="404 page not found\n")

    async def _version(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"gitVersion": "v1.36.1"})

    async def _serve_log(self, request: web.Request) -> web.StreamResponse:
        return await self.log.serve(request)

    async def _serve_pod(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.pod)


@dataclass
class Watchable:
    """A collection: lists in pages, and watch answers that are scripted one by one."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: int = 100
    watches: list[list[dict[str, Any] | str]] = field(default_factory=list)
    """What each watch answer sends; the string "hang" keeps it open. Without a script it hangs."""
    list_refusals: list[web.Response] = field(default_factory=list)
    watch_refusals: list[web.Response] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    page: int = 500

    def put(self, name: str, **labels: str) -> dict[str, Any]:
        self.version += 1
        metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(self.version), "labels": labels}
        self.items[name] = {"metadata": metadata}
        return self.items[name]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        self.requests.append(query)
        return await self._watch(request) if query.get("watch") else self._list(query)

    def _list(self, query: dict[str, str]) -> web.Response:
        if self.list_refusals:
            return self.list_refusals.pop(0)
        start = int(query.get("continue", 0))
        size = min(self.page, int(query.get("limit", self.page)))
        items = list(self.items.values())
        metadata: dict[str, Any] = {"resourceVersion": str(self.version)}
        if start + size < len(items):
            metadata["continue"] = str(start + size)
        return web.json_response({"kind": "List", "metadata": metadata, "items": items[start : start + size]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        if self.watch_refusals:
            return self.watch_refusals.pop(0)
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        response.content_type = "application/json"
        await response.prepare(request)
        for event in self.watches.pop(0) if self.watches else ["hang"]:
            if event == "hang":
                await asyncio.Event().wait()
            await response.write(json.dumps(event).encode() + b"\n")
        return response


class ForwardScript:
    """A port-forward endpoint with the framing of v4.channel.k8s.io; what it does with the bytes is a script."""

    def __init__(self, respond: Callable[[bytes], Awaitable[list[bytes | None]]]) -> None:
        self.respond = respond
        self.error: bytes | None = None
        self.error_before_data = False
        self.headers_late = False
        self.split_headers = False
        self.connections = 0
        self.closed = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        assert request.query["ports"]
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        self.connections += 1
        port = int(request.query["ports"]).to_bytes(2, "little")
        if self.error_before_data:
            await socket.send_bytes(b"\x01" + port)
            await socket.send_bytes(b"\x01" + (self.error or b""))
            await socket.close()
            return socket
        if not self.headers_late:
            await self._send_headers(socket, port)
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                break
            assert message.data[:1] == b"\x00"
            answer = await self.respond(message.data[1:])
            if self.headers_late:
                await self._send_headers(socket, port)
                self.headers_late = False
            for part in answer:
                if part is None:
                    await socket.close()
                    break
                await socket.send_bytes(b"\x00" + part)
            if self.error is not None:
                await socket.send_bytes(b"\x01" + self.error)
        self.closed += 1
        return socket

    async def _send_headers(self, socket: web.WebSocketResponse, port: bytes) -> None:
        if self.split_headers:
            for channel in (b"\x01", b"\x00"):
                await socket.send_bytes(channel + port[:1])
                await socket.send_bytes(channel + port[1:])
        else:
            await socket.send_bytes(b"\x01" + port)
            await socket.send_bytes(b"\x00" + port)


def write_script(path: Path, text: str) -> Path:
    """Make an executable shell script."""
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path
