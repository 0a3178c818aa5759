"""The EC2 simulator's snapshots, judged by stock boto3."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.simulators.conftest import Connect
from tests.simulators.ec2 import ACCOUNT_ID, Simulator
from tests.simulators.ec2_state import Clock, Region, Volume
from tests.simulators.judge import by, ids, pairs, refusal, tagged

NO_SNAPSHOT = "snap-0123456789abcdef0"
NO_VOLUME = "vol-0123456789abcdef0"


def test_a_snapshot_advances_from_pending_to_completed(
    simulator: Simulator, client: Any, volume: Volume
) -> None:
    made = client.create_snapshot(VolumeId=volume.id, Description="before the update")
    assert made["State"] == "pending"
    assert made["Progress"] == ""
    simulator.settings.clock.advance(24)
    (seen,) = client.describe_snapshots()["Snapshots"]
    assert (seen["State"], seen["Progress"]) == ("pending", "40%")
    assert "CompletionTime" not in seen
    simulator.settings.clock.advance(60)
    (seen,) = client.describe_snapshots()["Snapshots"]
    assert (seen["State"], seen["Progress"]) == ("completed", "100%")
    assert seen["CompletionTime"] - seen["StartTime"] == timedelta(seconds=60)
    assert seen["FullSnapshotSizeInBytes"] == 10 << 30


def test_the_answer_to_a_create_is_the_whole_record(client: Any, volume: Volume) -> None:
    made = client.create_snapshot(
        VolumeId=volume.id, Description="d", TagSpecifications=tagged(Name="n")
    )
    assert made["SnapshotId"].startswith("snap-0")
    assert made["VolumeId"] == volume.id
    assert made["VolumeSize"] == 10
    assert made["OwnerId"] == ACCOUNT_ID
    assert made["Description"] == "d"
    assert made["Tags"] == pairs({"Name": "n"})
    assert made["Encrypted"] is False
    assert made["StorageTier"] == "standard"
    assert made["StartTime"].tzinfo is not None


@pytest.mark.parametrize("text", ["<&>\"'", "ä 漢 🙂", "  two  ", "a\r\nb\tc", "x" * 255])
def test_texts_come_back_as_they_were(client: Any, volume: Volume, text: str) -> None:
    client.create_snapshot(
        VolumeId=volume.id, Description=text, TagSpecifications=tagged(Name=text)
    )
    (seen,) = client.describe_snapshots()["Snapshots"]
    assert seen["Description"] == text
    assert seen["Tags"] == pairs({"Name": text})


def test_what_xml_cannot_say_is_refused(client: Any, volume: Volume) -> None:
    answer = refusal(client.create_snapshot, VolumeId=volume.id, Description="a\0b")
    assert answer == ("InvalidParameterValue", 400)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"VolumeId": NO_VOLUME}, "InvalidVolume.NotFound"),
        ({"VolumeId": "vol-xyz"}, "InvalidVolumeID.Malformed"),
        ({"VolumeId": "disk"}, "InvalidParameterValue"),
        ({"VolumeId": ""}, "InvalidParameterValue"),
        ({"Description": "x" * 256}, "InvalidParameterValue"),
        ({"TagSpecifications": tagged("volume", a="b")}, "InvalidParameterValue"),
        ({"TagSpecifications": tagged() * 2}, "InvalidParameterValue"),
        ({"OutpostArn": "arn"}, "SimulatorLacks"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_a_bad_create_is_refused_and_makes_nothing(
    client: Any, region: Region, volume: Volume, parameters: dict[str, Any], code: str
) -> None:
    given = {"VolumeId": volume.id, **parameters}
    assert refusal(client.create_snapshot, **given)[0] == code
    assert not region.snapshots


def test_a_volume_that_is_not_there_is_named(client: Any) -> None:
    with pytest.raises(client.exceptions.ClientError, match=f"The volume '{NO_VOLUME}' does not"):
        client.create_snapshot(VolumeId=NO_VOLUME)


def test_a_volume_in_creation_has_no_snapshot(client: Any, volume: Volume) -> None:
    volume.state = "creating"
    assert refusal(client.create_snapshot, VolumeId=volume.id) == ("IncorrectState", 400)


def test_the_quota_is_not_exceeded(simulator: Simulator, client: Any, volume: Volume) -> None:
    simulator.settings.snapshot_quota = 1
    client.create_snapshot(VolumeId=volume.id)
    answer = refusal(client.create_snapshot, VolumeId=volume.id)
    assert answer == ("SnapshotLimitExceeded", 400)


def test_at_most_five_are_pending_even_if_deleted(
    simulator: Simulator, client: Any, volume: Volume
) -> None:
    made = [client.create_snapshot(VolumeId=volume.id)["SnapshotId"] for _ in range(5)]
    client.delete_snapshot(SnapshotId=made[0])
    answer = refusal(client.create_snapshot, VolumeId=volume.id)
    assert answer == ("ConcurrentSnapshotLimitExceeded", 400)
    simulator.settings.clock.advance(60)
    client.create_snapshot(VolumeId=volume.id)


def test_creates_of_one_volume_may_come_too_fast(
    simulator: Simulator, client: Any, region: Region, volume: Volume
) -> None:
    simulator.settings.create_interval_s = 15
    client.create_snapshot(VolumeId=volume.id)
    answer = refusal(client.create_snapshot, VolumeId=volume.id)
    assert answer == ("SnapshotCreationPerVolumeRateExceeded", 400)
    client.create_snapshot(VolumeId=region.add_volume().id)
    simulator.settings.clock.advance(15)
    client.create_snapshot(VolumeId=volume.id)


def test_states_set_by_hand_are_shown(client: Any, region: Region) -> None:
    expiry = datetime(2030, 1, 1, tzinfo=UTC)
    region.add_snapshot(state="error", status_message="lost", progress=40)
    region.add_snapshot(storage_tier="archive", restore_expiry_time=expiry)
    region.add_snapshot(encrypted=True, kms_key_id="arn:key", owner_alias="amazon")
    region.add_snapshot(state="recoverable", full_size_bytes=5)
    found = client.describe_snapshots()["Snapshots"]
    assert {"lost", "40%", "error"} <= {str(v) for one in found for v in one.values()}
    assert [one["RestoreExpiryTime"] for one in found if one["StorageTier"] == "archive"] == [
        expiry
    ]
    assert [(one["KmsKeyId"], one["OwnerAlias"]) for one in found if one["Encrypted"]] == [
        ("arn:key", "amazon")
    ]
    assert [one["State"] for one in found if one.get("FullSnapshotSizeInBytes") == 5] == [
        "recoverable"
    ]


def test_a_stopped_clock_gives_the_times(simulator: Simulator, client: Any, volume: Volume) -> None:
    moment = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)
    simulator.settings.clock = Clock(moment)
    made = client.create_snapshot(VolumeId=volume.id)
    assert made["StartTime"] == moment.replace(microsecond=123000)


def test_a_snapshot_is_deleted_pending_or_not(client: Any, region: Region, volume: Volume) -> None:
    pending = client.create_snapshot(VolumeId=volume.id)["SnapshotId"]
    for snapshot_id in (pending, region.add_snapshot().id):
        client.delete_snapshot(SnapshotId=snapshot_id)
    assert client.describe_snapshots()["Snapshots"] == []
    assert refusal(client.delete_snapshot, SnapshotId=pending)[0] == "InvalidSnapshot.NotFound"


def test_a_snapshot_that_an_image_uses_is_not_deleted(client: Any, region: Region) -> None:
    snapshot = region.add_snapshot()
    snapshot.in_use_by = "ami-0123456789abcdef0"
    answer = refusal(client.delete_snapshot, SnapshotId=snapshot.id)
    assert answer == ("InvalidSnapshot.InUse", 400)


def test_only_ones_own_are_deleted(client: Any, region: Region) -> None:
    public = region.add_snapshot(owner_id="999999999999", public=True)
    secret = region.add_snapshot(owner_id="999999999999")
    answers = [refusal(client.delete_snapshot, SnapshotId=one.id) for one in (public, secret)]
    assert answers == [("UnauthorizedOperation", 403), ("InvalidSnapshot.NotFound", 400)]


@pytest.mark.parametrize("text", ["snap-XYZ", "snap-", "snap-0123456789abcdef01"])
def test_what_is_no_id_is_malformed(client: Any, text: str) -> None:
    malformed = ("InvalidSnapshotID.Malformed", 400)
    assert refusal(client.delete_snapshot, SnapshotId=text) == malformed
    assert refusal(client.describe_snapshots, SnapshotIds=[text]) == malformed
    assert ids(client.describe_snapshots(Filters=by("snapshot-id", text))) == []


def test_a_copy_goes_to_another_region(
    simulator: Simulator, connect: Connect, region: Region
) -> None:
    source = region.add_snapshot(volume_size=7, encrypted=True, kms_key_id="k", tags={"a": "b"})
    there = connect("us-east-1")
    made = there.copy_snapshot(
        SourceRegion="eu-west-1",
        SourceSnapshotId=source.id,
        Description="far",
        TagSpecifications=tagged(c="d"),
    )
    assert made["Tags"] == pairs({"c": "d"})
    assert set(made) == {"SnapshotId", "Tags", "ResponseMetadata"}
    (copy,) = there.describe_snapshots(SnapshotIds=[made["SnapshotId"]])["Snapshots"]
    assert (copy["VolumeId"], copy["State"]) == ("vol-ffffffff", "pending")
    assert (copy["VolumeSize"], copy["Encrypted"]) == (7, True)
    assert (copy["Description"], copy["Tags"]) == ("far", pairs({"c": "d"}))
    assert "PresignedUrl" in simulator.calls[0][1]


@pytest.mark.parametrize(
    ("changed", "parameters", "code"),
    [
        ({}, {"SourceRegion": "mars-1"}, "InvalidParameterValue"),
        ({}, {"SourceSnapshotId": NO_SNAPSHOT}, "InvalidSnapshot.NotFound"),
        ({"state": "pending"}, {}, "IncorrectState"),
        ({"state": "error"}, {}, "IncorrectState"),
        ({"storage_tier": "archive"}, {}, "IncorrectState"),
        ({"owner_id": "999999999999"}, {}, "InvalidSnapshot.NotFound"),
        ({"encrypted": True}, {"Encrypted": False}, "InvalidParameterValue"),
        ({}, {"KmsKeyId": "k"}, "InvalidParameterDependency"),
    ],
)
def test_a_bad_copy_is_refused(
    connect: Connect, region: Region, changed: Any, parameters: Any, code: str
) -> None:
    source = region.add_snapshot(**changed)
    given = {"SourceRegion": "eu-west-1", "SourceSnapshotId": source.id, **parameters}
    assert refusal(connect("us-east-1").copy_snapshot, **given)[0] == code


def test_hidden_snapshots_come_into_sight(
    simulator: Simulator, client: Any, volume: Volume
) -> None:
    simulator.settings.hidden_reads = 2
    made = client.create_snapshot(VolumeId=volume.id)["SnapshotId"]
    code, _ = refusal(client.describe_snapshots, SnapshotIds=[made])
    assert code == "InvalidSnapshot.NotFound"
    assert ids(client.describe_snapshots()) == []
    assert ids(client.describe_snapshots()) == [made]


def test_tags_may_come_late(simulator: Simulator, client: Any, volume: Volume) -> None:
    simulator.settings.late_tags = 1
    made = client.create_snapshot(VolumeId=volume.id, TagSpecifications=tagged(a="1"))
    assert made["Tags"] == pairs({"a": "1"})
    assert ids(client.describe_snapshots(Filters=by("tag:a", "1"))) == []
    assert ids(client.describe_snapshots(Filters=by("tag:a", "1"))) == [made["SnapshotId"]]
    client.create_tags(Resources=[made["SnapshotId"]], Tags=pairs({"a": "2"}))
    tags = [client.describe_snapshots()["Snapshots"][0]["Tags"] for _ in range(2)]
    assert tags == [pairs({"a": "1"}), pairs({"a": "2"})]
