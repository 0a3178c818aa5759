"""New snapshots: made by one tagged call, shown at once, refused with the reason."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    CreateVolume,
    ErrorCode,
    Query,
    SnapshotState,
)
from tests.ec2.simulated.tools import GIB, Connect, forms, ids, refused, tags, users
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region, Volume

TAGS = {"env": "prod", "naïve <&>": "x=1; ?*", "empty": ""}
Break = Callable[[Simulator], None]
UNSEEN: dict[str, Break] = {
    "error": lambda s: s.fail("DescribeSnapshots", "InternalError", 500, times=9),
    "throttle": lambda s: s.fail("DescribeSnapshots", "RequestLimitExceeded", 503, times=9),
    "denied": lambda s: s.fail("DescribeSnapshots", "UnauthorizedOperation", 403, times=9),
    "cut": lambda s: s.cut("DescribeSnapshots", times=9),
    "garbled": lambda s: s.garble("DescribeSnapshots", times=9),
    "XHTML": lambda s: s.garble("DescribeSnapshots", b"<html/>", times=9),
    "never there": lambda s: setattr(s.settings, "hidden_reads", 999),
    "silent": lambda s: s.delay("DescribeSnapshots", 5, times=9),
}


def test_one_call_makes_and_tags_a_snapshot(
    simulator: Simulator, account: Account, region: Region, volume: Volume
) -> None:
    made = account.create_snapshot(CreateSnapshot(volume.id, "n", "d", TAGS))
    (form,) = forms(simulator, "CreateSnapshot")
    assert (form["VolumeId"], form["Description"]) == (volume.id, "d")
    assert tags(form) == {**TAGS, "Name": "n"}
    assert form["TagSpecification.1.ResourceType"] == "snapshot"
    assert simulator.count("CreateTags") == 0
    assert users(region.snapshots[made.id].tags) == {**TAGS, "Name": "n"}
    assert (made.name, made.description, made.metadata) == ("n", "d", TAGS)
    assert (made.volume_id, made.size_bytes) == (volume.id, 10 * GIB)


def test_nothing_is_sent_that_was_not_asked_for(
    simulator: Simulator, account: Account, volume: Volume
) -> None:
    made = account.create_snapshot(CreateSnapshot(volume.id))
    (form,) = forms(simulator, "CreateSnapshot")
    asked = {name for name in form if not name.startswith("TagSpecification.1.")}
    assert asked == {"Action", "Version", "VolumeId"}
    assert tags(form) == {}
    assert (made.name, made.description, made.metadata) == (None, None, {})


def test_a_snapshot_is_creating_and_grows_until_it_is_available(
    simulator: Simulator, account: Account, volume: Volume
) -> None:
    made = account.create_snapshot(CreateSnapshot(volume.id))
    assert (made.state, made.native_state, made.ready) == (
        SnapshotState.CREATING,
        "pending",
        False,
    )
    assert (made.progress or 0) == 0
    simulator.settings.clock.advance(30)
    half = account.get_snapshot(made.id)
    assert (half.state, half.ready, half.completed) == (SnapshotState.CREATING, False, None)
    assert 45 <= (half.progress or 0) <= 60
    simulator.settings.clock.advance(30)
    whole = account.get_snapshot(made.id)
    assert (whole.state, whole.ready, whole.progress) == (SnapshotState.AVAILABLE, True, 100)
    assert whole.created == made.created
    assert whole.created is not None
    assert whole.completed is not None
    assert (whole.completed - whole.created).total_seconds() == 60
    assert whole.stored_bytes == 10 * GIB


@pytest.mark.parametrize("reads", [0, 1])
def test_what_ec2_shows_late_is_there_for_the_next_call(
    simulator: Simulator, account: Account, region: Region, reads: int
) -> None:
    simulator.settings.hidden_reads = reads
    volume = account.create_volume(CreateVolume(GIB, zone="eu-west-1a"))
    region.volumes[volume.id].state = "available"
    assert account.get_volume(volume.id).id == volume.id
    made = account.create_snapshot(CreateSnapshot(volume.id))
    assert account.get_snapshot(made.id).id == made.id


def test_a_clone_that_ec2_shows_late_is_there_for_the_next_call(
    simulator: Simulator, account: Account, region: Region
) -> None:
    source = region.add_snapshot()
    simulator.settings.hidden_reads = 1
    made = account.clone_snapshot(source.id, CloneSnapshot(zone="eu-west-1a"))
    assert account.get_volume(made.id).id == made.id


@pytest.mark.parametrize("fault", UNSEEN)
def test_a_look_that_fails_does_not_undo_a_success(
    simulator: Simulator, connect: Connect, region: Region, volume: Volume, fault: str
) -> None:
    account = connect(call_timeout_s=1.5)
    UNSEEN[fault](simulator)
    made = account.create_snapshot(CreateSnapshot(volume.id, "n"))
    assert list(region.snapshots) == [made.id]
    assert (made.name, made.state) == ("n", SnapshotState.CREATING)
    assert simulator.count("CreateSnapshot") == 1


def test_a_look_at_a_volume_that_fails_does_not_undo_a_success(
    simulator: Simulator, connect: Connect, region: Region
) -> None:
    account = connect(call_timeout_s=0.5)
    simulator.delay("DescribeVolumes", 5, times=9)
    made = account.create_volume(CreateVolume(GIB, zone="eu-west-1a"))
    assert list(region.volumes) == [made.id]


def test_tags_that_come_late_are_in_the_answer(
    simulator: Simulator, account: Account, volume: Volume
) -> None:
    simulator.settings.late_tags = 2
    made = account.create_snapshot(CreateSnapshot(volume.id, "n", None, TAGS))
    assert (made.name, made.metadata) == ("n", TAGS)
    for _ in range(2):
        found = account.get_snapshot(made.id)
    assert (found.name, found.metadata) == ("n", TAGS)


def test_the_quota_is_no_throttle(simulator: Simulator, account: Account, volume: Volume) -> None:
    simulator.settings.snapshot_quota = 0
    error = refused(account.create_snapshot, CreateSnapshot(volume.id))
    assert (error.code, error.backend_code) == (ErrorCode.QUOTA, "SnapshotLimitExceeded")
    assert (error.retry_after_s, error.code.is_retryable) == (None, False)


def test_a_volume_has_five_pending_snapshots(
    simulator: Simulator, account: Account, region: Region, volume: Volume
) -> None:
    for _ in range(5):
        account.create_snapshot(CreateSnapshot(volume.id))
    error = refused(account.create_snapshot, CreateSnapshot(volume.id))
    assert error.code is ErrorCode.RATE_LIMITED
    assert error.backend_code == "ConcurrentSnapshotLimitExceeded"
    assert error.retry_after_s
    assert len(region.snapshots) == 5
    account.create_snapshot(CreateSnapshot(region.add_volume().id))
    simulator.settings.clock.advance(61)
    account.create_snapshot(CreateSnapshot(volume.id))


def test_a_volume_is_snapshotted_every_15_seconds(
    simulator: Simulator, account: Account, volume: Volume
) -> None:
    simulator.settings.create_interval_s = 15
    account.create_snapshot(CreateSnapshot(volume.id))
    error = refused(account.create_snapshot, CreateSnapshot(volume.id))
    assert error.code is ErrorCode.RATE_LIMITED
    assert error.backend_code == "SnapshotCreationPerVolumeRateExceeded"
    assert error.retry_after_s == 15
    simulator.settings.clock.advance(error.retry_after_s)
    account.create_snapshot(CreateSnapshot(volume.id))
    assert simulator.count("CreateSnapshot") == 3


@pytest.mark.parametrize("state", ["creating", "deleting", "error"])
def test_a_volume_in_another_state_is_a_conflict(
    account: Account, region: Region, state: str
) -> None:
    volume = region.add_volume(state=state)
    error = refused(account.create_snapshot, CreateSnapshot(volume.id))
    assert error.code is ErrorCode.CONFLICT
    assert not region.snapshots


def test_a_volume_in_use_can_be_snapshotted(account: Account, region: Region) -> None:
    volume = region.add_volume(state="in-use", attached_to="i-1")
    assert account.create_snapshot(CreateSnapshot(volume.id)).volume_id == volume.id


@pytest.mark.parametrize(
    "volume_id",
    ["vol-0123456789abcdef0", "vol-1", "vol-xyz", "vol-", "disk", "snap-01234567"],
)
def test_a_volume_that_is_not_there_is_not_found(
    account: Account, region: Region, volume_id: str
) -> None:
    error = refused(account.create_snapshot, CreateSnapshot(volume_id))
    assert error.code is ErrorCode.NOT_FOUND
    assert "volume" in error.message
    assert not region.snapshots


@pytest.mark.parametrize(
    ("code", "text", "field"),
    [
        ("InvalidParameterValue", "Value (x) for parameter description is invalid.", "description"),
        ("InvalidParameterValue", "Value (x) for parameter Tag.Key is invalid.", "metadata"),
        ("TagLimitExceeded", "A resource can have at most 50 tags.", "metadata"),
        ("InvalidTagKey.Malformed", "Tag keys starting with x are reserved", "metadata"),
        ("InvalidParameterValue", "hunter2", None),
        ("UnknownParameter", "The parameter Foo is not recognized", None),
    ],
)
def test_a_bad_request_of_ec2_names_our_field(
    simulator: Simulator,
    account: Account,
    volume: Volume,
    *,
    code: str,
    text: str,
    field: str | None,
) -> None:
    simulator.fail("CreateSnapshot", code, 400, text)
    error = refused(account.create_snapshot, CreateSnapshot(volume.id))
    assert (error.code, error.backend_code) == (ErrorCode.INVALID, code)
    assert list(error.fields) == ([field] if field else [])
    assert "hunter2" not in error.message


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"metadata": {"Name": "x"}}, "metadata[Name]"),
        ({"metadata": {"description": "x"}}, "metadata[description]"),
        ({"metadata": {"aws:x": "x"}}, "metadata[aws:x]"),
        ({"metadata": {"AWS:x": "x"}}, "metadata[AWS:x]"),
        ({"metadata": {str(n): "" for n in range(51)}}, "metadata"),
        ({"metadata": {str(n): "" for n in range(50)}, "name": "n"}, "metadata"),
        ({"metadata": {"k" * 128: ""}}, f"metadata[{'k' * 60}]"),
        ({"metadata": {"k": "v" * 257}}, "metadata[k]"),
        ({"name": "n" * 257}, "name"),
        ({"description": "d" * 256}, "description"),
    ],
)
def test_what_ec2_would_refuse_is_not_sent(
    simulator: Simulator, account: Account, volume: Volume, given: Any, field: str
) -> None:
    error = refused(account.create_snapshot, CreateSnapshot(volume.id, **given))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, [field])
    assert not simulator.calls


@pytest.mark.parametrize(
    "given",
    [
        {"metadata": {str(n): "" for n in range(48)}},
        {"metadata": {str(n): "" for n in range(47)}, "name": "n" * 256},
        {"metadata": {"k" * 127: "v" * 256}, "description": "d" * 255},
    ],
)
def test_what_ec2_takes_at_the_most_is_taken(account: Account, volume: Volume, given: Any) -> None:
    made = account.create_snapshot(CreateSnapshot(volume.id, **given))
    assert account.get_snapshot(made.id).metadata == given["metadata"]
    assert ids(account.list_snapshots(Query())) == [made.id]
