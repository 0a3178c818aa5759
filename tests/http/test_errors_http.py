"""Requests that are no proper HTTP: refused, and nothing happens."""

import contextlib
from collections.abc import Callable

import pytest

from tests.http.tools import basic, say
from tests.servers import Server

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]
LIST = "/storage_snapshots"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("framing", ["Content-Length: 200", "Transfer-Encoding: chunked"])
def test_a_body_that_ends_too_soon_makes_nothing(
    server: Server, make_image: Callable[..., str], unharmed: Unharmed, framing: str
) -> None:
    form = f"volume_id={make_image()}&name=half-a-na".encode()
    if "chunked" in framing:
        form = b"%x\r\n%s\r\n" % (len(form), form)
    head = (
        f"POST /api{LIST} HTTP/1.1\r\nHost: h\r\nAuthorization: {basic()}\r\n"
        f"Accept: application/json\r\nContent-Type: {FORM}\r\n{framing}\r\n"
        "Connection: close\r\n\r\n"
    )
    with unharmed():
        answer = say(server, head.encode() + form)
    assert b" 201 " not in answer.partition(b"\r\n")[0]
    assert b" 500 " not in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: -1",
        "Content-Length: abc",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
    ],
)
def test_a_body_of_unclear_length_is_refused(
    server: Server, unharmed: Unharmed, framing: str
) -> None:
    head = f"POST /api{LIST} HTTP/1.1\r\nHost: h\r\nAuthorization: {basic()}\r\n{framing}\r\n\r\n"
    with unharmed():
        answer = say(server, head.encode() + b"0\r\n\r\n")
    assert answer.partition(b" ")[2][:1] in {b"4", b"5"}
    assert b" 500 " not in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "line",
    [
        "Content-Length : 5",
        "Transfer-Encoding : chunked",
        "no colon",
        " folded: at once",
        "X-A: b\r\n folded",
        "X-A: b\x00c",
        "X-\x01: b",
        ": no name",
        "X A: b",
    ],
)
def test_a_header_that_servers_understand_differently_is_refused(
    server: Server, unharmed: Unharmed, line: str
) -> None:
    head = (
        f"POST /api{LIST} HTTP/1.1\r\nHost: h\r\n{line}\r\nAuthorization: {basic()}\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    with unharmed():
        answer = say(server, head.encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"volume_id" not in answer, "the application must not see such a request"


@pytest.mark.parametrize(
    "line",
    ["GET /api HTTP/9.9", "GET /api HTTP/1.1 x", "/api", "\x00\x01", "GET  HTTP/1.1"],
)
def test_a_request_line_that_is_none_is_refused(server: Server, line: str) -> None:
    answer = say(server, f"{line}\r\nHost: h\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505 ", b"HTTP/1.0 4"))


@pytest.mark.parametrize(
    "request_",
    [
        f"GET /api/{'a' * 100_000} HTTP/1.1\r\nHost: h\r\n\r\n",
        f"GET /api HTTP/1.1\r\nHost: h\r\nX-A: {'a' * 100_000}\r\n\r\n",
        "GET /api HTTP/1.1\r\nHost: h\r\n" + "X-A: a\r\n" * 2000 + "\r\n",
    ],
    ids=["line", "header", "headers"],
)
def test_a_head_without_end_is_refused(server: Server, request_: str) -> None:
    try:
        answer = say(server, request_.encode())
    except ConnectionError:
        return  # closed before all of it was sent
    assert answer.partition(b" ")[2][:3] in {b"400", b"414", b"431"}
