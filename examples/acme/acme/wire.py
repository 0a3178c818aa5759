"""Between Acme's words and the model's: rows, queries and changes, without I/O.

Source: the rows of acme/cloud.py, which stands for Acme's documentation.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from gateway.driver import (
    UNSET,
    Limits,
    Lookup,
    Marker,
    Owner,
    Page,
    Pushdown,
    PushdownTable,
    Query,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    Visibility,
    VolumeState,
)

Row = Mapping[str, Any]
T = TypeVar("T")
LIMITS = Limits(name=80, description=500, metadata_pairs=16, metadata_key=40, metadata_value=200)
PUSHDOWN: PushdownTable = {
    ("volume_id", Lookup.EXACT): Pushdown.EXACT,
    ("name", Lookup.EXACT): Pushdown.EXACT,
    ("created_by", Lookup.EXACT): Pushdown.SUPERSET,  # Acme shows what begins like this
    (
        "created",
        Lookup.GTE,
    ): Pushdown.SUPERSET,  # Acme compares microseconds, the core what is shown
}
VOLUME_PUSHDOWN: PushdownTable = {
    ("name", Lookup.EXACT): Pushdown.EXACT,
    ("created_by", Lookup.EXACT): Pushdown.SUPERSET,
}
SORT_KEYS = frozenset({"created"})
STATES: Mapping[str, SnapshotState] = {
    "making": SnapshotState.CREATING,
    "done": SnapshotState.AVAILABLE,
    "failed": SnapshotState.ERROR,
}
VOLUME_STATES: Mapping[str, VolumeState] = {
    "making": VolumeState.CREATING,
    "free": VolumeState.AVAILABLE,
    "attached": VolumeState.IN_USE,
    "failed": VolumeState.ERROR,
}
_MIB = 1 << 20
_ID = re.compile(r"(?:snap|disk)-[0-9a-f]{12}")


def is_id(text: str) -> bool:
    """Return whether Acme can have given out an id; what is none never gets into a path."""
    return _ID.fullmatch(text) is not None


def snapshot(row: Row) -> StorageSnapshot:
    """Return the model of a snapshot; a state that is unheard of is ``unknown``."""
    native_state = _text(row, "state")
    state = STATES.get(native_state, SnapshotState.UNKNOWN)
    return StorageSnapshot(
        id=_text(row, "id"),
        state=state,
        native_state=native_state,
        ready=state is SnapshotState.AVAILABLE,
        name=_text(row, "label") or None,
        description=_text(row, "note") or None,
        created=_time(row, "made"),
        volume_id=_text(row, "disk"),
        size_bytes=_number(row, "size_mib") * _MIB,
        metadata={key: _text(row["tags"], key) for key in row["tags"]},
        owner=Owner(_text(row, "account"), is_self=True),  # Acme shows nobody else's
        visibility=Visibility.PRIVATE,
        created_by=_marker(row),
        native=row,
    )


def volume(row: Row) -> StorageVolume:
    """Return the model of a disk."""
    native_state = _text(row, "state")
    return StorageVolume(
        id=_text(row, "id"),
        state=VOLUME_STATES.get(native_state, VolumeState.UNKNOWN),
        native_state=native_state,
        name=_text(row, "label") or None,
        description=_text(row, "note") or None,
        created=_time(row, "made"),
        size_bytes=_number(row, "size_mib") * _MIB,
        snapshot_id=row["origin"],
        owner=Owner(_text(row, "account"), is_self=True),
        created_by=_marker(row),
        native=row,
    )


def page(document: Row, model: Callable[[Row], T]) -> Page[T]:
    """Return a page of a list; a cursor that is missing is an error, and not the end."""
    following = document["next"]
    if following is not None:
        following = _text(document, "next")
    return Page(tuple(map(model, document["items"])), following)


def total(document: Row) -> int:
    """Return how many rows match, on all pages."""
    return _number(document, "total")


def asked(query: Query) -> dict[str, str]:
    """Return the parameters of a list that ask for a query."""
    parameters = {
        "disk": query.value_of("volume_id"),
        "label": query.value_of("name"),
        "reference": query.value_of("created_by"),
    }
    found = {name: value for name, value in parameters.items() if value is not None}
    for condition in query.filters:
        if condition.field == "created" and isinstance(condition.value, datetime):
            found["since"] = condition.value.isoformat()
    if query.sort:
        found["sort"] = "-made" if query.sort[0].descending else "made"
    return found


def texts(name: str | None, description: str | None, marker: Marker | None) -> dict[str, str]:
    """Return the texts of something new."""
    reference = f"{marker.id}:{marker.request}" if marker else ""
    return {"label": name or "", "note": description or "", "reference": reference}


def size(size_bytes: int) -> int:
    """Return the size of a disk; Acme's are whole MiB."""
    return -(-size_bytes // _MIB)


def version(row: Row) -> str:
    """Return what changes with every change of a snapshot."""
    return _text(row, "version")


def changes(request: UpdateSnapshot, version: str | None = None) -> dict[str, Any]:
    """Return what a PATCH says: Acme merges tags, and takes null for "remove".

    With a version Acme changes nothing but a snapshot that has it.
    """
    body: dict[str, Any] = {}
    if request.name is not UNSET:
        body["label"] = request.name or ""
    if request.description is not UNSET:
        body["note"] = request.description or ""
    if request.metadata is not None:
        body["tags"] = {**dict.fromkeys(request.metadata.remove), **request.metadata.set}
        body["replace_tags"] = request.metadata.replace
    if version is not None:
        body["if_version"] = version
    return body


def _marker(row: Row) -> Marker | None:
    """Return the marker of what was made by a request that had one; Acme keeps it as one text."""
    marker_id, _, request = _text(row, "reference").partition(":")
    return Marker(marker_id, request) if marker_id else None


def _text(row: Row, key: str) -> str:
    value = row[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value


def _number(row: Row, key: str) -> int:
    value = row[key]
    if type(value) is not int or value < 0:
        raise TypeError(f"{key} is no number")
    return value


def _time(row: Row, key: str) -> datetime:
    return datetime.fromisoformat(_text(row, key)).astimezone(UTC)
