"""What views call: one account at one provider, with everything portable decided."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway.core.actions import may_delete
from gateway.core.checks import check_count, check_id, check_own_keys, check_texts, require
from gateway.core.creations import Condition
from gateway.core.making import Maker
from gateway.driver import (
    Capability,
    Driver,
    DriverError,
    ErrorCode,
    MetadataChange,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
)


class Account(Maker):
    """One account at one provider: what it has, what it makes, and all changes.

    Every method raises DriverError and nothing else, checks the capability and
    the request first, and calls the driver within a deadline.
    """

    __slots__ = ()

    def update_snapshot(self, snapshot_id: str, request: UpdateSnapshot) -> StorageSnapshot:
        """Change name, description and metadata, all or nothing."""
        require(self._driver, Capability.SNAPSHOT_UPDATE)
        check_id("snapshot", snapshot_id)
        change, limits = request.metadata, self._driver.limits
        check_texts(
            replace(limits, metadata_pairs=limits.metadata_pairs + limits.marker_pairs),
            name=request.name,
            description=request.description,
            metadata=change.set if change else None,
        )
        if change:
            check_own_keys(change.remove)
        with self._boundary.turn(snapshot_id):
            self._check_before(snapshot_id, request)
            return self._change(Driver.update_snapshot, snapshot_id, request)

    def _check_before(self, snapshot_id: str, request: UpdateSnapshot) -> None:
        """Refuse a change by what the snapshot is now, if that has a say."""
        change, limits = request.metadata, self._driver.limits
        is_sure = change is None or (change.replace and len(change.set) <= limits.metadata_pairs)
        counts = change is not None and bool(change.set) and not is_sure
        if not counts and request.only_if is None:
            return
        before = self.get_snapshot(snapshot_id)
        request.check(before)
        if counts and change is not None:
            merged = change.applied_to(before.metadata)
            check_count(limits, merged, is_marked=before.created_by is not None)

    def delete_metadata_key(
        self, snapshot_id: str, key: str, *, only_if: Condition | None = None
    ) -> None:
        """Remove one metadata key, which must be there."""
        require(self._driver, Capability.SNAPSHOT_UPDATE)
        self.get_metadata_value(snapshot_id, key)
        change = MetadataChange(remove=frozenset({key}))
        self.update_snapshot(snapshot_id, UpdateSnapshot(metadata=change, only_if=only_if))

    def delete_snapshot(
        self, snapshot_id: str, *, missing_ok: bool = False, only_if: Condition | None = None
    ) -> bool:
        """Begin to delete a snapshot; False if there is none, which ``missing_ok`` allows."""
        require(self._driver, Capability.SNAPSHOT_DELETE)
        with _absent_if(missing_ok):
            check_id("snapshot", snapshot_id)
            with self._only_if(snapshot_id, only_if):
                self._change(Driver.delete_snapshot, snapshot_id)
            return True
        return False

    def check_delete_snapshot(self, snapshot_id: str, *, missing_ok: bool = False) -> None:
        """Raise what ``delete_snapshot`` would, as far as that shows without a change."""
        require(self._driver, Capability.SNAPSHOT_DELETE)
        with _absent_if(missing_ok):
            self._check_deletable(snapshot_id)

    def check_condition(
        self, snapshot_id: str, condition: Condition, *, missing_ok: bool = False
    ) -> None:
        """Raise what a condition does, or ``not_found`` unless ``missing_ok``."""
        with _absent_if(missing_ok):
            condition(self.get_snapshot(snapshot_id))

    def _check_deletable(self, snapshot_id: str) -> None:
        snapshot = self.get_snapshot(snapshot_id)
        if not may_delete(snapshot, self._driver.capabilities):
            raise DriverError(
                ErrorCode.CONFLICT,
                f"snapshot {snapshot_id!r} is {snapshot.state} and cannot be deleted now",
            )

    def revert_snapshot(
        self, snapshot_id: str, *, only_if: Condition | None = None
    ) -> StorageSnapshot:
        """Start to set the snapshot's volume back to it."""
        require(self._driver, Capability.SNAPSHOT_REVERT)
        check_id("snapshot", snapshot_id)
        with self._only_if(snapshot_id, only_if):
            return self._change(Driver.revert_snapshot, snapshot_id)

    def delete_volume(
        self,
        volume_id: str,
        *,
        missing_ok: bool = False,
        only_if: Callable[[StorageVolume], None] | None = None,
    ) -> bool:
        """Begin to delete a volume; False if there is none, which ``missing_ok`` allows."""
        require(self._driver, Capability.VOLUME_DELETE)
        with _absent_if(missing_ok):
            check_id("volume", volume_id)
            if only_if is not None:
                only_if(self.get_volume(volume_id))
            self._change(Driver.delete_volume, volume_id)
            return True
        return False


@contextlib.contextmanager
def _absent_if(missing_ok: bool) -> Iterator[None]:
    """Take it for done that what shall be deleted does not exist, if that is all the same.

    An id that no backend can have given out names nothing either.
    """
    try:
        yield
    except DriverError as error:
        if not missing_ok or error.code is not ErrorCode.NOT_FOUND:
            raise
