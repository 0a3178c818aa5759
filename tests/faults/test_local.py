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
from tests.faults.answers import check_told, ids_told, json_of, statuses, told
from tests.faults.backends import Held
from tests.faults.requests import MANY, REQUESTS, Creation, made
from tests.faults.trials import check_changed, wait_for
from tests.faults.world import ROOT, VOLUMES, Send, sent_again
from tests.local.disks import tmpfs
from tests.servers import Server, local_config, running

Note = Callable[[str, str, str], None]
MIB = 1 << 20
KEYS = [f"key-{n}" for n in range(4)]
DISK, SMALL, DOOMED = "disk.img", "small.img", "doomed.img"
Creations = dict[str, Creation]
_DELAYS_S = (0.0, 0.05, 0.3)
_NAME = "local"


def _sender(server: Server) -> Send:
    def send(method: str, path: str, *, key: str | None = None, **given: Any) -> Any:
        headers = {"Accept": "application/json", **({"Idempotency-Key": key} if key else {})}
        return server.request(method, path, headers=headers, **given)

    return send


def _creations(
    source: str, snapshots: Callable[[], Held], volumes: Callable[[], Held]
) -> Creations:
    """Return requests that make something.

    Args:
        source: a snapshot.
        snapshots, volumes: return what there is.
    """
    several = {"storage_snapshots": [{"volume_id": one, "name": one} for one in (DISK, SMALL)]}
    return {
        "create": Creation(ROOT, {"volume_id": DISK}, snapshots),
        "bulk create": Creation(ROOT, several, snapshots),
        "clone": Creation(f"{ROOT}/{source}/clone", {}, volumes),
        "volume": Creation(VOLUMES, {"size_bytes": 4096}, volumes),
    }


class _Asked:
    """Requests of every kind; sent by many threads, and again by one.

    Attributes:
        source: a snapshot that is changed.
        creations: the requests that make something, by their keys.
        ids: of what the other requests change.
    """

    def __init__(self, send: Send) -> None:
        self.source, one, *others = [made(send, SMALL)["id"] for _ in range(2 + MANY)]
        all_ = _creations(self.source, dict, dict)
        create = all_.pop("create")
        self.creations = {**dict.fromkeys(KEYS, create), **all_}
        self.ids = {
            "replace": [self.source],
            "delete": [one],
            "bulk delete": others,
            "volume delete": [DOOMED],
        }

    @property
    def names(self) -> list[str]:
        """The names of all requests."""
        return [*self.creations, *self.ids]

    def ask(self, send: Send, name: str) -> Any:
        """Send a request."""
        if name in self.creations:
            return self.creations[name].ask(send, name.replace(" ", "-"))
        return REQUESTS[name].ask(send, self.ids[name])

    def told(self, send: Send, name: str) -> list[str] | None:
        """Send a request and return the ids that were told, if anything was."""
        try:
            answer = self.ask(send, name)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return None  # killed before its answer, or within it
        assert max(statuses(answer)) < 300, answer.text
        return self.ids_told(name, answer)

    def ids_told(self, name: str, answer: Any) -> list[str]:
        """Return the ids of what a request has made, by its answer."""
        return ids_told(answer, self.creations[name].count) if name in self.creations else []


@pytest.mark.parametrize("delay_s", _DELAYS_S)
def test_a_gateway_that_is_killed_at_any_moment_leaves_one_of_each(
    tmp_path: Path, delay_s: float, note: Note
) -> None:
    note(_NAME, "gateway killed", f"after {delay_s} s")
    config = local_config(tmp_path, options={"copy_bytes_per_s": 2 * MIB})
    with running(config, "--workers", "1") as server:
        _write_images(server.store)
        send = _sender(server)
        asked = _Asked(send)
        with ThreadPoolExecutor(len(asked.names)) as pool:
            coming = {name: pool.submit(asked.told, send, name) for name in asked.names}
            time.sleep(delay_s)
            server.kill()
        told = {name: one.result() for name, one in coming.items()}
    with running(config, "--workers", "1") as server:
        send = _sender(server)
        again = {
            name: sent_again(lambda n=name: asked.ask(send, n), good=(200, 201, 202, 204, 404))
            for name in asked.names
        }
        _check_all(
            send, asked, told, {name: asked.ids_told(name, one) for name, one in again.items()}
        )


def _write_images(store: Path) -> None:
    for name, size in {DISK: MIB, SMALL: 4096, DOOMED: 4096}.items():
        (store / "volumes" / name).write_bytes(b"x" * size)


def _check_all(
    send: Send, asked: _Asked, told: dict[str, list[str] | None], ids: dict[str, list[str]]
) -> None:
    for name, found in ids.items():
        assert told[name] in (None, found), f"{told[name]} was told, and is not what {name} made"
    for name, changed in asked.ids.items():
        for id_ in changed:
            wait_for(REQUESTS[name], send, id_)
    (rows,) = json_of(send("GET", ROOT)).values()
    kept = [asked.source, *(id_ for name in (*KEYS, "bulk create") for id_ in ids[name])]
    assert sorted(row["id"] for row in rows) == sorted(kept)
    (volumes,) = json_of(send("GET", VOLUMES)).values()
    wanted = sorted([DISK, SMALL, *ids["clone"], *ids["volume"]])
    assert sorted(one["id"] for one in volumes) == wanted
    assert all(row["state"] in {"available", "creating", "error"} for row in rows)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[tuple[Cloud, Path]]:
    """A store on a disk of 4 MiB, and the file that fills it when it is written."""
    with tmpfs(tmp_path / "disk", 4 * MIB) as where, local_cloud(where) as cloud:
        _write_images(where / "store")
        yield cloud, where / "filler"


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096) == 4096:
                pass
        except OSError:  # that is what a full disk says
            return


def _replica_sender(replica: Replica) -> Send:
    def send(method: str, path: str, *, provider: str = "main", **given: Any) -> Any:
        assert provider == "main"
        return replica.send(method, path, **given)

    return send


@pytest.mark.parametrize("operation", ["create", "bulk create", "clone", "volume"])
def test_a_creation_on_a_full_disk_is_one_or_none_and_told(
    full: tuple[Cloud, Path], operation: str, note: Note
) -> None:
    note(_NAME, "full disk", operation)
    cloud, filler = full
    with cloud.replica() as replica, cloud.replica() as other:
        send = _replica_sender(replica)
        source = made(send, DISK)["id"]
        asked = _creations(source, cloud.snapshots, cloud.volumes)[operation]
        before = set(asked.held())
        _fill(filler)
        answer = asked.ask(send, "k")
        new = {id_: one for id_, one in asked.held().items() if id_ not in before}
        check_told(told(answer, asked.count), new, lambda marker: asked.found_by(send, marker))
        filler.unlink()
        again = [
            sent_again(lambda r=one: asked.ask(_replica_sender(r), "k")) for one in (replica, other)
        ]
        kept = set(asked.held()) - before
        assert [set(ids_told(one, asked.count)) for one in again] == [kept, kept]
        assert new.keys() <= kept
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


@pytest.mark.parametrize("operation", ["update", "delete", "bulk delete", "volume delete"])
def test_a_change_on_a_full_disk_is_made_or_told(
    full: tuple[Cloud, Path], operation: str, note: Note
) -> None:
    note(_NAME, "full disk", operation)
    cloud, filler = full
    asked = REQUESTS[operation]
    with cloud.replica() as replica:
        send = _replica_sender(replica)
        ids = [made(send, SMALL)["id"] for _ in range(asked.count)]
        if asked.root == VOLUMES:
            ids = [DOOMED]
        before = [asked.facts(send, one) for one in ids]
        _fill(filler)
        each = told(asked.ask(send, ids), asked.count)
        for id_, was, one in zip(ids, before, each, strict=True):
            check_changed(asked, send, id_, was, one)
        filler.unlink()
        sent_again(lambda: asked.ask(send, ids), good=(200, 204, *asked.again))
        for id_ in ids:
            wait_for(asked, send, id_)


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
