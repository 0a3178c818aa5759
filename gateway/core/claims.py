"""Names that one request at a time can have, in all processes of a server."""

import fcntl
import hashlib
import os
import threading

_LOCKS = os.memfd_create("snapgate-claims", os.MFD_CLOEXEC)
"""A file of no bytes, whose ranges are locked. Made before the server forks, so that all of
its processes have the same one; the kernel drops the locks of one that dies."""


class Claims:
    """The names that are taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[bytes] = set()

    def take(self, name: bytes) -> bool:
        """Take a name and return whether it was free."""
        with self._lock:
            if name in self._taken or not _lock_range(name):
                return False
            self._taken.add(name)
            return True

    def release(self, name: bytes) -> None:
        """Let go of a name that was taken here."""
        with self._lock:
            _unlock_range(name)
            self._taken.discard(name)


def _lock_range(name: bytes) -> bool:
    try:
        fcntl.lockf(_LOCKS, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(name))
    except OSError:
        return False
    return True


def _unlock_range(name: bytes) -> None:
    fcntl.lockf(_LOCKS, fcntl.LOCK_UN, 1, _place(name))


def _place(name: bytes) -> int:
    """Return the one byte of the file that stands for a name."""
    return int.from_bytes(hashlib.blake2b(name, digest_size=7).digest())
