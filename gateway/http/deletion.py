"""Requests that delete: what they say beside the id, and how they end."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response
from marshmallow import Schema, fields, validate

from gateway.core.endings import Ending
from gateway.driver import DriverError, StorageSnapshot, StorageVolume, invalid
from gateway.http import waits
from gateway.http.exchange import Answer, Exchange

T = TypeVar("T", StorageSnapshot, StorageVolume)
MISSING = "missing"
"""Says what it is to delete what does not exist: an ``error``, or ``ok``."""
_ERROR, _OK = "error", "ok"
_CHOICE = validate.OneOf([_ERROR, _OK], error="give one of: {choices}")


class DeletionSchema(Schema):
    """What a request to delete one resource may say."""

    missing = fields.String(load_default=_ERROR, validate=_CHOICE)


def read_missing(exchange: Exchange) -> bool:
    """Return whether what does not exist is as good as deleted, for one resource.

    Said in the query string or in a body.
    """
    given = exchange.load(DeletionSchema(), "delete")
    return bool(given[MISSING] == _OK)


def is_ok(values: list[Any]) -> bool:
    """Return the same of the values that a request about several gives.

    Raises:
        DriverError: ``invalid``.
    """
    if values not in ([], [_ERROR], [_OK]):
        raise invalid({MISSING: f"give one of: {_ERROR}, {_OK}; once"})
    return values == [_OK]


def delete(
    exchange: Exchange,
    begin: Callable[[], bool],
    ending: Callable[[DriverError | None], Ending[T]],
    show: Callable[[T], Response],
) -> Response:
    """Delete a resource: 204 once that is accepted, or for a client who waits, once it is gone.

    A deletion whose answer is lost is followed too: what is gone is deleted, however.
    202 with what is known if it takes longer.

    Args:
        exchange: the request.
        begin: asks the backend to delete it; returns whether there is such a thing.
        ending: returns how it ends, given why the backend's answer was lost, if it was.
        show: answers with it as it is meanwhile.
    """
    wait = waits.wait_of(exchange)
    lost: DriverError | None = None
    is_there = True
    try:
        is_there = begin()
    except DriverError as error:
        if wait is None or not error.maybe_done:
            raise
        lost = error
    if wait is None or not is_there:
        return exchange.no_content()
    waited = ending(lost).after(wait)
    if waited.is_gone:
        return exchange.no_content()
    waits.tell_unfinished(exchange, waited)
    if waited.item is None:
        return Answer(status=202, headers=exchange.headers())
    return show(waited.item)
