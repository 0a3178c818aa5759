"""The HTTP side of the simulator: requests as they come, and answers as they leave."""

from dataclasses import dataclass
from email.utils import formatdate
from http.client import responses
from typing import Protocol

from tests.simulators.ec2_state import Settings
from tests.simulators.sigv4 import SignedRequest
from tests.simulators.web import WebHandler, WebServer, Where


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


class Ec2Server(WebServer):
    """Serves an application."""

    def __init__(self, port: int, application: Application) -> None:
        self.application = application
        super().__init__(port, _Handler, application.crashes)


class _Handler(WebHandler):
    """Reads a request whole and has it answered."""

    server: Ec2Server

    def do_POST(self) -> None:  # noqa: N802 - the standard library calls it so
        """Answer a call whose parameters are a form, as SDKs send it."""
        if "content-length" not in self.headers:
            self.close_connection = True
            self._write(Reply(411, b"", ""))
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        self._answer(body)

    def do_GET(self) -> None:  # noqa: N802
        """Answer a call whose parameters are in the query."""
        self._answer(b"")

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
