"""A proxy in front of a backend over HTTP, where everything goes wrong that a harness injects.

It stands before simulators and real servers alike, so that a fault is the same for all
of them: the backend never knows, and all connections to it go through here.

    with FaultProxy(["http://127.0.0.1:5000"], forged) as proxy:
        proxy.url_of("http://127.0.0.1:5000")  # what the driver is given
        with proxy.meeting(Fault.THROTTLED):
            ...
"""

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from gateway.conformance.harness import Fault
from tests.simulators.web import WebHandler, WebServer

_LONGEST_S = 60
"""How long an answer is held that nobody lets go."""
_OF_ONE_CONNECTION = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


class Request(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    """With the query, still quoted."""
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What is answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Forge = Callable[[Fault, str, Request], Answer]
"""Returns what a backend answers that has a fault, given its true address and the request."""
Respond = Callable[[str, Request], Answer]
"""Returns what a backend answers, given its address."""


class FaultProxy:
    """One door for each address of the backend; addresses in answers are those of the doors.

    Args:
        backends: the addresses, ``http://host:port``.
        forged: what the backend answers with where a fault is an answer.
        answered_by: gives all other answers; the backend itself unless told otherwise.
    """

    def __init__(
        self, backends: Iterable[str], forged: Forge, answered_by: Respond | None = None
    ) -> None:
        self.fault: Fault | None = None
        self._forged = forged
        self._answered_by = answered_by or forward
        self._crashes: list[Exception] = []
        self._over = threading.Event()
        self._good = 0
        self._counting = threading.Lock()
        self._doors = {backend: self._door(backend, 0) for backend in backends}

    def url_of(self, backend: str) -> str:
        """Return the address to use instead of the backend's."""
        return self._doors[backend].url

    @contextlib.contextmanager
    def meeting(self, fault: Fault, *, after: int = 0) -> Iterator[None]:
        """Let every request of the block meet a fault; whatever is held is let go at its end.

        Args:
            fault: which.
            after: how many requests go well before; all meet it that nobody answers.
        """
        self.fault, self._over, self._good = fault, threading.Event(), after
        if fault is Fault.REFUSED:
            for door in self._doors.values():
                door.stop()
        try:
            yield
        finally:
            self.fault, self._good = None, 0
            self._over.set()
            if fault is Fault.REFUSED:
                self._open_again()

    def __enter__(self) -> Self:
        """Begin to serve."""
        for door in self._doors.values():
            door.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving.

        Raises:
            Exception: what went wrong in here.
        """
        self._over.set()
        for door in self._doors.values():
            door.stop()
        if self._crashes:
            raise self._crashes[0]

    def respond(self, backend: str, request: Request) -> tuple[Answer | None, bool]:
        """Return the answer to a request, if any, and whether the connection ends within it."""
        fault, over = self._due(), self._over
        if fault not in (None, Fault.TIMEOUT, Fault.CUT, Fault.REFUSED):
            return self._forged(fault, backend, request), False
        answer = self._with_doors(self._answered_by(backend, request))
        if fault is Fault.TIMEOUT:
            over.wait(_LONGEST_S)
        return (None if fault is Fault.REFUSED else answer), fault is Fault.CUT

    def _due(self) -> Fault | None:
        """Return the fault that the next request meets."""
        with self._counting:
            if self._good > 0:
                self._good -= 1
                return None
            return self.fault

    def _with_doors(self, answer: Answer) -> Answer:
        """Return an answer that leads here wherever it names the backend."""
        headers, body = answer.headers, answer.body
        for backend, door in self._doors.items():
            headers = [(name, value.replace(backend, door.url)) for name, value in headers]
            body = body.replace(backend.encode(), door.url.encode())
        return Answer(answer.status, headers, body)

    def _open_again(self) -> None:
        for backend, door in self._doors.items():
            self._doors[backend] = self._door(backend, door.server_address[1])
            self._doors[backend].start()

    def _door(self, backend: str, port: int) -> "_Door":
        return _Door(port, self, backend, self._crashes)


class _Door(WebServer):
    """Takes the requests for one address of the backend."""

    def __init__(
        self, port: int, proxy: FaultProxy, backend: str, crashes: list[Exception]
    ) -> None:
        self.proxy = proxy
        self.backend = backend
        super().__init__(port, _Handler, crashes)


class _Handler(WebHandler):
    """Reads a request whole and has it answered."""

    server: _Door

    def _answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # the door was closed meanwhile: the backend would wait for the rest
            self.close_connection = True
            return
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        answer, is_cut = self.server.proxy.respond(self.server.backend, request)
        if answer is None or is_cut:
            self.close_connection = True
        if answer is not None:
            self.wfile.write(_bytes(self.command, answer, is_cut=is_cut))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815


def forward(backend: str, request: Request) -> Answer:
    """Return what a backend answers."""
    connection = http.client.HTTPConnection(urlsplit(backend).netloc, timeout=_LONGEST_S)
    with contextlib.closing(connection):
        connection.putrequest(
            request.method, request.path, skip_host=True, skip_accept_encoding=True
        )
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.endheaders(request.body)
        found = connection.getresponse()
        headers = [one for one in found.getheaders() if one[0].lower() not in _OF_ONE_CONNECTION]
        return Answer(found.status, headers, found.read())


def _bytes(method: str, answer: Answer, *, is_cut: bool) -> bytes:
    """Return an answer as it is sent, or its first part.

    Without a body there is no middle of it: then nothing comes at all.
    """
    lines = [f"{name}: {value}" for name, value in answer.headers]
    if answer.status != http.HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(answer.body)}")
    phrase = http.client.responses.get(answer.status, "Unknown")
    head = "\r\n".join([f"HTTP/1.1 {answer.status} {phrase}", *lines, "", ""]).encode("latin-1")
    body = b"" if method == "HEAD" else answer.body
    if not is_cut:
        return head + body
    return head + body[: len(body) // 2] if body else b""


def json_answer(status: int, body: bytes, **headers: Any) -> Answer:
    """Return an answer in JSON."""
    given = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return Answer(status, [("Content-Type", "application/json"), *given.items()], body)


def page() -> Answer:
    """Return what a portal or a proxy in the way answers: a good status, and no sense."""
    text = b"<html><head><title>Welcome</title></head><body>Please log in"
    return Answer(200, [("Content-Type", "text/html")], text)
