"""The local driver over a folder of real images."""

import contextlib
import errno
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from werkzeug.security import generate_password_hash

from drivers.local import accounts
from drivers.local.driver import LocalDriver
from gateway.conformance.harness import Fault, SnapshotHarness
from gateway.driver import Credentials, Deadline, Driver
from tests.local.stores import MIB, Local, execute, load_options

_open = os.open
_ROOM, _FILES, _NOBODY = "size=64m", 10_000, 65534
_PASSWORD = "no-other-text-has-this"
_HASH = generate_password_hash(_PASSWORD, "pbkdf2:sha256:1")


class LocalHarness(SnapshotHarness):
    """One account of a store; its volumes are files with content.

    There is no connection that could be refused, slow, cut or garbled, nobody counts its
    calls, and who may do what is settled when it is opened: a store cannot have these
    faults. What it can have is a disk without room, a folder that nobody lets it into, and
    a broken database. Nor has it accounts that are strange to each other: all share it.
    """

    backend = "files"
    credentials = Credentials(username="demo", password=_PASSWORD)
    volume_size_bytes = MIB

    def __init__(self) -> None:
        self._running = contextlib.ExitStack()
        self._path = Path(self._running.enter_context(TemporaryDirectory())) / "store"
        self._path.mkdir()
        self._is_mounted = self._mount()
        self._options = load_options(self._path, accounts={"demo": _HASH})
        self._running.enter_context(
            patch.object(accounts, "generate_password_hash", lambda _: _HASH)
        )
        self._store = LocalDriver.share(self._options)
        self._running.callback(self._store.close)
        self._running.callback(Local.end_copies)
        self._writers: list[int] = []

    def open_driver(self) -> Driver:
        """Return a new driver of the account."""
        return self._open_as(self.credentials)

    def open_refused(self) -> Driver:
        """Fail to open a driver with a wrong password."""
        return self._open_as(Credentials(username="demo", password="not the password"))

    def make_volume(self) -> str:
        """Put an image into the folder."""
        name = f"volume-{secrets.token_hex(8)}.img"
        (self._path / "volumes" / name).write_bytes(secrets.token_bytes(4096))
        os.truncate(self._path / "volumes" / name, MIB)
        return name

    def missing_id(self) -> str:
        """Return an id as the store makes them."""
        return f"snap-{secrets.token_hex(8)}"

    def missing_volume_id(self) -> str:
        """Return the name of no file."""
        return f"volume-{secrets.token_hex(8)}.img"

    def write_volume(self, volume_id: str, content: bytes) -> None:
        """Write to the image."""
        with (self._path / "volumes" / volume_id).open("r+b") as file:
            file.write(content)

    def read_volume(self, volume_id: str, length: int) -> bytes:
        """Read from the image."""
        with (self._path / "volumes" / volume_id).open("rb") as file:
            return file.read(length)

    def set_native_state(self, snapshot_id: str, native_state: str) -> None:
        """Write the state that a later version of the driver might write."""
        execute(self._path, "UPDATE disks SET state = ? WHERE id = ?", native_state, snapshot_id)

    def use_volume(self, volume_id: str) -> None:
        """Open an image for writing, as a running machine has it."""
        self._writers.append(os.open(self._path / "volumes" / volume_id, os.O_RDWR))

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Take a snapshot away, whatever the store thinks of its state."""
        self._drop("snapshots", snapshot_id)

    def drop_volume(self, volume_id: str) -> None:
        """Take a volume away, which nobody has open any more."""
        while self._writers:
            os.close(self._writers.pop())
        self._drop("volumes", volume_id)

    def inject(self, fault: Fault) -> AbstractContextManager[None]:
        """Let disk or database fail; what a store cannot have is skipped."""
        faults: Mapping[Fault, Callable[[], AbstractContextManager[None]]] = {
            Fault.QUOTA: self._full,
            Fault.DENIED: self._forbidden,
            Fault.BROKEN: self._broken,
        }
        if fault not in faults:
            pytest.skip(f"a folder on this machine cannot have the fault {fault}")
        return faults[fault]()

    def close(self) -> None:
        """Close the store and remove its folder."""
        while self._writers:
            os.close(self._writers.pop())
        self._running.close()

    def _drop(self, folder: str, disk_id: str) -> None:
        Local.end_copies()
        execute(self._path, "DELETE FROM disks WHERE id = ?", disk_id)
        (self._path / folder / disk_id).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _full(self) -> Iterator[None]:
        """Let the disk have no room for another file."""
        Local.end_copies()
        if not self._is_mounted:  # only root can mount a disk: the kernel's answer is imitated
            with patch("drivers.local.images.os.open", _open_on_full_disk):
                yield
            return
        used = os.statvfs(self._path)
        self._remount(used.f_files - used.f_ffree)
        try:
            yield
        finally:
            self._remount(_FILES)

    @contextlib.contextmanager
    def _forbidden(self) -> Iterator[None]:
        """Let this process not be allowed to look into the folder, which root always is."""
        user = os.geteuid()
        self._path.chmod(0)
        if user == 0:
            os.seteuid(_NOBODY)
        try:
            yield
        finally:
            os.seteuid(user)
            self._path.chmod(0o755)

    @contextlib.contextmanager
    def _broken(self) -> Iterator[None]:
        """Let the database not have its table."""
        execute(self._path, "ALTER TABLE disks RENAME TO disks_away")
        try:
            yield
        finally:
            execute(self._path, "ALTER TABLE disks_away RENAME TO disks")

    def _remount(self, files: int) -> None:
        options = f"remount,{_ROOM},nr_inodes={files}"
        subprocess.run(["mount", "-o", options, str(self._path)], check=True)

    def _mount(self) -> bool:
        """Give the store a disk of its own, if this process may do that."""
        options = f"{_ROOM},nr_inodes={_FILES}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._path)]
        if os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
            return False
        self._running.callback(subprocess.run, ["umount", "-l", str(self._path)], check=True)
        return True

    def _open_as(self, credentials: Credentials) -> Driver:
        return LocalDriver.open(
            self._options, credentials, shared=self._store, deadline=Deadline(10)
        )


def _open_on_full_disk(path: Any, flags: int, *args: Any, **kw: Any) -> int:
    if flags & os.O_CREAT:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    return _open(path, flags, *args, **kw)
