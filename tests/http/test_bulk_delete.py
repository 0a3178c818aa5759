"""DELETE /api/storage_snapshots: several at once, each way to name them, and dry runs."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from tests.http.tools import FORMATS, accept, problem, results
from tests.servers import Server

Make = Callable[..., dict[str, Any]]
Unharmed = Callable[[], contextlib.AbstractContextManager[None]]
LIST = "/storage_snapshots"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
XML = "application/xml"
WAYS = ("query", "form", "multipart", "json", "objects", "xml", "xml elements")


def naming(way: str, ids: list[str]) -> dict[str, Any]:
    """Return what requests.request() takes to name snapshots in one of WAYS."""
    if way in {"query", "form"}:
        return {"params" if way == "query" else "data": [("id", one) for one in ids]}
    if way == "multipart":
        return {"files": [("id", (None, one)) for one in ids]}
    if way == "json":
        return {"json": {"ids": ids}}
    if way == "objects":
        return {"json": {"objects": [{"uuid": one} for one in ids]}}
    root = etree.Element("storage_snapshots")
    for one in ids:
        child = etree.SubElement(root, "storage_snapshot")
        if way == "xml":
            child.set("id", one)
        else:
            etree.SubElement(child, "id").text = one
    return {"data": etree.tostring(root), "headers": {"Content-Type": XML}}


def delete(server: Server, given: dict[str, Any], format_: str, **params: str) -> Any:
    headers = {**accept(format_), **given.pop("headers", {})}
    pairs = [*given.pop("params", []), *params.items()]
    return server.request("DELETE", LIST, headers=headers, params=pairs, **given)


def there(server: Server, ids: list[str]) -> list[bool]:
    return [server.request("GET", f"{LIST}/{one}").status_code == 200 for one in ids]


@pytest.mark.parametrize("way", WAYS)
def test_all_that_are_named_are_deleted_and_no_others(
    server: Server, make_snapshot: Make, kept: str, way: str
) -> None:
    ids = [make_snapshot()["id"] for _ in range(3)]
    answer = delete(server, naming(way, ids), "xml")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert there(server, [*ids, kept]) == [False] * 3 + [True]


@pytest.mark.parametrize("way", WAYS)
def test_what_fails_is_told_in_order_and_the_rest_is_deleted(
    server: Server, make_snapshot: Make, format_: str, way: str
) -> None:
    first, last = make_snapshot()["id"], make_snapshot()["id"]
    ids = [first, "no & such", last, "x" * 300]
    answer = delete(server, naming(way, ids), format_)
    assert answer.status_code == 207
    assert answer.headers["Content-Type"] == accept(format_)["Accept"]
    assert "ETag" not in answer.headers
    found = results(answer)
    assert [one["index"] for one in found] == [0, 1, 2, 3]
    assert [one["id"] for one in found] == ids
    assert [one["status"] for one in found] == [204, 404, 204, 404]
    assert [one["error"] is None for one in found] == [True, False, True, False]
    assert not any(one["storage_snapshot"] or one["retry_after"] for one in found)
    assert there(server, [first, last]) == [False, False]


def test_an_items_error_is_the_error_of_a_request_for_it_alone(
    server: Server, format_: str
) -> None:
    headers = {"X-Request-Id": "the-same", **accept(format_)}
    alone = problem(server.request("DELETE", f"{LIST}/nosuch", headers=headers))
    answer = server.request("DELETE", LIST, data={"id": "nosuch"}, headers=headers)
    (found,) = results(answer)
    assert (answer.status_code, found["status"]) == (207, 404)
    assert found["error"] == alone


@pytest.mark.parametrize("way", WAYS)
def test_a_dry_run_tells_and_deletes_nothing(
    server: Server, make_snapshot: Make, unharmed: Unharmed, format_: str, way: str
) -> None:
    ids = [make_snapshot()["id"], "nosuch", make_snapshot()["id"]]
    with unharmed():
        answer = delete(server, naming(way, ids), format_, dry_run="true")
    assert answer.status_code == 200
    found = results(answer)
    assert [one["id"] for one in found] == ids
    assert [one["status"] for one in found] == [204, 404, 204]
    assert found[1]["error"]["error"] == "not_found"


def test_a_dry_run_of_one_deletion_has_one_result(
    server: Server, make_snapshot: Make, unharmed: Unharmed, format_: str
) -> None:
    one = make_snapshot()["id"]
    with unharmed():
        for snapshot_id, status in ((one, 204), ("nosuch", 404)):
            path = f"{LIST}/{snapshot_id}?dry_run=true"
            answer = server.request("DELETE", path, headers=accept(format_))
            (found,) = results(answer)
            assert answer.status_code == 200
            assert (found["id"], found["status"]) == (snapshot_id, status)
    assert server.request("DELETE", f"{LIST}/{one}?dry_run=false").status_code == 204


def test_a_dry_run_obeys_if_match_of_the_one_snapshot(server: Server, kept: str) -> None:
    headers = {"If-Match": '"old"', **accept("json")}
    answer = server.request("DELETE", f"{LIST}/{kept}?dry_run=true", headers=headers)
    assert answer.status_code == 412


def test_a_dry_run_with_if_match_of_what_is_gone_tells_what_missing_ok_would(
    server: Server, kept: str
) -> None:
    headers = {"If-Match": '"old"', **accept("json")}
    for query, status in (("?", 404), ("?missing=ok&", 204)):
        path = f"{LIST}/{kept}-gone{query}"
        assert server.request("DELETE", path, headers=headers).status_code == status
    answer = server.request("DELETE", f"{path}dry_run=true", headers=headers)
    assert [one["status"] for one in results(answer)] == [204]


def test_without_a_dry_run_false_deletes(server: Server, make_snapshot: Make) -> None:
    one = make_snapshot()["id"]
    answer = delete(server, naming("query", [one]), "json", dry_run="false")
    assert answer.status_code == 204
    assert there(server, [one]) == [False]


MANY = [str(n) for n in range(1001)]
BAD: list[tuple[str, str | None, str, str]] = [
    # (query, content type, body with KEPT for an id, what the answer must name)
    ("", None, "", "ids"),
    ("", FORM, "", "ids"),
    ("", JSON, "{}", "ids"),
    ("", JSON, '{"ids": []}', "ids"),
    ("", JSON, '{"objects": []}', "ids"),
    ("", XML, "<storage_snapshots/>", "ids"),
    ("dry_run=true", None, "", "ids"),
    ("state=available", None, "", "state"),
    ("id=KEPT&state=available", None, "", "state"),
    ("id=KEPT&name=x", None, "", "name"),
    ("id__in=KEPT", None, "", "id__in"),
    ("ids=KEPT", None, "", "ids"),
    ("ID=KEPT", None, "", "ID"),
    ("id=KEPT&id=other&id=KEPT", None, "", "KEPT"),
    ("id=KEPT&id=", None, "", "ids[1]"),
    ("id=KEPT&id=a%00b", None, "", "ids[1]"),
    ("id=KEPT&dry_run=yes", None, "", "dry_run"),
    ("id=KEPT&dry_run=", None, "", "dry_run"),
    ("id=KEPT&dry_run=true&dry_run=true", None, "", "dry_run"),
    ("id=KEPT&format=json&format=json", None, "", "format"),
    ("id=KEPT", FORM, "id=other", "id"),
    ("id=other", JSON, '{"ids": ["KEPT"]}', "id"),
    ("id=KEPT", JSON, "{}", "id"),
    ("", FORM, "id=KEPT&dry_run=true", "dry_run"),
    ("", FORM, "id=KEPT&state=available", "state"),
    ("", FORM, "id[]=KEPT", "id[]"),
    ("", FORM, "id=KEPT&id=KEPT", "KEPT"),
    ("", FORM, "&".join(f"id={n}" for n in MANY), "1000"),
    ("", JSON, '{"ids": ["KEPT"], "dry_run": true}', "dry_run"),
    ("", JSON, '{"ids": ["KEPT"], "objects": []}', "ids"),
    ("", JSON, '{"id": "KEPT"}', "id"),
    ("", JSON, '{"ids": "KEPT"}', "ids"),
    ("", JSON, '{"ids": null}', "ids"),
    ("", JSON, '{"ids": {"KEPT": 1}}', "ids"),
    ("", JSON, '{"ids": ["KEPT", 1, null, ""]}', "ids[2]"),
    ("", JSON, '{"ids": ["KEPT", "KEPT"]}', "KEPT"),
    ("", JSON, '{"ids": [' + ",".join(MANY) + "]}", "1001"),
    ("", JSON, '{"objects": ["KEPT"]}', "objects[0]"),
    ("", JSON, '{"objects": [{"uuid": "KEPT"}, {"id": "KEPT"}]}', "objects[1].uuid"),
    ("", JSON, '{"objects": [{"uuid": "KEPT", "name": "x"}]}', "objects[0].name"),
    ("", JSON, '["KEPT"]', "object"),
    ("", XML, "<ids><id>KEPT</id></ids>", "storage_snapshots"),
    ("", XML, "<storage_snapshot id='KEPT'/>", "storage_snapshots"),
    ("", XML, "<storage_snapshots><id>KEPT</id></storage_snapshots>", "storage_snapshots[0]"),
    ("", XML, "<storage_snapshots all='1'><storage_snapshot id='KEPT'/></storage_snapshots>", "<"),
    ("", XML, "<storage_snapshots>x<storage_snapshot id='KEPT'/></storage_snapshots>", "text"),
    (
        "",
        XML,
        "<storage_snapshots><storage_snapshot id='KEPT'/><storage_snapshot/></storage_snapshots>",
        "storage_snapshots[1].id",
    ),
    (
        "",
        XML,
        "<storage_snapshots><storage_snapshot id='KEPT' name='x'/></storage_snapshots>",
        "storage_snapshots[0].name",
    ),
]


@pytest.mark.parametrize(("query", "content_type", "body", "named"), BAD)
def test_a_bad_request_is_refused_as_a_whole(
    *,
    server: Server,
    kept: str,
    unharmed: Unharmed,
    query: str,
    content_type: str | None,
    body: str,
    named: str,
) -> None:
    query, body, named = (text.replace("KEPT", kept) for text in (query, body, named))
    headers = {"Content-Type": content_type} if content_type else {}
    with unharmed():
        for format_ in FORMATS:
            path = f"{LIST}?{query}" if query else LIST
            given = {**headers, **accept(format_)}
            answer = server.request("DELETE", path, data=body.encode(), headers=given)
            assert answer.status_code == 400, answer.text
            found = problem(answer)
            assert found["error"] == "invalid"
            assert any(named in f"{name} {text}" for name, text in found["fields"].items())


@pytest.mark.parametrize("tag", ["*", '"x"'])
def test_if_match_means_nothing_here(
    server: Server, kept: str, unharmed: Unharmed, format_: str, tag: str
) -> None:
    with unharmed():
        headers = {"If-Match": tag, **accept(format_)}
        answer = server.request("DELETE", LIST, data={"id": kept}, headers=headers)
    assert (answer.status_code, list(problem(answer)["fields"])) == (400, ["If-Match"])


@pytest.mark.parametrize("path", ["/storage_snapshots/KEPT", "/storage_snapshots/KEPT/metadata/k"])
def test_an_id_in_the_query_is_taken_by_no_other_deletion(
    server: Server, kept: str, unharmed: Unharmed, path: str
) -> None:
    with unharmed():
        answer = server.request("DELETE", f"{path.replace('KEPT', kept)}?id=a&id=b")
    assert (answer.status_code, list(problem(answer)["fields"])) == (400, ["id"])


def test_only_who_may_may_delete(server: Server, kept: str, unharmed: Unharmed) -> None:
    with unharmed():
        for auth in (None, ("demo", "wrong")):
            answer = server.request("DELETE", LIST, data={"id": kept}, auth=auth)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_thousand_is_not_too_many(server: Server) -> None:
    answer = server.request("DELETE", LIST, json={"ids": MANY[:1000]})
    assert answer.status_code == 207
    found = results(answer)
    assert [one["id"] for one in found] == MANY[:1000]
    assert {one["status"] for one in found} == {404}
