"""Where one request ends and the next begins: a matter of safety behind proxies."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from lxml import etree

from tests.servers import Server

BASIC = b"Authorization: Basic ZGVtbzpkZW1v\r\n"


def talk(server: Server, *parts: bytes) -> bytes:
    """Send bytes as they are and return all that comes back until the server closes."""
    host, _, port = server.base.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while chunk := connection.recv(1 << 16):
            received += chunk
    return received


def post(*headers: bytes, body: bytes = b"") -> bytes:
    lines = [b"POST /api/storage_snapshots HTTP/1.1", b"Host: x", BASIC.rstrip(), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "headers",
    [
        (b"Content-Length: 5", b"Content-Length: 6"),
        (b"Content-Length: +5",),
        (b"Content-Length: 5_0",),
        (b"Content-Length: -5",),
        (b"Content-Length: five",),
        (b"Transfer-Encoding: gzip, chunked",),
        (b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"),
    ],
)
def test_a_body_without_one_clear_length_is_refused(
    server: Server, headers: tuple[bytes, ...]
) -> None:
    answer = talk(server, post(*headers, body=b"volume_id=x"))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_chunked_body_with_a_length_beside_it_ends_the_connection(server: Server) -> None:
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    request = post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")
    assert talk(server, request + smuggled).count(b"HTTP/1.1 ") == 1


def test_the_answer_to_head_has_no_body_and_the_next_request_is_answered(server: Server) -> None:
    head = b"HEAD /api/storage_snapshots HTTP/1.1\r\nHost: x\r\n" + BASIC + b"\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    first, second = talk(server, head, last).split(b"\r\n\r\n", 1)
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 200 ")
    assert second.endswith(b"\r\n\r\nok\n")


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"GET /api HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = talk(server, one + two)
    assert answer.index(b"ok\n") < answer.index(b"<api ")


@pytest.mark.parametrize("request_line", [b"nonsense", b"GET / HTTP/9.9", b"GET /" + b"a" * 9000])
def test_what_is_no_http_is_a_4xx_and_the_end(server: Server, request_line: bytes) -> None:
    answer = talk(server, request_line + b"\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 4")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/xml" in head
    error = etree.fromstring(body)
    assert error.get("status") == head[9:12].decode()
    assert error.findtext("message")


def test_a_filter_in_raw_utf8_is_understood(server: Server, make_image: Callable[..., str]) -> None:
    name = "größe ☃"
    made = server.request(
        "POST", "/storage_snapshots", data={"volume_id": make_image(), "name": name}
    )
    assert made.status_code == 201
    path = f"/api/storage_snapshots?format=json&name={name.replace(' ', '%20')}".encode()
    request = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + BASIC + b"\r\n"
    body = talk(server, request).partition(b"\r\n\r\n")[2]
    assert [found["name"] for found in json.loads(body)["storage_snapshots"]] == [name]


def test_the_schema_needs_credentials_as_all_but_the_entry_point_does(server: Server) -> None:
    path = "/storage_snapshots/schema"
    assert server.request("GET", path, auth=None).status_code == 401
    assert server.request("GET", path).status_code == 200


def test_the_absolute_form_is_served_and_its_password_is_not_logged(server: Server) -> None:
    head = (
        b"GET http://u:Wq7SECRET@x/api?format=json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    answer = talk(server, head)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Wq7SECRET" not in answer
    assert "Wq7SECRET" not in server.log


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_bytes_that_are_not_utf8_lead_to_no_other_resource(server: Server, method: str) -> None:
    image = server.store / "volumes" / "bad\ufffd.img"
    image.write_bytes(b"precious")
    answer = server.request(method, "/storage_volumes/bad%ff.img")
    assert answer.status_code == 404
    assert "not valid UTF-8" in answer.json()["message"]
    assert image.read_bytes() == b"precious"
    assert server.request("DELETE", "/storage_volumes/bad%EF%BF%BD.img").status_code == 204


@pytest.mark.parametrize(
    ("headers", "body", "status", "word"),
    [
        ({}, "volume_id=x&name=%zz", 400, "%"),
        ({}, "volume_id=x&metadata[a][b]=1", 400, "metadata[a][b]"),
        ({"Content-Encoding": "gzip"}, "volume_id=x", 415, "UTF-8"),
        ({"Content-Type": "application/json; charset=latin-1"}, '{"volume_id": "x"}', 415, "UTF-8"),
    ],
)
def test_input_that_would_be_misread_is_refused(
    server: Server, headers: dict[str, str], body: str, status: int, word: str
) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer = server.request("POST", "/storage_snapshots", data=body, headers={**form, **headers})
    assert answer.status_code == status
    assert word in answer.json()["message"]


def test_of_many_changes_with_one_etag_one_succeeds(
    server: Server, make_image: Callable[..., str]
) -> None:
    made = server.request("POST", "/storage_snapshots", data={"volume_id": make_image()})
    path = "/storage_snapshots/" + made.json()["storage_snapshot"]["id"]
    server.wait_until(path)
    etag = server.request("GET", path).headers["ETag"]
    headers = {"Accept": "application/json", "If-Match": etag}

    def change(number: int) -> int:
        data = {"name": f"by {number}"}
        return server.request("PATCH", path, data=data, headers=headers).status_code

    for _ in range(3):
        with ThreadPoolExecutor(16) as pool:
            codes = sorted(pool.map(change, range(16)))
        assert codes == [200] + [412] * 15
        headers["If-Match"] = server.request("GET", path).headers["ETag"]


@pytest.mark.parametrize("collection", ["storage_snapshots", "storage_volumes"])
def test_a_state_that_does_not_exist_is_refused(server: Server, collection: str) -> None:
    answer = server.request("GET", f"/{collection}?state=COMPLETED")
    assert answer.status_code == 400
    assert "available" in answer.json()["fields"]["state"]
    assert server.request("GET", f"/{collection}?state=deleting").status_code == 200
