"""Commands about ztui itself: `version` and `keys`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztui import __version__, keys
from ztui.cli.output import context_of, print_rows
from ztui.keys import KeyBinding
from ztui.tables.columns import Meaning, Table, text_column

if TYPE_CHECKING:
    from ztui.cli.parser import Invocation

KEYS: Table[KeyBinding] = Table(
    name="keys",
    columns=(
        text_column("keys", "key", keys.written_keys, meaning=Meaning.NAME),
        text_column("description", "does", lambda binding: binding.description),
        text_column("group", "group", lambda binding: binding.group.value, meaning=Meaning.DIM),
        text_column("id", "id", lambda binding: binding.id, meaning=Meaning.DIM),
    ),
    row_key=lambda binding: binding.id,
    row_name=lambda binding: f"key/{binding.id}",
    document=lambda binding: {
        "id": binding.id,
        "keys": list(binding.keys),
        "description": binding.description,
        "group": binding.group.value,
    },
)


def run(invocation: Invocation) -> int:
    """Print the version, or the keys as the config file leaves them."""
    if invocation.command.name == "version":
        print(f"ztui {__version__}")
        return 0
    bindings = [binding for _, members in keys.by_group(keys.remap(invocation.settings.keys)) for binding in members]
    print_rows(KEYS, bindings, invocation.settings, context_of(invocation.settings, 0.0))
    return 0
