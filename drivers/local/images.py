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

    @contextlib.contextmanager
    def held(self, image_id: str) -> Iterator[bool]:
        """Lock a whole image for the block; yield False where somebody else has locked it.

        What is gone, or cannot be opened, needs no lock.
        """
        try:
            fd = self.open(image_id)
        except (OSError, NotAnImage):
            yield True
            return
        try:
            yield _is_locked_now(fd)
        finally:
            os.close(fd)

    def new_partial(self, image_id: str) -> "Partial":
        """Return a new, empty, locked file for an image that is to be written."""
        while True:
            fd = os.open(self._partial(image_id), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if self._is_partial(image_id, fd):  # else a clean-up took it before it was locked
                return Partial(self, image_id, fd)
            os.close(fd)

    def adopt_partial(self, image_id: str, *, create: bool = False) -> "Partial | None":
        """Return the file of a copy whose writer is gone; None while somebody writes it.

        Args:
            image_id: what is written.
            create: make the file if there is none; else that is None, too.
        """
        flags = os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        try:
            fd = os.open(self._partial(image_id), flags, 0o600)
        except FileNotFoundError:
            return None
        # Since it was opened its writer may have named or removed it, and then it is no partial
        # any more: what has the name now is somebody else's.
        if _is_locked_now(fd) and self._is_partial(image_id, fd):
            return Partial(self, image_id, fd)
        os.close(fd)
        return None

    def _is_partial(self, image_id: str, fd: int) -> bool:
        """Return whether an open file is the one that has the name of a partial."""
        try:
            named = os.lstat(self._partial(image_id))
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(fd))

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

    def _partial(self, image_id: str) -> str:
        return f"{self._prefix}{_PREFIX}{image_id}{_SUFFIX}"


class Partial:
    """A locked file that becomes an image when it is whole.

    Only who has locked it gives it a name or removes it.
    """

    def __init__(self, folder: ImageFolder, image_id: str, fd: int) -> None:
        self.folder = folder
        self.image_id = image_id
        self.fd = fd
        self.is_whole = False

    def finish(self) -> None:
        """Give the file its name, durably. The lock stays."""
        folder_fd = os.open(self.folder.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(self.fd)
            os.rename(self.folder._partial(self.image_id), self.folder._path(self.image_id))
            self.is_whole = True
            os.fsync(folder_fd)
        finally:
            os.close(folder_fd)

    def discard(self) -> None:
        """Remove the file, half-written or whole."""
        names = self.folder._path if self.is_whole else self.folder._partial
        compute(_unlink, names(self.image_id))

    def close(self) -> None:
        """Unlock."""
        os.close(self.fd)


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _is_locked_now(fd: int) -> bool:
    """Lock a file unless somebody else has; return whether it is locked by us."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
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
