"""What ztunnels hold, from saved dumps: every kind in every format, several dumps merged, one verbatim."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.front import DATA, DUMPS, PLAIN, Capture, files, run

KINDS = ("workloads", "services", "policies", "certificates", "connections")
EVERY_DUMP = sorted(DATA.glob("*/*config_dump*.json"))
ONE = DATA / "plain/w1-config_dump.json"


def held(kind: str, path: Path) -> list[dict[str, Any]]:
    dump = json.loads(path.read_text())
    if kind != "connections":
        found: list[dict[str, Any]] = dump[kind]
        return found
    return [
        connection
        for state in dump["workloadState"].values()
        for direction in ("inbound", "outbound")
        for connection in state["connections"][direction]
    ]


@pytest.mark.parametrize("path", EVERY_DUMP, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_capture_is_read_whole(capsys: Capture, path: Path) -> None:
    for kind in KINDS:
        printed = run(capsys, kind, "-f", str(path), "-o", "json")
        assert (printed.code, printed.err) == (0, "")
        assert len(json.loads(printed.out)) == len(held(kind, path)), kind
    assert run(capsys, "all", "-f", str(path), "-o", "json").out == path.read_text(), "byte for byte"


@pytest.mark.parametrize("kind", KINDS)
def test_all_formats_tell_the_same(capsys: Capture, kind: str) -> None:
    as_json = json.loads(run(capsys, kind, *DUMPS, "-o", "json").out)
    assert [json.loads(line) for line in run(capsys, kind, *DUMPS, "-o", "jsonl").lines] == as_json
    assert yaml.safe_load(run(capsys, kind, *DUMPS, "-o", "yaml").out) == as_json
    assert len(run(capsys, kind, *DUMPS, "-o", "name").lines) == len(as_json)
    assert len(list(csv.reader(io.StringIO(run(capsys, kind, *DUMPS, "-o", "csv").out)))) == len(as_json) + 1
    for form in ("table", "wide"):
        assert len(run(capsys, kind, *DUMPS, "-o", form).lines) == len(as_json) + 1
        assert len(run(capsys, kind, *DUMPS, "-o", form, "--no-headers").lines) == len(as_json)


@pytest.mark.parametrize("kind", ["workloads", "services", "policies"])
def test_objects_keep_the_keys_of_the_dump(capsys: Capture, kind: str) -> None:
    found = json.loads(run(capsys, kind, "-f", str(ONE), "-o", "json").out)
    assert all(one.pop("ztunnels") == {"holding": 1, "asked": 1} for one in found)
    key = "hostname" if kind == "services" else "name"
    assert sorted(found, key=lambda one: one[key]) == sorted(held(kind, ONE), key=lambda one: one[key])


def test_dumps_of_several_nodes_are_merged_and_differences_named(capsys: Capture, tmp_path: Path) -> None:
    dump = json.loads(ONE.read_text())
    gone = dump["workloads"].pop()["name"]
    dump["workloads"][0]["capacity"] = 7
    other = tmp_path / "other.json"
    other.write_text(json.dumps(dump, indent=2))
    found = json.loads(run(capsys, "workloads", "-f", str(ONE), "-f", str(other), "-o", "json").out)
    by_name = {one["name"]: one for one in found}
    assert by_name[gone]["ztunnels"] == {"holding": 1, "asked": 2}
    assert "capacity" in by_name[dump["workloads"][0]["name"]]["differs"]
    assert sum("differs" in one for one in found) == 1


ALIASES = {
    "workload": "workloads", "w": "workloads", "service": "services", "svc": "services", "s": "services",
    "policy": "policies", "pol": "policies", "p": "policies", "certificate": "certificates", "certs": "certificates",
    "cert": "certificates", "connection": "connections", "cons": "connections",
}  # fmt: skip


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases(capsys: Capture, alias: str) -> None:
    kind = ALIASES[alias]
    words = ("-f", str(ONE), "-o", "name")
    assert run(capsys, alias, *words).out == run(capsys, kind, *words).out != ""


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("workloads", "--workload-namespace", "outside"), 1),
        (("workloads", "--workload-namespace", "OUTSIDE"), 1),
        (("workloads", "--workload-node", "w1"), 4),
        (("workloads", "--address", "10.98.1.10"), 1),
        (("workloads", "-n", "secure,outside"), 2),
        (("workloads", "-n", "secure", "-n", "outside"), 2),
        (("workloads", "-n", "secure", "-A"), 11),
        (("services", "--service-namespace", "secure"), 1),
        (("policies", "--policy-namespace", "default"), 1),
        (("workloads", "curl-7656cf8794-r7zb9.default"), 1),
        (("workloads", "node/w1"), 11),
        (("connections", "node/w1"), 16),
        (("connections", "node/w2"), 9),
        (("certificates", "node/w2"), 5),
    ],
)
def test_scopes(capsys: Capture, words: tuple[str, ...], count: int) -> None:
    assert len(run(capsys, *words, *DUMPS, "-o", "name").lines) == count


def test_a_node_without_a_dump_is_unknown(capsys: Capture) -> None:
    printed = run(capsys, "workloads", "node/w7", *DUMPS)
    assert (printed.code, printed.out, len(printed.err.splitlines())) == (2, "", 2)
    assert "w1, w2" in printed.err


def test_a_pod_of_a_node_without_a_dump_is_known(capsys: Capture) -> None:
    words = ("workloads", "blackhole-777-qqqqq", "-n", "default", "-f", str(ONE), "-o", "name")
    assert run(capsys, *words).lines == ["workload/blackhole-777-qqqqq.default"]


def test_all_of_several_dumps_can_be_read_again(capsys: Capture, tmp_path: Path) -> None:
    printed = run(capsys, "all", *DUMPS, "-o", "json")
    document = json.loads(printed.out)
    assert list(document.values()) == [
        json.loads((DATA / f"plain/{node}-config_dump.json").read_text()) for node in ("w1", "w2")
    ]
    path = tmp_path / "all.json"
    path.write_text(printed.out)
    for kind in KINDS:
        assert run(capsys, kind, "-f", str(path)).out == run(capsys, kind, *DUMPS).out


def test_all_as_tables(capsys: Capture) -> None:
    printed = run(capsys, "all", *DUMPS, "--with-headers")
    for kind in KINDS:
        assert f"# {kind}" in printed.lines
    short = run(capsys, "all", "-f", str(ONE), "-o", "short", "--with-headers")
    assert next(line for line in short.lines if line.startswith("------")).strip("- ") == "WORKLOAD INFO"
    assert yaml.safe_load(run(capsys, "all", "-f", str(ONE), "-o", "yaml").out) == json.loads(ONE.read_text())


@pytest.mark.parametrize("kind", KINDS)
def test_short_is_of_one_ztunnel(capsys: Capture, kind: str) -> None:
    several, one = run(capsys, kind, *DUMPS, "-o", "short"), run(capsys, kind, "-f", str(ONE), "-o", "short")
    assert several.out == one.out
    assert one.err == ""
    assert "the first of 2" in several.err


@pytest.mark.parametrize(
    "name", ["available", "ca-back-60s", "ca-frozen-expired", "ca-frozen-overdue", "ca-gone-expired", "ca-gone-overdue"]
)
def test_the_certificates_of_a_dump_alone(capsys: Capture, name: str) -> None:
    path = DATA / f"istiod-mesh/certificates-{name}.json"
    printed = run(capsys, "certificates", "-f", str(path), "-o", "json")
    found = json.loads(printed.out)
    assert {one["identity"] for one in found} == {one["identity"] for one in json.loads(path.read_text())}
    table = run(capsys, "certificates", "-f", str(path)).out
    assert ("unavailable" if "gone-expired" in name or "back" in name else "expired") in table


def test_the_workloads_of_a_dump_alone(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "workloads.json"
    path.write_text(json.dumps(held("workloads", ONE)))
    assert run(capsys, "workloads", "-f", str(path)).out == run(capsys, "workloads", "-f", str(ONE)).out


def test_dumps_packed_and_on_standard_input(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "dump.json.gz"
    path.write_bytes(gzip.compress(ONE.read_bytes()))
    assert run(capsys, "services", "-f", str(path)).out == run(capsys, "services", "-f", str(ONE)).out


def test_health_has_a_row_per_log_and_dump(capsys: Capture) -> None:
    printed = run(capsys, "health", *DUMPS, *PLAIN, "--no-headers")
    assert (printed.code, len(printed.lines)) == (0, 4)
    found = json.loads(run(capsys, "health", *DUMPS, "-o", "json").out)
    assert [one["node"] for one in found] == ["w1", "w2"]


def test_what_an_answer_rests_on(capsys: Capture) -> None:
    found = json.loads(run(capsys, "workloads", *DUMPS, "-o", "json", "--with-observed").out)
    assert found["observed"]["ztunnels"] == {"asked": 2, "answered": 2}
    assert len(found["observed"]["streams"]) == 2


def test_sorting_and_columns(capsys: Capture) -> None:
    printed = run(capsys, "workloads", *DUMPS, "--sort", "node", "--columns", "name,node", "-o", "csv")
    table = list(csv.DictReader(io.StringIO(printed.out)))
    assert list(table[0]) == ["name", "node"]
    nodes = [row["node"] for row in table]
    assert nodes in (sorted(nodes), sorted(nodes, reverse=True))


def test_json_of_another_ztunnel_version_keeps_unknown_keys(capsys: Capture) -> None:
    found = json.loads(run(capsys, "workloads", *files("istiod-mesh/w1-config_dump.json"), "-o", "json").out)
    assert any("services" in one for one in found)


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_whole_dumps_stand_beside_what_they_rest_on(capsys: Capture, form: str) -> None:
    printed = run(capsys, "all", *DUMPS[:2], "-o", form, "--with-observed")
    answer = json.loads(printed.out) if form == "json" else yaml.safe_load(printed.out)
    assert printed.code == 0
    assert list(answer) == ["items", "observed"]
    assert answer["observed"]["ztunnels"] == {"asked": 1, "answered": 1}
    [dump] = answer["items"].values()
    assert dump == json.loads(Path(DUMPS[1]).read_text(encoding="utf-8"))


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
@pytest.mark.parametrize("form", ["short", "csv"])
def test_connections_of_one_direction_as_in_istioctl(capsys: Capture, direction: str, form: str) -> None:
    words = ("connections", "-f", DUMPS[1], "-o", form)
    whole = run(capsys, *words).lines
    some = run(capsys, *words, "--direction", direction).lines
    assert len(some) - 1 == sum(direction in line.lower().replace(",", " ").split() for line in whole[1:])


def test_a_table_without_rows_says_so(capsys: Capture) -> None:
    printed = run(capsys, "workloads", *DUMPS[:2], "-n", "nosuch")
    assert (printed.code, len(printed.lines)) == (0, 1)
    assert printed.err == "There are no workloads in nosuch that match.\n"
    assert run(capsys, "workloads", *DUMPS[:2], "-n", "nosuch", "-o", "json").err == ""


def test_a_node_chooses_among_saved_dumps(capsys: Capture) -> None:
    found = json.loads(run(capsys, "workloads", *DUMPS, "--node", "w1", "-o", "json").out)
    assert {row["ztunnels"]["asked"] for row in found} == {1}
    both = json.loads(run(capsys, "workloads", *DUMPS, "--node", "w1,w2", "--node", "w2", "-o", "json").out)
    assert {row["ztunnels"]["asked"] for row in both} == {2}
    nobody = run(capsys, "certificates", *DUMPS, "--node", "w9")
    assert (nobody.code, len(nobody.lines)) == (0, 1)
