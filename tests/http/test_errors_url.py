"""URLs that nobody knows, methods that are not possible, formats that cannot be made."""

import contextlib
from collections.abc import Callable

import pytest

from tests.http.tools import accept, problem, send
from tests.servers import Server

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]

UNKNOWN_URLS = [
    "/api/nosuch",
    "/api/storage_snapshots/",
    "/api/storage_snapshots/x/",
    "/api/storage_snapshots/x/nosuch",
    "/api/storage_snapshots/x/metadata/",
    "/api/storage_volumes/",
    "/api//storage_snapshots",
    "/api/Storage_Snapshots",
    "/API/storage_snapshots",
    "/api/",
    "/apix",
    "/",
    "//",
    "/favicon.ico",
    "/static/x",
    "/api/storage_snapshots/x.json/y",
]

ODD_IDS = [
    "..",
    ".",
    "...",
    "%2e%2e",
    "%2e%2e%2f",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%2fsnapgate.db",
    "%2fetc%2fpasswd",
    "..%5c..",
    "a%00b",
    "%00",
    "%ff",
    "%ed%a0%80",
    "%0a",
    "%c2%85",
    "%20",
    "%",
    "%zz",
    "a%2fb",
    ".snapgate-x.partial",
    "'%20OR%201=1--",
    "<script>",
    "{}",
    "%E2%80%AE",
    "a" * 256,
    "%C3%A4" * 256,
    "a" * 7900,
]


@pytest.mark.parametrize("path", UNKNOWN_URLS)
def test_an_unknown_url_is_not_found_in_the_format_asked_for(
    server: Server, path: str, format_: str
) -> None:
    answer = send(server, "GET", path, headers=accept(format_))
    assert answer.status == 404
    assert answer.headers["Content-Type"] == accept(format_)["Accept"]
    assert b"not_found" in answer.body
    assert answer.headers["X-Request-Id"].encode() in answer.body


@pytest.mark.parametrize("kind", ["storage_snapshots", "storage_volumes", "drivers"])
@pytest.mark.parametrize("resource_id", ODD_IDS, ids=lambda found: found[:24])
def test_an_odd_id_is_not_found(server: Server, kind: str, resource_id: str, format_: str) -> None:
    answer = send(server, "GET", f"/api/{kind}/{resource_id}", headers=accept(format_))
    assert answer.status == 404
    assert answer.headers["Content-Type"] == accept(format_)["Accept"]
    assert len(answer.body) < 2000 + len(resource_id)
    assert b"passwd" not in answer.body or b"no " in answer.body


@pytest.mark.parametrize("resource_id", ODD_IDS, ids=lambda found: found[:24])
def test_an_odd_id_harms_nothing(server: Server, unharmed: Unharmed, resource_id: str) -> None:
    with unharmed():
        for method, path, body in [
            ("DELETE", f"/api/storage_snapshots/{resource_id}", None),
            ("DELETE", f"/api/storage_volumes/{resource_id}", None),
            ("PATCH", f"/api/storage_snapshots/{resource_id}", b"name=x"),
            ("POST", f"/api/storage_snapshots/{resource_id}/clone", b""),
        ]:
            answer = send(server, method, path, headers=accept("json"), body=body)
            assert answer.status in {404, 405}, (method, path)
            assert answer.json()["code"] == answer.status


@pytest.mark.parametrize("head", ["/api/nosuch", "/api/storage_snapshots/nosuch", "/api?x=1"])
def test_an_error_of_head_has_no_body(server: Server, head: str, format_: str) -> None:
    got = send(server, "GET", head, headers=accept(format_))
    answer = send(server, "HEAD", head, headers=accept(format_))
    assert answer.status == got.status >= 400
    assert answer.body == b""
    assert answer.headers["Content-Type"] == accept(format_)["Accept"]


IMPOSSIBLE = [
    ("POST", "", "GET, HEAD, OPTIONS"),
    ("DELETE", "", "GET, HEAD, OPTIONS"),
    ("POST", "/drivers", "GET, HEAD, OPTIONS"),
    ("DELETE", "/drivers/local", "GET, HEAD, OPTIONS"),
    ("PUT", "/storage_snapshots", "DELETE, GET, HEAD, OPTIONS, POST"),
    ("PATCH", "/storage_snapshots", "DELETE, GET, HEAD, OPTIONS, POST"),
    ("POST", "/storage_snapshots/KEPT", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ("GET", "/storage_snapshots/KEPT/clone", "OPTIONS, POST"),
    ("DELETE", "/storage_snapshots/KEPT/metadata", "GET, HEAD, OPTIONS, POST, PUT"),
    ("POST", "/storage_snapshots/KEPT/metadata/tier", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ("PUT", "/storage_volumes", "GET, HEAD, OPTIONS, POST"),
    ("PATCH", "/storage_volumes/x", "DELETE, GET, HEAD, OPTIONS"),
    ("TRACE", "/storage_snapshots", "DELETE, GET, HEAD, OPTIONS, POST"),
    ("FOO", "/storage_snapshots", "DELETE, GET, HEAD, OPTIONS, POST"),
]


@pytest.mark.parametrize(("method", "path", "allow"), IMPOSSIBLE)
def test_an_impossible_method_is_refused_with_the_possible_ones(
    *, server: Server, kept: str, unharmed: Unharmed, method: str, path: str, allow: str
) -> None:
    with unharmed():
        for format_ in ("xml", "json"):
            answer = server.request(method, path.replace("KEPT", kept), headers=accept(format_))
            assert answer.status_code == 405
            assert sorted(answer.headers["Allow"].split(", ")) == sorted(allow.split(", "))
            found = problem(answer)
            assert (found["code"], found["error"]) == (405, "method_not_allowed")
            assert method in found["message"]


def test_a_method_override_is_not_obeyed(server: Server, kept: str, unharmed: Unharmed) -> None:
    with unharmed():
        path = f"/storage_snapshots/{kept}"
        headers = {"X-HTTP-Method-Override": "DELETE", **accept("json")}
        answer = server.request("POST", path, data={"_method": "delete"}, headers=headers)
        assert answer.status_code == 405


UNACCEPTABLE = [
    "image/png",
    "text/html",
    "application/x-yaml",
    "application/json;q=0",
    "application/json;q=0, application/xml;q=0, text/xml;q=0",
    "nonsense",
    ";;;",
    "application/json;q=abc",
]


@pytest.mark.parametrize("accepted", UNACCEPTABLE)
def test_an_impossible_accept_is_refused_before_anything_happens(
    server: Server, make_image: Callable[..., str], kept: str, unharmed: Unharmed, accepted: str
) -> None:
    image = make_image()
    with unharmed():
        for method, path, fields in [
            ("POST", "/storage_snapshots", {"volume_id": image}),
            ("POST", "/storage_volumes", {"size_bytes": "1"}),
            ("POST", f"/storage_snapshots/{kept}/clone", {}),
            ("PATCH", f"/storage_snapshots/{kept}", {"name": "x"}),
            ("PUT", f"/storage_snapshots/{kept}/metadata/tier", {"value": "x"}),
            ("DELETE", f"/storage_snapshots/{kept}", {}),
            ("GET", "/storage_snapshots", {}),
            ("GET", "", {}),
        ]:
            answer = server.request(method, path, data=fields, headers={"Accept": accepted})
            assert answer.status_code == 406, (method, path)
            found = problem(answer)
            assert (found["code"], found["error"]) == (406, "not_acceptable")
            assert "application/xml" in found["message"]
            assert "application/json" in found["message"]


@pytest.mark.parametrize("wanted", ["yaml", "html", "JSON", "", "xml/", "../json"])
def test_an_unknown_format_is_refused_before_anything_happens(
    server: Server, make_image: Callable[..., str], unharmed: Unharmed, wanted: str
) -> None:
    image = make_image()
    with unharmed():
        answer = server.request(
            "POST", "/storage_snapshots", params={"format": wanted}, data={"volume_id": image}
        )
    assert answer.status_code == 406
    assert "format=json" in problem(answer)["message"]


@pytest.mark.parametrize("host", ["<x>", "a b", "h/x", "evil@h", "h:port"])
def test_a_host_that_is_none_makes_no_broken_links(server: Server, host: str) -> None:
    answer = send(server, "GET", "/api", headers={"Host": host, **accept("json")})
    if answer.status == 200:
        (href, *_) = [link["href"] for link in answer.json()["api"]["links"]]
        assert href == f"{server.api}/drivers"
    else:
        assert answer.status == 400
