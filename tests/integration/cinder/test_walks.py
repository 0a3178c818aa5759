"""Lists that change while they are read page by page."""

from collections.abc import Callable, Iterator

import pytest

from drivers.cinder.driver import CinderDriver
from gateway.driver import Credentials, Deadline, Filter, Query, SortKey
from tests.integration.cinder.conftest import MAX_LIMIT
from tests.integration.cinder.server.cinder import RealCinder

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
Between = Callable[[int, list[str]], object]
"""What happens after a page: it is given the page's number and its ids."""
ROWS = 4 * MAX_LIMIT + 3
ORDERS = {
    "default": (),
    "created": (SortKey("created"),),
    "-id": (SortKey("id", descending=True),),
    "-size": (SortKey("size_bytes", descending=True),),
}


@pytest.fixture(scope="module")
def driver(cinder: RealCinder) -> Iterator[CinderDriver]:
    """The account of the user other, without a gateway before it."""
    options = CinderDriver.Options().load({"auth_url": cinder.auth_url})
    cloud = CinderDriver.share(options)
    who = Credentials(username="other+other", password="secret")
    found = CinderDriver.open(options, who, shared=cloud, deadline=Deadline(30))
    yield found
    found.close()
    cloud.close()


@pytest.fixture
def rows(cinder: RealCinder) -> Iterator[list[str]]:
    """The ids of snapshots of one volume."""
    with cinder.filled(ROWS, "other") as made:
        yield made


def walk(driver: CinderDriver, query: Query, between: Between) -> list[str]:
    """Return the ids in a list of which every page is read before the next."""
    found: list[str] = []
    cursor: str | None = None
    for number in range(100):
        page = driver.list_snapshots(query, page_size=1000, cursor=cursor, deadline=Deadline(30))
        ids = [item.id for item in page.items]
        found += ids
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor
        between(number, ids)
    raise AssertionError("the list does not end")


def query_for(driver: CinderDriver, rows: list[str], order: str) -> Query:
    volume = driver.get_snapshot(rows[0], deadline=Deadline(30)).volume_id
    return Query((Filter("volume_id", volume or ""),), ORDERS[order])


@pytest.mark.parametrize(
    ("order", "gone"), [("default", 1), ("created", 3), ("-id", MAX_LIMIT - 1), ("-size", 1)]
)
def test_a_list_goes_on_when_the_last_rows_of_a_page_are_deleted(
    driver: CinderDriver, cinder: RealCinder, rows: list[str], order: str, gone: int
) -> None:
    query = query_for(driver, rows, order)
    found = walk(driver, query, lambda _, ids: cinder.forget(ids[-gone:]))
    assert len(found) == ROWS
    assert set(found) == set(rows)


def test_a_list_goes_on_when_two_later_pages_are_deleted(
    driver: CinderDriver, cinder: RealCinder, rows: list[str]
) -> None:
    query = query_for(driver, rows, "default")

    def between(number: int, ids: list[str]) -> None:
        if number in {1, 2}:
            cinder.forget(ids)

    found = walk(driver, query, between)
    assert found == rows[::-1]


def test_rows_that_are_deleted_before_they_are_read_are_left_out(
    driver: CinderDriver, cinder: RealCinder, rows: list[str]
) -> None:
    query, newest_first = query_for(driver, rows, "default"), rows[::-1]
    gone = newest_first[2 * MAX_LIMIT - 2 : 2 * MAX_LIMIT + 2]
    found = walk(driver, query, lambda *_: cinder.forget(gone))
    assert found == [id_ for id_ in newest_first if id_ not in gone]


@pytest.mark.parametrize("order", ["default", "created", "-id", "-size"])
def test_a_list_of_which_all_goes_that_was_given_goes_on(
    driver: CinderDriver, cinder: RealCinder, rows: list[str], order: str
) -> None:
    found = walk(driver, query_for(driver, rows, order), lambda _, ids: cinder.forget(ids))
    assert (len(found), set(found)) == (ROWS, set(rows))


def test_really_deleted_snapshots_are_as_good_as_gone(
    driver: CinderDriver, cinder: RealCinder, rows: list[str]
) -> None:
    volume = driver.get_snapshot(rows[0], deadline=Deadline(30)).volume_id or ""
    newest = [cinder.snapshot(volume, "other") for _ in range(MAX_LIMIT)][::-1]

    def delete(number: int, ids: list[str]) -> None:
        if number == 0:
            assert ids == newest
            driver.delete_snapshot(ids[-1], deadline=Deadline(30))
            cinder.wait("snapshots", ids[-1], None)

    query = query_for(driver, rows, "default")
    assert walk(driver, query, delete) == newest + rows[::-1]
    for id_ in newest[:-1]:
        driver.delete_snapshot(id_, deadline=Deadline(30))
