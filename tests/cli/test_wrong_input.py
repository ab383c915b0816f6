"""Whatever is wrong, its user gets two plain lines and the right exit code, and no traceback."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tests.cli.front import DATA, DUMPS, PLAIN, Capture, Printed, run

LOG, DUMP = DATA / "plain/w1.log", DATA / "plain/w1-config_dump.json"
ON_LOGS, ON_DUMPS = ("entries", "flows", "edges"), ("workloads", "services", "policies", "certificates", "connections")
EVERY = (*ON_LOGS, *ON_DUMPS, "all", "health")


def two_lines(printed: Printed) -> tuple[str, str]:
    assert (printed.code, printed.out) == (2, "")
    said = printed.err.splitlines()
    assert len(said) == 2, printed.err
    assert "Traceback" not in printed.err
    assert all(line.endswith(".") for line in said), said
    return said[0], said[1]


def damaged(tmp_path: Path, name: str, data: bytes) -> str:
    path = tmp_path / name
    path.write_bytes(data)
    return str(path)


FILES = {
    "empty": (b"", "it is empty"),
    "blank": (b" \n\n\t\n", "it is empty"),
    "binary": (bytes(range(256)) * 20, "it is a binary file"),
    "program": (b"\x7fELF\x02\x01" + b"\0" * 100, "it is a program"),
    "utf16": ("2026-01-31T09:08:07.012345Z\tinfo\n".encode("utf-16"), "it is text in UTF-16"),
    "zip": (b"PK\x03\x04\x14\0", "it is a zip archive"),
    "tar": (b"a".ljust(257, b"\0") + b"ustar\0" + b"\0" * 200, "it is a tar archive"),
    "prose": (b"Error from server (NotFound): pods not found\n", "it begins with 'Error from server (NotFound)"),
    "truncated dump": (DUMP.read_bytes()[:20_000], "it is cut off"),
    "other JSON": (b'{"a": 1}\n', "not a config dump of a ztunnel"),
    "JSON list": (b"[1, 2]", "not a config dump but a list"),
    "no JSON": (b'{"workloads": [}, }', "it is not JSON"),
    "ambientz": (b'{"workloads":[{"uid":"a","name":"a","addresses":["MTAu"]}],"services":[]}', "ambientz"),
    "cut gzip": (gzip.compress(LOG.read_bytes()[:2_000])[:-200][:60], "its gzip compression is cut off"),
    "bad gzip": (gzip.compress(b"x" * 5_000)[:12] + b"\xff" * 50, "its gzip compression is damaged"),
}


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("command", ["edges", "entries", "workloads"])
def test_a_file_that_is_nothing_ztui_reads(capsys: Capture, tmp_path: Path, command: str, what: str) -> None:
    data, reason = FILES[what]
    path = damaged(tmp_path, "input", data)
    said, remedy = two_lines(run(capsys, command, "--file", path))
    assert said.startswith(f"{path}: ")
    assert reason in said
    assert remedy != said


@pytest.mark.parametrize("command", EVERY)
def test_a_file_that_cannot_be_opened(capsys: Capture, tmp_path: Path, command: str) -> None:
    missing = str(tmp_path / "missing")
    assert two_lines(run(capsys, command, "--file", missing))[0] == f"{missing}: there is no such file."
    assert two_lines(run(capsys, command, "--file", str(tmp_path)))[0] == f"{tmp_path}: it is a directory."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_one_may_not_read(capsys: Capture, tmp_path: Path) -> None:
    path = damaged(tmp_path, "secret", b"x")
    Path(path).chmod(0)
    assert two_lines(run(capsys, "edges", "--file", path))[0] == f"{path}: you are not permitted to read it."


@pytest.mark.parametrize("command", ON_LOGS)
def test_a_dump_is_no_log(capsys: Capture, command: str) -> None:
    assert two_lines(run(capsys, command, *DUMPS))[0] == "There is no log among the files given."


@pytest.mark.parametrize("command", [*ON_DUMPS, "all"])
@pytest.mark.parametrize("form", ["table", "json", "short"])
def test_a_log_is_no_dump(capsys: Capture, command: str, form: str) -> None:
    assert two_lines(run(capsys, command, *PLAIN, "-o", form))[0] == "There is no config dump among the files given."


def test_one_bad_file_among_good_ones_is_named_and_the_rest_is_printed(capsys: Capture, tmp_path: Path) -> None:
    path = damaged(tmp_path, "bad", b"")
    printed = run(capsys, "edges", *PLAIN, "--file", path)
    assert printed.code == 2
    assert printed.err == f"{path}: it is empty\nWhat is printed lacks this file.\n"
    assert printed.out == run(capsys, "edges", *PLAIN).out


def test_what_could_be_unpacked_is_printed(capsys: Capture, tmp_path: Path) -> None:
    path = damaged(tmp_path, "cut.gz", gzip.compress(LOG.read_bytes())[:-5_000])
    printed = run(capsys, "entries", "--file", path, "-o", "jsonl")
    assert printed.code == 2
    assert len(printed.lines) > 1_000
    assert "cut off" in printed.err


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nonsense",), "Unrecognized arguments: --nonsense."),
        (("-o", "xml"), "--output 'xml' does not exist."),
        (("a", "b"), "'b' is one argument too many."),
        (("--file",), "Argument"),
        (("--request-timeout", "soon"), "--request-timeout cannot be 'soon'."),
        (("--config", "/nowhere/config.toml"), "The config file /nowhere/config.toml does not exist."),
    ],
)
def test_wrong_usage(capsys: Capture, command: str, words: tuple[str, ...], said: str) -> None:
    assert two_lines(run(capsys, command, *words))[0].startswith(said)


@pytest.mark.parametrize("command", [name for name in EVERY if name != "all"])
def test_columns_that_do_not_exist_are_refused_before_anything_is_read(capsys: Capture, command: str) -> None:
    for flag in ("--sort", "--columns"):
        said, remedy = two_lines(run(capsys, command, flag, "nonsense", "--file", "/nowhere/at/all"))
        assert "nonsense" in said
        assert "," in remedy, "the columns there are are named"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("edges", "--by", "src.colour"), "--by does not know 'src.colour'."),
        (("edges", "--filter", "(from:curl"), ""),
        (("edges", "--filter", "bytes>many"), ""),
        (("edges", "--error", "("), ""),
        (("edges", "--not"), "--not has no filter after it."),
        (("edges", "--direction", "sideways"), ""),
        (("entries", "--since", "a while"), "--since cannot be 'a while'."),
        (("entries", "--since-time", "noon"), "--since-time cannot be 'noon'."),
        (("entries", "--tail", "-3"), ""),
        (("entries", "-o", "short"), "entries has no -o short."),
        (("health", "-o", "short"), "health has no -o short."),
        (("all", "-o", "csv"), "all has no -o csv."),
        (("completion", "tcsh"), "There is no completion for 'tcsh'."),
        (("completion",), "There is no completion"),
    ],
)
def test_wrong_words(capsys: Capture, words: tuple[str, ...], said: str) -> None:
    files = [] if words[0] == "completion" else PLAIN
    assert two_lines(run(capsys, *words, *files))[0].startswith(said)


def test_a_target_that_no_dump_knows(capsys: Capture) -> None:
    said, _ = two_lines(run(capsys, "workloads", "nobody.default", *DUMPS))
    assert "nobody" in said
