"""Kubeconfig files: which there are, what is in them, and their merge as kubectl merges them.

Each field is read as the kind of value that it must be. Nothing of a file's values is ever quoted in words, since any
of them may be a secret: a failure names the file, the line and the field.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

from ztui.kube.failures import Asked, Kind, KubeError, failure


def wrong(what: str, remedy: str = "") -> KubeError:
    """Say what is wrong with a kubeconfig, and how to mend it where that is known."""
    error = failure(Kind.CONFIG, Asked(host=""), what)
    return KubeError(Kind.CONFIG, error.what, remedy or error.remedy, permanent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One cluster, user or context, or a part of one."""

    title: str
    """What it is called in words: `the user 'admin'`."""
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    directory: Path = Path()
    """Of its file: what relative paths start from."""

    def has(self, key: str) -> bool:
        """Whether a field is there and not empty."""
        return self.body.get(key) not in (None, "", [], {})

    def text(self, key: str) -> str:
        """Read a field of text; empty where it is not there."""
        value = self.body.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise wrong(f"The {key} of {self.title} is not text.", "Put it in quotes.")
        return value.strip()

    def flag(self, key: str) -> bool:
        """Read a field that is true or false. A quoted "false" is neither: it must not be taken for true."""
        value = self.body.get(key)
        if value is not None and not isinstance(value, bool):
            raise wrong(f"The {key} of {self.title} is neither true nor false.", "Write true or false, unquoted.")
        return bool(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a list of texts."""
        value = self.body.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise wrong(f"The {key} of {self.title} is not a list of texts.", "Put each item in quotes.")
        return tuple(value)

    def part(self, key: str) -> Entry:
        """Read a field that has fields itself."""
        return self._part(key, self.body.get(key) or {})

    def parts(self, key: str) -> list[Entry]:
        """Read a list of things that have fields."""
        value = self.body.get(key) or []
        if not isinstance(value, list):
            raise wrong(f"The {key} of {self.title} is not a list.")
        return [self._part(key, item) for item in value]

    def _part(self, key: str, value: object) -> Entry:
        if not isinstance(value, dict):
            raise wrong(f"The {key} of {self.title} has no fields.")
        return Entry(title=f"the {key} of {self.title}", body=value, directory=self.directory)


KINDS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_PATH_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What several kubeconfig files say together."""

    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]
    contexts: Mapping[str, Entry]
    current: str = ""
    """The current context; empty where none is set."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in them to connect to."""
        return not self.clusters and not self.contexts

    def as_file(self, context: str) -> dict[str, Any]:
        """Write it as one file's dictionary again, with another current context."""
        file: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": context}
        for kind, entries in zip(KINDS, (self.clusters, self.users, self.contexts), strict=True):
            file[kind] = [{"name": name, KINDS[kind]: dict(entry.body)} for name, entry in entries.items()]
        return file


def read_all(paths: Sequence[str | Path], environment: Mapping[str, str]) -> Merged:
    """Read and merge the files of `paths`, else those of KUBECONFIG, else `~/.kube/config`."""
    return _merge([(path, _read(path)) for path in _files(paths, environment)])


def _files(paths: Sequence[str | Path], environment: Mapping[str, str]) -> list[Path]:
    """List the files to merge, strongest first. One that its user named must exist; of KUBECONFIG's one must."""
    if paths:
        found = [Path(path).expanduser() for path in paths]
        for path in found:
            if not _exists(path):
                raise wrong(f"The kubeconfig {path} does not exist.", "Check --kubeconfig.")
        return found
    listed = [Path(part) for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    if listed:
        found = [path for path in listed if _exists(path)]
        if not found:
            raise wrong(
                f"The kubeconfig {listed[0]} does not exist.", "Check KUBECONFIG, or name one with --kubeconfig."
            )
        return found
    home = environment.get("HOME")
    usual = [Path(home) / ".kube" / "config"] if home else []
    return [path for path in usual if _exists(path)]


def _exists(path: Path) -> bool:
    """Whether a file is there; one that cannot be looked at counts as there, so that reading it says why."""
    try:
        return path.exists()
    except OSError:
        return True


class _Loader(SafeLoader):
    """Leaves what looks like a date as text, as kubectl does: it may be a token."""

    yaml_implicit_resolvers = {  # noqa: RUF012  as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
    }


def _read(path: Path) -> Mapping[str, Any]:
    remedy = ""
    try:
        found = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506  a safe one
        if found is None or isinstance(found, dict):
            return found or {}
        what = f"The file {path} is not a kubeconfig."
    except OSError as error:
        what = f"The kubeconfig {path} cannot be read: {error.strerror}."
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        what = f"The kubeconfig {path} is not YAML."
        if (mark := getattr(error, "problem_mark", None)) is not None:
            remedy = f"Look at line {mark.line + 1}, column {mark.column + 1}."
    raise wrong(what, remedy)  # not from within: the parser's own words quote what stands there


def _merge(files: Sequence[tuple[Path, Mapping[str, Any]]]) -> Merged:
    """Merge by kubectl's rule: the first file to name an entry or the current context wins. Paths become absolute."""
    found: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
    current = ""
    for path, content in files:
        file = Entry(title=f"the kubeconfig {path}", body=content, directory=path.absolute().parent)
        for kind, inner in KINDS.items():
            for entry in file.parts(kind):
                name = str(entry.body.get("name") or "")
                body = dict(entry.part(inner).body)
                for key in _PATH_KEYS:
                    if isinstance(body.get(key), str) and body[key]:
                        body[key] = str(file.directory / body[key])
                titled = Entry(title=f"the {inner} {name!r}", body=body, directory=file.directory)
                found[kind].setdefault(name, titled)
        current = current or file.text("current-context")
    return Merged(clusters=found["clusters"], users=found["users"], contexts=found["contexts"], current=current)
