"""Between CloudSigma's words and the model's: rows, times and meta, without I/O.

Source: the CloudSigma API 2.0 documentation of January 2026 and the samples that
it was published with. What it does not say is told where it matters.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from gateway.driver import (
    UNSET,
    DriverError,
    ErrorCode,
    Limits,
    Owner,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    StoredKind,
    UpdateSnapshot,
    Visibility,
    VolumeState,
    invalid,
)

Row = Mapping[str, Any]
DESCRIPTION = "description"
"""The key of ``meta`` that holds what CloudSigma has no field for."""
LIMITS = Limits(
    name=255, description=1024, metadata_pairs=100, metadata_key=32, metadata_value=1024
)
"""Only the 32 characters of a key are documented; the rest is ours, so that bodies stay small."""
NOT_CLOUDSIGMA = "the endpoint answered with something that is no answer of CloudSigma"


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
_PAUSE = timedelta(minutes=30)
"""Between two remote snapshots of a drive (documentation, January 2026)."""
UNFINISHED = frozenset({"creating", "transferring"})
"""In these states a remote snapshot can be neither edited nor deleted nor cloned."""
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


def snapshot(row: Row) -> StorageSnapshot:
    """Return the model of a snapshot, local or remote; a remote one has a location."""
    native_state = row["status"]
    state = STATES.get(native_state, SnapshotState.UNKNOWN)
    location = row.get("location")
    stored = _number(row.get("allocated_size"))
    description, metadata = read_meta(row)
    drive_meta = row.get("drive_meta")
    return StorageSnapshot(
        id=row["uuid"],
        state=state,
        native_state=native_state,
        ready=state is SnapshotState.AVAILABLE,
        name=row.get("name") or None,
        description=description,
        created=utc(row.get("timestamp")),
        updated=utc(row.get("last_state_change")),
        volume_id=_uuid(row.get("drive")),
        volume_exists=None if location else True,  # a local one goes with its drive
        size_bytes=_number(drive_meta.get("size")) if isinstance(drive_meta, dict) else None,
        stored_bytes=stored,
        stored_kind=None if stored is None else StoredKind.DELTA,
        metadata=metadata,
        labels=_labels(row) if row.get("tags") else (),
        owner=_owner(row),
        visibility=_visibility(row),
        location=location,
        deletable=not (location and native_state in UNFINISHED),
    )


def volume(row: Row, *, progress: int | None = None) -> StorageVolume:
    """Return the model of a drive; ``progress`` is that of the job that makes it."""
    native_state = row["status"]
    description, metadata = read_meta(row)
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
    )


def read_meta(row: Row) -> tuple[str | None, dict[str, str]]:
    """Return the description and the metadata that ``meta`` holds."""
    meta = row.get("meta")
    if not meta:
        return None, {}
    metadata = {k: v if isinstance(v, str) else _spelled(v) for k, v in meta.items()}
    return metadata.pop(DESCRIPTION, None) or None, metadata


def new_meta(description: str | None, metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the ``meta`` of something new.

    Raises:
        DriverError: ``invalid`` for the key that holds the description.
    """
    check_keys(metadata)
    return {**metadata, **({DESCRIPTION: description} if description else {})}


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
    _, metadata = read_meta(row)
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
    after["meta"] = meta
    return after


def check_pause(snapshots: Iterable[StorageSnapshot], now: datetime) -> None:
    """Refuse a remote snapshot that comes too soon after the others of its drive.

    Raises:
        DriverError: ``conflict``, with the seconds until it can work if they are known.
    """
    made = []
    for snapshot in snapshots:
        if snapshot.native_state in UNFINISHED:
            raise DriverError(
                ErrorCode.CONFLICT,
                f"remote snapshot {snapshot.id!r} of the drive is {snapshot.native_state}; "
                "the next one can be made once it is available, and 30 minutes after it",
            )
        made += [snapshot.created] if snapshot.created else []
    possible = max(made) + _PAUSE if made else now
    if possible > now:
        raise DriverError(
            ErrorCode.CONFLICT,
            "a drive can have a remote snapshot every 30 minutes; the next one can be made "
            f"at {possible:%H:%M:%S} UTC",
            retry_after_s=(possible - now).total_seconds(),
        )


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
    if not isinstance(row, dict) or not all(
        isinstance(row.get(k), str) for k in ("uuid", "status")
    ):
        raise not_cloudsigma()
    for field, types in _TYPES.items():
        if not isinstance(row.get(field), types):
            raise not_cloudsigma()
    return row


_NONE = type(None)
_MOST_BYTES = 1 << 63
_TYPES: Mapping[str, tuple[type, ...]] = {
    "name": (str, _NONE),
    "location": (str, _NONE),
    "meta": (dict, _NONE),
    "tags": (list, _NONE),
    "grantees": (list, _NONE),
}
"""What the fields are that the model is made of, where another type would mislead."""


def not_cloudsigma(*, maybe_done: bool = False) -> DriverError:
    """Return the error for an answer that no CloudSigma gives."""
    return DriverError(ErrorCode.BACKEND, NOT_CLOUDSIGMA, maybe_done=maybe_done)


def _spelled(value: object) -> str:
    """Return what is no text as JSON spells it; null is no text at all."""
    return "" if value is None else json.dumps(value)


def _number(value: object) -> int | None:
    """Return a number of bytes; some answers have them as floats."""
    if not isinstance(value, int | float):
        return None
    if not 0 <= value < _MOST_BYTES:  # nor infinite
        raise not_cloudsigma()
    return int(value)


def _uuid(reference: object) -> str | None:
    """Return the id of a reference, which is an object or a bare id."""
    if isinstance(reference, dict):
        reference = reference.get("uuid")
    return reference if isinstance(reference, str) else None


def _labels(row: Row) -> tuple[str, ...]:
    """Return the ids of the tags: a snapshot does not tell their names."""
    return tuple(found for tag in row.get("tags") or () if (found := _uuid(tag)))


def _owner(row: Row) -> Owner | None:
    """Return the owner; who has no list of permissions is the owner himself."""
    owner = _uuid(row.get("owner"))
    return None if owner is None else _cached_owner(owner, not row.get("permissions"))


@lru_cache(maxsize=256)
def _cached_owner(owner: str, is_self: bool) -> Owner:
    return Owner(owner, is_self)


def _visibility(row: Row) -> Visibility:
    if row.get("permissions"):  # somebody else's, who shares it with the caller
        return Visibility.SHARED
    grantees = row.get("grantees")
    if grantees is None:
        return Visibility.UNKNOWN
    return Visibility.SHARED if grantees else Visibility.PRIVATE
