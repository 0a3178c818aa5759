"""What CloudSigma's good answers hold, checked: one object, a list, or what a change made."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson
import requests

from drivers.cloudsigma import wire
from drivers.cloudsigma.errors import not_cloudsigma
from drivers.cloudsigma.wire import Row
from gateway.driver import DriverError

T = TypeVar("T")


def document_of(response: requests.Response) -> Any:
    """Return what an answer's body holds.

    Raises:
        DriverError: ``backend``.
    """
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as exc:
        raise not_cloudsigma() from exc


def the_one(row: object, resource_id: str) -> Row:
    """Return an object if it is the one that was asked for.

    Raises:
        DriverError: ``backend``.
    """
    found = wire.check_row(row)
    if found["uuid"].lower() != resource_id.lower():
        raise not_cloudsigma()
    return found


def listed(
    document: Mapping[str, Any], *, offset: int, are_whole: bool
) -> tuple[dict[str, Row], int]:
    """Return the objects of a page by their ids in lower case, and how many there are in all.

    Args:
        document: the answer.
        offset: how many objects the page leaves out.
        are_whole: whether the objects have all their fields.

    Raises:
        DriverError: ``backend`` for what is no page, holds an object twice, or counts
            fewer than there are.
    """
    rows, meta = document.get("objects"), document.get("meta")
    total = meta.get("total_count") if isinstance(meta, dict) else None
    if not isinstance(rows, list) or type(total) is not int:
        raise not_cloudsigma()
    try:
        found = {row["uuid"].lower(): row for row in rows}
    except (AttributeError, KeyError, TypeError) as exc:
        raise not_cloudsigma() from exc
    is_consistent = len(found) == len(rows) and total >= (offset + len(rows) if rows else 0)
    if not is_consistent or not all(map(wire.match_id, found)):
        raise not_cloudsigma()
    if are_whole:
        for row in rows:
            wire.check_fields(row)
    return found, total


def made(
    response: requests.Response, model: Callable[[Row], T], resource_id: str | None = None
) -> T:
    """Return the model of what a change answers, bare or as the only one of a list.

    Args:
        response: the answer.
        model: makes the model of a row.
        resource_id: of what was changed; None for something new.

    Raises:
        DriverError: ``backend``, with ``maybe_done``: the change has been accepted.
    """
    try:
        document = document_of(response)
        if isinstance(document, dict) and "objects" in document:
            (document,) = document["objects"]
        if resource_id is not None:
            return model(the_one(document, resource_id))
        return model(wire.check_row(document))
    except (DriverError, ValueError, TypeError) as exc:
        raise not_cloudsigma(maybe_done=True) from exc
