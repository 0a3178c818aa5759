"""The Cinder driver: snapshots and volumes of one project in an OpenStack cloud."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Self

from drivers.cinder import errors, queries, updates, wire
from drivers.cinder.account import Account, path_of
from drivers.cinder.clients import CinderOptions, Cloud
from drivers.cinder.errors import FAILURES
from drivers.cinder.lists import Lists
from drivers.cinder.wire import Row
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
    Filter,
    Lookup,
    Page,
    Pushdown,
    Query,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    invalid,
    within,
)

_NAMED = 10
"""Dependents that an error names at the most."""


class CinderDriver(Driver):
    """One project in one region."""

    title = "OpenStack Cinder"
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
        | Capability.IN_USE_REFUSE
        | Capability.CLONE_SIZE
        | Capability.CLONE_MEDIA
        | Capability.CLONE_ACCEPTED
        | Capability.SHOWS_DELETING
        | Capability.ZONE
    )
    Options = CinderOptions
    limits = wire.LIMITS
    pushdown = {  # noqa: RUF012 - read-only, as in the base class
        ("id", Lookup.EXACT): Pushdown.EXACT,
        ("name", Lookup.EXACT): Pushdown.SUPERSET,
        ("volume_id", Lookup.EXACT): Pushdown.SUPERSET,
        ("state", Lookup.EXACT): Pushdown.SUPERSET,
        ("metadata", Lookup.EXACT): Pushdown.SUPERSET,
        ("owner", Lookup.EXACT): Pushdown.SUPERSET,
        ("created_by", Lookup.EXACT): Pushdown.SUPERSET,
    }
    volume_pushdown = {  # noqa: RUF012
        ("id", Lookup.EXACT): Pushdown.EXACT,
        ("name", Lookup.EXACT): Pushdown.SUPERSET,
        ("state", Lookup.EXACT): Pushdown.SUPERSET,
        ("created_by", Lookup.EXACT): Pushdown.SUPERSET,
    }
    sort_keys = frozenset(queries.SORT_KEYS)
    page_size = 1000
    created_tick_s = 1.0  # what databases keep of created_at, and by what API nodes' clocks differ

    def __init__(self, cloud: Cloud, account: Account) -> None:
        self._account = account
        self._lists = Lists(cloud, account)

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Refuse a file of certificates that is none."""
        Cloud(options).close()

    @classmethod
    def share(cls, options: Mapping[str, Any]) -> Cloud:
        """Return the connections and what has been discovered of the cloud."""
        return Cloud(options)

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Cloud,
        deadline: Deadline,
    ) -> Self:
        """Log in at Keystone and find the cloud's block storage."""
        with within(deadline):
            account = Account(*shared.connect(credentials))
            try:
                account.find_service()
            except Exception:
                shared.forget()  # the next account shall not meet the same wrong answer
                raise
            return cls(shared, account)

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        """Return what an exception of openstacksdk or keystoneauth means."""
        return errors.classify(exc)

    def close(self) -> None:
        """Let go of the account's secrets."""
        self._account.close()

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        """Return a page in the order asked for, else the newest first."""
        with within(deadline):
            return self._lists.snapshots(query, page_size=page_size, cursor=cursor)

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Return one snapshot; of a failed one with the reason, if Cinder tells it."""
        with within(deadline):
            return self._shown(snapshot_id)

    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int | None:
        """Return how many snapshots the account can see; of a few none, since 3.45."""
        with within(deadline):
            return self._lists.count_snapshots(query)

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        """Start a snapshot, of a volume in use too unless the request refuses that."""
        body, microversion = wire.new_snapshot(request, self._account.microversion)
        path_of("volumes", request.volume_id)  # unknown whatever Cinder's schema calls it
        with within(deadline):
            row = self._account.changed(
                "snapshot", "POST", "/snapshots", body, microversion=microversion
            )
        return wire.snapshot(wire.made(row), self._account.project)

    def update_snapshot(
        self, snapshot_id: str, request: UpdateSnapshot, *, deadline: Deadline
    ) -> StorageSnapshot:
        """Change name and description in one call, metadata in another, or neither."""
        texts = wire.changed_texts(request)
        if not texts and request.metadata is None:
            snapshot = self.get_snapshot(snapshot_id, deadline=deadline)
            request.check(snapshot)
            return snapshot
        path = path_of("snapshots", snapshot_id)
        check = None if request.only_if is None else partial(self._check, request)
        with within(deadline):
            answered = updates.update(self._account, path, texts, request.metadata, check=check)
            # Cinder answers with the former updated_at, and so another ETag than it shows next.
            with suppress(*FAILURES):
                return self._shown(snapshot_id)
        return wire.snapshot(answered, self._account.project)

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        """Start the deletion of a snapshot."""
        path = path_of("snapshots", snapshot_id)
        with within(deadline):
            self._account.change("DELETE", path)

    def last_failure(self, resource_id: str, *, deadline: Deadline) -> str | None:
        """Return the newest of Cinder's messages on a snapshot or volume."""
        with within(deadline):
            return next(iter(self._account.messages(resource_id)), None)

    def clone_snapshot(
        self, snapshot_id: str, request: CloneSnapshot, *, deadline: Deadline
    ) -> StorageVolume:
        """Start a volume, of the snapshot's size, type and zone unless the request says else."""
        wire.check_description(request.description)
        with within(deadline):
            source = self._ready(snapshot_id, "cloned")
            size = request.size_bytes or source.size_bytes
            if size is not None and size < (source.size_bytes or 0):
                raise invalid({"size_bytes": f"at least {source.size_bytes}, the snapshot's size"})
            asked = {
                "snapshot_id": snapshot_id,
                "size": None if size is None else wire.gib(size),
                "volume_type": request.media,
                "availability_zone": request.zone,
            }
            return self._make_volume(asked, request)

    def revert_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Start to set the snapshot's volume back to it.

        Asked for with a snapshot that is not available, Cinder would say no and
        leave the volume in ``reverting`` for ever (observed on 29.0.0).
        """
        self._account.require(wire.REVERT, "setting a volume back")
        with within(deadline):
            snapshot = self._ready(snapshot_id, "reverted to")
            path = path_of("volumes", snapshot.volume_id or "") + "/action"
            self._account.change("POST", path, {"revert": {"snapshot_id": snapshot_id}})
        return replace(snapshot, state=SnapshotState.BUSY, native_state="restoring", ready=False)

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        """Return a page of volumes, the newest first."""
        with within(deadline):
            return self._lists.volumes(query, page_size=page_size, cursor=cursor)

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        """Return one volume."""
        path = path_of("volumes", volume_id)
        with within(deadline):
            row = self._account.get("volume", path)
        return wire.volume(row, self._account.project)

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        """Start an empty volume of whole GiB, rounded up."""
        asked = {"size": wire.gib(request.size_bytes), "availability_zone": request.zone}
        with within(deadline):
            return self._make_volume(asked, request)

    def delete_volume(self, volume_id: str, *, deadline: Deadline) -> None:
        """Start the deletion of a volume; Cinder refuses while it has snapshots."""
        path = path_of("volumes", volume_id)
        with within(deadline):
            try:
                self._account.change("DELETE", path)
            except FAILURES as exc:
                snapshots = self._snapshots_of(volume_id) if errors.is_conflict(exc) else []
                if not snapshots:
                    raise
                raise DriverError(
                    ErrorCode.CONFLICT,
                    "Cinder deletes a volume only once its snapshots are gone; it has "
                    + ", ".join(snapshots),
                ) from exc

    def _snapshots_of(self, volume_id: str) -> list[str]:
        """Return the ids of some snapshots of a volume, none where Cinder does not tell."""
        query = Query((Filter("volume_id", volume_id),))
        try:
            page = self._lists.snapshots(query, page_size=_NAMED, cursor=None)
        except FAILURES:  # it only explains a refusal, and must not take its place
            return []
        return [one.id for one in page.items if one.volume_id == volume_id.lower()]

    def _snapshot(self, snapshot_id: str) -> Row:
        return self._account.get("snapshot", path_of("snapshots", snapshot_id))

    def _shown(self, snapshot_id: str) -> StorageSnapshot:
        row = self._snapshot(snapshot_id)
        return wire.snapshot(row, self._account.project, why=self._reason(row))

    def _check(self, request: UpdateSnapshot, row: Row) -> None:
        request.check(wire.snapshot(row, self._account.project, why=self._reason(row)))

    def _ready(self, snapshot_id: str, verb: str) -> StorageSnapshot:
        """Return a snapshot that is available.

        Raises:
            DriverError: ``conflict`` for any other.
        """
        snapshot = wire.snapshot(self._snapshot(snapshot_id), self._account.project)
        if not snapshot.ready:
            raise DriverError(
                ErrorCode.CONFLICT,
                f"snapshot {snapshot_id!r} is {snapshot.native_state}; it can be {verb} only "
                "while it is available",
            )
        return snapshot

    def _reason(self, row: Row) -> str | None:
        """Return what Cinder tells users of a failure; not to be told is no failure."""
        if wire.STATES.get(row["status"]) is not SnapshotState.ERROR:
            return None
        with suppress(*FAILURES):
            return wire.reason(row, self._account.messages(row["id"]))
        return None

    def _make_volume(
        self, asked: Mapping[str, Any], request: CloneSnapshot | CreateVolume
    ) -> StorageVolume:
        wire.check_ends(name=request.name, description=request.description)
        wire.check_description(request.description)
        texts = {"name": request.name, "description": request.description}
        body = {**texts, "metadata": wire.marked(request.marker) or None, **asked}
        body = {field: value for field, value in body.items() if value is not None}
        row = self._account.changed("volume", "POST", "/volumes", {"volume": body})
        return wire.volume(wire.made(row), self._account.project)
