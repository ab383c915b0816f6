"""What the ztunnels hold, as one row per workload, service, policy, certificate and open connection.

Every ztunnel holds the whole mesh, so a dump of each says nearly the same. A row tells how many of those that were
asked hold it, and in which of the dump's own keys they differ. Sections that the reader shares are compared by
identity, so three hundred equal dumps cost one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ztui.model.certificate import CertificateChain
from ztui.model.configdump import ConfigDump
from ztui.model.dumpitem import text_at
from ztui.model.policy import AuthorizationPolicy
from ztui.model.service import Service
from ztui.model.workload import OpenConnection, Workload

Ztunnels = tuple[str, ...]
"""`Origin.key` of each."""


class Held(Protocol):
    """Something that several ztunnels can hold: it has a key that is the same in all of them."""

    @property
    def key(self) -> str: ...

    def raw(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=Held)
M = TypeVar("M", bound=Workload | Service | AuthorizationPolicy)


class Merged(NamedTuple, Generic[T]):
    """One row: what the ztunnels hold under one key. A tuple, since there are tens of thousands of them."""

    item: T
    """As most of them hold it; of equally many, as the first."""
    ztunnels: Ztunnels
    """Those that hold it so."""
    others: tuple[tuple[T, Ztunnels], ...]
    """Each other content with the ztunnels that hold it."""
    asked: int
    """How many ztunnels answered at all."""

    @property
    def key(self) -> str:
        return self.item.key

    @property
    def versions(self) -> tuple[tuple[T, Ztunnels], ...]:
        """Each different content with the ztunnels that hold it, the most common one first."""
        return (self.item, self.ztunnels), *self.others

    @property
    def holding(self) -> int:
        """How many ztunnels hold it, whatever its content."""
        return len(self.ztunnels) + sum(len(ztunnels) for _, ztunnels in self.others)

    @property
    def by(self) -> dict[str, T]:
        """What each ztunnel holds, by `Origin.key`."""
        return {ztunnel: item for item, ztunnels in self.versions for ztunnel in ztunnels}

    @property
    def differs(self) -> dict[str, tuple[tuple[Any, Ztunnels], ...]]:
        """The dump's keys in which the ztunnels differ: each value with those that say so."""
        if not self.others:
            return {}
        return _differences([(item.raw(), ztunnels) for item, ztunnels in self.versions])

    @property
    def is_agreed(self) -> bool:
        """Whether every ztunnel that was asked holds it, and all the same."""
        return self.holding == self.asked and not self.differs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OnZtunnel(Generic[T]):
    """One row of what each ztunnel has for itself (a certificate, an open connection), with how many hold the like."""

    ztunnel: str
    """`Origin.key`."""
    node: str | None
    item: T
    holding: int
    asked: int

    @property
    def key(self) -> str:
        return f"{self.ztunnel}|{self.item.key}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergedDumps:
    """Everything the ztunnels hold, merged."""

    workloads: tuple[Merged[Workload], ...]
    services: tuple[Merged[Service], ...]
    policies: tuple[Merged[AuthorizationPolicy], ...]
    certificates: tuple[OnZtunnel[CertificateChain], ...]
    """Each node has its own certificate for an identity, with its own serial number: a row for each."""
    connections: tuple[OnZtunnel[OpenConnection], ...]


def merge(dumps: Mapping[str, ConfigDump]) -> MergedDumps:
    """Merge the latest dump of each ztunnel; `dumps` is keyed by `Origin.key`."""
    return MergedDumps(
        workloads=merge_items({ztunnel: dump.workloads for ztunnel, dump in dumps.items()}),
        services=merge_items({ztunnel: dump.services for ztunnel, dump in dumps.items()}),
        policies=merge_items({ztunnel: dump.policies for ztunnel, dump in dumps.items()}),
        certificates=list_items(dumps, lambda dump: dump.certificates),
        connections=list_items(dumps, lambda dump: dump.connections),
    )


def merge_items(sections: Mapping[str, tuple[M, ...]]) -> tuple[Merged[M], ...]:
    """Merge one section of each ztunnel, given by `Origin.key`; rows are in order of their keys.

    What the reader shares is the same object in every section, and is told by its identity alone.
    """
    shared: dict[int, tuple[tuple[M, ...], list[str]]] = {}
    for ztunnel, section in sections.items():
        shared.setdefault(id(section), (section, []))[1].append(ztunnel)
    groups = [(section, tuple(ztunnels)) for section, ztunnels in shared.values()]
    if not groups:
        return ()
    everyone, asked = tuple(sections), len(sections)
    common = set(map(id, groups[0][0])).intersection(*(map(id, section) for section, _ in groups[1:]))
    agreed = _by_key(item for item in groups[0][0] if id(item) in common)
    rows = {key: Merged(item, everyone, (), asked) for key, item in agreed.items()}
    found: dict[str, list[tuple[M, Ztunnels]]] = {}
    unions: _Unions = {}
    for section, ztunnels in groups:
        for key, item in _by_key(item for item in section if id(item) not in common).items():
            if key not in rows:
                _add_version(found.setdefault(key, []), item, ztunnels, unions)
    rows |= {key: _row(versions, asked) for key, versions in found.items()}
    return tuple(rows[key] for key in sorted(rows))


def _by_key(section: Iterable[T]) -> dict[str, T]:
    """Index a section by key; in dumps before 1.23 a workload stands there once for each of its addresses."""
    items: dict[str, T] = {}
    for item in section:
        items.setdefault(item.key, item)
    return items


_Unions = dict[tuple[int, int], Ztunnels]
"""Two sets of ztunnels (by identity) → both together: thousands of rows have the same holders and share one tuple."""


def _add_version(versions: list[tuple[M, Ztunnels]], item: M, ztunnels: Ztunnels, unions: _Unions) -> None:
    for i, (known, holders) in enumerate(versions):
        if known is item or (known.text == item.text and known == item):
            both = (id(holders), id(ztunnels))
            if both not in unions:
                unions[both] = holders + ztunnels
            versions[i] = (known, unions[both])
            return
    versions.append((item, ztunnels))


def _row(versions: Sequence[tuple[M, Ztunnels]], asked: int) -> Merged[M]:
    if len(versions) == 1:
        return Merged(*versions[0], (), asked)
    most = max(versions, key=lambda version: len(version[1]))
    return Merged(*most, tuple(version for version in versions if version is not most), asked)


def list_items(
    dumps: Mapping[str, ConfigDump], read: Callable[[ConfigDump], tuple[T, ...]]
) -> tuple[OnZtunnel[T], ...]:
    """List what each ztunnel has for itself, with the number of ztunnels that have one of the same key."""
    holding: dict[str, int] = {}
    rows = [(ztunnel, dump.local_node, read(dump)) for ztunnel, dump in dumps.items()]
    for _, _, items in rows:
        for key in {item.key for item in items}:
            holding[key] = holding.get(key, 0) + 1
    return tuple(
        OnZtunnel(ztunnel=ztunnel, node=node, item=item, holding=holding[item.key], asked=len(dumps))
        for ztunnel, node, items in rows
        for item in items
    )


_SAID_LATER = frozenset({"networkMode", "capacity", "services", "visibility", "canonical", "dryRun", "rootCerts"})
"""Keys that older ztunnels do not write: one that is missing there contradicts nothing."""


def _differences(versions: Sequence[tuple[dict[str, Any], Ztunnels]]) -> dict[str, tuple[tuple[Any, Ztunnels], ...]]:
    differences: dict[str, tuple[tuple[Any, Ztunnels], ...]] = {}
    for key in dict.fromkeys(key for raw, _ in versions for key in raw):
        said = [(raw.get(key), ztunnels) for raw, ztunnels in versions if key in raw or key not in _SAID_LATER]
        values: list[tuple[Any, Ztunnels]] = []
        for value, ztunnels in said:
            for i, (known, holders) in enumerate(values):
                if _comparable(key, known) == _comparable(key, value):
                    values[i] = (known, holders + ztunnels)
                    break
            else:
                values.append((value, ztunnels))
        if len(values) > 1:
            differences[key] = tuple(values)
    return differences


def _comparable(key: str, value: Any) -> Any:
    """Leave out what means nothing: the order of a list of texts, and what only some versions write."""
    if isinstance(value, list) and all(isinstance(element, str) for element in value):
        return sorted(value)
    if key == "endpoints" and isinstance(value, dict):
        return {
            text_at(endpoint, "workloadUid") or uid: endpoint.get("port")
            for uid, endpoint in value.items()
            if isinstance(endpoint, dict)
        }
    return value


def to_json(row: Merged[Any] | OnZtunnel[Any]) -> dict[str, Any]:
    """Write a row as the dump's own keys, with how many ztunnels hold it and where those that do differ.

    `differs` has, for each key, a list of `{"value": …, "ztunnels": [Origin.key …]}`; without a value where the key is
    missing. A certificate or connection says besides whose it is (`ztunnel`, and `node` where known).
    """
    document: dict[str, Any] = row.item.raw()
    if isinstance(row, OnZtunnel):
        if isinstance(row.item, OpenConnection):
            document = _connection_json(row.item)
        document["ztunnel"] = row.ztunnel
        if row.node is not None:
            document["node"] = row.node
    document["ztunnels"] = {"holding": row.holding, "asked": row.asked}
    if isinstance(row, Merged) and (differs := row.differs):
        document["differs"] = {
            key: [
                {**({} if value is None else {"value": value}), "ztunnels": list(ztunnels)}
                for value, ztunnels in values
            ]
            for key, values in differs.items()
        }
    return document


def _connection_json(connection: OpenConnection) -> dict[str, Any]:
    """Add to a connection what stands above it in the dump: the direction, and the pod's `info`."""
    info = {"name": connection.name, "namespace": connection.namespace}
    return {
        "direction": connection.direction.value,
        **connection.raw(),
        "podUid": connection.pod_uid,
        "info": {key: value for key, value in info.items() if value is not None},
    }
