"""Commands about ztui itself: `version`, `keys`, `completion`."""

from __future__ import annotations

from ztui import __version__
from ztui.cli.parser import Invocation


def run(invocation: Invocation) -> int:
    """Print the version, the keys, or a completion script."""
    if invocation.command.name == "version":
        print(f"ztui {__version__}")
    return 0
