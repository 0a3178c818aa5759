"""Requests that name several snapshots, to be deleted or to be made, in each form of a body."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from lxml import etree
from werkzeug.wrappers import Request

from gateway.core.bulk import check_item_count
from gateway.core.creations import NewSnapshot
from gateway.driver import DriverError, invalid
from gateway.http import schemas
from gateway.http.body import (
    Body,
    fields_of,
    json_fields,
    load,
    read_body,
    refuse_stray_text,
    xml_fields,
)
from gateway.http.deletion import MISSING, is_ok

_LIST, _ITEM = "storage_snapshots", "storage_snapshot"
_OBJECTS = "objects"
"""CloudSigma's name for the list in any body."""
Pairs = Sequence[tuple[str, Any]]
T = TypeVar("T")


class _Items(NamedTuple):
    """Several things of one kind; ``name`` is what they are together called in errors."""

    name: str
    values: Sequence[Any]


def read_ids(request: Request, query: Pairs) -> tuple[list[str], bool]:
    """Return the ids of the snapshots to delete, in the query string or the body of a request.

    And whether those that do not exist are as good as deleted: that may stand in the
    query string or in the body, in XML as an attribute of the list.

    Raises:
        DriverError: ``invalid`` naming every bad item, or when there are none, too many,
            or some both in the query string and in the body.
        HttpProblem: 415.
    """
    in_query = [value for name, value in query if name == "id"]
    body = read_body(request)
    if in_query and body.kind:
        raise invalid({"id": "given in the query string beside a body; give all ids in one place"})
    found = _ids_in(body) if body.kind else _Items("ids", in_query)
    check_item_count("ids", len(found.values))
    missing_ok = is_ok([value for name, value in (*query, *_given_in(body)) if name == MISSING])
    return _read_ids(found), missing_ok


def _given_in(body: Body) -> Pairs:
    """Return what a body says beside the ids, and perhaps those."""
    if body.kind == "pairs":
        return list(body.content)
    if body.kind == "json":
        return list(body.content.items())
    return list(body.content.attrib.items()) if body.kind == "xml" else []


def _read_ids(found: _Items) -> list[str]:
    if found.name == _OBJECTS:
        uuid = schemas.UuidSchema()
        return _each(found, lambda value: load(uuid, json_fields(value, _ITEM)))
    one = schemas.IdSchema()
    if found.name == "ids":
        return _each(found, lambda value: load(one, {"id": value}), whole="id")
    return _each(found, lambda value: load(one, xml_fields(value, _ITEM)))


def read_creates(request: Request, query: Pairs) -> NewSnapshot | list[NewSnapshot]:
    """Return the snapshots that a request asks for: one, or a list if that is what its body is.

    Raises:
        DriverError: ``invalid`` naming every bad field of every item.
        HttpProblem: 415.
    """
    body = read_body(request)
    schema = schemas.CreateSnapshotSchema()
    found = _creates_in(body)
    if found is None:
        one: NewSnapshot = load(schema, fields_of(query, body, _ITEM))
        return one
    _refuse(name for name, _ in query)
    check_item_count(found.name, len(found.values))
    read = xml_fields if body.kind == "xml" else json_fields
    return _each(found, lambda value: load(schema, read(value, _ITEM)))


def _ids_in(body: Body) -> _Items:
    if body.kind == "pairs":
        _refuse((n for n, _ in body.content if n not in {"id", MISSING}), valid=f"id, {MISSING}")
        return _Items("ids", [value for name, value in body.content if name == "id"])
    if body.kind == "xml":
        return _children(body.content, MISSING)
    document = body.content
    if not isinstance(document, dict):
        raise invalid({"body": "give a JSON object"})
    name = _OBJECTS if _OBJECTS in document else "ids"
    others = (other for other in document if other not in {name, MISSING})
    _refuse(others, valid=f"ids or {_OBJECTS}, {MISSING}")
    return _Items(name, _list(name, document.get(name, [])))


def _creates_in(body: Body) -> _Items | None:
    """Return the items of a body that is a list, None for one that is a single snapshot."""
    if body.kind == "xml" and body.content.tag == _LIST:
        return _children(body.content)
    if body.kind != "json" or not isinstance(body.content, dict):
        return None
    for name in (_LIST, _OBJECTS):
        if name in body.content:
            _refuse(other for other in body.content if other != name)
            return _Items(name, _list(name, body.content[name]))
    return None


def _children(element: etree._Element, *attributes: str) -> _Items:
    """Return the items of ``<storage_snapshots>``, which may have these attributes."""
    if element.tag != _LIST or not set(attributes).issuperset(element.attrib):
        known = " but ".join(("attributes", *attributes))
        raise invalid({"body": f"give <{_LIST}> without {known}, with a <{_ITEM}> for each"})
    refuse_stray_text(element)
    return _Items(_LIST, list(element))


def _list(name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise invalid({name: "give a list"})
    return value


def _refuse(names: Iterable[str], *, valid: str = f"{_LIST}, or {_OBJECTS}, alone") -> None:
    problems = dict.fromkeys(names, f"unknown parameter here; valid: {valid}")
    if problems:
        raise invalid(problems)


def _each(items: _Items, read: Callable[[Any], T], *, whole: str = "body") -> list[T]:
    """Return what is read of each item.

    Args:
        items: what to read.
        read: reads one item.
        whole: the field whose problems are those of the whole item.

    Raises:
        DriverError: ``invalid`` naming every bad field of every item as ``items[3].field``.
    """
    found, problems = [], {}
    for index, value in enumerate(items.values):
        where = f"{items.name}[{index}]"
        try:
            found.append(read(value))
        except DriverError as error:
            for field, problem in error.fields.items():
                problems[where if field == whole else f"{where}.{field}"] = problem
    if problems:
        raise invalid(problems)
    return found
