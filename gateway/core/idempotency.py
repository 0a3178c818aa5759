"""Creations with a key: however often a request with one is sent, one thing is made.

There is no record of ours: the marker of the key is looked for at the backend
before anything is made, so a repeat finds the first result through any server and
after a restart. Two requests at one moment are kept apart within a server; of two
that meet through different servers one gives way, as far as the backend shows them
to each other. DESIGN.md says what remains.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Literal, TypeVar

from gateway.core.attempts import Attempt, Attempts
from gateway.core.creations import Creations
from gateway.driver import DriverError, ErrorCode, Marker, StorageSnapshot, StorageVolume

T = TypeVar("T", StorageSnapshot, StorageVolume)
Found = Literal["key", "age"]


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """What a creation ends with.

    Attributes:
        item: the snapshot or volume.
        found: why nothing new was made: its key was used before, or its age is enough;
            None for something new.
        others: ids of what the key has made besides: a backend carried out late what
            was sent before, and nobody was told of it.
    """

    item: T
    found: Found | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyed(Generic[T]):
    """A creation that a key stands for.

    Attributes:
        marker: the key's, with the digest of the request.
        caller: what tells this account and provider from others.
        creations: where to look.
        send: makes it, carrying the marker.
        instead: returns something that makes it needless to send, if there is such.
    """

    marker: Marker
    caller: bytes
    creations: Creations[T]
    send: Callable[[], T]
    instead: Callable[[], T | None] = lambda: None

    def run(self, attempts: Attempts) -> Made[T]:
        """Return what the key stands for, made now or before.

        Raises:
            DriverError: ``key_reused`` where it stands for another request, ``conflict``
                while somebody else works on it, or what the creation itself raises.
        """
        name = hashlib.blake2b(
            b"\0".join([self.caller, self.creations.kind.encode(), self.marker.id.encode()])
        ).digest()
        with attempts.claim(name):
            found = self._before(attempts, name)
            if found is None:
                enough = self.instead()
                found = self._make(attempts, name) if enough is None else Made(enough, "age")
        return found

    def _before(self, attempts: Attempts, name: bytes) -> Made[T] | None:
        """Return what an earlier request with the key has made."""
        found = self._kept()
        last = attempts.recall(name)
        if not found and last is not None:
            found = self._of_last(last)
            if not found:
                attempts.forget(name)
        # What the backend shows late it may show without its marker at first.
        return _replayed(found, self.marker, shown_as=last.marker if last else self.marker)

    def _of_last(self, last: Attempt) -> list[T]:
        """Return what the last attempt here has made, which the backend may not show yet."""
        if last.made is not None:
            try:
                return [self.creations.get(last.made)]
            except DriverError as error:
                if error.code is not ErrorCode.NOT_FOUND:
                    raise
                return []
        for left in self.creations.looks():  # it may still be on its way
            found = self.creations.list_by(self.marker.id, left)
            if found:
                return _by_age(found)
        return []

    def _kept(self) -> list[T]:
        """Return what carries the marker, and is to stay; the oldest first."""
        found = self._listed(self.creations.call_s)
        if len(found) > 1:  # one of them may be about to give way
            for left in self.creations.looks():
                found = self._listed(left)
                if len(found) <= 1 or self._is_clear(_by_age(found)):
                    break
        return _by_age(found)

    def _make(self, attempts: Attempts, name: bytes) -> Made[T]:
        try:
            mine, is_adopted = self.creations.make(self.marker, self.send)
        except DriverError as error:
            if error.maybe_done:
                attempts.remember(name, Attempt(self.marker, None))
            if error.code is not ErrorCode.KEY_REUSED:
                raise
            return self._taken(error)
        attempts.remember(name, Attempt(self.marker, mine.id))
        if is_adopted:  # it may be that of another server, who has told a client of it
            return Made(mine)
        try:
            settled = self._settled(mine)
        except DriverError:
            attempts.forget(name)
            raise
        attempts.remember(name, Attempt(self.marker, settled.item.id))
        return settled

    def _taken(self, error: DriverError) -> Made[T]:
        """Return what another server has made with the marker since we looked for it."""
        found = _replayed(self._kept(), self.marker)
        if found is None:
            raise error
        return found

    def _settled(self, mine: T) -> Made[T]:
        """Return what has just been made, unless another server has made the same before.

        Of two the older one stays. Where their times do not tell, the one with the larger
        id gives way, and the other one stays only once it is alone: it may have been
        too late, and the other one be told to a client already.
        """
        if self.creations.delete is None:
            return Made(mine)
        rivals: list[T] = []
        for left in self.creations.looks():
            try:
                found = self._listed(left)
            except DriverError:  # mine is made, whatever becomes of a look
                continue
            rivals = [one for one in found if one.id != mine.id]
            if len(rivals) == len(found):
                continue  # the backend does not show yet what it has made
            verdict = self._verdict(mine, rivals)
            if verdict is not None:
                return verdict
        if not rivals:
            return Made(mine)
        self._give_way(mine, rivals)
        raise _collided()

    def _verdict(self, mine: T, rivals: Sequence[T]) -> Made[T] | None:
        """Return how it ends; None where only time tells."""
        if all(self._is_older(mine, rival) for rival in rivals):
            return Made(mine)
        everybody: list[T] = [mine]
        everybody += rivals
        first = _by_age(everybody)
        if first[0].id != mine.id and self._is_clear(first):
            self._give_way(mine, rivals)
            return _replayed([one for one in first if one.id != mine.id], self.marker)
        if mine.id == max(one.id for one in first):
            self._give_way(mine, rivals)
            raise _collided()
        return None

    def _is_older(self, one: T, other: T) -> bool:
        if one.created is None or other.created is None:
            return False
        return other.created - one.created > timedelta(seconds=self.creations.tick_s)

    def _is_clear(self, by_age: Sequence[T]) -> bool:
        """Return whether the first is older than all others, for everybody who looks."""
        return all(self._is_older(by_age[0], other) for other in by_age[1:])

    def _give_way(self, mine: T, rivals: Sequence[T]) -> None:
        """Delete what nobody has been told of.

        Raises:
            DriverError: ``conflict`` if the backend does not let us in time.
        """
        is_gone = False
        for _ in self.creations.looks():
            try:
                self._delete(mine)
            except DriverError as error:
                is_gone = error.code is ErrorCode.NOT_FOUND  # or it is not shown yet
                continue
            return
        if is_gone:
            return
        kept = ", ".join(sorted(one.id for one in rivals))
        raise DriverError(
            ErrorCode.CONFLICT,
            f"two servers have used the Idempotency-Key at the same moment; {self.creations.kind} "
            f"{mine.id!r} is one too many and cannot be deleted yet: delete it and keep {kept}",
        )

    def _delete(self, mine: T) -> None:
        assert self.creations.delete is not None, "_settled() has looked"  # noqa: S101
        self.creations.delete(mine.id)

    def _listed(self, seconds: float) -> list[T]:
        return self.creations.list_by(self.marker.id, seconds)


def made_before(creations: Creations[T], marker: Marker) -> Made[T] | None:
    """Return what a key has made, in one look; None if there is nothing.

    Raises:
        DriverError: ``key_reused`` where it stands for another request.
    """
    return _replayed(_by_age(creations.list_by(marker.id, creations.call_s)), marker)


def _replayed(by_age: Sequence[T], asked: Marker, shown_as: Marker | None = None) -> Made[T] | None:
    """Return what carries the marker of a key, None if there is nothing.

    Of several the oldest that is not being deleted.

    Args:
        by_age: what carries it, the oldest first.
        asked: the marker of this request.
        shown_as: what counts for a thing that is shown without its marker.

    Raises:
        DriverError: ``key_reused`` where the key stands for another request.
    """
    if not by_age:
        return None
    staying = [one for one in by_age if one.state.value != "deleting"]
    first, *others = staying or by_age[:1]
    if (first.created_by or shown_as or asked).request != asked.request:
        raise DriverError(
            ErrorCode.KEY_REUSED,
            "the Idempotency-Key was used before with another request; give each request "
            "a key of its own",
        )
    return Made(first, "key", tuple(one.id for one in others))


def _by_age(found: Sequence[T]) -> list[T]:
    """Return the oldest first; what has no time comes last, by id."""
    return sorted(
        found,
        key=lambda one: (
            one.created is None,
            one.created.timestamp() if one.created else 0.0,
            one.id,
        ),
    )


def _collided() -> DriverError:
    return DriverError(
        ErrorCode.CONFLICT,
        "another server has used the Idempotency-Key at the same moment, and nobody can tell "
        "which was first; send it again for its outcome",
        retry_after_s=2,
    )
