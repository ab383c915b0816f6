"""The program as a process: exit codes of signals, a closed pipe, what is imported, and where tracebacks go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ztui import __main__ as program
from ztui.errors import NotObservableError

DATA = Path(__file__).parent / "data" / "ztunnel"
LOG, DUMP = str(DATA / "plain/w1.log"), str(DATA / "plain/w1-config_dump.json")
ZTUI = [sys.executable, "-m", "ztui"]


def hear_interrupts() -> None:
    """A shell starts what it runs in the background with SIGINT ignored, and so would every process from there on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*words: str, **more: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [*ZTUI, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hear_interrupts,  # noqa: PLW1509  nothing else runs in the child yet
        **more,
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
def test_a_signal_ends_a_command_that_follows_a_pipe(number: int, code: int) -> None:
    with start("entries", "--file", "-", "--no-headers", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with Path(LOG).open("rb") as log:
            process.stdin.write(next(line for line in log if b"\taccess\t" in line))
        process.stdin.flush()
        assert process.stdout.readline()  # it has begun, and printed what came while the pipe stays open
        process.send_signal(number)
        assert process.wait(10) == code
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_a_json_list_that_is_cut_by_a_signal_is_still_json(number: int) -> None:
    with start("entries", "--file", "-", "-o", "json", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with Path(LOG).open("rb") as log:
            process.stdin.write(next(line for line in log if b"\taccess\t" in line))
        process.stdin.flush()
        begun = process.stdout.readline()
        process.send_signal(number)
        assert process.wait(10) == 128 + number
        [entry] = json.loads(begun + process.stdout.read())
        assert entry["direction"]


@pytest.mark.parametrize(
    "words",
    [
        ("entries", "--file", LOG, "-o", "jsonl"),
        ("entries", "--file", LOG),
        ("edges", "--file", LOG, "--by", "src.workload,dst.workload,dst.port"),
        ("all", "-f", DUMP, "-o", "json"),
        ("--help",),
    ],
    ids=lambda words: words[0],
)
def test_a_reader_that_had_enough_is_no_error(words: tuple[str, ...]) -> None:
    readable, writable = os.pipe()
    os.close(readable)
    done = subprocess.run([*ZTUI, *words], stdout=writable, stderr=subprocess.PIPE, timeout=30, check=False)
    os.close(writable)
    assert (done.returncode, done.stderr) == (0, b"")


def test_standard_input_that_is_closed() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *ZTUI, "edges", "--file", "-"], capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == b"standard input: it is closed."


def test_a_file_on_standard_input_is_read_like_any_file() -> None:
    with Path(LOG).open("rb") as log:
        done = subprocess.run([*ZTUI, "edges", "--file", "-"], stdin=log, capture_output=True, timeout=30, check=False)
    named = subprocess.run([*ZTUI, "edges", "--file", LOG], capture_output=True, timeout=30, check=True)
    assert done.stdout == named.stdout


def test_a_pipe_that_flows_is_shown_while_watched() -> None:
    with start("edges", "-w", "--file", "-", "--no-headers", "-o", "jsonl", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with Path(LOG).open("rb") as log:
            process.stdin.write(next(line for line in log if b"\taccess\t" in line))
        process.stdin.flush()
        assert b'"flows":1' in process.stdout.readline()
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_command_on_files_loads_no_screen_and_no_cluster() -> None:
    text = (
        "import sys; from ztui.__main__ import main; code = main(['edges', '--file', sys.argv[1]]); "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'textual', 'rich', 'aiohttp', 'kubernetes', 'yaml', 'cryptography'}), code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", text, LOG], capture_output=True, timeout=30, check=True)
    assert done.stderr.splitlines()[-1] == b"[] 0"


def test_the_plugin_of_kubectl_names_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/kubectl-ztui", "edges", "--help"])
    assert program.main() == 0
    assert capsys.readouterr().out.startswith("usage: kubectl ztui edges")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ZeroDivisionError("bug\nsecond line"), 4, "ztui failed: ZeroDivisionError: bug."),
        (NotObservableError("There is no cluster.", "Start one."), 3, "There is no cluster."),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_end_in_one_place(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: BaseException,
    code: int,
    said: str,
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr("ztui.cli.edges.run", fail)
    assert program.main(["edges"]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (2 if said else 0)
    assert lines[:1] == ([said] if said else [])
    log = tmp_path / "log"
    assert program.main(["edges", "-v", "--log-file", str(log)]) == code
    printed = capsys.readouterr().err
    assert ("Traceback" in printed) == bool(said)
    assert log.exists() == bool(said)
    if said:
        assert "Traceback" in log.read_text()


def test_as_a_program_it_ends_with_its_status_and_everything_is_written() -> None:
    """It leaves without the interpreter's own farewell: what a pipe has not got yet must have been flushed."""
    program = "import sys; from ztui.__main__ import script; script()"
    run = subprocess.run(
        [sys.executable, "-c", program, "keys", "-o", "json"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)
    run = subprocess.run([sys.executable, "-c", program, "nonsense"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 2
