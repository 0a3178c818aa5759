"""Lists are whole: nothing is left out and nothing comes twice, whatever happens meanwhile."""

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drivers.cinder.driver import CinderDriver
from gateway.core.snapshots import Account
from gateway.driver import Deadline, DriverError, ErrorCode, Query
from tests.cinder.simulated.tools import (
    LIST,
    asked_for,
    by,
    calls,
    ids,
    tagged,
    walk,
    where,
)
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import Region, Snapshot

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
QUERIES: dict[str, Query] = {
    "no order": Query(),
    "created": by("created"),
    "newest": by("-created"),
    "size": by("size_bytes"),
    "size and id": by("-size_bytes", "-id"),
    "id": by("id"),
    "id backwards": by("-id"),
    "metadata": tagged(kind="kept"),
    "state, newest": by("-created", filters=where(state="available").filters),
}


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 30, 31])
@pytest.mark.parametrize("size", [1, 10])
def test_a_list_is_whole(driver: CinderDriver, region: Region, count: int, size: int) -> None:
    made = region.add_snapshots(count)
    pages = list(walk(driver, size))
    assert [one.id for page in pages for one in page.items] == made[::-1]
    assert len(pages) == count // size + 1


@pytest.mark.parametrize("page", [1, 2, 7])
def test_a_cloud_may_give_less_than_was_asked_for(
    openstack: OpenStack, account: Account, region: Region, page: int
) -> None:
    openstack.settings.page_maximum = page
    made = region.add_snapshots(15)
    assert ids(account.list_snapshots(Query())) == made[::-1]
    assert ids(account.list_snapshots(by("id"))) == sorted(made)


def test_so_are_volumes(openstack: OpenStack, account: Account, region: Region) -> None:
    openstack.settings.page_maximum = 4
    made = [region.add_volume().id for _ in range(11)]
    found = ids(account.list_volumes(Query()))
    assert (len(found), set(found)) == (11, set(made))


@pytest.mark.parametrize("query", ["created", "newest", "size", "no order"])
def test_many_that_were_made_at_once_come_each_once(
    driver: CinderDriver, region: Region, query: str
) -> None:
    made = region.add_snapshots(40, created_at=NOON)
    for size in (1, 7, 40):
        found = [one.id for page in walk(driver, size, QUERIES[query]) for one in page.items]
        assert sorted(found) == sorted(made)


def after_first(
    driver: CinderDriver, region: Region, size: int, doomed: int, query: Query
) -> tuple[list[str], list[str]]:
    """Walk a list of which the ``doomed`` last rows of the first page go; return both parts."""
    found: list[str] = []
    first: list[str] = []
    for page in walk(driver, size, query):
        if not found:
            first = [one.id for one in page.items]
            for one in first[len(first) - doomed :]:
                del region.snapshots[one]
        found += [one.id for one in page.items]
    return first, found


@pytest.mark.parametrize("query", QUERIES)
def test_a_list_goes_on_when_its_last_rows_are_deleted(
    driver: CinderDriver, region: Region, query: str
) -> None:
    for doomed in (1, 2, 15):
        region.snapshots.clear()
        made = region.add_snapshots(45, metadata={"kind": "kept"})
        first, found = after_first(driver, region, 17, doomed, QUERIES[query])
        assert len(first) == 17
        assert (len(found), set(found)) == (45, set(made))


@pytest.mark.parametrize("doomed", [16, 17])
@pytest.mark.parametrize("query", QUERIES)
def test_or_it_is_found_again_by_its_place_when_all_of_them_are(
    openstack: OpenStack, driver: CinderDriver, region: Region, query: str, doomed: int
) -> None:
    made = region.add_snapshots(90, metadata={"kind": "kept"})
    _, found = after_first(driver, region, 17, doomed, QUERIES[query])
    assert (len(found), set(found)) == (90, set(made))
    assert [asked_for(one).get("marker") for one in openstack.asked(LIST)].count(None) == 2


def test_a_list_of_which_all_goes_that_was_given_goes_on(
    driver: CinderDriver, region: Region
) -> None:
    made = region.add_snapshots(45)
    found = []
    for page in walk(driver, 4):
        found += [one.id for one in page.items]
        for one in page.items:
            del region.snapshots[one.id]
    assert found == made[::-1]


def test_a_cursor_that_survives_is_asked_for_alone(
    openstack: OpenStack, driver: CinderDriver, region: Region
) -> None:
    made = region.add_snapshots(4)
    list(walk(driver, 2))
    markers = [asked_for(one).get("marker") for one in openstack.asked(LIST)]
    assert markers == [None, made[2], made[0]]


def test_markers_are_tried_from_the_last_to_the_first(
    openstack: OpenStack, driver: CinderDriver, region: Region
) -> None:
    made = region.add_snapshots(6)[::-1]
    first = driver.list_snapshots(Query(), page_size=3, cursor=None, deadline=Deadline(10))
    for doomed in made[1:3]:
        del region.snapshots[doomed]
    calls(openstack)
    second = driver.list_snapshots(
        Query(), page_size=3, cursor=first.next_cursor, deadline=Deadline(10)
    )
    assert [one.id for one in second.items] == made[3:]
    asked = openstack.asked(LIST)
    assert [(asked_for(one)["marker"], one.status) for one in asked] == [
        (made[2], 404),
        (made[1], 404),
        (made[0], 200),
    ]


def test_a_marker_that_was_not_found_for_a_moment_doubles_no_row(
    openstack: OpenStack, account: Account, region: Region
) -> None:
    made = region.add_snapshots(9)[::-1]
    openstack.settings.page_maximum = 3
    openstack.fail(LIST, 404, f"Snapshot {made[2]} could not be found.", after=1)
    openstack.fail(LIST, 404, f"Snapshot {made[1]} could not be found.", after=1)
    assert ids(account.list_snapshots(Query())) == made


def test_pages_of_one_remember_what_came_before_them(driver: CinderDriver, region: Region) -> None:
    """Each row is deleted as soon as it was given, so that only older markers remain."""
    made = region.add_snapshots(30)
    found = []
    for number, page in enumerate(walk(driver, 1)):
        found += [one.id for one in page.items]
        if number % 10:
            region.snapshots.pop(found[-1], None)
    assert found == made[::-1]


def test_a_row_that_changes_its_place_ends_the_list_nowhere(
    driver: CinderDriver, region: Region
) -> None:
    """A marker that no longer matches the filter is still a place to go on from."""
    made = region.add_snapshots(9)
    found = []
    for page in walk(driver, 2, where(state="available")):
        found += [one.id for one in page.items]
        region.snapshots[found[-1]].status = "error"
    assert found == made[::-1]


class Traffic:
    """Others who make and delete snapshots while a list is read."""

    def __init__(self, region: Region, seed: int) -> None:
        self.random = random.Random(seed)
        self.region = region
        self.gone: set[str] = set()
        for number in range(30):
            self.make(number)

    def make(self, age: int) -> None:
        """Put a snapshot somewhere into the order, often where others are already."""
        volume = self.region.add_volume(size=self.random.randrange(1, 4))
        made = NOON + timedelta(seconds=self.random.randrange(5) + age // 10)
        self.region.add_snapshot(volume, created_at=made, metadata={"kind": "kept"})

    def go_on(self, recent: list[str]) -> None:
        """Make some and delete some, rows that were just given rather than others."""
        for _ in range(self.random.randrange(4)):
            self.make(self.random.randrange(40))
        rows = list(self.region.snapshots)
        doomed = self.random.sample(rows, min(len(rows), self.random.randrange(4)))
        doomed += recent[-1:] * self.random.randrange(2) + recent[-2:-1] * self.random.randrange(2)
        for one in doomed:
            if self.region.snapshots.pop(one, None) is not None:
                self.gone.add(one)


def read(
    driver: CinderDriver, traffic: Traffic, size: int, query: Query
) -> tuple[list[str], ErrorCode | None]:
    """Return what a list gives while others are busy, and what ends it early."""
    found: list[str] = []
    cursor: str | None = None
    for _ in range(300):
        try:
            page = driver.list_snapshots(
                query, page_size=size, cursor=cursor, deadline=Deadline(10)
            )
        except DriverError as error:
            return found, error.code
        found += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found, None
        traffic.go_on(found)
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("query", QUERIES)
def test_what_exists_throughout_is_given_exactly_once(
    driver: CinderDriver, region: Region, query: str
) -> None:
    whole = 0
    for seed in range(8):
        region.snapshots.clear()
        traffic = Traffic(region, seed)
        before = set(region.snapshots)
        size = traffic.random.choice([1, 2, 3, 8, 20])
        found, end = read(driver, traffic, size, QUERIES[query])
        assert len(found) == len(set(found))
        assert end in {None, ErrorCode.UNAVAILABLE}  # all markers of a page are gone
        assert end or before - traffic.gone <= set(found)
        whole += not end
    assert whole >= 6


SORTS = ["created", "-created", "id", "-id", "size_bytes", "-size_bytes"]
KEYS: dict[str, Callable[[Snapshot], Any]] = {
    "created": lambda one: one.created_at,
    "id": lambda one: one.id,
    "size_bytes": lambda one: one.size,
}


@pytest.mark.parametrize("page", [9, 1000])
def test_the_order_is_exact_and_ties_are_broken_by_the_id(
    openstack: OpenStack, account: Account, region: Region, page: int
) -> None:
    openstack.settings.page_maximum = page
    Traffic(region, 7)
    pairs = [pair for pair in itertools.permutations(SORTS, 2) if pair[0][-2:] != pair[1][-2:]]
    for sort in [*((one,) for one in SORTS), *pairs]:
        rows = sorted(region.snapshots.values(), key=lambda one: one.id)
        for key in reversed(sort):
            rows.sort(key=KEYS[key.removeprefix("-")], reverse=key.startswith("-"))
        assert ids(account.list_snapshots(by(*sort))) == [one.id for one in rows], sort
