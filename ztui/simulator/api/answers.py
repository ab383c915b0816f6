"""How answers are put on the wire: JSON, gzip where it pays, Status objects, and streams of chunks."""

from __future__ import annotations

import gzip
import json
from typing import Any

from aiohttp import web

from ztui.simulator.api.status import ApiError

Json = dict[str, Any]

_JSON = "application/json"
_GZIP_FROM_BYTES = 128 << 10
"""A real API server compresses answers above this size, and never a stream."""


def json_answer(value: Json, code: int = 200) -> web.Response:
    """Put a small value into one answer."""
    return web.Response(body=dump(value) + b"\n", status=code, content_type=_JSON)


def body_answer(request: web.BaseRequest, body: bytes) -> web.Response:
    """JSON that is bytes already, compressed where it is large and the client takes it."""
    answer = web.Response(content_type=_JSON)
    if len(body) > _GZIP_FROM_BYTES and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, 1, mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
        answer.headers["Vary"] = "Accept-Encoding"
    answer.body = body
    return answer


def text_answer(text: str, code: int = 200) -> web.Response:
    """Plain text, as health checks and unknown paths are answered."""
    return web.Response(text=text, status=code)


def refusal(error: ApiError) -> web.Response:
    """Put a Status on the wire; but 429 is plain text, as it comes from before the API server knows what was asked."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.code == 429:
        return web.Response(text=error.message, status=429, headers=headers)
    return web.Response(body=error.body(), status=error.code, content_type=_JSON, headers=headers)


async def begin_stream(request: web.BaseRequest, kind: str = _JSON) -> web.StreamResponse:
    """Send the head of a chunked answer at once."""
    response = web.StreamResponse(headers={"Content-Type": kind})
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


def dump(value: Json) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
