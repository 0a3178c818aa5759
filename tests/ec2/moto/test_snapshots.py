"""Snapshots on EC2: create, show, list, delete, and the links between them."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto_server import ACCOUNT_ID, GIB, SNAPSHOTS, VOLUMES, Api, Moto
from tests.ec2.simulated.tools import tags, users
from tests.http.bodies import BODIES, body
from tests.http.tools import facts, named_by_id, problem, tree

Make = Callable[..., dict[str, Any]]
Volume = Callable[..., str]
FIELDS: dict[str, Any] = {
    "name": "Nächtlich <1> & \"2\" 😀 '3'",
    "description": "vor  dem\nUpdate\t[*?\\]",
    "metadata": {"env": "prod", "Größe & <x>": "é=ü;/?", "empty": "", "aws": " ", "a/b": "c"},
}
UNKNOWN = ("snap-0123456789abcdef0", "snap-xyz", "vol-0123456789abcdef0", "nosuch", "snap-*", "ä ?")


@pytest.mark.parametrize("kind", BODIES)
def test_a_created_snapshot_has_its_url_and_its_facts(
    api: Api, make_volume: Volume, format_: str, kind: str
) -> None:
    volume = make_volume(size=3)
    fields = body(kind, "storage_snapshot", {"volume_id": volume, **FIELDS})
    answer = api.request("POST", SNAPSHOTS, format_=format_, **fields)
    assert answer.status_code == 201, answer.text
    made = facts(answer)
    assert re.fullmatch(r"snap-[0-9a-f]+", made["id"])
    assert made["href"] == answer.headers["Location"] == f"{api.server.api}{SNAPSHOTS}/{made['id']}"
    assert {name: made[name] for name in FIELDS} == FIELDS
    assert (made["size_bytes"], made["tier"], made["encrypted"]) == (3 * GIB, "standard", False)
    assert made["owner"] == {"id": ACCOUNT_ID, "self": True}
    href = f"{api.server.api}{VOLUMES}/{volume}"
    assert made["storage_volume"] == {"id": volume, "href": href, "rel": "storage_volume"}
    assert api.get(made["href"], format_=format_) == made


def test_create_is_one_call_that_tags_and_no_other_call_changes_anything(
    api: Api, make_volume: Volume, moto: Moto
) -> None:
    volume = make_volume()
    with moto.recorded() as calls:
        api.make(SNAPSHOTS, json={"volume_id": volume, **FIELDS})
    changing = [call for call in calls if not call.action.startswith("Describe")]
    (create,) = changing
    assert create.action == "CreateSnapshot"
    assert create.form["Description"] == FIELDS["description"]
    assert create.form["TagSpecification.1.ResourceType"] == "snapshot"
    assert set(tags(create.form)) == {"Name", *FIELDS["metadata"]}
    assert "attempt=1; max=1" in create.headers.values()


def test_other_programs_see_name_and_metadata_as_tags(
    aws: Callable[..., Any], make_snapshot: Make
) -> None:
    made = make_snapshot(**FIELDS)
    (row,) = aws().describe_snapshots(SnapshotIds=[made["id"]])["Snapshots"]
    assert row["Description"] == FIELDS["description"]
    found = {tag["Key"]: tag["Value"] for tag in row["Tags"]}
    assert users(found) == {"Name": FIELDS["name"], **FIELDS["metadata"]}
    assert len(found) == len(users(found)) + 2


def test_what_other_programs_have_made_is_shown(
    api: Api, aws: Callable[..., Any], make_volume: Volume, format_: str
) -> None:
    tags = {"Name": "theirs", "description": "by tag", "aws:backup:source": "x", "k": "v"}
    row = aws().create_snapshot(
        VolumeId=make_volume(),
        Description="native",
        TagSpecifications=[
            {
                "ResourceType": "snapshot",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )
    shown = api.get(f"{SNAPSHOTS}/{row['SnapshotId']}", format_=format_)
    assert (shown["name"], shown["description"]) == ("theirs", "by tag")
    assert shown["metadata"] == {"aws:backup:source": "x", "k": "v"}


def test_a_snapshot_needs_a_volume_and_nothing_else(
    api: Api, make_volume: Volume, moto: Moto
) -> None:
    volume = make_volume()
    with moto.recorded() as calls:
        made = api.make(SNAPSHOTS, data={"volume_id": volume})
    assert (made["name"], made["description"], made["metadata"]) == (None, None, {})
    (create,) = [call.form for call in calls if call.action == "CreateSnapshot"]
    asked = {name for name in create if not name.startswith("TagSpecification.1.")}
    assert asked == {"Action", "Version", "VolumeId"}
    assert tags(create) == {}
    assert "volume_id" in api.refusal("POST", SNAPSHOTS, json={"name": "x"})["fields"]


@pytest.mark.parametrize("volume", ["vol-0123456789abcdef0", "vol-x", "nosuch", "ä &"])
def test_a_snapshot_of_an_unknown_volume_is_a_404_that_names_it(api: Api, volume: str) -> None:
    fields = {"volume_id": volume}
    found = api.refusal("POST", SNAPSHOTS, 404, json=fields)
    assert found["error"] == "not_found"
    assert volume in found["message"]


def test_an_available_snapshot_can_be_cloned_copied_updated_and_deleted(
    make_snapshot: Make,
) -> None:
    made = make_snapshot()
    assert (made["state"], made["native_state"], made["ready"]) == ("available", "completed", True)
    assert (made["progress"], made["visibility"], made["location"]) == (100, "unknown", None)
    assert [(a["rel"], a["method"], a["href"]) for a in made["actions"]] == [
        ("clone", "post", f"{made['href']}/clone"),
        ("copy", "post", f"{made['href']}/copy"),
        ("update", "patch", made["href"]),
        ("delete", "delete", made["href"]),
    ]


@pytest.mark.parametrize("name", ["named", None])
def test_xml_and_json_show_the_same_snapshot(
    api: Api, make_snapshot: Make, name: str | None
) -> None:
    made = make_snapshot(**{**FIELDS, "name": name})
    in_json, in_xml = (api.get(made["href"], format_=f) for f in ("json", "xml"))
    assert in_json["name"] == name
    assert in_xml == named_by_id(in_json)


def test_the_list_shows_every_snapshot_as_it_is_shown_alone(
    api: Api, make_snapshot: Make, format_: str
) -> None:
    made = [make_snapshot(name=f"s{i}", metadata={"i": str(i)}) for i in range(3)]
    listed = {item["id"]: item for item in api.list(SNAPSHOTS, format_=format_)}
    for snapshot in made:
        assert listed[snapshot["id"]] == api.get(snapshot["href"], format_=format_)


def test_the_list_has_its_root_in_both_formats(api: Api, make_snapshot: Make) -> None:
    made = make_snapshot()
    assert list(api.request("GET", SNAPSHOTS).json()) == ["storage_snapshots"]
    root = tree(api.request("GET", SNAPSHOTS, format_="xml"))
    assert root.tag == "storage_snapshots"
    assert {child.tag for child in root} == {"storage_snapshot"}
    assert made["id"] in [child.get("id") for child in root]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_an_unknown_or_malformed_id_is_a_404(api: Api, format_: str, unknown: str) -> None:
    path = f"{SNAPSHOTS}/{unknown.replace('?', '%3F')}"
    for method, json in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        found = api.refusal(method, path, 404, json=json, format_=format_)
        assert (found["error"], found["retryable"]) == ("not_found", False)
        assert (found["backend"]["driver"], found["backend"]["provider"]) == ("ec2", "eu")
        assert found["message"].startswith("no snapshot")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_404_names_the_id(api: Api, method: str) -> None:
    json = {"name": "x"} if method == "PATCH" else None
    path = f"{SNAPSHOTS}/{UNKNOWN[0]}"
    assert UNKNOWN[0] in api.refusal(method, path, 404, json=json)["message"]


def test_head_of_an_unknown_snapshot_is_a_404(api: Api) -> None:
    answer = api.request("HEAD", f"{SNAPSHOTS}/{UNKNOWN[0]}")
    assert (answer.status_code, answer.content) == (404, b"")


def test_a_deleted_snapshot_is_gone(
    api: Api, aws: Callable[..., Any], make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot()
    answer = api.request("DELETE", made["href"], format_=format_)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    for method, json in (("GET", None), ("DELETE", None), ("PATCH", {"name": "x"})):
        api.refusal(method, made["href"], 404, json=json, format_=format_)
    assert api.list(SNAPSHOTS, params={"id": made["id"]}, format_=format_) == []
    by_id = [{"Name": "snapshot-id", "Values": [made["id"]]}]
    assert aws().describe_snapshots(Filters=by_id)["Snapshots"] == []


def test_every_link_in_a_snapshot_can_be_followed(
    api: Api, make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot()
    shown = api.get(made["href"], format_=format_)
    for href in (shown["href"], shown["storage_volume"]["href"]):
        assert api.get(href, format_=format_)["href"] == href
    bodies = {"update": (200, {"name": "x"}), "clone": (201, {}), "copy": (201, {})}
    bodies["copy"][1]["destination"] = "us"
    for action in shown["actions"]:
        status, fields = bodies.get(action["rel"], (204, None))
        answer = api.request(action["method"].upper(), action["href"], json=fields, format_=format_)
        assert answer.status_code == status, answer.text


def test_an_archived_snapshot_is_not_ready_until_it_is_brought_back(
    api: Api, aws: Callable[..., Any], make_snapshot: Make, format_: str
) -> None:
    made = make_snapshot()
    aws().modify_snapshot_tier(SnapshotId=made["id"], StorageTier="archive")
    shown = api.get(made["href"], format_=format_)
    assert (shown["state"], shown["tier"], shown["ready"]) == ("archived", "archive", False)
    assert [action["rel"] for action in shown["actions"]] == ["update", "delete"]
    for state, count in (("archived", 1), ("available", 0)):
        assert len(api.list(SNAPSHOTS, params={"id": made["id"], "state": state})) == count
    for verb, fields in (("clone", {}), ("copy", {"destination": "us"})):
        found = api.refusal("POST", f"{made['href']}/{verb}", 409, json=fields, format_=format_)
        assert made["id"] in found["message"]
    aws().restore_snapshot_tier(SnapshotId=made["id"], PermanentRestore=True)
    api.make(f"{made['href']}/clone", format_=format_)


def test_a_snapshot_that_an_image_uses_is_a_conflict(
    api: Api, aws: Callable[..., Any], format_: str
) -> None:
    instance = aws().run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"][0]
    image = aws().create_image(InstanceId=instance["InstanceId"], Name=f"used-{format_}")["ImageId"]
    (found,) = aws().describe_images(ImageIds=[image])["Images"]
    snapshot = found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    answer = api.request("DELETE", f"{SNAPSHOTS}/{snapshot}", format_=format_)
    assert (answer.status_code, problem(answer)["error"]) == (409, "conflict")
    assert problem(answer)["backend"]["code"] == "InvalidSnapshot.InUse"
    assert api.get(f"{SNAPSHOTS}/{snapshot}")["state"] == "available"
