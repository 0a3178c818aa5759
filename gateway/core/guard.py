"""What surrounds every call of a driver: one deadline, one clock, one wrap of errors."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

from gateway.core.registry import Provider
from gateway.driver import Capability, Deadline, Driver, DriverError, ErrorCode

T = TypeVar("T")

_WATCHED_CALLS = 64


class Guard:
    """Calls drivers and turns whatever they raise into DriverError."""

    def __init__(self, *, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._watched: dict[str, ThreadPoolExecutor] = {}

    def call(self, provider: Provider, function: Callable[..., T], /, *args: Any, **kw: Any) -> T:
        """Return ``function(*args, **kw, deadline=...)``.

        A driver that does not promise to keep deadlines is called in a thread
        of its own, which is left behind when the time is up.

        Raises:
            DriverError: with the driver's exception as ``__cause__``.
        """
        driver = provider.driver
        deadline = Deadline(self.timeout_s)
        try:
            if Capability.KEEPS_DEADLINE in driver.capabilities:
                return function(*args, **kw, deadline=deadline)
            return self._watch(provider.name, deadline, function, *args, **kw)
        except DriverError:
            raise
        except (Exception, SystemExit) as exc:  # the one place where SDK exceptions are wrapped
            raise classified(driver, exc) from exc

    def close(self) -> None:
        """Forget the calls that are still being watched."""
        for watched in self._watched.values():
            watched.shutdown(wait=False, cancel_futures=True)

    def _watch(
        self,
        provider: str,
        deadline: Deadline,
        function: Callable[..., T],
        /,
        *args: Any,
        **kw: Any,
    ) -> T:
        # Each provider has its own: one that hangs must not use up the threads of the others.
        watched = self._watched.get(provider)
        if watched is None:
            watched = self._watched.setdefault(provider, ThreadPoolExecutor(_WATCHED_CALLS))
        future = watched.submit(function, *args, **kw, deadline=deadline)
        done, _ = wait([future], timeout=deadline.remaining_s())
        if not done:
            future.cancel()
            raise deadline.error()
        return future.result()


def classified(driver: type[Driver], exc: Exception | SystemExit) -> DriverError:
    """Return what a driver's exception means; what the driver cannot say is a bug.

    An SDK that wants to end the process is one: it ends the request.
    """
    try:
        error = driver.classify(exc) if isinstance(exc, Exception) else None
    except Exception:  # noqa: BLE001 - a broken classify must not hide the failure it was given
        error = None
    if error is None:
        return DriverError(
            ErrorCode.INTERNAL,
            f"the driver failed in a way that it does not classify ({type(exc).__name__})",
        )
    return error


class Stopwatch:
    """Adds up the seconds spent in a backend during one request."""

    __slots__ = ("_lock", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def add_since(self, start: float) -> None:
        """Add the time since ``start``, a ``time.perf_counter()``."""
        with self._lock:
            self.seconds += time.perf_counter() - start
