"""The time that one call may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from gateway.driver.errors import DriverError, ErrorCode


class Deadline:
    """A point in time that a call must not outlive.

    Drivers hand ``remaining_s()`` to their SDK as its time-out, so that no
    call out waits longer than the client of the gateway was promised.
    """

    __slots__ = ("_at", "calls", "limit_s")

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.calls = 0
        """How many requests to the backend it has taken so far, where they are counted."""
        self._at = time.monotonic() + limit_s

    def remaining_s(self) -> float:
        """Return the seconds left, always above zero.

        Raises:
            DriverError: ``timeout`` when none are left.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise self.error()
        return left

    def error(self) -> DriverError:
        """Return the ``timeout`` error that says how long the call could take."""
        return DriverError(
            ErrorCode.TIMEOUT, f"the call did not finish within {self.limit_s:g} seconds"
        )


_bound: ContextVar[Deadline] = ContextVar("deadline")


@contextmanager
def within(deadline: Deadline) -> Iterator[None]:
    """Bind the calls of this block to a deadline, for an SDK that takes no time-out per call.

    What the SDK lets a driver hook into asks ``time_left_s()``.
    """
    token = _bound.set(deadline)
    try:
        yield
    finally:
        _bound.reset(token)


def time_left_s() -> float:
    """Return the seconds that the present call has left.

    Raises:
        DriverError: ``timeout`` when none are left.
        LookupError: outside ``within()``; a call that nothing limits is a bug.
    """
    return _bound.get().remaining_s()


def count_call() -> None:
    """Count a request to the backend, which is told to clients who ask how a list was made."""
    _bound.get().calls += 1
