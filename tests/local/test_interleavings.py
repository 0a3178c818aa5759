"""Every way in which creations, deletions, crashes and those who look around may meet."""

import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.local.images import ImageFolder
from gateway.driver import SnapshotState
from tests.local.schedules import Schedule, Stage
from tests.local.stores import Local, opened

CONTENT = b"content!" * 100
Pair = tuple[Local, Local]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """A store opened twice, as by two processes, which look around when the test says so."""
    with opened(tmp_path / "store") as local, opened(tmp_path / "store") as other:
        for one in (local, other):
            one.store.jobs.close()
        local.put("disk.img", CONTENT)
        os.utime(tmp_path / "store" / "volumes" / "disk.img", (1, 1))  # settled
        yield local, other


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def look_around(store: Local) -> None:
    """Do what each process does every two seconds, also where it has just done so."""
    store.store.jobs._cleaned.clear()
    store.store.jobs.recover()


def number_of_steps(stage: Stage, **work: Any) -> int:
    stage.run(Schedule(), **work)
    return len(stage.steps) + 10  # those who meet have more to do


def check_end(pair: Pair, schedule: Schedule) -> None:
    """Let all be settled: each snapshot is whole and can be deleted, and nothing else is left."""
    local, other = pair
    look_around(other)
    look_around(local)
    for found in local.snapshots():
        assert found.state is SnapshotState.AVAILABLE, (schedule, found.state_reason)
        assert local.snapshot_file(found.id).read_bytes() == CONTENT, schedule
        local.delete(found.id)
    assert local.files() == [], schedule
    assert local.open_images() == [], schedule


def test_a_snapshot_that_is_made_and_deleted_while_others_look_is_gone(
    pair: Pair, stage: Stage
) -> None:
    local, other = pair

    def make() -> None:
        made = local.snapshot("disk.img")
        assert made.state is SnapshotState.AVAILABLE
        local.delete(made.id)

    work = {"make": make, "look": lambda: look_around(other)}
    steps = number_of_steps(stage, **work)
    for at, back in itertools.combinations(range(steps), 2):
        schedule = Schedule({at: "look", back: "make"})
        stage.run(schedule, **work)
        check_end(pair, schedule)


def test_a_process_may_be_killed_at_any_step_while_another_looks(pair: Pair, stage: Stage) -> None:
    local, other = pair

    def make() -> None:
        local.delete(local.snapshot("disk.img").id)

    work = {"make": make, "look": lambda: look_around(other)}
    steps = number_of_steps(stage, **work)
    for at, killed in itertools.product(range(steps), repeat=2):
        schedule = Schedule({at: "look"}, {killed: "make" if killed >= at else "look"})
        stage.run(schedule, **work)
        check_end(pair, schedule)


def test_what_cannot_be_deleted_is_there_as_before_whoever_looks(
    pair: Pair, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, other = pair
    made = local.whole_snapshot("disk.img")
    remove = ImageFolder.remove

    def refuse(folder: ImageFolder, image_id: str) -> bool:
        stage.step("remove")
        if folder is local.store.snapshots:
            raise OSError(errno.EIO, "for a moment")
        return remove(folder, image_id)

    def delete() -> None:
        with pytest.raises(OSError, match="for a moment"):
            local.delete(made.id)

    def read() -> None:
        assert local.get(made.id).state_reason is None

    monkeypatch.setattr(ImageFolder, "remove", refuse)
    work = {"delete": delete, "look": lambda: look_around(other), "read": read}
    steps = number_of_steps(stage, **work)
    for at, back, then in itertools.combinations(range(steps), 3):
        stage.run(Schedule({at: "look", back: "delete", then: "read"}), **work)
        assert local.get(made.id) == made


def test_two_who_clean_up_take_no_file_from_whoever_makes_it_once_more(
    pair: Pair, stage: Stage
) -> None:
    # Both open a new file before its maker has locked it. One locks and removes it, and the maker
    # makes another one; the other one who looks must not remove that for the first.
    local, other = pair

    def make() -> None:
        target = local.store.snapshots.new_partial("snap-1")
        stage.step("made")
        assert (local.path / "snapshots" / ".snapgate-snap-1.partial").exists()
        target.finish()
        target.close()
        local.store.snapshots.remove("snap-1")

    work = {
        "make": make,
        "look": lambda: look_around(other),
        "clean": lambda: look_around(local),
    }
    stage.run(Schedule(), **work)
    is_open = stage.steps.index("make: flock") + 1
    names = ("look", "clean", "make", "look")
    for lengths in itertools.product(range(3, 13), repeat=3):
        turns = itertools.accumulate((is_open, *lengths))
        schedule = Schedule(dict(zip(turns, names, strict=True)))
        stage.run(schedule, **work)
        check_end(pair, schedule)


def test_a_name_that_may_not_last_is_taken_back_unless_somebody_relies_on_it(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, other = pair
    fsync = os.fsync
    meanwhile = [lambda: None, lambda: look_around(other)]

    def fail(fd: int) -> None:
        if not os.path.isdir(f"/proc/self/fd/{fd}"):
            return fsync(fd)
        meanwhile.pop()()
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(os, "fsync", fail)
    relied_on, not_relied_on = (local.settled(local.snapshot("disk.img").id) for _ in range(2))
    local.end_copies()
    assert relied_on.ready
    assert local.snapshot_file(relied_on.id).read_bytes() == CONTENT
    assert not_relied_on.state is SnapshotState.ERROR
    assert "input/output error" in (not_relied_on.state_reason or "")
    assert local.files() == [relied_on.id]
