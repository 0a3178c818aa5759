from datetime import UTC, datetime, timedelta

import pytest

from gateway.driver import ErrorCode, SnapshotState, StoredKind, Visibility, VolumeState
from tests.local.stores import KIB, MIB, Local, opened, refused


def test_a_snapshot_keeps_the_bytes_of_its_moment(local: Local) -> None:
    volume = local.put("disk.img", b"before" * 1000)
    found = local.whole_snapshot(volume)
    local.put("disk.img", b"after!" * 1000)
    assert local.snapshot_file(found.id).read_bytes() == b"before" * 1000
    clone = local.whole_clone(found.id)
    assert local.volume_file(clone.id).read_bytes() == b"before" * 1000
    assert clone.snapshot_id == found.id


def test_a_clone_is_independent_of_its_snapshot(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img", b"before"))
    clone = local.whole_clone(found.id, name="restored", description="of yesterday")
    local.volume_file(clone.id).write_bytes(b"change")
    assert local.snapshot_file(found.id).read_bytes() == b"before"
    local.delete(found.id)
    assert local.volume_file(clone.id).read_bytes() == b"change"
    shown = local.get_volume(clone.id)
    assert (shown.name, shown.description) == ("restored", "of yesterday")


@pytest.mark.parametrize("size", [0, 1, 511, 512, 4095, 4097, 8 * MIB - 1, 8 * MIB + 1])
def test_an_image_of_any_size_is_copied_whole(local: Local, size: int) -> None:
    content = (bytes(range(1, 252)) * (size // 251 + 1))[:size]
    found = local.whole_snapshot(local.put("disk.img", content))
    assert found.size_bytes == size
    assert local.snapshot_file(found.id).read_bytes() == content
    clone = local.whole_clone(found.id)
    assert clone.size_bytes == size
    assert local.volume_file(clone.id).read_bytes() == content


def test_holes_stay_holes(local: Local) -> None:
    volume = local.put("disk.img", b"head", size=256 * MIB)
    with local.volume_file(volume).open("r+b") as file:
        file.seek(128 * MIB)
        file.write(b"middle")
    found = local.whole_snapshot(volume)
    assert found.size_bytes == 256 * MIB
    assert found.stored_bytes is not None
    assert 0 < found.stored_bytes < MIB
    with local.snapshot_file(found.id).open("rb") as copy:
        assert copy.read(8) == b"head\0\0\0\0"
        copy.seek(128 * MIB)
        assert copy.read(8) == b"middle\0\0"
    clone = local.whole_clone(found.id)
    assert clone.stored_bytes is not None
    assert clone.stored_bytes < MIB


def test_an_image_of_nothing_but_a_hole_takes_no_room(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img", b"", size=64 * MIB))
    assert (found.size_bytes, found.stored_bytes) == (64 * MIB, 0)


def test_zeros_that_are_written_are_copied_and_holes_beside_them_are_kept(local: Local) -> None:
    volume = local.put("disk.img", b"\0" * MIB + b"x", size=16 * MIB)
    found = local.whole_snapshot(volume)
    copy = local.snapshot_file(found.id)
    assert copy.read_bytes() == b"\0" * MIB + b"x" + b"\0" * (15 * MIB - 1)
    assert found.stored_bytes == copy.stat().st_blocks * 512
    assert found.stored_bytes <= local.volume_file(volume).stat().st_blocks * 512 + 64 * KIB


def test_a_clone_can_be_larger_with_zeros_behind(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img", b"abc"))
    clone = local.whole_clone(found.id, size_bytes=10_001)
    assert clone.size_bytes == 10_001
    assert local.volume_file(clone.id).read_bytes() == b"abc" + b"\0" * 9998


def test_a_clone_of_an_empty_snapshot_can_be_larger(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img", b""))
    clone = local.whole_clone(found.id, size_bytes=5)
    assert local.volume_file(clone.id).read_bytes() == b"\0" * 5


def test_a_clone_cannot_be_smaller(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img", b"abc"))
    with refused(ErrorCode.INVALID, "size_bytes: at least 3"):
        local.clone(found.id, size_bytes=2)
    assert local.files("volumes") == ["disk.img"]


def test_a_new_volume_is_all_zeros_and_takes_no_room(local: Local) -> None:
    volume = local.make_volume(3 * MIB + 1, name="data")
    assert volume.state is VolumeState.AVAILABLE
    assert (volume.size_bytes, volume.stored_bytes, volume.name) == (3 * MIB + 1, 0, "data")
    assert local.volume_file(volume.id).read_bytes() == b"\0" * (3 * MIB + 1)


def test_a_snapshot_tells_its_facts(local: Local) -> None:
    begin = datetime.now(UTC) - timedelta(seconds=1)
    volume = local.put("disk.img", b"x" * 5000)
    found = local.whole_snapshot(volume, name="n", description="d", metadata={"k": "v"})
    assert (found.name, found.description, found.metadata) == ("n", "d", {"k": "v"})
    assert (found.volume_id, found.volume_exists) == (volume, True)
    assert found.size_bytes == 5000
    assert found.stored_bytes == local.snapshot_file(found.id).stat().st_blocks * 512
    assert found.stored_kind is StoredKind.FULL
    assert (found.ready, found.progress, found.state_reason) == (True, 100, None)
    assert found.owner is not None
    assert (found.owner.id, found.owner.is_self) == ("demo", True)
    assert found.visibility is Visibility.PRIVATE
    assert found.created is not None
    assert found.completed is not None
    assert begin <= found.created <= found.completed <= datetime.now(UTC)
    assert found.created.utcoffset() == timedelta(0)


def test_a_copy_is_creating_with_progress_until_it_is_available(local: Local) -> None:
    with opened(local.path, copy_bytes_per_s=192 * KIB) as slow:
        volume = slow.put("disk.img", b"x" * 256 * KIB)
        found = slow.snapshot(volume)
        assert (found.state, found.ready) == (SnapshotState.CREATING, False)
        assert found.stored_bytes is None
        assert slow.files() == [f".snapgate-{found.id}.partial"]
        seen = set()
        while found.state is SnapshotState.CREATING:
            seen.add(found.progress)
            found = slow.get(found.id)
        assert found.state is SnapshotState.AVAILABLE, found
        assert any(progress is not None and 0 < progress < 100 for progress in seen), seen
        assert found.progress == 100


def test_deletion_removes_the_file_and_the_facts(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img"))
    local.delete(found.id)
    assert local.files() == []
    with refused(ErrorCode.NOT_FOUND, found.id):
        local.get(found.id)
    with refused(ErrorCode.NOT_FOUND, found.id):
        local.delete(found.id)


def test_deleting_a_volume_removes_its_file_and_keeps_its_snapshots(local: Local) -> None:
    for volume in (local.put("by hand.img", b"same"), local.make_volume(4).id):
        found = local.whole_snapshot(volume)
        local.delete_volume(volume)
        assert not local.volume_file(volume).exists()
        with refused(ErrorCode.NOT_FOUND, volume):
            local.get_volume(volume)
        shown = local.get(found.id)
        assert (shown.state, shown.volume_exists) == (SnapshotState.AVAILABLE, False)
        assert local.whole_clone(found.id).size_bytes == 4


def test_a_snapshot_whose_file_is_gone_is_in_error_and_can_be_deleted(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img"))
    local.snapshot_file(found.id).unlink()
    shown = local.get(found.id)
    assert (shown.state, shown.ready, shown.stored_bytes) == (SnapshotState.ERROR, False, None)
    assert shown.state_reason is not None
    assert "missing" in shown.state_reason
    with refused(ErrorCode.NOT_FOUND, "gone"):
        local.clone(found.id)
    assert local.files("volumes") == ["disk.img"]
    local.delete(found.id)
    assert local.snapshots() == []
