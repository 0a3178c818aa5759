"""Lists of the simulated CloudSigma: which objects, in which order, and which page of them."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from flask import Response

from tests.simulators.cloudsigma_call import Call
from tests.simulators.cloudsigma_errors import invalid
from tests.simulators.cloudsigma_state import Resource, Snapshot

_Listed = TypeVar("_Listed", bound=Resource)
Filter = Callable[[Call, Any], Iterable[str]]
_COMMA = re.compile(r"(?<!\\),")


def _tag_names(call: Call, one: Resource) -> Iterable[str]:
    return [call.store.tags[uuid].name for uuid in one.tags if uuid in call.store.tags]


_USUAL: Mapping[str, Filter] = {
    "name": lambda _, one: [one.name],
    "name__contains": lambda _, one: [one.name],
    "tag": lambda _, one: one.tags,
    "tag__name": _tag_names,
    "uuid": lambda _, one: [one.uuid],
}


def _of_drive(_: Call, one: Snapshot) -> Iterable[str]:
    return [one.drive]


def _status(_: Call, one: Resource) -> Iterable[str]:
    return [one.status]


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "drives": _USUAL,
    "servers": _USUAL,
    "snapshots": {**_USUAL, "drive": _of_drive},
    "remotesnapshots": {**_USUAL, "drive": _of_drive},
    "jobs": {"state": _status},
    "tags": {"name": _USUAL["name"], "uuid": _USUAL["uuid"]},
}
_ORDERED: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "drives": {"uuid": lambda one: one.uuid, "name": lambda one: one.name},
    "servers": {"uuid": lambda one: one.uuid, "name": lambda one: one.name},
    "jobs": {"last_modified": lambda one: one.last_modified},
}


def listing(
    call: Call,
    kind: str,
    objects: Iterable[_Listed],
    view: Callable[[_Listed], dict[str, Any]],
) -> Response:
    """Answer with a page of the objects that are asked for."""
    found = _ordered(call, kind, _filtered(call, kind, call.visible(objects)))
    limit, offset = _number(call, "limit", call.settings.limit_default), _number(call, "offset", 0)
    maximum = call.settings.limit_maximum
    if maximum is not None:
        limit = min(limit or maximum, maximum)
    page = found[offset : offset + limit] if limit else found[offset:]
    call.store.saw(page)
    meta = {"limit": limit, "offset": offset, "total_count": len(found)}
    return call.answer({"meta": meta, "objects": [fields_of(call, view(one)) for one in page]})


def one_of(call: Call, resource: _Listed, view: Callable[[_Listed], dict[str, Any]]) -> Response:
    """Answer with an object."""
    call.store.saw([resource])
    return call.answer(fields_of(call, view(resource)))


def fields_of(call: Call, view: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are asked for."""
    wanted = call.query.get("fields")
    if not wanted:
        return view
    names = wanted.split(",")
    return {name: value for name, value in view.items() if name in names}


def alternatives(text: str) -> list[str]:
    r"""Return what commas separate, except those after a backslash."""
    return [one.replace("\\,", ",") for one in _COMMA.split(text)]


def _filtered(call: Call, kind: str, objects: list[_Listed]) -> list[_Listed]:
    known = dict(FILTERS[kind])
    if call.settings.filters_status:
        known["status"] = _status
    for name, text in call.request.parameters:
        if name in known:
            wanted = alternatives(text)
            matches = _contains if name.endswith("__contains") else _is
            read = known[name]
            objects = [one for one in objects if matches(read(call, one), wanted)]
    return objects


def _is(values: Iterable[str], wanted: list[str]) -> bool:
    return any(value in wanted for value in values)


def _contains(values: Iterable[str], wanted: list[str]) -> bool:
    return any(part.casefold() in value.casefold() for value in values for part in wanted)


def _ordered(call: Call, kind: str, objects: list[_Listed]) -> list[_Listed]:
    settings = call.settings
    asked = call.query.get("order_by", "")
    key = _ORDERED.get(kind, {}).get(asked.removeprefix("-"))
    if key is not None and settings.has_order_by:
        return sorted(objects, key=key, reverse=asked.startswith("-"))
    if settings.order == "moving":
        return sorted(objects, key=lambda one: one.place)
    if settings.order == "reshuffled":
        salt = f"{settings.seed} {call.store.changes}".encode()
        return sorted(objects, key=lambda one: hashlib.md5(salt + one.uuid.encode()).digest())
    return objects


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not text.isdecimal():
        raise invalid(name, f"Invalid {name} '{text}' provided. Please provide a positive integer.")
    return int(text)
