"""What the simulators share: a threading server on 127.0.0.1, and faults that a test orders."""

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Literal

Where = Literal["before", "answer", "after_headers", "middle"]


class WebServer(ThreadingMixIn, TCPServer):
    """Serves with keep-alive; stopping it ends every connection and joins every thread."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, port: int, handler: type[BaseHTTPRequestHandler], crashes: list[Exception]
    ) -> None:
        self._crashes = crashes
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = False
        super().__init__(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._accept)

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Begin to serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection and serve it in a thread of its own."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, end what is kept alive, and wait for the threads."""
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of what is not just a client that hangs up, which tests make them do."""
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self._crashes.append(error)

    def _accept(self) -> None:
        """Take connections until the listening socket is shut down, which wakes this up."""
        while not self._stopping:
            with contextlib.suppress(OSError):
                self.process_request(*self.get_request())


class WebHandler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 and logs nothing; an answer is written in one piece."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with some requests of a target, whatever the simulator means by that."""

    target: str
    times: int
    after: int

    def has_begun(self) -> bool:
        """Count a request and say whether those before the first bad one are over."""
        self.after -= 1
        return self.after < 0


@dataclass(kw_only=True)
class Delay(Fault):
    """The request waits before it is carried out, or its answer does afterwards."""

    seconds: float
    where: Literal["before", "answer"]


@dataclass(kw_only=True)
class Cut(Fault):
    """The connection ends early."""

    where: Where


class Faults:
    """The faults that are still to come, in the order in which they were set.

    Of the requests of a target the first ``after`` go well, the next ``times`` do not.
    """

    def __init__(self) -> None:
        self._fault_lock = threading.Lock()
        self._faults: list[Fault] = []

    def delay(
        self,
        target: str,
        seconds: float,
        *,
        times: int = 1,
        after: int = 0,
        where: Literal["before", "answer"] = "before",
    ) -> None:
        """Wait before a request is carried out, or after it with its answer."""
        self._add(Delay(target=target, times=times, after=after, seconds=seconds, where=where))

    def cut(self, target: str, where: Where = "before", *, times: int = 1, after: int = 0) -> None:
        """Close the connection.

        ``before``: with nothing done and nothing answered. Else the request is carried
        out, and the connection closed without an ``answer``, ``after_headers``, or in
        the ``middle`` of the body.
        """
        self._add(Cut(target=target, times=times, after=after, where=where))

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        with self._fault_lock:
            self._faults.clear()

    def _take(self, is_meant: Callable[[str], bool]) -> tuple[list[Delay], Any]:
        """Return what goes wrong with a request: every delay that is due, and one fault more."""
        with self._fault_lock:
            due = [one for one in self._faults if is_meant(one.target) and one.has_begun()]
            delays = [one for one in due if isinstance(one, Delay)]
            others = [one for one in due if not isinstance(one, Delay)]
            for one in (*delays, *others[:1]):
                one.times -= 1
            self._faults = [one for one in self._faults if one.times > 0]
            return delays, others[0] if others else None

    def _add(self, fault: Fault) -> None:
        with self._fault_lock:
            self._faults.append(fault)
