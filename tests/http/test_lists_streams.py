"""Lists as bytes: cut when they break off, compressed when asked, no faster than they are read."""

import contextlib
import gzip
import http.client
import json
import re
import socket
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
import requests
from lxml import etree

from tests.http.listed import (
    CONTENT_TYPES,
    HUNG_UP,
    PAGE,
    ROWS,
    SNAPSHOTS,
    VOLUMES,
    accept,
    calls,
    forget,
    hold,
    marker_of,
    read,
    read_body,
    release,
)
from tests.http.staged import wait_for
from tests.http.tools import basic, connect, problem, read_to_end
from tests.servers import DEMO, Server, address_of

STRONG = re.compile(r'"[!#-~]+"')
GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}


def raw(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes, bool]:
    """Return an answer, what came of its body, and whether that was all."""
    connection = http.client.HTTPConnection(*address_of(server), timeout=30)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, f"/api{path}", headers={"Authorization": basic(), **given})
    answer = connection.getresponse()
    try:
        return answer, answer.read(), True
    except http.client.IncompleteRead as exc:
        return answer, exc.partial, False
    finally:
        connection.close()


def unzip(body: bytes) -> bytes:
    """Return what can be read of a compressed body, whole or not."""
    return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body)


@pytest.mark.parametrize("provider", ["late", "late-bug"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_list_that_breaks_off_is_cut(
    listed: Server, provider: str, coding: str, list_format: str
) -> None:
    path = f";provider={provider}{SNAPSHOTS}?format={list_format}"
    answer, body, is_whole = raw(listed, path, Accept_Encoding=coding)
    assert (answer.status, answer.headers["Transfer-Encoding"]) == (200, "chunked")
    assert not is_whole
    text = unzip(body) if coding == "gzip" else body
    assert text.count(b"snap-00049") >= 1
    assert b"snap-00110" not in text
    with pytest.raises((etree.XMLSyntaxError, ValueError, KeyError, AssertionError)):
        read_body(CONTENT_TYPES[list_format], text)


@pytest.mark.parametrize(
    ("provider", "status", "kind"), [("late", 503, "unavailable"), ("late-bug", 500, "internal")]
)
@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("query", ["", "&fields=id", "&state=error", "&name=nosuch"])
def test_the_last_line_says_that_a_list_broke_off_and_why(
    *, listed: Server, provider: str, status: int, kind: str, coding: str, query: str
) -> None:
    path = f";provider={provider}{SNAPSHOTS}?format=ndjson{query}"
    asked = f"cut-{provider}-{coding}-{len(query)}"
    answer, body, is_whole = raw(listed, path, Accept_Encoding=coding, X_Request_Id=asked)
    assert (answer.status, is_whole) == (200, False)
    text = unzip(body) if coding == "gzip" else body
    assert text.endswith(b"\n")
    *rows, last = [json.loads(line) for line in text[:-1].split(b"\n")]
    assert all(row["id"].startswith("snap-") for row in rows)
    assert last.keys() == {"complete", "error"}
    assert last["complete"] is False
    error = last["error"]
    assert (error["code"], error["error"], error["request_id"]) == (status, kind, asked)
    assert error["backend"]["provider"] == provider
    assert error["retryable"] is (kind == "unavailable")


@pytest.mark.parametrize("query", ["name=nosuch", "id=snap-00119", "label=red&state=error"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_list_that_breaks_off_before_its_first_row_is_an_error_or_cut(
    listed: Server, query: str, coding: str, list_format: str
) -> None:
    path = f";provider=late{SNAPSHOTS}?format={list_format}&{query}"
    answer, body, is_whole = raw(listed, path, Accept_Encoding=coding)
    assert answer.headers["Content-Type"] == CONTENT_TYPES[list_format], body
    assert (answer.status, is_whole) in {(200, False), (503, True)}


def test_a_cut_leaves_one_line_in_the_log_and_no_traceback(
    listed: Server, list_format: str
) -> None:
    asked = f"logged-{list_format}"
    before = len(listed.lines)
    raw(listed, f";provider=late{SNAPSHOTS}?format={list_format}", X_Request_Id=asked)
    wait_for(lambda: f'"{asked}"' in listed.log, "the line in the log")
    time.sleep(0.3)
    new = listed.lines[before:]
    assert any('"event":"stream cut"' in line and asked in line for line in new)
    assert not [line for line in new if line.startswith(("Traceback", "  File"))]


def test_a_failed_stream_to_http_1_0_is_reset(listed: Server, list_format: str) -> None:
    path = f"/api;provider=late{SNAPSHOTS}?format={list_format}"
    with connect(listed) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nAuthorization: {basic()}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            read_to_end(connection)


EARLY = ["early?", "early?limit=5&sort=name", "early?limit=8", "late?sort=-id", "late?limit=1000"]
EARLY += ["late?limit=5&with_count=scan", "late?name=nosuch&limit=5", "early?expand=volume"]


@pytest.mark.parametrize("ask", EARLY)
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_what_fails_before_the_first_byte_is_a_proper_error(
    listed: Server, ask: str, coding: str, list_format: str
) -> None:
    provider, _, query = ask.partition("?")
    headers = {**accept(list_format), "Accept-Encoding": coding}
    answer = listed.request("GET", f";provider={provider}{SNAPSHOTS}?{query}", headers=headers)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == CONTENT_TYPES[list_format]
    assert not answer.headers.keys() & {"ETag", "Link", "Transfer-Encoding"}
    found = answer.json() if list_format == "ndjson" else problem(answer)
    assert (found["code"], found["error"], found["retryable"]) == (503, "unavailable", True)
    assert found["backend"]["code"] == "Cloudunavailable"


def test_a_stream_is_compressed_when_asked(listed: Server, list_format: str) -> None:
    path = f";provider=listed{SNAPSHOTS}?format={list_format}"
    plain, zipped = (raw(listed, path, Accept_Encoding=c) for c in ("identity", "gzip"))
    assert "Content-Encoding" not in plain[0].headers
    assert zipped[0].headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped[1]) == plain[1]
    assert len(zipped[1]) < len(plain[1]) / 4
    assert len(read_body(CONTENT_TYPES[list_format], plain[1]).ids) == ROWS


CODINGS = {
    "gzip": True,
    "GZIP": True,
    "gzip, deflate, br, zstd": True,
    "deflate, gzip;q=0.001": True,
    "gzip;q=1.0, identity;q=0.5, *;q=0": True,
    "identity;q=1, gzip;q=0.1": False,
    "*": True,
    "*;q=0.5": True,
    "gzip ; q=0.5": True,
    "": False,
    "identity": False,
    "gzip;q=0": False,
    "gzip;q=0.000": False,
    "gzip;q=0, *": False,
    "*, gzip;q=0": False,
    "*;q=0": False,
    "deflate, br": False,
    "gzipped": False,
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("query", ["", "?limit=40", "?sort=-name"])
def test_only_who_takes_gzip_gets_it(listed: Server, coding: str, query: str) -> None:
    for method in ("GET", "HEAD"):
        if method == "HEAD" and "sort" in query:
            continue
        path = f";provider=listed{SNAPSHOTS}{query}"
        answer, body, _ = raw(listed, path, method, Accept_Encoding=coding)
        assert answer.status == 200
        assert (answer.headers["Content-Encoding"] == "gzip") is CODINGS[coding]
        assert body.startswith(b"\x1f\x8b") is (CODINGS[coding] and method == "GET")
        assert "Accept-Encoding" in answer.headers["Vary"]


def test_who_says_nothing_gets_no_gzip(listed: Server) -> None:
    for query in ("", "?limit=40"):
        answer, body, _ = raw(listed, f";provider=listed{SNAPSHOTS}{query}")
        assert "Content-Encoding" not in answer.headers
        assert body.startswith(b"<?xml")


@pytest.mark.parametrize("path", [f"{SNAPSHOTS}?limit=1&fields=id", f"{SNAPSHOTS}?id=nosuch"])
def test_small_answers_stay_plain(listed: Server, path: str, list_format: str) -> None:
    answer = listed.request("GET", f";provider=few{path}", headers={**accept(list_format), **GZIP})
    assert "Content-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(answer.content)


ONE_PAGE = ["one-page?", "one-page?sort=-name", "listed?limit=40", "listed?limit=40&sort=-id"]
ONE_PAGE += ["listed?sort=name", "listed?limit=1000&with_count=scan&explain=true"]


@pytest.mark.parametrize("ask", ONE_PAGE)
def test_a_list_at_hand_has_an_etag_for_each_coding(
    listed: Server, ask: str, list_format: str
) -> None:
    provider, _, query = ask.partition("?")
    path = f";provider={provider}{SNAPSHOTS}?{query}"
    headers = accept(list_format)
    plain, zipped = (listed.request("GET", path, headers={**headers, **c}) for c in (PLAIN, GZIP))
    assert plain.content == zipped.content
    tags = [plain.headers["ETag"], zipped.headers["ETag"]]
    assert all(STRONG.fullmatch(tag) for tag in tags)
    assert tags[0] != tags[1]
    for coding, own, other in ((PLAIN, tags[0], tags[1]), (GZIP, tags[1], tags[0])):
        for method in ("GET", "HEAD"):
            given = {**headers, **coding}
            if method == "HEAD" and ("sort" in query or "scan" in query):
                continue  # nothing is made that could have an ETag
            for known, status in ((own, 304), (f"W/{own}", 304), ("*", 304), (other, 200)):
                answer = listed.request(method, path, headers={**given, "If-None-Match": known})
                assert answer.status_code == status
                assert answer.headers["ETag"] == own
                assert "Accept-Encoding" in answer.headers["Vary"]
                if status == 304:
                    assert answer.content == b""
                    assert "Content-Type" not in answer.headers


def test_what_has_not_changed_has_no_coding(listed: Server) -> None:
    path = f";provider=listed{SNAPSHOTS}?limit=40"
    etag = listed.request("GET", path, headers=GZIP).headers["ETag"]
    answer = listed.request("GET", path, headers={**GZIP, "If-None-Match": etag})
    assert answer.status_code == 304
    assert "Content-Encoding" not in answer.headers  # RFC 9110, 15.4.5


def test_a_page_is_not_the_next_one(listed: Server, list_format: str) -> None:
    path = f";provider=listed{SNAPSHOTS}?limit=40"
    first = listed.request("GET", path, headers=accept(list_format))
    headers = {**accept(list_format), "If-None-Match": first.headers["ETag"]}
    answer = listed.request("GET", f"{path}&marker={marker_of(read(first).next)}", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["ETag"] != first.headers["ETag"]


def test_a_stream_has_no_etag(listed: Server, list_format: str) -> None:
    for coding in (PLAIN, GZIP):
        path = f";provider=listed{SNAPSHOTS}"
        answer = listed.request("GET", path, headers={**accept(list_format), **coding})
        assert "ETag" not in answer.headers
        assert answer.headers["Transfer-Encoding"] == "chunked"


HEADS = [
    "",
    "?limit=5",
    "?limit=1000",
    "?name=nosuch",
    "?name=nosuch&limit=5",
    "?sort=-name",
    "?sort=-name&limit=5",
    "?sort=-name&name=nosuch",
    "?with_count=scan",
    "?with_count=scan&limit=5",
    "?with_count=true&limit=5",
    "?explain=true&fields=id&native=true",
]


@pytest.mark.parametrize("query", HEADS)
@pytest.mark.parametrize("collection", [SNAPSHOTS, VOLUMES])
def test_head_asks_the_cloud_for_one_page_at_the_most(
    listed: Server, collection: str, query: str, list_format: str
) -> None:
    forget(listed, "listed")
    path = f";provider=listed{collection}{query}"
    answer = listed.request("HEAD", path, headers={**accept(list_format), **PLAIN})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == CONTENT_TYPES[list_format]
    assert len(calls(listed, "listed")) <= 1


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?sort=nosuch",
        "?name=x&nosuch=1",
        "?marker=x",
        "?marker=x&sort=name",
        "?marker=x&sort=name&limit=1",
        "?marker=x&limit=1",
        "?marker=x&with_count=scan&limit=1",
    ],
)
def test_head_refuses_what_get_refuses(listed: Server, query: str) -> None:
    for collection in (SNAPSHOTS, VOLUMES):
        for method in ("GET", "HEAD"):
            answer = listed.request(method, f";provider=listed{collection}{query}")
            assert answer.status_code == 400, method


def test_a_head_of_a_list_leaves_the_connection_usable(listed: Server, list_format: str) -> None:
    with requests.Session() as session:
        for query in ("", "?limit=5", "?sort=name"):
            url = f"{listed.api};provider=listed{SNAPSHOTS}{query}"
            for method in ("HEAD", "GET", "HEAD", "GET"):
                answer = session.request(
                    method, url, auth=DEMO, headers=accept(list_format), timeout=30
                )
                assert answer.status_code == 200
                assert bool(answer.content) is (method == "GET")


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_each_page_can_be_read_while_the_next_is_made(
    listed: Server, coding: str, list_format: str
) -> None:
    forget(listed, "twin")
    hold(listed, "twin", 2 * PAGE)
    try:
        connection = http.client.HTTPConnection(*address_of(listed), timeout=30)
        headers = {"Authorization": basic(), "Accept-Encoding": coding}
        path = f"/api;provider=twin{SNAPSHOTS}?format={list_format}"
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        unzipper, text = zlib.decompressobj(16 + zlib.MAX_WBITS), b""
        while f"snap-{2 * PAGE - 1:05}".encode() not in text:
            chunk = answer.read1(65536)
            assert chunk
            text += unzipper.decompress(chunk) if coding == "gzip" else chunk
        time.sleep(0.2)
        # One page ahead, and it has not come yet.
        assert calls(listed, "twin") == [["snapshots", n * PAGE, PAGE] for n in range(3)]
    finally:
        release(listed, "twin")
    rest = answer.read()
    text += unzipper.decompress(rest) + unzipper.flush() if coding == "gzip" else rest
    connection.close()
    assert len(read_body(CONTENT_TYPES[list_format], text).ids) == ROWS


def queued(server: Server, client: socket.socket) -> int:
    """Return how many bytes the kernel holds between the server and a client."""
    ours, theirs = client.getsockname()[1], address_of(server)[1]
    found = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, remote, _, queues = line.split()[1:5]
        ports = (int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16))
        waiting_to_go, waiting_to_be_read = (int(part, 16) for part in queues.split(":"))
        if ports == (theirs, ours):
            found += waiting_to_go
        elif ports == (ours, theirs):
            found += waiting_to_be_read
    return found


def settled(server: Server, provider: str) -> list[Any]:
    """Return the calls of a provider once there come no more."""
    before: list[Any] = [None]
    while before != (now := calls(server, provider)):
        before = now
        time.sleep(0.7)
    return now


@contextlib.contextmanager
def asking(server: Server, path: str, **headers: str) -> Any:
    """Send a GET on a connection with a small buffer."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(30)
        connection.connect(address_of(server))
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"GET /api{path} HTTP/1.1\r\nHost: h\r\nAuthorization: {basic()}\r\n{more}\r\n"
        connection.sendall(head.encode())
        yield connection


BIG_PAGE = PAGE * 20_000
"""Bytes that a page of the provider ``big`` has, and a few more."""


def test_a_client_that_reads_nothing_holds_two_pages(listed: Server, list_format: str) -> None:
    forget(listed, "big")
    with asking(listed, f";provider=big{SNAPSHOTS}?format={list_format}") as connection:
        made = settled(listed, "big")
        on_the_way = queued(listed, connection)
        assert on_the_way > 0
        # Pages on the way, the one being written, and one ahead.
        assert len(made) <= on_the_way // BIG_PAGE + 2


def test_a_client_that_stops_reading_holds_two_pages(listed: Server, list_format: str) -> None:
    forget(listed, "big")
    with asking(listed, f";provider=big{SNAPSHOTS}?format={list_format}") as connection:
        had = 0
        while had < 9.5 * BIG_PAGE:
            had += len(connection.recv(1 << 20))
        made = settled(listed, "big")
        assert len(made) > 9
        assert len(made) <= (had + queued(listed, connection)) // BIG_PAGE + 2
    hung_up = calls(listed, "big")
    time.sleep(0.7)
    assert calls(listed, "big") == hung_up


@pytest.mark.parametrize("what", HUNG_UP)
def test_a_client_that_hangs_up_ends_the_reading(
    listed: Server, what: str, list_format: str
) -> None:
    provider = f"slow-{what}-{list_format}"  # of its own: what goes on would disturb the next test
    forget(listed, provider)
    path = f";provider={provider}{SNAPSHOTS}?format={list_format}{HUNG_UP[what]}"
    with asking(listed, path):
        wait_for(lambda: len(calls(listed, provider)) >= 3, "three pages")
    then = len(calls(listed, provider))
    time.sleep(1.6)  # as long as eight pages take, of sixty
    assert len(calls(listed, provider)) <= then + 3


def test_many_readers_that_stop_do_not_keep_others_waiting(listed: Server) -> None:
    path = f";provider=big{SNAPSHOTS}"
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(asking(listed, path))
        settled(listed, "big")
        begun = time.monotonic()
        for _ in range(6):
            assert len(read(listed.request("GET", f";provider=listed{SNAPSHOTS}")).ids) == ROWS
        assert time.monotonic() - begun < 5


def test_a_cloud_that_hangs_keeps_nobody_from_the_lists_of_others(listed: Server) -> None:
    hold(listed, "one-more", PAGE)
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(150):  # two workers with as many as each reads ahead, and a few more
                stack.enter_context(asking(listed, f";provider=one-more{SNAPSHOTS}"))
            wait_for(lambda: len(calls(listed, "one-more")) > 150, "that they hang")
            for query in ("", "?limit=5&sort=name", "?sort=-name"):
                for _ in range(4):
                    path = f";provider=listed{SNAPSHOTS}{query}"
                    assert read(listed.request("GET", path, timeout=5)).ids
    finally:
        release(listed, "one-more")
