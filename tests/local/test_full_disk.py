import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.local.images import Partial
from gateway.driver import ConfigurationError, ErrorCode, SnapshotState, VolumeState
from tests.local.disks import file_size_limit, tmpfs
from tests.local.stores import KIB, MIB, Local, opened, refused, wait_for


def test_a_copy_beyond_the_file_size_limit_is_an_error_and_leaves_nothing(local: Local) -> None:
    volume = local.put("disk.img", b"x" * 4096, size=64 * MIB)
    small = local.whole_snapshot(local.put("small.img"))
    with file_size_limit(8 * MIB):
        found = local.settled(local.snapshot(volume).id)
        clone = local.settled_volume(local.clone(small.id, size_bytes=64 * MIB).id)
    for disk in (found, clone):
        assert disk.state == "error"
        assert "larger than the file system or the process may write" in str(disk.state_reason)
    wait_for(lambda: local.files() == [small.id])
    wait_for(lambda: local.files("volumes") == ["disk.img", "small.img"])
    local.delete(found.id)
    local.delete_volume(clone.id)
    assert [v.id for v in local.volumes()] == ["disk.img", "small.img"]
    assert local.whole_snapshot(volume).ready


def test_a_volume_that_is_too_large_is_refused_and_leaves_nothing(local: Local) -> None:
    with file_size_limit(8 * MIB), refused(ErrorCode.INVALID, "larger than the file system"):
        local.make_volume(64 * MIB)
    with refused(ErrorCode.INVALID, "larger than the file system"):
        local.make_volume((1 << 63) - 1)
    assert local.files("volumes") == []
    assert local.volumes() == []


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    with tmpfs(tmp_path / "disk", 4 * MIB) as where:
        yield where


def check_no_space(local: Local, snapshot_id: str) -> None:
    found = local.settled(snapshot_id)
    assert found.state is SnapshotState.ERROR
    assert "no space left" in (found.state_reason or "")
    local.end_copies()
    assert local.files() == []


def test_images_on_a_full_disk_give_an_error_and_leave_nothing(disk: Path, tmp_path: Path) -> None:
    (disk / "store").mkdir()
    url = f"sqlite:///{tmp_path / 'facts.db'}"
    with opened(disk / "store", database=url) as local:
        volume = local.put("disk.img", b"x" * 3 * MIB)
        found = local.snapshot(volume)
        check_no_space(local, found.id)
        local.volume_file(volume).write_bytes(b"x" * MIB)
        assert local.whole_snapshot(volume).ready


def test_images_and_facts_on_one_full_disk_give_an_error_and_leave_nothing(disk: Path) -> None:
    with opened(disk / "store") as local:
        volume = local.put("disk.img", b"x" * 3 * MIB)
        found = local.snapshot(volume)
        check_no_space(local, found.id)


def test_a_clone_on_a_full_disk_gives_an_error_and_leaves_nothing(disk: Path) -> None:
    with opened(disk / "store") as local:
        found = local.whole_snapshot(local.put("disk.img", b"x" * MIB))
        fill(disk, leave=256 * KIB)
        clone = local.settled_volume(local.clone(found.id).id)
        assert clone.state is VolumeState.ERROR
        assert "no space left" in (clone.state_reason or "")
        wait_for(lambda: local.files("volumes") == ["disk.img"])


def test_a_request_on_a_disk_without_any_room_is_refused_and_leaves_nothing(disk: Path) -> None:
    with opened(disk / "store") as local:
        volume = local.put("disk.img", b"x" * MIB)
        filler = fill(disk, leave=0)
        with refused(ErrorCode.QUOTA, "no space left"):
            for _ in range(1000):  # the database's log may have a little room of its own left
                local.settled(local.snapshot(volume).id)
        filler.unlink()
        for found in local.snapshots():
            assert local.settled(found.id).state is SnapshotState.ERROR
            local.delete(found.id)
        wait_for(lambda: local.files() == [])
        assert local.whole_snapshot(volume).ready


def test_a_store_on_a_full_disk_opens_or_says_that_it_cannot(disk: Path) -> None:
    with opened(disk / "store") as local:
        found = local.whole_snapshot(local.put("disk.img"))
    filler = fill(disk, leave=0)
    with contextlib.suppress(ConfigurationError), opened(disk / "store") as local:
        assert local.get(found.id).ready
    filler.unlink()
    with opened(disk / "store") as local:
        assert local.get(found.id).ready


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ErrorCode.QUOTA),
        (errno.EDQUOT, ErrorCode.QUOTA),
        (errno.EIO, ErrorCode.BACKEND),
        (errno.EROFS, ErrorCode.DENIED),
    ],
    ids=str,
)
def test_a_failure_at_the_very_end_leaves_nothing(
    local: Local, monkeypatch: pytest.MonkeyPatch, number: int, code: ErrorCode
) -> None:
    def fail(_: Partial) -> os.stat_result:
        raise OSError(number, os.strerror(number))

    volume = local.put("disk.img")
    monkeypatch.setattr(Partial, "finish", fail)
    with refused(code):
        local.make_volume(5)
    found = local.settled(local.snapshot(volume).id)
    assert found.state is SnapshotState.ERROR
    assert found.state_reason
    wait_for(lambda: local.files() == [])
    assert local.files("volumes") == [volume]
    assert [v.id for v in local.volumes()] == [volume]


def fill(disk: Path, leave: int) -> Path:
    """Fill a disk up to some bytes with one file, and return that."""
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
    with filler.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, free - leave)
    return filler
