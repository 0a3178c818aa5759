"""The HTTP side of the simulator: requests as they come, and answers as they leave."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.simulators.web import WebHandler, WebServer, Where

IDENTITY = "identity"
BLOCK_STORAGE = "block-storage"
_SECRET_HEADERS = ("x-auth-token", "x-subject-token")
_PROJECT = re.compile(r"/([0-9a-f-]+)(/.*)")


@dataclass(kw_only=True)
class Request:
    """A request as it came, and what became of it."""

    service: str
    """identity or block-storage."""
    region: str
    method: str
    path: str
    """No longer quoted, as servers hand it to Cinder."""
    query: str
    """Still quoted."""
    headers: dict[str, str]
    """By lower-case name; without tokens."""
    body: bytes
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    user: str | None = None
    """Whose token it was, or who asked for one."""
    status: int | None = None
    """What was answered; None if nothing was."""
    request_id: str = ""
    """What X-Openstack-Request-Id said."""

    @property
    def route(self) -> str:
        """The path without /v3 and without a project's id."""
        return split_path(self.path)[1]

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query, read."""
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        """The body, read; None if there is none."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Reply:
    """An answer, and where the connection is cut: None if it is not."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: Where | None = None


def split_path(path: str) -> tuple[str | None, str]:
    """Return the project's id in a path, if any, and the path without it and without /v3."""
    rest = path.removeprefix("/v3") or "/"
    found = _PROJECT.fullmatch(rest)
    return (found[1], found[2]) if found else (None, rest)


class HttpServer(WebServer):
    """Serves one service."""

    def __init__(
        self,
        port: int,
        answer: Callable[[Request], Reply],
        crashes: list[Exception],
        *,
        service: str,
        region: str,
    ) -> None:
        self.answer = answer
        self.service = service
        self.region = region
        super().__init__(port, _Handler, crashes)


class _Handler(WebHandler):
    """Reads a request whole and has it answered."""

    server: HttpServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        tokens = {name: headers[name] for name in _SECRET_HEADERS if name in headers}
        hidden = headers | dict.fromkeys(tokens, "<token>")
        request = Request(
            method=self.command,
            path=unquote(path),
            query=query,
            headers=hidden,
            body=body,
            tokens=tokens,
            service=self.server.service,
            region=self.server.region,
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
        self.wfile.write(_head(reply, is_loud=self.server.service == IDENTITY) + body)


def _head(reply: Reply, *, is_loud: bool) -> bytes:
    """Return status line and headers; Keystone shouts the reason."""
    given = {"Content-Length": str(len(reply.body)), "Date": formatdate(usegmt=True)}
    if reply.status == 204:
        given.pop("Content-Length")
    lines = [f"{name}: {value}" for name, value in (reply.headers | given).items()]
    phrase = responses.get(reply.status, "Unknown")
    phrase = phrase.upper() if is_loud else phrase
    return "\r\n".join([f"HTTP/1.1 {reply.status} {phrase}", *lines, "", ""]).encode()
