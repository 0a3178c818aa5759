"""The local store: its gateway is killed at any moment, and its disk is full."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy import create_engine

from drivers.local.facts import DISKS
from tests.creations.clouds import Cloud, Replica, id_of
from tests.creations.clouds import local as local_cloud
from tests.faults.answers import document, json_of
from tests.faults.world import ROOT, sent_again
from tests.local.disks import tmpfs
from tests.servers import Server, local_config, running

Note = Callable[[str, str, str], None]
MIB = 1 << 20
KEYS = [f"key-{n}" for n in range(4)]
_DELAYS_S = (0.0, 0.05, 0.3)
_NAME = "local"


def _send(
    server: Server, method: str, path: str, key: str | None = None, **given: Any
) -> requests.Response:
    headers = {"Accept": "application/json", **({"Idempotency-Key": key} if key else {})}
    return server.request(method, path, headers=headers, **given)


def _create(server: Server, key: str) -> requests.Response:
    return _send(server, "POST", ROOT, key, json={"volume_id": "disk.img", "name": key})


def _clone(server: Server, source: str, key: str) -> requests.Response:
    return _send(server, "POST", f"{ROOT}/{source}/clone", key, json={})


def _volume(server: Server, key: str) -> requests.Response:
    return _send(server, "POST", "/storage_volumes", key, json={"size_bytes": 4096})


def _update(server: Server, source: str) -> requests.Response:
    body = {"metadata": {"a": "1"}}
    return _send(server, "PUT", f"{ROOT}/{source}/metadata", json=body)


def _delete(server: Server, doomed: str) -> requests.Response:
    return _send(server, "DELETE", f"{ROOT}/{doomed}")


class _Asked:
    """Requests of every kind; sent by many threads, and again by one."""

    def __init__(self, server: Server) -> None:
        self.source, self.doomed = (
            server.wait_until(f"{ROOT}/{document(_create(server, name))['id']}")["id"]
            for name in ("source", "doomed")
        )
        self.calls: dict[str, Callable[[Server], requests.Response]] = {
            **{key: lambda s, k=key: _create(s, k) for key in KEYS},  # type: ignore[misc]
            "clone": lambda s: _clone(s, self.source, "clone"),
            "volume": lambda s: _volume(s, "volume"),
            "update": lambda s: _update(s, self.source),
            "delete": lambda s: _delete(s, self.doomed),
        }

    def told(self, server: Server, name: str) -> str | None:
        """Send a request and return the id that was told, if anything was."""
        try:
            answer = self.calls[name](server)
        except requests.ConnectionError:
            return None
        assert answer.status_code < 300, answer.text
        return None if name in {"update", "delete"} else document(answer)["id"]


@pytest.mark.parametrize("delay_s", _DELAYS_S)
def test_a_gateway_that_is_killed_at_any_moment_leaves_one_of_each(
    tmp_path: Path, delay_s: float, note: Note
) -> None:
    note(_NAME, "gateway killed", f"after {delay_s} s")
    config = local_config(tmp_path, options={"copy_bytes_per_s": 2 * MIB})
    with running(config, "--workers", "1") as server:
        (server.store / "volumes" / "disk.img").write_bytes(b"x" * MIB)
        asked = _Asked(server)
        with ThreadPoolExecutor(len(asked.calls)) as pool:
            coming = {name: pool.submit(asked.told, server, name) for name in asked.calls}
            time.sleep(delay_s)
            server.kill()
        told = {name: one.result() for name, one in coming.items()}
    with running(config, "--workers", "1") as server:
        again = {
            name: sent_again(lambda c=call: c(server), good=(200, 201, 202, 204, 404))
            for name, call in asked.calls.items()
        }
        _check_all(server, asked, told, again)


def _check_all(
    server: Server, asked: _Asked, told: dict[str, str | None], again: dict[str, Any]
) -> None:
    ids = {name: document(again[name])["id"] for name in (*KEYS, "clone", "volume")}
    for name, id_ in ids.items():
        assert told[name] in (None, id_), f"{told[name]} was told, and is not what {name} made"
    (rows,) = json_of(_send(server, "GET", ROOT)).values()
    assert sorted(row["id"] for row in rows) == sorted([asked.source, *(ids[k] for k in KEYS)])
    (volumes,) = json_of(_send(server, "GET", "/storage_volumes")).values()
    wanted = sorted(["disk.img", ids["clone"], ids["volume"]])
    assert sorted(one["id"] for one in volumes) == wanted
    source = next(row for row in rows if row["id"] == asked.source)
    assert source["metadata"] == {"a": "1"}
    assert all(row["state"] in {"available", "creating", "error"} for row in rows)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[tuple[Cloud, Path]]:
    """A store on a disk of 4 MiB, and the file that fills it when it is written."""
    with tmpfs(tmp_path / "disk", 4 * MIB) as where, local_cloud(where) as cloud:
        (where / "store" / "volumes" / "disk.img").write_bytes(b"x" * MIB)
        yield cloud, where / "filler"


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096) == 4096:
                pass
        except OSError:  # that is what a full disk says
            return


REQUESTS: dict[str, Callable[[Replica, str], Any]] = {
    "create": lambda replica, _: replica.snapshot("k"),
    "clone": lambda replica, source: replica.send(
        "POST", f"{ROOT}/{source}/clone", key="k", json={}
    ),
    "volume": lambda replica, _: replica.volume("k"),
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_creation_on_a_full_disk_is_one_or_none_and_told(
    full: tuple[Cloud, Path], operation: str, note: Note
) -> None:
    note(_NAME, "full disk", operation)
    cloud, filler = full
    with cloud.replica() as replica, cloud.replica() as other:
        source = replica.ready(id_of(replica.snapshot("source")))["id"]
        held = cloud.snapshots if operation == "create" else cloud.volumes
        before = set(held())
        _fill(filler)
        answer = REQUESTS[operation](replica, source)
        new = set(held()) - before
        if answer.status_code in (200, 201, 202):
            assert {id_of(answer)} == new
        else:
            assert (answer.get_json()["outcome"], new) == (None, set()), answer.text
        filler.unlink()
        again = [
            sent_again(lambda r=one: REQUESTS[operation](r, source)) for one in (replica, other)
        ]
        assert {id_of(one) for one in again} == set(held()) - before
        assert new <= set(held()) - before
        _let_copies_end(replica)


def _let_copies_end(replica: Replica) -> None:
    """Wait until nothing writes to the disk any more."""
    for _ in range(200):
        lists = [replica.send("GET", path) for path in (ROOT, "/storage_volumes")]
        rows = [row for found in lists for (all_,) in [json_of(found).values()] for row in all_]
        if all(row["state"] != "creating" for row in rows):
            return
        time.sleep(0.02)
    raise AssertionError("copies do not end")


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_a_change_on_a_full_disk_is_made_or_told(
    full: tuple[Cloud, Path], operation: str, note: Note
) -> None:
    note(_NAME, "full disk", operation)
    cloud, filler = full
    with cloud.replica() as replica:
        source = replica.ready(id_of(replica.snapshot("source")))["id"]
        path = f"{ROOT}/{source}"
        method, given = ("DELETE", None) if operation == "delete" else ("PATCH", {"name": "after"})
        _fill(filler)
        answer = replica.send(method, path, json=given)
        found = replica.send("GET", path)
        is_done = (
            found.status_code == 404
            if operation == "delete"
            else document(found)["name"] == "after"
        )
        if answer.status_code >= 300 and answer.get_json()["outcome"] is None:
            assert not is_done, f"done, and told as failed: {answer.text}"
        assert is_done or answer.status_code >= 300, "a success that there was not"
        filler.unlink()
        sent_again(
            lambda: replica.send(method, path, json=given),
            good=(200, 204, 404) if is_done else (200, 204),
        )


def test_the_rows_of_the_store_are_what_the_checks_look_at(full: tuple[Cloud, Path]) -> None:
    """One row for each marker: the database itself sees to that."""
    cloud, filler = full
    with cloud.replica() as replica:
        made = id_of(replica.snapshot("k"))
        _let_copies_end(replica)
    engine = create_engine(f"sqlite:///{filler.parent / 'store' / 'snapgate.db'}")
    with engine.connect() as connection:
        rows = connection.execute(sa.select(DISKS.c.id).where(DISKS.c.marker.is_not(None))).all()
    engine.dispose()
    assert [row.id for row in rows] == [made]
