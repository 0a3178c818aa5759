"""What a driver may answer, and what is wrong with what it has answered.

Everything is looked at that costs next to nothing: a single answer whole; of a page its
own shape, the type, id and creation time of each row, and the first and the last row
whole, because a driver that is wrong is mostly wrong in every row.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from gateway.driver import (
    DriverError,
    ErrorCode,
    Marker,
    Owner,
    Page,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    StoredKind,
    Visibility,
    VolumeState,
)

_MODEL: Mapping[str, type] = {
    "list_snapshots": StorageSnapshot,
    "get_snapshot": StorageSnapshot,
    "create_snapshot": StorageSnapshot,
    "update_snapshot": StorageSnapshot,
    "copy_snapshot": StorageSnapshot,
    "revert_snapshot": StorageSnapshot,
    "list_volumes": StorageVolume,
    "get_volume": StorageVolume,
    "clone_snapshot": StorageVolume,
    "create_volume": StorageVolume,
}
"""Method -> what it returns, or what the page holds that it returns."""
_IDS, _CREATED = attrgetter("id"), attrgetter("created")
_ZERO = timedelta(0)


def fault_of(method: str, answer: Any, *, page_size: int | None = None) -> str | None:
    """Return what is wrong with the answer of a driver's method, None if nothing is."""
    try:
        return _fault(method, answer, page_size)
    except Exception as exc:  # noqa: BLE001 - what a driver made can raise anything when looked at
        return f"{method} returned what cannot be looked at ({type(exc).__name__})"


def fault_in(item: object) -> str | None:
    """Return which field of a snapshot or volume is of a wrong type, None if none is."""
    for name, (is_right, wanted) in _FIELDS[type(item)].items():
        if not is_right(getattr(item, name)):
            return f"{type(item).__name__}.{name} is {_kind(getattr(item, name))}, not {wanted}"
    return None


def fault_of_error(error: DriverError) -> str | None:
    """Return what is wrong with an error that a driver made, None if nothing is."""
    for name, (is_right, wanted) in _ERROR.items():
        if not is_right(getattr(error, name, None)):
            return (
                f"a DriverError whose {name} is {_kind(getattr(error, name, None))}, not {wanted}"
            )
    return None


def _fault(method: str, answer: Any, page_size: int | None) -> str | None:
    if page_size is not None:
        fault = _page_fault(answer, _MODEL[method], page_size)
    elif method in _MODEL:
        model = _MODEL[method]
        is_right = isinstance(answer, model)
        fault = fault_in_one(answer) if is_right else f"{_thing(answer)}, not a {model.__name__}"
    elif method == "count_snapshots":
        fault = None if _is_count(answer) else f"{_thing(answer)}, not a number from 0 on or None"
    elif method == "last_failure":
        fault = None if isinstance(answer, str | None) else f"{_thing(answer)}, not text or None"
    else:
        fault = None if answer is None else f"{_thing(answer)}, not None"
    return fault and f"{method} returned {fault}"


def fault_in_one(item: object) -> str | None:
    """Return what is wrong with one snapshot or volume, as part of a sentence."""
    fault = fault_in(item)
    return fault and f"a wrong field: {fault}"


def _page_fault(page: Any, model: type, page_size: int) -> str | None:
    if not isinstance(page, Page):
        return f"{_thing(page)}, not a Page"
    items, cursor = page.items, page.next_cursor
    if not isinstance(items, tuple):
        return f"a Page whose items are {_kind(items)}, not a tuple"
    if len(items) > page_size:
        return f"{len(items)} rows where {page_size} were asked for"
    if cursor is not None and not (isinstance(cursor, str) and cursor):
        return f"a Page whose next_cursor is {_kind(cursor)}, not text that is not empty, or None"
    if not isinstance(page.unasked, frozenset):
        return f"a Page whose unasked is {_kind(page.unasked)}, not a frozenset"
    return _rows_fault(items, model)


def _rows_fault(items: tuple[Any, ...], model: type) -> str | None:
    wrong = set(map(type, items)) - {model}
    if wrong:
        return f"a Page with a {min(kind.__name__ for kind in wrong)} in it, not a {model.__name__}"
    if set(map(type, map(_IDS, items))) - {str}:
        return f"a Page with a {model.__name__} whose id is no text"
    if any(made is not None and made.tzinfo is None for made in map(_CREATED, items)):
        return f"a Page with a {model.__name__} whose time created is naive, not aware UTC"
    return next(filter(None, map(fault_in_one, (*items[:1], *items[1:][-1:]))), None)


def _kind(value: object) -> str:
    """Return what a value is, without the value: it may hold a secret."""
    if value is None:
        return "None"
    if isinstance(value, datetime):
        return "a time that is naive or not UTC"
    if value == "" and isinstance(value, str):
        return "empty text"
    return f"of type {type(value).__name__}"


def _thing(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _or_none(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_right(value)


def _of(kind: type) -> Callable[[Any], bool]:
    return lambda value: type(value) is kind


def _is_count(value: object) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _is_utc(value: object) -> bool:
    return isinstance(value, datetime) and value.utcoffset() == _ZERO


def _is_text_map(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(one, str) for key, one in value.items()
    )


def _is_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, str) for one in value)


def _is_owner(value: object) -> bool:
    return isinstance(value, Owner) and isinstance(value.id, str) and type(value.is_self) is bool


def _is_marker(value: object) -> bool:
    return isinstance(value, Marker) and {type(value.id), type(value.request)} == {str}


def _is_seconds(value: object) -> bool:
    return type(value) in {int, float} and 0 <= value < float("inf")  # type: ignore[operator]


_Check = tuple[Callable[[Any], bool], str]
_TEXT: _Check = (lambda value: isinstance(value, str), "text")
_TEXT_OR_NONE: _Check = (_or_none(_TEXT[0]), "text or None")
_NUMBER_OR_NONE: _Check = (_or_none(_of(int)), "a whole number or None")
_TIME_OR_NONE: _Check = (_or_none(_is_utc), "an aware time in UTC or None")
_FLAG: _Check = (_of(bool), "a bool")
_FLAG_OR_NONE: _Check = (_or_none(_of(bool)), "a bool or None")
_BOTH: Mapping[str, _Check] = {
    "id": (lambda value: isinstance(value, str) and bool(value), "text that is not empty"),
    "native_state": _TEXT,
    "name": _TEXT_OR_NONE,
    "description": _TEXT_OR_NONE,
    "state_reason": _TEXT_OR_NONE,
    "progress": _NUMBER_OR_NONE,
    "created": _TIME_OR_NONE,
    "size_bytes": _NUMBER_OR_NONE,
    "stored_bytes": _NUMBER_OR_NONE,
    "metadata": (_is_text_map, "a map of text to text"),
    "owner": (_or_none(_is_owner), "an Owner or None"),
    "created_by": (_or_none(_is_marker), "a Marker or None"),
    "native": (_or_none(lambda value: isinstance(value, Mapping)), "a map or None"),
}
_FIELDS: Mapping[type, Mapping[str, _Check]] = {
    StorageSnapshot: {
        **_BOTH,
        "state": (_of(SnapshotState), "a SnapshotState"),
        "ready": _FLAG,
        "completed": _TIME_OR_NONE,
        "updated": _TIME_OR_NONE,
        "volume_id": _TEXT_OR_NONE,
        "volume_exists": _FLAG_OR_NONE,
        "stored_kind": (_or_none(_of(StoredKind)), "a StoredKind or None"),
        "labels": (_is_texts, "a tuple of text"),
        "visibility": (_of(Visibility), "a Visibility"),
        "group_id": _TEXT_OR_NONE,
        "encrypted": _FLAG_OR_NONE,
        "location": _TEXT_OR_NONE,
        "tier": _TEXT_OR_NONE,
        "deletable": _FLAG,
    },
    StorageVolume: {
        **_BOTH,
        "state": (_of(VolumeState), "a VolumeState"),
        "zone": _TEXT_OR_NONE,
        "snapshot_id": _TEXT_OR_NONE,
    },
}
_ERROR: Mapping[str, _Check] = {
    "code": (_of(ErrorCode), "an ErrorCode"),
    "message": _TEXT,
    "fields": (_is_text_map, "a map of text to text"),
    "backend_code": _TEXT_OR_NONE,
    "retry_after_s": (_or_none(_is_seconds), "a number of seconds or None"),
    "maybe_done": _FLAG,
    "marker": _TEXT_OR_NONE,
}
