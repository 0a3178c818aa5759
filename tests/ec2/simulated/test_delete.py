"""What may be deleted, and what a refusal says."""

import pytest

from gateway.core.snapshots import Account
from gateway.driver import CreateSnapshot, ErrorCode
from tests.ec2.simulated.tools import FOREIGN, listed, refused
from tests.simulators.ec2 import ACCOUNT_ID, Simulator
from tests.simulators.ec2_state import Region, Volume

NOWHERE = ["0123456789abcdef0", "01234567", "xyz", "", "0123456789abcdef00", "*"]
NO_IDS = ["nonsense", "ami-01234567", "*"]


def test_a_snapshot_is_deleted_once(simulator: Simulator, account: Account, region: Region) -> None:
    doomed, kept = region.add_snapshot().id, region.add_snapshot().id
    account.delete_snapshot(doomed)
    assert listed(account) == {kept}
    error = refused(account.delete_snapshot, doomed)
    assert error.code is ErrorCode.NOT_FOUND
    assert doomed in error.message
    assert refused(account.get_snapshot, doomed).code is ErrorCode.NOT_FOUND


def test_a_pending_snapshot_can_be_deleted(account: Account, volume: Volume) -> None:
    made = account.create_snapshot(CreateSnapshot(volume.id))
    account.delete_snapshot(made.id)
    assert listed(account) == set()


@pytest.mark.parametrize("state", ["error", "pending", "completed"])
def test_a_snapshot_in_any_state_can_be_deleted(
    account: Account, region: Region, state: str
) -> None:
    account.delete_snapshot(region.add_snapshot(state=state).id)
    assert not region.snapshots


def test_a_snapshot_of_an_image_is_a_conflict(account: Account, region: Region) -> None:
    used = region.add_snapshot(in_use_by="ami-0123456789abcdef0")
    error = refused(account.delete_snapshot, used.id)
    assert (error.code, error.backend_code) == (ErrorCode.CONFLICT, "InvalidSnapshot.InUse")
    assert "by an image (AMI) 'ami-0123456789abcdef0'; deregister" in error.message
    assert used.id in region.snapshots


@pytest.mark.parametrize("fields", [{"public": True}, {"shared_with": {ACCOUNT_ID}}])
def test_a_foreign_snapshot_is_denied(
    account: Account, region: Region, fields: dict[str, object]
) -> None:
    foreign = region.add_snapshot(owner_id=FOREIGN, **fields)
    assert refused(account.delete_snapshot, foreign.id).code is ErrorCode.DENIED
    assert foreign.id in region.snapshots


def test_a_foreign_snapshot_that_nobody_shares_is_not_there(
    account: Account, region: Region
) -> None:
    foreign = region.add_snapshot(owner_id=FOREIGN)
    for call in (account.get_snapshot, account.delete_snapshot):
        assert refused(call, foreign.id).code is ErrorCode.NOT_FOUND
    assert foreign.id in region.snapshots


@pytest.mark.parametrize("snapshot_id", [*(f"snap-{one}" for one in NOWHERE), *NO_IDS])
def test_an_id_that_is_not_there_is_not_found(account: Account, snapshot_id: str) -> None:
    for call in (account.get_snapshot, account.delete_snapshot):
        assert refused(call, snapshot_id).code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("volume_id", [*(f"vol-{one}" for one in NOWHERE), *NO_IDS])
def test_a_volume_that_is_not_there_is_not_found(account: Account, volume_id: str) -> None:
    for call in (account.get_volume, account.delete_volume):
        assert refused(call, volume_id).code is ErrorCode.NOT_FOUND


def test_a_volume_is_deleted_once(account: Account, region: Region, volume: Volume) -> None:
    account.delete_volume(volume.id)
    assert not region.volumes
    assert refused(account.delete_volume, volume.id).code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"state": "in-use", "attached_to": "i-1"}, "VolumeInUse"),
        ({"state": "creating"}, "IncorrectState"),
    ],
)
def test_a_busy_volume_is_a_conflict(
    account: Account, region: Region, fields: dict[str, str], code: str
) -> None:
    busy = region.add_volume(**fields)
    error = refused(account.delete_volume, busy.id)
    assert (error.code, error.backend_code) == (ErrorCode.CONFLICT, code)
    assert busy.id in region.volumes


def test_a_volume_and_its_snapshots_go_separately(
    account: Account, region: Region, volume: Volume
) -> None:
    orphan = region.add_snapshot(volume_id=volume.id)
    account.delete_volume(volume.id)
    assert account.get_snapshot(orphan.id).volume_id == volume.id
