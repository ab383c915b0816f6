"""`python -m ztui.simulator`: its one line, its kubeconfig, and every way it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from tests.simulated import COMMAND, simulated
from tests.simulator.worlds import START
from ztui.simulator.__main__ import main
from ztui.simulator.api.access import ROLES
from ztui.simulator.scenario import names_of_scenarios


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=30, check=False)


def test_it_serves_says_so_once_and_ends_with_its_input(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with simulated("--kubeconfig-out", str(kubeconfig), "--seed", "3") as found:
        assert re.fullmatch(r"https://127\.0\.0\.1:\d+", found.ready["server"])
        assert found.ready["control"] == found.ready["server"] + "/simulator"
        assert found.ready["pid"] == found.process.pid
        assert found.kubeconfig == kubeconfig
        assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
        config = json.loads(kubeconfig.read_text("utf-8"))
        names = {context["name"] for context in config["contexts"]}
        assert names == {*ROLES, *(f"{role}-cert" for role in ROLES)}
        assert config["current-context"] == "admin"
        assert [path.name for path in tmp_path.iterdir()] == ["kubeconfig"], "nothing is left beside it"
    assert found.process.returncode == 0
    assert found.process.stdout is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0_and_nothing_stays_behind(number: signal.Signals) -> None:
    with simulated("--user", "sre-cert") as found:
        directory = found.kubeconfig.parent
        assert json.loads(found.kubeconfig.read_text("utf-8"))["current-context"] == "sre-cert"
        found.process.send_signal(number)
        assert found.process.wait(10) == 0
    assert not directory.exists()


def test_it_lists_its_scenarios() -> None:
    found = run("--list")
    assert found.returncode == 0
    lines = found.stdout.splitlines()
    assert [line.split()[0] for line in lines] == names_of_scenarios()
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--nodes", "none"], "'none' is not a whole number from 1 to 5000"),
        (["--nodes", "0"], "'0' is not a whole number"),
        (["--rate", "nan"], "'nan' is not a number from 0 to 1e+06"),
        (["--versions", "1.31,1.2"], "'1.31,1.2' names no ztunnel of 1.30, 1.31"),
        (["--scenario", "party"], "invalid choice: 'party'"),
        (["--start", "noon"], "'noon' is not a time like 2026-01-31T09:08:07Z"),
        (["--user", "root"], "invalid choice: 'root'"),
        (["--bogus"], "Unrecognized arguments: --bogus"),
    ],
)
def test_what_cannot_be_is_two_plain_lines_and_status_2(
    words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    found = capsys.readouterr()
    assert found.out == ""
    lines = found.err.splitlines()
    assert len(lines) == 2
    assert what in lines[0]
    assert lines[1] == "See `python -m ztui.simulator --help`."


def test_a_kubeconfig_that_cannot_be_written_is_told() -> None:
    found = run("--kubeconfig-out", "/nonexistent/here")
    assert found.returncode == 2
    assert found.stderr.splitlines() == [
        "The kubeconfig /nonexistent/here cannot be written: No such file or directory.",
        "Choose another --kubeconfig-out.",
    ]


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = run("--port", str(taken.getsockname()[1]))
    assert found.returncode == 2
    assert "already in use" in found.stderr.splitlines()[0]
    assert "--port" in found.stderr.splitlines()[1]


def test_two_stepped_processes_of_one_seed_write_the_same_and_count_it() -> None:
    """What pictures and journeys rest on: the same in another process, with other hash seeds."""
    texts = []
    for _ in range(2):
        with simulated("--stepped", "--start", START, "--seed", "9", "--nodes", "2", "--rate", "20") as found:
            found.json("POST", "/simulator/clock", {"by": "0s"})  # answered once the history is lived through
            before = found.json("GET", "/simulator/counts")
            stepped = found.json("POST", "/simulator/clock", {"by": "20s"})
            assert stepped["now"] == "2026-03-01T12:00:20.000000Z"
            counts = found.json("GET", "/simulator/counts")
            assert counts["written"] - before["written"] == stepped["lines"] > 200
            names = [log["pod"] for log in counts["logs"]]
            logs = [found.read("GET", f"/api/v1/namespaces/istio-system/pods/{name}/log") for name in names]
            assert [log.count(b"\n") for log in logs] == [log["written"] - log["first"] for log in counts["logs"]]
            texts.append((names, logs, found.read("GET", "/api/v1/pods")))
    assert texts[0] == texts[1]
