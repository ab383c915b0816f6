"""The kubeconfig a client of the simulated cluster needs: one context for each user and way to log in."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ztui.simulator.api.access import ROLES, Accounts
from ztui.simulator.api.tls import Pair

Json = dict[str, Any]

CLUSTER = "simulated"
WITH_CERTIFICATE = "-cert"
"""End of the names of contexts that log in with a client certificate; the others carry a token."""


def context_names() -> list[str]:
    """All contexts there are: every role with a token and with a certificate."""
    return [name for role in ROLES for name in (role, role + WITH_CERTIFICATE)]


def kubeconfig(server: str, authority: bytes, accounts: Accounts, pairs: dict[str, Pair], current: str) -> Json:
    """Compose the whole file as a value."""
    users: dict[str, Json] = {}
    for role in ROLES:
        users[role] = {"token": accounts.tokens[role]}
        users[role + WITH_CERTIFICATE] = {
            "client-certificate-data": _base64(pairs[role].certificate),
            "client-key-data": _base64(pairs[role].key),
        }
    cluster = {"server": server, "certificate-authority-data": _base64(authority)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CLUSTER, "cluster": cluster}],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [{"name": name, "context": {"cluster": CLUSTER, "user": name}} for name in users],
        "current-context": current,
    }


def write_private(path: Path, value: Json) -> None:
    """Put the file in its place at once, readable by its owner alone. JSON is YAML too."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
        Path(beside).replace(path)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
