"""POST /api/storage_snapshots with several snapshots in one body, and dry runs."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.http.staged import staged_server, wait_for
from tests.http.tools import FORMATS, accept, facts, facts_of_list, problem, results, tree
from tests.servers import Server

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]
LIST = "/storage_snapshots"
JSON = "application/json"
XML = "application/xml"
WAYS = ("storage_snapshots", "objects", "wrapped", "xml")
LONG = "n" * 256
"""A name that the local driver has no room for."""


def asking(way: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what requests.request() takes to ask for snapshots in one of WAYS."""
    if way == "wrapped":
        return {"json": {"storage_snapshots": [{"storage_snapshot": item} for item in items]}}
    if way != "xml":
        return {"json": {way: items}}
    root = etree.Element("storage_snapshots")
    for item in items:
        one = etree.SubElement(root, "storage_snapshot", {"volume_id": item["volume_id"]})
        for name in ("name", "description"):
            if name in item:
                etree.SubElement(one, name).text = item[name]
        metadata = etree.SubElement(one, "metadata")
        for key, value in item.get("metadata", {}).items():
            etree.SubElement(metadata, "meta", {"key": key}).text = value
    return {"data": etree.tostring(root), "headers": {"Content-Type": XML}}


def create(server: Server, given: dict[str, Any], format_: str, query: str = "") -> Any:
    headers = {**accept(format_), **given.pop("headers", {})}
    return server.request("POST", f"{LIST}{query}", headers=headers, **given)


@pytest.fixture
def clean(server: Server) -> Iterator[None]:
    """Delete what a test has made."""
    before = ids_of(server)
    yield
    for made in ids_of(server) - before:
        server.wait_until(f"{LIST}/{made}")
        server.request("DELETE", f"{LIST}/{made}")


def ids_of(server: Server) -> set[str]:
    return {found["id"] for found in facts_of_list(server.request("GET", LIST))}


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("way", WAYS)
def test_all_that_is_asked_for_is_made_in_order(
    server: Server, make_image: Callable[..., str], format_: str, way: str
) -> None:
    images = [make_image() for _ in range(2)]
    items = [
        {"volume_id": image, "name": f"n{n}", "description": "d", "metadata": {"k": str(n)}}
        for n, image in enumerate(images * 5)
    ]
    answer = create(server, asking(way, items), format_)
    assert answer.status_code == 201, answer.text
    assert answer.headers["ETag"]
    assert "Location" not in answer.headers
    made = facts_of_list(answer)
    assert [one["name"] for one in made] == [item["name"] for item in items]
    assert [one["metadata"] for one in made] == [item["metadata"] for item in items]
    assert [one["storage_volume"]["id"] for one in made] == images * 5
    assert len({one["id"] for one in made} & ids_of(server)) == 10
    assert answer.request.url is not None
    if format_ == "xml":
        assert tree(answer).tag == "storage_snapshots"
    shown = facts(server.request("GET", f"{LIST}/{made[0]['id']}", headers=accept(format_)))
    assert shown["href"] == made[0]["href"]


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("way", WAYS)
def test_what_fails_is_told_in_order_and_the_rest_is_made(
    server: Server, make_image: Callable[..., str], format_: str, way: str
) -> None:
    before, image = ids_of(server), make_image()
    items = [
        {"volume_id": image, "name": "good"},
        {"volume_id": "nosuch.img"},
        {"volume_id": image, "name": LONG},
        {"volume_id": image, "name": "also good"},
    ]
    answer = create(server, asking(way, items), format_)
    assert answer.status_code == 207
    found = results(answer)
    assert [one["index"] for one in found] == [0, 1, 2, 3]
    assert [one["status"] for one in found] == [201, 404, 400, 201]
    assert [one["error"] and one["error"]["error"] for one in found] == [
        None,
        "not_found",
        "invalid",
        None,
    ]
    assert list(found[2]["error"]["fields"]) == ["name"]
    assert [one["id"] for one in found[1:3]] == [None, None]
    made = [found[n]["storage_snapshot"] for n in (0, 3)]
    assert [one["name"] for one in made] == ["good", "also good"]
    assert [one["id"] for one in made] == [found[n]["id"] for n in (0, 3)]
    assert ids_of(server) - before == {one["id"] for one in made}


@pytest.mark.parametrize("way", WAYS)
def test_a_dry_run_tells_and_makes_nothing(
    server: Server, make_image: Callable[..., str], unharmed: Unharmed, format_: str, way: str
) -> None:
    items = [{"volume_id": make_image()}, {"volume_id": "nosuch.img"}]
    items += [{**items[0], "name": LONG}]
    with unharmed():
        answer = create(server, asking(way, items), format_, "?dry_run=true")
    assert answer.status_code == 200
    found = results(answer)
    assert [one["status"] for one in found] == [201, 404, 400]
    assert not any(one["storage_snapshot"] or one["id"] for one in found)


@pytest.mark.parametrize("how", ["data", "json", "params"])
def test_a_dry_run_of_one_creation_has_one_result(
    *, server: Server, make_image: Callable[..., str], unharmed: Unharmed, format_: str, how: str
) -> None:
    image = make_image()
    with unharmed():
        for volume_id, status in ((image, 201), ("nosuch.img", 404)):
            given = {how: {"volume_id": volume_id}}
            answer = create(server, given, format_, "?dry_run=true")
            (found,) = results(answer)
            assert (answer.status_code, found["status"]) == (200, status)


@pytest.mark.usefixtures("clean")
def test_dry_run_false_makes(server: Server, make_image: Callable[..., str]) -> None:
    answer = create(server, {"data": {"volume_id": make_image()}}, "json", "?dry_run=false")
    assert answer.status_code == 201


def test_every_bad_field_of_every_item_is_named_and_nothing_made(
    server: Server, make_image: Callable[..., str], unharmed: Unharmed, format_: str
) -> None:
    good = {"volume_id": make_image()}
    items = [good, {}, {**good, "name": 1, "colour": "red"}, 5, {**good, "metadata": {"k": 1}}]
    with unharmed():
        for name in ("storage_snapshots", "objects"):
            answer = create(server, {"json": {name: items}}, format_)
            assert answer.status_code == 400
            assert problem(answer)["fields"].keys() == {
                f"{name}[1].volume_id",
                f"{name}[2].name",
                f"{name}[2].colour",
                f"{name}[3]",
                f"{name}[4].metadata[k]",
            }


def xml(*items: str) -> str:
    return f"<storage_snapshots>{''.join(items)}</storage_snapshots>"


GOOD = "<storage_snapshot volume_id='IMAGE'/>"
BAD: list[tuple[str, str, str, str]] = [
    # (query, content type, body with IMAGE for a volume, what the answer must name)
    ("", JSON, '{"storage_snapshots": []}', "storage_snapshots"),
    ("", JSON, '{"objects": []}', "objects"),
    ("", JSON, '{"storage_snapshots": {"volume_id": "IMAGE"}}', "storage_snapshots"),
    ("", JSON, '{"objects": null}', "objects"),
    ("", JSON, '{"objects": [{"volume_id": "IMAGE"}], "name": "x"}', "name"),
    ("", JSON, '{"objects": [{"volume_id": "IMAGE"}], "storage_snapshots": []}', "objects"),
    ("", JSON, '{"storage_snapshots": [{"volume_id": "IMAGE"}], "dry_run": true}', "dry_run"),
    ("", JSON, '{"objects": [' + ",".join(['{"volume_id": "IMAGE"}'] * 1001) + "]}", "1001"),
    ("", JSON, '[{"volume_id": "IMAGE"}]', "object"),
    ("name=x", JSON, '{"objects": [{"volume_id": "IMAGE"}]}', "name"),
    ("dry_run=1", JSON, '{"objects": [{"volume_id": "IMAGE"}]}', "dry_run"),
    ("dry_run=true&dry_run=false", JSON, '{"volume_id": "IMAGE"}', "dry_run"),
    ("", JSON, '{"volume_id": "IMAGE", "dry_run": true}', "dry_run"),
    ("", XML, xml(), "storage_snapshots"),
    ("", XML, xml(GOOD, "<storage_snapshot/>"), "storage_snapshots[1].volume_id"),
    ("", XML, xml(GOOD, "<snapshot volume_id='IMAGE'/>"), "storage_snapshots[1]"),
    ("", XML, xml(GOOD, "text"), "text"),
    ("", XML, xml("<storage_snapshot volume_id='IMAGE'>text</storage_snapshot>"), "text"),
    ("", XML, xml(GOOD, "<storage_snapshot volume_id='IMAGE' colour='red'/>"), "[1].colour"),
    ("", XML, xml(GOOD).replace("s>", "s all='1'>", 1), "without attributes"),
]


@pytest.mark.parametrize(("query", "content_type", "body", "named"), BAD)
def test_a_bad_request_is_refused_as_a_whole(
    *,
    server: Server,
    make_image: Callable[..., str],
    unharmed: Unharmed,
    query: str,
    content_type: str,
    body: str,
    named: str,
) -> None:
    data = body.replace("IMAGE", make_image()).encode()
    with unharmed():
        for format_ in FORMATS:
            headers = {"Content-Type": content_type, **accept(format_)}
            path = f"{LIST}?{query}" if query else LIST
            answer = server.request("POST", path, data=data, headers=headers)
            assert answer.status_code == 400, answer.text
            found = problem(answer)
            assert any(named in f"{name} {text}" for name, text in found["fields"].items())


def test_if_match_means_nothing_here(
    server: Server, make_image: Callable[..., str], unharmed: Unharmed, format_: str
) -> None:
    given = {"storage_snapshots": [{"volume_id": make_image()}]}
    with unharmed():
        headers = {"If-Match": "*", **accept(format_)}
        answer = server.request("POST", LIST, json=given, headers=headers)
    assert (answer.status_code, list(problem(answer)["fields"])) == (400, ["If-Match"])


def test_only_who_may_may_create(server: Server, make_image: Callable[..., str]) -> None:
    given = {"storage_snapshots": [{"volume_id": make_image()}]}
    for auth in (None, ("demo", "wrong")):
        answer = server.request("POST", LIST, json=given, auth=auth)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_no_other_operation_takes_a_dry_run(server: Server, kept: str, unharmed: Unharmed) -> None:
    path = f"{LIST}/{kept}"
    with unharmed():
        for method, end in (("POST", "/clone"), ("PATCH", ""), ("DELETE", "/metadata/tier")):
            fields = {"name": "x"} if method != "DELETE" else None
            answer = server.request(method, f"{path}{end}?dry_run=true", data=fields)
            assert (answer.status_code, list(problem(answer)["fields"])) == (400, ["dry_run"])


def test_bulk_is_announced(server: Server) -> None:
    schema = server.request("GET", f"{LIST}/schema").json()
    assert schema["allowed_list_http_methods"] == ["get", "post", "delete"]
    links = {link["rel"]: link for link in server.request("GET", "").json()["api"]["links"]}
    of_snapshots = {feature["name"] for feature in links["storage_snapshots"]["features"]}
    assert {"bulk_create", "bulk_delete"} <= of_snapshots


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("cloud")
    with staged_server(folder, {"bulk": {"driver": "BulkDriver"}, "plain": {}}) as found:
        yield found


def bugs_of(server: Server, request_id: str) -> list[str]:
    """Return the lines about bugs that a finished request has left in the log."""
    lines: list[str] = []

    def is_finished() -> bool:
        lines[:] = [line for line in server.lines if request_id in line]
        return any('"event":"request"' in line for line in lines)

    wait_for(is_finished, "the line of the request")
    return [line for line in lines if '"event":"bug"' in line]


def test_a_bug_with_one_item_is_logged_and_the_others_are_told(cloud: Server) -> None:
    for format_ in FORMATS:
        ids = ["good", f"fail-bug-{format_}", "fail-rate_limited"]
        path = f";provider=bulk{LIST}"
        answer = cloud.request("DELETE", path, json={"ids": ids}, headers=accept(format_))
        found = results(answer)
        assert [one["status"] for one in found] == [204, 500, 429]
        assert [one["retry_after"] for one in found] == [None, None, 7]
        assert [one["error"] and one["error"]["retryable"] for one in found] == [None, False, True]
        assert found[1]["error"]["error"] == "internal"
        assert "cloud-said" not in answer.text
        logged = bugs_of(cloud, found[1]["error"]["request_id"])
        assert len(logged) == 1
        assert '"error":"RuntimeError"' in logged[0]


def test_a_driver_that_cannot_is_501(cloud: Server, format_: str) -> None:
    for query in ("", "?dry_run=true"):
        path = f";provider=plain{LIST}{query}"
        for method, given in (
            ("DELETE", {"ids": ["a", "b"]}),
            ("POST", {"objects": [{"volume_id": "v"}]}),
        ):
            answer = cloud.request(method, path, json=given, headers=accept(format_))
            assert answer.status_code == 501
            assert problem(answer)["error"] == "unsupported"


def test_no_more_than_eight_at_once_and_not_one_by_one(cloud: Server) -> None:
    ids = [f"count-{n}" for n in range(40)]
    answer = cloud.request("DELETE", f";provider=bulk{LIST}", json={"ids": ids})
    assert answer.status_code == 204
    most = int((cloud.folder / "most-at-once").read_text())
    assert most == 8
