"""What a real ztunnel wrote is read without loss: the counts were taken from the captures with other tools."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.front import DATA, ISTIOD, JSON, PLAIN, Capture, run
from tests.cli.strict import access_lines

Entry = dict[str, Any]


def entries(capsys: Capture, files: list[str], *words: str) -> list[Entry]:
    printed = run(capsys, "entries", *files, "-o", "jsonl", *words)
    assert (printed.code, printed.err) == (0, "")
    return [json.loads(line) for line in printed.lines]


@pytest.mark.parametrize("node", ["w1", "w2"])
@pytest.mark.parametrize("form", ["plain", "json", "istiod-mesh"])
def test_every_access_line_is_printed_as_it_was_written(capsys: Capture, form: str, node: str) -> None:
    path = DATA / form / f"{node}.log"
    expected = access_lines(path.read_text(encoding="utf-8"), form)
    printed = entries(capsys, ["--file", str(path)], "--sort", "none")
    assert {entry.pop("node", None) for entry in printed} <= {node, None}, "only what was logged before it was said"
    assert not any("ztunnel" in entry for entry in printed), "a saved log does not name its pod"
    assert len(expected) > 300
    assert printed == expected


_ESCAPED = (
    r'src.addr=10.1.1.2:3 src.workload="a \"b\" \\c" dst.addr=[fd00::2]:80 direction="outbound" bytes_sent=7 '
    r'bytes_recv=18446744073709551615 duration="0ms" error="it\'s \u{1f600}"'
)
_UNKNOWN = 'src.addr=10.1.1.2:3 dst.addr=10.1.1.3:80 direction="inbound" error="x" new.key="a=b c" src.new=7'


@pytest.mark.parametrize("fields", [_ESCAPED, _UNKNOWN], ids=["escapes", "unknown keys"])
def test_odd_lines_are_printed_as_they_were_written(capsys: Capture, tmp_path: Path, fields: str) -> None:
    text = f"2026-01-31T09:08:07.012345Z\twarn\taccess\tconnection complete\t{fields}\n" * 3
    path = tmp_path / "odd.log"
    path.write_text(text, encoding="utf-8")
    assert entries(capsys, ["--file", str(path)], "--sort", "none") == access_lines(text, "plain")


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        (PLAIN, {"connection complete": 3269, "connection opened": 722, "connection failed": 7}),
        (JSON, {"connection complete": 1135, "connection opened": 777, "connection failed": 3}),
        (ISTIOD, {"connection complete": 1156, "connection failed": 8}),
    ],
)
def test_counts_of_the_four_messages(capsys: Capture, files: list[str], counts: dict[str, int]) -> None:
    found = entries(capsys, files)
    assert Counter(entry["message"] for entry in found) == counts
    times = [entry["time"] for entry in found]
    assert times == sorted(times), "entries of several ztunnels are merged by time"
    assert {entry["node"] for entry in found} == {"w1", "w2"}, "a ztunnel names its node when it starts"


def test_a_name_of_the_service_depends_on_the_configuration(capsys: Capture) -> None:
    def inbound(files: list[str]) -> list[Entry]:
        words = ("--direction", "inbound", "--security", "mtls")
        return [entry for entry in entries(capsys, files, *words) if entry["message"] != "connection opened"]

    assert not any("service" in entry["dst"] for entry in (*inbound(PLAIN), *inbound(JSON)))
    below_istiod = inbound(ISTIOD)
    assert (len(below_istiod), sum("service" in entry["dst"] for entry in below_istiod)) == (562, 558)


def test_known_workloads_have_their_cluster(capsys: Capture) -> None:
    for files in (PLAIN, JSON, ISTIOD):
        ends = [entry[end] for entry in entries(capsys, files) for end in ("src", "dst")]
        assert all("cluster" in end for end in ends if "workload" in end)


def test_draws_follow_capacity(capsys: Capture) -> None:
    printed = run(
        capsys, "edges", *PLAIN, "--by", "dst.workload", "--service", "reviews", "--direction", "outbound",
        "-o", "json", "--columns", "dst.workload",
    )  # fmt: skip
    drawn = {row["dst.workload"].partition("-7")[0][:10]: row["flows"] for row in json.loads(printed.out)}
    assert sorted(drawn.values()) == [191, 420, 654]


@pytest.mark.parametrize("form", ["gzip", "bz2", "lzma"])
def test_packed_captures_give_the_same(capsys: Capture, tmp_path: Any, form: str) -> None:
    packed = tmp_path / "w1.log.packed"
    packed.write_bytes(importlib.import_module(form).compress((DATA / "plain/w1.log").read_bytes()))
    assert entries(capsys, ["--file", str(packed)]) == entries(capsys, ["--file", str(DATA / "plain/w1.log")])


@pytest.mark.parametrize("stamp", ["2026-11-23T08:45:07.503789123Z ", "2026-11-23T08:45:07.5+01:00 stdout F "])
@pytest.mark.parametrize("form", ["plain", "json"])
def test_heads_of_kubelet_and_runtime_are_dropped(capsys: Capture, tmp_path: Any, form: str, stamp: str) -> None:
    path = DATA / form / "w1.log"
    headed = tmp_path / "headed.log"
    headed.write_text("".join(f"{stamp}{line}\n" for line in path.read_text().split("\n")[:-1]))
    assert entries(capsys, ["--file", str(headed)]) == entries(capsys, ["--file", str(path)])


def test_prefixed_lines_are_told_apart_by_pod(capsys: Capture, tmp_path: Any) -> None:
    """As `kubectl logs -l app=ztunnel --prefix --timestamps` mixes them."""
    texts = [(DATA / f"plain/{node}.log").read_text().split("\n")[:-1] for node in ("w1", "w2")]
    mixed = []
    for i in range(max(map(len, texts))):
        for node, lines in zip(("aaaaa", "bbbbb"), texts, strict=True):
            if i < len(lines):
                mixed.append(f"[pod/ztunnel-{node}/istio-proxy] 2026-11-23T08:45:07.503789123Z {lines[i]}\n")
    path = tmp_path / "mixed.log"
    path.write_text("".join(mixed))
    found = entries(capsys, ["--file", str(path)])
    assert {(entry.pop("ztunnel"), entry["node"]) for entry in found} == {
        ("ztunnel-aaaaa", "w1"),
        ("ztunnel-bbbbb", "w2"),
    }
    assert [entry["time"] for entry in found] == sorted(entry["time"] for entry in found)
    key = json.dumps
    assert Counter(map(key, found)) == Counter(map(key, entries(capsys, PLAIN)))
