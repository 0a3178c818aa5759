"""The schemas of Cinder's request bodies, and what it says of a body that is against them.

The schemas are Cinder's; of JSON Schema only the keywords that they use are here. Cinder
names the first thing that is wrong, in the order in which its schemas are written.
"""

import json
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from tests.simulators.openstack_errors import bad_request
from tests.simulators.openstack_state import SNAPSHOT_STATES

Schema = Mapping[str, Any]
_KEYS = "^[a-zA-Z0-9-_:. ]{1,255}$"
_KEYS_AT_CREATION = "^[a-zA-Z0-9-_:. /]{1,255}$"
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_TEXT = ["string", "null"]
_NAME: Schema = {"type": _TEXT, "maxLength": 255}
_DESCRIPTION: Schema = {"type": _TEXT, "maxLength": 255, "pattern": "description"}
_BOOLEAN: Schema = {
    "type": ["boolean", "string"],
    "enum": [
        *(True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t"),
        *(False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f"),
    ],
}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _body(name: str, content: Schema) -> Schema:
    """Return the schema of a body that has nothing but one thing."""
    return _object(**{name: content}) | {"required": [name], "additionalProperties": False}


def _map(keys: str, value_type: Any, kind: Any = "object") -> dict[str, Any]:
    values = {"type": value_type, "maxLength": 255}
    return {"type": kind, "patternProperties": {keys: values}, "additionalProperties": False}


def _closed(**properties: Any) -> dict[str, Any]:
    return _object(**properties) | {"additionalProperties": False}


_METADATA = _map(_KEYS, "string")
_METADATA_AT_CREATION = _map(_KEYS_AT_CREATION, "string", ["object", "null"])
SNAPSHOT_CREATE = _body(
    "snapshot",
    _object(
        name=_NAME,
        display_name=_NAME,
        description=_DESCRIPTION,
        volume_id={"uuid": True},
        force=_BOOLEAN,
        metadata=_METADATA_AT_CREATION,
    )
    | {"required": ["volume_id"], "additionalProperties": False},
)
_CHANGES = {
    "name": _NAME,
    "description": _DESCRIPTION,
    "display_name": _NAME,
    "display_description": _DESCRIPTION,
}
SNAPSHOT_UPDATE = _body("snapshot", _closed(**_CHANGES) | {"anyOf": list(_CHANGES)})
METADATA = _object(metadata=_METADATA) | {"required": ["metadata"]}
METADATA_ITEM = _object(meta=_METADATA | {"maxProperties": 1}) | {"required": ["meta"]}
REVERT = _body("revert", _object(snapshot_id={"type": _TEXT}))
VOLUME_RESET = _body("os-reset_status", _closed(status={"type": _TEXT}))
SNAPSHOT_RESET = _body(
    "os-reset_status",
    _object(status={"snapshot_status": True})
    | {"required": ["status"], "additionalProperties": False},
)
SNAPSHOT_STATUS = _body(
    "os-update_snapshot_status",
    _object(status={"type": "string"}, progress={})
    | {"required": ["status"], "additionalProperties": False},
)
FORCE_DELETE = _body("os-force_delete", {})
_VOLUME = {
    "name": {"type": _TEXT},
    "description": {"type": _TEXT},
    "display_name": {"type": _TEXT},
    "display_description": {"type": _TEXT},
    "volume_type": _NAME,
    "metadata": _METADATA_AT_CREATION,
    "snapshot_id": {"uuid": True},
    "source_volid": {"uuid": True},
    "consistencygroup_id": {"uuid": True},
    "size": {"type": ["integer", "string", "null"], "pattern": "^[0-9]+$", "minimum": 1},
    "availability_zone": _NAME,
    "multiattach": {},
    "image_id": _NAME,
    "imageRef": _NAME,
    "group_id": _NAME,
    "backup_id": {"uuid": True},
}
VOLUME_CREATE = _body("volume", _object(**_VOLUME))
VOLUME_CREATE_353 = _body("volume", _closed(**_VOLUME))


def check(body: Any, schema: Schema) -> None:
    """Refuse a body that is against a schema, for the first thing that is wrong."""
    for path, value, message in _errors(body, schema, ()):
        where = f"Invalid input for field/attribute {path[-1]}. Value: {value}. " if path else ""
        raise bad_request(where + message)


_Error = tuple[tuple[str, ...], Any, str]


def _errors(value: Any, schema: Schema, path: tuple[str, ...]) -> Iterator[_Error]:
    for keyword, rule in schema.items():
        if keyword in ("properties", "patternProperties"):
            for name, below in _inner(value, keyword, rule):
                yield from _errors(value[name], below, (*path, name))
        elif keyword in _RULES:
            yield from ((path, value, text) for text in _RULES[keyword](value, rule, schema))


def _inner(value: Any, keyword: str, rule: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    if not isinstance(value, dict):
        return
    for name, below in rule.items():
        if keyword == "properties" and name in value:
            yield name, below
        elif keyword == "patternProperties":
            yield from ((key, below) for key in value if re.search(name, key))


def _type(value: Any, rule: Any, _: Schema) -> Iterator[str]:
    types = [rule] if isinstance(rule, str) else rule
    if not any(_TYPES[one](value) for one in types):
        yield f"{value!r} is not of type {', '.join(repr(one) for one in types)}"


def _enum(value: Any, rule: list[Any], _: Schema) -> Iterator[str]:
    if not any(value == one and type(value) is type(one) for one in rule):
        yield f"{value!r} is not one of {rule!r}"


def _max_length(value: Any, rule: int, _: Schema) -> Iterator[str]:
    if isinstance(value, str) and len(value) > rule:
        yield f"{value!r} is too long"


def _pattern(value: Any, rule: str, _: Schema) -> Iterator[str]:
    pattern = _printable() if rule == "description" else rule
    if isinstance(value, str) and not re.search(pattern, value):
        yield f"{value!r} does not match {pattern!r}"


def _minimum(value: Any, rule: int, _: Schema) -> Iterator[str]:
    if isinstance(value, int | str) and str(value).isdecimal() and int(value) < rule:
        yield f"{int(value)!r} is less than the minimum of {rule!r}"


def _required(value: Any, rule: list[str], _: Schema) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{name!r} is a required property" for name in rule if name not in value)


def _additional(value: Any, _: bool, schema: Schema) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    patterns = list(schema.get("patternProperties", ()))
    known = schema.get("properties", ())
    found = [one for one in value if one not in known]
    extra = sorted(one for one in found if not any(re.search(each, one) for each in patterns))
    if not extra:
        return
    names = ", ".join(repr(one) for one in extra)
    if patterns:
        verb = "does" if len(extra) == 1 else "do"
        regexes = ", ".join(repr(one) for one in patterns)
        yield f"{names} {verb} not match any of the regexes: {regexes}"
    else:
        verb = "was" if len(extra) == 1 else "were"
        yield f"Additional properties are not allowed ({names} {verb} unexpected)"


def _any_of(value: Any, rule: list[str], _: Schema) -> Iterator[str]:
    if isinstance(value, dict) and not any(name in value for name in rule):
        yield f"{value!r} is not valid under any of the given schemas"


def _max_properties(value: Any, rule: int, _: Schema) -> Iterator[str]:
    if isinstance(value, dict) and len(value) > rule:
        yield f"{value!r} has too many properties"


def _uuid(value: Any, _: bool, __: Schema) -> Iterator[str]:
    if value is not None and not is_uuid(value):
        yield f"{value!r} is not valid under any of the given schemas"


def _snapshot_status(value: Any, _: bool, __: Schema) -> Iterator[str]:
    if not isinstance(value, str) or value.lower() not in SNAPSHOT_STATES:
        # Cinder does not say where: this one is no matter of the schema.
        raise bad_request(
            f"Snapshot status: {value} is invalid, valid statuses are: {SNAPSHOT_STATES}."
        )
    yield from ()


_RULES: dict[str, Callable[[Any, Any, Schema], Iterator[str]]] = {
    "type": _type,
    "enum": _enum,
    "maxLength": _max_length,
    "pattern": _pattern,
    "minimum": _minimum,
    "required": _required,
    "additionalProperties": _additional,
    "anyOf": _any_of,
    "maxProperties": _max_properties,
    "uuid": _uuid,
    "snapshot_status": _snapshot_status,
}


def is_uuid(value: Any) -> bool:
    """Say whether something looks like a UUID; the hyphens do not matter."""
    if not isinstance(value, str):
        return False
    try:
        return uuid.UUID(value).hex == value.replace("-", "").lower().strip("{}")
    except ValueError:
        return False


def read_json(body: bytes) -> Any:
    """Return what a body says."""
    try:
        return json.loads(body)
    except ValueError:
        raise bad_request("Malformed request body") from None


@cache
def _printable() -> str:
    """Return Cinder's pattern of a description: what is printable in the basic plane."""
    ranges, first, last = [], "", ""
    for char in map(chr, range(0xFFFF)):
        category = unicodedata.category(char)
        if category == "Zs" or category[0] not in "CZ":
            first, last = first or char, char
        elif first:
            ranges.append((first, last))
            first = ""
    parts = [re.escape(a) + (f"-{re.escape(b)}" if b != a else "") for a, b in ranges]
    return f"^[{''.join(parts)}]*$"
