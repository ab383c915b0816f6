"""What a request is about: the path of the Kubernetes API taken apart, and its query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ztui.simulator.api.resources import BY_PATH, Resource
from ztui.simulator.api.status import ApiError


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A resource, or one object of it, or a part of that object."""

    resource: Resource
    namespace: str | None = None
    name: str | None = None
    part: str | None = None

    @property
    def rbac_resource(self) -> str:
        return f"{self.resource.plural}/{self.part}" if self.part else self.resource.plural


def read_path(path: str) -> Target | None:
    """`/api/v1/…` and `/apis/GROUP/VERSION/…`; None for a path no resource has."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"]:
        group, version, rest = "", parts[1] if len(parts) > 1 else "", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 2:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = None
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    resource = BY_PATH.get((group, version, rest[0])) if rest else None
    if resource is None or len(rest) > 3 or (namespace is not None and not resource.namespaced):
        return None
    name = rest[1] if len(rest) > 1 else None
    return Target(resource=resource, namespace=namespace, name=name, part=rest[2] if len(rest) > 2 else None)


def verb_of(method: str, target: Target, query: Mapping[str, str]) -> str:
    """Tell the verb that permission is asked for."""
    if method == "POST":
        return "create"
    if method != "GET":
        return {"PUT": "update", "PATCH": "patch", "DELETE": "delete"}.get(method, method.lower())
    if target.name is not None:
        return "get"
    return "watch" if is_true(query.get("watch")) else "list"


def is_true(text: str | None) -> bool:
    """Read a boolean of a query: `1`, `true`, or the bare key."""
    return text is not None and text.lower() in ("", "1", "true", "t")


def number(query: Mapping[str, str], key: str) -> int | None:
    """Read an integer of a query; 400 with the API server's text for anything else."""
    text = query.get(key)
    if text is None or text == "":
        return None
    try:
        return int(text)
    except ValueError as error:
        quoted = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise ApiError(400, f"unable to decode {key}: {quoted}") from error
