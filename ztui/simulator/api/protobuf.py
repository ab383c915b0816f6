"""The little protobuf there must be: kubectl sends its reviews in it, and reads JSON when that is what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
_Fields = dict[int, tuple[str, "_Fields | None"]]

_MAGIC = b"k8s\0"
_TYPE: _Fields = {1: ("apiVersion", None), 2: ("kind", None)}
_RESOURCE: _Fields = {
    1: ("namespace", None),
    2: ("verb", None),
    3: ("group", None),
    4: ("version", None),
    5: ("resource", None),
    6: ("subresource", None),
    7: ("name", None),
}
_PATH: _Fields = {1: ("path", None), 2: ("verb", None)}
_ACCESS: _Fields = {2: ("spec", {1: ("resourceAttributes", _RESOURCE), 2: ("nonResourceAttributes", _PATH)})}
_BODIES: dict[str, _Fields] = {
    "SelfSubjectAccessReview": _ACCESS,
    "SelfSubjectRulesReview": {2: ("spec", {1: ("namespace", None)})},
    "SelfSubjectReview": {},
}


def read_review(data: bytes) -> Json:
    """Read a review in Kubernetes' envelope. Raises ValueError for anything that is not one."""
    if not data.startswith(_MAGIC):
        raise ValueError("it does not begin with k8s")
    envelope = dict(_parts(data[len(_MAGIC) :]))
    kind = _object(envelope.get(1, b""), _TYPE)
    fields = _BODIES.get(str(kind.get("kind")))
    if fields is None:
        raise ValueError(f"a {kind.get('kind')} is no review")
    return {**kind, **_object(envelope.get(2, b""), fields)}


def _object(data: bytes, fields: _Fields) -> Json:
    """Take the fields that are known; the others do not matter here."""
    found: Json = {}
    for number, part in _parts(data):
        if number in fields:
            name, inner = fields[number]
            found[name] = part.decode("utf-8", "replace") if inner is None else _object(part, inner)
    return found


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give every length-delimited field with its number; numbers are skipped."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            _, at = _varint(data, at)
        elif key & 7 == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("it ends too early")
            yield key >> 3, data[at : at + length]
            at += length
        else:
            raise ValueError(f"wire type {key & 7} is not used by reviews")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value, at = value | (byte & 0x7F) << shift, at + 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("it ends in the middle of a number")
