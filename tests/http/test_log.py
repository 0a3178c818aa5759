"""The log tells what happened and never a credential or a query string."""

import json
import time

from tests.http.tools import accept, basic, say, send
from tests.servers import Server

SECRET = "hunter2-1f3870be274f6c49"


def log_with(server: Server, request_id: str) -> str:
    """Wait until a request's line is there and return the whole log."""
    end = time.monotonic() + 10
    while request_id not in server.log:
        assert time.monotonic() < end, "the request was not logged"
        time.sleep(0.01)
    return server.log


def test_a_request_leaves_one_line_with_its_facts(server: Server) -> None:
    server.request("GET", "/storage_snapshots/nosuch", headers={"X-Request-Id": "one-line-1"})
    (line,) = [line for line in log_with(server, "one-line-1").splitlines() if "one-line-1" in line]
    found = json.loads(line)
    assert found["event"] == "request"
    assert (found["method"], found["status"]) == ("GET", 404)
    assert found["path"] == "/api/storage_snapshots/nosuch"
    assert found["provider"] == "local"
    assert found["ms"] >= found["backend_ms"] >= 0


def test_no_credential_and_no_query_string_reaches_the_log_or_an_error(server: Server) -> None:
    answers = [
        send(server, "GET", "/api/storage_snapshots", headers=headers)
        for headers in (
            {"Authorization": basic("demo", SECRET)},
            {"Authorization": basic(SECRET, "x")},
            {"Authorization": f"Bearer {SECRET}"},
            {"Authorization": f"Basic {SECRET}"},
            {"Authorization": f"{SECRET}"},
            {"X-Auth-Token": SECRET, "Authorization": ""},
            {"X-Amz-Security-Token": SECRET},
            {"Cookie": SECRET, "Referer": f"http://h/?{SECRET}", "User-Agent": SECRET},
        )
    ]
    answers += [
        send(server, "GET", path, headers={"Authorization": basic("demo", SECRET)})
        for path in (
            f"/api?password={SECRET}",
            f"/api/storage_snapshots?name={SECRET}",
            f"/api/nosuch?{SECRET}",
        )
    ]
    answers.append(
        send(
            server,
            "POST",
            "/api/storage_snapshots",
            headers={"X-Request-Id": "last-secret", "Content-Type": "application/json"},
            body=json.dumps({"volume_id": "nosuch", "description": SECRET}).encode(),
        )
    )
    log = log_with(server, "last-secret")
    encoded = basic("demo", SECRET).removeprefix("Basic ")
    for text in (SECRET, encoded):
        assert text not in log
        for answer in answers:
            assert text.encode() not in answer.body or b"parameter" in answer.body
            assert text not in str(answer.headers)


def test_a_request_that_is_no_http_leaves_no_secret_in_the_log(server: Server) -> None:
    secret = "broken-http-1679091c5a88"
    bad = [
        f"GET /api?password={secret} HTTP/1.1 x\r\n\r\n",
        f"GET /api?{secret} HTTP/9.9\r\nHost: h\r\n\r\n",
        f"GET /api?{secret} x y z\r\n\r\n",
        f"GET /api HTTP/1.1\r\nAuthorization Basic {secret}\r\n\r\n",
        f"GET /api HTTP/1.1\r\nHost: h\r\nAuthorization : Basic {secret}\r\n\r\n",
        f"GET /api HTTP/1.1\r\nHost: h\r\nAuthorization: Basic {secret}\x00\r\n\r\n",
        f"GET /api HTTP/1.1\r\nHost: h\r\n Authorization: Basic {secret}\r\n\r\n",
        f"POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: {secret}\r\n\r\n",
        f"{secret}\r\n\r\n",
    ]
    for data in bad:
        assert secret.encode() not in say(server, data.encode())
    server.request("GET", "", headers={"X-Request-Id": "after-bad-http", **accept("json")})
    assert secret not in log_with(server, "after-bad-http")
