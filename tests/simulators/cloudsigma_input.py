"""What a request's body says, checked."""

from collections.abc import Mapping
from typing import Any

import orjson

from tests.simulators.cloudsigma_call import Call
from tests.simulators.cloudsigma_errors import error, invalid, missing

META_KEY_MAXIMUM = 32
SIZE_STEP = 16_384
"""Drives are rounded up to a multiple of it (seen in the samples)."""
MEDIA = ("cdrom", "disk")


def body_of(call: Call) -> Any:
    """Return what the body says, None if there is none."""
    if not call.request.body.strip():
        return None
    try:
        return orjson.loads(call.request.body)
    except orjson.JSONDecodeError:
        raise error(400, "Malformed JSON") from None


def definitions(call: Call) -> list[dict[str, Any]]:
    """Return the objects of a body: ``objects``, a list, or a bare one."""
    body = body_of(call)
    if isinstance(body, dict) and "objects" in body:
        body = body["objects"]
    found = body if isinstance(body, list) else [body]
    if not found or not all(isinstance(one, dict) for one in found):
        raise error(400, "Objects are expected")
    return found


def definition(call: Call, *, may_be_empty: bool = False) -> dict[str, Any]:
    """Return the one object of a body; if it may be empty, also of none."""
    body = body_of(call)
    if body is None and may_be_empty:
        return {}
    if not isinstance(body, dict):
        raise error(400, "An object is expected")
    return body


def require(given: Mapping[str, Any], *names: str) -> None:
    """Refuse what lacks a field."""
    absent = [name for name in names if given.get(name) in (None, "")]
    if absent:
        raise missing(*absent)


def uuid_of(value: Any, point: str) -> str:
    """Return a uuid, which may be given as such, as a URI or as an object that has either."""
    if isinstance(value, Mapping):
        value = value.get("uuid") or value.get("resource_uri")
    if not isinstance(value, str):
        raise invalid(point, "A uuid is expected")
    return value.rstrip("/").rpartition("/")[2]


def text_of(value: Any, point: str) -> str:
    """Return a text up to its first NUL."""
    if not isinstance(value, str):
        raise invalid(point, "A string is expected")
    return value.partition("\0")[0]


def meta_of(call: Call, value: Any) -> dict[str, str]:
    """Return what users define of their own."""
    if not isinstance(value, dict):
        raise invalid("meta", "A dictionary is expected")
    found = {}
    for key, one in value.items():
        if len(key) > META_KEY_MAXIMUM:
            message = f"Meta key {key!r} is longer than {META_KEY_MAXIMUM} characters"
            raise invalid("meta", message)
        keeps = call.settings.keeps_other_meta_values and not isinstance(one, str)
        found[text_of(key, "meta")] = one if keeps else text_of(one, "meta")
    return found


def tags_of(call: Call, value: Any) -> list[str]:
    """Return the uuids of tags that the account has."""
    if not isinstance(value, list):
        raise invalid("tags", "A list is expected")
    found = [uuid_of(one, "tags") for one in value]
    for uuid in found:
        tag = call.store.tags.get(uuid)
        if tag is None or tag.owner != call.account.uuid:
            raise invalid("tags", f"Tag with uuid {uuid} does not exist")
    return found


def size_of(value: Any) -> int:
    """Return a size in bytes, which may be given as digits, rounded up as drives are."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid("size", "An integer is expected")
    return -(-value // SIZE_STEP) * SIZE_STEP


def media_of(value: Any) -> str:
    """Return disk or cdrom."""
    if value not in MEDIA:
        raise invalid("media", f"Value {value!r} is not one of {', '.join(MEDIA)}")
    return str(value)
