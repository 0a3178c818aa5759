import mmap
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.local.images import is_open_for_writing, settled_stamp, stamp
from gateway.driver import ErrorCode, SnapshotState, VolumeState
from tests.local.stores import KIB, Local, refused, wait_for

CONTENT = b"before! " * (8 * KIB)  # 64 KiB


def check_failed(local: Local, snapshot_id: str, words: str) -> None:
    """Check that a snapshot failed for this reason and that nothing is left of it."""
    found = local.settled(snapshot_id)
    assert (found.state, found.ready, found.completed) == (SnapshotState.ERROR, False, None)
    assert words in (found.state_reason or ""), found
    local.end_copies()  # the record comes before the removal
    assert local.files() == []
    assert found.stored_bytes is None
    with refused(ErrorCode.CONFLICT, "is error"):
        local.clone(snapshot_id)
    local.delete(snapshot_id)
    assert local.snapshots() == []


def _write(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"changed!")


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _touch_the_end(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")


@pytest.mark.parametrize("change", [_write, _append, _touch_the_end])
def test_a_volume_written_right_after_the_request_gives_an_error_with_the_reason(
    slow: Local, change: Callable[[Path], None]
) -> None:
    volume = slow.put("disk.img", CONTENT)
    found = slow.snapshot(volume)
    change(slow.volume_file(volume))
    check_failed(slow, found.id, "written to while it was copied")


def test_a_volume_written_in_mid_copy_gives_an_error_with_the_reason(slow: Local) -> None:
    volume = slow.put("disk.img", CONTENT)
    found = slow.snapshot(volume)
    partial = slow.path / "snapshots" / f".snapgate-{found.id}.partial"
    wait_for(lambda: partial.stat().st_blocks)
    _write(slow.volume_file(volume))
    check_failed(slow, found.id, "written to while it was copied")


def test_a_volume_written_through_memory_gives_an_error_with_the_reason(slow: Local) -> None:
    volume = slow.put("disk.img", CONTENT)
    with (
        slow.volume_file(volume).open("r+b") as file,
        mmap.mmap(file.fileno(), len(CONTENT)) as memory,
    ):
        memory[0] = 1
        before = settled_stamp(file.fileno())
        os.fdatasync(file.fileno())
        memory[1] = 1
        if settled_stamp(file.fileno()) == before:
            pytest.skip("this file system does not tell of such writes (tmpfs)")
        found = slow.snapshot(volume)
        memory[2] = 1  # its page is dirty: unnoted, unless the page was cleaned before the copy
        check_failed(slow, found.id, "written to while it was copied")


def test_a_volume_that_shrinks_gives_an_error_with_the_reason(slow: Local) -> None:
    volume = slow.put("disk.img", CONTENT)
    found = slow.snapshot(volume)
    partial = slow.path / "snapshots" / f".snapgate-{found.id}.partial"
    wait_for(lambda: partial.stat().st_blocks)
    os.truncate(slow.volume_file(volume), 5000)
    check_failed(slow, found.id, "became shorter while it was copied")


def test_a_write_at_once_never_gets_into_a_snapshot_that_is_available(local: Local) -> None:
    volume = local.put("disk.img", b"0" * 300)
    path = local.volume_file(volume)
    made = []
    for number in range(1, 30):
        content = str(number % 10).encode() * 300
        path.write_bytes(content)
        made.append((local.snapshot(volume).id, content))
        with path.open("r+b") as file:
            file.write(b"changed at once")
    for snapshot_id, content in made:
        if local.settled(snapshot_id).ready:
            assert local.snapshot_file(snapshot_id).read_bytes() == content


def test_a_stamp_is_taken_once_the_files_clock_has_moved_on(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"just written")
    with path.open("rb") as file:
        taken = settled_stamp(file.fileno())
        assert time.time() - path.stat().st_mtime >= 0.02
        assert taken == stamp(file.fileno())
        os.utime(path, (0, time.time() + 3600))  # a clock that was wrong does not hold it up
        assert settled_stamp(file.fileno()) == stamp(file.fileno())


def test_the_stamp_of_a_volume_is_settled_before_its_copy_begins(local: Local) -> None:
    for _ in range(3):
        found = local.snapshot(local.put("disk.img", CONTENT))
        row = local.store.facts.get("snapshot", found.id)
        assert row is not None
        assert row.source_stamp is not None
        written_ns = int(row.source_stamp.rpartition(":")[2])
        assert row.created_ms - written_ns // 1_000_000 >= 20
        local.settled(found.id)


def test_a_stamp_tells_files_apart(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.write_bytes(b"same")
        os.utime(path, (1, 1))
    with one.open("rb") as first, other.open("rb") as second:
        before = stamp(first.fileno())
        assert before != stamp(second.fileno())
        os.truncate(one, 3)
        os.utime(one, (1, 1))
        assert before != stamp(first.fileno())


def test_a_volume_deleted_in_mid_copy_is_copied_whole(slow: Local) -> None:
    volume = slow.put("disk.img", CONTENT)
    found = slow.snapshot(volume)
    slow.delete_volume(volume)
    found = slow.settled(found.id)
    assert (found.state, found.volume_exists) == (SnapshotState.AVAILABLE, False)
    assert slow.snapshot_file(found.id).read_bytes() == CONTENT


def test_a_volume_replaced_in_mid_copy_is_copied_as_it_was(slow: Local) -> None:
    volume = slow.put("disk.img", CONTENT)
    found = slow.snapshot(volume)
    (slow.path / "new").write_bytes(b"other")
    (slow.path / "new").rename(slow.volume_file(volume))
    assert slow.settled(found.id).ready
    assert slow.snapshot_file(found.id).read_bytes() == CONTENT


def test_refuse_keeps_a_volume_with_a_writer_from_being_snapshotted(local: Local) -> None:
    volume = local.put("disk.img")
    with local.volume_file(volume).open("r+b"):
        with refused(ErrorCode.CONFLICT, "open for writing"):
            local.snapshot(volume, in_use="refuse")
        assert (local.files(), local.open_images()) == ([], [str(local.volume_file(volume))])
        assert local.whole_snapshot(volume, in_use="allow").ready
    with local.volume_file(volume).open("rb"):
        assert local.whole_snapshot(volume, in_use="refuse").ready


def test_refuse_sees_the_writer_of_another_process(local: Local) -> None:
    volume = local.put("disk.img")
    hold = "import sys; f = open(sys.argv[1], 'r+b'); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-S", "-c", hold, str(local.volume_file(volume))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        with refused(ErrorCode.CONFLICT, "open for writing"):
            local.snapshot(volume, in_use="refuse")
        with refused(ErrorCode.CONFLICT, "open for writing"):
            local.delete_volume(volume)
    assert local.whole_snapshot(volume, in_use="refuse").ready
    local.delete_volume(volume)
    assert local.volumes() == []


def test_refuse_also_refuses_where_nobody_can_tell(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.local.driver.is_open_for_writing", lambda _fd: None)
    volume = local.put("disk.img")
    with refused(ErrorCode.CONFLICT):
        local.snapshot(volume, in_use="refuse")
    assert local.whole_snapshot(volume).ready


def test_asking_for_writers_kills_nobody_when_one_comes_at_that_moment(tmp_path: Path) -> None:
    # A lease that is broken sends its holder a signal, whose default is to end the process.
    image = tmp_path / "disk.img"
    image.write_bytes(b"x")
    program = (
        "import sys, os\n"
        "from drivers.local.images import is_open_for_writing\n"
        "print('ready', flush=True)\n"
        "for _ in range(20_000):\n"
        "    fd = os.open(sys.argv[1], os.O_RDONLY)\n"
        "    is_open_for_writing(fd)\n"
        "    os.close(fd)\n"
    )
    command = [sys.executable, "-c", program, str(image)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        asking.stdout.readline()
        while asking.poll() is None:
            image.open("r+b").close()
    assert asking.returncode == 0


def test_no_lease_stays_behind(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(b"x")
    with image.open("rb") as file:
        assert is_open_for_writing(file.fileno()) is False
        os.close(os.open(image, os.O_WRONLY | os.O_NONBLOCK))  # would say EWOULDBLOCK


def test_a_snapshot_cannot_be_deleted_or_cloned_while_it_is_creating(slow: Local) -> None:
    found = slow.snapshot(slow.put("disk.img", CONTENT))
    with refused(ErrorCode.CONFLICT, "is creating"):
        slow.delete(found.id)
    with refused(ErrorCode.CONFLICT, "is creating"):
        slow.clone(found.id)
    assert slow.settled(found.id).ready
    slow.delete(found.id)


def test_a_volume_cannot_be_deleted_or_snapshotted_while_it_is_creating(slow: Local) -> None:
    found = slow.whole_snapshot(slow.put("disk.img", CONTENT))
    clone = slow.clone(found.id, name="restored")
    assert (clone.state, clone.size_bytes) == (VolumeState.CREATING, len(CONTENT))
    assert [v.id for v in slow.volumes()] == ["disk.img", clone.id]
    with refused(ErrorCode.CONFLICT, "is creating"):
        slow.delete_volume(clone.id)
    with refused(ErrorCode.CONFLICT, "is creating"):
        slow.snapshot(clone.id)
    slow.delete(found.id)  # the copy goes on: it has the file open
    assert slow.settled_volume(clone.id).state is VolumeState.AVAILABLE
    assert slow.volume_file(clone.id).read_bytes() == CONTENT


def test_copies_wait_their_turn_and_all_become_available(local: Local) -> None:
    volume = local.put("disk.img", CONTENT)
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(local.snapshot(volume).id)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({local.settled(snapshot_id).id for snapshot_id in made}) == 12
    assert all(found.ready for found in local.snapshots())
    assert local.files() == sorted(made)
