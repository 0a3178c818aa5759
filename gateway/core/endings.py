"""How changes end: what a caller is told who waits for it.

A change that a backend has accepted may still fail. What was made can end in ``error``,
and what was to be deleted can stay: Cinder leaves it in ``error_deleting`` or puts it back
to ``available``. Whoever waits gets that as an error that names the resource and the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from gateway.core.snapshots import Account
from gateway.core.waiting import Wait, Waited
from gateway.driver import (
    Capability,
    Deadline,
    DriverError,
    ErrorCode,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    VolumeState,
)

T = TypeVar("T", StorageSnapshot, StorageVolume)
_UNDER_WAY = frozenset({"creating", "busy", "deleting", "unknown"})
"""States that something else will follow; who knows what follows one that we do not know?"""


def snapshot_made(
    account: Account, snapshot: StorageSnapshot, wait: Wait
) -> Waited[StorageSnapshot]:
    """Wait until a snapshot is no longer being made.

    Raises:
        DriverError: ``backend`` if it has ended in ``error``, ``conflict`` if it is gone.
    """

    def look(limit: Deadline) -> StorageSnapshot:
        return account.get_snapshot(snapshot.id, limit=limit)

    return _made("snapshot", snapshot, look, wait)


def volume_made(account: Account, volume: StorageVolume, wait: Wait) -> Waited[StorageVolume]:
    """Wait until a volume is no longer being made; see ``snapshot_made``."""

    def look(limit: Deadline) -> StorageVolume:
        return account.get_volume(volume.id, limit=limit)

    return _made("volume", volume, look, wait)


@dataclass(frozen=True, slots=True)
class Reverted:
    """A snapshot and the volume that is set back to it, as far as that can be seen."""

    snapshot: StorageSnapshot
    volume: StorageVolume | None = None


def reverted(account: Account, snapshot: StorageSnapshot, wait: Wait) -> Waited[Reverted]:
    """Wait until a snapshot's volume has been set back to it.

    When Cinder fails at that, the volume is in error and the snapshot available all the same.

    Raises:
        DriverError: ``backend`` if it has failed.
    """
    can_see = Capability.VOLUME_READ in account.provider.driver.capabilities

    def look(limit: Deadline) -> Reverted:
        found = account.get_snapshot(snapshot.id, limit=limit)
        if found.state in _UNDER_WAY or not (can_see and found.volume_id):
            return Reverted(found)
        return Reverted(found, account.get_volume(found.volume_id, limit=limit))

    def is_over(seen: Reverted) -> bool:
        states = {seen.snapshot.state.value, seen.volume.state.value if seen.volume else ""}
        if "error" in states:
            raise DriverError(
                ErrorCode.BACKEND,
                f"the volume {seen.snapshot.volume_id!r} has not been set back to snapshot "
                f"{snapshot.id!r}: {_told(seen.volume or seen.snapshot)}",
                backend_code=(seen.volume or seen.snapshot).native_state,
            )
        return states.isdisjoint(_UNDER_WAY)

    return wait.until(look, is_over, seen=Reverted(snapshot))


def snapshot_deleted(
    account: Account, snapshot_id: str, wait: Wait, *, is_accepted: bool = True
) -> Waited[StorageSnapshot]:
    """Wait until a snapshot is gone; until then it is ``deleting``, whatever the backend shows.

    Args:
        account: whose it is.
        snapshot_id: which one.
        wait: for how long.
        is_accepted: the backend has said that it will; else nobody knows, and a snapshot
            that is there as before says nothing.

    Raises:
        DriverError: ``conflict`` if the backend has put it back, ``backend`` if it has failed.
    """

    def look(limit: Deadline) -> StorageSnapshot:
        return account.get_snapshot(snapshot_id, limit=limit)

    waited = _deleted("snapshot", account, snapshot_id, look, wait, is_accepted=is_accepted)
    if waited.item is None:
        return waited
    meanwhile = replace(waited.item, state=SnapshotState.DELETING, ready=False, deletable=False)
    return replace(waited, item=meanwhile)


def volume_deleted(
    account: Account, volume_id: str, wait: Wait, *, is_accepted: bool = True
) -> Waited[StorageVolume]:
    """Wait until a volume is gone; see ``snapshot_deleted``."""

    def look(limit: Deadline) -> StorageVolume:
        return account.get_volume(volume_id, limit=limit)

    waited = _deleted("volume", account, volume_id, look, wait, is_accepted=is_accepted)
    if waited.item is None:
        return waited
    return replace(waited, item=replace(waited.item, state=VolumeState.DELETING))


def _made(kind: str, made: T, look: Callable[[Deadline], T], wait: Wait) -> Waited[T]:
    def is_over(seen: T) -> bool:
        if seen.state.value == "error":
            raise DriverError(
                ErrorCode.BACKEND,
                f"the {kind} {seen.id!r} was made and has ended in error: {_told(seen)}; "
                "delete it, and make another",
                backend_code=seen.native_state,
            )
        return seen.state.value not in _UNDER_WAY

    was_seen = False

    def look_on(limit: Deadline) -> T:
        nonlocal was_seen
        found = look(limit)
        was_seen = True
        return found

    if is_over(made):
        return Waited(made, is_over=True)
    waited = wait.until(look_on, is_over, seen=made)
    # EC2 shows late what it has made; what was shown once and is not there in the end is gone.
    if was_seen and waited.error is not None and waited.error.code is ErrorCode.NOT_FOUND:
        raise DriverError(
            ErrorCode.CONFLICT,
            f"the {kind} {made.id!r} was made and is gone again: somebody has deleted it",
        )
    return waited


def _deleted(
    kind: str,
    account: Account,
    item_id: str,
    look: Callable[[Deadline], T],
    wait: Wait,
    *,
    is_accepted: bool,
) -> Waited[T]:
    # EC2 may show for a while what is gone already, CloudSigma what it has begun to delete:
    # there, that it is still to be seen says nothing.
    # And so it does where the request may not have arrived yet.
    was_begun = is_accepted and Capability.SHOWS_DELETING in account.provider.driver.capabilities

    def is_over(seen: T) -> bool:
        nonlocal was_begun
        if seen.state in {SnapshotState.DELETING, VolumeState.DELETING}:
            was_begun = True
        elif was_begun and seen.state.value not in _UNDER_WAY:
            raise _stayed(kind, seen, account.last_failure(item_id))
        return False

    return wait.until(look, is_over, ends_when_gone=True)


def _stayed(kind: str, seen: StorageSnapshot | StorageVolume, why: str | None) -> DriverError:
    """Return the error for what the backend has accepted to delete, and has not."""
    if seen.state.value == "error":
        return DriverError(
            ErrorCode.BACKEND,
            f"the {kind} {seen.id!r} could not be deleted: {_told(seen, why)}",
            backend_code=seen.native_state,
        )
    return DriverError(
        ErrorCode.CONFLICT,
        f"the {kind} {seen.id!r} was not deleted and is {seen.state} again: "
        f"{why or 'something uses it'}",
        backend_code=seen.native_state,
    )


def _told(seen: StorageSnapshot | StorageVolume, why: str | None = None) -> str:
    """Return what is known of why something is in error."""
    return seen.state_reason or why or f"the backend calls it {seen.native_state!r}, and no reason"
