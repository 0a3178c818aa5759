"""Every word of EC2 in our words: states, tiers, sizes, sources."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import Query, SnapshotState, StoredKind, VolumeState
from tests.ec2.simulated.tools import GIB, where
from tests.simulators.ec2_state import Region

NOON = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)


def both(account: Account, snapshot_id: str) -> Any:
    """Return a snapshot, which the list must show as it is alone."""
    (found,) = account.list_snapshots(where(id=snapshot_id)).items()
    assert account.get_snapshot(snapshot_id) == found
    return found


@pytest.mark.parametrize(
    ("fields", "state", "native"),
    [
        ({"state": "pending", "progress": 42}, SnapshotState.CREATING, "pending"),
        ({}, SnapshotState.AVAILABLE, "completed"),
        ({"storage_tier": "archive"}, SnapshotState.ARCHIVED, "completed"),
        ({"state": "error"}, SnapshotState.ERROR, "error"),
        ({"state": "recoverable"}, SnapshotState.RECYCLED, "recoverable"),
        ({"state": "recovering"}, SnapshotState.BUSY, "recovering"),
        ({"state": "something-new"}, SnapshotState.UNKNOWN, "something-new"),
        ({"state": "pending", "storage_tier": "archive"}, SnapshotState.CREATING, "pending"),
    ],
)
def test_states(
    account: Account, region: Region, fields: Any, state: SnapshotState, native: str
) -> None:
    found = both(account, region.add_snapshot(**fields).id)
    assert (found.state, found.native_state) == (state, native)
    assert found.ready is (state is SnapshotState.AVAILABLE)
    assert found.tier == fields.get("storage_tier", "standard")
    assert found.progress == fields.get("progress", 100 if native == "completed" else 0)


def test_an_error_tells_its_reason(account: Account, region: Region) -> None:
    reason = "Given key ID is not accessible <&>"
    broken = region.add_snapshot(state="error", status_message=reason)
    assert both(account, broken.id).state_reason == reason


def test_all_facts_of_a_whole_snapshot(account: Account, region: Region) -> None:
    one = region.add_snapshot(
        volume_size=7,
        start_time=NOON,
        completion_time=NOON + timedelta(minutes=5),
        description="línea 1\nline 2 <&> \U0001f600",
        encrypted=True,
        kms_key_id="arn:aws:kms:eu-west-1:1:key/2",
        full_size_bytes=12345,
        tags={"Name": "näme", "k": "  v  ", "": ""} | {"k&<>'\"": "v\t1"},
    )
    found = both(account, one.id)
    assert (found.created, found.completed) == (NOON, NOON + timedelta(minutes=5))
    assert (found.size_bytes, found.stored_bytes) == (7 * GIB, 12345)
    assert found.stored_kind is StoredKind.FULL
    assert (found.name, found.description) == ("näme", one.description)
    assert found.metadata == {"k": "  v  ", "": "", "k&<>'\"": "v\t1"}
    assert found.encrypted is True
    assert found.volume_id == one.volume_id


def test_what_ec2_does_not_tell_is_unknown(account: Account, region: Region) -> None:
    one = region.add_snapshot(completion_time=None, full_size_bytes=0)
    found = both(account, one.id)
    assert (found.completed, found.stored_bytes, found.stored_kind) == (None, None, None)
    assert (found.name, found.description, found.state_reason) == (None, None, None)
    assert found.encrypted is False
    assert (found.location, found.group_id) == (None, None)


@pytest.mark.parametrize("volume_id", ["vol-ffffffff", "vol-fffffffffffffffff"])
def test_the_arbitrary_volume_of_a_copy_is_none(
    account: Account, region: Region, volume_id: str
) -> None:
    assert both(account, region.add_snapshot(volume_id=volume_id).id).volume_id is None


@pytest.mark.parametrize("volume_id", ["vol-fffffff0", "vol-0ffffffff"])
def test_a_volume_that_looks_much_like_it_is_shown(
    account: Account, region: Region, volume_id: str
) -> None:
    assert both(account, region.add_snapshot(volume_id=volume_id).id).volume_id == volume_id


def test_the_tag_for_the_description_is_the_description(account: Account, region: Region) -> None:
    one = region.add_snapshot(description="first", tags={"description": "second", "k": "v"})
    found = both(account, one.id)
    assert (found.description, found.metadata) == ("second", {"k": "v"})
    hidden = region.add_snapshot(description="first", tags={"description": ""})
    assert both(account, hidden.id).description is None


@pytest.mark.parametrize(
    ("native", "state"),
    [
        ("creating", VolumeState.CREATING),
        ("available", VolumeState.AVAILABLE),
        ("in-use", VolumeState.IN_USE),
        ("deleting", VolumeState.DELETING),
        ("deleted", VolumeState.DELETING),
        ("error", VolumeState.ERROR),
        ("something-new", VolumeState.UNKNOWN),
    ],
)
def test_states_of_volumes(
    account: Account, region: Region, native: str, state: VolumeState
) -> None:
    one = region.add_volume(state=native, size=9, create_time=NOON, tags={"Name": "n", "k": "v"})
    found = account.get_volume(one.id)
    assert (found.state, found.native_state) == (state, native)
    assert (found.size_bytes, found.created, found.zone) == (9 * GIB, NOON, "eu-west-1a")
    assert (found.name, found.metadata, found.snapshot_id) == ("n", {"k": "v"}, None)
    assert list(account.list_volumes(Query()).items()) == [found]
