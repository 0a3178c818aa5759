"""The contract of /api/storage_snapshots: list, show, create, change, delete, clone."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.http.tools import CONTENT_TYPES, accept, facts, facts_of_list, named_by_id, tree
from tests.servers import Server

Make = Callable[..., dict[str, Any]]
LIST = "/storage_snapshots"


def test_a_created_snapshot_has_its_url_and_its_facts(
    server: Server, make_image: Callable[..., str], format_: str
) -> None:
    image = make_image(b"12345")
    fields = {"volume_id": image, "name": "n", "description": "d", "metadata": {"k": "v"}}
    answer = server.request("POST", LIST, json=fields, headers=accept(format_))
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == CONTENT_TYPES[format_]
    made = facts(answer)
    assert made["href"] == answer.headers["Location"] == f"{server.api}{LIST}/{made['id']}"
    assert (made["name"], made["description"]) == ("n", "d")
    assert made["metadata"] == {"k": "v"}
    assert made["size_bytes"] == 5
    assert made["state"] in {"creating", "available"}
    assert made["storage_volume"] == {
        "id": image,
        "href": f"{server.api}/storage_volumes/{image}",
        "rel": "storage_volume",
    }
    server.wait_until(f"{LIST}/{made['id']}")
    server.request("DELETE", f"{LIST}/{made['id']}")


def test_an_available_snapshot_tells_all_its_facts(server: Server, make_snapshot: Make) -> None:
    found = make_snapshot(name="n")
    assert (found["state"], found["native_state"], found["ready"]) == (
        "available",
        "available",
        True,
    )
    assert (found["progress"], found["stored_kind"]) == (100, "full")
    assert found["owner"] == {"id": "demo", "self": True}
    assert found["visibility"] == "private"
    assert found["location"] is None
    for name in ("created", "completed"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", found[name])
    assert [(a["rel"], a["method"]) for a in found["actions"]] == [
        ("clone", "post"),
        ("update", "patch"),
        ("delete", "delete"),
    ]


@pytest.mark.parametrize("name", ["named", None])
def test_xml_and_json_show_the_same_snapshot(
    server: Server, make_snapshot: Make, name: str | None
) -> None:
    made = make_snapshot(name=name, description="<d>", metadata={"a": "1", "b": "", "c & d": "'\""})
    path = f"{LIST}/{made['id']}"
    in_json = facts(server.request("GET", path))
    in_xml = facts(server.request("GET", path, headers=accept("xml")))
    assert in_json["name"] == name
    assert in_xml == named_by_id(in_json)


def test_the_list_shows_every_snapshot_as_it_is_shown_alone(
    server: Server, make_snapshot: Make, format_: str
) -> None:
    made = [make_snapshot(name=f"s{i}") for i in range(3)]
    listed = {
        item["id"]: item
        for item in facts_of_list(server.request("GET", LIST, headers=accept(format_)))
    }
    for snapshot in made:
        shown = server.request("GET", f"{LIST}/{snapshot['id']}", headers=accept(format_))
        assert listed[snapshot["id"]] == facts(shown)


def test_the_list_has_its_root_in_both_formats(server: Server, kept: str) -> None:
    assert list(server.request("GET", LIST).json()) == ["storage_snapshots"]
    root = tree(server.request("GET", LIST, headers=accept("xml")))
    assert root.tag == "storage_snapshots"
    assert {child.tag for child in root} == {"storage_snapshot"}
    assert kept in [child.get("id") for child in root]


def test_an_empty_list_is_a_list(server: Server, format_: str) -> None:
    answer = server.request("GET", LIST, params={"name": "nobody"}, headers=accept(format_))
    assert answer.status_code == 200
    assert facts_of_list(answer) == []


@pytest.mark.parametrize("field", ["id", "name", "state", "volume_id"])
def test_a_filter_finds_what_matches_exactly(
    server: Server, make_snapshot: Make, format_: str, field: str
) -> None:
    wanted, other = make_snapshot(name="Wanted"), make_snapshot(name="Wanted too")
    value = {**wanted, "volume_id": wanted["storage_volume"]["id"]}[field]
    answer = server.request("GET", LIST, params={field: value}, headers=accept(format_))
    ids = [item["id"] for item in facts_of_list(answer)]
    assert wanted["id"] in ids
    assert (other["id"] in ids) is (field == "state")


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"metadata[team]": "a & b"}, True),
        ({"metadata[team]": "a"}, False),
        ({"metadata[Team]": "a & b"}, False),
        ({"metadata[team]": "a & b", "metadata[env]": "x"}, True),
        ({"metadata[team]": "a & b", "metadata[env]": "y"}, False),
        ({"owner": "self"}, True),
        ({"owner": "demo"}, True),
        ({"owner": "nobody"}, False),
    ],
)
def test_metadata_and_owner_are_filters(
    server: Server, make_snapshot: Make, format_: str, params: dict[str, str], found: bool
) -> None:
    made = make_snapshot(metadata={"team": "a & b", "env": "x"})
    answer = server.request("GET", LIST, params=params, headers=accept(format_))
    assert (made["id"] in [item["id"] for item in facts_of_list(answer)]) is found


@pytest.mark.parametrize("name", ["metadata", "metadata[]", "metadata[a][b]", "meta[a]", "name[a]"])
def test_a_filter_on_no_metadata_key_is_refused_by_name(server: Server, name: str) -> None:
    answer = server.request("GET", LIST, params={name: "x"})
    assert answer.status_code == 400
    assert name in answer.json()["fields"]


def test_filters_must_all_match(server: Server, make_snapshot: Make) -> None:
    made = make_snapshot(name="x")
    for name, count in (("x", 1), ("y", 0)):
        answer = server.request("GET", LIST, params={"id": made["id"], "name": name})
        assert len(answer.json()["storage_snapshots"]) == count


@pytest.mark.parametrize("path", [LIST, "/storage_snapshots/schema", "/storage_volumes", ""])
def test_head_has_the_headers_of_get_and_no_body(server: Server, path: str, format_: str) -> None:
    got = server.request("GET", path, headers=accept(format_))
    answer = server.request("HEAD", path, headers=accept(format_))
    assert (answer.status_code, answer.content) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length"):
        assert answer.headers[name] == got.headers[name]


def test_head_of_one_snapshot_has_the_headers_of_get(
    server: Server, kept: str, format_: str
) -> None:
    test_head_has_the_headers_of_get_and_no_body(server, f"{LIST}/{kept}", format_)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_answers_with_the_changed_snapshot(
    server: Server, make_snapshot: Make, format_: str, method: str
) -> None:
    made = make_snapshot(name="old", description="old", metadata={"a": "1", "b": "2"})
    path = f"{LIST}/{made['id']}"
    change = {"name": "new", "metadata": {"b": "3", "c": "4"}}
    answer = server.request(method, path, json=change, headers=accept(format_))
    assert answer.status_code == 200
    found = facts(answer)
    assert (found["name"], found["description"]) == ("new", "old")
    kept_keys = {} if method == "PUT" else {"a": "1"}
    assert found["metadata"] == {**kept_keys, "b": "3", "c": "4"}
    assert found == facts(server.request("GET", path, headers=accept(format_)))
    assert found["updated"] is not None


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_leaves_alone_what_it_does_not_name(
    server: Server, make_snapshot: Make, method: str
) -> None:
    made = make_snapshot(name="old", description="old", metadata={"a": "1"})
    answer = server.request(method, f"{LIST}/{made['id']}", json={"description": "new"})
    expected = {**made, "description": "new", "updated": facts(answer)["updated"]}
    assert facts(answer) == expected


@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_empty_text_take_name_and_description_away(
    server: Server, make_snapshot: Make, empty: str | None
) -> None:
    made = make_snapshot(name="n", description="d")
    answer = server.request(
        "PATCH", f"{LIST}/{made['id']}", json={"name": empty, "description": empty}
    )
    assert (facts(answer)["name"], facts(answer)["description"]) == (None, None)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_null_value_removes_a_metadata_key(
    server: Server, make_snapshot: Make, method: str
) -> None:
    made = make_snapshot(metadata={"a": "1", "b": "2"})
    change = {"metadata": {"a": None, "b": "2"}}
    answer = server.request(method, f"{LIST}/{made['id']}", json=change)
    assert facts(answer)["metadata"] == {"b": "2"}


def test_a_deleted_snapshot_is_gone_with_its_file(
    server: Server, make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot()
    path = f"{LIST}/{made['id']}"
    assert (server.store / "snapshots" / made["id"]).exists()
    answer = server.request("DELETE", path, headers=accept(format_))
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert not (server.store / "snapshots" / made["id"]).exists()
    for method in ("GET", "DELETE", "PATCH"):
        json = {"name": "x"} if method == "PATCH" else None
        assert server.request(method, path, json=json, headers=accept(format_)).status_code == 404


def test_every_link_in_a_snapshot_can_be_followed(server: Server, make_snapshot: Make) -> None:
    made = make_snapshot()
    for href in (made["href"], made["storage_volume"]["href"]):
        answer = server.request("GET", href.removeprefix(server.api))
        assert answer.status_code == 200
        assert facts(answer)["href"] == href
        assert href.endswith(facts(answer)["id"])
    links = {action["rel"]: action for action in made["actions"]}
    assert links["clone"]["href"] == made["href"] + "/clone"
    for rel, status in (("update", 200), ("clone", 201), ("delete", 204)):
        path = links[rel]["href"].removeprefix(server.api)
        json = {"name": "x"} if rel == "update" else None
        answer = server.request(links[rel]["method"].upper(), path, json=json)
        assert answer.status_code == status


def test_a_snapshot_of_a_deleted_volume_links_to_nowhere(
    server: Server, make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot()
    volume = made["storage_volume"]["id"]
    assert server.request("DELETE", f"/storage_volumes/{volume}").status_code == 204
    answer = server.request("GET", f"{LIST}/{made['id']}", headers=accept(format_))
    assert facts(answer)["storage_volume"] == {
        "id": volume,
        "href": None,
        "rel": "storage_volume",
    }


def test_a_clone_is_a_new_volume_with_the_same_bytes(
    server: Server, make_image: Callable[..., str], format_: str
) -> None:
    content = bytes(range(256)) * 40
    made = facts(server.request("POST", LIST, data={"volume_id": make_image(content)}))
    server.wait_until(f"{LIST}/{made['id']}")
    answer = server.request(
        "POST",
        f"{LIST}/{made['id']}/clone",
        data={"name": "c", "description": "d", "size_bytes": "20000"},
        headers=accept(format_),
    )
    assert answer.status_code == 201
    volume = facts(answer)
    path = f"/storage_volumes/{volume['id']}"
    assert answer.headers["Location"] == volume["href"] == server.api + path
    assert (volume["name"], volume["description"]) == ("c", "d")
    assert (volume["size_bytes"], volume["source_snapshot_id"]) == (20000, made["id"])
    server.wait_until(path)
    image = (server.store / "volumes" / volume["id"]).read_bytes()
    assert image == content + bytes(20000 - len(content))


def test_a_clone_needs_no_field_at_all(server: Server, make_snapshot: Make) -> None:
    made = make_snapshot()
    answer = server.request("POST", f"{LIST}/{made['id']}/clone")
    assert answer.status_code == 201
    assert facts(answer)["size_bytes"] == made["size_bytes"]
    assert facts(answer)["name"] is None
