"""What every call of one caller's driver goes through: no wrong answer and no secret comes back."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from gateway.core.answers import fault_in, fault_of
from gateway.core.guard import DriverBug, Guard, Stopwatch, bug
from gateway.core.registry import Provider
from gateway.core.secrecy import Secrets
from gateway.core.sessions import OpenedDriver, Sessions
from gateway.driver import (
    Credentials,
    Deadline,
    Driver,
    DriverError,
    Page,
    StorageSnapshot,
    StorageVolume,
)

T = TypeVar("T")
_REMEMBERED = 4
"""Answers; a list that is read ahead has two pages under way."""


class Boundary:
    """One caller's way to the driver of one provider."""

    __slots__ = ("_answers", "_guard", "_secrets", "provider", "stopwatch")

    def __init__(self, provider: Provider, guard: Guard, credentials: Credentials) -> None:
        self.provider = provider
        self.stopwatch = Stopwatch()
        self._guard = guard
        self._secrets = Secrets(credentials)
        self._answers: deque[Any] = deque(maxlen=_REMEMBERED)

    def open(self, sessions: Sessions, credentials: Credentials) -> OpenedDriver:
        """Return the caller's opened driver."""
        return self._run(sessions.get, provider=self.provider, credentials=credentials)

    @property
    def timeout_s(self) -> float:
        """How long a call may take."""
        return self._guard.timeout_s

    def turn(self, thing: str) -> AbstractContextManager[None]:
        """Keep others in this server from changing a thing meanwhile; see ``Turns.take``."""
        return self._guard.turn(self.provider, thing)

    def call(
        self,
        driver: Driver,
        method: Callable[..., T],
        *args: Any,
        limit: Deadline | None = None,
        **kw: Any,
    ) -> T:
        """Return what a method of a driver answers, if that is what it may answer.

        Args:
            driver: the opened driver.
            method: the method, as the class Driver has it.
            args: what it is given,
            limit: when the answer must be there, if that is before the time of a call is over.
            kw: what else it is given, beside the deadline.

        Raises:
            DriverError: the driver's, or what its answer is a bug of.
        """
        name = method.__name__
        answer: T = self._run(_call, driver, name, *args, limit=limit, **kw)
        fault = fault_of(name, answer, page_size=kw.get("page_size"))
        if fault is None and isinstance(answer, str) and self._secrets.are_among([answer]):
            fault = f"what {name} returned is withheld, for it held a secret of your credentials"
        if fault is not None:
            raise DriverBug(self.provider, fault)
        self._answers.append(answer)
        return answer

    def ahead(self, function: Callable[..., T], /, *args: Any) -> Any:
        """Start ``function(*args)``, which calls the driver, and return its result to come."""
        return self._guard.ahead(self.provider, function, *args)

    def blame(self, exc: Exception) -> DriverError:
        """Return whose bug an exception of the gateway is, after what the driver has answered last.

        Looking at each field of each row beforehand would cost more than writing it.
        """
        for answer in list(self._answers):
            rows = answer.items if isinstance(answer, Page) else (answer,)
            fault = next(filter(None, map(_fault, rows)), None)
            if fault is not None:
                error = DriverBug(self.provider, f"it returned a wrong field: {fault}")
                error.__cause__ = exc
                return error
        return bug(exc)

    def _run(
        self, function: Callable[..., T], *args: Any, limit: Deadline | None = None, **kw: Any
    ) -> T:
        start, longest = time.perf_counter(), self._guard.timeout_s
        deadline = Deadline(min(longest, limit.remaining_s()) if limit else longest)
        try:
            return self._guard.call(self.provider, function, *args, **kw, deadline=deadline)
        except DriverError as error:
            if not self._secrets.are_in(error):
                raise
            raise self._withheld(error) from error.__cause__
        finally:
            self.stopwatch.add_since(start, deadline.calls)

    def _withheld(self, error: DriverError) -> DriverBug:
        """Return the error without anything that its driver put into words."""
        return DriverBug(
            self.provider,
            f"its message ({error.code}) is withheld, for it held a secret of your credentials",
            code=error.code,
            retry_after_s=error.retry_after_s,
            maybe_done=error.maybe_done,
        )


def _call(driver: Driver, method: str, /, *args: Any, **kw: Any) -> Any:
    return getattr(driver, method)(*args, **kw)


def _fault(item: object) -> str | None:
    return fault_in(item) if isinstance(item, StorageSnapshot | StorageVolume) else None
