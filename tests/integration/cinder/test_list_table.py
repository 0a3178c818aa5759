"""The table of queries of tests/lists, and walks of a changing list, at the real Cinder.

Its pages hold seven rows, so a part of the facts is asked for: 28 with equal names
and different times, instead of 300.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.integration.cinder.gateway import Api
from tests.integration.cinder.server import rows
from tests.integration.cinder.server.cinder import RealCinder
from tests.lists.backends import Answers, Backend
from tests.lists.facts import FACTS, LABEL, VOLUMES, Fact
from tests.lists.queries import TABLE, expected
from tests.lists.test_table import name_of

SOME = (*FACTS[:14], *FACTS[43:57])
"""The second half has the names of the first."""
USER = "other"
WALKS: list[dict[str, str]] = [
    {},
    {"sort": "-created"},
    {"sort": "name"},
    {"sort": "size_bytes,-created"},
    {"name__contains": "night"},
    {"state": "available", "sort": "-id"},
]


def insert(cinder: RealCinder, pattern: str, fact: Fact, volume: str) -> str:
    """Insert a fact as a row like another one's, behind Cinder's back; return its id."""
    with rows.opened(cinder.folder / "cinder.sqlite") as database:
        found = database.execute("SELECT * FROM snapshots WHERE id = ?", (pattern,)).fetchone()
        created = fact.created.strftime("%Y-%m-%d %H:%M:%S.%f")
        row = {
            **dict(found),
            "id": fact.uuid,
            "volume_id": volume,
            "display_name": fact.name,
            "display_description": fact.description,
            "status": fact.state,
            "created_at": created,
            "updated_at": created if fact.number % 2 else None,
            "volume_size": fact.size_gib,
        }
        _insert(database, "snapshots", row)
        for key, value in fact.metadata.items():
            pair = {"created_at": created, "deleted": 0, "key": key, "value": value}
            _insert(database, "snapshot_metadata", {**pair, "snapshot_id": fact.uuid})
    return fact.uuid


def _insert(database: Any, table: str, row: Mapping[str, Any]) -> None:
    places = ", ".join("?" * len(row))
    names = ", ".join(f'"{name}"' for name in row)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(row.values()))


@pytest.fixture(scope="module")
def volumes(cinder: RealCinder) -> list[str]:
    """The ids of volumes, in order."""
    return sorted(cinder.volume("fake", USER) for _ in range(VOLUMES))


@pytest.fixture(scope="module")
def pattern(cinder: RealCinder, volumes: list[str]) -> str:
    """A snapshot that Cinder itself made."""
    return cinder.snapshot(volumes[0], USER)


@pytest.fixture(scope="module")
def real(cinder: RealCinder, api: Api, volumes: list[str], pattern: str) -> Iterator[Backend]:
    """The real Cinder with some of the facts."""

    def send(path: str) -> tuple[int, Any]:
        answer = api.request("GET", path.removeprefix("/api"), user=USER)
        return answer.status_code, answer.json()

    found = Backend("cinder", Answers(send), volumes=volumes)
    found.ids = {fact.label: fact.uuid for fact in FACTS}
    for fact in SOME:
        insert(cinder, pattern, fact, volumes[fact.volume])
    yield found
    cinder.forget([fact.uuid for fact in SOME])


def labels(items: list[dict[str, Any]]) -> list[str]:
    """Return which facts the items are; the project has other snapshots too."""
    return [item["metadata"][LABEL] for item in items if LABEL in item["metadata"]]


@pytest.mark.parametrize("query", TABLE, ids=name_of)
def test_a_query_finds_the_same_as_elsewhere(real: Backend, query: Mapping[str, str]) -> None:
    found, wanted = labels(real.answers.whole(real.params(query))), expected(query, SOME)
    assert (found if "sort" in query else sorted(found)) == (
        wanted if "sort" in query else sorted(wanted)
    )


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("query", WALKS, ids=name_of)
def test_pages_hold_the_same_as_elsewhere(real: Backend, query: dict[str, str], limit: int) -> None:
    asked = {**query, "metadata__has": LABEL, "id__in": ",".join(f.uuid for f in SOME)}
    found, wanted = labels(real.answers.walk(asked, limit)), expected(query, SOME)
    assert (found if "sort" in query else sorted(found)) == (
        wanted if "sort" in query else sorted(wanted)
    )


@pytest.mark.parametrize("query", [{}, {"sort": "-created"}, {"sort": "name"}], ids=name_of)
def test_what_stays_comes_once(
    real: Backend,
    cinder: RealCinder,
    volumes: list[str],
    pattern: str,
    query: dict[str, str],
) -> None:
    rng, limit = random.Random(f"{query}"), 4
    mine = list(FACTS[100:130])
    later = list(FACTS[200:230])
    there = {insert(cinder, pattern, fact, volumes[0]) for fact in mine}
    every, stays = set(there), set(there)
    found: list[str] = []
    for page in real.answers.pages(query, limit):
        found += [item["id"] for item in page]
        given = [id_ for id_ in found if id_ in there]
        doomed = set(given[-2:]) | {rng.choice(sorted(there))} if len(given) % 3 else set()
        cinder.forget(sorted(doomed - set(given[:1])))
        there -= doomed - set(given[:1])
        stays &= there
        if later:
            every.add(insert(cinder, pattern, later.pop(), volumes[1]))
    cinder.forget(sorted(every))
    assert len(found) == len(set(found))
    assert stays <= set(found)
