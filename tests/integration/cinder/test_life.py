"""A snapshot from its beginning to its end, in every format."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.http.bodies import ASKED, body
from tests.http.tools import facts, named_by_id
from tests.integration.cinder.gateway import GIB, NOBODYS, SNAPSHOTS, VOLUMES, Api, pair, rels
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]
FIELDS: dict[str, Any] = {
    "name": "Nächtlich <1> & \"2\" 😀 '3'",
    "description": "vor dem Update [*?\\] ☃ é=ü;/?&<x>",
    "metadata": {"env": "prod", "a.b:c d-e_f": "é=ü;/? 😀\n<&>", "..": " ", "empty": ""},
}


@pytest.mark.parametrize(("kind", "format_"), ASKED)
def test_a_created_snapshot_has_its_url_and_its_facts(
    api: Api, cinder: RealCinder, volume: str, format_: str, kind: str
) -> None:
    fields = body(kind, "storage_snapshot", {"volume_id": volume, **FIELDS})
    answer = api.request("POST", SNAPSHOTS, format_=format_, **fields)
    assert answer.status_code == 201, answer.text
    made = facts(answer)
    assert made["href"] == answer.headers["Location"] == f"{api.server.api}{SNAPSHOTS}/{made['id']}"
    assert {name: made[name] for name in FIELDS} == FIELDS
    assert (made["state"], made["native_state"], made["ready"]) == ("creating", "creating", False)
    assert (made["size_bytes"], made["visibility"]) == (GIB, "private")
    assert made["owner"] == {"id": cinder.project_id("demo"), "self": True}
    href = f"{api.server.api}{VOLUMES}/{volume}"
    assert made["storage_volume"] == {"id": volume, "href": href, "rel": "storage_volume"}
    assert rels(made) == ["update"]
    shown = api.settled(made["href"], "available", format_=format_)
    assert {name: shown[name] for name in FIELDS} == FIELDS


def test_an_available_snapshot_has_all_that_cinder_knows(api: Api, make: Make) -> None:
    shown = api.get(make(name="n"))
    assert (shown["state"], shown["native_state"], shown["ready"]) == (
        "available",
        "available",
        True,
    )
    assert (shown["progress"], shown["state_reason"], shown["group_id"]) == (100, None, None)
    assert rels(shown) == ["clone", "revert", "update", "delete"]
    created, updated = (datetime.fromisoformat(shown[key]) for key in ("created", "updated"))
    assert created <= updated
    unknown = ("completed", "stored_bytes", "stored_kind", "location", "tier", "encrypted")
    assert not [name for name in unknown if shown[name] is not None]


def test_other_programs_see_what_the_gateway_has_made(
    api: Api, cinder: RealCinder, volume: str
) -> None:
    made = api.make(json={"volume_id": volume, **FIELDS})
    row = cinder.as_user("demo")("GET", f"/snapshots/{made['id']}")["snapshot"]
    for key in ("snapgate:marker", "snapgate:request"):
        assert len(row["metadata"].pop(key)) == 32
    assert {name: row[name] for name in FIELDS} == FIELDS


@pytest.mark.parametrize("name", ["named", None])
def test_xml_and_json_show_the_same_snapshot(api: Api, make: Make, name: str | None) -> None:
    path = make(name=name, description="d", metadata={"a": "1"})
    in_json, in_xml = (api.get(path, format_=format_) for format_ in ("json", "xml"))
    assert in_json["name"] == name
    assert in_xml == named_by_id(in_json)


def test_the_list_shows_a_snapshot_as_it_is_shown_alone(api: Api, make: Make, format_: str) -> None:
    path = make(name="listed", description="d", metadata={"a": "1"})
    (listed,) = api.all(params={"name": "listed", "id": path[-36:]}, format_=format_)
    assert listed == api.get(path, format_=format_)


@pytest.mark.parametrize("format_", ["xml"])
def test_a_snapshot_needs_a_volume_and_nothing_else(api: Api, volume: str, format_: str) -> None:
    made = api.make(data={"volume_id": volume}, format_=format_)
    shown = api.get(made["href"])
    assert (shown["name"], shown["description"], shown["metadata"]) == (None, None, {})


@pytest.mark.parametrize(
    ("method", "kind", "format_"),
    [("PUT", "form", "xml"), ("PATCH", "json", "json"), ("PATCH", "xml", "json")],
)
def test_a_snapshot_is_renamed_and_described(
    api: Api, make: Make, method: str, kind: str, format_: str
) -> None:
    path = make(name="old", description="old", metadata={"a": "1"})
    new = {"name": FIELDS["name"]}
    changed = api.change(method, path, format_=format_, **body(kind, "storage_snapshot", new))
    assert (changed["name"], changed["description"]) == (new["name"], "old")
    new = {"description": FIELDS["description"]}
    api.change(method, path, format_=format_, **body(kind, "storage_snapshot", new))
    shown = api.get(path)
    assert {name: shown[name] for name in ("name", "description")} == {
        name: FIELDS[name] for name in ("name", "description")
    }
    assert shown["metadata"] == {"a": "1"}


@pytest.mark.parametrize("none", [None, ""])
def test_name_and_description_can_be_taken_away(
    api: Api, cinder: RealCinder, make: Make, none: str | None
) -> None:
    path = make(name="n", description="d")
    changed = api.change("PATCH", path, json={"name": none, "description": none})
    shown = api.get(path)
    assert (changed["name"], changed["description"]) == (None, None)
    assert (shown["name"], shown["description"]) == (None, None)


@pytest.mark.parametrize("format_", ["json"])
def test_all_is_changed_at_once_as_it_is_shown_afterwards(
    api: Api, make: Make, format_: str
) -> None:
    path = make(name="old", metadata={"a": "1", "b": "2"})
    change = {"name": "new", "description": "d", "metadata": {"a": None, "c": "3"}}
    changed = api.change("PATCH", path, json=change, format_=format_)
    assert (changed["name"], changed["description"]) == ("new", "d")
    assert changed["metadata"] == {"b": "2", "c": "3"}
    shown = api.get(path, format_=format_)
    assert {**changed, "updated": None} == {**shown, "updated": None}


def test_a_change_in_any_state_but_deleting_is_offered_and_done(
    api: Api, cinder: RealCinder, make: Make
) -> None:
    path = make()
    for state in ("creating", "error", "error_deleting", "restoring"):
        cinder.reset_snapshot(path[-36:], state)
        assert "update" in rels(api.get(path))
        assert api.change("PATCH", path, json={"name": state})["native_state"] == state
        assert api.get(path)["name"] == state


@pytest.mark.parametrize("format_", ["xml"])
def test_a_deleted_snapshot_is_gone(api: Api, make: Make, format_: str) -> None:
    path = make(name="to be deleted")
    api.delete(path, format_=format_)
    api.gone(path)
    for method, json in (("GET", None), ("DELETE", None), ("PATCH", {"name": "x"})):
        answer = api.request(method, path, json=json, format_=format_)
        assert pair(answer) == (404, "not_found")
        assert path[-36:] in answer.text
    for verb in ("clone", "revert"):
        assert pair(api.request("POST", f"{path}/{verb}", format_=format_)) == (404, "not_found")
    for params in ({"id": path[-36:]}, {"name": "to be deleted"}):
        assert api.ids(params=params, format_=format_) == []


@pytest.mark.parametrize(
    "unknown",
    [NOBODYS, NOBODYS.upper(), "nosuch", "detail", f"{NOBODYS}.json", f"{{{NOBODYS}}}", "ä", "-"],
)
def test_an_unknown_or_malformed_id_is_a_404_that_names_it(
    api: Api, format_: str, unknown: str
) -> None:
    for method, end, json in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("PATCH", "", {"name": "x"}),
        ("GET", "/metadata", None),
        ("PUT", "/metadata", {"metadata": {"a": "b"}}),
        ("DELETE", "/metadata/a", None),
        ("POST", "/clone", {}),
        ("POST", "/revert", {}),
    ):
        answer = api.request(method, f"{SNAPSHOTS}/{unknown}{end}", json=json, format_=format_)
        assert pair(answer) == (404, "not_found"), f"{method} {end}"
        assert unknown in facts_text(answer.text)


def facts_text(text: str) -> str:
    return text.replace("&apos;", "'")


@pytest.mark.parametrize("format_", ["json"])
def test_every_link_in_a_snapshot_can_be_followed(
    api: Api, cinder: RealCinder, format_: str
) -> None:
    path = f"{SNAPSHOTS}/{cinder.snapshot(cinder.volume('fake'))}"
    shown = api.get(path, format_=format_)
    for href in (shown["href"], shown["storage_volume"]["href"]):
        assert api.get(href, format_=format_)["href"] == href
    statuses = {"clone": 202, "revert": 202, "update": 200, "delete": 204}
    for action in shown["actions"]:
        api.settled(shown["href"], "available")
        json = {"name": "x"} if action["rel"] == "update" else None
        answer = api.request(action["method"].upper(), action["href"], json=json, format_=format_)
        assert answer.status_code == statuses[action["rel"]], answer.text
