"""Volumes are drives: made, rounded, listed, and deleted with their local snapshots."""

from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import CreateVolume, ErrorCode, Owner, Query, VolumeState
from tests.cloudsigma.simulated.tools import (
    GIB,
    asked_for,
    calls,
    ids,
    listed,
    refused,
    where,
)
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import USER_ID, Drive, RemoteSnapshot, Snapshot

DRIVES = "GET /drives/detail/"


def test_what_is_known_of_a_volume(cloud: CloudSigma, account: Account, drive: Drive) -> None:
    drive.meta = {"description": "d", "k": "v"}
    found = account.get_volume(drive.uuid)
    assert (found.name, found.description, found.metadata) == ("data", "d", {"k": "v"})
    assert (found.state, found.native_state, found.size_bytes) == (
        VolumeState.AVAILABLE,
        "unmounted",
        10 * GIB,
    )
    assert (found.owner, found.progress, found.created) == (Owner(USER_ID, True), None, None)
    assert calls(cloud) == ["GET /drives/ID/"]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("creating", "creating"),
        ("cloning_dst", "creating"),
        ("unmounted", "available"),
        ("mounted", "in-use"),
        ("cloning_src", "busy"),
        ("copying", "busy"),
        ("resizing", "busy"),
        ("staging", "busy"),
        ("unavailable", "busy"),
        ("uploading", "busy"),
        ("of tomorrow", "unknown"),
    ],
)
def test_states_of_volumes(account: Account, drive: Drive, status: str, state: str) -> None:
    drive.status = status
    found = account.get_volume(drive.uuid)
    assert (found.state.value, found.native_state) == (state, status)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("creating", "creating"),
        ("transferring", "creating"),
        ("cloning_dst", "creating"),
        ("available", "available"),
        ("unavailable", "error"),
        ("deleting", "unknown"),
        ("", "unknown"),
    ],
)
def test_states_of_snapshots(
    account: Account, local: Snapshot, remote: RemoteSnapshot, status: str, state: str
) -> None:
    local.status = remote.status = status
    for one in (local, remote):
        found = account.get_snapshot(one.uuid)
        assert (found.state.value, found.native_state) == (state, status)
        assert found.ready is (status == "available")
    assert listed(account, where(state=state)) == {local.uuid, remote.uuid}


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        (1207959631, 1207975936),
        (GIB, GIB),
        (GIB + 1, GIB + 16384),
        (GIB - 1, GIB),
    ],
)
def test_a_new_volume_is_rounded_up(
    cloud: CloudSigma, account: Account, asked: int, size: int
) -> None:
    cloud.hold()
    made = account.create_volume(CreateVolume(asked, "n", "d"))
    assert (made.size_bytes, made.name, made.description) == (size, "n", "d")
    assert (made.state, made.native_state) == (VolumeState.CREATING, "creating")
    cloud.settle()
    cloud.hold(held=False)
    assert account.get_volume(made.id).state is VolumeState.AVAILABLE
    assert cloud.drives[made.id].media == "disk"


def test_a_volume_without_a_name_has_one_all_the_same(cloud: CloudSigma, account: Account) -> None:
    assert account.create_volume(CreateVolume(GIB)).name
    (asked,) = cloud.asked("POST *")
    assert asked.json["objects"][0].keys() == {"name", "media", "size", "meta"}


@pytest.mark.parametrize("size", [1, 1 << 60])
def test_a_size_that_cannot_be_names_the_field(
    cloud: CloudSigma, account: Account, size: int
) -> None:
    error = refused(account.create_volume, CreateVolume(size))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["size_bytes"])
    assert not cloud.drives


def test_without_funds_it_is_a_quota(cloud: CloudSigma, account: Account) -> None:
    cloud.account().has_funds = False
    error = refused(account.create_volume, CreateVolume(GIB))
    assert (error.code, error.is_retryable, error.maybe_done) == (ErrorCode.QUOTA, False, False)


def test_a_deleted_volume_takes_its_local_snapshots_along(
    cloud: CloudSigma,
    account: Account,
    drive: Drive,
    *,
    local: Snapshot,
    remote: RemoteSnapshot,
) -> None:
    assert set(ids(account.snapshots_of(drive.uuid))) == {local.uuid, remote.uuid}
    account.delete_volume(drive.uuid)
    assert refused(account.get_volume, drive.uuid).code is ErrorCode.NOT_FOUND
    assert refused(account.delete_volume, drive.uuid).code is ErrorCode.NOT_FOUND
    assert refused(account.get_snapshot, local.uuid).code is ErrorCode.NOT_FOUND
    found = account.get_snapshot(remote.uuid)
    assert (found.size_bytes, found.volume_id, found.volume_exists) == (
        10 * GIB,
        drive.uuid,
        None,
    )
    assert listed(account, where(volume_id=drive.uuid)) == {remote.uuid}


def test_a_volume_of_a_running_server_is_not_deleted(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    cloud.add_server(drive, status="running")
    assert account.get_volume(drive.uuid).state is VolumeState.IN_USE
    error = refused(account.delete_volume, drive.uuid)
    assert error.code in (ErrorCode.CONFLICT, ErrorCode.DENIED)
    assert drive.uuid in cloud.drives


def test_volumes_are_filtered(cloud: CloudSigma, account: Account, drive: Drive) -> None:
    other = cloud.add_drive(name="a,b")
    for conditions, sent, expected in (
        ({}, {}, {drive.uuid, other.uuid}),
        ({"name": "data"}, {"name": "data"}, {drive.uuid}),
        ({"name": "a,b"}, {"name": "a\\,b"}, {other.uuid}),
        ({"state": "in-use"}, {}, set()),
    ):
        assert set(ids(account.list_volumes(where(**conditions)))) == expected
        (asked,) = cloud.asked(DRIVES)
        assert asked_for(asked) == {**sent, "limit": "1000", "offset": "0"}
        cloud.requests.clear()
    assert ids(account.list_volumes(where(id=drive.uuid))) == [drive.uuid]
    assert ids(account.list_volumes(where(id="no id"))) == []
    assert calls(cloud) == ["GET /drives/ID/"]


@pytest.mark.parametrize("order", ["moving", "reshuffled"])
def test_volumes_come_by_id(cloud: CloudSigma, account: Account, order: Any) -> None:
    cloud.settings.order = order
    made = [cloud.add_drive(name="n").uuid for _ in range(30)]
    assert ids(account.list_volumes(Query())) == sorted(made)
