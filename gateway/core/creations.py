"""Creations that end truthfully: each carries a marker, and one whose answer is lost is looked for.

A backend that accepted a request and whose answer was lost has made something
that nobody knows the id of. To send the request again could make a second one.
So it is looked for by its marker, which travelled in the create call itself.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, NamedTuple, TypeVar

from gateway.driver import (
    Capability,
    CreateSnapshot,
    DriverError,
    ErrorCode,
    Marker,
    StorageSnapshot,
    StorageVolume,
)

T = TypeVar("T", StorageSnapshot, StorageVolume)
Condition = Callable[[StorageSnapshot], None]
"""Raises ``precondition_failed`` for a snapshot that is not what it must be."""
_LOOK_S = 5.0
_SHARE = 0.25
"""Of a call's time that a look for what it made takes at the most."""
_LEAST_S = 1.0
"""What a look has that begins just before the end: time enough to see something."""
_PAUSE_S = 0.1
"""Between two looks, at first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms something is made.

    Attributes:
        key: the caller's Idempotency-Key.
        item: which one it is of several that have the key together, from 0.
        unless_newer_than: a ready snapshot of the volume that is younger will do.
        only_if: what the snapshot must be like of which a clone or a copy is made.
    """

    key: str | None = None
    item: int = 0
    unless_newer_than: timedelta | None = None
    only_if: Condition | None = None

    @property
    def given(self) -> dict[str, str]:
        """What of the terms belongs to the request that a key stands for."""
        age = self.unless_newer_than
        return {} if age is None else {"unless_newer_than": str(age.total_seconds())}


NO_TERMS = Terms()


class NewSnapshot(NamedTuple):
    """One snapshot that a request asks for, and the terms that are its own."""

    request: CreateSnapshot
    unless_newer_than: timedelta | None = None

    def terms(self, given: Terms, item: int = 0) -> Terms:
        """Return the terms of this one in a request that has ``given``."""
        return Terms(given.key, item, self.unless_newer_than)


@dataclass(frozen=True, slots=True)
class Creations(Generic[T]):
    """What an account has of one kind of things, as far as requests made it.

    Attributes:
        kind: ``snapshot`` or ``volume``.
        capability: without which nothing of the kind carries a marker.
        get: returns one by its id.
        list_by: returns what carries a marker of this id, within so many seconds.
        delete: deletes one; None where the driver cannot.
        call_s: how long one call may take.
        tick_s: how exact the times of creation are.
    """

    kind: str
    capability: Capability
    get: Callable[[str], T]
    list_by: Callable[[str, float], list[T]]
    delete: Callable[[str], None] | None
    call_s: float
    tick_s: float

    @property
    def look_s(self) -> float:
        """How long a look for something goes on at the most."""
        return min(_LOOK_S, self.call_s * _SHARE)

    def make(self, marker: Marker, send: Callable[[], T]) -> tuple[T, bool]:
        """Return what ``send`` makes, and whether it was only found: its answer was lost.

        Raises:
            DriverError: that of ``send`` if it made nothing; ``timeout`` with the
                marker if nobody knows, ``internal`` with it if that is the driver's bug.
        """
        try:
            return send(), False
        except DriverError as error:
            if not error.maybe_done:
                raise
            if error.code is ErrorCode.INTERNAL:  # to adopt something would hide the bug
                raise error.as_unknown(marker.id) from error.__cause__
            found = self._look_for(marker)
            if len(found) == 1:
                return found[0], True
            if found:
                raise several(self.kind, found) from error
            raise error.as_unknown(marker.id) from error

    def looks(self) -> Iterator[float]:
        """Yield the seconds for one look after another, with growing pauses between."""
        end, pause = time.monotonic() + self.look_s, _PAUSE_S
        least = min(_LEAST_S, self.look_s)
        while (left := end - time.monotonic()) > 0:
            yield max(left, least)
            time.sleep(min(pause, max(end - time.monotonic(), 0)))
            pause *= 2

    def _look_for(self, marker: Marker) -> list[T]:
        """Return what carries a marker, once there is something; a failed look is none."""
        for left in self.looks():
            try:
                found = self.list_by(marker.id, left)
            except DriverError:  # a backend that has just lost an answer may be away a while
                continue
            if found:
                return found
        return []


def new_marker(request: str) -> Marker:
    """Return a marker for one request, of which ``request`` is a digest."""
    return Marker(secrets.token_hex(16), request)


def several(kind: str, found: Sequence[T]) -> DriverError:
    """Return the error for more than one thing where one was asked for; it names them."""
    ids = ", ".join(sorted(item.id for item in found))
    return DriverError(
        ErrorCode.CONFLICT,
        f"the same request was sent through several servers at once and has made more than one "
        f"{kind}: {ids}; delete all but one",
    )
