"""Opened drivers, kept per provider and credential in a bounded cache with expiry."""

import hashlib
import secrets
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import orjson
from cachetools import TTLCache

from gateway.core.closing import Closer
from gateway.core.guard import DriverBug
from gateway.core.registry import Provider, Providers
from gateway.driver import Credentials, Deadline, Driver

_STRIPES = 64
_CLOSE_S = 5.0
"""How long the end waits for the drivers of a provider to close."""


class OpenedDriver:
    """Holds one opened driver; the driver is closed when the last holder lets go.

    The cache is one holder and each request that uses the driver is another, so
    an evicted driver finishes what it is doing before it is closed.
    """

    __slots__ = ("__weakref__", "driver")

    def __init__(self, driver: Driver, closer: Closer) -> None:
        self.driver = driver
        weakref.finalize(self, closer.close, driver)


class Sessions:
    """Opens drivers and finds them again.

    A key never holds a credential: it is a keyed digest whose key is made anew
    by every process and never leaves it.
    """

    def __init__(
        self,
        providers: Providers,
        *,
        maxsize: int = 1024,
        ttl_s: float = 600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._digest_key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._opened: TTLCache[tuple[str, bytes], OpenedDriver] = TTLCache(maxsize, ttl_s, clock)
        self._opening = [threading.Lock() for _ in range(_STRIPES)]
        self._closers = {p.name: Closer(p.name, p.source) for p in providers}
        self._shared: dict[str, Any] = {p.name: p.share() for p in providers}

    def get(self, provider: Provider, credentials: Credentials, deadline: Deadline) -> OpenedDriver:
        """Return the driver opened for this account, opening it if need be.

        Many requests with one new credential open it once: the others wait.
        """
        key = (provider.name, self._digest(credentials))
        opened = self._find(key)
        if opened is not None:
            return opened
        opening = self._opening[key[1][0] % _STRIPES]
        if not opening.acquire(timeout=deadline.remaining_s()):
            raise deadline.error()
        try:
            opened = self._find(key)
            if opened is None:
                opened = self._open(provider, credentials, deadline)
                with self._lock:
                    self._opened[key] = opened
            return opened
        finally:
            opening.release()

    def close(self) -> None:
        """Let go of all drivers, and close what their accounts shared."""
        with self._lock:
            self._opened.clear()
        for name, shared in self._shared.items():
            if hasattr(shared, "close"):
                self._closers[name].close(shared)
        for closer in self._closers.values():
            closer.settle(_CLOSE_S)

    def _find(self, key: tuple[str, bytes]) -> OpenedDriver | None:
        with self._lock:
            return self._opened.get(key)

    def _open(
        self, provider: Provider, credentials: Credentials, deadline: Deadline
    ) -> OpenedDriver:
        driver = provider.driver.open(
            provider.options, credentials, shared=self._shared[provider.name], deadline=deadline
        )
        if not isinstance(driver, provider.driver):
            wrong = "None" if driver is None else f"a value of type {type(driver).__name__}"
            raise DriverBug(provider, f"open returned {wrong}, not an object of its class")
        return OpenedDriver(driver, self._closers[provider.name])

    def _digest(self, credentials: Credentials) -> bytes:
        parts = [
            credentials.username,
            credentials.password,
            credentials.token,
            credentials.session_token,
        ]
        return hashlib.blake2b(orjson.dumps(parts), key=self._digest_key, digest_size=16).digest()
