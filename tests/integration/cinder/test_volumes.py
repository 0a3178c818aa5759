"""Volumes: list, show, make, delete."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.bodies import body
from tests.http.tools import facts, named_by_id
from tests.integration.cinder.conftest import MAX_LIMIT
from tests.integration.cinder.gateway import (
    GIB,
    NOBODYS,
    SNAPSHOTS,
    VOLUMES,
    Api,
    nothing_made,
    pair,
    rels,
)
from tests.integration.cinder.server.cinder import RealCinder


@pytest.fixture(scope="module")
def disk(cinder: RealCinder) -> str:
    """A volume with one snapshot."""
    found = cinder.volume("fake", name="disk", description="d <&>", metadata={"a": "b"})
    cinder.snapshot(found)
    return found


@pytest.fixture(scope="module")
def attached(cinder: RealCinder) -> Iterator[str]:
    """A volume that is in use."""
    found = cinder.volume("fake")
    attachment = cinder.attach(found)
    yield found
    cinder.detach(attachment)


def test_a_volume_is_shown_with_its_snapshots(
    api: Api, cinder: RealCinder, disk: str, format_: str
) -> None:
    shown = api.get(f"{VOLUMES}/{disk}", format_=format_)
    assert (shown["name"], shown["description"]) == ("disk", "d <&>")
    assert (shown["state"], shown["native_state"]) == ("available", "available")
    assert (shown["capacity"], shown["size_bytes"], shown["zone"]) == (1, GIB, "nova")
    assert shown["metadata"] == {"a": "b"}
    assert shown["owner"] == {"id": cinder.project_id("demo"), "self": True}
    (snapshot,) = shown["snapshots"]
    assert api.get(snapshot["href"], format_=format_)["storage_volume"]["href"] == shown["href"]


def test_xml_and_json_show_the_same_volume(api: Api, disk: str) -> None:
    in_json, in_xml = (api.get(f"{VOLUMES}/{disk}", format_=name) for name in ("json", "xml"))
    assert in_xml == named_by_id(in_json)


def test_a_volume_shows_all_its_snapshots_over_many_pages(api: Api, cinder: RealCinder) -> None:
    with cinder.filled(2 * MAX_LIMIT + 1) as made:
        row = cinder.as_user("demo")("GET", f"/snapshots/{made[0]}")["snapshot"]
        shown = api.get(f"{VOLUMES}/{row['volume_id']}")
        assert [snapshot["id"] for snapshot in shown["snapshots"]] == made[::-1]


@pytest.fixture(scope="module")
def _many(cinder: RealCinder) -> None:
    for _ in range(MAX_LIMIT):
        cinder.as_user("demo")("POST", "/volumes", {"volume": {"size": 1, "volume_type": "fake"}})


@pytest.mark.usefixtures("_many")
def test_volumes_are_listed_once_each(api: Api, disk: str, real_volume: str, format_: str) -> None:
    listed = api.all(VOLUMES, format_=format_)
    ids = [item["id"] for item in listed]
    assert len(ids) == len(set(ids)) > MAX_LIMIT
    assert {disk, real_volume} <= set(ids)
    (found,) = [item for item in listed if item["id"] == disk]
    alone = api.get(f"{VOLUMES}/{disk}", format_=format_)
    assert {**alone, "snapshots": None} == {**found, "snapshots": None}


@pytest.mark.parametrize("format_", ["xml"])
def test_volumes_are_filtered(api: Api, disk: str, attached: str, format_: str) -> None:
    def found(**params: str) -> list[str]:
        return api.ids(VOLUMES, params=params, format_=format_)

    assert found(name="disk") == found(id=disk) == found(name="disk", state="available") == [disk]
    assert attached in found(state="in-use")
    assert disk not in found(state="in-use")
    for nothing in ({"name": "dis%"}, {"id": NOBODYS}, {"id": "nosuch"}):
        assert found(**nothing) == []
    assert found(id=disk, state="busy") == []
    api.refusal("GET", VOLUMES, params={"state": "nosuch"}, format_=format_)
    api.refusal("GET", VOLUMES, params={"sort": "nosuch"}, format_=format_)
    newest = api.ids(VOLUMES, params={"sort": "-created"}, format_=format_)
    assert newest == api.ids(VOLUMES, params={"sort": "created"}, format_=format_)[::-1]


@pytest.mark.parametrize(("kind", "format_"), [("form", "xml"), ("json", "json"), ("xml", "json")])
def test_an_empty_volume_is_made(api: Api, kind: str, format_: str) -> None:
    fields = {"capacity": 2, "name": "Größe 😀", "description": "d", "zone": "nova"}
    given = body(kind, "storage_volume", fields)
    answer = api.request("POST", VOLUMES, format_=format_, **given)
    assert answer.status_code == 201, answer.text
    made = facts(answer)
    assert made["href"] == answer.headers["Location"]
    shown = api.settled(made["href"], "available", format_=format_)
    assert {name: shown[name] for name in fields} == fields
    assert (shown["source_snapshot_id"], rels(shown)) == (None, ["delete"])


@pytest.mark.parametrize(("size", "capacity"), [(1, 1), (GIB + 1, 2)])
def test_a_volume_has_whole_gib(api: Api, size: int, capacity: int) -> None:
    made = api.make(VOLUMES, json={"size_bytes": size})
    assert (made["capacity"], made["size_bytes"]) == (capacity, capacity * GIB)


@pytest.mark.parametrize("more", [{}, {"capacity": 2}, {"size_bytes": GIB + 1}], ids=str)
def test_a_volume_is_made_from_a_snapshot(
    api: Api, cinder: RealCinder, volume: str, more: dict[str, Any]
) -> None:
    source = cinder.snapshot(volume)
    made = api.make(VOLUMES, 202, json={"snapshot_id": source, **more})
    shown = api.settled(made["href"], "available")
    assert (shown["source_snapshot_id"], shown["capacity"]) == (source, 2 if more else 1)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "capacity"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": -1}, "capacity"),
        ({"capacity": "x"}, "capacity"),
        ({"capacity": 1.5}, "capacity"),
        ({"capacity": (1 << 33) - 1}, "size_bytes"),
        ({"capacity": 1, "size_bytes": GIB}, "size_bytes"),
        ({"capacity": 1, "zone": "nosuch"}, "zone"),
        ({"capacity": 1, "name": "x" * 256}, "name"),
        ({"capacity": 1, "description": "🚀"}, "description"),
        ({"capacity": 1, "nosuch": "x"}, "nosuch"),
    ],
    ids=str,
)
def test_what_a_volume_cannot_have_is_refused_by_its_name(
    api: Api, cinder: RealCinder, fields: dict[str, Any], name: str
) -> None:
    with nothing_made(cinder):
        found = api.refusal("POST", VOLUMES, json=fields)
    assert (found["error"], list(found["fields"])) == ("invalid", [name])


@pytest.mark.parametrize("unknown", [NOBODYS, "nosuch"])
@pytest.mark.parametrize("format_", ["xml"])
def test_a_volume_from_an_unknown_snapshot_is_a_404(
    api: Api, cinder: RealCinder, format_: str, unknown: str
) -> None:
    with nothing_made(cinder):
        json = {"snapshot_id": unknown}
        found = api.refusal("POST", VOLUMES, 404, json=json, format_=format_)
    assert unknown in found["message"]


@pytest.mark.parametrize("unknown", [NOBODYS, "nosuch", "detail", f"{NOBODYS}.json"])
def test_an_unknown_volume_is_a_404_that_names_it(api: Api, format_: str, unknown: str) -> None:
    for method in ("GET", "DELETE"):
        found = api.refusal(method, f"{VOLUMES}/{unknown}", 404, format_=format_)
        assert (found["error"], found["backend"]["driver"]) == ("not_found", "cinder")
        assert unknown in found["message"]


@pytest.mark.parametrize("format_", ["json"])
def test_a_volume_is_deleted(api: Api, cinder: RealCinder, format_: str) -> None:
    path = f"{VOLUMES}/{cinder.volume('fake')}"
    api.delete(path, format_=format_)
    api.gone(path)
    assert pair(api.request("DELETE", path, format_=format_)) == (404, "not_found")


@pytest.mark.parametrize("format_", ["xml"])
def test_a_volume_with_snapshots_is_not_deleted(
    api: Api, cinder: RealCinder, disk: str, format_: str
) -> None:
    answer = api.request("DELETE", f"{VOLUMES}/{disk}", format_=format_)
    assert pair(answer) == (409, "conflict")
    (snapshot,) = api.get(f"{VOLUMES}/{disk}")["snapshots"]
    assert f"only once its snapshots are gone; it has {snapshot['id']}<" in answer.text
    assert cinder.status("volumes", disk) == "available"


@pytest.mark.parametrize("format_", ["json"])
def test_a_volume_in_use_is_not_deleted(
    api: Api, cinder: RealCinder, attached: str, format_: str
) -> None:
    shown = api.get(f"{VOLUMES}/{attached}", format_=format_)
    assert (shown["state"], shown["native_state"], shown["actions"]) == ("in-use", "in-use", [])
    answer = api.request("DELETE", f"{VOLUMES}/{attached}", format_=format_)
    assert pair(answer) == (409, "conflict")
    assert cinder.status("volumes", attached) == "in-use"


@pytest.mark.parametrize(
    ("native", "state"),
    [
        ("creating", "creating"),
        ("available", "available"),
        ("error", "error"),
        ("error_deleting", "error"),
        ("attaching", "busy"),
        ("maintenance", "busy"),
    ],
)
def test_a_state_is_shown_as_the_gateways_and_as_cinders_own(
    api: Api, cinder: RealCinder, disk: str, native: str, state: str
) -> None:
    cinder.reset_volume(disk, native)
    shown = api.get(f"{VOLUMES}/{disk}")
    assert (shown["state"], shown["native_state"]) == (state, native)
    assert disk in api.ids(VOLUMES, params={"state": state, "name": "disk"})
    cinder.reset_volume(disk, "available")


def test_a_snapshot_names_a_volume_whose_link_can_be_followed(api: Api, disk: str) -> None:
    (snapshot,) = api.all(SNAPSHOTS, params={"volume_id": disk})
    assert api.get(snapshot["storage_volume"]["href"])["id"] == disk
