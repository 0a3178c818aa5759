"""What the disk refuses is not done, and is not done later either."""

import os
from typing import Any

import pytest

from gateway.driver import ErrorCode, SnapshotState, UpdateSnapshot, VolumeState
from tests.local.stores import Local, deadline, execute, refused


def _refuse(*_: Any) -> Any:
    raise PermissionError(13, "Permission denied")


@pytest.fixture
def snapshot_id(local: Local) -> str:
    return local.whole_snapshot(local.put("disk.img"), name="kept").id


def test_a_snapshot_that_cannot_be_deleted_stays_as_it_was(
    local: Local, snapshot_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = local.get(snapshot_id)
    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", _refuse)
        with refused(ErrorCode.DENIED):
            local.delete(snapshot_id)
    local.store.jobs.recover()
    assert local.get(snapshot_id) == before
    local.delete(snapshot_id)
    assert local.snapshots() == []


def test_a_failed_snapshot_that_cannot_be_deleted_stays_failed(
    local: Local, snapshot_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(local.path, "UPDATE disks SET state = 'error' WHERE id = ?", snapshot_id)
    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", _refuse)
        with refused(ErrorCode.DENIED):
            local.delete(snapshot_id)
    assert local.get(snapshot_id).state is SnapshotState.ERROR


def test_a_volume_that_cannot_be_deleted_stays_as_it_was(
    local: Local, snapshot_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = local.whole_clone(snapshot_id)
    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", _refuse)
        with refused(ErrorCode.DENIED):
            local.delete_volume(clone.id)
    local.store.jobs.recover()
    assert local.get_volume(clone.id) == clone


def test_a_snapshot_that_cannot_be_shown_is_not_changed(
    local: Local, snapshot_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "lstat", _refuse)
        with refused(ErrorCode.DENIED):
            local.driver.update_snapshot(
                snapshot_id, UpdateSnapshot(name="changed"), deadline=deadline()
            )
    assert local.get(snapshot_id).name == "kept"


def test_what_a_later_version_writes_is_unknown(local: Local, snapshot_id: str) -> None:
    clone = local.whole_clone(snapshot_id)
    for disk_id in (snapshot_id, clone.id):
        execute(local.path, "UPDATE disks SET state = 'archived-twice' WHERE id = ?", disk_id)
    found, volume = local.get(snapshot_id), local.get_volume(clone.id)
    assert (found.state, found.native_state) == (SnapshotState.UNKNOWN, "archived-twice")
    assert not found.ready
    assert (volume.state, volume.native_state) == (VolumeState.UNKNOWN, "archived-twice")
