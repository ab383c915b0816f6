"""What can stop ztui, said to its user in two lines: what failed, and what to do about it.

Exit codes are the contract's: 2 wrong usage or unreadable input, 3 not enough could be observed, 4 a bug.
"""

from __future__ import annotations


class ZtuiError(Exception):
    """Something the user can act on. `what` failed; `remedy` says what to do; both are one plain line."""

    exit_code = 4

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class UsageError(ZtuiError):
    """The command line, an environment variable or the config file asks for something that does not exist."""

    exit_code = 2


class InputError(ZtuiError):
    """A file or standard input is not something ztui can read."""

    exit_code = 2


class TerminalError(ZtuiError):
    """There is no terminal to draw on."""

    exit_code = 2


class NotObservableError(ZtuiError):
    """The cluster could not be observed well enough to answer: unreachable, not permitted, or nothing there."""

    exit_code = 3


class SimulatorError(ZtuiError):
    """The simulated cluster did not start."""

    exit_code = 4
