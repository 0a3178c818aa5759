"""Making, cloning, setting back and deleting: what Cinder says no to, in our words."""

import uuid
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
    VolumeState,
)
from tests.cinder.simulated.tools import GIB, OTHER, READER, Connect, calls, refused
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import Region, Snapshot, Volume

NOT_READY = ["creating", "deleting", "error", "error_deleting", "updating", "restoring"]
UNKNOWN = str(uuid.UUID(int=1, version=4))


def test_a_snapshot_is_made_as_asked_for(
    openstack: OpenStack, account: Account, volume: Volume
) -> None:
    request = CreateSnapshot(volume.id, "n", "d", {"a.b": "1", "c:d e": "2"})
    made = account.create_snapshot(request)
    assert (made.state, made.ready, made.progress) == (SnapshotState.CREATING, False, None)
    assert (made.name, made.description, made.metadata) == ("n", "d", request.metadata)
    assert (made.volume_id, made.volume_exists, made.size_bytes) == (volume.id, True, 10 * GIB)
    assert made.owner is not None
    assert made.owner.is_self
    (sent,) = openstack.asked("POST /snapshots")
    assert sent.json["snapshot"]["volume_id"] == volume.id


@pytest.mark.parametrize("status", ["creating", "error", "maintenance", "deleting", "reverting"])
def test_a_volume_in_a_bad_state_is_a_conflict(
    account: Account, region: Region, status: str
) -> None:
    volume = region.add_volume(status=status)
    error = refused(account.create_snapshot, CreateSnapshot(volume.id))
    assert (error.code, error.is_retryable) == (ErrorCode.CONFLICT, False)
    assert status in error.message
    assert not region.snapshots


@pytest.mark.parametrize("volume_id", [UNKNOWN, "detail", "vol-1", "a.json"])
def test_an_unknown_volume_is_not_found(
    openstack: OpenStack, account: Account, volume_id: str
) -> None:
    for call in (
        lambda: account.create_snapshot(CreateSnapshot(volume_id)),
        lambda: account.get_volume(volume_id),
        lambda: account.delete_volume(volume_id),
    ):
        assert refused(call).code is ErrorCode.NOT_FOUND
    assert all(UNKNOWN in f"{one.path} {one.body!r}" for one in openstack.requests)


def test_what_is_anothers_is_not_found(connect: Connect, snapshot: Snapshot) -> None:
    other = connect(OTHER)
    for call in (
        lambda: other.get_snapshot(snapshot.id),
        lambda: other.delete_snapshot(snapshot.id),
        lambda: other.clone_snapshot(snapshot.id, CloneSnapshot()),
        lambda: other.revert_snapshot(snapshot.id),
        lambda: other.create_snapshot(CreateSnapshot(snapshot.volume_id)),
        lambda: other.get_volume(snapshot.volume_id),
    ):
        assert refused(call).code is ErrorCode.NOT_FOUND
    assert snapshot.status == "available"


def test_who_may_only_read_makes_and_deletes_nothing(
    connect: Connect, region: Region, snapshot: Snapshot
) -> None:
    reader = connect(READER)
    for call in (
        lambda: reader.delete_snapshot(snapshot.id),
        lambda: reader.clone_snapshot(snapshot.id, CloneSnapshot()),
        lambda: reader.revert_snapshot(snapshot.id),
        lambda: reader.create_snapshot(CreateSnapshot(snapshot.volume_id)),
        lambda: reader.create_volume(CreateVolume(GIB)),
    ):
        error = refused(call)
        assert (error.code, error.maybe_done) == (ErrorCode.DENIED, False)
    assert (len(region.snapshots), len(region.volumes), snapshot.status) == (1, 1, "available")


@pytest.mark.parametrize("status", NOT_READY)
def test_what_is_not_available_is_neither_cloned_nor_reverted_to(
    openstack: OpenStack, account: Account, snapshot: Snapshot, status: str
) -> None:
    """Cinder would leave the volume in reverting for ever."""
    snapshot.status = status
    for call in (
        lambda: account.clone_snapshot(snapshot.id, CloneSnapshot()),
        lambda: account.revert_snapshot(snapshot.id),
    ):
        error = refused(call)
        assert (error.code, error.maybe_done) == (ErrorCode.CONFLICT, False)
        assert status in error.message
    assert calls(openstack) == ["GET /snapshots/ID"] * 2
    assert openstack.region().volumes[snapshot.volume_id].status == "available"


def test_a_revert_begins_and_ends(account: Account, region: Region, snapshot: Snapshot) -> None:
    region.held = True
    found = account.revert_snapshot(snapshot.id)
    assert (found.state, found.ready) == (SnapshotState.BUSY, False)
    assert account.get_snapshot(snapshot.id) == found.__class__(
        **{
            **{name: getattr(found, name) for name in found.__slots__},
            "updated": snapshot.updated_at,
        }
    )
    assert account.get_volume(snapshot.volume_id).state is VolumeState.BUSY
    region.held = False
    assert account.get_snapshot(snapshot.id).ready


def test_only_the_latest_is_reverted_to(
    account: Account, region: Region, snapshot: Snapshot
) -> None:
    region.add_snapshot(region.volumes[snapshot.volume_id])
    error = refused(account.revert_snapshot, snapshot.id)
    assert (error.code, "latest" in error.message) == (ErrorCode.CONFLICT, True)


@pytest.mark.parametrize("status", ["in-use", "error", "reverting"])
def test_a_volume_that_is_busy_is_not_set_back(
    account: Account, region: Region, snapshot: Snapshot, status: str
) -> None:
    region.volumes[snapshot.volume_id].status = status
    error = refused(account.revert_snapshot, snapshot.id)
    assert (error.code, error.maybe_done) == (ErrorCode.CONFLICT, False)
    assert region.volumes[snapshot.volume_id].status == status


def test_a_volume_that_has_grown_is_not_set_back(
    account: Account, region: Region, snapshot: Snapshot
) -> None:
    region.volumes[snapshot.volume_id].size += 1
    error = refused(account.revert_snapshot, snapshot.id)
    assert (error.code, error.fields) == (ErrorCode.CONFLICT, {})


@pytest.mark.parametrize(
    ("given", "gib"),
    [({}, 10), ({"size_bytes": 10 * GIB}, 10), ({"size_bytes": 10 * GIB + 1}, 11)],
)
def test_a_clone_is_as_large_as_asked_for_and_never_smaller(
    openstack: OpenStack, account: Account, snapshot: Snapshot, given: Any, gib: int
) -> None:
    made = account.clone_snapshot(snapshot.id, CloneSnapshot("n", "d", media="fake", **given))
    assert (made.size_bytes, made.snapshot_id, made.name) == (gib * GIB, snapshot.id, "n")
    small = CloneSnapshot(size_bytes=10 * GIB - 1)
    openstack.requests.clear()
    assert list(refused(account.clone_snapshot, snapshot.id, small).fields) == ["size_bytes"]
    assert calls(openstack) == ["GET /snapshots/ID"]


@pytest.mark.parametrize(
    ("given", "field"), [({"zone": "nowhere"}, "zone"), ({"media": "tape"}, "media")]
)
def test_a_bad_clone_names_the_field(
    account: Account, region: Region, snapshot: Snapshot, given: Any, field: str
) -> None:
    error = refused(account.clone_snapshot, snapshot.id, CloneSnapshot(**given))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, [field])
    assert len(region.volumes) == 1


def test_a_bad_volume_names_the_field(account: Account, region: Region) -> None:
    error = refused(account.create_volume, CreateVolume(GIB, zone="nowhere"))
    assert list(error.fields) == ["zone"]
    error = refused(account.create_volume, CreateVolume(GIB, description="a\nb"))
    assert list(error.fields) == ["description"]
    assert not region.volumes


@pytest.mark.parametrize("status", ["creating", "deleting", "error_deleting", "updating"])
def test_a_snapshot_in_a_bad_state_is_not_deleted(
    account: Account, snapshot: Snapshot, status: str
) -> None:
    snapshot.status = status
    error = refused(account.delete_snapshot, snapshot.id)
    assert (error.code, error.is_retryable) == (ErrorCode.CONFLICT, False)
    assert snapshot.status == status


def test_a_member_of_a_group_is_shown_and_not_deleted_alone(
    account: Account, snapshot: Snapshot
) -> None:
    snapshot.group_snapshot_id = UNKNOWN
    assert account.get_snapshot(snapshot.id).group_id == UNKNOWN
    error = refused(account.delete_snapshot, snapshot.id)
    assert (error.code, "group" in error.message) == (ErrorCode.CONFLICT, True)


def test_a_deletion_that_fails_is_told_with_its_reason(
    account: Account, region: Region, snapshot: Snapshot
) -> None:
    region.order("delete_snapshot", "error_deleting")
    account.delete_snapshot(snapshot.id)
    found = account.get_snapshot(snapshot.id)
    assert (found.state, found.native_state) == (SnapshotState.ERROR, "error_deleting")
    assert found.state_reason == "delete_failed: delete snapshot:Snapshot failed to delete."
    (listed,) = account.list_snapshots(Query()).items()
    assert listed.state_reason == "delete_failed"


def test_a_volume_with_snapshots_is_not_deleted(
    account: Account, region: Region, snapshot: Snapshot
) -> None:
    error = refused(account.delete_volume, snapshot.volume_id)
    assert (error.code, snapshot.id in error.message) == (ErrorCode.CONFLICT, True)
    assert region.volumes[snapshot.volume_id].status == "available"


def test_a_refusal_that_nothing_explains_stays_one(
    account: Account, openstack: OpenStack, snapshot: Snapshot
) -> None:
    openstack.fail("GET /snapshots/detail", 500, times=10)
    error = refused(account.delete_volume, snapshot.volume_id)
    assert (error.code, snapshot.id in error.message) == (ErrorCode.CONFLICT, False)
    assert "snapshots" in error.message


def test_what_is_deleted_twice_is_not_found(
    account: Account, region: Region, snapshot: Snapshot
) -> None:
    region.held = True
    account.delete_snapshot(snapshot.id)
    assert account.get_snapshot(snapshot.id).state is SnapshotState.DELETING
    assert refused(account.delete_snapshot, snapshot.id).code is ErrorCode.CONFLICT
    region.settle()
    assert refused(account.delete_snapshot, snapshot.id).code is ErrorCode.NOT_FOUND
