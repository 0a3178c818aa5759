"""Volumes on EC2: create, from nothing or from a snapshot, list, show, delete."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto_server import GIB, VOLUMES, Api, Moto
from tests.http.bodies import ASKED, body
from tests.http.tools import facts, named_by_id, problem, tree

Make = Callable[..., dict[str, Any]]
Volume = Callable[..., str]
NAMED = {"name": "dä <1> & '\"", "description": "[x]*? 😀"}


@pytest.mark.parametrize(("kind", "format_"), ASKED)
def test_an_empty_volume_has_the_size_asked_for_in_whole_gib(
    api: Api, kind: str, format_: str
) -> None:
    size = {"size_bytes": GIB + 1} if format_ == "json" else {"capacity": 2}
    fields = {**size, "zone": "eu-west-1c", **NAMED}
    given = body(kind, "storage_volume", fields)
    answer = api.request("POST", VOLUMES, format_=format_, **given)
    assert answer.status_code == 201, answer.text
    made = facts(answer)
    assert made["href"] == answer.headers["Location"] == f"{api.server.api}{VOLUMES}/{made['id']}"
    shown = api.get(made["href"], format_=format_)
    assert (shown["size_bytes"], shown["capacity"]) == (2 * GIB, 2)
    assert (shown["zone"], shown["state"]) == ("eu-west-1c", "available")
    assert {name: shown[name] for name in NAMED} == NAMED
    assert (shown["metadata"], shown["snapshots"]) == ({}, [])


def test_a_volume_is_made_and_tagged_in_one_call(
    api: Api, aws: Callable[..., Any], moto: Moto
) -> None:
    with moto.recorded() as calls:
        made = api.make(VOLUMES, json={"capacity": 1, "zone": "eu-west-1a", **NAMED})
    (create,) = [call for call in calls if not call.action.startswith("Describe")]
    assert create.action == "CreateVolume"
    assert "attempt=1; max=1" in create.headers.values()
    (row,) = aws().describe_volumes(VolumeIds=[made["id"]])["Volumes"]
    tags = {tag["Key"]: tag["Value"] for tag in row["Tags"]}
    assert {key: tags[key] for key in ("Name", "description")} == {
        "Name": NAMED["name"],
        "description": NAMED["description"],
    }
    assert set(tags) - {"Name", "description"} == {"snapgate:marker", "snapgate:request"}


def test_a_volume_without_a_zone_goes_where_the_provider_says(api: Api, format_: str) -> None:
    made = api.make(VOLUMES, json={"capacity": 1}, provider="us", format_=format_)
    assert made["zone"] == "us-east-1a"
    found = api.refusal("POST", VOLUMES, json={"capacity": 1}, format_=format_)
    assert list(found["fields"]) == ["zone"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"capacity": 1, "size_bytes": 1}, {"size_bytes"}),
        ({"zone": "eu-west-1a"}, {"capacity"}),
        ({"capacity": 0, "media": "gp3"}, {"capacity", "media"}),
        ({"capacity": 1, "name": "n" * 257, "description": "d" * 256}, {"name", "description"}),
    ],
)
def test_what_is_wrong_with_a_volume_is_named(
    api: Api, fields: dict[str, Any], named: set[str]
) -> None:
    found = api.refusal("POST", VOLUMES, json={"zone": "eu-west-1a", **fields})
    assert set(found["fields"]) == named


@pytest.mark.parametrize(("kind", "format_"), ASKED)
def test_a_volume_is_made_from_a_snapshot(
    api: Api, kept: dict[str, Any], kind: str, format_: str
) -> None:
    given = body(kind, "storage_volume", {"snapshot_id": kept["id"], "capacity": 3, **NAMED})
    made = api.make(VOLUMES, format_=format_, **given)
    shown = api.get(made["href"], format_=format_)
    assert (shown["source_snapshot_id"], shown["capacity"]) == (kept["id"], 3)
    assert {name: shown[name] for name in NAMED} == NAMED
    assert shown["zone"] == "eu-west-1b"  # that of the snapshot's own volume


def test_a_volume_is_not_made_from_an_unknown_snapshot(api: Api, format_: str) -> None:
    for unknown in ("snap-0123456789abcdef0", "nosuch"):
        fields = {"snapshot_id": unknown, "zone": "eu-west-1a"}
        assert unknown in api.refusal("POST", VOLUMES, 404, json=fields, format_=format_)["message"]


def test_a_volume_shows_its_snapshots_and_the_links_can_be_followed(
    api: Api, make_snapshot: Make, make_volume: Volume, format_: str
) -> None:
    volume = make_volume()
    made = [make_snapshot(volume_id=volume) for _ in range(3)]
    shown = api.get(f"{VOLUMES}/{volume}", format_=format_)
    links = [{"id": s["id"], "href": s["href"], "rel": "storage_snapshot"} for s in made]
    assert sorted(shown["snapshots"], key=str) == sorted(links, key=str)
    for link in shown["snapshots"]:
        assert api.get(link["href"], format_=format_)["id"] == link["id"]


@pytest.mark.parametrize("name", ["named", None])
def test_xml_and_json_show_the_same_volume(
    api: Api, kept: dict[str, Any], name: str | None
) -> None:
    made = api.make(VOLUMES, json={"snapshot_id": kept["id"], "name": name, "description": "<d>"})
    in_json, in_xml = (api.get(made["href"], format_=f) for f in ("json", "xml"))
    assert in_json["name"] == name
    assert in_xml == named_by_id(in_json)


def test_the_list_shows_every_volume_as_it_is_shown_alone(
    api: Api, make_volume: Volume, format_: str
) -> None:
    made = [make_volume(size=size) for size in (1, 2)]
    answer = api.request("GET", VOLUMES, format_=format_)
    if format_ == "xml":
        assert tree(answer).tag == "storage_volumes"
    listed = {item["id"]: item for item in api.list(VOLUMES, format_=format_)}
    for volume in made:
        assert api.get(f"{VOLUMES}/{volume}", format_=format_) == {
            **listed[volume],
            "snapshots": [],
        }


@pytest.mark.parametrize("field", ["id", "name", "state"])
def test_a_filter_finds_what_matches_exactly(api: Api, format_: str, field: str) -> None:
    names = (f"Wänted & {field} {format_}", f"wänted & {field} {format_}")
    wanted, other = (
        api.make(VOLUMES, json={"capacity": 1, "zone": "eu-west-1a", "name": name})
        for name in names
    )
    value = api.get(wanted["href"])[field]
    ids = [v["id"] for v in api.list(VOLUMES, params={field: value}, format_=format_)]
    assert wanted["id"] in ids
    assert (other["id"] in ids) is (field == "state")


@pytest.mark.parametrize(
    "filters", [{"id": "vol-*"}, {"id": "nosuch"}, {"name": "vol?"}, {"state": "error"}]
)
def test_a_filter_that_nothing_meets_gives_an_empty_list(
    api: Api, make_volume: Volume, filters: dict[str, str]
) -> None:
    make_volume()
    assert api.list(VOLUMES, params=filters) == []


@pytest.mark.parametrize("name", ["nosuch", "tier", "metadata", "labels", "volume_id"])
def test_an_unknown_filter_is_a_400_that_names_it(api: Api, name: str) -> None:
    found = api.refusal("GET", VOLUMES, params={name: "x"})
    assert list(found["fields"]) == [name]


def test_a_deleted_volume_is_gone_and_its_snapshots_stay(
    api: Api, make_snapshot: Make, make_volume: Volume, format_: str
) -> None:
    made = make_snapshot(volume_id=make_volume())
    href = made["storage_volume"]["href"]
    (action,) = api.get(href, format_=format_)["actions"]
    assert (action["rel"], action["method"], action["href"]) == ("delete", "delete", href)
    answer = api.request("DELETE", href, format_=format_)
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        found = api.refusal(method, href, 404, format_=format_)
        assert made["storage_volume"]["id"] in found["message"]
    assert api.get(made["href"], format_=format_)["ready"] is True


@pytest.mark.parametrize("unknown", ["vol-0123456789abcdef0", "nosuch", "ä b"])
def test_an_unknown_or_malformed_id_is_a_404(api: Api, format_: str, unknown: str) -> None:
    for method in ("GET", "DELETE"):
        found = api.refusal(method, f"{VOLUMES}/{unknown}", 404, format_=format_)
        assert found["message"].startswith("no volume")


def test_a_volume_in_use_is_a_conflict(
    api: Api, aws: Callable[..., Any], make_volume: Volume, format_: str
) -> None:
    volume = make_volume()
    run = aws().run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
    instance = run["Instances"][0]["InstanceId"]
    aws().attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdx")
    shown = api.get(f"{VOLUMES}/{volume}", format_=format_)
    assert (shown["state"], shown["actions"]) == ("in-use", [])
    answer = api.request("DELETE", f"{VOLUMES}/{volume}", format_=format_)
    assert (answer.status_code, problem(answer)["error"]) == (409, "conflict")
    assert instance in problem(answer)["message"]
    assert api.get(f"{VOLUMES}/{volume}")["state"] == "in-use"
