"""What a user asks about itself: who am I, may I do this, what may I do here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ztui.simulator.api import protobuf
from ztui.simulator.api.access import ROLES, Rule, groups_of
from ztui.simulator.api.answers import json_answer
from ztui.simulator.api.permits import ADMIN, is_allowed
from ztui.simulator.api.status import ApiError

if TYPE_CHECKING:
    from aiohttp import web

    from ztui.simulator.api.host import Host

Json = dict[str, Any]

_PATHS = {
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": "access",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews": "rules",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews": "self",
}


def is_review(path: str) -> bool:
    """Whether a path is one of the three reviews."""
    return path in _PATHS


async def review(host: Host, request: web.BaseRequest, user: str) -> web.Response:
    """Answer a review with the object that was sent and the status that was found."""
    if request.method != "POST":
        raise ApiError(405, "the server does not allow this method on the requested resource")
    sent = await _body(request)
    spec = sent.get("spec") or {}
    if not isinstance(spec, dict):
        raise ApiError(400, "the spec of the review is not an object")
    kind = _PATHS[request.path]
    if kind == "access":
        status = _access(host, user, spec)
    elif kind == "rules":
        status = _rules(user, str(spec.get("namespace", "")))
    else:
        status = {"userInfo": {"username": user, "groups": groups_of(user)}}
    return json_answer({**sent, "metadata": sent.get("metadata") or {}, "spec": spec, "status": status}, 201)


async def _body(request: web.BaseRequest) -> Json:
    """Read the object of the request, JSON or the protobuf that kubectl sends."""
    kind = request.headers.get("Content-Type", "")
    body = await request.read()
    try:
        sent = protobuf.read_review(body) if "protobuf" in kind else json.loads(body)
    except ValueError as error:
        raise ApiError(400, f"couldn't get version/kind; parse error: {error}") from error
    if not isinstance(sent, dict):
        raise ApiError(400, "couldn't get version/kind; the body is not an object")
    return sent


def _access(host: Host, user: str, spec: Json) -> Json:
    asked = spec.get("resourceAttributes")
    if not isinstance(asked, dict):
        return {"allowed": user == ADMIN}
    resource = str(asked.get("resource", ""))
    if asked.get("subresource"):
        resource = f"{resource}/{asked['subresource']}"
    namespace = str(asked.get("namespace", "")) or None
    allowed = is_allowed(host, user, str(asked.get("verb", "")), str(asked.get("group", "")), resource, namespace)
    if not allowed:
        return {"allowed": False}
    return {"allowed": True, "reason": f'RBAC: allowed by ClusterRoleBinding "{user}"'}


def _rules(user: str, namespace: str) -> Json:
    own = [rule for rule in ROLES.get(user, ()) if rule.namespace in (None, namespace)]
    everyone = (
        Rule(("create",), "authorization.k8s.io", ("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
        Rule(("create",), "authentication.k8s.io", ("selfsubjectreviews",)),
    )
    rules = [
        {"verbs": list(rule.verbs), "apiGroups": [rule.group], "resources": list(rule.resources)}
        for rule in (*own, *everyone)
    ]
    paths = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/readyz", "/version"]
    return {
        "resourceRules": rules,
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": paths}],
        "incomplete": False,
    }
