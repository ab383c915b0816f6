"""`entries`, `flows` and `edges` on saved logs: every format, order, span, filter and grouping."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.front import DUMPS, PLAIN, Capture, files, run
from ztui.cli.filters import flow_filter
from ztui.settings import Settings

ONE = files("plain/w1.log")


def rows(capsys: Capture, *words: str) -> list[dict[str, Any]]:
    printed = run(capsys, *words, "-o", "json")
    assert printed.code == 0
    found: list[dict[str, Any]] = json.loads(printed.out)
    return found


@pytest.mark.parametrize("command", ["entries", "flows", "edges"])
def test_all_formats_tell_the_same(capsys: Capture, command: str) -> None:
    as_json = rows(capsys, command, *ONE)
    assert [json.loads(line) for line in run(capsys, command, *ONE, "-o", "jsonl").lines] == as_json
    assert len(run(capsys, command, *ONE, "-o", "name").lines) == len(as_json)
    assert len(list(csv.reader(io.StringIO(run(capsys, command, *ONE, "-o", "csv").out)))) == len(as_json) + 1
    for form in ("table", "wide"):
        assert len(run(capsys, command, *ONE, "-o", form).lines) == len(as_json) + 1
        assert len(run(capsys, command, *ONE, "-o", form, "--no-headers").lines) == len(as_json)


@pytest.mark.parametrize("command", ["entries", "flows", "edges"])
def test_yaml(capsys: Capture, command: str) -> None:
    words = (command, *ONE, "--failed")
    assert yaml.safe_load(run(capsys, *words, "-o", "yaml").out) == rows(capsys, *words)


def test_flows_say_that_halves_are_not_paired(capsys: Capture) -> None:
    printed = run(capsys, "flows", *PLAIN, "-o", "jsonl")
    assert "not paired" in printed.err
    assert len(printed.lines) == 3269 + 7, "what was only opened is no flow yet"
    first = json.loads(printed.lines[0])
    assert {"entries", "halves", "verdict", "opened", "closed"} <= first.keys()
    assert not {"missing", "missing_because", "confidence", "explain"} & first.keys(), "what is not known is left out"
    assert first["halves"] == ["outbound"]


def test_an_edge_counts_a_connection_once_with_bytes_as_the_client_sees_them(capsys: Capture) -> None:
    found = {(row.get("src.workload"), row.get("dst.service")): row for row in rows(capsys, "edges", *PLAIN)}
    row = found["loadgen-6f5d9c7b8-xk2lp", "reviews.default.svc.cluster.local"]
    out = [
        entry
        for entry in rows(capsys, "entries", *PLAIN, "--direction", "outbound")
        if entry["message"] != "connection opened"
        and entry["src"].get("workload") == row["src.workload"]
        and entry["dst"].get("service") == row["dst.service"]
    ]
    assert row["flows"] == len(out) == 900
    assert row["bytes_sent"] == sum(entry["bytes_sent"] for entry in out)
    assert row["bytes_recv"] == sum(entry["bytes_recv"] for entry in out)
    assert row["failed"] == sum("error" in entry for entry in out)
    durations = sorted(entry["duration_ms"] for entry in out)
    assert row["duration_ms"] == {"p50": durations[449], "p99": durations[890]}


def test_with_direction_entries_are_counted_as_they_are(capsys: Capture) -> None:
    found = {row["direction"]: row["flows"] for row in rows(capsys, "edges", *PLAIN, "--by", "direction")}
    entries = [e for e in rows(capsys, "entries", *PLAIN) if e["message"] != "connection opened"]
    assert sum(found.values()) == len(entries)
    assert found["inbound"] == sum(entry["direction"] == "inbound" for entry in entries)


def test_columns_with_rates_count_the_same_as_those_without(capsys: Capture) -> None:
    plain = run(capsys, "edges", *PLAIN, "--columns", "src.workload,dst.service,flows,sent,p99", "-o", "csv")
    timed = run(capsys, "edges", *PLAIN, "--columns", "src.workload,dst.service,flows,sent,p99,rate", "-o", "csv")
    table = list(csv.DictReader(io.StringIO(timed.out)))
    assert sum(float(row.pop("rate")) for row in table) > 0
    assert sorted(map(str, table)) == sorted(map(str, csv.DictReader(io.StringIO(plain.out))))
    assert sum(int(row["flows"]) for row in table) > 1_500


def port(entry: dict[str, Any]) -> str:
    return str(entry["dst"].get("hbone_addr") or entry["dst"]["addr"]).rpartition(":")[2]


def is_bad(entry: dict[str, Any]) -> bool:
    return "error" in entry and "drain" not in entry["error"]


Wanted = Callable[[dict[str, Any]], bool]
FILTERS: dict[str, tuple[tuple[str, ...], Wanted]] = {
    "service": (("--service", "locked.secure"), lambda e: e["dst"].get("service", "").startswith("locked.secure.")),
    "namespace, failed": (
        ("--to-namespace", "secure", "--failed"), lambda e: e["dst"].get("namespace") == "secure" and is_bad(e)
    ),
    "not": (
        ("--failed", "--not", "--to-namespace", "secure"),
        lambda e: is_bad(e) and e["dst"].get("namespace") != "secure",
    ),
    "plaintext": (
        ("--security", "plaintext", "--direction", "outbound"),
        lambda e: e.get("direction") == "outbound" and "hbone_addr" not in e["dst"],
    ),
    "error": (("--error", "NetworkPolicy"), lambda e: "NetworkPolicy" in e.get("error", "")),
    "port": (("--port", "9081"), lambda e: port(e) == "9081"),
    "identity": (
        ("--identity", "*/sa/loadgen", "--direction", "inbound"),
        lambda e: e["direction"] == "inbound" and e["src"].get("identity", "").endswith("/sa/loadgen"),
    ),
    "expression": (("--filter", "error~NetworkPolicy"), lambda e: "NetworkPolicy" in e.get("error", "")),
    "numbers": (("--filter", "sent>1kB"), lambda e: e.get("bytes_sent", 0) > 1_000),
    "-n": (("-n", "outside"), lambda e: "outside" in (e["src"].get("namespace"), e["dst"].get("namespace"))),
    "--node": (("--node", "w1"), lambda e: e["node"] == "w1"),
    "from": (("--from", "loadgen-*"), lambda e: e["src"].get("workload", "").startswith("loadgen-")),
    "nothing": (("--filter", "bytes>1GB"), lambda e: False),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_filters(capsys: Capture, name: str) -> None:
    words, wanted = FILTERS[name]
    expected = [entry for entry in rows(capsys, "entries", *PLAIN) if wanted(entry)]
    assert bool(expected) == (name != "nothing")
    assert rows(capsys, "entries", *PLAIN, *words) == expected
    flows = sum(row["flows"] for row in rows(capsys, "edges", *PLAIN, "--by", "direction", *words))
    assert flows == sum(entry["message"] != "connection opened" for entry in expected)


def test_a_dump_tells_the_app_of_a_workload(capsys: Capture) -> None:
    found = rows(capsys, "edges", *PLAIN, *DUMPS, "--from", "curl", "--by", "src.app,src.node")
    assert [(row["src.app"], row["src.node"]) for row in found] == [("curl", "w1")]


def test_a_filter_on_single_entries_says_what_it_did_not_see(capsys: Capture) -> None:
    words = ("edges", *PLAIN, "--filter", "bytes>100", "-o", "json")
    assert run(capsys, *words).err == ""
    printed = run(capsys, *words, "--buffer", "1000")
    assert "not at" in printed.err
    assert sum(row["flows"] for row in json.loads(printed.out)) < 1_500


@pytest.mark.parametrize("command", ["entries", "edges"])
def test_spans(capsys: Capture, command: str) -> None:
    def count(*words: str) -> int:
        found = rows(capsys, command, *PLAIN, "--direction", "outbound", *words)
        return len(found) if command == "entries" else sum(row["flows"] for row in found)

    middle = ("2026-11-23T08:42:30Z",)
    before, after = count("--until", *middle), count("--since-time", *middle)
    assert before > 100
    assert after > 100
    assert before + after == count()
    assert 0 < count("--tail", "50") <= 100
    assert 0 < count("--since", "60s") < count("--since", "3m") <= count()


def test_tail_is_of_each_log(capsys: Capture) -> None:
    found = rows(capsys, "entries", *PLAIN, "--tail", "5")
    assert [entry["node"] for entry in found].count("w1") == 5
    assert len(found) == 10
    assert found[-1] == rows(capsys, "entries", *PLAIN)[-1]


def test_since_counts_back_from_the_end_of_a_saved_log(capsys: Capture) -> None:
    every = rows(capsys, "entries", *ONE)
    found = rows(capsys, "entries", *ONE, "--since", "10s")
    assert found == every[-len(found) :]
    assert 0 < len(found) < 20


def test_sorting_and_columns(capsys: Capture) -> None:
    printed = run(capsys, "edges", *PLAIN, "--sort", "failed", "--columns", "dst.service,failed", "-o", "csv")
    table = list(csv.DictReader(io.StringIO(printed.out)))
    assert list(table[0]) == ["dst.service", "failed"]
    failed = [int(row["failed"]) for row in table]
    assert failed in (sorted(failed), sorted(failed, reverse=True))
    assert failed[0] != failed[-1]
    sizes = [entry.get("bytes_sent") or 0 for entry in rows(capsys, "entries", *ONE, "--sort", "sent")]
    assert sizes in (sorted(sizes), sorted(sizes, reverse=True))
    unmerged = rows(capsys, "entries", *PLAIN, "--sort", "none")
    nodes = [entry["node"] for entry in unmerged]
    assert nodes == sorted(nodes), "as the files were named, one after the other"


def test_what_an_answer_rests_on(capsys: Capture) -> None:
    observed = json.loads(run(capsys, "edges", *PLAIN, "-o", "json", "--with-observed").out)["observed"]
    assert observed["ztunnels"] == {"asked": 2, "answered": 2}
    assert set(observed["streams"].values()) == {"gone"}


def test_one_file_named_twice_counts_once(capsys: Capture) -> None:
    assert rows(capsys, "edges", *ONE, *ONE) == rows(capsys, "edges", *ONE)


def test_ascii_and_color(capsys: Capture) -> None:
    assert run(capsys, "edges", *PLAIN, "--ascii").out.isascii()
    assert "\x1b[" in run(capsys, "edges", *PLAIN, "--color", "always").out
    assert "\x1b[" not in run(capsys, "edges", *PLAIN).out


def test_control_characters_of_a_log_reach_no_terminal(capsys: Capture, tmp_path: Path) -> None:
    line = (
        '2026-11-23T08:41:15.244997Z\tinfo\taccess\tconnection complete\tsrc.addr=1.2.3.4:5 src.workload="a\x1b[2Jb" '
        'dst.addr=1.2.3.4:6 direction="inbound" bytes_sent=1 bytes_recv=2 duration="3ms"'
    )
    path = tmp_path / "evil.log"
    path.write_text(line)
    for form in ("table", "jsonl", "csv", "name"):
        assert "\x1b" not in run(capsys, "entries", "--file", str(path), "-o", form).out


@pytest.mark.parametrize("more", [(), ("--sort", "none"), ("-o", "jsonl")])
def test_age_counts_back_from_the_end_of_saved_logs(capsys: Capture, more: tuple[str, ...]) -> None:
    whole = run(capsys, "entries", *PLAIN, "-o", "jsonl", "--sort", "none").lines
    times = sorted(datetime.fromisoformat(json.loads(line)["time"]) for line in whole)
    young = sum(time > times[-1] - timedelta(seconds=60) for time in times)
    assert 0 < young < len(times)
    printed = run(capsys, "entries", *PLAIN, "--filter", "age<60s", "--no-headers", *more)
    assert len(printed.lines) == young
    flows = json.loads(run(capsys, "edges", *PLAIN, "--filter", "age<60s", "--by", "direction", "-o", "json").out)
    ended = [json.loads(line) for line in whole if "connection opened" not in line]
    assert sum(row["flows"] for row in flows) == sum(
        datetime.fromisoformat(entry["time"]) > times[-1] - timedelta(seconds=60) for entry in ended
    )


def test_balance_says_which_entries_a_filter_did_not_see(capsys: Capture) -> None:
    printed = run(capsys, "balance", *PLAIN, "--filter", "bytes>1kB", "--buffer", "100", "-o", "json")
    assert printed.code == 0
    assert printed.err.startswith("This filter looks at single entries: at the last ")


@pytest.mark.parametrize(
    ("target", "namespace", "expected"),
    [
        ("sa/curl", (), "identity:curl"),
        ("ServiceAccount/curl", ("default",), "identity:curl.default"),
        ("rs/reviews-v1-55", ("default",), "workload:reviews-v1-55-?????.default"),
        ("rs/reviews-v1-55.default", (), "workload:reviews-v1-55-?????.default"),
        ("deploy/curl", (), "workload:curl"),
        ("svc/reviews", ("default",), "service:reviews.default"),
        ("node/w1", ("default",), "node:w1"),
    ],
)
def test_a_target_is_a_filter(target: str, namespace: tuple[str, ...], expected: str) -> None:
    where = flow_filter(Settings(namespaces=namespace), target)
    assert where is not None
    assert where.text == expected


def test_all_namespaces_outweigh_the_namespace_of_a_target() -> None:
    where = flow_filter(Settings(namespaces=("a",), is_all_namespaces=True), "svc/reviews")
    assert where is not None
    assert where.text == "service:reviews"


def test_an_account_as_target_is_its_traffic(capsys: Capture) -> None:
    found = rows(capsys, "entries", "sa/curl", *PLAIN)
    assert found
    assert all(any("/sa/curl" in entry[end].get("identity", "") for end in ("src", "dst")) for entry in found)
