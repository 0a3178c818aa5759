"""Validators and the headers that every answer carries."""

import contextlib
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.http.tools import CONTENT_TYPES, accept, facts, problem
from tests.servers import Server

Make = Callable[..., dict[str, Any]]
Unharmed = Callable[[], contextlib.AbstractContextManager[None]]
STRONG = re.compile(r'"[!#-~]+"')
READABLE = [
    "",
    "/drivers",
    "/drivers/local",
    "/storage_snapshots/schema",
    "/storage_snapshots?id=KEPT",
    "/storage_snapshots/KEPT",
    "/storage_snapshots/KEPT/metadata",
    "/storage_snapshots/KEPT/metadata/tier",
    "/storage_volumes?id=nosuch",
]


def ask(server: Server, method: str, path: str, format_: str, **headers: str) -> requests.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request(method, path, headers={**accept(format_), **given})


@pytest.mark.parametrize("path", READABLE)
def test_an_etag_is_strong_quoted_and_of_the_bytes(
    server: Server, kept: str, path: str, format_: str
) -> None:
    path = path.replace("KEPT", kept)
    first, second = (ask(server, "GET", path, format_) for _ in range(2))
    assert STRONG.fullmatch(first.headers["ETag"])
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"]
    other = ask(server, "GET", path, "json" if format_ == "xml" else "xml")
    assert other.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("path", READABLE)
@pytest.mark.parametrize("known", ["ETAG", "W/ETAG", "*", '"x", ETAG', 'W/"y" , W/ETAG , "z"'])
def test_what_the_client_has_is_not_sent_again(
    server: Server, kept: str, path: str, known: str, format_: str
) -> None:
    path = path.replace("KEPT", kept)
    etag = ask(server, "GET", path, format_).headers["ETag"]
    for method in ("GET", "HEAD"):
        answer = ask(server, method, path, format_, If_None_Match=known.replace("ETAG", etag))
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert "Content-Type" not in answer.headers
        for name in ("Cache-Control", "Vary", "X-Request-Id"):
            assert name in answer.headers


@pytest.mark.parametrize("known", ['"x"', 'W/"x"', '""', "nonsense", ""])
def test_what_the_client_has_not_is_sent(
    server: Server, kept: str, known: str, format_: str
) -> None:
    path = f"/storage_snapshots/{kept}"
    answer = ask(server, "GET", path, format_, If_None_Match=known)
    assert answer.status_code == 200
    assert facts(answer)["id"] == kept


def test_the_etag_of_the_other_format_is_not_known(server: Server, kept: str) -> None:
    path = f"/storage_snapshots/{kept}"
    etag = ask(server, "GET", path, "json").headers["ETag"]
    assert ask(server, "GET", path, "xml", If_None_Match=etag).status_code == 200


def test_a_change_changes_the_etag(server: Server, make_snapshot: Make, format_: str) -> None:
    path = f"/storage_snapshots/{make_snapshot()['id']}"
    before = ask(server, "GET", path, format_).headers["ETag"]
    server.request("PATCH", path, data={"name": "new"})
    assert ask(server, "GET", path, format_, If_None_Match=before).status_code == 200


def test_a_created_resource_has_an_etag(
    server: Server, make_image: Callable[..., str], format_: str
) -> None:
    for path, fields in [
        ("/storage_snapshots", {"volume_id": make_image()}),
        ("/storage_volumes", {"size_bytes": "1"}),
    ]:
        answer = server.request("POST", path, data=fields, headers=accept(format_))
        assert answer.status_code == 201
        assert STRONG.fullmatch(answer.headers["ETag"])
    # An empty volume is whole at once, so what is shown next is what was made.
    shown = facts(answer)
    again = ask(server, "GET", f"/storage_volumes/{shown['id']}", format_)
    assert facts(again) == {**shown, "snapshots": []}


def test_an_error_has_no_etag(server: Server, format_: str) -> None:
    answer = ask(server, "GET", "/storage_snapshots/nosuch", format_, If_None_Match="*")
    assert answer.status_code == 404
    assert "ETag" not in answer.headers


CHANGES: list[tuple[str, str, Any]] = [
    ("PUT", "", {"name": "changed"}),
    ("PATCH", "", {"name": "changed"}),
    ("DELETE", "", None),
    ("POST", "/metadata", {"metadata[tier]": "changed"}),
    ("PUT", "/metadata", {"metadata[tier]": "changed"}),
    ("PUT", "/metadata/tier", {"value": "changed"}),
    ("DELETE", "/metadata/tier", None),
]


@pytest.mark.parametrize(("method", "end", "fields"), CHANGES)
@pytest.mark.parametrize("wanted", ['"x"', "W/ETAG", '"x", "y"'])
def test_a_change_of_what_the_client_did_not_see_is_refused(
    *,
    server: Server,
    kept: str,
    unharmed: Unharmed,
    method: str,
    end: str,
    fields: Any,
    wanted: str,
) -> None:
    path = f"/storage_snapshots/{kept}{end}"
    with unharmed():
        for format_ in ("xml", "json"):
            etag = ask(server, "GET", path, format_).headers["ETag"]
            headers = {"If-Match": wanted.replace("ETAG", etag), **accept(format_)}
            answer = server.request(method, path, data=fields, headers=headers)
            assert answer.status_code == 412
            found = problem(answer)
            assert (found["code"], found["error"]) == (412, "precondition_failed")
            assert "If-Match" in found["message"]


@pytest.mark.parametrize(("method", "end", "fields"), CHANGES)
@pytest.mark.parametrize(
    ("wanted", "seen_in"), [("ETAG", "xml"), ('"x", ETAG', "json"), ("*", "json")]
)
def test_a_change_of_what_the_client_saw_is_made(
    *,
    server: Server,
    make_snapshot: Make,
    method: str,
    end: str,
    fields: Any,
    wanted: str,
    seen_in: str,
) -> None:
    path = f"/storage_snapshots/{make_snapshot(metadata={'tier': 'gold'})['id']}{end}"
    etag = ask(server, "GET", path, seen_in).headers["ETag"]
    headers = {"If-Match": wanted.replace("ETAG", etag), **accept("json")}
    answer = server.request(method, path, data=fields, headers=headers)
    assert answer.status_code == (204 if method == "DELETE" else 200), answer.text
    assert "changed" in answer.text or method == "DELETE"


def test_a_stale_etag_is_refused_after_a_change(
    server: Server, make_snapshot: Make, format_: str
) -> None:
    path = f"/storage_snapshots/{make_snapshot()['id']}"
    headers = {"If-Match": ask(server, "GET", path, format_).headers["ETag"], **accept(format_)}
    answer = server.request("PATCH", path, data={"name": "first"}, headers=headers)
    assert answer.status_code == 200
    for method in ("PATCH", "PUT", "DELETE"):
        fields = None if method == "DELETE" else {"name": "second"}
        assert server.request(method, path, data=fields, headers=headers).status_code == 412
    assert facts(server.request("GET", path))["name"] == "first"
    headers["If-Match"] = answer.headers["ETag"]
    assert server.request("DELETE", path, headers=headers).status_code == 204


def test_if_match_guards_the_delete_of_a_volume(
    server: Server, make_image: Callable[..., str], format_: str
) -> None:
    path = f"/storage_volumes/{make_image()}"
    assert ask(server, "DELETE", path, format_, If_Match='"x"').status_code == 412
    etag = ask(server, "GET", path, format_).headers["ETag"]
    assert ask(server, "DELETE", path, "json", If_Match=etag).status_code == 204


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match_on_nothing_is_not_found(server: Server, method: str, format_: str) -> None:
    headers = {"If-Match": "*", **accept(format_)}
    fields = None if method == "DELETE" else {"name": "x"}
    answer = server.request(method, "/storage_snapshots/nosuch", data=fields, headers=headers)
    assert answer.status_code in {404, 412}


ANSWERS = [
    ("GET", "", 200),
    ("GET", "/storage_snapshots", 200),
    ("HEAD", "/storage_snapshots/KEPT", 200),
    ("OPTIONS", "/storage_snapshots", 200),
    ("GET", "/storage_snapshots/nosuch", 404),
    ("GET", "/nosuch", 404),
    ("PUT", "/storage_snapshots", 405),
    ("DELETE", "/storage_snapshots", 400),
    ("GET", "/storage_snapshots?x=1", 400),
    ("POST", "/storage_snapshots", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_carries_the_same_headers(
    *, server: Server, kept: str, method: str, path: str, status: int, format_: str
) -> None:
    answer = ask(server, method, path.replace("KEPT", kept), format_)
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "private, max-age=0, must-revalidate"
    vary = {name.strip() for name in answer.headers["Vary"].split(",")}
    assert {"Accept", "Authorization", "X-Deltacloud-Driver", "X-Deltacloud-Provider"} <= vary
    assert answer.headers["X-Deltacloud-Driver"] == "local"
    assert answer.headers["X-Deltacloud-Provider"] == "local"
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])
    if method != "OPTIONS":
        assert answer.headers["Content-Type"] == CONTENT_TYPES[format_]


def test_what_asked_the_backend_tells_its_time(server: Server, kept: str, format_: str) -> None:
    for path in ("/storage_snapshots", f"/storage_snapshots/{kept}", "/storage_snapshots/nosuch"):
        answer = ask(server, "GET", path, format_)
        assert float(answer.headers["X-Backend-Runtime"]) >= 0
    assert "X-Backend-Runtime" not in ask(server, "GET", "", format_).headers


@pytest.mark.parametrize("given", ["abc-123", "A.b_C-9", "x", "f" * 64])
def test_a_sane_request_id_is_echoed(server: Server, given: str, format_: str) -> None:
    for path in ("", "/storage_snapshots/nosuch"):
        answer = ask(server, "GET", path, format_, X_Request_Id=given)
        assert answer.headers["X-Request-Id"] == given
    assert problem(answer)["request_id"] == given


@pytest.mark.parametrize(
    "given", ["", "a b", "f" * 65, "<script>", "a\tb", "ä", '"', "a;b", "$(x)"]
)
def test_an_odd_request_id_is_replaced(server: Server, given: str, format_: str) -> None:
    answer = server.request("GET", "", headers={"X-Request-Id": given.encode(), **accept(format_)})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])


def test_every_request_has_an_id_of_its_own(server: Server) -> None:
    ids = {server.request("GET", "").headers["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5
