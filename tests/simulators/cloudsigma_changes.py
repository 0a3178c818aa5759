"""Changing and deleting, which is much the same for all kinds of objects."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from flask import Response

from tests.simulators.cloudsigma_call import Call
from tests.simulators.cloudsigma_errors import ApiError, invalid, missing
from tests.simulators.cloudsigma_input import definitions, meta_of, tags_of, text_of, uuid_of
from tests.simulators.cloudsigma_settings import Work
from tests.simulators.cloudsigma_state import Resource

_Deleted = TypeVar("_Deleted", bound=Resource)


def described(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return name, meta and tags that are given, checked."""
    found: dict[str, Any] = {}
    if given.get("name") is not None:
        found["name"] = text_of(given["name"], "name")
    if given.get("meta") is not None:
        found["meta"] = meta_of(call, given["meta"])
    if given.get("tags") is not None:
        found["tags"] = tags_of(call, given["tags"])
    return found


def change(call: Call, resource: Resource, given: Mapping[str, Any], name: str) -> None:
    """Carry out a PUT as far as name, meta and tags go; ``name`` is the one by default."""
    defaults: dict[str, Any] = {"name": name, "meta": {}, "tags": []}
    reset = {one: defaults[one] for one in call.settings.put_resets}
    for attribute, value in (reset | described(call, given)).items():
        setattr(resource, attribute, value)
    call.store.touch(resource)


def delete(
    call: Call,
    resource: _Deleted,
    work: Work,
    drop: Callable[[_Deleted], object],
) -> None:
    """Let a deletion begin; again and again is once."""
    if resource.is_deleting:
        return
    resource.is_deleting = True
    status = call.settings.deleting_status

    def end(_: datetime) -> None:
        drop(resource)

    call.store.begin(work, resource, end, status=status)
    call.store.touch(resource)


def bulk_delete(
    call: Call,
    find: Callable[[str], _Deleted],
    begin: Callable[[_Deleted], None],
) -> Response:
    """Delete what the body lists; ``find`` refuses what must not be deleted."""
    body = definitions(call)
    if any("uuid" not in one for one in body):
        raise missing("uuid")
    found: list[_Deleted] = []
    refused: list[ApiError] = []
    for one in body:
        try:
            found.append(find(uuid_of(one, "uuid")))
        except ApiError as error:
            refused.append(error)
    if not refused or call.settings.bulk_delete == "partial":
        for each in found:
            begin(each)
    if refused:
        raise ApiError(refused[0].status, *(one for err in refused for one in err.entries))
    return call.done()


def check_choice(value: Any, choices: tuple[str, ...], point: str) -> str:
    """Return what is one of several choices."""
    if value not in choices:
        raise invalid(point, f"Value {value!r} is not one of {', '.join(choices)}")
    return str(value)
