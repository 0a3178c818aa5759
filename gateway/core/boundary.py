"""What every call of one caller's driver goes through: no wrong answer and no secret comes back."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from gateway.core.answers import fault_in, fault_of
from gateway.core.guard import DriverBug, Guard, Stopwatch, bug
from gateway.core.registry import Provider
from gateway.core.secrecy import Secrets
from gateway.core.sessions import OpenedDriver, Sessions
from gateway.driver import Credentials, Deadline, Driver, DriverError, Page

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

    def call(self, driver: Driver, method: Callable[..., T], *args: Any, **kw: Any) -> T:
        """Return what a method of a driver answers, if that is what it may answer.

        Args:
            driver: the opened driver.
            method: the method, as the class Driver has it.
            args: what it is given,
            kw: beside the deadline.

        Raises:
            DriverError: the driver's, or what its answer is a bug of.
        """
        name = method.__name__
        answer: T = self._run(_call, driver, name, *args, **kw)
        fault = fault_of(name, answer, page_size=kw.get("page_size"))
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

    def _run(self, function: Callable[..., T], *args: Any, **kw: Any) -> T:
        start, deadline = time.perf_counter(), Deadline(self._guard.timeout_s)
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
    return None if isinstance(item, int | None) else fault_in(item)
