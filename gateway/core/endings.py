"""How changes end: what a caller is told who waits for it.

A change that a backend has accepted may still fail. What was made can end in ``error``,
and what was to be deleted can stay: Cinder leaves it in ``error_deleting`` or puts it back
to ``available``. Whoever waits gets that as an error that names the resource and the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from gateway.core.snapshots import Account
from gateway.core.waiting import Wait, Waited, Watch
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


class Ending(Generic[T]):
    """How one change ends: a watch, and what is told of what it has seen."""

    def __init__(self, watch: Watch[T], tell: Callable[[Watch[T]], Waited[T]]) -> None:
        self.watch: Watch[T] = watch
        self._tell: Callable[[Watch[T]], Waited[T]] = tell

    def after(self, wait: Wait) -> Waited[T]:
        """Return what is known at the end of a wait."""
        wait.watch([self.watch])
        return self.told()

    def told(self) -> Waited[T]:
        """Return what is known.

        Raises:
            DriverError: the change has failed.
        """
        return self._tell(self.watch)


def snapshot_made(account: Account, snapshot: StorageSnapshot) -> Ending[StorageSnapshot]:
    """Return how it ends to make a snapshot.

    It tells ``backend`` if that has ended in ``error``, ``conflict`` if it is gone.
    """

    def look(limit: Deadline) -> StorageSnapshot:
        return account.get_snapshot(snapshot.id, limit=limit)

    return _made("snapshot", account, snapshot, look)


def volume_made(account: Account, volume: StorageVolume) -> Ending[StorageVolume]:
    """Return how it ends to make a volume; see ``snapshot_made``."""

    def look(limit: Deadline) -> StorageVolume:
        return account.get_volume(volume.id, limit=limit)

    return _made("volume", account, volume, look)


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

    def is_end(seen: Reverted) -> bool:
        states = {seen.snapshot.state.value, seen.volume.state.value if seen.volume else ""}
        if "error" in states:
            raise _explained(
                account,
                seen.volume or seen.snapshot,
                f"the volume {seen.snapshot.volume_id!r} has not been set back to snapshot "
                f"{snapshot.id!r}",
            )
        return states.isdisjoint(_UNDER_WAY)

    return wait.until(look, is_end, seen=Reverted(snapshot))


def snapshot_deleted(
    account: Account, snapshot_id: str, lost: DriverError | None = None
) -> Ending[StorageSnapshot]:
    """Return how the deletion of a snapshot ends; it is ``deleting``, whatever the backend shows.

    It tells ``conflict`` if the backend has put it back, ``backend`` if it has failed.

    Args:
        account: whose it is.
        snapshot_id: which one.
        lost: why nobody knows whether the backend has accepted it. Then a snapshot that is
            there as before says nothing, and unless it is gone in the end, this is told.
    """

    def look(limit: Deadline) -> StorageSnapshot:
        return account.get_snapshot(snapshot_id, limit=limit)

    def shown(seen: StorageSnapshot) -> StorageSnapshot:
        return replace(seen, state=SnapshotState.DELETING, ready=False, deletable=False)

    return _deleted("snapshot", account, look, shown=shown, lost=lost)


def volume_deleted(
    account: Account, volume_id: str, lost: DriverError | None = None
) -> Ending[StorageVolume]:
    """Return how the deletion of a volume ends; see ``snapshot_deleted``."""

    def look(limit: Deadline) -> StorageVolume:
        return account.get_volume(volume_id, limit=limit)

    def shown(seen: StorageVolume) -> StorageVolume:
        return replace(seen, state=VolumeState.DELETING)

    return _deleted("volume", account, look, shown=shown, lost=lost)


def _made(kind: str, account: Account, made: T, look: Callable[[Deadline], T]) -> Ending[T]:
    was_seen = False

    def look_on(limit: Deadline) -> T:
        nonlocal was_seen
        found = look(limit)
        was_seen = True
        return found

    def is_end(seen: T) -> bool:
        if seen.state.value == "error":
            what = f"the {kind} {seen.id!r} was made, and must be deleted: it has ended in error"
            raise _explained(account, seen, what)
        return seen.state.value not in _UNDER_WAY

    def tell(watch: Watch[T]) -> Waited[T]:
        found = watch.result()
        # EC2 shows late what it has made; what was shown once and is not there in the end is gone.
        if was_seen and found.error is not None and found.error.code is ErrorCode.NOT_FOUND:
            raise DriverError(
                ErrorCode.CONFLICT,
                f"the {kind} {made.id!r} was made and is gone again: somebody has deleted it",
            )
        return found

    watch = Watch(look_on, is_end)
    watch.judge(made)
    return Ending(watch, tell)


def _deleted(
    kind: str,
    account: Account,
    look: Callable[[Deadline], T],
    *,
    shown: Callable[[T], T],
    lost: DriverError | None,
) -> Ending[T]:
    # EC2 may show for a while what is gone already, CloudSigma what it has begun to delete:
    # there, that it is still to be seen says nothing.
    # And so it does where the request may not have arrived yet.
    is_shown = Capability.SHOWS_DELETING in account.provider.driver.capabilities
    was_begun = lost is None and is_shown

    def is_end(seen: T) -> bool:
        nonlocal was_begun
        if seen.state in {SnapshotState.DELETING, VolumeState.DELETING}:
            was_begun = True
        elif was_begun and seen.state.value not in _UNDER_WAY:
            raise _stayed(kind, seen, account)
        return False

    def tell(watch: Watch[T]) -> Waited[T]:
        found = watch.result()
        if lost is not None and not found.is_gone:
            raise lost
        return found if found.item is None else replace(found, item=shown(found.item))

    return Ending(Watch(look, is_end, ends_when_gone=True), tell)


def _stayed(kind: str, seen: StorageSnapshot | StorageVolume, account: Account) -> DriverError:
    """Return the error for what the backend has accepted to delete, and has not."""
    if seen.state.value == "error":
        return _explained(account, seen, f"the {kind} {seen.id!r} could not be deleted")
    text = f"the {kind} {seen.id!r} was not deleted and is {seen.state} again"
    return _explained(account, seen, text, ErrorCode.CONFLICT, "something uses it")


def _explained(
    account: Account,
    seen: StorageSnapshot | StorageVolume,
    text: str,
    code: ErrorCode = ErrorCode.BACKEND,
    unknown: str | None = None,
) -> DriverError:
    """Return an error with the reason in its text, as far as the backend tells it.

    A failure to find out why must not take its place. It is its cause, where a bug is found.

    Args:
        account: asks the backend.
        seen: what is not as it should be.
        text: what is told before the reason.
        code: what kind of failure it is.
        unknown: the reason where nobody tells one.
    """
    why, cause = seen.state_reason, None
    if why is None:
        try:
            why = account.last_failure(seen.id)
        except DriverError as unexplained:
            cause = unexplained
    unknown = unknown or f"the backend calls it {seen.native_state!r}, and no reason"
    error = DriverError(code, f"{text}: {why or unknown}", backend_code=seen.native_state)
    error.__cause__ = cause
    return error
