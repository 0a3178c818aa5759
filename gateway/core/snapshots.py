"""What views call: one account at one provider, with everything portable decided."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.core.actions import may_delete
from gateway.core.checks import (
    check_count,
    check_id,
    check_parameters,
    check_sort,
    check_texts,
    not_found,
    require,
)
from gateway.core.guard import Guard, Stopwatch
from gateway.core.listing import Listing
from gateway.core.registry import Provider, Providers
from gateway.core.sessions import OpenedDriver, Sessions
from gateway.driver import (
    Capability,
    CloneSnapshot,
    CopySnapshot,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Driver,
    DriverError,
    ErrorCode,
    Filter,
    MetadataChange,
    Query,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    invalid,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Core:
    """All that a front end needs: the providers and the accounts at them."""

    providers: Providers
    sessions: Sessions
    guard: Guard

    def close(self) -> None:
        """Let go of every opened driver and of what they shared."""
        self.sessions.close()
        self.guard.close()

    def account(self, provider: Provider, credentials: Credentials) -> "Account":
        """Return the caller's account.

        Raises:
            DriverError: ``unauthenticated`` where the driver can tell at once.
        """
        stopwatch = Stopwatch()
        start = time.perf_counter()
        opened = self.guard.call(
            provider, self.sessions.get, provider=provider, credentials=credentials
        )
        stopwatch.add_since(start)
        return Account(provider, opened, self.guard, stopwatch)

    def destination(self, source: Provider, name: str) -> Provider:
        """Return the provider to which a snapshot at ``source`` shall be copied.

        Raises:
            DriverError: ``unsupported`` where the driver cannot copy, ``invalid``
                when no provider of the same driver has this name.
        """
        require(source.driver, Capability.SNAPSHOT_COPY)
        possible = {p.name: p for p in self.providers.of_driver(source.driver_name)}
        if name not in possible:
            raise invalid(
                {
                    "destination": f"no provider of the driver {source.driver_name!r} has this "
                    f"name; there are: {', '.join(possible)}"
                }
            )
        return possible[name]


class Account:
    """The snapshots and volumes that one caller sees at one provider.

    Every method raises DriverError and nothing else, checks the capability and
    the request first, and calls the driver within one deadline.
    """

    __slots__ = ("_guard", "_opened", "provider", "stopwatch")

    def __init__(
        self, provider: Provider, opened: OpenedDriver, guard: Guard, stopwatch: Stopwatch
    ) -> None:
        self.provider = provider
        self.stopwatch = stopwatch
        self._opened = opened
        self._guard = guard

    def check_credentials(self) -> None:
        """Raise ``unauthenticated`` unless the backend accepts the credentials."""
        self._call(self._opened.driver.check_credentials)

    def list_snapshots(self, query: Query) -> Listing[StorageSnapshot]:
        """Return every snapshot that the account can see and that matches."""
        check_sort(self._driver, query)
        return Listing(self._fetcher(self._opened.driver.list_snapshots, query), query)

    def get_snapshot(self, snapshot_id: str) -> StorageSnapshot:
        """Return one snapshot."""
        check_id("snapshot", snapshot_id)
        return self._call(self._opened.driver.get_snapshot, snapshot_id)

    def create_snapshot(self, request: CreateSnapshot) -> StorageSnapshot:
        """Start a snapshot of a volume."""
        self._check_create(request)
        return self._change(self._opened.driver.create_snapshot, request)

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
        return self._change(self._opened.driver.update_snapshot, snapshot_id, request)

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
        self._change(self._opened.driver.delete_snapshot, snapshot_id)

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
        return self._change(self._opened.driver.clone_snapshot, snapshot_id, request)

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
            self._opened.driver.copy_snapshot,
            snapshot_id,
            request,
            destination=destination._opened.driver,
        )

    def revert_snapshot(self, snapshot_id: str) -> StorageSnapshot:
        """Start to set the snapshot's volume back to it."""
        require(self._driver, Capability.SNAPSHOT_REVERT)
        check_id("snapshot", snapshot_id)
        return self._change(self._opened.driver.revert_snapshot, snapshot_id)

    def list_volumes(self, query: Query) -> Listing[StorageVolume]:
        """Return every volume that the account can see and that matches."""
        require(self._driver, Capability.VOLUME_READ)
        return Listing(self._fetcher(self._opened.driver.list_volumes, query), query)

    def get_volume(self, volume_id: str) -> StorageVolume:
        """Return one volume."""
        require(self._driver, Capability.VOLUME_READ)
        check_id("volume", volume_id)
        return self._call(self._opened.driver.get_volume, volume_id)

    def snapshots_of(self, volume_id: str) -> Listing[StorageSnapshot]:
        """Return every snapshot of one volume."""
        return self.list_snapshots(Query((Filter("volume_id", volume_id),)))

    def create_volume(self, request: CreateVolume) -> StorageVolume:
        """Make an empty volume."""
        require(self._driver, Capability.VOLUME_CREATE)
        check_parameters(self._driver, zone=request.zone)
        check_texts(self._driver.limits, name=request.name, description=request.description)
        return self._change(self._opened.driver.create_volume, request)

    def delete_volume(self, volume_id: str) -> None:
        """Delete a volume, which must be there."""
        require(self._driver, Capability.VOLUME_DELETE)
        check_id("volume", volume_id)
        self._change(self._opened.driver.delete_volume, volume_id)

    @property
    def _driver(self) -> type[Driver]:
        return self.provider.driver

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

    def _fetcher(self, list_page: Callable[..., Any], query: Query) -> Callable[[str | None], Any]:
        pushed = query.pushed_down(self._driver.pushdown)
        page_size = self._driver.page_size
        return lambda cursor: self._call(list_page, pushed, page_size=page_size, cursor=cursor)

    def _change(self, function: Callable[..., T], *args: Any, **kw: Any) -> T:
        """Call what changes something: after a time-out it may have done so."""
        try:
            return self._call(function, *args, **kw)
        except DriverError as error:
            if error.code is not ErrorCode.TIMEOUT or error.maybe_done:
                raise
            raise error.as_maybe_done() from error.__cause__

    def _call(self, function: Callable[..., T], *args: Any, **kw: Any) -> T:
        start = time.perf_counter()
        try:
            return self._guard.call(self.provider, function, *args, **kw)
        finally:
            self.stopwatch.add_since(start)


def value_of(snapshot: StorageSnapshot, key: str) -> str:
    """Return the value of one metadata key; ``not_found`` when there is none."""
    if key not in snapshot.metadata:
        raise not_found("metadata key", key)
    return snapshot.metadata[key]
