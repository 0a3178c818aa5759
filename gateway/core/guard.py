"""What surrounds every call of a driver: one deadline, one clock, one wrap of errors."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from gateway.core.answers import fault_of_error
from gateway.core.registry import Provider
from gateway.core.turns import Turns
from gateway.driver import Capability, Deadline, DriverError, ErrorCode

T = TypeVar("T")

_WATCHED_CALLS = 64
_CALLS_AHEAD = 64
"""At once in a process for each provider; more wait."""
_GRACE_S = 5.0
"""What a driver that promises to keep deadlines may be late: its own time-out tells more."""


class Guard:
    """Calls drivers and turns whatever they raise into DriverError."""

    def __init__(self, *, timeout_s: float, watches_all: bool = False) -> None:
        """Begin with no call under way.

        Args:
            timeout_s: how long a call may take.
            watches_all: watch drivers that promise to keep deadlines as well.
        """
        self.timeout_s = timeout_s
        self._watches_all = watches_all
        self._watched: dict[str, Executor] = {}
        self._ahead: dict[str, Executor] = {}
        self._turns = Turns()

    def ahead(self, provider: Provider, function: Callable[..., T], /, *args: Any) -> Future[T]:
        """Start ``function(*args)``, which calls a driver, and return its result to come."""
        coming = self._pool(self._ahead, provider, _CALLS_AHEAD).submit(function, *args)
        time.sleep(0)  # on gevent it starts when the caller waits: now, and not only when it ends
        return coming

    def turn(self, provider: Provider, thing: str) -> AbstractContextManager[None]:
        """Keep others in this server from changing a thing meanwhile; see ``Turns.take``."""
        return self._turns.take(provider.name, thing, self.timeout_s)

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

        On gevent one that does promise it and breaks its promise is left, too.

        Raises:
            DriverError: with the driver's exception as ``__cause__``.
        """
        deadline = deadline or Deadline(self.timeout_s)
        keeps = Capability.KEEPS_DEADLINE in provider.driver.capabilities and not self._watches_all
        call = _trust if keeps else self._watch
        try:
            return call(provider, deadline, function, *args, **kw)
        except DriverError as error:
            fault = fault_of_error(error)
            if fault is None:
                raise
            raise DriverBug(provider, f"it raised {fault}") from error
        except BaseException as exc:  # the one place where SDK exceptions are wrapped
            if _is_not_the_drivers(exc):
                raise
            raise classified(provider, exc) from exc

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
        pool = self._pool(self._watched, provider, _WATCHED_CALLS)
        future = pool.submit(function, *args, **kw, deadline=deadline)
        done, _ = wait([future], timeout=deadline.remaining_s())
        if not done:
            future.cancel()
            raise deadline.error()
        return future.result()

    def _pool(self, pools: dict[str, Executor], provider: Provider, threads: int) -> Executor:
        """Return a provider's own pool: one that hangs must not use up threads of the others."""
        pool = pools.get(provider.name)
        return pools.setdefault(provider.name, self.new_pool(threads)) if pool is None else pool

    def new_pool(self, threads: int) -> Executor:
        """Return a pool for the calls of one provider."""
        return ThreadPoolExecutor(threads)


def _trust(
    provider: Provider,
    deadline: Deadline,
    function: Callable[..., T],
    /,
    *args: Any,
    **kw: Any,
) -> T:
    """Call a driver that promises to keep its deadline."""
    if "gevent" not in sys.modules:
        return function(*args, **kw, deadline=deadline)
    from gevent import Timeout  # noqa: PLC0415 - only where the server has loaded it

    alarm = Timeout(deadline.remaining_s() + _GRACE_S)
    alarm.start()
    try:
        return function(*args, **kw, deadline=deadline)
    except Timeout as exc:
        if exc is not alarm:
            raise
        late = f"it promises to keep deadlines, and {deadline.limit_s:g} seconds were over"
        raise DriverBug(provider, late, code=ErrorCode.TIMEOUT) from exc
    finally:
        alarm.close()


def _is_not_the_drivers(exc: BaseException) -> bool:
    """Return whether an exception ends the caller and is no failure of its driver.

    A Ctrl-C is one as long as nobody else handles the signal, as the server's workers do;
    there, and in other threads, it can only be a driver that raised it.
    """
    if isinstance(exc, KeyboardInterrupt):
        is_main = threading.current_thread() is threading.main_thread()
        return is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    greenlet = sys.modules.get("greenlet")
    return greenlet is not None and isinstance(exc, greenlet.GreenletExit)


def classified(provider: Provider, exc: BaseException) -> DriverError:
    """Return what a driver's exception means; what the driver cannot say is a bug.

    An SDK that wants to end the process is one: it ends the request.
    """
    name = type(exc).__name__
    try:
        error = provider.driver.classify(exc) if isinstance(exc, Exception) else None
    except BaseException as broken:  # it must not hide the failure it was given
        if _is_not_the_drivers(broken):
            raise
        return DriverBug(provider, f"classify raised {type(broken).__name__} when given {name}")
    if error is None:
        return DriverBug(provider, f"it failed in a way that it does not classify ({name})")
    if not isinstance(error, DriverError):
        return DriverBug(provider, f"classify returned a value of type {type(error).__name__}")
    fault = fault_of_error(error)
    return error if fault is None else DriverBug(provider, f"classify returned {fault}")


class DriverBug(DriverError):
    """A driver broke its contract: told, and logged, with where the driver comes from.

    ``internal``, and not ``backend``: the cloud has done nothing wrong, asking again does
    not help, and those who can mend it are the authors of a package.
    """

    def __init__(
        self,
        provider: Provider,
        what: str,
        *,
        code: ErrorCode = ErrorCode.INTERNAL,
        retry_after_s: float | None = None,
        maybe_done: bool = False,
        marker: str | None = None,
    ) -> None:
        self._args = provider, what, code
        self.source = provider.source
        message = f"a bug in the {self.source}, not in the cloud: {what}; its authors should know"
        super().__init__(
            code, message, retry_after_s=retry_after_s, maybe_done=maybe_done, marker=marker
        )

    def as_maybe_done(self) -> "DriverBug":
        """Return this error for a change that may have happened."""
        provider, what, code = self._args
        return DriverBug(provider, what, code=code, maybe_done=True)

    def as_unknown(self, marker: str) -> "DriverBug":
        """Return this error for a creation that nobody knows of whether it has happened."""
        provider, what, code = self._args
        return DriverBug(provider, what, code=code, maybe_done=True, marker=marker)


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
