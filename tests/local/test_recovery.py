"""What a store that opens makes of what a crash left: each state is constructed here."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from drivers.local.driver import LocalDriver
from drivers.local.facts import Facts
from drivers.local.images import ImageFolder, stamp
from gateway.driver import ErrorCode, SnapshotState, VolumeState
from tests.local.stores import KIB, Local, execute, load_options, opened, refused, wait_for

CONTENT = b"content!" * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one volume, closed."""
    with opened(tmp_path / "store") as local:
        local.put("disk.img", CONTENT)
    return tmp_path / "store"


def add_row(path: Path, disk_id: str, kind: str = "snapshot", **values: Any) -> str:
    """Write the row of a disk whose server died."""
    row: dict[str, Any] = {"id": disk_id, "kind": kind, "state": "creating", "metadata_json": "{}"}
    row |= {"size_bytes": len(CONTENT), "created_ms": 1, "revision": 0, "owner": "demo"}
    if kind == "snapshot":
        row["source_id"] = "disk.img"
        row["source_stamp"] = stamp_of(path / "volumes" / "disk.img")
    row |= values
    marks = ", ".join("?" * len(row))
    execute(path, f"INSERT INTO disks ({', '.join(row)}) VALUES ({marks})", *row.values())
    return disk_id


def stamp_of(path: Path) -> str:
    with path.open("rb") as file:
        return stamp(file.fileno())


def leave_partial(path: Path, disk_id: str, folder: str = "snapshots") -> Path:
    partial = path / folder / f".snapgate-{disk_id}.partial"
    partial.write_bytes(CONTENT[:1000])
    return partial


@pytest.mark.parametrize("has_partial", [True, False])
def test_an_interrupted_copy_is_taken_up_and_becomes_whole(path: Path, has_partial: bool) -> None:
    add_row(path, "snap-1")
    if has_partial:
        leave_partial(path, "snap-1")
    with opened(path) as local:
        found = local.settled("snap-1")
        assert (found.state, found.progress) == (SnapshotState.AVAILABLE, 100)
        assert local.snapshot_file("snap-1").read_bytes() == CONTENT
        assert local.files() == ["snap-1"]


def test_an_interrupted_copy_of_a_volume_that_changed_is_an_error(path: Path) -> None:
    add_row(path, "snap-1")
    leave_partial(path, "snap-1")
    (path / "volumes" / "disk.img").write_bytes(CONTENT[::-1])
    with opened(path) as local:
        found = local.settled("snap-1")
        assert found.state is SnapshotState.ERROR
        assert "its source has changed since" in (found.state_reason or "")
        assert local.files() == []


@pytest.mark.parametrize("what", ["gone", "link", "folder"])
def test_an_interrupted_copy_of_a_volume_that_is_gone_is_an_error(path: Path, what: str) -> None:
    add_row(path, "snap-1")
    leave_partial(path, "snap-1")
    volume = path / "volumes" / "disk.img"
    volume.rename(path / "elsewhere")
    if what == "link":
        volume.symlink_to(path / "elsewhere")
    if what == "folder":
        volume.mkdir()
    with opened(path) as local:
        found = local.settled("snap-1")
        assert found.state is SnapshotState.ERROR
        assert "cannot be read any more" in (found.state_reason or "")
        assert local.files() == []


def test_a_copy_that_has_its_name_and_not_its_record_becomes_available(path: Path) -> None:
    add_row(path, "snap-1")
    (path / "snapshots" / "snap-1").write_bytes(CONTENT)
    (path / "volumes" / "disk.img").unlink()  # nothing is copied again
    with opened(path) as local:
        found = local.get("snap-1")
        assert (found.state, found.progress) == (SnapshotState.AVAILABLE, 100)
        assert found.completed is not None
        assert local.files() == ["snap-1"]


def test_an_interrupted_clone_is_taken_up(path: Path) -> None:
    with opened(path) as local:
        found = local.whole_snapshot("disk.img")
    source_stamp = stamp_of(path / "snapshots" / found.id)
    values = {"source_id": found.id, "source_stamp": source_stamp, "size_bytes": 9000}
    add_row(path, "vol-1", "volume", **values)
    leave_partial(path, "vol-1", "volumes")
    add_row(path, "vol-2", "volume", **{**values, "source_id": "snap-0"})
    with opened(path) as local:
        assert local.settled_volume("vol-1").state is VolumeState.AVAILABLE
        assert local.volume_file("vol-1").read_bytes() == CONTENT + b"\0" * 1000
        assert local.settled_volume("vol-2").state is VolumeState.ERROR
        assert local.files("volumes") == ["disk.img", "vol-1"]
        local.delete_volume("vol-2")


def test_an_interrupted_empty_volume_is_made(path: Path) -> None:
    add_row(path, "vol-1", "volume", size_bytes=12345)
    leave_partial(path, "vol-1", "volumes").write_bytes(b"")
    with opened(path) as local:
        assert local.settled_volume("vol-1").state is VolumeState.AVAILABLE
        assert local.volume_file("vol-1").read_bytes() == b"\0" * 12345


def test_an_interrupted_deletion_is_finished(path: Path) -> None:
    add_row(path, "snap-1", state="deleting")
    (path / "snapshots" / "snap-1").write_bytes(CONTENT)
    add_row(path, "snap-2", state="deleting")
    add_row(path, "vol-1", "volume", state="deleting")
    (path / "volumes" / "vol-1").write_bytes(CONTENT)
    with opened(path) as local:
        assert local.snapshots() == []
        assert [v.id for v in local.volumes()] == ["disk.img"]
        assert (local.files(), local.files("volumes")) == ([], ["disk.img"])


@pytest.mark.parametrize("state", [None, "error", "available"])
def test_a_half_written_file_that_nobody_needs_is_removed(path: Path, state: str | None) -> None:
    if state:
        add_row(path, "snap-1", state=state)
        add_row(path, "vol-1", "volume", state=state)
    leave_partial(path, "snap-1")
    leave_partial(path, "vol-1", "volumes")
    with opened(path) as local:
        assert (local.files(), local.files("volumes")) == ([], ["disk.img"])


def test_hidden_files_of_the_user_are_never_touched(path: Path) -> None:
    names = [".hidden", ".disk.img.swp", ".partial", ".snapgate-notes", "x.partial", ".snapgate"]
    for name in names:
        (path / "volumes" / name).write_bytes(b"mine")
    with opened(path) as local:
        local.store.jobs.recover()
        assert local.files("volumes") == sorted([*names, "disk.img"])
        assert [v.id for v in local.volumes()] == ["disk.img", "x.partial"]
        assert (path / "volumes" / ".snapgate-notes").read_bytes() == b"mine"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda p: p.symlink_to("/nowhere")])
def test_odd_things_with_a_name_of_ours_keep_no_store_from_opening(
    path: Path, make: Callable[[Path], None]
) -> None:
    make(path / "volumes" / ".snapgate-odd.partial")
    with opened(path) as local:
        assert local.whole_snapshot("disk.img").ready


def test_a_copy_under_way_is_left_alone_by_others(path: Path) -> None:
    with opened(path, copy_bytes_per_s=8 * KIB) as local, opened(path) as other:
        found = local.snapshot("disk.img")
        for _ in range(5):
            other.store.jobs.recover()
            local.store.jobs.recover()
        assert other.get(found.id).state is SnapshotState.CREATING
        assert local.files() == [f".snapgate-{found.id}.partial"]
        assert other.settled(found.id).ready
        other.store.jobs.recover()
        assert local.files() == [found.id]
        assert local.snapshot_file(found.id).read_bytes() == CONTENT


def test_the_watch_takes_up_a_copy_whose_process_ended_meanwhile(path: Path) -> None:
    with opened(path) as local:
        leave_partial(path, "snap-1")
        add_row(path, "snap-1")
        assert local.settled("snap-1").ready
        assert local.snapshot_file("snap-1").read_bytes() == CONTENT


@pytest.fixture
def broken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next change of a record fail."""
    change = Facts.change

    def fail(*_: object, **__: object) -> bool:
        monkeypatch.setattr(Facts, "change", change)
        raise sa.exc.OperationalError("UPDATE", None, Exception("locked"))

    monkeypatch.setattr(Facts, "change", fail)


@pytest.mark.usefixtures("broken_once")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_record_that_is_missed_is_made_up_for_by_the_watch(local: Local) -> None:
    found = local.snapshot(local.put("disk.img", CONTENT))
    assert local.settled(found.id).ready
    assert local.snapshot_file(found.id).read_bytes() == CONTENT
    wait_for(lambda: local.files() == [found.id])


@pytest.mark.usefixtures("broken_once")
def test_a_record_that_fails_within_the_request_leaves_nothing(local: Local) -> None:
    with refused(ErrorCode.UNAVAILABLE):
        local.make_volume(5)
    assert local.files("volumes") == []
    assert local.volumes() == []


def test_a_record_whose_answer_is_lost_keeps_its_image(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has taken it, and is away when it shall be taken back."""
    change = Facts.change

    def be_away(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("UPDATE", None, Exception("the connection was lost"))

    def change_and_be_away(facts: Facts, *args: Any, **kw: Any) -> None:
        change(facts, *args, **kw)
        be_away()

    def reflink(source: int, target: int) -> bool:
        os.pwrite(target, os.pread(source, len(CONTENT), 0), 0)
        return True

    volume = local.put("disk.img", CONTENT)
    with monkeypatch.context() as patched:
        patched.setattr("drivers.local.creations.reflink", reflink)
        patched.setattr(Facts, "change", change_and_be_away)
        patched.setattr(Facts, "remove", be_away)
        with refused(ErrorCode.UNAVAILABLE):
            local.snapshot(volume)
    (found,) = local.snapshots()
    assert local.settled(found.id).ready
    assert local.snapshot_file(found.id).read_bytes() == CONTENT
    assert local.open_images() == []


def test_a_look_that_the_database_fails_leaves_all_to_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as local:
        local.store.jobs.close()
        add_row(path, "snap-1")
        leave_partial(path, "snap-1")
        leave_partial(path, "snap-2")
        get, left = Facts.get, [None, None, None]

        def fail(facts: Facts, *args: Any) -> Any:
            if left:
                left.pop()
                raise sa.exc.OperationalError("SELECT", None, Exception("locked"))
            return get(facts, *args)

        monkeypatch.setattr(Facts, "get", fail)
        while left:
            with pytest.raises(sa.exc.OperationalError):
                local.store.jobs.recover()
            assert local.open_images() == [], "who holds a lock that nobody will give back"
        local.store.jobs.recover()
        assert local.settled("snap-1").ready
        wait_for(lambda: local.files() == ["snap-1"])


def test_what_one_disk_refuses_holds_up_no_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_row(path, "snap-1", state="deleting")
    add_row(path, "snap-2")
    remove = ImageFolder.remove

    def refuse(folder: ImageFolder, image_id: str) -> bool:
        if image_id == "snap-1":
            raise PermissionError(1, "immutable")
        return remove(folder, image_id)

    monkeypatch.setattr(ImageFolder, "remove", refuse)
    with opened(path) as local:
        assert local.settled("snap-2").ready
        assert local.get("snap-1").state is SnapshotState.DELETING


def test_facts_that_cannot_be_written_leave_no_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("INSERT", None, Exception("locked"))

    with opened(path) as local:
        found = local.whole_snapshot("disk.img")
        monkeypatch.setattr(Facts, "add", fail)
        for call in (
            lambda: local.snapshot("disk.img"),
            lambda: local.make_volume(5),
            lambda: local.clone(found.id),
        ):
            with refused(ErrorCode.UNAVAILABLE):
                call()
        assert local.files() == [found.id]
        assert local.files("volumes") == ["disk.img"]
        local.end_copies()
        assert local.open_images() == []


def test_the_copies_of_many_interrupted_snapshots_all_end(path: Path) -> None:
    ids = [add_row(path, f"snap-{number}") for number in range(10)]
    with opened(path) as local, opened(path) as other:
        for snapshot_id in ids:
            assert other.settled(snapshot_id).ready
        wait_for(lambda: local.files() == ids)


def test_files_are_given_back_after_each_copy(local: Local) -> None:
    found = local.whole_snapshot(local.put("disk.img"))
    local.whole_clone(found.id)
    wait_for(lambda: local.open_images() == [])


def test_a_check_of_the_options_leaves_the_copies_of_others_alone(path: Path) -> None:
    add_row(path, "snap-1")
    partial = leave_partial(path, "snap-1")
    threads = threading.active_count()
    LocalDriver.check(load_options(path))
    assert threading.active_count() == threads
    assert partial.read_bytes() == CONTENT[:1000]
    with opened(path) as local:
        assert local.settled("snap-1").ready
