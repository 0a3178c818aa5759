"""A snapshot copied to another region: to another provider of the same driver."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto_server import ACCOUNT_ID, SNAPSHOTS, Api, Moto
from tests.http.bodies import ASKED, body
from tests.http.tools import facts

Make = Callable[..., dict[str, Any]]
FIELDS: dict[str, Any] = {
    "name": "ñ <1> & '2'",
    "description": 'd "3"',
    "metadata": {"k <k>": "v ☃", "e": ""},
}


def test_a_copy_is_a_snapshot_at_the_destination(
    api: Api, aws: Callable[..., Any], make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot(**FIELDS)
    fields = {"destination": "us"}
    answer = api.request("POST", f"{made['href']}/copy", format_=format_, data=fields)
    assert answer.status_code == 201, answer.text
    copy = facts(answer)
    base = f"{api.server.api};provider=us"
    assert copy["href"] == answer.headers["Location"] == f"{base}{SNAPSHOTS}/{copy['id']}"
    assert {action["href"].partition(SNAPSHOTS)[0] for action in copy["actions"]} == {base}
    assert {name: copy[name] for name in FIELDS} == FIELDS
    assert copy["owner"] == {"id": ACCOUNT_ID, "self": True}
    assert copy["storage_volume"] is None
    later = api.get(answer.headers["Location"], format_=format_)
    assert {**later, "storage_volume": None} == copy  # moto goes on to show the source's volume
    (row,) = aws("us-east-1").describe_snapshots(SnapshotIds=[copy["id"]])["Snapshots"]
    assert row["Description"] == FIELDS["description"]
    assert api.list(SNAPSHOTS, params={"id": copy["id"]}) == []


@pytest.mark.parametrize(("kind", "format_"), ASKED)
def test_a_copy_can_have_a_name_a_description_and_metadata_of_its_own(
    api: Api, make_snapshot: Make, kind: str, format_: str
) -> None:
    made = make_snapshot(name="old", description="old", metadata={"old": "1"})
    given = body(kind, "copy", {"destination": "us", **FIELDS})
    copy = api.make(f"{made['href']}/copy", format_=format_, **given)
    shown = api.get(copy["href"])
    assert {name: shown[name] for name in FIELDS} == FIELDS
    assert api.get(made["href"]) == made


def test_a_copy_without_metadata_can_be_asked_for(api: Api, kept: dict[str, Any]) -> None:
    fields = {"destination": "us", "metadata": {}}
    copy = api.get(api.make(f"{kept['href']}/copy", json=fields)["href"])
    assert (copy["name"], copy["metadata"]) == (kept["name"], {})


def test_a_copy_takes_over_a_description_that_was_changed(
    api: Api, make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot(description="first", metadata={"k": "v"})
    api.change("PATCH", made["href"], json={"description": "second"})
    copy = api.make(f"{made['href']}/copy", json={"destination": "us"}, format_=format_)
    assert (copy["description"], copy["metadata"]) == ("second", {"k": "v"})
    assert api.get(copy["href"])["description"] == "second"


def test_a_copy_can_do_without_a_name_and_a_description(
    api: Api, make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot(name="n", description="d")
    fields = {"destination": "us", "name": "", "description": ""}
    copy = api.make(f"{made['href']}/copy", data=fields, format_=format_)
    shown = api.get(copy["href"])
    assert (shown["name"], shown["description"]) == (None, None)


def test_a_copy_leaves_the_tags_of_aws_behind(
    api: Api, aws: Callable[..., Any], make_snapshot: Make
) -> None:
    made = make_snapshot(metadata={"k": "v"})
    aws().create_tags(Resources=[made["id"]], Tags=[{"Key": "aws:x", "Value": "1"}])
    copy = api.make(f"{made['href']}/copy", json={"destination": "us"})
    assert api.get(copy["href"])["metadata"] == {"k": "v"}


def test_a_copy_is_asked_for_once_at_its_destination(
    api: Api, kept: dict[str, Any], moto: Moto
) -> None:
    with moto.recorded() as calls:
        api.make(f"{kept['href']}/copy", json={"destination": "us"})
    (create,) = [call for call in calls if not call.action.startswith("Describe")]
    assert create.action == "CopySnapshot"
    assert create.form["SourceRegion"] == "eu-west-1"
    assert create.form["SourceSnapshotId"] == kept["id"]
    assert "/us-east-1/ec2/" in create.headers["Authorization"]
    assert "attempt=1; max=1" in create.headers.values()


@pytest.mark.parametrize(
    ("source", "destination"), [("eu", "eu"), ("eu", "small"), ("us", "eu"), ("us", "us")]
)
def test_a_copy_goes_between_any_two_providers(
    api: Api, make_volume: Callable[..., str], source: str, destination: str
) -> None:
    volume = make_volume({"eu": "eu-west-1", "us": "us-east-1"}[source])
    made = api.make(SNAPSHOTS, json={"volume_id": volume, "name": "n"}, provider=source)
    copy = api.make(f"{made['href']}/copy", json={"destination": destination})
    assert copy["href"] == f"{api.server.api};provider={destination}{SNAPSHOTS}/{copy['id']}"
    assert copy["id"] != made["id"]
    assert api.get(copy["href"])["name"] == "n"


@pytest.mark.parametrize("destination", ["nosuch", "eu-west-1", "EU", "http://127.0.0.1:1", "ä"])
def test_an_unknown_destination_is_a_400_that_lists_the_providers(
    api: Api, kept: dict[str, Any], moto: Moto, destination: str
) -> None:
    fields = {"destination": destination}
    with moto.recorded() as calls:
        found = api.refusal("POST", f"{kept['href']}/copy", json=fields)
    assert list(found["fields"]) == ["destination"]
    assert "eu, us, small" in found["fields"]["destination"]
    assert calls == []


def test_a_provider_of_another_driver_is_no_destination(
    api: Api, kept: dict[str, Any], format_: str
) -> None:
    fields = {"destination": "files"}
    found = api.refusal("POST", f"{kept['href']}/copy", json=fields, format_=format_)
    assert list(found["fields"]) == ["destination"]
    assert "files" not in found["fields"]["destination"]
    found = api.refusal("GET", SNAPSHOTS, provider="nosuch", format_=format_)
    assert "files" in found["message"]  # it is configured


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, {"destination"}),
        ({"destination": ""}, {"destination"}),
        ({"destination": None}, {"destination"}),
        ({"name": "x", "nosuch": "y"}, {"destination", "nosuch"}),
        ({"destination": "us", "size_bytes": 1}, {"size_bytes"}),
    ],
)
def test_what_is_wrong_with_a_copy_is_named(
    api: Api, kept: dict[str, Any], fields: dict[str, Any], named: set[str]
) -> None:
    found = api.refusal("POST", f"{kept['href']}/copy", json=fields)
    assert set(found["fields"]) == named


@pytest.mark.parametrize("unknown", ["snap-0123456789abcdef0", "nosuch"])
def test_a_copy_of_an_unknown_snapshot_is_a_404_that_names_it(
    api: Api, format_: str, unknown: str
) -> None:
    path, fields = f"{SNAPSHOTS}/{unknown}/copy", {"destination": "us"}
    assert unknown in api.refusal("POST", path, 404, json=fields, format_=format_)["message"]
