"""The contract of /api/storage_volumes: list, show, create, create from a snapshot, delete."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.tools import CONTENT_TYPES, accept, facts, facts_of_list, named_by_id, tree
from tests.servers import Server

Make = Callable[..., dict[str, Any]]
LIST = "/storage_volumes"
GIB = 1 << 30


def test_a_volume_put_into_the_folder_is_listed_and_shown(
    server: Server, make_image: Callable[..., str], format_: str
) -> None:
    image = make_image(b"x" * 1000)
    listed = facts_of_list(server.request("GET", LIST, headers=accept(format_)))
    (found,) = [volume for volume in listed if volume["id"] == image]
    assert found["href"] == f"{server.api}{LIST}/{image}"
    assert (found["state"], found["size_bytes"], found["capacity"]) == ("available", 1000, 1)
    answer = server.request("GET", f"{LIST}/{image}", headers=accept(format_))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == CONTENT_TYPES[format_]
    assert facts(answer) == {**found, "snapshots": []}


def test_the_list_has_its_root_in_both_formats(
    server: Server, make_image: Callable[..., str]
) -> None:
    image = make_image()
    assert list(server.request("GET", LIST).json()) == ["storage_volumes"]
    root = tree(server.request("GET", LIST, headers=accept("xml")))
    assert root.tag == "storage_volumes"
    assert {child.tag for child in root} == {"storage_volume"}
    assert image in [child.get("id") for child in root]


@pytest.mark.parametrize("name", ["named", None])
def test_xml_and_json_show_the_same_volume(server: Server, name: str | None) -> None:
    made = facts(server.request("POST", LIST, json={"size_bytes": 4096, "name": name}))
    path = f"{LIST}/{made['id']}"
    in_json = facts(server.request("GET", path))
    in_xml = facts(server.request("GET", path, headers=accept("xml")))
    assert in_json["name"] == name
    assert in_xml == named_by_id(in_json)
    server.request("DELETE", path)


@pytest.mark.parametrize("field", ["id", "name", "state"])
def test_a_filter_finds_what_matches_exactly(server: Server, format_: str, field: str) -> None:
    wanted, other = (
        facts(server.request("POST", LIST, json={"size_bytes": 1, "name": name}))
        for name in ("Wanted", "wanted")
    )
    answer = server.request("GET", LIST, params={field: wanted[field]}, headers=accept(format_))
    ids = [item["id"] for item in facts_of_list(answer)]
    assert wanted["id"] in ids
    assert (other["id"] in ids) is (field == "state")


@pytest.mark.parametrize(("field", "size"), [("capacity", 2 * GIB), ("size_bytes", 2)])
def test_an_empty_volume_has_the_size_asked_for(
    server: Server, format_: str, field: str, size: int
) -> None:
    answer = server.request(
        "POST",
        LIST,
        data={field: "2", "name": "n", "description": "d"},
        headers=accept(format_),
    )
    assert answer.status_code == 201
    made = facts(answer)
    assert answer.headers["Location"] == made["href"] == f"{server.api}{LIST}/{made['id']}"
    assert (made["name"], made["description"], made["size_bytes"]) == ("n", "d", size)
    server.wait_until(f"{LIST}/{made['id']}")
    image = server.store / "volumes" / made["id"]
    assert image.stat().st_size == size
    server.request("DELETE", f"{LIST}/{made['id']}")


def test_a_volume_made_from_a_snapshot_has_its_bytes(
    server: Server, make_snapshot: Make, format_: str
) -> None:
    snapshot = make_snapshot(name="s")
    answer = server.request(
        "POST", LIST, data={"snapshot_id": snapshot["id"], "name": "v"}, headers=accept(format_)
    )
    assert answer.status_code == 201
    made = facts(answer)
    assert (made["source_snapshot_id"], made["name"]) == (snapshot["id"], "v")
    assert made["size_bytes"] == snapshot["size_bytes"]
    server.wait_until(f"{LIST}/{made['id']}")
    assert (server.store / "volumes" / made["id"]).read_bytes() == (
        server.store / "snapshots" / snapshot["id"]
    ).read_bytes()


def test_a_volume_from_a_snapshot_can_be_larger(server: Server, make_snapshot: Make) -> None:
    snapshot = make_snapshot()
    fields = {"snapshot_id": snapshot["id"], "size_bytes": 5000}
    assert facts(server.request("POST", LIST, json=fields))["size_bytes"] == 5000
    fields = {"snapshot_id": snapshot["id"], "capacity": 1}
    assert facts(server.request("POST", LIST, json=fields))["size_bytes"] == GIB


def test_a_volume_shows_its_snapshots(
    server: Server, make_image: Callable[..., str], format_: str
) -> None:
    image = make_image()
    ids = [
        facts(server.request("POST", "/storage_snapshots", data={"volume_id": image}))["id"]
        for _ in range(2)
    ]
    shown = facts(server.request("GET", f"{LIST}/{image}", headers=accept(format_)))
    assert shown["snapshots"] == [
        {"id": i, "href": f"{server.api}/storage_snapshots/{i}", "rel": "storage_snapshot"}
        for i in ids
    ]
    for link in shown["snapshots"]:
        path = link["href"].removeprefix(server.api)
        assert facts(server.request("GET", path))["storage_volume"]["id"] == image
        server.wait_until(path)
        server.request("DELETE", path)


def test_a_deleted_volume_is_gone_and_its_snapshots_stay(
    server: Server, make_snapshot: Make, format_: str
) -> None:
    snapshot = make_snapshot()
    path = f"{LIST}/{snapshot['storage_volume']['id']}"
    answer = server.request("DELETE", path, headers=accept(format_))
    assert (answer.status_code, answer.content) == (204, b"")
    assert not (server.store / "volumes" / snapshot["storage_volume"]["id"]).exists()
    assert server.request("GET", path, headers=accept(format_)).status_code == 404
    assert server.request("DELETE", path, headers=accept(format_)).status_code == 404
    assert facts(server.request("GET", f"/storage_snapshots/{snapshot['id']}"))["ready"] is True


def test_the_actions_of_a_volume_can_be_followed(
    server: Server, make_image: Callable[..., str]
) -> None:
    shown = facts(server.request("GET", f"{LIST}/{make_image()}"))
    (action,) = shown["actions"]
    assert (action["rel"], action["method"], action["href"]) == ("delete", "delete", shown["href"])
    assert server.request("DELETE", action["href"].removeprefix(server.api)).status_code == 204


@pytest.mark.parametrize("name", ["a b.img", "ä€😀.img", "a%20b.img", "a;b=c.img", "a?b#c&d+.img"])
def test_a_volume_with_an_odd_name_can_be_reached_by_its_links(
    server: Server, format_: str, name: str
) -> None:
    (server.store / "volumes" / name).write_bytes(b"odd")
    listed = facts_of_list(server.request("GET", LIST, headers=accept(format_)))
    (found,) = [volume for volume in listed if volume["id"] == name]
    path = found["href"].removeprefix(server.api)
    assert facts(server.request("GET", path, headers=accept(format_)))["id"] == name
    snapshot = facts(server.request("POST", "/storage_snapshots", data={"volume_id": name}))
    assert snapshot["storage_volume"] == {
        "id": name,
        "href": found["href"],
        "rel": "storage_volume",
    }
    server.wait_until(f"/storage_snapshots/{snapshot['id']}")
    assert server.request("DELETE", f"/storage_snapshots/{snapshot['id']}").status_code == 204
    assert server.request("DELETE", path).status_code == 204
