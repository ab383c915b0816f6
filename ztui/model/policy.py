"""Authorization policies as a ztunnel enforces them. Source: ztunnel's `src/rbac.rs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ztui.model.dumpitem import DumpItem, JsonObject, flag_at, is_port, objects_at, text_at, texts_at, word_at
from ztui.model.text import clean


class Action(StrEnum):
    """What a match of a policy means."""

    ALLOW = "Allow"
    DENY = "Deny"


class Scope(StrEnum):
    """Whom a policy concerns."""

    GLOBAL = "Global"
    NAMESPACE = "Namespace"
    WORKLOAD_SELECTOR = "WorkloadSelector"


@dataclass(frozen=True, slots=True, kw_only=True)
class StringMatch:
    """One way to match a text: `exact`, `prefix`, `suffix` of `value`, or `presence` of any."""

    how: str
    value: str = ""

    def __str__(self) -> str:
        patterns = {"exact": self.value, "prefix": f"{self.value}*", "suffix": f"*{self.value}", "presence": "*"}
        return patterns.get(self.how, f"{self.how}({self.value})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyMatch:
    """One alternative of a clause. All of its criteria must hold; one without any never matches."""

    namespaces: tuple[StringMatch, ...] = ()
    not_namespaces: tuple[StringMatch, ...] = ()
    principals: tuple[StringMatch, ...] = ()
    """Compared without `spiffe://`."""
    not_principals: tuple[StringMatch, ...] = ()
    service_accounts: tuple[str, ...] = ()
    """`namespace/service account`."""
    not_service_accounts: tuple[str, ...] = ()
    source_ips: tuple[str, ...] = ()
    """CIDRs."""
    not_source_ips: tuple[str, ...] = ()
    destination_ips: tuple[str, ...] = ()
    not_destination_ips: tuple[str, ...] = ()
    destination_ports: tuple[int, ...] = ()
    not_destination_ports: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()
    """Names of criteria that this version does not know: what they demand cannot be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """One rule of a policy: every clause must hold, and of a clause's matches any one."""

    clauses: tuple[tuple[PolicyMatch, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationPolicy(DumpItem):
    """One policy as a ztunnel holds it. It matches where any of its rules does; one without rules never does."""

    name: str = ""
    namespace: str = ""
    scope: str | None = None
    action: str | None = None
    rules: tuple[PolicyRule, ...] = ()
    dry_run: bool | None = None
    """None before 1.29, where dumps do not say."""

    @property
    def key(self) -> str:
        """`namespace/name`, as in ztunnel's denials."""
        return f"{self.namespace}/{self.name}"

    @property
    def is_synthetic(self) -> bool:
        """Whether istiod made it from something else (a PeerAuthentication, a waypoint): no object has such a name."""
        return "_" in self.name


def read_policy(obj: JsonObject, text: str = "") -> AuthorizationPolicy:
    """Read one element of a dump's `policies`."""
    rules = obj.get("rules")
    return AuthorizationPolicy(
        text=text,
        name=text_at(obj, "name") or "",
        namespace=word_at(obj, "namespace") or "",
        scope=word_at(obj, "scope"),
        action=word_at(obj, "action"),
        rules=tuple(_read_rule(rule) for rule in rules if isinstance(rule, list)) if isinstance(rules, list) else (),
        dry_run=flag_at(obj, "dryRun"),
    )


def _read_rule(clauses: list[Any]) -> PolicyRule:
    return PolicyRule(
        clauses=tuple(
            tuple(_read_match(match) for match in clause if isinstance(match, dict))
            for clause in clauses
            if isinstance(clause, list)
        )
    )


def _strings(obj: JsonObject, key: str) -> tuple[StringMatch, ...]:
    return tuple(
        StringMatch(how=clean(how).lower(), value=clean(value) if isinstance(value, str) else "")
        for match in objects_at(obj, key)
        for how, value in match.items()
    )


def _accounts(obj: JsonObject, key: str) -> tuple[str, ...]:
    return tuple(
        f"{text_at(account, 'namespace') or ''}/{text_at(account, 'serviceAccount') or ''}"
        for account in objects_at(obj, key)
    )


def _ports(obj: JsonObject, key: str) -> tuple[int, ...]:
    value = obj.get(key)
    return tuple(filter(is_port, value)) if isinstance(value, list) else ()


_CRITERIA: dict[str, tuple[str, Callable[[JsonObject, str], tuple[Any, ...]]]] = {
    "namespaces": ("namespaces", _strings),
    "notNamespaces": ("not_namespaces", _strings),
    "principals": ("principals", _strings),
    "notPrincipals": ("not_principals", _strings),
    "serviceAccounts": ("service_accounts", _accounts),
    "notServiceAccounts": ("not_service_accounts", _accounts),
    "sourceIps": ("source_ips", texts_at),
    "notSourceIps": ("not_source_ips", texts_at),
    "destinationIps": ("destination_ips", texts_at),
    "notDestinationIps": ("not_destination_ips", texts_at),
    "destinationPorts": ("destination_ports", _ports),
    "notDestinationPorts": ("not_destination_ports", _ports),
}


def _read_match(obj: JsonObject) -> PolicyMatch:
    known = {slot: read(obj, key) for key, (slot, read) in _CRITERIA.items() if key in obj}
    return PolicyMatch(**known, unknown=tuple(clean(key) for key in obj if key not in _CRITERIA))
