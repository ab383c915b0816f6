"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ztui.simulator.api.status import ApiError

Json = dict[str, Any]
Test = Callable[[Json], bool]

_TERM = re.compile(
    r"\s*(?P<not>!?)\s*(?P<key>[\w./-]+)\s*(?:(?P<op>==|!=|=)\s*(?P<value>[\w.-]*)|(?P<set>in|notin)\s*\((?P<values>[^)]*)\))?\s*(?:,|$)"
)
_FIELDS = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "spec.nodeName": ("spec", "nodeName"),
    "status.phase": ("status", "phase"),
    "status.podIP": ("status", "podIP"),
    "involvedObject.name": ("involvedObject", "name"),
    "involvedObject.namespace": ("involvedObject", "namespace"),
    "involvedObject.uid": ("involvedObject", "uid"),
    "involvedObject.kind": ("involvedObject", "kind"),
}


def read_selectors(labels: str | None, fields: str | None) -> Test | None:
    """One test for both selectors; None where everything passes; 400 for what cannot be read."""
    tests = _label_tests(labels or "") + _field_tests(fields or "")
    if not tests:
        return None
    return lambda value: all(test(value) for test in tests)


def _label_tests(text: str) -> list[Test]:
    tests: list[Test] = []
    at = 0
    while at < len(text.rstrip()):
        term = _TERM.match(text, at)
        if term is None or term.end() == at:
            raise ApiError(400, f"unable to parse requirement: found '{text[at:]}'")
        tests.append(_label_test(term))
        at = term.end()
    return tests


def _label_test(term: re.Match[str]) -> Test:
    key, operator, wanted = term["key"], term["op"], term["value"]
    if term["set"]:
        values = {value.strip() for value in term["values"].split(",")}
        inside = term["set"] == "in"
        return lambda value: (_labels(value).get(key) in values) == inside
    if operator is None:
        present = not term["not"]
        return lambda value: (key in _labels(value)) == present
    if operator == "!=":
        return lambda value: _labels(value).get(key) != wanted
    return lambda value: _labels(value).get(key) == wanted


def _labels(value: Json) -> dict[str, str]:
    found: dict[str, str] = value["metadata"].get("labels") or {}
    return found


def _field_tests(text: str) -> list[Test]:
    return [_field_test(term) for term in text.split(",") if term.strip()]


def _field_test(term: str) -> Test:
    key, operator, wanted = re.split(r"(!=|==|=)", term.strip(), maxsplit=1) if "=" in term else (term, "", "")
    path = _FIELDS.get(key)
    if path is None:
        raise ApiError(400, f"field label not supported: {key}")
    same = operator != "!="
    return lambda value: ((value.get(path[0]) or {}).get(path[1], "") == wanted) == same
