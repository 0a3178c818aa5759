"""What the tests of the Cinder driver share: recorded rows and answers, and bad servers."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import openstack.exceptions as sdk
import requests
from keystoneauth1 import exceptions as keystone

from drivers.cinder import errors
from drivers.cinder.clients import CinderOptions
from gateway.driver import DriverError
from tests.golden_cinder import Exchange, exchanges

DEMO = "98e424d7dfc04ad6a88344f859950a94"
"""The project of the user demo."""
SECRET = "hunter2"
HTML = f"<html><head><title>{SECRET}</title></head><body><h1>{SECRET}</h1></body></html>"
Row = dict[str, Any]
TLS = b"\x16"
"""How a client begins that expects TLS."""
Reply = Callable[[socket.socket, bytes], None]


@cache
def named(name: str) -> Exchange:
    """Return the first recorded exchange of a name."""
    return next(one for one in exchanges() if one.name == name)


def rows(kind: str) -> list[tuple[Exchange, Row]]:
    """Return all recorded snapshots or volumes with details, each with its exchange."""
    found = []
    for one in exchanges():
        answer = one.answer if isinstance(one.answer, dict) and one.status < 400 else {}
        single = [answer[kind]] if isinstance(answer.get(kind), dict) else []
        found += [(one, row) for row in single + list(answer.get(f"{kind}s", ()))]
    return [(one, row) for one, row in found if "status" in row]


def response(
    status: int, body: str | bytes = b"", content_type: str = "application/json", **headers: str
) -> requests.Response:
    """Return an answer as requests gives it; ``Retry_After`` is ``Retry-After``."""
    made = requests.Response()
    made.status_code = status
    made.url = f"https://{SECRET}.example/v3/snapshots"
    made.headers.update({"Content-Type": content_type})
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    made._content = body.encode() if isinstance(body, str) else body
    return made


def recorded(one: Exchange) -> requests.Response:
    """Return the answer of an exchange as requests gives it."""
    made = response(one.status, one.answer_bytes)
    made.url = one.url
    made.headers.clear()
    made.headers.update(one.answer_headers)
    return made


def raised(answer: requests.Response) -> sdk.HttpException:
    """Return what openstacksdk raises for an answer."""
    try:
        sdk.raise_from_response(answer)
    except sdk.HttpException as exc:
        return exc
    raise AssertionError("openstacksdk raised nothing")


def classified(exc: Exception) -> DriverError:
    """Return what the driver says of an exception, which is something."""
    error = errors.classify(exc)
    assert error is not None
    return error


def told(error: DriverError) -> str:
    """Return all that a DriverError may show to anybody."""
    return f"{error!r} {error} {error.message} {error.fields} {error.args}"


def options(auth_url: str = "http://127.0.0.1:9/v3", **given: Any) -> dict[str, Any]:
    """Return the driver's options, loaded as from a configuration."""
    loaded: dict[str, Any] = CinderOptions().load({"auth_url": auth_url, **given})
    return loaded


def all_subclasses(root: type[Exception]) -> list[type[Exception]]:
    """Return a class and all that inherit from it, each once."""
    found = [root]
    for one in found:
        found += [below for below in one.__subclasses__() if below not in found]
    return found


def blank(cls: type[Exception]) -> Exception:
    """Return an exception of a class without going through its constructor."""
    made: Exception = cls.__new__(cls)
    Exception.__init__(made, SECRET)
    if isinstance(made, sdk.HttpException | keystone.HttpError):
        made.response = None
    return made


class Server:
    """Accepts connections at 127.0.0.1, reads one request of each, and replies as told."""

    def __init__(self, reply: Reply, context: ssl.SSLContext | None) -> None:
        self.reply, self.context = reply, context
        self.requests: list[bytes] = []
        self.closing = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.threads: list[threading.Thread] = []
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"

    def lines(self) -> list[str]:
        """Return the first lines of all requests: method and path."""
        return [
            one.split(b"\r\n", 1)[0].decode().removesuffix(" HTTP/1.1") for one in self.requests
        ]

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self._start(self._answer, connection)

    def start(self) -> None:
        self._start(self.serve)

    def stop(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for thread in self.threads:
            thread.join(5)

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self.context is None:
                self._exchange(connection)
                return
            with self.context.wrap_socket(connection, server_side=True) as secured:
                self._exchange(secured)

    def _exchange(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        request = read_request(connection)
        if request:
            self.requests.append(request)
            self.reply(connection, request)


def read_request(connection: socket.socket) -> bytes:
    """Return one request with its body; nothing if the other side closes."""
    data = b""
    while b"\r\n\r\n" not in data and data[:1] != TLS:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-len")]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def http(status: int, body: str = "{}", *headers: str) -> bytes:
    """Return an answer as it goes over the wire; the connection is closed after it."""
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", "Connection: close"]
    lines += [f"Content-Length: {len(body.encode())}", *headers, "", body]
    return "\r\n".join(lines).encode()


@contextlib.contextmanager
def serving(reply: Reply | bytes, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server until the block ends; ``reply`` is bytes to send, or what to do."""
    if isinstance(reply, bytes):
        answer = reply
        server = Server(lambda connection, _: connection.sendall(answer), context)
    else:
        server = Server(reply, context)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def stalling() -> Iterator[Server]:
    """Run a server that reads requests and answers none."""
    servers: list[Server] = []

    def stall(*_: object) -> None:
        servers[0].closing.wait(5)

    with serving(stall) as server:
        servers.append(server)
        yield server
