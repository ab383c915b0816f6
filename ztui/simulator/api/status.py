"""What the API says when it says no: Status objects with the texts of a real API server."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class ApiError(Exception):
    """An answer that is not a success; `details` as Kubernetes adds them."""

    def __init__(
        self, code: int, message: str, details: Json | None = None, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.retry_after_s = retry_after_s

    def status(self) -> Json:
        """Compose the Status object."""
        found: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.code in _REASONS:
            found["reason"] = _REASONS[self.code]
        if self.details:
            found["details"] = self.details
        found["code"] = self.code
        return found

    def body(self) -> bytes:
        return json.dumps(self.status()).encode() + b"\n"


def not_found(group_resource: str, name: str) -> ApiError:
    """Refuse an object that is not there."""
    plural, _, group = group_resource.partition(".")
    details: Json = {"name": name, "kind": plural}
    if group:
        details["group"] = group
    return ApiError(404, f'{group_resource} "{name}" not found', details)


def too_old(wanted: int, oldest: int) -> ApiError:
    """Refuse a watch or continue token from before the compaction."""
    return ApiError(410, f"too old resource version: {wanted} ({oldest})")


def too_large(wanted: int, current: int) -> ApiError:
    """Refuse a resource version from the future, as after a restore."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Too large resource version: {wanted}, current: {current}"
    return ApiError(504, message, {"causes": [cause], "retryAfterSeconds": 1}, retry_after_s=1)
