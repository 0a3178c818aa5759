"""A local store in this process, for tests: real files, a real table, real copiers."""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
import sqlalchemy as sa
from werkzeug.security import generate_password_hash

from drivers.local import accounts
from drivers.local.accounts import BadCredentials
from drivers.local.driver import LocalDriver
from drivers.local.images import NotAnImage
from drivers.local.wire import BadRequest, NoSuchDisk, WrongState
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    CreateVolume,
    Credentials,
    Deadline,
    ErrorCode,
    Page,
    Query,
    SnapshotState,
    StorageSnapshot,
    StorageVolume,
    VolumeState,
)

KIB, MIB = 1 << 10, 1 << 20
CHEAP_HASH = generate_password_hash("demo", "pbkdf2:sha256:1")
LIMIT_S = 30
T = TypeVar("T")


def load_options(path: Path, **options: Any) -> dict[str, Any]:
    """Return checked options, as the gateway hands them to the driver."""
    given = {"path": str(path), "accounts": {"demo": CHEAP_HASH}, **options}
    return dict(LocalDriver.Options().load(given))


def deadline() -> Deadline:
    return Deadline(LIMIT_S)


class Local:
    """An opened store and the driver of its account ``demo``."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        checked = load_options(path, **options)
        with patch.object(accounts, "generate_password_hash", lambda _: CHEAP_HASH):
            self.store = LocalDriver.share(checked)
        self.driver = LocalDriver.open(
            checked, Credentials("demo", "demo"), shared=self.store, deadline=deadline()
        )

    def close(self) -> None:
        """Wait for the copies under way and close the store."""
        self.end_copies()
        self.store.close()

    @staticmethod
    def end_copies() -> None:
        """Wait until all that the copies do is done, also what follows the record."""
        for thread in threading.enumerate():
            if thread.name.startswith("copy-"):
                thread.join(LIMIT_S)

    def put(self, name: str, content: bytes = b"some bytes\n", size: int | None = None) -> str:
        """Put an image into the volumes folder by hand."""
        with (self.path / "volumes" / name).open("wb") as file:
            file.write(content)
            if size is not None:
                file.truncate(size)
        return name

    def snapshot(self, volume_id: str, **kw: Any) -> StorageSnapshot:
        """Ask for a snapshot; it may be creating."""
        return self.driver.create_snapshot(CreateSnapshot(volume_id, **kw), deadline=deadline())

    def get(self, snapshot_id: str) -> StorageSnapshot:
        return self.driver.get_snapshot(snapshot_id, deadline=deadline())

    def delete(self, snapshot_id: str) -> None:
        self.driver.delete_snapshot(snapshot_id, deadline=deadline())

    def clone(self, snapshot_id: str, **kw: Any) -> StorageVolume:
        """Ask for a clone; it may be creating."""
        return self.driver.clone_snapshot(snapshot_id, CloneSnapshot(**kw), deadline=deadline())

    def make_volume(self, size_bytes: int, **kw: Any) -> StorageVolume:
        return self.driver.create_volume(CreateVolume(size_bytes, **kw), deadline=deadline())

    def get_volume(self, volume_id: str) -> StorageVolume:
        return self.driver.get_volume(volume_id, deadline=deadline())

    def delete_volume(self, volume_id: str) -> None:
        self.driver.delete_volume(volume_id, deadline=deadline())

    def volumes(self, page_size: int = 500) -> list[StorageVolume]:
        """List all volumes, page by page."""
        return _all_pages(
            lambda cursor: self.driver.list_volumes(
                Query(), page_size=page_size, cursor=cursor, deadline=deadline()
            )
        )

    def snapshots(self, query: Query | None = None, page_size: int = 500) -> list[StorageSnapshot]:
        """List all snapshots, page by page."""
        return _all_pages(
            lambda cursor: self.driver.list_snapshots(
                query or Query(), page_size=page_size, cursor=cursor, deadline=deadline()
            )
        )

    def settled(self, snapshot_id: str) -> StorageSnapshot:
        """Wait until a snapshot is no longer creating."""
        wait_for(lambda: self.get(snapshot_id).state is not SnapshotState.CREATING)
        return self.get(snapshot_id)

    def settled_volume(self, volume_id: str) -> StorageVolume:
        """Wait until a volume is no longer creating."""
        wait_for(lambda: self.get_volume(volume_id).state is not VolumeState.CREATING)
        return self.get_volume(volume_id)

    def whole_snapshot(self, volume_id: str, **kw: Any) -> StorageSnapshot:
        """Return a snapshot that is available."""
        found = self.settled(self.snapshot(volume_id, **kw).id)
        assert found.state is SnapshotState.AVAILABLE, found
        return found

    def whole_clone(self, snapshot_id: str, **kw: Any) -> StorageVolume:
        """Return a clone that is available."""
        found = self.settled_volume(self.clone(snapshot_id, **kw).id)
        assert found.state is VolumeState.AVAILABLE, found
        return found

    def snapshot_file(self, snapshot_id: str) -> Path:
        return self.path / "snapshots" / snapshot_id

    def volume_file(self, volume_id: str) -> Path:
        return self.path / "volumes" / volume_id

    def files(self, folder: str = "snapshots") -> list[str]:
        """Return the names of all files of a folder, the hidden ones too."""
        return sorted(os.listdir(self.path / folder))

    def open_images(self) -> list[str]:
        """Return the image files that this process has open."""
        found = []
        for fd in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(f"/proc/self/fd/{fd}"))
        folders = (f"{self.path}/volumes/", f"{self.path}/snapshots/")
        return [name for name in found if name.startswith(folders)]


@contextlib.contextmanager
def opened(path: Path, **options: Any) -> Iterator[Local]:
    """Open a store for a block."""
    local = Local(path, **options)
    try:
        yield local
    finally:
        local.close()


@contextlib.contextmanager
def refused(code: ErrorCode, words: str = "") -> Iterator[None]:
    """Check that the block raises what the driver classifies as ``code``."""
    kinds = (OSError, NoSuchDisk, WrongState, BadRequest, NotAnImage, BadCredentials)
    with pytest.raises((*kinds, sa.exc.SQLAlchemyError)) as caught:
        yield
    found = LocalDriver.classify(caught.value)
    assert found is not None
    assert (found.code, words in found.message) == (code, True), found


def wait_for(condition: Callable[[], T], limit_s: float = LIMIT_S) -> T:
    """Poll until ``condition`` returns something true and return that."""
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
    return found


def execute(path: Path, statement: str, *values: Any) -> list[Any]:
    """Run one SQL statement on a store's database, past the driver."""
    with contextlib.closing(sqlite3.connect(path / "snapgate.db", timeout=30)) as database:
        rows = database.execute(statement, values).fetchall()
        database.commit()
    return rows


def _all_pages(list_page: Callable[[str | None], Page[T]]) -> list[T]:
    found: list[T] = []
    cursor = None
    while True:
        page = list_page(cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
