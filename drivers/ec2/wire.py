"""Between EC2's words and the model's: rows, without I/O.

Source: botocore's model of EC2, API version 2016-11-15, and the EC2 API
reference.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from drivers.ec2 import tags
from gateway.driver import (
    Owner,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    StoredKind,
    VolumeState,
)

GIB = 1 << 30
STATES: Mapping[str, SnapshotState] = {
    "pending": SnapshotState.CREATING,
    "completed": SnapshotState.AVAILABLE,
    "error": SnapshotState.ERROR,
    "recoverable": SnapshotState.RECYCLED,
    "recovering": SnapshotState.BUSY,
}
VOLUME_STATES: Mapping[str, VolumeState] = {
    "creating": VolumeState.CREATING,
    "available": VolumeState.AVAILABLE,
    "in-use": VolumeState.IN_USE,
    "deleting": VolumeState.DELETING,
    "deleted": VolumeState.DELETING,
    "error": VolumeState.ERROR,
}
_NO_VOLUME = re.compile(r"vol-f+")
"""What a copy has for a volume: "an arbitrary volume ID that you should not use"."""


def snapshot(row: Mapping[str, Any], account: str | None) -> StorageSnapshot:
    """Return the model of a Snapshot; ``account`` is the caller's number, if known."""
    native_state = row.get("State", "")
    tier = row.get("StorageTier")
    state = STATES.get(native_state, SnapshotState.UNKNOWN)
    if state is SnapshotState.AVAILABLE and tier == "archive":
        state = SnapshotState.ARCHIVED
    size_gib = row.get("VolumeSize")
    stored = row.get("FullSnapshotSizeInBytes") or None  # 0 for snapshots made before it was told
    name, description, metadata, marker = tags.read(row.get("Tags"), row.get("Description"))
    owner = _owner(row.get("OwnerId"), account)
    return StorageSnapshot(
        id=row["SnapshotId"],
        state=state,
        native_state=native_state,
        ready=state is SnapshotState.AVAILABLE,
        name=name,
        description=description,
        state_reason=row.get("StateMessage") or None,
        progress=_percent(row.get("Progress")),
        created=_utc(row.get("StartTime")),
        completed=_utc(row.get("CompletionTime")),
        volume_id=_source(row.get("VolumeId")),
        size_bytes=None if size_gib is None else size_gib * GIB,
        stored_bytes=stored,
        stored_kind=StoredKind.FULL if stored else None,
        metadata=metadata,
        owner=owner,
        deletable=account is None or owner is None or owner.is_self,
        encrypted=row.get("Encrypted"),
        tier=tier,
        created_by=marker,
        native=row,
    )


def volume(row: Mapping[str, Any]) -> StorageVolume:
    """Return the model of a Volume."""
    native_state = row.get("State", "")
    name, description, metadata, marker = tags.read(row.get("Tags"), None)
    size_gib = row.get("Size")
    return StorageVolume(
        id=row["VolumeId"],
        state=VOLUME_STATES.get(native_state, VolumeState.UNKNOWN),
        native_state=native_state,
        name=name,
        description=description,
        created=_utc(row.get("CreateTime")),
        size_bytes=None if size_gib is None else size_gib * GIB,
        metadata=metadata,
        zone=row.get("AvailabilityZone"),
        snapshot_id=row.get("SnapshotId") or None,
        created_by=marker,
        native=row,
    )


def _source(volume_id: str | None) -> str | None:
    """Return the volume that a snapshot was made of; a copy has none that means anything."""
    return None if not volume_id or _NO_VOLUME.fullmatch(volume_id) else volume_id


def _utc(moment: datetime | None) -> datetime | None:
    """Return a time in UTC; AWS writes no other, but servers that are not AWS may."""
    if moment is None or moment.tzinfo is UTC:
        return moment
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@lru_cache(maxsize=128)
def _percent(text: str | None) -> int | None:
    digits = (text or "").removesuffix("%")
    return min(int(digits), 100) if digits.isdecimal() else None


@lru_cache(maxsize=1024)
def _owner(owner_id: str | None, account: str | None) -> Owner | None:
    return Owner(owner_id, owner_id == account) if owner_id else None


def gib(size_bytes: int) -> int:
    """Return a size in whole GiB, rounded up: EC2 has no others."""
    return -(-size_bytes // GIB)
