"""`workloads`, `services`, `policies`, `certificates`, `connections`, `all`, `health`: what the ztunnels hold now."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ztui.analysis.target import Surroundings, Target, resolve
from ztui.cli.filters import label_filter
from ztui.cli.headless import watching
from ztui.cli.output import context_of, form_of, print_lines, print_rows
from ztui.clock import SystemClock
from ztui.errors import UsageError
from ztui.model.cluster import Ztunnel
from ztui.model.fields import LABELS, Field
from ztui.model.flow import Direction
from ztui.model.observation import ConfigDumpTaken
from ztui.model.streams import StreamKind
from ztui.store.mesh import Mesh, Topic
from ztui.tables.health import HEALTH, health_rows
from ztui.tables.holdings import POLICIES, SERVICES, WORKLOADS, policy_rows, service_rows, workload_rows
from ztui.tables.istioctl import ShortFilter, short
from ztui.tables.labelled import PodLabels
from ztui.tables.nodewise import CERTIFICATES, CONNECTIONS, certificate_rows, connection_rows
from ztui.tables.render import choose_columns, sort_rows, yaml_text

if TYPE_CHECKING:
    from ztui.cli.headless import Watch
    from ztui.cli.parser import Invocation
    from ztui.model.filter import FlowFilter
    from ztui.model.observation import Observation
    from ztui.session import Memory
    from ztui.settings import Settings
    from ztui.store.inventory import KnownDump
    from ztui.tables.columns import Context, Table

_TICK_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a snapshot is asked for: the settings, and what TARGET was found to mean."""

    settings: Settings
    target: Target | None
    labels: FlowFilter | None = None
    """What --selector selects."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Namespaces of the rows that are wanted; empty for all."""
        return () if self.settings.is_all_namespaces or self.is_one_ztunnel else self.settings.namespaces

    @property
    def is_one_ztunnel(self) -> bool:
        """Whether TARGET is a ztunnel or a node: then -n belongs to it and filters nothing."""
        return self.target is not None and self.target.pods is None

    def names_namespace(self, namespace: str, also: str | None) -> bool:
        """Whether rows of a namespace are wanted; `also` is the flag of istioctl that says the same."""
        if also is not None and namespace.casefold() != also.casefold():
            return False
        return not self.namespaces or namespace in self.namespaces

    @property
    def direction(self) -> Direction | None:
        """The one of `--direction`, as istioctl has it for connections."""
        found = [text for _, name, text in self.settings.flow_terms if name == "direction"]
        return Direction(found[-1]) if found else None

    def names_direction(self, direction: Direction) -> bool:
        """Whether connections of a direction are wanted."""
        return self.direction in (None, direction)

    def names_pod(self, namespace: str | None, name: str | None) -> bool:
        """Whether rows of a pod are wanted."""
        return self.target is None or self.target.pods is None or (namespace, name) in self.target.pods

    def names_ztunnel(self, key: str) -> bool:
        """Whether what this ztunnel holds is wanted."""
        return self.target is None or not self.target.ztunnels or key in self.target.ztunnels


Gather = Callable[[Mesh, _Asked, float], Sequence[Any]]


def _workloads(mesh: Mesh, asked: _Asked, _: float) -> Sequence[Any]:
    settings = asked.settings
    return [
        row
        for row in workload_rows(mesh)
        if asked.names_namespace(row.workload.namespace, settings.workload_namespace)
        and asked.names_pod(row.workload.namespace, row.workload.name)
        and settings.workload_node in (None, row.workload.node)
        and (settings.address is None or settings.address in row.workload.ips)
    ]


def _services(mesh: Mesh, asked: _Asked, _: float) -> Sequence[Any]:
    address, also = asked.settings.address, asked.settings.service_namespace
    return [
        row
        for row in service_rows(mesh)
        if asked.names_namespace(row.service.namespace, also) and (address is None or address in row.service.ips)
    ]


def _policies(mesh: Mesh, asked: _Asked, _: float) -> Sequence[Any]:
    also = asked.settings.policy_namespace
    return [row for row in policy_rows(mesh) if asked.names_namespace(row.policy.namespace, also)]


def _certificates(mesh: Mesh, asked: _Asked, now: float) -> Sequence[Any]:
    return [
        row
        for row in certificate_rows(mesh, now)
        if asked.names_ztunnel(row.held.ztunnel) and asked.names_namespace(_namespace_of(row.status.identity), None)
    ]


def _namespace_of(identity: str) -> str:
    """Find the namespace in `spiffe://trust.domain/ns/NAMESPACE/sa/ACCOUNT`."""
    return identity.partition("/ns/")[2].partition("/")[0]


def _connections(mesh: Mesh, asked: _Asked, _: float) -> Sequence[Any]:
    return [
        row
        for row in connection_rows(mesh, is_raw=asked.settings.is_raw)
        if asked.names_ztunnel(row.open.row.ztunnel)
        and asked.names_pod(row.open.connection.namespace, row.open.connection.name)
        and asked.names_namespace(row.open.connection.namespace or "", asked.settings.workload_namespace)
        and asked.names_direction(row.open.connection.direction)
    ]


def _health(mesh: Mesh, asked: _Asked, now: float) -> Sequence[Any]:
    nodes = asked.settings.nodes
    return [row for row in health_rows(mesh, now) if asked.names_ztunnel(row.key) and (not nodes or row.node in nodes)]


_KINDS: dict[str, tuple[Table[Any], Gather]] = {
    "workloads": (WORKLOADS, _workloads),
    "services": (SERVICES, _services),
    "policies": (POLICIES, _policies),
    "certificates": (CERTIFICATES, _certificates),
    "connections": (CONNECTIONS, _connections),
    "health": (HEALTH, _health),
}


def run(invocation: Invocation) -> int:
    """Print a snapshot: once, or with -w again whenever a dump changed it."""
    settings, kind = invocation.settings, invocation.command.name
    target = invocation.arguments[0] if invocation.arguments else None
    _refuse_unknown(settings, kind)
    labels = label_filter(settings)
    mesh = Mesh(clock=SystemClock(), max_rows=1)
    needs = None if kind == "health" else StreamKind.CONFIG_DUMP
    memory = _OfNodes(mesh, settings.nodes) if settings.files and settings.nodes else mesh
    with watching(settings, memory, needs=needs, target=target) as watch:
        watch.settle()
        version = None
        for _ in _rounds(watch, is_watching=settings.is_watching):
            if version != (version := mesh.version_of(Topic.DUMPS, Topic.CLUSTER)):
                found = _find(target, mesh, settings)
                _print(kind, mesh, _Asked(settings=settings, target=found, labels=labels), watch)
        return watch.finish()


class _OfNodes:
    """Stands in front of a memory and keeps out the saved dumps of other nodes; of a cluster they are not read."""

    def __init__(self, memory: Memory, nodes: Sequence[str]) -> None:
        self._memory, self._nodes = memory, nodes

    def ingest(self, observation: Observation) -> None:
        """Take one observation."""
        if isinstance(observation, ConfigDumpTaken):
            node = observation.origin.node or observation.dump.local_node
            if node not in self._nodes:
                return
        self._memory.ingest(observation)


def _refuse_unknown(settings: Settings, kind: str) -> None:
    """Refuse a format or column that does not exist before anything is observed."""
    if kind == "all":
        form = form_of(settings, "all", without=("wide", "jsonl", "csv", "name"))
        if settings.selector and form != "table":
            raise UsageError(f"all -o {form} prints dumps as they are: -l selects nothing of them.", "Leave -l out.")
        return
    form_of(settings, kind, without=("short",) if kind == "health" else ())
    table, _ = _KINDS[kind]
    choose_columns(table, keys=settings.columns)
    sort_rows(table, (), settings.sort)


def _rounds(watch: Watch, *, is_watching: bool) -> Iterable[object]:
    yield None
    if is_watching and not watch.progress.is_exhausted:
        yield from watch.ticks(_TICK_S)


def _find(text: str | None, mesh: Mesh, settings: Settings) -> Target | None:
    if text is None:
        return None
    # Of a pod it would be wrong to say that no ztunnel runs on its node: only that none of its dumps was given.
    saved = _saved_ztunnels(mesh) if settings.files and text.partition("/")[0] in ("node", "nodes", "no") else {}
    here = Surroundings(
        ztunnels=tuple(saved.values() or mesh.cluster.ztunnels.values()),
        pods=tuple(mesh.cluster.pods.values()),
        workloads=tuple(row.item for row in mesh.inventory.workloads),
    )
    target = resolve(text, here, namespace=settings.namespaces[0] if settings.namespaces else None)
    paths = {each.key: path for path, each in saved.items()}
    return replace(target, ztunnels=frozenset(paths.get(key, key) for key in target.ztunnels))


def _saved_ztunnels(mesh: Mesh) -> dict[str, Ztunnel]:
    """Give the ztunnels of saved dumps, each by its file, as far as the dump says who it was."""
    return {
        key: Ztunnel(name=known.origin.ztunnel or key, namespace=known.origin.namespace or "", node=known.node)
        for key, known in mesh.inventory.dumps.items()
    }


def _print(kind: str, mesh: Mesh, asked: _Asked, watch: Watch) -> None:
    now = mesh.clock.now()
    context = context_of(asked.settings, now)
    if kind == "all":
        _print_all(mesh, asked, context, watch.observed() if asked.settings.is_with_observed else None)
    elif asked.settings.output == "short":
        _print_short(kind, mesh, asked, now)
    else:
        table, rows = _rows(kind, mesh, asked, now)
        print_rows(table, rows, asked.settings, context, columns=_columns(table, mesh), observed=watch.observed())
        if not rows and (asked.settings.output or "table") in ("table", "wide"):
            place = f" in {', '.join(asked.namespaces)}" if asked.namespaces else ""
            print(f"There are no {kind}{place} that match.", file=sys.stderr)


def _rows(kind: str, mesh: Mesh, asked: _Asked, now: float) -> tuple[Table[Any], Sequence[Any]]:
    """Gather the rows of a table that are asked for."""
    table, gather = _KINDS[kind]
    rows = gather(mesh, asked, now)
    if asked.labels is not None:
        field: Field[Any] = Field(name=LABELS, getter=PodLabels(mesh).getter(kind))
        rows = list(filter(asked.labels.predicate({LABELS: field}), rows))
    return table, rows


def _columns(table: Table[Any], mesh: Mesh) -> tuple[str, ...]:
    """Choose a table's usual columns: without pods, nothing can be said of capture."""
    hidden = () if mesh.cluster.pods else ("capture",)
    return tuple(column.key for column in table.columns if not column.wide and column.key not in hidden)


def _dumps(mesh: Mesh, asked: _Asked) -> list[KnownDump]:
    return [known for key, known in sorted(mesh.inventory.dumps.items()) if asked.names_ztunnel(key)]


def _print_short(kind: str, mesh: Mesh, asked: _Asked, now: float) -> None:
    """Print istioctl's table, which is always of one ztunnel: it takes any, ztui the first, and says which."""
    dumps = _dumps(mesh, asked)
    if not dumps:
        raise UsageError("There is no config dump to print.", "Name one with --file, or leave TARGET out.")
    if len(dumps) > 1:
        which = dumps[0].origin.ztunnel or dumps[0].origin.key
        print(f"istioctl's tables are of one ztunnel: this is {which}, the first of {len(dumps)}.", file=sys.stderr)
    settings, target = asked.settings, asked.target
    pods = None if target is None or target.pods is None else frozenset(target.pods)
    if asked.labels is not None:
        pods = _selected_pods(mesh, asked, pods)
    if not asked.is_one_ztunnel and kind == "certificates" and (asked.namespaces or asked.labels):
        raise UsageError(
            "istioctl's table of certificates is of a whole ztunnel.", "Leave -n and -l, or -o short, out."
        )
    where = ShortFilter(
        workload_namespace=settings.workload_namespace,
        workload_node=settings.workload_node,
        address=settings.address,
        service_namespace=settings.service_namespace,
        policy_namespace=settings.policy_namespace,
        direction=asked.direction,
        pods=pods,
        namespaces=frozenset(asked.namespaces) or None,
        is_raw=settings.is_raw,
    )
    sys.stdout.write(short(kind, dumps[0].dump, now=now, where=where, with_headers=settings.is_with_headers))


def _selected_pods(
    mesh: Mesh, asked: _Asked, among: frozenset[tuple[str, str]] | None
) -> frozenset[tuple[str, str]]:  # fmt: skip
    """Find the pods with the labels of --selector."""
    rows = _rows("workloads", mesh, replace(asked, settings=replace(asked.settings, namespaces=())), mesh.clock.now())[
        1
    ]
    pods = frozenset((row.workload.namespace, row.workload.name) for row in rows)
    return pods if among is None else pods & among


def _print_all(mesh: Mesh, asked: _Asked, context: Context, observed: Mapping[str, object] | None) -> None:
    """Print everything: the dumps verbatim as JSON, or every table with its name above it."""
    settings, dumps = asked.settings, _dumps(mesh, asked)
    match settings.output:
        case "short":
            _print_short("all", mesh, asked, context.now)
        case "json":
            _write_dumps(dumps, observed)
        case "yaml":
            decoded = {_name(known): json.loads(known.dump.raw) for known in dumps}
            if observed is not None:
                print_lines([yaml_text({"items": decoded, "observed": observed})])
            else:
                print_lines([yaml_text(next(iter(decoded.values())) if len(decoded) == 1 else decoded)])
        case _:
            for kind in _KINDS:
                if kind != "health":
                    print_lines([f"# {kind}"] if settings.is_with_headers else [])
                    table, rows = _rows(kind, mesh, asked, context.now)
                    print_rows(table, rows, settings, context, columns=_columns(table, mesh))
                    print_lines([""])


def _write_dumps(dumps: Sequence[KnownDump], observed: Mapping[str, object] | None) -> None:
    """Write one dump byte for byte; several as `{pod: dump}`, each still byte for byte, and what they rest on beside.

    With `observed` it is `{"items": {pod: dump}, "observed": …}`, as for the other snapshots.
    """
    out = sys.stdout.buffer
    parts = (json.dumps(_name(known)).encode() + b": " + known.dump.raw.strip() for known in dumps)
    if observed is not None:
        out.write(b'{"items": {' + b",\n".join(parts) + b'},\n"observed": ' + json.dumps(observed).encode() + b"}\n")
    elif len(dumps) == 1:
        out.write(dumps[0].dump.raw)
    else:
        out.write(b"{" + b",\n".join(parts) + b"}\n")
    out.flush()


def _name(known: KnownDump) -> str:
    return known.origin.ztunnel or known.origin.key
