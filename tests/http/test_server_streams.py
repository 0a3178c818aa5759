"""Long lists: streamed page by page, and cut when a page fails, never quietly short."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.http.plugins.staged_cloud import PAGES, ROWS
from tests.http.staged import go, staged_server, wait_for, wait_until_entered
from tests.http.tools import FORMATS, accept, basic, connect, facts_of_list, problem, read_to_end
from tests.servers import DEMO, Server

LIST = "/storage_snapshots"


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two workers and clouds that fail on different pages."""
    with staged_server(
        tmp_path_factory.mktemp("streams"),
        {
            "whole": {},
            "late": {"fail_at": PAGES - 1, "error": "unavailable"},
            "second": {"fail_at": 1, "error": "backend"},
            "buggy": {"fail_at": 2, "error": "bug"},
            **{code: {"fail_at": 0, "error": code} for code in FIRST_PAGES},
        },
        arguments=("--workers", "2"),
    ) as server:
        yield server


FIRST_PAGES = {
    "backend": 502,
    "unavailable": 503,
    "timeout": 504,
    "rate_limited": 429,
    "denied": 403,
    "bug": 500,
}
CUT = ["late", "second", "buggy"]


def test_a_list_of_many_pages_is_whole(staged: Server, format_: str) -> None:
    answer = staged.request("GET", f";provider=whole{LIST}", headers=accept(format_))
    assert answer.status_code == 200
    assert answer.headers["Transfer-Encoding"] == "chunked"
    found = facts_of_list(answer)
    assert [item["id"] for item in found] == [f"snap-{i:04}" for i in range(PAGES * ROWS)]


def test_a_filter_holds_on_every_page(staged: Server, format_: str) -> None:
    wanted = f"snap-{PAGES * ROWS - 1:04}"
    answer = staged.request(
        "GET", f";provider=whole{LIST}", params={"id": wanted}, headers=accept(format_)
    )
    assert [item["id"] for item in facts_of_list(answer)] == [wanted]


def test_head_of_a_list_of_many_pages_has_no_body(staged: Server, format_: str) -> None:
    answer = staged.request("HEAD", f";provider=whole{LIST}", headers=accept(format_))
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_long_list_goes_to_http_1_0_as_well(staged: Server) -> None:
    with connect(staged) as connection:
        path = f"/api;provider=whole{LIST}?format=json"
        connection.sendall(f"GET {path} HTTP/1.0\r\nAuthorization: {basic()}\r\n\r\n".encode())
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body.endswith(b"}]}")
    assert body.count(b'"id"') >= PAGES * ROWS


def test_the_first_bytes_come_before_the_last_page_is_made(folder: Path) -> None:
    folders = {format_: folder / format_ for format_ in FORMATS}
    for meeting in folders.values():
        meeting.mkdir()
    gated = {f: {"wait_at": PAGES - 1, "folder": str(folders[f])} for f in FORMATS}
    with staged_server(folder, gated) as server:
        for format_ in FORMATS:
            check_that_it_streams(server, format_, folders[format_])


def check_that_it_streams(server: Server, format_: str, meeting: Path) -> None:
    answer = requests.get(
        f"{server.api};provider={format_}{LIST}",
        headers=accept(format_),
        auth=DEMO,
        stream=True,
        timeout=30,
    )
    last = f"snap-{PAGES * ROWS - 1:04}".encode()
    try:
        read = b""
        chunks = answer.iter_content(None)
        while b"snap-0000" not in read:
            read += next(chunks)
        wait_until_entered(meeting)
        assert last not in read
    finally:
        go(meeting)
    read += b"".join(chunks)
    assert last in read
    assert read.rstrip().endswith({"xml": b"</storage_snapshots>", "json": b"]}"}[format_])


@pytest.mark.parametrize("provider", CUT)
def test_a_page_that_fails_cuts_the_connection(staged: Server, provider: str, format_: str) -> None:
    path = f"/api;provider={provider}{LIST}?format={format_}"
    for _ in range(4):  # so that both workers have their turn
        with connect(staged) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: {basic()}\r\n\r\n".encode()
            )
            answer = read_to_end(connection)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"snap-0000" in answer
        assert not answer.endswith(b"0\r\n\r\n"), "the last chunk says that the list is whole"
        assert b"</storage_snapshots>" not in answer
        assert b"}]}" not in answer[-20:]


@pytest.mark.parametrize("provider", CUT)
def test_a_client_notices_that_a_list_was_cut(staged: Server, provider: str, format_: str) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        staged.request("GET", f";provider={provider}{LIST}", headers=accept(format_))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("provider", CUT)
def test_curl_notices_that_a_list_was_cut(staged: Server, provider: str, format_: str) -> None:
    url = f"{staged.api};provider={provider}{LIST}?format={format_}"
    done = subprocess.run(
        ["curl", "-sS", "-u", ":".join(DEMO), url], capture_output=True, check=False, timeout=30
    )
    assert done.returncode == 18
    assert b"snap-0000" in done.stdout


def test_the_server_goes_on_after_a_cut(staged: Server) -> None:
    pids = staged.worker_pids()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        staged.request("GET", f";provider=late{LIST}")
    assert staged.request("GET", f";provider=whole{LIST}").status_code == 200
    assert staged.worker_pids() == pids


@pytest.mark.parametrize("code", FIRST_PAGES)
def test_a_first_page_that_fails_is_a_proper_error(staged: Server, code: str, format_: str) -> None:
    answer = staged.request("GET", f";provider={code}{LIST}", headers=accept(format_))
    assert answer.status_code == FIRST_PAGES[code]
    found = problem(answer)
    assert found["code"] == FIRST_PAGES[code]
    assert found["error"] == {"bug": "internal"}.get(code, code)
    assert found["retryable"] is (code in {"unavailable", "timeout", "rate_limited"})
    assert found["backend"]["provider"] == code
    if code != "bug":
        assert found["backend"]["code"] == f"Cloud{code}"
        assert answer.headers["Retry-After"] == "7"


@pytest.mark.parametrize("provider", CUT)
def test_a_failed_stream_to_http_1_0_is_reset(staged: Server, provider: str) -> None:
    with connect(staged) as connection:
        path = f"/api;provider={provider}{LIST}?format=json"
        head = f"GET {path} HTTP/1.0\r\nHost: x\r\nAuthorization: {basic(*DEMO)}\r\n\r\n"
        connection.sendall(head.encode())
        with pytest.raises(ConnectionResetError):
            read_to_end(connection)


def test_the_log_says_which_list_was_cut_and_why(staged: Server) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        staged.request(
            "GET",
            f";provider=late{LIST}",
            headers={"Accept": "application/json", "X-Request-Id": "the-one-that-was-cut"},
        )
    wait_for(lambda: "the-one-that-was-cut" in staged.log, "the line in the log")
    lines = [line for line in staged.lines if "the-one-that-was-cut" in line]
    assert any('"event":"stream cut"' in line and '"unavailable"' in line for line in lines), lines
    assert "Traceback" not in staged.log
