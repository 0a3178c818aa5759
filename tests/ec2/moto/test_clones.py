"""A snapshot on EC2 restored to a new volume: where, how large, and of which media."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ec2.moto_server import GIB, SNAPSHOTS, VOLUMES, Api, Moto
from tests.ec2.simulated.tools import tags
from tests.http.bodies import ASKED, body
from tests.http.tools import facts

Make = Callable[..., dict[str, Any]]
Volume = Callable[..., str]


@pytest.fixture
def orphan(api: Api, make_snapshot: Make, make_volume: Volume) -> dict[str, Any]:
    """A snapshot whose volume is deleted."""
    made = make_snapshot(volume_id=make_volume())
    assert api.request("DELETE", made["storage_volume"]["href"]).status_code == 204
    return made


@pytest.mark.parametrize(("kind", "format_"), ASKED)
def test_a_clone_is_a_new_volume(
    api: Api, aws: Callable[..., Any], kept: dict[str, Any], kind: str, format_: str
) -> None:
    fields = {"name": "ç <1>", "description": "d & e", "zone": "eu-west-1a", "media": "gp3"}
    given = body(kind, "clone", {**fields, "size_bytes": GIB + 1})
    answer = api.request("POST", f"{kept['href']}/clone", format_=format_, **given)
    assert answer.status_code == 201, answer.text
    made = facts(answer)
    assert made["href"] == answer.headers["Location"] == f"{api.server.api}{VOLUMES}/{made['id']}"
    shown = api.get(made["href"], format_=format_)
    assert (shown["name"], shown["description"]) == ("ç <1>", "d & e")
    assert (shown["zone"], shown["size_bytes"]) == ("eu-west-1a", 2 * GIB)
    assert shown["source_snapshot_id"] == kept["id"]
    (row,) = aws().describe_volumes(VolumeIds=[made["id"]])["Volumes"]
    assert (row["VolumeType"], row["Size"], row["SnapshotId"]) == ("gp3", 2, kept["id"])


def test_a_clone_needs_no_field_and_goes_where_the_source_is(
    api: Api, kept: dict[str, Any], moto: Moto, format_: str
) -> None:
    with moto.recorded() as calls:
        made = api.make(f"{kept['href']}/clone", format_=format_)
    (create,) = [call.form for call in calls if call.action == "CreateVolume"]
    asked = {name for name in create if not name.startswith("TagSpecification.1.")}
    assert asked == {"Action", "Version", "ClientToken", "SnapshotId", "AvailabilityZone"}
    assert tags(create) == {}
    assert (made["zone"], made["size_bytes"]) == ("eu-west-1b", kept["size_bytes"])
    assert made["name"] == (made["id"] if format_ == "xml" else None)


def test_a_clone_whose_source_is_gone_needs_a_zone(
    api: Api, orphan: dict[str, Any], moto: Moto, format_: str
) -> None:
    path = f"{orphan['href']}/clone"
    with moto.recorded() as calls:
        found = api.refusal("POST", path, format_=format_)
    assert list(found["fields"]) == ["zone"]
    assert "CreateVolume" not in {call.action for call in calls}
    fields = {"snapshot_id": orphan["id"]}
    found = api.refusal("POST", VOLUMES, json=fields, format_=format_)
    assert list(found["fields"]) == ["zone"]
    made = api.make(path, json={"zone": "eu-west-1c"}, format_=format_)
    assert made["zone"] == "eu-west-1c"


def test_a_provider_can_have_a_zone_for_clones_whose_source_is_gone(
    api: Api, make_volume: Volume, format_: str
) -> None:
    volume = make_volume("us-east-1")
    made = api.make(SNAPSHOTS, json={"volume_id": volume}, provider="us")
    near = api.make(f"{made['href']}/clone", format_=format_)
    assert near["zone"] == "us-east-1b"
    assert api.request("DELETE", made["storage_volume"]["href"]).status_code == 204
    far = api.make(f"{made['href']}/clone", format_=format_)
    assert far["zone"] == "us-east-1a"


@pytest.mark.parametrize(("size", "gib"), [(3 * GIB, 3), (3 * GIB + 1, 4), (5 * GIB - 1, 5)])
def test_a_clone_can_be_larger_in_whole_gib(
    api: Api, make_snapshot: Make, make_volume: Volume, size: int, gib: int
) -> None:
    made = make_snapshot(volume_id=make_volume(size=3))
    clone = api.make(f"{made['href']}/clone", json={"size_bytes": size})
    assert (clone["size_bytes"], clone["capacity"]) == (gib * GIB, gib)


def test_a_clone_cannot_be_smaller(
    api: Api, make_snapshot: Make, make_volume: Volume, moto: Moto, format_: str
) -> None:
    made = make_snapshot(volume_id=make_volume(size=3))
    with moto.recorded() as calls:
        for size in (1, 2 * GIB, 3 * GIB - 1):
            path, fields = f"{made['href']}/clone", {"size_bytes": size}
            found = api.refusal("POST", path, json=fields, format_=format_)
            assert list(found["fields"]) == ["size_bytes"]
            assert str(3 * GIB) in found["fields"]["size_bytes"]
    assert {call.action for call in calls} == {"DescribeSnapshots"}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"size_bytes": 0}, {"size_bytes"}),
        ({"size_bytes": "x", "nosuch": "y"}, {"size_bytes", "nosuch"}),
        ({"affinities": ["a"], "avoid": ["vol-1"]}, {"affinities", "avoid"}),
        ({"name": "n" * 257, "description": "d" * 256}, {"name", "description"}),
    ],
)
def test_what_is_wrong_with_a_clone_is_named(
    api: Api, kept: dict[str, Any], fields: dict[str, Any], named: set[str]
) -> None:
    found = api.refusal("POST", f"{kept['href']}/clone", json=fields)
    assert set(found["fields"]) == named


def test_media_that_ec2_does_not_take_as_it_is_asked_for_is_a_400(
    api: Api, kept: dict[str, Any], format_: str
) -> None:
    fields = {"media": "io2"}  # which needs a figure of IOPS that nobody can give here
    found = api.refusal("POST", f"{kept['href']}/clone", json=fields, format_=format_)
    assert found["backend"]["code"] == "InvalidParameterDependency"


@pytest.mark.parametrize("unknown", ["snap-0123456789abcdef0", "nosuch"])
def test_a_clone_of_an_unknown_snapshot_is_a_404_that_names_it(
    api: Api, format_: str, unknown: str
) -> None:
    found = api.refusal("POST", f"{SNAPSHOTS}/{unknown}/clone", 404, format_=format_)
    assert unknown in found["message"]
