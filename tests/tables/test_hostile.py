"""Whatever a dump or a log says, every table prints it in every format, and nothing of it moves a cursor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.store.feed import START, Fed, log_of, origin
from ztui.model.accesslog import Reader
from ztui.model.configdump import ConfigDump, DumpError, DumpReader
from ztui.model.fields import BY_KEYS
from ztui.model.flow import Direction, Flow
from ztui.model.observation import ConfigDumpTaken, EntriesRead
from ztui.store.mesh import Mesh
from ztui.tables.columns import Context, Table, Zone
from ztui.tables.edges import edges_table
from ztui.tables.flows import ENTRIES, FLOWS
from ztui.tables.health import HEALTH, health_rows
from ztui.tables.holdings import POLICIES, SERVICES, WORKLOADS, policy_rows, service_rows, workload_rows
from ztui.tables.istioctl import short
from ztui.tables.nodewise import CERTIFICATES, CONNECTIONS, certificate_rows, connection_rows
from ztui.tables.render import lines

DATA = Path(__file__).parents[1] / "data" / "ztunnel"
SAMPLE = json.loads((DATA / "plain" / "w1-config_dump.json").read_text())
KEPT = {key: SAMPLE[key][:1] for key in ("workloads", "services", "policies", "certificates")}
SMALL = {**KEPT, "workloadState": dict(list(SAMPLE["workloadState"].items())[:1]), "config": {"localNode": "w1"}}


def printed(table: Table[Any], rows: Sequence[Any]) -> None:
    """Print rows in every format, and compare those that can be read back."""
    context = Context(now=START)
    for form in ("table", "wide", "csv", "name"):
        for line in lines(table, rows, form, context):
            assert line.isprintable(), (table.name, form, line)
    for zone in (Zone.RELATIVE, Zone.UTC):
        for row in rows:
            for column in table.columns:
                text = column.cell(row, Context(now=START, zone=zone)).text
                assert text.isprintable(), (column.key, text)
    documents = [table.document(row) for row in rows]
    text = "".join(lines(table, rows, "json", context))
    assert text.isprintable()
    assert json.loads(text, parse_constant=pytest.fail) == documents
    assert yaml.safe_load("\n".join(lines(table, rows, "yaml", context))) == documents


def all_holdings(mesh: Mesh) -> None:
    printed(WORKLOADS, workload_rows(mesh))
    printed(SERVICES, service_rows(mesh))
    printed(POLICIES, policy_rows(mesh))
    printed(CERTIFICATES, certificate_rows(mesh, START))
    printed(CONNECTIONS, connection_rows(mesh))
    printed(HEALTH, health_rows(mesh, START))
    for known in mesh.inventory.dumps.values():
        for line in short("all", known.dump, now=START, with_headers=True).split("\n"):
            assert line.isprintable()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, 2**64, -1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, one in inner for place in places(one, (*path, key))]


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], by)
    return copy


@settings(max_examples=15, deadline=None)
@example(place=("workloads", 0, "capacity"), by=10**400)
@example(place=("services", 0, "ports"), by={"80": 10**400, "443": True})
@example(place=("certificates", 0, "certChain", 0, "expirationTime"), by="9999-12-31T23:59:59Z")
@given(place=st.sampled_from(places(SMALL)), by=VALUES)
def test_any_value_in_any_place_of_a_dump(place: tuple[Any, ...], by: Any) -> None:
    fed = Fed()
    fed.mesh.ingest(ConfigDumpTaken(origin=origin("w2"), dump=WELL, taken_at=START))
    read = read_or_refused(json.dumps(replaced(SMALL, place, by)).encode())
    if read is not None:
        fed.mesh.ingest(ConfigDumpTaken(origin=origin("w1"), dump=read, taken_at=START))
        all_holdings(fed.mesh)


def read_or_refused(data: bytes) -> ConfigDump | None:
    try:
        return DumpReader().read(data)
    except DumpError:
        return None


WELL = DumpReader().read(json.dumps(SMALL).encode())
LOG = (DATA / "istiod-mesh" / "w1.log").read_bytes().splitlines(keepends=True)
ACCESS = [line for line in LOG if b"\taccess\t" in line]


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_bytes_in_any_place_of_a_log(data: st.DataObject) -> None:
    fed = Fed()
    reader = Reader(origin("w1"))
    for _ in range(6):
        line = data.draw(st.sampled_from(ACCESS))
        cut = data.draw(st.integers(0, len(line) - 1))
        junk = data.draw(st.binary(max_size=12) | st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace")))
        batch = reader.feed(line[:cut] + junk.replace(b"\n", b"") + line[cut + data.draw(st.integers(0, 9)) :])
        fed.mesh.ingest(EntriesRead(stream=log_of("w1"), batch=batch, observed_at=START))
    entries = list(fed.mesh.entries.oldest())
    printed(ENTRIES, entries)
    flows = [Flow(inbound=e) if e.shape.direction == Direction.INBOUND else Flow(outbound=e) for e in entries]
    printed(FLOWS, flows)
    printed(edges_table(tuple(BY_KEYS)), fed.mesh.edges.rows(tuple(BY_KEYS)))


@pytest.mark.parametrize("depth", [5, 90, 200, 5_000, 100_000])
def test_values_within_values_are_read_or_refused_never_a_crash(depth: int) -> None:
    deep = b'{"name": "curl", "namespace": "default", "future": ' + b"[" * depth + b"]" * depth + b"}"
    data = b'{"workloads": [' + deep + b"]}"
    if depth < 100:
        fed = Fed()
        fed.mesh.ingest(ConfigDumpTaken(origin=origin("w1"), dump=DumpReader().read(data), taken_at=START))
        all_holdings(fed.mesh)
    else:
        with pytest.raises(DumpError, match="nested too deeply"):
            DumpReader().read(data)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 10_000])
def test_a_number_no_json_reader_could_take_back_is_refused(number: str) -> None:
    with pytest.raises(DumpError, match="number there is none, or too large"):
        DumpReader().read(f'{{"workloads": [{{"name": "a", "future": {number}}}]}}'.encode())
