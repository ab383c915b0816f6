"""The program: runs a command, and says in two plain lines what stopped it."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from ztui import __version__
from ztui.errors import ZtuiError

if TYPE_CHECKING:
    from ztui.cli.parser import Invocation


class _Ended(BaseException):
    """The program was told to end by a signal; temporary files and processes are cleared on the way out."""

    def __init__(self, signum: int) -> None:
        self.signum = signum


def _end(signum: int, _frame: FrameType | None) -> None:
    raise _Ended(signum)


def main(words: list[str] | None = None) -> int:
    """Run ztui and return its exit code: the contract with scripts. `words` are those of the command line."""
    words = sys.argv[1:] if words is None else words
    if words in (["version"], ["--version"]):
        print(f"ztui {__version__}")  # noqa: T201
        return 0
    from ztui.cli.parser import parse  # noqa: PLC0415  the flags of all commands take longer than a version

    program = "kubectl ztui" if os.path.basename(sys.argv[0]).startswith("kubectl") else "ztui"  # noqa: PTH119
    invocation: Invocation | None = None
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _end)
    try:
        invocation = parse(words, os.environ, program)
        code = _run(invocation)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read our output has had enough (`| head`). Python would complain once more while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except _Ended as ended:
        return 128 + ended.signum
    except ZtuiError as error:
        _report(error, invocation)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  the last stop: a bug is told plainly, with its traceback on request
        _report(error, invocation)
        return ZtuiError.exit_code


def _run(invocation: Invocation) -> int:
    if invocation.wants_version:
        print(f"ztui {__version__}")  # noqa: T201
        return 0
    if invocation.wants_help:
        from ztui.cli.parser import help_text  # noqa: PLC0415

        print(help_text(invocation.command, invocation.program), end="")  # noqa: T201
        return 0
    from ztui.collector import Undisturbed  # noqa: PLC0415

    with Undisturbed():  # what is imported stays: to look through it again and again takes a tenth of the start
        command = import_module(f"ztui.cli.{invocation.command.module}")
    code: int = command.run(invocation)
    return code


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _report(error: Exception, invocation: Invocation | None) -> None:
    """Say on stderr what failed and what to do; the traceback goes where it was asked for."""
    settings = invocation.settings if invocation else None
    if isinstance(error, ZtuiError):
        what, remedy = error.what, error.remedy
    else:
        text = str(error).partition("\n")[0]
        what = f"ztui failed: {type(error).__name__}{': ' + text if text else ''}."
        remedy = "This is a bug: run it again with -v, and report what it prints."
    print(_sentence(what), _sentence(remedy), sep="\n", file=sys.stderr)  # noqa: T201
    if settings is None or not (settings.is_verbose or settings.log_file):
        return
    import traceback  # noqa: PLC0415  only when it is asked for

    text = "".join(traceback.format_exception(error))
    if settings.is_verbose:
        sys.stderr.write(text)
    if settings.log_file:
        with open(settings.log_file, "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)


def script() -> NoReturn:
    """Run ztui as a program of its own, and leave at once when it is done.

    The kernel takes the memory of a large mesh back at once; the interpreter would free it object by object first,
    which is a tenth of the time of a long answer. Nothing is left to it: what has to be closed, commands close.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads any more, or it is closed
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    script()
