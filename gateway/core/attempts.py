"""Which keys are being worked on now, in all processes of this server, and what came of others."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from cachetools import TTLCache

from gateway.core.claims import Claims
from gateway.driver import DriverError, ErrorCode, Marker

_REMEMBERED = 4096
_REMEMBER_S = 600.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of an attempt: ``made`` is the id of what it made, None if nobody knows."""

    marker: Marker
    made: str | None


class Attempts:
    """The attempts to make something with a key.

    What is under way is known to all processes of one server, what has come of
    an attempt only to the one that made it: it spares a look that a backend may
    not answer yet, and nothing depends on it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = Claims()
        self._ended: TTLCache[bytes, Attempt] = TTLCache(_REMEMBERED, _REMEMBER_S, time.monotonic)

    @contextlib.contextmanager
    def claim(self, name: bytes) -> Iterator[None]:
        """Keep everybody else from working on the same thing in this block.

        Raises:
            DriverError: ``conflict`` if somebody does already.
        """
        if not self._under_way.take(name):
            raise DriverError(
                ErrorCode.CONFLICT,
                "a request with the same Idempotency-Key is being worked on; send it again "
                "for its outcome",
                retry_after_s=1,
            )
        try:
            yield
        finally:
            self._under_way.release(name)

    def remember(self, name: bytes, attempt: Attempt) -> None:
        """Keep for some minutes what has come of an attempt."""
        with self._lock:
            self._ended[name] = attempt

    def recall(self, name: bytes) -> Attempt | None:
        """Return what has come of an attempt, if it was made here of late."""
        with self._lock:
            return self._ended.get(name)

    def forget(self, name: bytes) -> None:
        """Remember an attempt no longer."""
        with self._lock:
            self._ended.pop(name, None)
