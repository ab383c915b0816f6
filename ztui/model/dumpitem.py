"""What all nouns of a config dump share: their own JSON text kept beside the typed slots, and tolerant reading of it.

A key that is missing, null, empty or of another type than expected reads as missing: the typed slot is then None (or
empty), while `raw()` still has what the dump said.
"""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ztui.model.text import clean

JsonObject = Mapping[str, Any]
_TOO_LARGE = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpItem:
    """One element of a section of a config dump, with the dump's own text of it."""

    text: str = field(default="", repr=False, compare=False)
    """Its JSON exactly as in the dump. Bytes that were not UTF-8 stand in it as lone surrogates."""

    @property
    def raw_json(self) -> bytes:
        """Its JSON, byte for byte as in the dump."""
        return self.text.encode("utf-8", "surrogateescape")

    def raw(self) -> dict[str, Any]:
        """Decode the dump's own keys and values, unknown ones kept, text made inert; anew at each call."""
        value = clean_json(json.loads(self.text)) if self.text else {}
        return value if isinstance(value, dict) else {}


def clean_json(value: Any) -> Any:
    """Make every text in a decoded JSON value inert, keys too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_json(element) for element in value]
    if isinstance(value, Mapping):
        return {clean(key): clean_json(element) for key, element in value.items()}
    return value


def text_at(obj: JsonObject, key: str) -> str | None:
    """Read the text under `key`; None where there is none or it is empty."""
    value = obj.get(key)
    return clean(value) if isinstance(value, str) and value else None


def word_at(obj: JsonObject, key: str) -> str | None:
    """As text_at, for values that many elements share (a namespace, a node): equal ones become one object."""
    value = obj.get(key)
    return sys.intern(clean(value)) if isinstance(value, str) and value else None


def texts_at(obj: JsonObject, key: str) -> tuple[str, ...]:
    """Read the list of texts under `key`; what is no text is left out."""
    value = obj.get(key)
    if not isinstance(value, list) or not value:
        return ()
    return tuple(clean(element) for element in value if isinstance(element, str))


def number_at(obj: JsonObject, key: str) -> int | None:
    """Read the whole number under `key`; one that fits no 64 bits is none that ztunnel wrote."""
    value = obj.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _TOO_LARGE else None


def flag_at(obj: JsonObject, key: str) -> bool | None:
    """Read the boolean under `key`; None where the dump does not say."""
    value = obj.get(key)
    return value if isinstance(value, bool) else None


def object_at(obj: JsonObject, key: str) -> JsonObject:
    """Read the object under `key`; an empty one where there is none."""
    value = obj.get(key)
    return value if isinstance(value, dict) else {}


def objects_at(obj: JsonObject, key: str) -> tuple[JsonObject, ...]:
    """Read the list of objects under `key`; what is no object is left out."""
    value = obj.get(key)
    if not isinstance(value, list) or not value:
        return ()
    return tuple(element for element in value if isinstance(element, dict))


def ports_at(obj: JsonObject, key: str) -> dict[int, int]:
    """Read a map of ports, whose keys are texts in JSON: service port → target port (0: look at the endpoint)."""
    value = obj.get(key)
    if not isinstance(value, dict):
        return {}
    return {
        int(port): target
        for port, target in value.items()
        if port.isascii() and port.isdigit() and len(port) <= 5 and is_port(target)
    }


def is_port(value: object) -> TypeGuard[int]:
    """Whether a decoded value is a port, or the 0 that stands for one elsewhere."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65_535


def is_ip(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address (without port or brackets)."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
