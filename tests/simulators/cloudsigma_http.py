"""The HTTP side of the simulator: requests as they come, and answers as they leave."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.simulators.web import WebHandler, WebServer, Where

PREFIX = "/api/2.0"
_SECRET_HEADERS = ("authorization", "cookie", "x-csrftoken")


@dataclass(kw_only=True)
class Request:
    """A request as it came, and what became of it."""

    method: str
    path: str
    """No longer quoted."""
    query: str
    """Still quoted."""
    headers: dict[str, str]
    """By lower-case name; what is secret is only named."""
    body: bytes
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    user: str | None = None
    """The e-mail address of whoever asked, once known."""
    status: int | None = None
    """What was answered; None if nothing was."""
    request_id: str = ""
    """What X-REQUEST-ID said."""

    @property
    def route(self) -> str:
        """The path without /api/2.0 and always with a slash at its end."""
        return self.path.removeprefix(PREFIX).rstrip("/") + "/"

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query, read."""
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        """The body, read; None if there is none."""
        return json.loads(self.body) if self.body else None

    def environ(self) -> dict[str, Any]:
        """Return the request as a WSGI application wants it."""
        headers = self.headers | self.secrets
        given = {f"HTTP_{name.upper().replace('-', '_')}": headers[name] for name in headers}
        return given | {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path.encode().decode("latin-1"),
            "QUERY_STRING": self.query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(self.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }


@dataclass(frozen=True)
class Reply:
    """An answer, and where the connection is cut: None if it is not."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut: Where | None = None


class HttpServer(WebServer):
    """Serves the API."""

    def __init__(
        self, port: int, answer: Callable[[Request], Reply], crashes: list[Exception]
    ) -> None:
        self.answer = answer
        super().__init__(port, _Handler, crashes)

    @property
    def port(self) -> int:
        """Where it listens."""
        found: int = self.server_address[1]
        return found


class _Handler(WebHandler):
    """Reads a request whole and has it answered."""

    server: HttpServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        secrets = {name: headers[name] for name in _SECRET_HEADERS if name in headers}
        request = Request(
            method=self.command,
            path=unquote(path),
            query=query,
            headers=headers | dict.fromkeys(secrets, "<hidden>"),
            body=body,
            secrets=secrets,
        )
        self._write(self.server.answer(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def _write(self, reply: Reply) -> None:
        if reply.cut is not None:
            self.close_connection = True
        if reply.cut in ("before", "answer"):
            return
        body = b"" if self.command == "HEAD" or reply.cut == "after_headers" else reply.body
        if reply.cut == "middle":
            body = body[: len(body) // 2]
        self.wfile.write(_head(reply) + body)


def _head(reply: Reply) -> bytes:
    """Return status line and headers; the reason is loud as in the samples."""
    given = [("Date", formatdate(usegmt=True))]
    if reply.status != 204:
        given.append(("Content-Length", str(len(reply.body))))
    lines = [f"{name}: {value}" for name, value in (*reply.headers, *given)]
    phrase = responses.get(reply.status, "Unknown").upper()
    return "\r\n".join([f"HTTP/1.1 {reply.status} {phrase}", *lines, "", ""]).encode()
