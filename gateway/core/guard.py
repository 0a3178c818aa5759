"""What surrounds every call of a driver: one deadline, one clock, one wrap of errors."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from gateway.core.registry import Provider
from gateway.driver import Capability, Deadline, Driver, DriverError, ErrorCode

T = TypeVar("T")

_WATCHED_CALLS = 64
_CALLS_AHEAD = 64
"""At once in a process for each provider; more wait."""


class Guard:
    """Calls drivers and turns whatever they raise into DriverError."""

    def __init__(self, *, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._watched: dict[str, ThreadPoolExecutor] = {}
        self._ahead: dict[str, ThreadPoolExecutor] = {}

    def ahead(self, provider: Provider, function: Callable[..., T], /, *args: Any) -> Future[T]:
        """Start ``function(*args)``, which calls a driver, and return its result to come."""
        coming = _pool(self._ahead, provider, _CALLS_AHEAD).submit(function, *args)
        time.sleep(0)  # on gevent it starts when the caller waits: now, and not only when it ends
        return coming

    def call(
        self,
        provider: Provider,
        function: Callable[..., T],
        /,
        *args: Any,
        deadline: Deadline | None = None,
        **kw: Any,
    ) -> T:
        """Return ``function(*args, **kw, deadline=...)``; the deadline is a new one if not given.

        A driver that does not promise to keep deadlines is called in a thread
        of its own, which is left behind when the time is up.

        Raises:
            DriverError: with the driver's exception as ``__cause__``.
        """
        driver = provider.driver
        deadline = deadline or Deadline(self.timeout_s)
        try:
            if Capability.KEEPS_DEADLINE in driver.capabilities:
                return function(*args, **kw, deadline=deadline)
            return self._watch(provider, deadline, function, *args, **kw)
        except DriverError:
            raise
        except (Exception, SystemExit) as exc:  # the one place where SDK exceptions are wrapped
            raise classified(driver, exc) from exc

    def close(self) -> None:
        """Forget the calls that are still being watched or made ahead."""
        for pool in (*self._ahead.values(), *self._watched.values()):
            pool.shutdown(wait=False, cancel_futures=True)

    def _watch(
        self,
        provider: Provider,
        deadline: Deadline,
        function: Callable[..., T],
        /,
        *args: Any,
        **kw: Any,
    ) -> T:
        pool = _pool(self._watched, provider, _WATCHED_CALLS)
        future = pool.submit(function, *args, **kw, deadline=deadline)
        done, _ = wait([future], timeout=deadline.remaining_s())
        if not done:
            future.cancel()
            raise deadline.error()
        return future.result()


def _pool(
    pools: dict[str, ThreadPoolExecutor], provider: Provider, threads: int
) -> ThreadPoolExecutor:
    """Return a provider's own pool: one that hangs must not use up the threads of the others."""
    pool = pools.get(provider.name)
    return pools.setdefault(provider.name, ThreadPoolExecutor(threads)) if pool is None else pool


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


def bug(exc: BaseException) -> DriverError:
    """Return what clients are told of a bug of ours; the log tells where it is."""
    error = DriverError(ErrorCode.INTERNAL, "a bug in the gateway; see its log")
    error.__cause__ = exc
    return error


class Stopwatch:
    """Adds up the seconds spent in a backend during one request, and the calls of it."""

    __slots__ = ("_lock", "calls", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0
        self._lock = threading.Lock()

    def add_since(self, start: float, calls: int = 0) -> None:
        """Add the time since ``start``, a ``time.perf_counter()``, and calls made in it."""
        with self._lock:
            self.seconds += time.perf_counter() - start
            self.calls += calls
