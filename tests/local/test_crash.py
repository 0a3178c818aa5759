"""Servers that are killed (kill -9) in mid-copy, and what the next start makes of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.local.processes import (
    FOREVER,
    config,
    copiers,
    end,
    is_running,
    one_copier,
    path_of,
    put,
    start_snapshot,
    states,
    wait_for_some_bytes,
)
from tests.local.stores import KIB, opened, wait_for
from tests.servers import Server, running

CONTENT = os.urandom(1024) * 512


@dataclass
class Crash:
    """What was there before the crash, what it left, and the server that came after it."""

    snapshots: dict[str, str] = field(default_factory=dict)
    clone: str = ""
    files: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    after: Server | None = None

    def settled(self, volume: str, state: str) -> dict[str, object]:
        assert self.after is not None
        return self.after.wait_until(path_of(self.snapshots[volume]), state)

    def file(self, volume: str) -> Path:
        assert self.after is not None
        return self.after.store / "snapshots" / self.snapshots[volume]


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crash]:
    """A server killed while it made three snapshots and a clone, and its successor."""
    folder = tmp_path_factory.mktemp("crash")
    found = Crash()
    volumes = folder / "store" / "volumes"
    for name in ("kept.img", "changed.img", "gone.img"):
        put(folder, name, CONTENT)
    with opened(folder / "store") as local:
        source = local.whole_snapshot("kept.img").id
    with running(config(folder, "slow", copy_bytes_per_s=FOREVER)) as before:
        for name in ("kept.img", "changed.img", "gone.img"):
            found.snapshots[name] = start_snapshot(before, name)
            wait_for_some_bytes(before.store, found.snapshots[name])
        answer = before.request("POST", f"{path_of(source)}/clone", data={})
        (clone,) = answer.json().values()
        found.clone = clone["id"]
        wait_for(lambda: len(copiers(before)) == 4)
        pids = list(copiers(before))
        before.kill()
        wait_for(lambda: not any(is_running(pid) for pid in pids))
    found.files = sorted(set(os.listdir(folder / "store" / "snapshots")) - {source})
    found.states = states(folder / "store")
    (volumes / "changed.img").write_bytes(CONTENT[::-1])
    (volumes / "gone.img").unlink()
    with running(config(folder, "fast")) as found.after:
        yield found


def test_after_a_crash_no_snapshot_looks_whole(crash: Crash) -> None:
    ids = crash.snapshots.values()
    assert crash.files == sorted(f".snapgate-{snapshot_id}.partial" for snapshot_id in ids)
    assert {crash.states[disk_id] for disk_id in (*ids, crash.clone)} == {"creating"}


def test_after_a_crash_a_copy_is_taken_up_and_has_the_right_bytes(crash: Crash) -> None:
    found = crash.settled("kept.img", "available")
    assert (found["ready"], found["progress"]) == (True, 100)
    assert crash.file("kept.img").read_bytes() == CONTENT


def test_after_a_crash_a_clone_is_taken_up_and_has_the_right_bytes(crash: Crash) -> None:
    assert crash.after is not None
    crash.after.wait_until(f"/storage_volumes/{crash.clone}")
    assert (crash.after.store / "volumes" / crash.clone).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("volume", "words"),
    [("changed.img", "has changed since"), ("gone.img", "cannot be read any more")],
)
def test_after_a_crash_a_copy_without_its_source_is_an_error(
    crash: Crash, volume: str, words: str
) -> None:
    found = crash.settled(volume, "error")
    assert found["ready"] is False
    assert words in str(found["state_reason"])
    assert not crash.file(volume).exists()
    partial = f".snapgate-{crash.snapshots[volume]}.partial"
    wait_for(lambda: not crash.file(volume).with_name(partial).exists())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two workers whose copies of 512 KiB take two seconds."""
    folder = tmp_path_factory.mktemp("workers")
    put(folder, "disk.img", CONTENT)
    with running(config(folder, "two", copy_bytes_per_s=256 * KIB)) as found:
        yield found


def test_a_copier_that_is_killed_gives_an_error_and_leaves_nothing(server: Server) -> None:
    snapshot_id = start_snapshot(server, "disk.img")
    partial = wait_for_some_bytes(server.store, snapshot_id)
    copier, worker = one_copier(server)
    end(copier)
    found = server.wait_until(path_of(snapshot_id), "error")
    assert "interrupted" in found["state_reason"]
    wait_for(lambda: not partial.exists())
    assert not partial.with_name(snapshot_id).exists()
    assert is_running(worker)
    assert server.request("DELETE", path_of(snapshot_id)).status_code == 204


def test_the_copy_of_a_worker_that_is_killed_is_taken_over(server: Server) -> None:
    snapshot_id = start_snapshot(server, "disk.img")
    wait_for_some_bytes(server.store, snapshot_id)
    copier, worker = one_copier(server)
    end(worker)
    wait_for(lambda: not is_running(copier))
    server.wait_until(path_of(snapshot_id))
    whole = server.store / "snapshots" / snapshot_id
    assert whole.read_bytes() == CONTENT
    wait_for(lambda: len(set(server.worker_pids()) - {worker}) == 2)
    assert server.request("DELETE", path_of(snapshot_id)).status_code == 204
    assert not whole.exists()


def test_a_server_that_stops_in_mid_copy_leaves_it_to_the_next(tmp_path: Path) -> None:
    put(tmp_path, "disk.img", CONTENT)
    with running(config(tmp_path, "slow", copy_bytes_per_s=FOREVER)) as before:
        snapshot_id = start_snapshot(before, "disk.img")
        wait_for_some_bytes(before.store, snapshot_id)
        copier, _ = one_copier(before)
        assert before.stop() == 0
        wait_for(lambda: not is_running(copier))
    with opened(tmp_path / "store") as after:
        assert after.settled(snapshot_id).ready
        assert after.snapshot_file(snapshot_id).read_bytes() == CONTENT
