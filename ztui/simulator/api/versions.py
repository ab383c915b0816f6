"""What a resource version in a query means: where a list is taken from, and where a watch begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztui.simulator.api.status import ApiError, too_large

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ztui.simulator.api.shelf import Shelf

MATCH = "resourceVersionMatch"
NOT_OLDER, EXACT = "NotOlderThan", "Exact"


def wanted_version(query: Mapping[str, str], shelf: Shelf) -> int | None:
    """Read the version a query names; None for none. 500 for what is no number, 504 for one from the future."""
    text = query.get("resourceVersion", "")
    if not text:
        return None
    if not text.isdecimal():
        raise ApiError(500, f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) > shelf.version:
        raise too_large(int(text), shelf.version)
    return int(text)


def check_match(query: Mapping[str, str]) -> str:
    """Read the way a version is to be matched; 422 where it makes no sense beside the rest of the query."""
    match = query.get(MATCH, "")
    if not match:
        return ""
    if match not in (NOT_OLDER, EXACT):
        supported = f'supported values: "{EXACT}", "{NOT_OLDER}"'
        raise invalid(f'{MATCH}: Unsupported value: "{match}": {supported}')
    version = query.get("resourceVersion", "")
    if not version and "sendInitialEvents" not in query:
        raise invalid(f"{MATCH}: Forbidden: {MATCH} is forbidden unless resourceVersion is provided")
    if match == EXACT and version == "0":
        raise invalid(f'{MATCH}: Forbidden: {MATCH} "{EXACT}" is forbidden for resourceVersion "0"')
    return match


def invalid(message: str) -> ApiError:
    """Compose a 422 about the options of a list or watch."""
    return ApiError(422, f'ListOptions.meta.k8s.io "" is invalid: {message}', {"kind": "ListOptions"})
