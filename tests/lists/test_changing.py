"""Pages that are walked while snapshots come and go: what stays comes exactly once."""

import contextlib
import random
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.lists import backends
from tests.lists.backends import Backend
from tests.lists.facts import BEGIN
from tests.lists.filling import add_rows, remove_rows
from tests.lists.naive import milliseconds

NAMES = ("local", "ec2", "cinder", "cloudsigma")
ROWS = 60
ANCHORS = 8
"""Of so many rows given one stays: Cinder's cursor goes on from one of the last 16."""
QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"sort": "-created"},
    {"sort": "created"},
    {"sort": "name"},
    {"sort": "-name,created"},
    {"sort": "id"},
    {"name__contains": "1"},
    {"name__contains": "1", "sort": "-created"},
    {"state": "available", "name__isnull": "false"},
)


class Place:
    """A backend whose snapshots a test adds and removes behind the gateway's back."""

    def __init__(self, backend: Backend, path: Path) -> None:
        self.answers = backend.answers
        self._add: Callable[[str, str, int], None] = getattr(self, f"_add_{backend.name}")
        self._remove: Callable[[str], object] = getattr(self, f"_remove_{backend.name}")
        self._path = path / "store"
        self._cloud = backend.cloud
        self._new_id = f"_id_{backend.name}"
        self.ids: set[str] = set()

    def add(self, rng: random.Random) -> str:
        """Add a snapshot of a random name, time and id."""
        is_short = self._new_id in {"_id_local", "_id_ec2"}
        digits = f"{rng.getrandbits(64):016x}"
        uuid = f"{digits[:8]}-{digits[8:12]}-4000-8000-{secrets.token_hex(6)}"
        id_ = f"snap-0{digits}" if is_short else uuid
        self._add(id_, f"name {rng.randrange(20)}", rng.randrange(50))
        self.ids.add(id_)
        return id_

    def remove(self, id_: str) -> None:
        """Remove a snapshot."""
        self._remove(id_)
        self.ids.discard(id_)

    def _add_local(self, id_: str, name: str, second: int) -> None:
        row = {"id": id_, "state": "available", "name": name, "metadata_json": "{}"}
        times = {"created_ms": milliseconds((BEGIN + timedelta(seconds=second)).isoformat())}
        add_rows(self._path, [{**row, **times, "source_id": "vol-0.img", "size_bytes": 0}])

    def _remove_local(self, id_: str) -> None:
        remove_rows(self._path, [id_])

    def _add_ec2(self, id_: str, name: str, second: int) -> None:
        created = BEGIN + timedelta(seconds=second)
        region = self._cloud.region("eu-west-1")
        region.add_snapshot(id=id_, tags={"Name": name}, start_time=created)

    def _remove_ec2(self, id_: str) -> None:
        del self._cloud.region("eu-west-1").snapshots[id_]

    def _add_cinder(self, id_: str, name: str, second: int) -> None:
        region = self._cloud.region()
        created = BEGIN + timedelta(seconds=second)
        volume = next(iter(region.volumes.values()), None)
        region.add_snapshot(volume, id=id_, name=name, created_at=created)

    def _remove_cinder(self, id_: str) -> None:
        del self._cloud.region().snapshots[id_]

    def _add_cloudsigma(self, id_: str, name: str, second: int) -> None:
        created = BEGIN + timedelta(seconds=second)
        drive = next(iter(self._cloud.drives.values()), None)
        is_remote = id_[0] in "0369cf"
        add = self._cloud.add_remote_snapshot if is_remote else self._cloud.add_snapshot
        add(drive, uuid=id_, name=name, timestamp=created)

    def _remove_cloudsigma(self, id_: str) -> None:
        self._cloud.snapshots.pop(id_, None) or self._cloud.remote_snapshots.pop(id_)


@contextlib.contextmanager
def opened(name: str, path: Path) -> Iterator[Place]:
    """Open an empty backend."""
    if name == "local":
        with backends.local(path, filled=False) as found:
            yield Place(found, path)
        return
    with backends.BACKENDS[name](filled=False) as found:
        yield Place(found, path)


@pytest.fixture(scope="module", params=NAMES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Each backend in turn, without snapshots."""
    with opened(request.param, tmp_path_factory.mktemp("changing")) as found:
        yield found


def change(place: Place, rng: random.Random, seen: list[str]) -> None:
    """Add some, and remove some: of those behind, the last ones of the page, any."""
    for _ in range(rng.randrange(4)):
        place.add(rng)
    some = sorted(place.ids)
    doomed = set(rng.sample(some, min(rng.randrange(4), len(some))))
    if rng.random() < 0.6:
        doomed |= set(seen[-rng.randrange(1, ANCHORS) :]) & place.ids
    for id_ in sorted(doomed - set(seen[::ANCHORS])):
        place.remove(id_)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_what_stays_comes_once(place: Place, query: dict[str, str], seed: int) -> None:
    rng = random.Random(f"{seed} {sorted(query)}")
    for id_ in sorted(place.ids):
        place.remove(id_)
    for _ in range(ROWS):
        place.add(rng)
    stays = {item["id"] for item in place.answers.whole(query)}
    found: list[str] = []
    for page in place.answers.pages(query, rng.choice([1, 2, 3, 4, 6, 9, 20])):
        found += [item["id"] for item in page]
        change(place, rng, found)
        stays &= place.ids
        assert len(found) < 40 * ROWS
    assert len(found) == len(set(found)), "nothing comes twice"
    assert stays <= set(found), "nothing that stays is left out"


@pytest.mark.parametrize("limit", [1, 4, 20])
@pytest.mark.parametrize("query", [{}, {"sort": "-created"}, {"sort": "name"}], ids=str)
def test_a_client_may_delete_what_each_page_gives(
    place: Place, query: dict[str, str], limit: int
) -> None:
    """As whoever cleans up does: read a page, delete what is on it, follow the link."""
    rng = random.Random(5)
    for id_ in sorted(place.ids):
        place.remove(id_)
    for _ in range(30):
        place.add(rng)
    stays = set(place.ids)
    found: list[str] = []
    for page in place.answers.pages(query, limit):
        for item in page:
            found.append(item["id"])
            place.remove(item["id"])
    assert sorted(found) == sorted(stays)
