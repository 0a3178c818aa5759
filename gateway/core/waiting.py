"""Waiting for what a backend has begun, without asking it more often than it is good for.

Who waits holds nothing: no lock, no connection, no thread of a pool; on the server a waiting
request is a greenlet that sleeps.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from gateway.driver import Deadline, DriverError, ErrorCode

T = TypeVar("T")
_FIRST_S, _LONGEST_S, _GROWTH = 0.1, 5.0, 1.6
"""The pauses between two looks: what is small ends soon, what is large is asked for seldom."""
_JITTER = 0.25
"""Of a pause, up or down: those who began together shall not go on asking together."""
_LAST_S, _LEAST_S = 0.5, 0.1
"""The last look begins so long before the end, at the most and at the least: it takes time."""
_ROOM = 2
"""How many times as long as the longest look so far that is."""
_SLICE_S = 0.25
"""How long nobody notices that the caller has gone."""
_HOPEFUL = frozenset(
    {
        ErrorCode.BACKEND,
        ErrorCode.NOT_FOUND,  # EC2 shows late what it has made
        ErrorCode.RATE_LIMITED,
        ErrorCode.TIMEOUT,
        ErrorCode.UNAVAILABLE,
    }
)
"""Failures of a look after which another one may work."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long somebody waits at the most, and what ends it before (nobody listens any more)."""

    limit_s: float
    has_ended: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Waited(Generic[T]):
    """What is known when a wait ends.

    Attributes:
        item: as it was seen last; None if nobody knows.
        is_over: what was waited for has come.
        is_gone: there is no such thing any more.
        error: why the last look saw nothing.
    """

    item: T | None
    is_over: bool = False
    is_gone: bool = False
    error: DriverError | None = None


class Watch(Generic[T]):
    """One thing that is waited for, from look to look.

    The change that is waited for has happened, whatever becomes of a look; so no
    failure of one is raised.

    Args:
        look: asks the backend, within a deadline.
        is_end: whether what it has seen is the end; what it raises is one, too.
        seen: what is known already.
        ends_when_gone: whether ``not_found`` is the end.
    """

    def __init__(
        self,
        look: Callable[[Deadline], T],
        is_end: Callable[[T], bool],
        *,
        seen: T | None = None,
        ends_when_gone: bool = False,
    ) -> None:
        self._look = look
        self._is_end = is_end
        self._ends_when_gone = ends_when_gone
        self._failure: DriverError | None = None
        self._waited = Waited(seen)
        self.is_left = True
        """Whether another look makes sense."""

    @property
    def pause_s(self) -> float:
        """How long the backend wants to be left alone."""
        error = self._waited.error
        return (error and error.retry_after_s) or 0

    def look(self, limit: Deadline) -> None:
        """Look once."""
        try:
            seen = self._look(limit)
        except DriverError as error:
            if self._ends_when_gone and error.code is ErrorCode.NOT_FOUND:
                self._waited, self.is_left = Waited(None, is_gone=True), False
                return
            self._waited = replace(self._waited, error=error)
            self.is_left = error.code in _HOPEFUL
        else:
            self.judge(seen)

    def judge(self, seen: T) -> None:
        """Take what is seen for what a look has found."""
        try:
            is_over = self._is_end(seen)
        except DriverError as error:
            self._failure, self.is_left = error, False
            return
        self._waited, self.is_left = Waited(seen, is_over=is_over), not is_over

    def result(self) -> Waited[T]:
        """Return what is known.

        Raises:
            DriverError: what ``is_end`` has raised.
        """
        if self._failure is not None:
            raise self._failure
        return self._waited


class Polls:
    """A backend's budget: so many looks a second, shared by all who wait in this process."""

    def __init__(self, per_s: float = 10.0) -> None:
        self._gap_s = 1 / per_s
        self._lock = threading.Lock()
        self._free: dict[str, float] = {}

    def reserve(self, backend: str, *, before: float) -> float | None:
        """Return when the next look may begin, by ``time.monotonic()``; None if not ``before``."""
        with self._lock:
            at = max(time.monotonic(), self._free.get(backend, 0.0))
            if at >= before:
                return None
            self._free[backend] = at + self._gap_s
            return at


class Wait:
    """One caller's wait at one backend; the time begins when it is made."""

    def __init__(self, patience: Patience, polls: Polls, backend: str) -> None:
        self._patience = patience
        self._polls = polls
        self._backend = backend
        self._end = time.monotonic() + patience.limit_s
        self._most_s = min(_LAST_S, patience.limit_s / 4)
        self._last = self._end - self._most_s
        self._longest_s = 0.0

    def until(
        self,
        look: Callable[[Deadline], T],
        is_end: Callable[[T], bool],
        *,
        seen: T | None = None,
        ends_when_gone: bool = False,
    ) -> Waited[T]:
        """Watch one thing until its end, or that of the patience; see ``Watch``."""
        watch = Watch(look, is_end, seen=seen, ends_when_gone=ends_when_gone)
        self.watch([watch])
        return watch.result()

    def watch(self, watches: Sequence[Watch[Any]]) -> None:
        """Look at each again and again until all have ended, or the patience has.

        They take turns, so that none has to wait for the end of another.
        """
        left, pause = [one for one in watches if one.is_left], _FIRST_S
        while left and self._rest(pause):
            for number, one in enumerate(left):
                if number and not self._next():
                    return
                self._look(one)
            left = [one for one in left if one.is_left]
            pause = min(pause * _GROWTH, _LONGEST_S)
            pause = max([pause, *(one.pause_s for one in left)])

    def _look(self, one: Watch[Any]) -> None:
        """Look once; the longer that takes, the earlier the last look has to be."""
        start = time.monotonic()
        one.look(Deadline(max(self._end - start, 0)))
        self._longest_s = max(self._longest_s, time.monotonic() - start)
        needed_s = max(_ROOM * self._longest_s, _LEAST_S)
        self._last = self._end - min(needed_s, self._most_s)

    def _rest(self, pause: float) -> bool:
        """Sleep until the next look; return whether there is to be one."""
        now = time.monotonic()
        if now >= self._last:
            return False
        pause *= 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - no secret
        if not self._sleep_until(min(now + pause, self._last)):
            return False
        return self._next()

    def _next(self) -> bool:
        """Sleep until the backend may be asked; return whether it may be in time."""
        at = self._polls.reserve(self._backend, before=self._end)
        return self._sleep_until(self._end if at is None else at) and at is not None

    def _sleep_until(self, moment: float) -> bool:
        """Sleep; return whether the caller is still there."""
        while not self._patience.has_ended():
            left = moment - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, _SLICE_S))
        return False
