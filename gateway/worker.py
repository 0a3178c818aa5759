"""The worker process: gunicorn's gevent worker with gevent's HTTP server, and better manners.

gevent's server is the fastest that cuts a stream which fails (DESIGN.md). What
it lacks is added here: an end to idle connections, turns between busy ones, a
prompt stop, and HEAD answers without a body.
"""

import contextlib
import re
import secrets
import socket
import struct
import time
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    InvalidHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http import HTTPStatus
from typing import Any

import gevent
from gevent.pywsgi import WSGIHandler, WSGIServer
from gunicorn.workers.ggevent import GeventPyWSGIWorker

from gateway.http.hangup import CONNECTION, IS_STOPPING
from gateway.http.streaming import StreamCut
from gateway.representations import xml
from gateway.representations.documents import Problem

IDLE_S = 30
"""How long a connection may wait for its next request."""
STALLED_S = 120
"""How long a client may neither send nor take anything in the middle of a request."""
WAIT_S, MAX_WAIT_S = 0.0002, 0.002
"""What a worker leaves to emptier workers before it accepts: per connection it has, at most."""
_NEW_OFFER_S = 0.01
_DEFECTS = (
    FirstHeaderLineIsContinuationDefect,
    InvalidHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
_REFUSALS = {414: "the URL is too long; at most 8 KiB are taken"}
_RESET = struct.pack("ii", 1, 0)
_ABSOLUTE = re.compile(r"https?://[^/?]*", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Handler(WSGIHandler):  # type: ignore[misc]
    """Serves one connection."""

    path: str

    def read_requestline(self) -> str:
        """Wait for the next request, as long as the server goes on and no longer than IDLE_S."""
        self.server.idle.add(self)
        try:
            self.socket.settimeout(IDLE_S)
            line: str = super().read_requestline()
            self.socket.settimeout(STALLED_S)
        finally:
            self.server.idle.discard(self)
        return line

    def read_request(self, raw_requestline: str) -> bool:
        """Read the headers; refuse those that proxies and servers may understand differently."""
        if not super().read_request(raw_requestline):
            return False
        # The absolute form, which proxies may send (RFC 9112, 3.2.2); it may hold a password.
        found = _ABSOLUTE.match(self.path)
        if found:
            self.path = "/" + self.path[found.end() :].removeprefix("/")
        if any(isinstance(defect, _DEFECTS) for defect in self.headers.defects):
            return False
        if not all(_is_clear(*pair) for pair in self.headers.items()):
            return False
        lengths = self.headers.get_all("Content-Length", [])
        codings = self.headers.get_all("Transfer-Encoding", [])
        if codings:  # gevent has dropped a Content-Length beside it: trust nothing that follows
            self.close_connection = True
        return (
            len(lengths) + len(codings) <= 1
            and all(length.isdigit() for length in lengths)
            and all(coding.lower() == "chunked" for coding in codings)
        )

    def get_environ(self) -> dict[str, Any]:
        """Return what the application is told; by these two it knows if anybody still waits."""
        environ: dict[str, Any] = super().get_environ()
        environ[CONNECTION] = self.socket
        environ[IS_STOPPING] = lambda: self.server.is_stopping
        return environ

    def handle_one_request(self) -> Any:
        """Serve one request, and give way: busy connections would starve the others."""
        if self.server.is_stopping:
            return None
        result = super().handle_one_request()
        gevent.sleep(0)
        # A pair is what gevent answers by itself to what is no HTTP, without a body.
        return result if result in (None, True) else (result[0], _refusal(int(result[0])))

    def finalize_headers(self) -> None:
        """Complete the headers; an answer to HEAD has no chunks, not even the last one."""
        super().finalize_headers()
        if self.command == "HEAD":
            self.response_use_chunked = False

    def log_error(self, msg: str, *args: Any) -> None:
        """Log a broken request without its text, which may hold a secret."""
        super().log_error("a request that is no HTTP was refused")

    def log_request(self) -> None:
        """Leave the log to the application, which has written its line."""

    def _log_error(self, kind: type[BaseException], *args: Any) -> None:
        if kind is not StreamCut:  # the application has written why
            super()._log_error(kind, *args)
        elif not self.response_use_chunked:
            # For HTTP/1.0 the end of the connection is the end of the list: reset it instead.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _is_clear(name: str, value: str) -> bool:
    """Return whether a header is a token and one line (RFC 9110, 5.1 and 5.5)."""
    return bool(_TOKEN.fullmatch(name)) and not _CONTROL.search(value)


def _refusal(status: int) -> bytes:
    """Return a whole answer to a request that cannot be read, so in the default format."""
    problem = Problem(
        status=status,
        kind="invalid",
        message=_REFUSALS.get(status, "the request is not valid HTTP"),
        path="",
        request_id=secrets.token_hex(8),
    )
    body = xml.problem(problem)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {xml.CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body


class Server(WSGIServer):  # type: ignore[misc]
    """Knows which connections wait for a request, so that they need not delay the end."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.idle: set[Handler] = set()
        self.is_stopping = False
        self._offered = self._seen = self._busy = 0.0

    def do_read(self) -> Any:
        """Accept a connection, the later the more this worker has.

        All workers are woken for each new connection. Without the wait one of
        them often gets nearly all keep-alive connections of a client, and the
        other cores idle.
        """
        now, busy = time.monotonic(), time.process_time()
        pause, worked = now - self._seen, busy - self._busy
        self._seen, self._busy = now, busy
        if pause > _NEW_OFFER_S and worked < pause / 2:
            self._offered = now  # not the same one, to which only work has not let us return
        if now - self._offered < min(len(self.pool) * WAIT_S, MAX_WAIT_S):
            return None  # the event comes again until some worker has accepted
        self._offered = 0.0
        return super().do_read()

    def close(self) -> None:
        """Take no more connections and end those that wait; requests in progress go on."""
        super().close()
        self.is_stopping = True
        for handler in list(self.idle):
            with contextlib.suppress(OSError):  # it is gone already
                handler.socket.shutdown(gevent.socket.SHUT_RD)


class Worker(GeventPyWSGIWorker):  # type: ignore[misc]
    """Serves many connections at once in one thread."""

    server_class = Server
    wsgi_handler = Handler
