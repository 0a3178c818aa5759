"""The files below the driver: locks and durability, which show only after bad luck."""

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from drivers.local import copier
from drivers.local.facts import Facts
from drivers.local.images import ImageFolder, Partial
from tests.local.stores import KIB, Local, execute, wait_for


def test_a_file_being_written_is_adopted_only_once_its_writer_is_gone(tmp_path: Path) -> None:
    folder = ImageFolder(tmp_path)
    writer = folder.new_partial("disk")
    assert folder.adopt_partial("disk") is None
    writer.close()
    heir = folder.adopt_partial("disk")
    assert heir is not None
    assert folder.adopt_partial("disk") is None
    heir.finish()
    heir.close()
    assert os.listdir(tmp_path) == ["disk"]


def test_a_new_file_that_a_clean_up_took_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ImageFolder(tmp_path)
    flock = fcntl.flock

    def remove_first(fd: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        (taken,) = folder.partial_ids()
        Partial(folder, taken, fd).discard()
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    writer = folder.new_partial("disk")
    os.write(writer.fd, b"content")
    writer.finish()
    writer.close()
    assert (tmp_path / "disk").read_bytes() == b"content"


def test_an_image_is_on_the_disk_before_it_has_its_name_and_the_name_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ImageFolder(tmp_path)
    writer = folder.new_partial("disk")
    synced: list[tuple[str, bool]] = []
    monkeypatch.setattr(
        os,
        "fsync",
        lambda fd: synced.append((os.readlink(f"/proc/self/fd/{fd}"), "disk" in folder.ids())),
    )
    writer.finish()
    writer.close()
    assert synced == [(f"{tmp_path}/.snapgate-disk.partial", False), (str(tmp_path), True)]


def test_the_copier_brings_its_copy_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    (tmp_path / "source").write_bytes(b"content")
    with (tmp_path / "source").open("rb") as source, (tmp_path / "copy").open("w+b") as target:
        copier.copy(
            source.fileno(), target.fileno(), 7, bytes_per_s=0, pause=lambda _: synced.clear()
        )
        assert synced == [target.fileno()]


def test_progress_that_cannot_be_recorded_does_not_end_the_copy(
    slow: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, failures = Facts.change, []

    def fail(facts: Facts, disk_id: str, **values: Any) -> bool:
        if "state" in values:
            return change(facts, disk_id, **values)
        failures.append(values)
        raise sa.exc.OperationalError("UPDATE", None, Exception("disk is full"))

    monkeypatch.setattr(Facts, "change", fail)
    found = slow.snapshot(slow.put("disk.img", b"x" * 128 * KIB))
    slow.end_copies()
    assert failures
    assert slow.get(found.id).ready


@pytest.mark.parametrize("state", ["deleted", "error", "available"])
def test_a_copy_that_ended_since_it_was_listed_is_not_made_again(
    slow: Local, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    volume = slow.put("disk.img", b"x" * 64 * KIB)
    found = slow.snapshot(volume)
    listed = slow.store.facts.unsettled()
    assert [row.id for row in listed] == [found.id]
    slow.settled(found.id)
    slow.end_copies()
    if state == "deleted":
        slow.delete(found.id)
    if state == "error":
        execute(slow.path, "UPDATE disks SET state = 'error'")
        slow.snapshot_file(found.id).unlink()
    monkeypatch.setattr(Facts, "unsettled", lambda _: listed)
    slow.store.jobs.recover()
    slow.end_copies()
    assert slow.files() == ([found.id] if state == "available" else [])
    assert [one.state for one in slow.snapshots()] == ([] if state == "deleted" else [state])


def test_at_most_four_copies_of_a_process_are_made_at_once(slow: Local) -> None:
    volume = slow.put("disk.img", b"x" * 64 * KIB)
    made = [slow.snapshot(volume).id for _ in range(6)]
    copiers: set[int] = set()

    def all_whole() -> bool:
        now = _copiers()
        assert len(now) <= 4
        copiers.update(now)
        return all(slow.get(snapshot_id).ready for snapshot_id in made)

    wait_for(all_whole)
    assert len(copiers) == 6


def _copiers() -> set[int]:
    """Return the copiers that this process has started and that still run."""
    found = set()
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:  # the thread ended meanwhile
            continue
        for child in children:
            try:
                command = Path(f"/proc/{child}/cmdline").read_bytes()
            except OSError:
                continue
            if b"copier.py" in command:
                found.add(int(child))
    return found
