"""Image files in a folder: safe names, locks, copies that never look whole too early.

A file being written is ``.snapgate-<id>.partial`` and is locked (flock) by whoever
writes it; the kernel drops the lock when the writer dies, even by ``kill -9``.
Only a file that is complete and on the disk gets its name ``<id>``.
"""

import contextlib
import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from gateway.driver import compute

FICLONE = 0x40049409
"""ioctl of linux/fs.h: make a file share another's blocks (ioctl_ficlone(2))."""
BLOCK = 512
"""Unit of st_blocks (stat(2))."""
_MTIME_TICK_S = 0.02
"""Longer than one tick of the kernel's file clock: 10 ms at HZ=100."""
_MAX_NAME_BYTES = 200
_PREFIX, _SUFFIX = ".snapgate-", ".partial"


class NotAnImage(Exception):
    """There is a file of this name, and it is no regular file."""


class ImageFolder:
    """The images of one kind, each a regular file whose name is its id."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._prefix = f"{path}{os.sep}"  # joined as text: a list makes two paths a row
        path.mkdir(parents=True, exist_ok=True)

    def ids(self) -> list[str]:
        """Return the ids of all whole images, sorted. Links and odd names are no images."""
        with os.scandir(self.path) as entries:
            return sorted(
                entry.name
                for entry in entries
                if is_safe_name(entry.name) and entry.is_file(follow_symlinks=False)
            )

    def stat(self, image_id: str) -> os.stat_result | None:
        """Return the facts of an image file; None when there is none."""
        if not is_safe_name(image_id):
            return None
        try:
            facts = os.lstat(self._path(image_id))
        except FileNotFoundError:
            return None
        return facts if stat.S_ISREG(facts.st_mode) else None

    def open(self, image_id: str) -> int:
        """Open an image for reading and return the file descriptor.

        Raises:
            OSError: missing, or not readable by this process.
            NotAnImage: a link, a folder, a device, or a name that is not safe.
        """
        if not is_safe_name(image_id):
            raise NotAnImage(image_id)
        try:
            # O_NONBLOCK: opening a FIFO must not wait for its writer.
            fd = os.open(self._path(image_id), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as exc:
            if exc.errno in (errno.ELOOP, errno.ENXIO):
                raise NotAnImage(image_id) from exc
            raise
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise NotAnImage(image_id)
        return fd

    def remove(self, image_id: str) -> bool:
        """Delete an image file and return whether it was there."""
        return compute(_unlink, self._path(image_id))  # a large one takes its time

    def new_partial(self, image_id: str) -> "Partial":
        """Return a new, empty, locked file for an image that is to be written."""
        while True:
            fd = os.open(self._partial(image_id), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:  # else a clean-up took it before it was locked
                return Partial(self, image_id, fd)
            os.close(fd)

    def adopt_partial(self, image_id: str) -> "Partial | None":
        """Return the file of a copy whose writer is gone; None while somebody writes it."""
        fd = os.open(self._partial(image_id), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return Partial(self, image_id, fd)

    def changed_ns(self) -> int:
        """Return when a file was last added, renamed or removed, in ns since 1970."""
        return self.path.stat().st_mtime_ns

    def partial_ids(self) -> Iterator[str]:
        """Yield the ids of all images that are being written or were left half written."""
        for name in compute(os.listdir, self.path):
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                path = self.path / name
                if not path.is_symlink() and path.is_file():
                    yield name[len(_PREFIX) : -len(_SUFFIX)]

    def _path(self, image_id: str) -> str:
        return self._prefix + image_id

    def _partial(self, image_id: str) -> Path:
        return self.path / f"{_PREFIX}{image_id}{_SUFFIX}"


class Partial:
    """A locked file that becomes an image when it is whole."""

    def __init__(self, folder: ImageFolder, image_id: str, fd: int) -> None:
        self.folder = folder
        self.image_id = image_id
        self.fd = fd

    def finish(self) -> os.stat_result:
        """Give the file its name, durably, and return its facts. The lock stays."""
        os.fsync(self.fd)
        os.rename(self.folder._partial(self.image_id), self.folder._path(self.image_id))
        folder_fd = os.open(self.folder.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder_fd)
        finally:
            os.close(folder_fd)
        return os.fstat(self.fd)

    def discard(self) -> None:
        """Remove the half-written file."""
        self.folder._partial(self.image_id).unlink(missing_ok=True)

    def close(self) -> None:
        """Unlock."""
        os.close(self.fd)


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


@lru_cache(maxsize=4096)
def is_safe_name(name: str) -> bool:
    """Return whether a file name can be an id: printable, visible, no path, not too long."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:  # a name that is not UTF-8, as os.scandir shows it
        return False
    return (
        0 < len(encoded) <= _MAX_NAME_BYTES
        and name.isprintable()
        and not name.startswith(".")
        and "/" not in name
    )


def reflink(source: int, target: int) -> bool:
    """Let ``target`` share all blocks of ``source`` at once; False where that is impossible."""
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError as exc:
        if exc.errno in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS):
            return False
        raise
    return True


def is_open_for_writing(fd: int) -> bool | None:
    """Return whether any process has the file open for writing; None if nobody can tell.

    Source: fcntl(2), F_SETLEASE: a read lease is refused with EAGAIN while the
    file is open for writing.
    """
    try:
        # Who opens the file for writing now, breaks the lease, and the kernel tells us so with a
        # signal: not with the default SIGIO, which ends a process, but with one that is ignored.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def settled_stamp(fd: int) -> str:
    """Return a stamp of the file's content that any later write changes.

    The kernel's file clock is coarse: a write within the tick of the last one
    leaves mtime as it is. So a file that was just written is given that time.
    """
    compute(
        os.fdatasync, fd
    )  # a page that is dirty already is written through mmap without a trace
    for _ in range(3):
        age_s = time.time() - os.fstat(fd).st_mtime
        if not 0 <= age_s < _MTIME_TICK_S:
            break
        time.sleep(_MTIME_TICK_S)
    return stamp(fd)


def stamp(fd: int) -> str:
    """Return what tells whether a file is still the same with the same content."""
    facts = os.fstat(fd)
    return f"{facts.st_dev}:{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}"
