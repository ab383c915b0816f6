"""What the server can do: versions, groups and their resources, and whether it is well."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ztui.simulator.api import resources
from ztui.simulator.api.answers import json_answer, text_answer
from ztui.simulator.api.objects import VERSION

Json = dict[str, Any]

_HEALTH = ("/healthz", "/livez", "/readyz")


def public(path: str) -> web.Response | None:
    """Answer what anybody may ask, logged in or not; None for anything else."""
    if path in _HEALTH:
        return text_answer("ok")
    return json_answer(_version()) if path == "/version" else None


def discovery(path: str) -> web.Response | None:
    """List groups, versions and resources; None for a path that names none."""
    parts = [part for part in path.split("/") if part]
    found: Json | None = None
    if parts == ["api"]:
        found = resources.core_versions()
    elif parts == ["apis"]:
        found = resources.group_list()
    elif len(parts) == 2 and parts[0] == "api":
        found = resources.resource_list("", parts[1])
    elif len(parts) == 2 and parts[0] == "apis":
        found = resources.group(parts[1])
    elif len(parts) == 3 and parts[0] == "apis":
        found = resources.resource_list(parts[1], parts[2])
    return json_answer(found) if found is not None else None


def _version() -> Json:
    major, minor = VERSION.removeprefix("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": VERSION,
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2025-11-11T19:01:00Z",
        "goVersion": "go1.24.9",
        "compiler": "gc",
        "platform": "linux/amd64",
    }
