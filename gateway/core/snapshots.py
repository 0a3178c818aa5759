"""What views call: one account at one provider, with everything portable decided."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from gateway.core.actions import may_delete
from gateway.core.boundary import Boundary
from gateway.core.checks import (
    check_count,
    check_id,
    check_parameters,
    check_texts,
    not_found,
    require,
)
from gateway.core.collection import AccountCollection, ListSettings
from gateway.core.guard import DriverBug
from gateway.core.listing import Listing
from gateway.core.sessions import OpenedDriver
from gateway.driver import (
    Capability,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    Driver,
    DriverError,
    ErrorCode,
    Filter,
    Lookup,
    MetadataChange,
    Query,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
)

T = TypeVar("T")
_FEW = 10
"""More volumes than these are found by one list instead of a call for each."""
_AT_ONCE = 100
"""Ids that one filter has."""


class Account:
    """The snapshots and volumes that one caller sees at one provider.

    Every method raises DriverError and nothing else, checks the capability and
    the request first, and calls the driver within one deadline.
    """

    __slots__ = ("_boundary", "_lists", "_opened", "provider", "stopwatch")

    def __init__(self, boundary: Boundary, opened: OpenedDriver, lists: ListSettings) -> None:
        self.provider = boundary.provider
        self.stopwatch = boundary.stopwatch
        self._boundary = boundary
        self._opened = opened
        self._lists = lists

    def blame(self, exc: Exception) -> DriverError:
        """Return whose bug an exception is that came of what the driver has answered."""
        return self._boundary.blame(exc)

    def check_credentials(self) -> None:
        """Raise ``unauthenticated`` unless the backend accepts the credentials."""
        self._call(Driver.check_credentials)

    def list_snapshots(
        self, query: Query, *, limit: int | None = None, marker: str | None = None
    ) -> Listing[StorageSnapshot]:
        """Return every snapshot that the account can see and that matches, or a page of them."""
        return self._snapshots().list(query, limit, marker)

    def begin_snapshots(
        self, query: Query, *, limit: int | None = None, marker: str | None = None
    ) -> Listing[StorageSnapshot] | None:
        """Return the list of snapshots if one page of the driver is enough for it, else None."""
        return self._snapshots().begin(query, limit, marker)

    def count_snapshots(self, query: Query, *, scan: bool = False) -> tuple[int | None, int]:
        """Return how many snapshots match, and how many rows were read for it.

        Without ``scan`` None where only reading the list would tell.
        """
        return self._snapshots().count(query, scan=scan)

    def get_snapshot(self, snapshot_id: str) -> StorageSnapshot:
        """Return one snapshot."""
        check_id("snapshot", snapshot_id)
        return self._call(Driver.get_snapshot, snapshot_id)

    def create_snapshot(self, request: CreateSnapshot) -> StorageSnapshot:
        """Start a snapshot of a volume."""
        self._check_create(request)
        return self._change(Driver.create_snapshot, request)

    def check_create_snapshot(self, request: CreateSnapshot) -> None:
        """Raise what ``create_snapshot`` would, as far as that shows without a change.

        What only the backend knows beforehand (quotas, its pauses) does not.
        """
        self._check_create(request)
        if Capability.VOLUME_READ in self._driver.capabilities:
            self.get_volume(request.volume_id)

    def update_snapshot(self, snapshot_id: str, request: UpdateSnapshot) -> StorageSnapshot:
        """Change name, description and metadata, all or nothing."""
        require(self._driver, Capability.SNAPSHOT_UPDATE)
        check_id("snapshot", snapshot_id)
        change = request.metadata
        check_texts(
            self._driver.limits,
            name=request.name,
            description=request.description,
            metadata=change.set if change else None,
        )
        if change and change.set and not change.replace:
            merged = change.applied_to(self.get_snapshot(snapshot_id).metadata)
            check_count(self._driver.limits, merged)
        return self._change(Driver.update_snapshot, snapshot_id, request)

    def get_metadata_value(self, snapshot_id: str, key: str) -> str:
        """Return the value of one metadata key, which must be there."""
        return value_of(self.get_snapshot(snapshot_id), key)

    def delete_metadata_key(
        self, snapshot_id: str, key: str, *, if_revision: str | None = None
    ) -> None:
        """Remove one metadata key, which must be there."""
        require(self._driver, Capability.SNAPSHOT_UPDATE)
        self.get_metadata_value(snapshot_id, key)
        change = MetadataChange(remove=frozenset({key}))
        request = UpdateSnapshot(metadata=change, if_revision=if_revision)
        self.update_snapshot(snapshot_id, request)

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Delete a snapshot, which must be there."""
        require(self._driver, Capability.SNAPSHOT_DELETE)
        check_id("snapshot", snapshot_id)
        self._change(Driver.delete_snapshot, snapshot_id)

    def check_delete_snapshot(self, snapshot_id: str) -> None:
        """Raise what ``delete_snapshot`` would, as far as that shows without a change."""
        require(self._driver, Capability.SNAPSHOT_DELETE)
        snapshot = self.get_snapshot(snapshot_id)
        if not may_delete(snapshot, self._driver.capabilities):
            raise DriverError(
                ErrorCode.CONFLICT,
                f"snapshot {snapshot_id!r} is {snapshot.state} and cannot be deleted now",
            )

    def clone_snapshot(self, snapshot_id: str, request: CloneSnapshot) -> StorageVolume:
        """Start a new volume with the snapshot's bytes."""
        require(self._driver, Capability.SNAPSHOT_CLONE)
        check_id("snapshot", snapshot_id)
        check_parameters(
            self._driver,
            size_bytes=request.size_bytes,
            zone=request.zone,
            media=request.media,
            affinities=request.affinities,
            avoid=request.avoid,
        )
        check_texts(self._driver.limits, name=request.name, description=request.description)
        return self._change(Driver.clone_snapshot, snapshot_id, request)

    def copy_snapshot(
        self, snapshot_id: str, request: CopySnapshot, destination: "Account"
    ) -> StorageSnapshot:
        """Start a copy at another provider of the same driver."""
        require(self._driver, Capability.SNAPSHOT_COPY)
        check_id("snapshot", snapshot_id)
        check_texts(
            self._driver.limits,
            name=request.name,
            description=request.description,
            metadata=request.metadata,
        )
        return self._change(
            Driver.copy_snapshot,
            snapshot_id,
            request,
            destination=destination._opened.driver,
        )

    def revert_snapshot(self, snapshot_id: str) -> StorageSnapshot:
        """Start to set the snapshot's volume back to it."""
        require(self._driver, Capability.SNAPSHOT_REVERT)
        check_id("snapshot", snapshot_id)
        return self._change(Driver.revert_snapshot, snapshot_id)

    def list_volumes(
        self, query: Query, *, limit: int | None = None, marker: str | None = None
    ) -> Listing[StorageVolume]:
        """Return every volume that the account can see and that matches, or a page of them."""
        require(self._driver, Capability.VOLUME_READ)
        return self._volumes().list(query, limit, marker)

    def begin_volumes(
        self, query: Query, *, limit: int | None = None, marker: str | None = None
    ) -> Listing[StorageVolume] | None:
        """Return the list of volumes if one page of the driver is enough for it, else None."""
        require(self._driver, Capability.VOLUME_READ)
        return self._volumes().begin(query, limit, marker)

    def count_volumes(self, query: Query, *, scan: bool = False) -> tuple[int | None, int]:
        """Return how many volumes match, and how many rows were read for it, as for snapshots."""
        require(self._driver, Capability.VOLUME_READ)
        return self._volumes().count(query, scan=scan)

    def get_volume(self, volume_id: str) -> StorageVolume:
        """Return one volume."""
        require(self._driver, Capability.VOLUME_READ)
        check_id("volume", volume_id)
        return self._call(Driver.get_volume, volume_id)

    def find_volumes(self, ids: Collection[str]) -> list[StorageVolume]:
        """Return those of the volumes that the account can see."""
        require(self._driver, Capability.VOLUME_READ)
        found: list[StorageVolume] = []
        if ("id", Lookup.IN) in self._driver.volume_pushdown:
            every = sorted(ids)
            for start in range(0, len(every), _AT_ONCE):
                wanted = Filter("id", tuple(every[start : start + _AT_ONCE]), Lookup.IN)
                found += self.list_volumes(Query((wanted,))).items()
            return found
        if len(ids) > _FEW:
            return [volume for volume in self.list_volumes(Query()).items() if volume.id in ids]
        for volume_id in ids:
            try:
                found.append(self.get_volume(volume_id))
            except DriverError as error:
                if error.code not in {ErrorCode.NOT_FOUND, ErrorCode.DENIED}:
                    raise
        return found

    def snapshots_of(self, volume_id: str) -> Listing[StorageSnapshot]:
        """Return every snapshot of one volume."""
        return self.list_snapshots(Query((Filter("volume_id", volume_id),)))

    def create_volume(self, request: CreateVolume) -> StorageVolume:
        """Make an empty volume."""
        require(self._driver, Capability.VOLUME_CREATE)
        check_parameters(self._driver, zone=request.zone)
        check_texts(self._driver.limits, name=request.name, description=request.description)
        return self._change(Driver.create_volume, request)

    def delete_volume(self, volume_id: str) -> None:
        """Delete a volume, which must be there."""
        require(self._driver, Capability.VOLUME_DELETE)
        check_id("volume", volume_id)
        self._change(Driver.delete_volume, volume_id)

    @property
    def _driver(self) -> type[Driver]:
        return self.provider.driver

    def _snapshots(self) -> AccountCollection[StorageSnapshot]:
        can_count = Capability.SNAPSHOT_COUNT in self._driver.capabilities
        return AccountCollection(
            kind="snapshots",
            provider=self.provider,
            settings=self._lists,
            call=self._call,
            ahead=self._boundary.ahead,
            list_page=Driver.list_snapshots,
            pushdown=self._driver.pushdown,
            sort_keys=self._driver.sort_keys,
            count_all=Driver.count_snapshots if can_count else None,
        )

    def _volumes(self) -> AccountCollection[StorageVolume]:
        return AccountCollection(
            kind="volumes",
            provider=self.provider,
            settings=self._lists,
            call=self._call,
            ahead=self._boundary.ahead,
            list_page=Driver.list_volumes,
            pushdown=self._driver.volume_pushdown,
        )

    def _check_create(self, request: CreateSnapshot) -> None:
        require(self._driver, Capability.SNAPSHOT_CREATE)
        check_parameters(self._driver, location=request.location, in_use=request.in_use == "refuse")
        check_texts(
            self._driver.limits,
            name=request.name,
            description=request.description,
            metadata=request.metadata,
        )
        check_id("volume", request.volume_id)

    def _change(self, function: Callable[..., T], *args: Any, **kw: Any) -> T:
        """Call what changes something: after a time-out or a wrong answer it may have done so."""
        try:
            return self._call(function, *args, **kw)
        except DriverError as error:
            is_lost = error.code is ErrorCode.TIMEOUT or (
                isinstance(error, DriverBug) and error.code is ErrorCode.INTERNAL
            )
            if not is_lost or error.maybe_done:
                raise
            raise error.as_maybe_done() from error.__cause__

    def _call(self, function: Callable[..., T], *args: Any, **kw: Any) -> T:
        """Call a method of the driver, which is named as the class Driver has it."""
        return self._boundary.call(self._opened.driver, function, *args, **kw)


def value_of(snapshot: StorageSnapshot, key: str) -> str:
    """Return the value of one metadata key; ``not_found`` when there is none."""
    if key not in snapshot.metadata:
        raise not_found("metadata key", key)
    return snapshot.metadata[key]
