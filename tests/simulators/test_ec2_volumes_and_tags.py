"""The EC2 simulator's volumes and tags, judged by stock boto3."""

from typing import Any

import pytest

from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region, Volume
from tests.simulators.judge import by, pairs, refusal, tagged

ZONE = "eu-west-1a"


def test_a_volume_is_creating_then_available(simulator: Simulator, client: Any) -> None:
    made = client.create_volume(
        AvailabilityZone=ZONE, Size=3, TagSpecifications=tagged("volume", Name="n")
    )
    assert (made["State"], made["Size"], made["SnapshotId"]) == ("creating", 3, "")
    assert made["Tags"] == pairs({"Name": "n"})
    simulator.settings.clock.advance(5)
    (seen,) = client.describe_volumes(VolumeIds=[made["VolumeId"]])["Volumes"]
    assert (seen["State"], seen["VolumeType"]) == ("available", "gp2")


def test_a_volume_is_made_from_a_snapshot(client: Any, region: Region) -> None:
    source = region.add_snapshot(volume_size=4, encrypted=True, kms_key_id="k")
    made = client.create_volume(AvailabilityZone=ZONE, SnapshotId=source.id, VolumeType="gp3")
    assert (made["SnapshotId"], made["Size"], made["Encrypted"]) == (source.id, 4, True)
    assert (made["Iops"], made["Throughput"]) == (3000, 125)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"AvailabilityZone": "us-east-1a"}, "InvalidZone.NotFound"),
        ({"Size": None, "SnapshotId": None}, "MissingParameter"),
        ({"Size": 3}, "InvalidParameterValue"),
        ({"Size": 20_000}, "InvalidParameterValue"),
        ({"Size": 0, "SnapshotId": None}, "InvalidParameterValue"),
        ({"SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound"),
        ({"VolumeType": "gp9"}, "UnknownVolumeType"),
        ({"VolumeType": "io1"}, "MissingParameter"),
        ({"VolumeType": "gp3", "Iops": 1}, "InvalidParameterValue"),
        ({"Throughput": 200}, "InvalidParameterCombination"),
        ({"TagSpecifications": tagged("snapshot", a="b")}, "InvalidParameterValue"),
        ({"Encrypted": False, "KmsKeyId": "k"}, "InvalidParameterDependency"),
        ({"MultiAttachEnabled": True}, "SimulatorLacks"),
    ],
)
def test_a_bad_volume_is_refused(
    client: Any, region: Region, parameters: dict[str, Any], code: str
) -> None:
    source = region.add_snapshot(volume_size=4)
    given = {"AvailabilityZone": ZONE, "SnapshotId": source.id, **parameters}
    given = {name: value for name, value in given.items() if value is not None}
    assert refusal(client.create_volume, **given)[0] == code
    assert not region.volumes


@pytest.mark.parametrize("changed", [{"state": "pending"}, {"storage_tier": "archive"}])
def test_a_snapshot_that_is_not_ready_makes_no_volume(
    client: Any, region: Region, changed: dict[str, str]
) -> None:
    source = region.add_snapshot(**changed)
    answer = refusal(client.create_volume, AvailabilityZone=ZONE, SnapshotId=source.id)
    assert answer == ("IncorrectState", 400)


def test_a_public_snapshot_makes_a_volume(client: Any, region: Region) -> None:
    source = region.add_snapshot(owner_id="999999999999", public=True)
    client.create_volume(AvailabilityZone=ZONE, SnapshotId=source.id)


def test_a_client_token_makes_one_volume(client: Any, region: Region) -> None:
    given = {"AvailabilityZone": ZONE, "Size": 1, "ClientToken": "once"}
    made = [client.create_volume(**given)["VolumeId"] for _ in range(2)]
    assert list(region.volumes) == made[:1] == made[1:]
    answer = refusal(client.create_volume, **{**given, "Size": 2})
    assert answer == ("IdempotentParameterMismatch", 400)


def test_volumes_are_the_accounts_own_and_paged(client: Any, region: Region) -> None:
    made = sorted(region.add_volume().id for _ in range(7))
    region.add_volume(owner_id="999999999999")
    pages = client.get_paginator("describe_volumes").paginate(MaxResults=5)
    assert [one["VolumeId"] for page in pages for one in page["Volumes"]] == made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("volume-id", "vol-0aaaaaaaaaaaaaaaa"),
        ("status", "error"),
        ("tag:Name", "n"),
        ("tag-key", "Name"),
        ("snapshot-id", "snap-*"),
        ("availability-zone", "eu-west-1b"),
        ("size", "77"),
    ],
)
def test_volumes_are_filtered(client: Any, region: Region, name: str, value: str) -> None:
    region.add_volume()
    one = region.add_volume(
        id="vol-0aaaaaaaaaaaaaaaa",
        state="error",
        tags={"Name": "n"},
        snapshot_id="snap-0aaaaaaaaaaaaaaaa",
        availability_zone="eu-west-1b",
        size=77,
    )
    (seen,) = client.describe_volumes(Filters=by(name, value))["Volumes"]
    assert seen["VolumeId"] == one.id


def test_a_volume_is_deleted_unless_it_is_in_use(client: Any, volume: Volume) -> None:
    volume.state, volume.attached_to = "in-use", "i-0123456789abcdef0"
    (seen,) = client.describe_volumes()["Volumes"]
    assert seen["Attachments"][0]["InstanceId"] == "i-0123456789abcdef0"
    assert refusal(client.delete_volume, VolumeId=volume.id) == ("VolumeInUse", 400)
    volume.state, volume.attached_to = "available", None
    client.delete_volume(VolumeId=volume.id)
    missing = ("InvalidVolume.NotFound", 400)
    assert refusal(client.delete_volume, VolumeId=volume.id) == missing
    assert refusal(client.describe_volumes, VolumeIds=[volume.id]) == missing


def test_a_new_volume_may_be_hidden(simulator: Simulator, client: Any) -> None:
    simulator.settings.hidden_reads = 1
    made = client.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    assert refusal(client.describe_volumes, VolumeIds=[made])[0] == "InvalidVolume.NotFound"
    client.describe_volumes(VolumeIds=[made])


def test_tags_are_added_overwritten_and_deleted(
    client: Any, region: Region, volume: Volume
) -> None:
    snapshot = region.add_snapshot(tags={"a": "1", "b": "2"})
    both = [snapshot.id, volume.id]
    client.create_tags(Resources=both, Tags=pairs({"a": "x", "c": ""}))
    assert snapshot.tags == {"a": "x", "b": "2", "c": ""}
    assert volume.tags == {"a": "x", "c": ""}
    client.delete_tags(Resources=both, Tags=[{"Key": "a"}, {"Key": "b", "Value": "other"}])
    assert snapshot.tags == {"b": "2", "c": ""}
    client.delete_tags(Resources=both, Tags=pairs({"c": "", "b": "2"}))
    assert snapshot.tags == volume.tags == {}


def test_deleting_all_tags_spares_those_of_aws(client: Any, region: Region) -> None:
    snapshot = region.add_snapshot(tags={"aws:backup": "1", "b": "2"})
    client.delete_tags(Resources=[snapshot.id])
    assert snapshot.tags == {"aws:backup": "1"}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([{"Key": "", "Value": "v"}], "InvalidParameterValue"),
        ([{"Key": "k" * 128, "Value": "v"}], "InvalidParameterValue"),
        ([{"Key": "k", "Value": "v" * 257}], "InvalidParameterValue"),
        ([{"Key": "aws:k", "Value": "v"}], "InvalidParameterValue"),
        ([{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}], "InvalidParameterValue"),
        ([{"Key": f"k{n}", "Value": ""} for n in range(51)], "TagLimitExceeded"),
    ],
)
def test_bad_tags_are_refused_and_change_nothing(
    client: Any, region: Region, volume: Volume, tags: list[dict[str, str]], code: str
) -> None:
    snapshot = region.add_snapshot(tags={"old": "1"})
    assert refusal(client.create_tags, Resources=[snapshot.id], Tags=tags) == (code, 400)
    assert snapshot.tags == {"old": "1"}
    specification = [{"ResourceType": "snapshot", "Tags": tags}]
    answer = refusal(client.create_snapshot, VolumeId=volume.id, TagSpecifications=specification)
    assert answer == (code, 400)


def test_fifty_tags_of_the_user_fit(client: Any, region: Region) -> None:
    snapshot = region.add_snapshot(tags={"aws:backup": "1"})
    fifty = {f"{n:03}{'k' * 124}": "v" * 256 for n in range(50)}
    client.create_tags(Resources=[snapshot.id], Tags=pairs(fifty))
    answer = refusal(client.create_tags, Resources=[snapshot.id], Tags=pairs({"more": ""}))
    assert answer == ("TagLimitExceeded", 400)
    assert snapshot.tags == {"aws:backup": "1", **fifty}


def test_tagging_is_all_or_nothing(client: Any, region: Region) -> None:
    snapshot = region.add_snapshot()
    absent = "snap-0123456789abcdef0"
    for given, code in ((absent, "InvalidSnapshot.NotFound"), ("i-12", "InvalidID")):
        resources = [snapshot.id, given]
        answer = refusal(client.create_tags, Resources=resources, Tags=pairs({"a": "b"}))
        assert answer == (code, 400)
    assert snapshot.tags == {}
