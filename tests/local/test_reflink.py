import errno
import fcntl
import os
from pathlib import Path

import pytest

from drivers.local import images
from drivers.local.jobs import Jobs
from gateway.driver import ErrorCode, SnapshotState, VolumeState
from tests.local.disks import file_system
from tests.local.stores import MIB, Local, opened, refused


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let FICLONE seem to work, and a copier be a bug."""

    def clone(target: int, request: int, source: int) -> int:
        assert request == images.FICLONE
        size = os.fstat(source).st_size
        os.pwrite(target, os.pread(source, size, 0), 0)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", clone)
    monkeypatch.setattr(Jobs, "start", lambda *_: pytest.fail("a copier was started"))


@pytest.mark.usefixtures("pretended")
def test_with_reflinks_a_snapshot_and_a_clone_are_available_at_once(local: Local) -> None:
    found = local.snapshot(local.put("disk.img", b"content"))
    assert (found.state, found.ready, found.progress) == (SnapshotState.AVAILABLE, True, 100)
    assert found.completed is not None
    assert local.files() == [found.id]
    clone = local.clone(found.id, size_bytes=10)
    assert (clone.state, clone.size_bytes) == (VolumeState.AVAILABLE, 10)
    assert local.volume_file(clone.id).read_bytes() == b"content\0\0\0"
    assert local.files("volumes") == sorted(["disk.img", clone.id])


@pytest.mark.usefixtures("pretended")
def test_reflinks_leak_no_files(local: Local) -> None:
    volume = local.put("disk.img")
    local.clone(local.snapshot(volume).id)
    assert local.open_images() == []


@pytest.mark.parametrize(
    "number", [errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS]
)
def test_without_reflinks_the_bytes_are_copied(
    local: Local, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    found = local.whole_snapshot(local.put("disk.img", b"content"))
    assert local.snapshot_file(found.id).read_bytes() == b"content"


def test_a_reflink_that_fails_is_refused_and_leaves_nothing(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> int:
        raise OSError(errno.ENOSPC, "full")

    volume = local.put("disk.img")
    monkeypatch.setattr(fcntl, "ioctl", fail)
    with refused(ErrorCode.QUOTA, "no space left"):
        local.snapshot(volume)
    assert (local.files(), local.snapshots()) == ([], [])
    assert local.open_images() == []


def test_the_request_number_is_that_of_the_kernel() -> None:
    assert images.FICLONE == 1 << 30 | 4 << 16 | 0x94 << 8 | 9  # _IOW(0x94, 9, int)


@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_a_file_system_with_reflinks_shares_the_blocks(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "start", lambda *_: pytest.fail("a copier was started"))
    content = os.urandom(MIB) * 32
    with file_system(kind, tmp_path) as where, opened(where / "store") as local:
        volume = local.put("disk.img", content, size=128 * MIB + 5)
        os.sync()
        free = _free_bytes(where)
        found = local.snapshot(volume)
        assert found.state is SnapshotState.AVAILABLE
        clone = local.clone(found.id, size_bytes=200 * MIB)
        os.sync()
        assert free - _free_bytes(where) < 16 * MIB
        with local.volume_file(volume).open("r+b") as file:
            file.write(b"changed")
        for copy in (local.snapshot_file(found.id), local.volume_file(clone.id)):
            with copy.open("rb") as shared:
                assert shared.read(len(content)) == content
        assert local.snapshot_file(found.id).stat().st_size == 128 * MIB + 5
        assert local.volume_file(clone.id).stat().st_size == 200 * MIB
        assert found.stored_bytes is not None
        assert 32 * MIB <= found.stored_bytes < 64 * MIB


def _free_bytes(where: Path) -> int:
    facts = os.statvfs(where)
    return facts.f_bavail * facts.f_bsize
