"""The Acme driver: one account's snapshots and disks."""

from collections.abc import Mapping
from typing import Any, Self

import requests

from acme import errors, wire
from acme.account import Account
from acme.options import AcmeOptions, Endpoint
from gateway.driver import (
    Capability,
    CloneSnapshot,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Deadline,
    Driver,
    DriverError,
    ErrorCode,
    Page,
    Query,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    within,
)


class AcmeDriver(Driver):
    """One account at one Acme."""

    title = "Acme Block Storage"
    capabilities = (
        Capability.SNAPSHOT_CREATE
        | Capability.SNAPSHOT_UPDATE
        | Capability.SNAPSHOT_DELETE
        | Capability.SNAPSHOT_CLONE
        | Capability.SNAPSHOT_REVERT
        | Capability.SNAPSHOT_COUNT
        | Capability.VOLUME_READ
        | Capability.VOLUME_CREATE
        | Capability.VOLUME_DELETE
        | Capability.SNAPSHOT_MARKER
        | Capability.VOLUME_MARKER
        | Capability.SHOWS_DELETING
        | Capability.IN_USE_REFUSE
        | Capability.CLONE_SIZE
        | Capability.KEEPS_DEADLINE
    )
    Options = AcmeOptions
    limits = wire.LIMITS
    pushdown = wire.PUSHDOWN
    volume_pushdown = wire.VOLUME_PUSHDOWN
    sort_keys = wire.SORT_KEYS
    page_size = 100

    def __init__(self, account: Account) -> None:
        self._account = account

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Refuse a file of certificates that is none."""
        Endpoint(options).close()

    @classmethod
    def share(cls, options: Mapping[str, Any]) -> Endpoint:
        """Return the connections."""
        return Endpoint(options)

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Endpoint,
        deadline: Deadline,
    ) -> Self:
        """Return the account's driver; Acme checks the key with every call."""
        if not (credentials.username and credentials.password):
            text = "give the account and its API key as user and password of HTTP Basic"
            raise DriverError(ErrorCode.UNAUTHENTICATED, text)
        return cls(Account(shared, credentials.username, credentials.password))

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        """Return what an exception of requests means."""
        return errors.classify(exc)

    def close(self) -> None:
        """Let go of the account's key."""
        self._account.close()

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        """Return a page in the order asked for, else by time."""
        with within(deadline):
            return self._account.page(
                "snapshots", wire.snapshot, query, page_size=page_size, cursor=cursor
            )

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Return one snapshot."""
        with within(deadline):
            return self._account.read(_path("snapshots", snapshot_id), wire.snapshot)

    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        """Return how many snapshots match: every page of Acme's tells."""
        with within(deadline):
            return self._account.read("snapshots", wire.total, {**wire.asked(query), "limit": 1})

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        """Start a snapshot of a disk."""
        body = {
            "disk": request.volume_id,
            **wire.texts(request.name, request.description, request.marker),
            "tags": dict(request.metadata),
            "unless_attached": request.in_use == "refuse",
        }
        with within(deadline):
            return self._account.change("POST", "snapshots", wire.snapshot, body)

    def update_snapshot(
        self, snapshot_id: str, request: UpdateSnapshot, *, deadline: Deadline
    ) -> StorageSnapshot:
        """Change a snapshot in one request, which Acme merges into what is there.

        Where somebody wants to know that nobody else has changed it, Acme compares the
        version that was checked; if it is another one by now, that is checked again.
        """
        path = _path("snapshots", snapshot_id)
        with within(deadline):
            while True:
                version = None if request.only_if is None else self._checked(path, request)
                body = wire.changes(request, version)
                try:
                    return self._account.change("PATCH", path, wire.snapshot, body)
                except requests.HTTPError as exc:
                    if version is None or errors.code_of(exc.response) != "version_changed":
                        raise
                deadline.remaining_s()

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        """Delete a snapshot; it is gone at once."""
        with within(deadline):
            self._account.delete(_path("snapshots", snapshot_id))

    def clone_snapshot(
        self, snapshot_id: str, request: CloneSnapshot, *, deadline: Deadline
    ) -> StorageVolume:
        """Start a disk with the snapshot's bytes."""
        path = _path("snapshots", snapshot_id) + "/restore"
        body: dict[str, Any] = dict(wire.texts(request.name, request.description, request.marker))
        if request.size_bytes is not None:
            body["size_mib"] = wire.size(request.size_bytes)
        with within(deadline):
            return self._account.change("POST", path, wire.volume, body)

    def revert_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Set the disk back; that is done when Acme answers."""
        path = _path("snapshots", snapshot_id) + "/rewind"
        with within(deadline):
            return self._account.change("POST", path, wire.snapshot)

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        """Return a page of disks, by time."""
        with within(deadline):
            return self._account.page(
                "disks", wire.volume, query, page_size=page_size, cursor=cursor
            )

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        """Return one disk."""
        with within(deadline):
            return self._account.read(_path("disks", volume_id), wire.volume)

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        """Start an empty disk; Acme's have whole MiB."""
        texts = wire.texts(request.name, request.description, request.marker)
        with within(deadline):
            body = {**texts, "size_mib": wire.size(request.size_bytes)}
            return self._account.change("POST", "disks", wire.volume, body)

    def delete_volume(self, volume_id: str, *, deadline: Deadline) -> None:
        """Delete a disk; its snapshots stay."""
        with within(deadline):
            self._account.delete(_path("disks", volume_id))

    def _checked(self, path: str, request: UpdateSnapshot) -> str:
        """Return the version of a snapshot that may be changed, else raise what the check does."""
        snapshot, version = self._account.read(
            path, lambda row: (wire.snapshot(row), wire.version(row))
        )
        request.check(snapshot)
        return version


_PLACES = {"snapshots": "snapshot", "disks": "volume"}


def _path(collection: str, resource_id: str) -> str:
    """Return the path of a thing, if there can be one of such an id."""
    if not wire.is_id(resource_id):
        raise DriverError(ErrorCode.NOT_FOUND, f"no {_PLACES[collection]} {resource_id!r}")
    return f"{collection}/{resource_id}"
