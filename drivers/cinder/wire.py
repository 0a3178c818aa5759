"""Between Cinder's words and the model's: rows, sizes and texts, without I/O.

Source: the Block Storage API v3 reference (microversions 3.0 to 3.71), and as
observed on Cinder 29.0.0 in November 2026.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from gateway.driver import (
    MARKER_KEY,
    UNSET,
    CreateSnapshot,
    DriverError,
    ErrorCode,
    Limits,
    Marker,
    Owner,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    Visibility,
    VolumeState,
    invalid,
    take_marker,
)

GIB = 1 << 30
Row = Mapping[str, Any]
Microversion = tuple[int, int]

NEWEST: Microversion = (3, 71)
"""The newest microversion that this driver knows."""
OLDEST: Microversion = (3, 0)
METADATA_FILTER: Microversion = (3, 22)
RESOURCE_FILTERS: Microversion = (3, 33)
COUNT: Microversion = (3, 45)
MESSAGES_OF_RESOURCE: Microversion = (3, 5)
REVERT: Microversion = (3, 40)
IN_USE_ALWAYS: Microversion = (3, 66)
"""From here on a volume in use is snapshotted without being asked for by ``force``."""

LIMITS = Limits(
    name=255,
    description=255,
    metadata_pairs=1000,  # Cinder counts none, but takes no body above 114688 bytes
    metadata_key=255,
    metadata_value=255,
    metadata_key_pattern="[a-zA-Z0-9_:. -]+",
)
STATES: Mapping[str, SnapshotState] = {
    "creating": SnapshotState.CREATING,
    "available": SnapshotState.AVAILABLE,
    "updating": SnapshotState.BUSY,
    "backing-up": SnapshotState.BUSY,
    "restoring": SnapshotState.BUSY,
    "unmanaging": SnapshotState.BUSY,
    "deleting": SnapshotState.DELETING,
    "deleted": SnapshotState.DELETING,
    "error": SnapshotState.ERROR,
    "error_deleting": SnapshotState.ERROR,
}
VOLUME_STATES: Mapping[str, VolumeState] = {
    "creating": VolumeState.CREATING,
    "managing": VolumeState.CREATING,
    "available": VolumeState.AVAILABLE,
    "in-use": VolumeState.IN_USE,
    "deleting": VolumeState.DELETING,
    **dict.fromkeys(
        (
            "attaching",
            "awaiting-transfer",
            "backing-up",
            "detaching",
            "downloading",
            "extending",
            "maintenance",
            "reserved",
            "restoring-backup",
            "retyping",
            "reverting",
            "unmanaging",
            "uploading",
        ),
        VolumeState.BUSY,
    ),
    **dict.fromkeys(
        (
            "error",
            "error_backing-up",
            "error_deleting",
            "error_extending",
            "error_managing",
            "error_restoring",
        ),
        VolumeState.ERROR,
    ),
}
NOT_CINDER = "the block storage endpoint answered with something that is no answer of Cinder"
DELETE_FAILED = "delete_failed"
_REASONS = {"error_deleting": DELETE_FAILED}
_PROJECT = "os-extended-snapshot-attributes:project_id"
_VOLUME_PROJECT = "os-vol-tenant-attr:tenant_id"
_PROGRESS = "os-extended-snapshot-attributes:progress"
_BMP = 0xFFFF
_PERCENT = re.compile("([0-9]{1,9})%?")
_TEXT = (str, type(None))
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "id": str,
    "status": str,
    **dict.fromkeys(("name", "description", "created_at", "updated_at", "volume_id"), _TEXT),
    **dict.fromkeys(("group_snapshot_id", "snapshot_id", "availability_zone"), _TEXT),
    **dict.fromkeys((_PROJECT, _PROGRESS, _VOLUME_PROJECT), _TEXT),
    "size": (int, type(None)),
    "metadata": (dict, type(None)),
}
"""What the fields are that the model is made of; a row that is otherwise is none of Cinder's."""


def snapshot(row: Row, project: str | None, *, why: str | None = None) -> StorageSnapshot:
    """Return the model of a snapshot.

    Args:
        row: a snapshot as Cinder shows it, with or without details.
        project: the caller's project, whose snapshot it is unless the row says else.
        why: why it is in its state, where that is known better than from the row.
    """
    native_state, group_id = row["status"], row.get("group_snapshot_id")
    state = STATES.get(native_state, SnapshotState.UNKNOWN)
    metadata, marker = _metadata(row)
    return StorageSnapshot(
        id=row["id"],
        state=state,
        native_state=native_state,
        ready=state is SnapshotState.AVAILABLE,
        name=row.get("name") or None,
        description=row.get("description") or None,
        state_reason=why or _REASONS.get(native_state),
        progress=_percent(row.get(_PROGRESS)),
        created=_utc(row.get("created_at")),
        updated=_utc(row.get("updated_at")),
        volume_id=row.get("volume_id"),
        volume_exists=True,  # Cinder refuses to delete a volume that has snapshots
        size_bytes=_bytes(row.get("size")),
        metadata=metadata,
        owner=_owner(row.get(_PROJECT) or project, project),
        visibility=Visibility.PRIVATE,
        group_id=group_id,
        deletable=group_id is None and native_state != "error_deleting",
        created_by=marker,
        native=row,
    )


def volume(row: Row, project: str | None) -> StorageVolume:
    """Return the model of a volume; ``project`` is the caller's."""
    native_state = row["status"]
    metadata, marker = _metadata(row)
    return StorageVolume(
        id=row["id"],
        state=VOLUME_STATES.get(native_state, VolumeState.UNKNOWN),
        native_state=native_state,
        name=row.get("name") or None,
        description=row.get("description") or None,
        created=_utc(row.get("created_at")),
        size_bytes=_bytes(row.get("size")),
        metadata=metadata,
        zone=row.get("availability_zone"),
        snapshot_id=row.get("snapshot_id"),
        owner=_owner(row.get(_VOLUME_PROJECT) or project, project),
        created_by=marker,
        native=row,
    )


def _metadata(row: Row) -> tuple[Mapping[str, str], Marker | None]:
    """Return what of a row's metadata is the users', and the marker."""
    found = row.get("metadata") or {}
    if MARKER_KEY not in found:
        return found, None
    users = dict(found)
    return users, take_marker(users)


def reason(row: Row, messages: list[str]) -> str | None:
    """Return why a snapshot is in its state, by Cinder's messages on it, the newest first."""
    known = (_REASONS.get(row["status"]), *messages[:1])
    return ": ".join(part for part in known if part) or None


def new_snapshot(
    request: CreateSnapshot, offered: Microversion
) -> tuple[dict[str, Any], Microversion]:
    """Return the body of a create call and the microversion to send it with.

    ``offered`` is the newest that the cloud and the driver share. From 3.66 on a
    volume in use cannot be refused, so ``in_use=refuse`` asks for the version before.
    """
    check_ends(name=request.name, description=request.description)
    check_description(request.description)
    body: dict[str, Any] = {
        "volume_id": request.volume_id,
        "name": request.name,
        "description": request.description,
        "metadata": {**request.metadata, **marked(request.marker)},
    }
    if request.in_use == "refuse":
        return {"snapshot": body}, min(offered, (3, IN_USE_ALWAYS[1] - 1))
    if offered < IN_USE_ALWAYS:
        body["force"] = True
    return {"snapshot": body}, offered


def marked(marker: Marker | None) -> dict[str, str]:
    """Return the metadata that holds a marker."""
    return marker.pairs if marker else {}


def changed_texts(request: UpdateSnapshot) -> dict[str, str | None]:
    """Return the body of an update call, empty when only metadata changes."""
    texts = {"name": request.name, "description": request.description}
    check_ends(**texts)
    check_description(texts["description"])
    return {field: text for field, text in texts.items() if text is not UNSET}


def gib(size_bytes: int) -> int:
    """Return a size in whole GiB, rounded up: Cinder has no others."""
    return -(-size_bytes // GIB)


def check_ends(**texts: object) -> None:
    """Raise ``invalid`` for texts that Cinder's API would shorten without a word.

    It takes away the white space around names and descriptions (recorded for creations:
    "snapshot create, display_name, spaces trimmed, force absent"); changes are held to the same.
    """
    cut = [field for field, text in texts.items() if isinstance(text, str) and text != text.strip()]
    if cut:
        raise invalid(dict.fromkeys(cut, "begins or ends with white space, which Cinder drops"))


def check_description(text: object) -> None:
    """Raise ``invalid`` for a description that Cinder's API refuses.

    It takes the printable characters of the Basic Multilingual Plane: no emoji,
    no line break (cinder.api.validation.parameter_types, and as observed).
    """
    for character in text if isinstance(text, str) else "":
        if not _is_printable(character):
            raise invalid(
                {
                    "description": f"holds the character U+{ord(character):04X}; Cinder takes "
                    "only printable ones up to U+FFFF, so no line breaks and no emoji"
                }
            )


def _is_printable(character: str) -> bool:
    category = unicodedata.category(character)
    return ord(character) < _BMP and (category == "Zs" or category[0] not in "CZ")


def check_rows(rows: object) -> list[Row]:
    """Return the rows of an answer if that is what they are.

    Raises:
        DriverError: ``backend``.
    """
    if not isinstance(rows, list):
        raise not_cinder()
    for row in rows:
        check_row(row)
    return rows


def check_row(row: object) -> Row:
    """Return one row of an answer if that is what it is.

    Raises:
        DriverError: ``backend``.
    """
    if not isinstance(row, dict) or not row.keys() >= {"id", "status"}:
        raise not_cinder()
    for field, value in row.items():
        types = _TYPES.get(field)
        if types is not None and not isinstance(value, types):
            raise not_cinder()
    for value in (row.get("metadata") or {}).values():
        if not isinstance(value, str):
            raise not_cinder()
    return row


def made(row: object) -> Row:
    """Return the row that a change answered with; with another answer it may be made too."""
    try:
        return check_row(row)
    except DriverError as exc:
        raise not_cinder(maybe_done=True) from exc


def not_cinder(*, maybe_done: bool = False) -> DriverError:
    """Return the error for an answer that no Cinder gives."""
    return DriverError(ErrorCode.BACKEND, NOT_CINDER, maybe_done=maybe_done)


def _utc(text: str | None) -> datetime | None:
    """Return a time of Cinder's, which are in UTC and do not say so."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (OverflowError, ValueError) as exc:
        raise not_cinder() from exc


def _bytes(size_gib: int | None) -> int | None:
    return None if size_gib is None else size_gib * GIB


@lru_cache(maxsize=256)
def _percent(text: str | None) -> int | None:
    found = _PERCENT.fullmatch(text or "")
    return min(int(found[1]), 100) if found else None


@lru_cache(maxsize=1024)
def _owner(owner_id: str | None, project: str | None) -> Owner | None:
    return Owner(owner_id, owner_id == project) if owner_id else None
