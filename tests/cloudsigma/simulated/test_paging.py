"""Lists are complete and in order, whatever a page is and whatever changes meanwhile."""

import time
from typing import Any

import pytest

from drivers.cloudsigma.driver import CloudSigmaDriver
from gateway.core.snapshots import Account
from gateway.driver import DriverError, ErrorCode, Query
from tests.cloudsigma.simulated.changing import Unrest, after
from tests.cloudsigma.simulated.tools import (
    LOCAL,
    REMOTE,
    asked_for,
    by,
    calls,
    ids,
    walk,
    walked,
    where,
)
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import Drive

ORDERS = pytest.mark.parametrize("order", ["moving", "reshuffled", "created"])
SORTS = ("", "created", "-created", "id", "-id", "name", "-name")


def sort_of(text: str) -> Query:
    return by(text) if text else Query()


@ORDERS
def test_pages_hold_everything_once_and_in_order(
    cloud: CloudSigma, driver: CloudSigmaDriver, *, order: Any
) -> None:
    cloud.settings.order = order
    drive = cloud.add_drive()
    made = cloud.add_snapshots(5, drive)
    far = [cloud.add_remote_snapshot(drive, name=f"far-{n}").uuid for n in range(3)]
    for page_size, maximum in ((1, None), (3, None), (8, 3), (3, 3), (7, 1), (1000, None)):
        cloud.settings.limit_maximum = maximum
        pages = list(walk(driver, page_size))
        assert [one.id for page in pages for one in page.items] == sorted(made + far)
        assert all(len(page.items) <= page_size for page in pages)
        assert len(pages) == -(-8 // page_size)
        assert walked(driver, page_size, by("-created"))[-5:] == made[::-1]
    assert walked(driver, 3, by("created")) == made + far


@pytest.mark.parametrize("page_size", [1, 3, 1000])
def test_pages_are_of_what_matches(
    cloud: CloudSigma, driver: CloudSigmaDriver, drive: Drive, page_size: int
) -> None:
    made = cloud.add_snapshots(6, drive)
    cloud.add_snapshots(6, cloud.add_drive())
    wanted = where(volume_id=drive.uuid)
    assert walked(driver, page_size, wanted) == sorted(made)
    kinds = {kind: walked(driver, page_size, where(kind=kind)) for kind in ("local", "remote")}
    assert [len(found) for found in kinds.values()] == [12, 0]


def test_a_name_that_many_have_is_sorted_by_id(
    cloud: CloudSigma, driver: CloudSigmaDriver, drive: Drive
) -> None:
    made = sorted(cloud.add_snapshot(drive, name="same").uuid for _ in range(7))
    for page_size in (1, 3, 10):
        assert walked(driver, page_size, by("name")) == made
        assert walked(driver, page_size, by("-name")) == made


def test_fewer_than_a_thousand_take_one_call_of_each_kind(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    made = set(cloud.add_snapshots(900, drive))
    made |= {cloud.add_remote_snapshot(drive).uuid for _ in range(100)}
    for query in (Query(), by("-created"), where(name__contains="s")):
        ids(account.list_snapshots(query))
        assert calls(cloud) == [LOCAL, REMOTE]
    assert set(ids(account.list_snapshots(Query()))) == made


def test_thousands_are_an_index_and_pages(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    made = cloud.add_snapshots(2100, drive)
    far = [cloud.add_remote_snapshot(drive).uuid for _ in range(3)]
    start = time.monotonic()
    assert ids(account.list_snapshots(by("created"))) == made + far
    assert time.monotonic() - start < 5
    asked = [asked_for(one) for one in cloud.asked(LOCAL)]
    whole = [one for one in asked if one["limit"] == "0" and "fields" in one]
    assert {one["fields"] for one in whole} == {"timestamp,uuid"}
    assert (len(whole), sum("uuid" in one for one in asked)) == (3, 21)
    assert max(len(one.query) for one in cloud.asked()) < 4500


def test_a_server_that_gives_a_thousand_at_most_is_asked_again(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    cloud.settings.limit_maximum = 1000
    made = cloud.add_snapshots(2050, drive)
    assert ids(account.list_snapshots(Query())) == sorted(made)


@ORDERS
def test_what_stays_is_listed_once_while_others_come_and_go_between_pages(
    cloud: CloudSigma, driver: CloudSigmaDriver, *, order: Any
) -> None:
    cloud.settings.order = order
    for seed, sort in enumerate(SORTS):
        unrest = Unrest(cloud, seed, stay=4, pass_=3)
        found = []
        for page in walk(driver, 1 + seed, sort_of(sort)):
            found += [one.id for one in page.items]
            unrest.happen()
        assert len(found) == len(set(found)), (seed, sort)
        assert unrest.staying <= set(found), (seed, sort)
        cloud.clear()


def attempt(driver: CloudSigmaDriver, size: int, query: Query) -> list[str] | DriverError:
    """Return the ids of all pages, or the error that a list ends with."""
    try:
        return walked(driver, size, query)
    except DriverError as error:
        return error


def whole_or_error(cloud: CloudSigma, driver: CloudSigmaDriver, seed: int, size: int) -> str:
    """Return what comes of a list while the cloud changes after each of its answers."""
    unrest = Unrest(cloud, seed, stay=4, pass_=3)
    with after(cloud, "GET *", unrest.happen):
        found = attempt(driver, size, sort_of(SORTS[seed % len(SORTS)]))
    if isinstance(found, DriverError):
        assert (found.code, found.is_retryable) == (ErrorCode.UNAVAILABLE, True)
        return "error"
    if len(found) != len(set(found)):
        return "twice"
    return "right" if unrest.staying <= set(found) else "short"


@ORDERS
def test_what_stays_is_listed_once_while_others_come_and_go_between_requests(
    cloud: CloudSigma, driver: CloudSigmaDriver, *, order: Any
) -> None:
    cloud.settings.order = order
    for seed in range(7):
        found = whole_or_error(cloud, driver, seed, (1, 3, 5, 1000)[seed % 4])
        assert found == "right", seed
        cloud.clear()


@ORDERS
def test_a_list_in_several_answers_is_whole_or_an_error(
    cloud: CloudSigma, driver: CloudSigmaDriver, *, order: Any
) -> None:
    cloud.settings.order = order
    met: dict[str, list[int]] = {}
    for seed in range(9):
        cloud.settings.limit_maximum = (2, 3, 5)[seed % 3]
        found = whole_or_error(cloud, driver, seed, (3, 5, 1000)[seed // 3])
        met.setdefault(found, []).append(seed)
        cloud.clear()
    assert met.keys() <= {"right", "error"}, met


@pytest.mark.parametrize("comes", [False, True])
@pytest.mark.parametrize("kind", ["index", "rows"])
def test_a_deletion_between_two_answers_hides_nothing(
    cloud: CloudSigma, driver: CloudSigmaDriver, drive: Drive, *, comes: bool, kind: str
) -> None:
    """What follows what is deleted moves up, into the answer that is there already."""
    cloud.settings.limit_maximum, cloud.settings.order = 2, "created"
    made = cloud.add_snapshots(5, drive)
    at = {"index": 2, "rows": 5}[kind]  # the first call finds that one answer is too little

    def change(count: int) -> None:
        if count == at:
            del cloud.snapshots[made[0]]
            if comes:
                cloud.add_snapshot(drive)

    with after(cloud, LOCAL, change):
        found = attempt(driver, 1000, where(kind="local"))
    assert made[0] not in cloud.snapshots
    if isinstance(found, DriverError):
        assert found.is_retryable
    else:
        assert set(made[1:]) <= set(found)


def test_a_list_that_never_rests_is_an_error_that_says_so(
    cloud: CloudSigma, driver: CloudSigmaDriver, drive: Drive
) -> None:
    cloud.settings.limit_maximum, cloud.settings.order = 2, "created"
    cloud.add_snapshots(6, drive)

    def change(_: int) -> None:
        first = next(iter(cloud.snapshots))
        cloud.snapshots[first] = cloud.snapshots.pop(first)

    with after(cloud, LOCAL, change), pytest.raises(DriverError) as caught:
        walked(driver, 1000)
    assert caught.value.is_retryable
    assert "changed" in caught.value.message


def test_a_row_that_is_hidden_by_another_in_every_round_is_no_short_list(
    cloud: CloudSigma, driver: CloudSigmaDriver, drive: Drive
) -> None:
    """The third row goes to the front after each first answer, the second one to the end."""
    cloud.settings.limit_maximum, cloud.settings.order = 2, "created"
    made = cloud.add_snapshots(4, drive)

    def change(count: int) -> None:
        order = (2, 0, 3, 1) if count % 2 == 0 else (0, 1, 2, 3)
        for n in order:
            cloud.snapshots[made[n]] = cloud.snapshots.pop(made[n])

    with after(cloud, LOCAL, change):
        found = attempt(driver, 1000, where(kind="local"))
    assert isinstance(found, DriverError) or set(found) == set(made)


def test_what_goes_after_the_index_was_read_is_left_out(
    cloud: CloudSigma, driver: CloudSigmaDriver, drive: Drive
) -> None:
    made = cloud.add_snapshots(5, drive)

    def change(count: int) -> None:
        if count == 2:
            del cloud.snapshots[made[1]]

    with after(cloud, LOCAL, change):
        found = walked(driver, 4, by("created"))
    assert found == [made[0], *made[2:]]


def test_volumes_are_listed_in_pages_too(cloud: CloudSigma, driver: CloudSigmaDriver) -> None:
    made = sorted(cloud.add_drive().uuid for _ in range(7))
    for maximum in (None, 2):
        cloud.settings.limit_maximum = maximum
        for page_size in (1, 3, 1000):
            pages = walk(driver, page_size, what="list_volumes")
            assert [one.id for page in pages for one in page.items] == made
