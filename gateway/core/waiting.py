"""Waiting for what a backend has begun, without asking it more often than it is good for.

Who waits holds nothing: no lock, no connection, no thread of a pool; on the server a waiting
request is a greenlet that sleeps.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.driver import Deadline, DriverError, ErrorCode

T = TypeVar("T")
_FIRST_S, _LONGEST_S, _GROWTH = 0.1, 5.0, 1.6
"""The pauses between two looks: what is small ends soon, what is large is asked for seldom."""
_JITTER = 0.25
"""Of a pause, up or down: those who began together shall not go on asking together."""
_LAST_S = 0.5
"""Before the end comes the last look, which needs some time too."""
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
        self._last = self._end - min(_LAST_S, patience.limit_s / 4)

    def until(
        self,
        look: Callable[[Deadline], T],
        is_over: Callable[[T], bool],
        *,
        seen: T | None = None,
        ends_when_gone: bool = False,
    ) -> Waited[T]:
        """Look again and again until it is over, or the patience is.

        The change that is waited for has happened, whatever becomes of a look; so no
        failure of one is raised.

        Args:
            look: asks the backend, within a deadline.
            is_over: whether what it has seen is the end; what it raises ends the wait.
            seen: what is known already.
            ends_when_gone: whether ``not_found`` is the end.
        """
        pause, error = _FIRST_S, None
        while self._rest(pause):
            try:
                seen, error = look(Deadline(max(self._end - time.monotonic(), 0))), None
            except DriverError as exc:
                error = exc
                if ends_when_gone and exc.code is ErrorCode.NOT_FOUND:
                    return Waited(None, is_gone=True)
                if exc.code not in _HOPEFUL:
                    break
            else:
                if is_over(seen):
                    return Waited(seen, is_over=True)
            pause = min(pause * _GROWTH, _LONGEST_S)
            pause = max(pause, (error and error.retry_after_s) or 0)
        return Waited(seen, error=error)

    def _rest(self, pause: float) -> bool:
        """Sleep until the next look; return whether there is to be one."""
        now = time.monotonic()
        if now >= self._last:
            return False
        pause *= 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - no secret
        if not self._sleep_until(min(now + pause, self._last)):
            return False
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
