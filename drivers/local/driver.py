"""The local driver: snapshots of the disk images in a folder of this machine.

``<path>/volumes/`` holds raw images, each a volume whose id is its file name;
``<path>/snapshots/`` holds the copies. What is known beside the bytes stands in
``<path>/snapgate.db`` or in the database that the option names. All accounts of
a store see all its disks.
"""

import contextlib
import errno
import os
from collections.abc import Mapping
from typing import Any, Self

import orjson
import sqlalchemy as sa

from drivers.local import selections, wire
from drivers.local.accounts import DEMO_NAME, DEMO_PASSWORD, BadCredentials, accepts_demo
from drivers.local.facts import Disk, now_ms
from drivers.local.images import (
    NotAnImage,
    is_open_for_writing,
)
from drivers.local.store import LocalOptions, Store
from drivers.local.wire import BadRequest, NoSuchDisk, WrongState
from gateway.driver import (
    UNSET,
    Capability,
    CloneSnapshot,
    ConfigurationError,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Deadline,
    Driver,
    DriverError,
    Limits,
    Lookup,
    Page,
    Pushdown,
    Query,
    StorageSnapshot,
    StorageVolume,
    UpdateSnapshot,
    Visibility,
)


class LocalDriver(Driver):
    """One account of a local store."""

    title = "Local disk images"
    capabilities = (
        Capability.SNAPSHOT_CREATE
        | Capability.SNAPSHOT_UPDATE
        | Capability.SNAPSHOT_DELETE
        | Capability.SNAPSHOT_CLONE
        | Capability.SNAPSHOT_COUNT
        | Capability.VOLUME_READ
        | Capability.VOLUME_CREATE
        | Capability.VOLUME_DELETE
        | Capability.SNAPSHOT_MARKER
        | Capability.VOLUME_MARKER
        | Capability.IN_USE_REFUSE
        | Capability.CLONE_SIZE
        | Capability.SHOWS_DELETING
        | Capability.KEEPS_DEADLINE
    )
    Options = LocalOptions
    limits = Limits(
        name=255, description=4096, metadata_pairs=256, metadata_key=255, metadata_value=4096
    )
    pushdown = selections.PUSHDOWN
    volume_pushdown = {  # noqa: RUF012 - read-only, as in the base class
        ("id", Lookup.EXACT): Pushdown.EXACT,
        ("created_by", Lookup.EXACT): Pushdown.EXACT,
    }
    sort_keys = selections.SORT_KEYS
    page_size = 500  # the first bytes of a long list come sooner, for 2 % more queries

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account
        self._visibility = Visibility.SHARED if len(store.accounts) > 1 else Visibility.PRIVATE

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Open the store and close it, without picking up the copies of others."""
        _open_store(options).close()

    @classmethod
    def share(cls, options: Mapping[str, Any]) -> Store:
        """Open the store, and settle what a crash left half done."""
        store = _open_store(options)
        store.jobs.watch()
        return store

    @classmethod
    def demo_credentials(cls, options: Mapping[str, Any]) -> Credentials | None:
        """Return the demo account if the configuration has it."""
        if not accepts_demo(options["accounts"]):
            return None
        return Credentials(username=DEMO_NAME, password=DEMO_PASSWORD)

    @classmethod
    def open(
        cls,
        options: Mapping[str, Any],
        credentials: Credentials,
        *,
        shared: Store,
        deadline: Deadline,
    ) -> Self:
        """Return the account's driver once its password is checked."""
        if credentials.username is None or credentials.password is None:
            raise BadCredentials
        shared.accounts.check(credentials.username, credentials.password)
        return cls(shared, credentials.username)

    @staticmethod
    def classify(exc: Exception) -> DriverError | None:
        """Return what an exception of this driver means."""
        return wire.classify(exc)

    def check_credentials(self, *, deadline: Deadline) -> None:
        """Do nothing: ``open`` has checked the password."""

    def list_snapshots(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageSnapshot]:
        """Return a page of snapshots in the order asked for, else in that of creation."""
        facts = self._store.facts
        statement, values = selections.page(
            "snapshot", query, count=page_size, cursor=cursor, collation=facts.collation
        )
        rows = facts.rows(statement, values)
        sources = {row.source_id: self._has_volume(row.source_id) for row in rows}
        found = (self._snapshot(row, volume_exists=sources[row.source_id]) for row in rows)
        items = tuple(snapshot for snapshot in found if snapshot is not None)
        is_last = len(rows) < page_size
        return Page(items, None if is_last else selections.cursor_after(rows[-1], query))

    def get_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> StorageSnapshot:
        """Return one snapshot."""
        return self._shown(self._row(snapshot_id))

    def count_snapshots(self, query: Query, *, deadline: Deadline) -> int:
        """Return how many snapshots match."""
        return self._store.facts.number(selections.count("snapshot", query))

    def create_snapshot(self, request: CreateSnapshot, *, deadline: Deadline) -> StorageSnapshot:
        """Copy a volume: at once by reflink, else in the background.

        Raises:
            WrongState: the volume is still being made, or with ``in_use=refuse``
                is open for writing.
        """
        metadata_json = orjson.dumps(dict(request.metadata)).decode()
        source = self._open_volume(request.volume_id, refuse_in_use=request.in_use == "refuse")
        snapshot_id = self._store.creations.begin(
            "snapshot",
            size_bytes=os.fstat(source).st_size,
            source=source,
            owner=self._account,
            name=request.name,
            description=request.description,
            metadata_json=metadata_json,
            source_id=request.volume_id,
            marker=request.marker,
        )
        return self.get_snapshot(snapshot_id, deadline=deadline)

    def update_snapshot(
        self, snapshot_id: str, request: UpdateSnapshot, *, deadline: Deadline
    ) -> StorageSnapshot:
        """Change a snapshot's facts; two changes at once both count."""
        while True:
            row = self._row(snapshot_id)
            request.check(self._shown(row))  # what cannot be shown afterwards is not changed
            values: dict[str, Any] = {"updated_ms": now_ms()}
            if request.name is not UNSET:
                values["name"] = request.name
            if request.description is not UNSET:
                values["description"] = request.description
            if request.metadata is not None:
                changed = request.metadata.applied_to(orjson.loads(row.metadata_json))
                values["metadata_json"] = orjson.dumps(changed).decode()
            if self._store.facts.revise(snapshot_id, row.revision, **values):
                return self.get_snapshot(snapshot_id, deadline=deadline)
            deadline.remaining_s()

    def delete_snapshot(self, snapshot_id: str, *, deadline: Deadline) -> None:
        """Delete a snapshot's file, then its facts."""
        self._store.deletions.delete("snapshot", snapshot_id)

    def clone_snapshot(
        self, snapshot_id: str, request: CloneSnapshot, *, deadline: Deadline
    ) -> StorageVolume:
        """Copy a snapshot to a new volume, with zeros behind it when it shall be larger."""
        row = self._row(snapshot_id)
        if row.state != "available":
            raise WrongState(
                f"snapshot {snapshot_id!r} is {row.state}; it can be cloned once it is available"
            )
        size = request.size_bytes or row.size_bytes
        if size < row.size_bytes:
            raise BadRequest("size_bytes", f"at least {row.size_bytes}, the snapshot's size")
        source = self._store.snapshots.open(snapshot_id)
        volume_id = self._store.creations.begin(
            "volume",
            size_bytes=size,
            source=source,
            owner=self._account,
            name=request.name,
            description=request.description,
            source_id=snapshot_id,
            marker=request.marker,
        )
        return self.get_volume(volume_id, deadline=deadline)

    def list_volumes(
        self, query: Query, *, page_size: int, cursor: str | None, deadline: Deadline
    ) -> Page[StorageVolume]:
        """Return a page of volumes by id; the cursor is the last id."""
        known = self._volume_ids(query.value_of("created_by"))
        wanted = query.value_of("id")
        ids = sorted(i for i in known if i > (cursor or "") and wanted in (None, i))[
            : page_size + 1
        ]
        page, more = ids[:page_size], len(ids) > page_size
        rows = self._store.facts.find("volume", page)
        volumes = self._store.volumes
        files = {i: volumes.stat(i) for i in page}
        items = tuple(
            wire.volume(i, rows.get(i), files[i], account=self._account)
            for i in page
            if i in rows or files[i] is not None
        )
        return Page(items, page[-1] if more else None)

    def _volume_ids(self, marker: str | None) -> set[str]:
        """Return the ids of all volumes, or of those that carry a marker."""
        facts = self._store.facts
        if marker is not None:
            return set(facts.marked_ids("volume", marker))
        return {*self._store.volumes.ids(), *facts.unfinished_ids("volume")}

    def get_volume(self, volume_id: str, *, deadline: Deadline) -> StorageVolume:
        """Return one volume."""
        row = self._store.facts.get("volume", volume_id)
        facts = self._store.volumes.stat(volume_id)
        if facts is None and (row is None or row.state == "available"):
            raise NoSuchDisk(f"no volume {volume_id!r}")
        return wire.volume(volume_id, row, facts, account=self._account)

    def create_volume(self, request: CreateVolume, *, deadline: Deadline) -> StorageVolume:
        """Make an image full of zeros, which takes no room until it is written to."""
        try:
            volume_id = self._store.creations.begin(
                "volume",
                size_bytes=request.size_bytes,
                owner=self._account,
                name=request.name,
                description=request.description,
                marker=request.marker,
            )
        except OSError as exc:
            if exc.errno != errno.EFBIG:
                raise
            raise BadRequest("size_bytes", "larger than the file system allows") from exc
        return self.get_volume(volume_id, deadline=deadline)

    def delete_volume(self, volume_id: str, *, deadline: Deadline) -> None:
        """Delete a volume that nobody has open for writing; its snapshots stay."""
        self.get_volume(volume_id, deadline=deadline)
        with contextlib.suppress(FileNotFoundError, NotAnImage):
            fd = self._store.volumes.open(volume_id)
            try:
                if is_open_for_writing(fd):
                    raise WrongState(f"volume {volume_id!r} is open for writing; stop its writer")
            finally:
                os.close(fd)
        if self._store.facts.get("volume", volume_id) is not None:
            self._store.deletions.delete("volume", volume_id)
        elif not self._store.volumes.remove(volume_id):
            raise NoSuchDisk(f"no volume {volume_id!r}")

    def _shown(self, row: Disk) -> StorageSnapshot:
        found = self._snapshot(row, volume_exists=self._has_volume(row.source_id))
        if found is None:
            raise NoSuchDisk(f"no snapshot {row.id!r}")
        return found

    def _snapshot(self, row: Disk, *, volume_exists: bool) -> StorageSnapshot | None:
        """Return a row's snapshot; None when it was deleted since the row was read."""
        image = self._store.snapshots.stat(row.id)
        if image is None and row.state == "available":
            current = self._store.facts.get("snapshot", row.id)
            if current is None:
                return None
            row = current
        return wire.snapshot(
            row,
            image,
            volume_exists=volume_exists,
            account=self._account,
            visibility=self._visibility,
        )

    def _row(self, snapshot_id: str) -> Disk:
        row = self._store.facts.get("snapshot", snapshot_id)
        if row is None:
            raise NoSuchDisk(f"no snapshot {snapshot_id!r}")
        return row

    def _has_volume(self, volume_id: str | None) -> bool:
        return volume_id is not None and self._store.volumes.stat(volume_id) is not None

    def _open_volume(self, volume_id: str, *, refuse_in_use: bool) -> int:
        row = self._store.facts.get("volume", volume_id)
        if row is not None and row.state != "available":
            raise WrongState(f"volume {volume_id!r} is {row.state}; it must be available")
        try:
            source = self._store.volumes.open(volume_id)
        except FileNotFoundError as exc:
            raise NoSuchDisk(f"no volume {volume_id!r}") from exc
        if refuse_in_use and is_open_for_writing(source) is not False:
            os.close(source)
            raise WrongState(
                f"volume {volume_id!r} is open for writing (in_use=refuse); "
                "stop its writer, or send in_use=allow"
            )
        return source


def _open_store(options: Mapping[str, Any]) -> Store:
    try:
        return Store(options)
    except OSError as exc:
        raise ConfigurationError(
            f"path = {options['path']!r}: {exc.strerror}; give a folder that can be written to"
        ) from exc
    except (sa.exc.SQLAlchemyError, ImportError, TypeError) as exc:
        word = wire.database_word(exc) or type(exc).__name__
        raise ConfigurationError(
            f"database: cannot be opened ({word}); give an SQLAlchemy URL whose server runs "
            "and whose Python driver is installed, and see that the disk has room"
        ) from exc
