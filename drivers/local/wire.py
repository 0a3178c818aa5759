"""Pure translation: table rows and file facts -> model, exceptions -> codes."""

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from drivers.local.accounts import BadCredentials
from drivers.local.facts import Disk
from drivers.local.images import BLOCK, NotAnImage
from gateway.driver import (
    DriverError,
    ErrorCode,
    Marker,
    Owner,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    StoredKind,
    Visibility,
    VolumeState,
    invalid,
)

_NO_METADATA: dict[str, str] = {}
_STATES = {str(state): state for state in SnapshotState}
_VOLUME_STATES = {str(state): state for state in VolumeState}


class NoSuchDisk(Exception):
    """There is no snapshot or volume of this id; the argument says which."""


class WrongState(Exception):
    """The disk exists and is not in a state for this; the argument says why."""


class MarkerTaken(Exception):
    """The account has a disk of this kind that carries the marker."""


class BadRequest(Exception):
    """A field can never work: the arguments are its name and what is wrong with it."""


def snapshot(
    row: Disk,
    facts: os.stat_result | None,
    *,
    volume_exists: bool,
    account: str,
    visibility: Visibility,
) -> StorageSnapshot:
    """Return a snapshot's row and the facts of its file as a StorageSnapshot."""
    state, why = row.state, row.state_reason
    if state == "available" and facts is None:
        state, why = "error", "the image file is missing from the snapshots folder"
    return StorageSnapshot(
        id=row.id,
        state=_STATES.get(state, SnapshotState.UNKNOWN),  # a later version may know more
        native_state=state,
        ready=state == "available",
        name=row.name,
        description=row.description,
        state_reason=why,
        progress=row.progress,
        created=_time(row.created_ms),
        completed=_time(row.completed_ms),
        updated=_time(row.updated_ms),
        volume_id=row.source_id,
        volume_exists=volume_exists,
        size_bytes=row.size_bytes,
        stored_bytes=None if facts is None else facts.st_blocks * BLOCK,
        stored_kind=None if facts is None else StoredKind.FULL,
        metadata=_NO_METADATA if row.metadata_json == "{}" else orjson.loads(row.metadata_json),
        owner=_owner(row, account),
        visibility=visibility,
        created_by=_marker(row),
        native=row._asdict(),
    )


def volume(
    image_id: str, row: Disk | None, facts: os.stat_result | None, *, account: str
) -> StorageVolume:
    """Return a volume; one that was put into the folder by hand has a file and no row."""
    stored = None if facts is None else facts.st_blocks * BLOCK
    if row is None:
        return StorageVolume(
            id=image_id,
            state=VolumeState.AVAILABLE,
            native_state="available",
            size_bytes=None if facts is None else facts.st_size,
            stored_bytes=stored,
        )
    return StorageVolume(
        id=image_id,
        state=_VOLUME_STATES.get(row.state, VolumeState.UNKNOWN),
        native_state=row.state,
        name=row.name,
        description=row.description,
        state_reason=row.state_reason,
        progress=row.progress,
        created=_time(row.created_ms),
        size_bytes=row.size_bytes if facts is None else facts.st_size,
        stored_bytes=stored,
        snapshot_id=row.source_id,
        owner=_owner(row, account),
        created_by=_marker(row),
        native=row._asdict(),
    )


def classify(exc: Exception) -> DriverError | None:
    """Return what an exception of this driver means; None for a bug."""
    for kind, translate in _TRANSLATIONS:
        if isinstance(exc, kind):
            return translate(exc)
    return None


_OS_ERRORS = {
    errno.ENOSPC: (ErrorCode.QUOTA, "no space left on the device that holds the images"),
    errno.EDQUOT: (ErrorCode.QUOTA, "the disk quota for the images is used up"),
    errno.EFBIG: (ErrorCode.INVALID, "the image would be larger than the file system allows"),
    errno.EACCES: (ErrorCode.DENIED, "the gateway may not read or write this image file"),
    errno.EPERM: (ErrorCode.DENIED, "the gateway may not read or write this image file"),
    errno.EROFS: (ErrorCode.DENIED, "the images are on a read-only file system"),
    errno.ENOENT: (ErrorCode.NOT_FOUND, "the image file is gone"),
    errno.EMFILE: (ErrorCode.UNAVAILABLE, "too many files are open"),
    errno.ENFILE: (ErrorCode.UNAVAILABLE, "too many files are open"),
}


def _classify_os_error(exc: OSError) -> DriverError:
    code, message = _OS_ERRORS.get(
        exc.errno or 0, (ErrorCode.BACKEND, "the image file could not be read or written")
    )
    word = errno.errorcode.get(exc.errno or 0)
    return DriverError(code, message, backend_code=word)


def _classify_database_error(exc: sa.exc.SQLAlchemyError) -> DriverError:
    word = database_word(exc)
    if word == "SQLITE_FULL":
        return DriverError(ErrorCode.QUOTA, "no space left for the database", backend_code=word)
    if isinstance(exc, sa.exc.OperationalError | sa.exc.TimeoutError):
        return DriverError(
            ErrorCode.UNAVAILABLE, "the database cannot be reached or is busy", backend_code=word
        )
    return DriverError(ErrorCode.BACKEND, "the database failed", backend_code=word)


_TRANSLATIONS: tuple[tuple[type[Exception], Callable[[Any], DriverError]], ...] = (
    (OSError, _classify_os_error),
    (sa.exc.SQLAlchemyError, _classify_database_error),
    (BadRequest, lambda exc: invalid(dict([exc.args]))),
    (
        MarkerTaken,
        lambda _: DriverError(ErrorCode.KEY_REUSED, "the account has one with this marker already"),
    ),
    (NoSuchDisk, lambda exc: DriverError(ErrorCode.NOT_FOUND, str(exc))),
    (WrongState, lambda exc: DriverError(ErrorCode.CONFLICT, str(exc))),
    (
        NotAnImage,
        lambda exc: DriverError(ErrorCode.NOT_FOUND, f"no volume {exc!s}: no regular image file"),
    ),
    (
        BadCredentials,
        lambda _: DriverError(ErrorCode.UNAUTHENTICATED, "wrong account name or password"),
    ),
)


def database_word(exc: Exception) -> str | None:
    """Return the database's own code for a failure."""
    original = getattr(exc, "orig", None)
    return getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)


def _owner(row: Disk, account: str) -> Owner | None:
    return None if row.owner is None else Owner(row.owner, is_self=row.owner == account)


def _marker(row: Disk) -> Marker | None:
    return None if row.marker is None else Marker(row.marker, row.marked_request or "")


def marker_columns(marker: Marker | None) -> dict[str, str]:
    """Return the columns of a new row that hold its marker."""
    return {} if marker is None else {"marker": marker.id, "marked_request": marker.request}


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
