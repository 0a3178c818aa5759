"""Closes what drivers made: one that raises or hangs in it harms neither requests nor others."""

import logging
import threading
from queue import Empty, SimpleQueue
from typing import Any

from gateway.core.plugins import Source

_log = logging.getLogger("snapgate")


class Closer:
    """Closes the drivers of one provider, one after another, in a thread that lives as long.

    ``close`` is called by whoever lets go of a driver last, often out of a finalizer,
    which can run anywhere: so nothing is done there but a reentrant ``put`` and, if
    none is there, the start of the thread.
    """

    def __init__(self, provider: str, source: Source) -> None:
        self._who = f"providers.{provider}: {source}"
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._is_busy = threading.Lock()

    def close(self, thing: Any) -> None:
        """Let ``thing.close()`` be called soon; at the process's end it is called now."""
        self._queue.put(thing)
        if not threading.main_thread().is_alive():
            self._work()
        elif self._is_busy.acquire(blocking=False):
            threading.Thread(target=self._work_alone, name="snapgate-close", daemon=True).start()

    def settle(self, limit_s: float) -> None:
        """Wait until all is closed that was handed over by now, and not longer than this."""
        mark = _Mark()
        self.close(mark)
        if not mark.reached.wait(limit_s):
            _log.warning("%s: closing did not end within %g seconds", self._who, limit_s)

    def _work_alone(self) -> None:
        try:
            self._work()
        finally:
            self._is_busy.release()
        # What was put between the last look and the release would wait for the next one.
        if not self._queue.empty() and self._is_busy.acquire(blocking=False):
            self._work_alone()

    def _work(self) -> None:
        while True:
            try:
                thing = self._queue.get_nowait()
            except Empty:
                return
            try:
                thing.close()
            except BaseException as exc:  # noqa: BLE001 - nobody is there who could be told but the log
                _log.warning("%s: close raised %s", self._who, type(exc).__name__)


class _Mark:
    """Closed when all before it is."""

    def __init__(self) -> None:
        self.reached = threading.Event()

    def close(self) -> None:
        self.reached.set()
