"""May this user do this: RBAC and the faults that refuse, with the texts of a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ztui.simulator.api.access import may
from ztui.simulator.api.status import ApiError

if TYPE_CHECKING:
    from ztui.simulator.api.host import Host
    from ztui.simulator.api.paths import Target

ADMIN = "admin"


def is_allowed(host: Host, user: str, verb: str, group: str, resource: str, namespace: str | None) -> bool:
    """Whether the rules of a user and the faults of the day allow something."""
    if user != ADMIN and host.faults.forbids(verb, resource):
        return False
    return may(user, verb, group, resource, namespace)


def demand(host: Host, user: str, verb: str, target: Target) -> None:
    """Raise 403 unless it is allowed."""
    group = target.resource.group
    if not is_allowed(host, user, verb, group, target.rbac_resource, target.namespace):
        raise forbidden(user, verb, target)


def forbidden(user: str, verb: str, target: Target) -> ApiError:
    """`pods "x" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "n"`."""
    where = f'in the namespace "{target.namespace}"' if target.namespace is not None else "at the cluster scope"
    reason = (
        f'User "{user}" cannot {verb} resource "{target.rbac_resource}" in API group "{target.resource.group}" {where}'
    )
    return refused(target, reason)


def impersonated(user: str, wanted: str | None) -> str:
    """Tell who a request acts as; only the admin may act as somebody else."""
    if not wanted:
        return user
    if user != ADMIN:
        reason = f'User "{user}" cannot impersonate resource "users" in API group "" at the cluster scope'
        raise ApiError(403, f'users "{wanted}" is forbidden: {reason}', {"name": wanted, "kind": "users"})
    return wanted


def refused(target: Target, reason: str) -> ApiError:
    """Compose a 403 about a resource, for any reason."""
    named = f' "{target.name}"' if target.name is not None else ""
    details: dict[str, Any] = {"kind": target.resource.plural}
    if target.name is not None:
        details["name"] = target.name
    if target.resource.group:
        details["group"] = target.resource.group
    return ApiError(403, f"{target.resource.group_resource}{named} is forbidden: {reason}", details)


def forbidden_path(user: str, path: str) -> ApiError:
    """Compose a 403 about a path that is no resource."""
    return ApiError(403, f'forbidden: User "{user}" cannot get path "{path}"', {})
