"""Two servers on one store."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
    wait_for_some_bytes,
)
from tests.local.stores import wait_for
from tests.servers import Server, running

CONTENT = os.urandom(1024) * 256


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("shared")
    put(found, "disk.img", CONTENT)
    return found


@pytest.fixture(scope="module")
def other(folder: Path) -> Iterator[Server]:
    """A server that copies fast."""
    with running(config(folder, "fast")) as found:
        yield found


def create(server: Server) -> str:
    answer = server.request("POST", "/storage_snapshots", data={"volume_id": "disk.img"})
    assert answer.status_code in {201, 202}, answer.text
    return str(answer.json()["storage_snapshot"]["id"])


def listed(server: Server) -> set[str]:
    answer = server.request("GET", "/storage_snapshots")
    return {found["id"] for found in answer.json()["storage_snapshots"]}


def test_servers_on_one_store_share_what_each_makes_and_take_over_what_one_leaves(
    folder: Path, other: Server
) -> None:
    with running(config(folder, "slow", copy_bytes_per_s=FOREVER)) as slow:
        mine = start_snapshot(slow, "disk.img")
        partial = wait_for_some_bytes(slow.store, mine)
        copier, _ = one_copier(slow)
        (found,) = other.request("GET", path_of(mine)).json().values()
        assert (found["state"], found["ready"]) == ("creating", False)
        assert other.request("DELETE", path_of(mine)).status_code == 409

        # Each worker of the other server looks around when it starts and every two seconds.
        for worker in other.worker_pids():
            end(worker)
        wait_for(lambda: len(other.worker_pids()) == 2)
        theirs = create(other)
        other.wait_until(path_of(theirs))
        assert {mine, theirs} <= listed(slow) == listed(other)
        abandoned = folder / "store" / "snapshots" / ".snapgate-abandoned.partial"
        abandoned.write_bytes(b"half")
        wait_for(lambda: not abandoned.exists())  # so they have looked
        assert is_running(copier)
        assert copiers(other) == {}
        assert partial.exists()

        slow.kill()
        wait_for(lambda: not is_running(copier))
        other.wait_until(path_of(mine))
    for snapshot_id in (mine, theirs):
        assert (folder / "store" / "snapshots" / snapshot_id).read_bytes() == CONTENT
        assert other.request("DELETE", path_of(snapshot_id)).status_code == 204


def test_servers_create_and_delete_on_one_store_at_once(folder: Path, other: Server) -> None:
    with running(config(folder, "third")) as third, ThreadPoolExecutor(8) as pool:
        servers = [other, third] * 6
        made = list(pool.map(create, servers))
        assert len(set(made)) == 12
        for snapshot_id in made:
            third.wait_until(path_of(snapshot_id))
        assert listed(other) == listed(third) == set(made)

        def delete(attempt: tuple[Server, str]) -> int:
            server, snapshot_id = attempt
            return server.request("DELETE", path_of(snapshot_id)).status_code

        attempts = [(server, i) for i in made for server in (other, third)]
        codes = list(pool.map(delete, attempts))
        for first, second in zip(codes[::2], codes[1::2], strict=True):
            assert sorted([first, second])[0] == 204
            assert sorted([first, second])[1] in {404, 409}
        assert listed(other) == listed(third) == set()
    assert os.listdir(folder / "store" / "snapshots") == []
