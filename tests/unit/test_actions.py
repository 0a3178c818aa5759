import pytest

from gateway.core.actions import snapshot_actions, volume_actions
from gateway.driver import METHODS, Capability, SnapshotState, StorageVolume, VolumeState
from tests.unit.fakes import snapshot

ALL = Capability(sum(flag.value for flag in METHODS))
NOTHING = Capability(0)


@pytest.mark.parametrize(
    ("state", "ready", "expected"),
    [
        (SnapshotState.AVAILABLE, True, ["clone", "copy", "revert", "update", "delete"]),
        (SnapshotState.AVAILABLE, False, ["update", "delete"]),
        (SnapshotState.CREATING, False, ["update"]),
        (SnapshotState.BUSY, False, ["update"]),
        (SnapshotState.ARCHIVED, False, ["update", "delete"]),
        (SnapshotState.RECYCLED, False, ["update"]),
        (SnapshotState.ERROR, False, ["update", "delete"]),
        (SnapshotState.UNKNOWN, False, ["update", "delete"]),
        (SnapshotState.UNKNOWN, True, ["clone", "copy", "revert", "update", "delete"]),
        (SnapshotState.DELETING, False, []),
    ],
)
def test_a_snapshot_offers_what_its_state_permits(
    state: SnapshotState, ready: bool, expected: list[str]
) -> None:
    found = snapshot_actions(snapshot("s", state=state, ready=ready), ALL)
    assert [action.rel for action in found] == expected


@pytest.mark.parametrize(
    ("capability", "method", "path"),
    [
        (Capability.SNAPSHOT_CLONE, "post", "/clone"),
        (Capability.SNAPSHOT_COPY, "post", "/copy"),
        (Capability.SNAPSHOT_REVERT, "post", "/revert"),
        (Capability.SNAPSHOT_UPDATE, "patch", ""),
        (Capability.SNAPSHOT_DELETE, "delete", ""),
    ],
)
def test_a_snapshot_offers_only_what_the_driver_can_do(
    capability: Capability, method: str, path: str
) -> None:
    assert snapshot_actions(snapshot("s"), NOTHING) == ()
    assert len(snapshot_actions(snapshot("s"), ALL & ~capability)) == 4
    (only,) = snapshot_actions(snapshot("s"), capability)
    assert (only.method, only.path) == (method, path)


def test_what_the_backend_will_not_delete_is_not_offered_for_it() -> None:
    found = snapshot_actions(snapshot("s", deletable=False), ALL)
    assert [action.rel for action in found] == ["clone", "copy", "revert", "update"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (VolumeState.AVAILABLE, ["delete"]),
        (VolumeState.ERROR, ["delete"]),
        (VolumeState.UNKNOWN, ["delete"]),
        (VolumeState.CREATING, []),
        (VolumeState.IN_USE, []),
        (VolumeState.BUSY, []),
        (VolumeState.DELETING, []),
    ],
)
def test_a_volume_can_be_deleted_when_nothing_uses_it(
    state: VolumeState, expected: list[str]
) -> None:
    volume = StorageVolume("v", state, state.value)
    assert [action.rel for action in volume_actions(volume, ALL)] == expected
    assert volume_actions(volume, ALL & ~Capability.VOLUME_DELETE) == ()
