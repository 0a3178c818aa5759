"""What an account has: its snapshots and volumes, listed, counted and shown."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any, TypeVar

from gateway.core.boundary import Boundary
from gateway.core.checks import check_id, not_found, require
from gateway.core.collection import AccountCollection, ListSettings
from gateway.core.listing import Listing
from gateway.core.sessions import OpenedDriver
from gateway.driver import (
    Capability,
    Deadline,
    Driver,
    DriverError,
    ErrorCode,
    Filter,
    Lookup,
    Query,
    StorageSnapshot,
    StorageVolume,
)

T = TypeVar("T")
_FEW = 10
"""More volumes than these are found by one list instead of a call for each."""
_AT_ONCE = 100
"""Ids that one filter has."""


class Reader:
    """The snapshots and volumes that one caller sees at one provider.

    Every method raises DriverError and nothing else, and calls the driver within
    a deadline.
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

    def get_snapshot(self, snapshot_id: str, *, limit: Deadline | None = None) -> StorageSnapshot:
        """Return one snapshot, within ``limit`` if that is less than the time of a call."""
        check_id("snapshot", snapshot_id)
        return self._call(Driver.get_snapshot, snapshot_id, limit=limit)

    def last_failure(self, resource_id: str) -> str | None:
        """Return what the backend tells of the last failure with a resource, if it does."""
        return self._call(Driver.last_failure, resource_id)

    def get_metadata_value(self, snapshot_id: str, key: str) -> str:
        """Return the value of one metadata key, which must be there."""
        return value_of(self.get_snapshot(snapshot_id), key)

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

    def get_volume(self, volume_id: str, *, limit: Deadline | None = None) -> StorageVolume:
        """Return one volume, within ``limit`` if that is less than the time of a call."""
        require(self._driver, Capability.VOLUME_READ)
        check_id("volume", volume_id)
        return self._call(Driver.get_volume, volume_id, limit=limit)

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

    @property
    def _driver(self) -> type[Driver]:
        return self.provider.driver

    def _snapshots(self, limit: Deadline | None = None) -> AccountCollection[StorageSnapshot]:
        can_count = Capability.SNAPSHOT_COUNT in self._driver.capabilities
        return AccountCollection(
            kind="snapshots",
            provider=self.provider,
            settings=self._lists,
            call=partial(self._call, limit=limit),
            ahead=self._boundary.ahead,
            list_page=Driver.list_snapshots,
            pushdown=self._driver.pushdown,
            sort_keys=self._driver.sort_keys,
            count_all=Driver.count_snapshots if can_count else None,
        )

    def _volumes(self, limit: Deadline | None = None) -> AccountCollection[StorageVolume]:
        return AccountCollection(
            kind="volumes",
            provider=self.provider,
            settings=self._lists,
            call=partial(self._call, limit=limit),
            ahead=self._boundary.ahead,
            list_page=Driver.list_volumes,
            pushdown=self._driver.volume_pushdown,
        )

    def _call(
        self, function: Callable[..., T], *args: Any, limit: Deadline | None = None, **kw: Any
    ) -> T:
        """Call a method of the driver, which is named as the class Driver has it.

        It has the time of a call, or what ``limit`` leaves of that.
        """
        return self._boundary.call(self._opened.driver, function, *args, **kw, limit=limit)


def value_of(snapshot: StorageSnapshot, key: str) -> str:
    """Return the value of one metadata key; ``not_found`` when there is none."""
    if key not in snapshot.metadata:
        raise not_found("metadata key", key)
    return snapshot.metadata[key]
