"""Get and list: objects, Tables and metadata, in pages and through selectors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ztui.simulator.api import versions
from ztui.simulator.api.answers import body_answer, dump, json_answer
from ztui.simulator.api.paths import number
from ztui.simulator.api.selectors import read_selectors
from ztui.simulator.api.status import ApiError, not_found, too_old
from ztui.simulator.api.tables import AS_METADATA, AS_OBJECT, AS_TABLE, metadata_only, table

if TYPE_CHECKING:
    from aiohttp import web

    from ztui.simulator.api.call import Call
    from ztui.simulator.api.resources import Resource
    from ztui.simulator.api.shelf import Item, Shelf

Json = dict[str, Any]
Key = tuple[str, str]

_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter."
)


def get_object(call: Call) -> web.Response:
    """One object; 404 where it is not there."""
    resource, shelf = call.target.resource, call.host.shelf
    name = call.target.name or ""
    item = shelf.get(resource.plural, call.target.namespace or "", name)
    if item is None:
        raise not_found(resource.group_resource, name)
    value = shelf.value(resource.plural, item)
    if call.form == AS_OBJECT:
        return body_answer(call.request, shelf.text(resource.plural, item) + b"\n")
    return json_answer(in_form(call, [value], {"resourceVersion": str(item.rv)}, single=True))


def list_objects(call: Call) -> web.Response:
    """Answer a page of a list. Pages after the first show what is there now, under the version of the first."""
    shelf, plural = call.host.shelf, call.target.resource.plural
    test = read_selectors(call.query.get("labelSelector"), call.query.get("fieldSelector"))
    limit = number(call.query, "limit") or 0
    version, after = _start(call, shelf)
    items = shelf.items(plural, call.target.namespace)
    if test is not None:
        items = [(key, item) for key, item in items if test(shelf.value(plural, item))]
    if after is not None:
        items = [(key, item) for key, item in items if key > after]
    page = items[:limit] if limit > 0 else items
    metadata: Json = {"resourceVersion": str(version)}
    if len(page) < len(items):
        metadata["continue"] = _continue_token(version, page[-1][0])
        if test is None:
            metadata["remainingItemCount"] = len(items) - len(page)
    found = [item for _, item in page]
    if call.form == AS_OBJECT:
        return body_answer(call.request, _object_list(call.target.resource, shelf, found, metadata))
    return body_answer(call.request, dump(in_form(call, [shelf.value(plural, item) for item in found], metadata)))


def in_form(call: Call, values: Iterable[Json], metadata: Json, *, single: bool = False) -> Json:
    """Objects as a Table or as their metadata, whichever is asked for."""
    if call.form == AS_TABLE:
        include = call.query.get("includeObject", "Metadata")
        return table(call.target.resource.plural, values, call.host.clock.now_us(), metadata, include=include)
    shown = [metadata_only(value) for value in values]
    if single:
        return shown[0]
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "items": shown,
    }


def one_in_form(call: Call, value: Json) -> Json:
    """One object of a watch event."""
    if call.form == AS_TABLE:
        return in_form(call, [value], {"resourceVersion": value["metadata"]["resourceVersion"]})
    return metadata_only(value) if call.form == AS_METADATA else value


def _object_list(resource: Resource, shelf: Shelf, items: list[Item], metadata: Json) -> bytes:
    """Join the texts that are kept. Items of built-in lists do not repeat their kind; those of CRDs do."""
    head = dump({"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata})
    skip = 0 if resource.is_custom else len(dump({"kind": resource.kind, "apiVersion": resource.api_version}))
    texts = (shelf.text(resource.plural, item) for item in items)
    body = b",".join([b"{" + text[skip:] for text in texts] if skip else texts)
    return head[:-1] + b',"items":[' + body + b"]}\n"


def _start(call: Call, shelf: Shelf) -> tuple[int, Key | None]:
    """Tell the version a list is of, and the key it goes on after."""
    token = call.query.get("continue", "")
    match = versions.check_match(call.query)
    if token:
        if call.query.get("resourceVersion", "0") not in ("", "0"):
            raise ApiError(400, "specifying resource version is not allowed when using continue")
        version, after = _read_token(token)
        if version < shelf.oldest:
            raise ApiError(410, _EXPIRED)
        return version, after
    wanted = versions.wanted_version(call.query, shelf)
    if match == versions.EXACT and wanted is not None and wanted != shelf.version:
        # The shelf holds what is there now and no older states, so an exact older version is as good as compacted.
        raise too_old(wanted, shelf.version)
    return shelf.version, None


def _continue_token(version: int, key: Key) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": list(key)}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, Key]:
    try:
        data = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = data["start"]
        return int(data["rv"]), (str(namespace), str(name))
    except (ValueError, KeyError, TypeError) as error:
        raise ApiError(400, f"continue key is not valid: {error}") from error
