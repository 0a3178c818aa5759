"""New volumes, from snapshots and empty: where they go, how large they are, when they cannot be."""

from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import CloneSnapshot, CreateVolume, ErrorCode, VolumeState
from tests.ec2.simulated.tools import FOREIGN, GIB, Connect, forms, refused, tags, users
from tests.simulators.ec2 import ACCOUNT_ID, Simulator
from tests.simulators.ec2_state import Region, Snapshot

SIZES = [(None, 10), (10 * GIB, 10), (10 * GIB + 1, 11), (12 * GIB, 12)]


@pytest.fixture
def source(region: Region) -> Snapshot:
    """A snapshot of a volume in zone b."""
    volume = region.add_volume(size=10, availability_zone="eu-west-1b")
    return region.add_snapshot(volume_id=volume.id, volume_size=10, tags={"Name": "source"})


def test_a_clone_is_a_new_volume_of_the_snapshot(
    simulator: Simulator, account: Account, region: Region, source: Snapshot
) -> None:
    made = account.clone_snapshot(source.id, CloneSnapshot("n", "d", media="gp3"))
    assert (made.snapshot_id, made.name, made.description) == (source.id, "n", "d")
    assert (made.state, made.size_bytes) == (VolumeState.CREATING, 10 * GIB)
    (form,) = forms(simulator, "CreateVolume")
    assert tags(form) == {"Name": "n", "description": "d"}
    assert simulator.count("CreateTags") == 0
    assert region.volumes[made.id].volume_type == "gp3"
    simulator.settings.clock.advance(5)
    assert account.get_volume(made.id).state is VolumeState.AVAILABLE


@pytest.mark.parametrize(
    ("asked", "option", "has_volume", "zone"),
    [
        ("eu-west-1c", "eu-west-1a", True, "eu-west-1c"),
        (None, "eu-west-1a", True, "eu-west-1b"),
        (None, "eu-west-1a", False, "eu-west-1a"),
        (None, None, True, "eu-west-1b"),
        (None, None, False, None),
    ],
)
def test_the_zone_is_the_callers_else_the_volumes_else_the_options(
    connect: Connect,
    region: Region,
    source: Snapshot,
    *,
    asked: str | None,
    option: str | None,
    has_volume: bool,
    zone: str | None,
) -> None:
    if not has_volume:
        region.volumes.clear()
    account = connect(**({"default_zone": option} if option else {}))
    if zone is None:
        error = refused(account.clone_snapshot, source.id, CloneSnapshot(zone=asked))
        assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["zone"])
        assert not region.volumes
    else:
        assert account.clone_snapshot(source.id, CloneSnapshot(zone=asked)).zone == zone


def test_a_copy_has_no_volume_to_take_the_zone_from(
    simulator: Simulator, account: Account, region: Region
) -> None:
    copied = region.add_snapshot(volume_id="vol-ffffffff")
    error = refused(account.clone_snapshot, copied.id, CloneSnapshot())
    assert list(error.fields) == ["zone"]
    assert simulator.count("DescribeVolumes") == 0


@pytest.mark.parametrize(("size", "gib"), SIZES)
def test_a_clone_can_be_larger(
    account: Account, source: Snapshot, size: int | None, gib: int
) -> None:
    made = account.clone_snapshot(source.id, CloneSnapshot(size_bytes=size))
    assert made.size_bytes == gib * GIB


@pytest.mark.parametrize("size", [1, 9 * GIB, 10 * GIB - 1])
def test_a_clone_cannot_be_smaller(
    simulator: Simulator, account: Account, source: Snapshot, size: int
) -> None:
    error = refused(account.clone_snapshot, source.id, CloneSnapshot(size_bytes=size))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["size_bytes"])
    assert str(10 * GIB) in error.message
    assert simulator.count("CreateVolume") == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"zone": "eu-west-1z"}, "zone"),
        ({"zone": "nowhere"}, "zone"),
        ({"media": "tape"}, "media"),
        ({"size_bytes": 99_999 * GIB}, "size_bytes"),
        ({"media": "st1"}, "size_bytes"),
        ({"media": "io2"}, None),
    ],
)
def test_what_ec2_refuses_names_our_field(
    account: Account, region: Region, source: Snapshot, given: Any, field: str | None
) -> None:
    error = refused(account.clone_snapshot, source.id, CloneSnapshot(**given))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, [field] if field else [])
    assert len(region.volumes) == 1


@pytest.mark.parametrize(
    ("fields", "state", "when"),
    [
        ({"state": "pending"}, "creating", "once it is available"),
        ({"state": "error"}, "error", "only while it is available"),
        ({"state": "recoverable"}, "recycled", "from the recycle bin"),
        ({"state": "recovering"}, "busy", "once it is available"),
        ({"storage_tier": "archive"}, "archived", "from the archive tier"),
        ({"state": "news"}, "unknown", "only while it is available"),
    ],
)
def test_a_snapshot_that_is_not_ready_is_a_conflict_that_says_when(
    simulator: Simulator, account: Account, fields: dict[str, str], state: str, when: str
) -> None:
    region = simulator.region("eu-west-1")
    source = region.add_snapshot(**fields)
    error = refused(account.clone_snapshot, source.id, CloneSnapshot(zone="eu-west-1a"))
    assert error.code is ErrorCode.CONFLICT
    assert all(word in error.message for word in (source.id, state, when))
    assert simulator.count("CreateVolume") == 0
    assert not region.volumes


def test_a_snapshot_that_changes_meanwhile_is_a_conflict_too(
    simulator: Simulator, account: Account, region: Region, source: Snapshot
) -> None:
    simulator.fail("CreateVolume", "IncorrectState", 400)
    error = refused(account.clone_snapshot, source.id, CloneSnapshot())
    assert (error.code, error.backend_code) == (ErrorCode.CONFLICT, "IncorrectState")


@pytest.mark.parametrize("snapshot_id", ["snap-0123456789abcdef0", "snap-x", "nonsense", "*"])
def test_what_is_not_there_cannot_be_cloned(account: Account, snapshot_id: str) -> None:
    error = refused(account.clone_snapshot, snapshot_id, CloneSnapshot(zone="eu-west-1a"))
    assert error.code is ErrorCode.NOT_FOUND


def test_a_shared_snapshot_can_be_cloned(account: Account, region: Region) -> None:
    shared = region.add_snapshot(owner_id=FOREIGN, shared_with={ACCOUNT_ID})
    made = account.clone_snapshot(shared.id, CloneSnapshot(zone="eu-west-1a"))
    assert made.snapshot_id == shared.id


@pytest.mark.parametrize(("size", "gib"), [(1, 1), (GIB, 1), (GIB + 1, 2)])
def test_an_empty_volume_has_whole_gib(
    account: Account, region: Region, size: int, gib: int
) -> None:
    made = account.create_volume(CreateVolume(size, "n", "d", zone="eu-west-1c"))
    assert (made.size_bytes, made.zone, made.snapshot_id) == (gib * GIB, "eu-west-1c", None)
    assert users(region.volumes[made.id].tags) == {"Name": "n", "description": "d"}


def test_an_empty_volume_needs_a_zone_from_somewhere(
    simulator: Simulator, connect: Connect, region: Region
) -> None:
    error = refused(connect().create_volume, CreateVolume(GIB))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["zone"])
    assert not simulator.calls
    assert connect(default_zone="eu-west-1a").create_volume(CreateVolume(GIB)).zone == "eu-west-1a"


def test_the_quota_of_volumes_is_a_quota(simulator: Simulator, account: Account) -> None:
    simulator.fail("CreateVolume", "VolumeLimitExceeded", 400)
    error = refused(account.create_volume, CreateVolume(GIB, zone="eu-west-1a"))
    assert (error.code, error.retry_after_s) == (ErrorCode.QUOTA, None)
