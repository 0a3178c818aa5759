"""What clients of Apache Deltacloud rely on (recorded answers of version 1.1.3)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.http.tools import accept, attributes, basic, connect, read_to_end, send, tree
from tests.servers import DEMO, Server

Make = Callable[..., dict[str, Any]]
LIST = "/storage_snapshots"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_a_listed_snapshot_has_the_old_names(server: Server, make_snapshot: Make) -> None:
    made = make_snapshot()
    root = tree(server.request("GET", LIST, headers=accept("xml")))
    assert root.tag == "storage_snapshots"
    (found,) = root.findall(f"storage_snapshot[@id='{made['id']}']")
    assert found.get("href") == f"{server.api}{LIST}/{made['id']}"
    assert found.findtext("name") == made["id"], "an unnamed snapshot goes by its id"
    assert RFC3339.fullmatch(found.findtext("created") or "")
    (volume,) = found.findall("storage_volume")
    assert volume.get("id") == made["storage_volume"]["id"]
    assert volume.get("href") == f"{server.api}/storage_volumes/{volume.get('id')}"


def test_a_shown_snapshot_has_the_old_names(server: Server, make_snapshot: Make) -> None:
    made = make_snapshot(name="nightly")
    found = tree(server.request("GET", f"{LIST}/{made['id']}", headers=accept("xml")))
    assert (found.tag, found.get("id")) == ("storage_snapshot", made["id"])
    assert found.findtext("name") == "nightly"
    assert found.findtext("state") == "available"


def test_an_unnamed_snapshot_has_the_name_null_in_json(server: Server, make_snapshot: Make) -> None:
    made = make_snapshot()
    shown = server.request("GET", f"{LIST}/{made['id']}").json()
    assert list(shown) == ["storage_snapshot"]
    assert shown["storage_snapshot"]["name"] is None
    assert {"id", "href", "state", "storage_volume", "created"} <= shown["storage_snapshot"].keys()
    assert shown["storage_snapshot"]["storage_volume"].keys() == {"id", "href", "rel"}
    assert shown["storage_snapshot"]["storage_volume"]["rel"] == "storage_volume"


def test_created_is_rfc3339_in_utc(server: Server, make_snapshot: Make) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    created = make_snapshot()["created"]
    assert RFC3339.fullmatch(created)
    assert before <= datetime.fromisoformat(created) <= datetime.now(UTC)


def test_an_xml_answer_begins_with_the_declaration(server: Server) -> None:
    for path in ("", LIST, "/storage_volumes", "/drivers", "/nosuch"):
        answer = server.request("GET", path, headers=accept("xml"))
        assert answer.content.startswith(b"<?xml version='1.0' encoding='utf-8' ?>\n")


def test_the_ruby_client_creates_by_query_string(
    server: Server, make_image: Callable[..., str]
) -> None:
    answer = requests.post(
        f"{server.api}{LIST}",
        params={"volume_id": make_image(), "name": "n"},
        headers={"Accept": "application/xml"},
        auth=DEMO,
        timeout=30,
    )
    assert answer.status_code == 201
    root = tree(answer)
    assert (root.tag, root.findtext("name")) == ("storage_snapshot", "n")
    assert answer.headers["Location"] == root.get("href")
    assert answer.headers["Content-Type"] == "application/xml"


def test_a_client_that_says_nothing_gets_xml(
    server: Server, make_image: Callable[..., str]
) -> None:
    answer = send(server, "POST", f"/api{LIST}", body=f"volume_id={make_image()}".encode())
    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.headers["Location"].startswith(f"{server.api}{LIST}/snap-")
    listed = send(server, "GET", f"/api{LIST}")
    assert (listed.status, listed.headers["Content-Type"]) == (200, "application/xml")


def test_delete_answers_204_without_a_body(server: Server, make_snapshot: Make) -> None:
    path = f"{LIST}/{make_snapshot()['id']}"
    for given in ({"Accept": "*/*"}, {"Accept": "application/xml"}):
        answer = server.request("DELETE", path, headers=given)
        assert answer.status_code == (204 if given["Accept"] == "*/*" else 404)
    assert "Content-Length" not in server.request("DELETE", path).headers or answer.content


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", f"{LIST}/nosuch", "404", "not_found"),
        ("POST", LIST, "400", "invalid"),
        ("PUT", LIST, "405", "method_not_allowed"),
        ("DELETE", LIST, "400", "invalid"),
        ("GET", "/nosuch", "404", "not_found"),
    ],
)
def test_an_error_has_the_old_form_in_xml(
    server: Server, method: str, path: str, status: str, kind: str
) -> None:
    answer = server.request(method, path, headers=accept("xml"))
    root = tree(answer)
    assert root.tag == "error"
    assert attributes(root) == {"status": status, "url": f"/api{path}"}
    (backend,) = root.findall("backend")
    assert attributes(backend) == {"driver": "local", "provider": "local"}
    assert root.findtext("code") == status == str(answer.status_code)
    assert root.findtext("kind") == kind
    assert root.findtext("message")
    assert root.find("backtrace") is None
    assert "Traceback" not in answer.text


def test_an_error_has_the_old_form_in_json(server: Server) -> None:
    found = server.request("GET", f"{LIST}/nosuch").json()
    assert {"code", "message", "error"} <= found.keys()
    assert found["code"] == 404


def test_a_volume_has_the_old_names(server: Server) -> None:
    answer = server.request(
        "POST", "/storage_volumes", data={"capacity": "2"}, headers=accept("xml")
    )
    assert answer.status_code == 201
    root = tree(answer)
    assert root.tag == "storage_volume"
    (capacity,) = root.findall("capacity")
    assert (capacity.get("unit"), capacity.text) == ("GB", "2")
    assert root.findtext("name") == root.get("id")
    shown = server.request("GET", f"/storage_volumes/{root.get('id')}").json()["storage_volume"]
    assert (shown["capacity"], shown["name"]) == (2, None)
    server.request("DELETE", f"/storage_volumes/{root.get('id')}")


def test_the_entry_point_has_the_old_form(server: Server) -> None:
    root = tree(requests.get(server.api, headers={"Accept": "application/xml"}, timeout=30))
    assert root.tag == "api"
    assert {"driver", "version"} <= set(root.attrib)
    links = {link.get("rel"): link.get("href") for link in root.findall("link")}
    assert links["storage_snapshots"] == f"{server.api}/storage_snapshots"
    assert {link.tag for link in root} == {"link"}


def test_http_1_0_is_answered_whole_and_closed(server: Server) -> None:
    head = f"GET /api{LIST} HTTP/1.0\r\nAuthorization: {basic()}\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(head.encode())
        head_, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert b" 200 " in head_.splitlines()[0]
    assert b"chunked" not in head_
    assert f"Content-Length: {len(body)}".encode() in head_
    assert body.endswith(b"</storage_snapshots>\n")
