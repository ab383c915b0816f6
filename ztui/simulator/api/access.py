"""Who is asking, and whether they may: tokens, client certificates, and RBAC by user as plain data."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from ztui.simulator.api.status import ApiError

ANONYMOUS = "system:anonymous"
_EVERYONE = (("create", "authorization.k8s.io", "*"), ("create", "authentication.k8s.io", "*"))
"""What any authenticated user may do: ask what it may do."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on resources of a group, in one namespace or (None) everywhere. `*` matches anything."""

    verbs: tuple[str, ...]
    group: str
    resources: tuple[str, ...]
    namespace: str | None = None

    def allows(self, verb: str, group: str, resource: str, namespace: str | None) -> bool:
        return (
            _in(verb, self.verbs)
            and self.group in (group, "*")
            and _in(resource, self.resources)
            and self.namespace in (None, namespace)
        )


_READ = ("get", "list", "watch")
_BASE = Rule(_READ, "", ("pods", "nodes"))
_LOGS = Rule(("get",), "", ("pods/log",), "istio-system")
_FORWARD = Rule(("get", "create"), "", ("pods/portforward",), "istio-system")
_MORE = Rule(_READ, "", ("namespaces", "services", "events"))
_APPS = Rule(_READ, "apps", ("*",))
_SLICES = Rule(_READ, "discovery.k8s.io", ("*",))
ROLES: dict[str, tuple[Rule, ...]] = {
    "admin": (Rule(("*",), "*", ("*",)),),
    "sre": (_BASE, _LOGS, _FORWARD),
    "logsonly": (_BASE, _LOGS),
    "nolog": (_BASE, _FORWARD, _MORE, _APPS, _SLICES),
    "noforward": (_BASE, _LOGS, _MORE, _APPS, _SLICES),
    "namespaced": (
        Rule(_READ, "", ("pods",), "istio-system"),
        Rule(_READ, "", ("pods",), "default"),
        _LOGS,
        _FORWARD,
    ),
    "nobody": (),
}


@dataclass(slots=True)
class Accounts:
    """The users, their tokens, and which tokens are no longer accepted."""

    tokens: dict[str, str] = field(default_factory=lambda: {user: secrets.token_urlsafe(24) for user in ROLES})
    expired: set[str] = field(default_factory=set)
    """Users whose credentials are refused with 401."""

    def who(self, authorization: str | None, certificate_name: str | None) -> str:
        """Tell the user of a request; 401 for credentials that are wrong, anonymous where there are none."""
        user = certificate_name if certificate_name in ROLES else None
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            user = next((name for name, known in self.tokens.items() if known == token.strip()), None)
            if scheme.lower() != "bearer" or user is None:
                raise ApiError(401, "Unauthorized")
        if user in self.expired:
            raise ApiError(401, "Unauthorized")
        return user or ANONYMOUS

    def renew(self, user: str) -> str:
        """Make a new token for a user, which is accepted again; the old one is not."""
        self.tokens[user] = secrets.token_urlsafe(24)
        self.expired.discard(user)
        return self.tokens[user]


def may(user: str, verb: str, group: str, resource: str, namespace: str | None) -> bool:
    """Whether a user may do something, by its rules."""
    if user != ANONYMOUS and any((verb, group) == known[:2] for known in _EVERYONE):
        return True
    return any(rule.allows(verb, group, resource, namespace) for rule in ROLES.get(user, ()))


def groups_of(user: str) -> list[str]:
    """List the groups a user is in."""
    if user == ANONYMOUS:
        return ["system:unauthenticated"]
    return (["system:masters"] if user == "admin" else []) + ["system:authenticated"]


def _in(word: str, words: tuple[str, ...]) -> bool:
    return "*" in words or word in words
