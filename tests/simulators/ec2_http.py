"""The HTTP side of the simulator: a threading server on 127.0.0.1 with keep-alive."""

import contextlib
import socket
import sys
import threading
from dataclasses import dataclass
from email.utils import formatdate
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Protocol

from tests.simulators.ec2_faults import Where
from tests.simulators.ec2_state import Settings
from tests.simulators.sigv4 import SignedRequest


@dataclass(frozen=True)
class Reply:
    """An answer, and where the connection is cut: None if it is not."""

    status: int
    body: bytes
    request_id: str
    cut: Where | None = None


class Application(Protocol):
    """What answers, and keeps what went wrong inside."""

    crashes: list[Exception]
    settings: Settings

    def respond(self, request: SignedRequest) -> Reply:
        """Answer a request; called by several threads at once."""


class Ec2Server(ThreadingMixIn, TCPServer):
    """Serves an application; closing it ends every connection and joins every thread."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, application: Application) -> None:
        self.application = application
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

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
            self.application.crashes.append(error)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request whole, has it answered, and writes the answer in one piece."""

    server: Ec2Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        """Answer a call whose parameters are a form, as SDKs send it."""
        if "content-length" not in self.headers:
            self.close_connection = True
            self._write(Reply(411, b"", ""))
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        self._answer(body)

    def do_GET(self) -> None:
        """Answer a call whose parameters are in the query."""
        self._answer(b"")

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _answer(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = SignedRequest(self.command, path, query, headers, body)
        self._write(self.server.application.respond(request))

    def _write(self, reply: Reply) -> None:
        if reply.cut is not None:
            self.close_connection = True
        if reply.cut in ("before", "answer"):
            return
        limit = self.server.application.settings.chunked_from
        is_chunked = len(reply.body) >= limit and self.request_version == "HTTP/1.1"
        self.wfile.write(_head(reply, is_chunked=is_chunked) + _body(reply, is_chunked=is_chunked))


def _head(reply: Reply, *, is_chunked: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {responses.get(reply.status, 'Unknown')}",
        "Server: AmazonEC2",
        f"Date: {formatdate(usegmt=True)}",
        "Content-Type: text/xml;charset=UTF-8",
        "Cache-Control: no-cache, no-store",
        f"x-amzn-RequestId: {reply.request_id}",
        "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(reply.body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _body(reply: Reply, *, is_chunked: bool) -> bytes:
    if reply.cut == "after_headers":
        return b""
    sent = reply.body[: len(reply.body) // 2] if reply.cut == "middle" else reply.body
    if not is_chunked:
        return sent
    end = b"" if reply.cut == "middle" else b"0\r\n\r\n"
    return (b"%x\r\n%b\r\n" % (len(sent), sent) if sent else b"") + end
