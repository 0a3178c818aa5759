"""The gevent worker of gunicorn with two manners more: fairness and a prompt stop."""

from typing import Any, Self

import gevent
from gunicorn.workers.ggevent import GeventWorker


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves many connections at once in one thread.

    Fairness: a connection gives way after each request. Without that, a busy
    keep-alive connection starves the others of its worker (figures in DESIGN.md).

    Prompt stop: connections that wait for their next request are closed at
    once, so only requests in progress delay the end.
    """

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.idle: set[_NextRequest] = set()

    def handle_request(self, *args: Any) -> None:
        """Serve one request and give way."""
        super().handle_request(*args)
        gevent.sleep(0)

    def timeout_ctx(self) -> "_NextRequest":
        """Return the limit of the time that a connection may wait for its next request."""
        return _NextRequest(self)

    def notify(self) -> None:
        """Tell the master that this worker lives; once it shall stop, close what is idle."""
        super().notify()
        if not self.alive:
            for waiting in list(self.idle):
                waiting.expire()


class _NextRequest(gevent.Timeout):  # type: ignore[misc]
    """Ends quietly the wait of one connection for its next request."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker.cfg.keepalive, False)
        self._worker = worker
        self._greenlet = gevent.getcurrent()

    def __enter__(self) -> Self:
        self._worker.idle.add(self)
        super().__enter__()
        return self

    def __exit__(self, *args: Any) -> Any:
        self._worker.idle.discard(self)
        return super().__exit__(*args)

    def expire(self) -> None:
        """End the wait now."""
        self._worker.idle.discard(self)
        gevent.kill(self._greenlet, self)
