"""Between CloudSigma's words and the model's: rows, times and meta, without I/O.

Source: the CloudSigma API 2.0 documentation of January 2026 and the samples that
it was published with. What it does not say is told where it matters.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from drivers.cloudsigma.errors import not_cloudsigma
from gateway.driver import (
    UNSET,
    Limits,
    Marker,
    Owner,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    StoredKind,
    UpdateSnapshot,
    Visibility,
    VolumeState,
    invalid,
    marker_pairs,
    take_marker,
)

Row = Mapping[str, Any]
DESCRIPTION = "description"
"""The key of ``meta`` that holds what CloudSigma has no field for."""
LIMITS = Limits(
    name=255, description=1024, metadata_pairs=100, metadata_key=32, metadata_value=1024
)
"""Only the 32 characters of a key are documented; the rest is ours, so that bodies stay small."""
SOMEWHERE = "unknown"
"""The location of a remote snapshot that does not tell it; no code, these are in upper case."""


class Kind(NamedTuple):
    """A kind of resource: its collection, and its word for people."""

    collection: str
    word: str


LOCAL = Kind("snapshots", "snapshot")
REMOTE = Kind("remotesnapshots", "snapshot")
DRIVES = Kind("drives", "volume")

STATES: Mapping[str, SnapshotState] = {
    "creating": SnapshotState.CREATING,
    "transferring": SnapshotState.CREATING,
    "cloning_dst": SnapshotState.CREATING,
    "available": SnapshotState.AVAILABLE,
    "unavailable": SnapshotState.ERROR,
}
UNFINISHED = frozenset({"creating", "transferring"})
"""In these states a remote snapshot can be neither edited nor deleted nor cloned."""
_UNKNOWN, _AVAILABLE = SnapshotState.UNKNOWN, SnapshotState.AVAILABLE
_DELTA = StoredKind.DELTA
_PRIVATE, _SHARED, _UNTOLD = Visibility.PRIVATE, Visibility.SHARED, Visibility.UNKNOWN
VOLUME_STATES: Mapping[str, VolumeState] = {
    "creating": VolumeState.CREATING,
    "cloning_dst": VolumeState.CREATING,
    "unmounted": VolumeState.AVAILABLE,
    "mounted": VolumeState.IN_USE,
    **dict.fromkeys(
        ("cloning_src", "copying", "resizing", "staging", "unavailable", "uploading"),
        VolumeState.BUSY,
    ),
}


def snapshot(row: Row, kind: Kind = LOCAL) -> StorageSnapshot:
    """Return the model of a snapshot; the collection that it is in tells if it is remote."""
    native_state = row["status"]
    state = STATES.get(native_state, _UNKNOWN)
    is_remote = kind is REMOTE
    stored = _number(row.get("allocated_size"))
    description, metadata, marker = read_meta(row)
    drive_meta = row.get("drive_meta")
    return StorageSnapshot(
        id=row["uuid"],
        state=state,
        native_state=native_state,
        ready=state is _AVAILABLE,
        name=row.get("name") or None,
        description=description,
        created=utc(row.get("timestamp")),
        updated=utc(row["last_state_change"]) if "last_state_change" in row else None,
        volume_id=reference(row.get("drive")),
        volume_exists=None if is_remote else True,  # a local one goes with its drive
        size_bytes=_number(drive_meta.get("size")) if isinstance(drive_meta, dict) else None,
        stored_bytes=stored,
        stored_kind=None if stored is None else _DELTA,
        metadata=metadata,
        labels=_labels(row["tags"]) if row.get("tags") else (),
        owner=_owner(row),
        visibility=_visibility(row),
        location=(row.get("location") or SOMEWHERE) if is_remote else None,
        deletable=not (is_remote and native_state in UNFINISHED),
        created_by=marker,
        native=row,
    )


def volume(row: Row, _: Kind = DRIVES, *, progress: int | None = None) -> StorageVolume:
    """Return the model of a drive; ``progress`` is that of the job that makes it."""
    native_state = row["status"]
    description, metadata, marker = read_meta(row)
    return StorageVolume(
        id=row["uuid"],
        state=VOLUME_STATES.get(native_state, VolumeState.UNKNOWN),
        native_state=native_state,
        name=row.get("name") or None,
        description=description,
        progress=progress,
        size_bytes=_number(row.get("size")),
        metadata=metadata,
        owner=_owner(row),
        created_by=marker,
        native=row,
    )


def read_meta(row: Row) -> tuple[str | None, dict[str, str], Marker | None]:
    """Return the description, the metadata and the marker that ``meta`` holds."""
    meta = row.get("meta")
    if not meta:
        return None, {}, None
    metadata = dict(meta)
    for key, value in meta.items():
        if value.__class__ is not str:
            metadata[key] = _spelled(value)
    marker = take_marker(metadata)
    return metadata.pop(DESCRIPTION, None) or None, metadata, marker


def new_meta(
    description: str | None, metadata: Mapping[str, str], marker: Marker | None = None
) -> dict[str, str]:
    """Return the ``meta`` of something new.

    Raises:
        DriverError: ``invalid`` for the key that holds the description.
    """
    check_keys(metadata)
    described = {DESCRIPTION: description} if description else {}
    return {**metadata, **described, **(marker.pairs if marker else {})}


def check_keys(metadata: Mapping[str, str]) -> None:
    """Raise ``invalid`` for a key that would be taken for the description."""
    if DESCRIPTION in metadata:
        raise invalid({f"metadata[{DESCRIPTION}]": "this key holds the description; set that"})


def changed(row: Row, request: UpdateSnapshot) -> dict[str, Any]:
    """Return the whole definition after a change: a PUT replaces all that can be changed.

    What is in ``meta`` and is no string stays as it is unless it is named.
    """
    after = dict(row)
    if request.name is not UNSET:
        after["name"] = request.name or ""
    meta = dict(row.get("meta") or {})
    kept = marker_pairs(meta)
    _, metadata, _ = read_meta(row)
    if request.metadata is not None:
        check_keys(request.metadata.set)
        wanted = request.metadata.applied_to(metadata)
        meta = {k: meta[k] if metadata.get(k) == v else v for k, v in wanted.items()}
    former = (row.get("meta") or {}).get(DESCRIPTION, UNSET)
    meta.pop(DESCRIPTION, None)
    if request.description is UNSET:
        if former is not UNSET:
            meta[DESCRIPTION] = former
    elif request.description:
        meta[DESCRIPTION] = request.description
    after["meta"] = {**meta, **kept}
    return after


def utc(text: object) -> datetime | None:
    """Return a time of CloudSigma's, with a space or a T, with or without an offset."""
    if not isinstance(text, str) or not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is UTC:  # what CloudSigma writes
            return moment
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (OverflowError, ValueError) as exc:
        raise not_cloudsigma() from exc


def check_row(row: object) -> Row:
    """Return an object of an answer if that is what it is.

    Raises:
        DriverError: ``backend``.
    """
    uuid = row.get("uuid") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(uuid, str) or match_id(uuid) is None:
        raise not_cloudsigma()
    check_fields(row)
    return row


def check_fields(row: Row) -> None:
    """Raise ``backend`` unless an object that has an id is whole."""
    told = row.get
    if not isinstance(told("status"), str):
        raise not_cloudsigma()
    for field, kind in _TYPES:
        value = told(field)
        if value is not None and not isinstance(value, kind):
            raise not_cloudsigma()


match_id = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
"""What ``is_uuid`` tells, in a tenth of its time: every row of a list comes by."""
_NUMBERS = (int, float)
_MOST_BYTES = 1 << 63
_TYPES = (("name", str), ("location", str), ("meta", dict), ("tags", list), ("grantees", list))
"""What the fields are that the model is made of, where another type would mislead."""


def _spelled(value: object) -> str:
    """Return what is no text as JSON spells it; null is no text at all."""
    try:
        return "" if value is None else json.dumps(value)
    except RecursionError as exc:
        raise not_cloudsigma() from exc


def _number(value: object) -> int | None:
    """Return a number of bytes; some answers have them as floats."""
    if not isinstance(value, _NUMBERS):
        return None
    if not 0 <= value < _MOST_BYTES:  # nor infinite
        raise not_cloudsigma()
    return int(value)


def reference(value: object) -> str | None:
    """Return the id of a reference, which is an object or a bare id."""
    if isinstance(value, dict):
        value = value.get("uuid")
    return value if isinstance(value, str) else None


def _labels(tags: Iterable[object]) -> tuple[str, ...]:
    """Return the ids of the tags: a snapshot does not tell their names."""
    return tuple(found for tag in tags if (found := reference(tag)))


def _owner(row: Row) -> Owner | None:
    """Return the owner; who has no list of permissions is the owner himself."""
    owner = reference(row.get("owner"))
    return None if owner is None else _cached_owner(owner, not row.get("permissions"))


@lru_cache(maxsize=256)
def _cached_owner(owner: str, is_self: bool) -> Owner:
    return Owner(owner, is_self)


def _visibility(row: Row) -> Visibility:
    if row.get("permissions"):  # somebody else's, who shares it with the caller
        return _SHARED
    grantees = row.get("grantees")
    if grantees is None:
        return _UNTOLD
    return _SHARED if grantees else _PRIVATE
