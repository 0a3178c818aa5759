"""Lists are fetched in pages, whole, each row exactly once."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    Deadline,
    MetadataChange,
    Page,
    Query,
    UpdateSnapshot,
)
from tests.ec2.simulated.tools import Connect, Gateway, fill, forms, ids, listed, where
from tests.simulators.ec2 import Simulator
from tests.simulators.ec2_state import Region, Volume


def walk(driver: Any, method: str, page_size: int) -> Iterator[list[str]]:
    """Yield the pages of a driver, asked for without the core."""
    cursor = None
    while True:
        page: Page[Any] = getattr(driver, method)(
            Query(), page_size=page_size, cursor=cursor, deadline=Deadline(10)
        )
        assert len(page.items) <= page_size
        yield [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return


def test_2500_snapshots_are_three_calls(
    simulator: Simulator, connect: Connect, region: Region
) -> None:
    made = fill(region, 2500)
    assert listed(connect(owner="self")) == made
    sizes = [form["MaxResults"] for form in forms(simulator, "DescribeSnapshots")]
    assert sizes == ["1000"] * 3


def test_only_one_small_call_more_learns_whose_the_rows_are(
    simulator: Simulator, account: Account, region: Region
) -> None:
    made = fill(region, 1001)
    assert listed(account) == made
    assert listed(account) == made
    sizes = [form["MaxResults"] for form in forms(simulator, "DescribeSnapshots")]
    assert sorted(sizes) == ["1000"] * 4 + ["5"]


@pytest.mark.parametrize(("size", "calls"), [(5, 5), (7, 3), (20, 2), (21, 1), (1000, 1)])
def test_the_option_is_the_most_that_a_page_holds(
    simulator: Simulator, connect: Connect, region: Region, size: int, calls: int
) -> None:
    made = fill(region, 21)
    listing = connect(page_size=size, owner="self").list_snapshots(Query())
    pages = [[s.id for s in page] for page in listing.pages()]
    assert {one for page in pages for one in page} == made
    assert [len(page) for page in pages[:-1]] == [size] * (calls - 1)
    sizes = [form["MaxResults"] for form in forms(simulator, "DescribeSnapshots")]
    assert sizes == [str(size)] * calls


@pytest.mark.parametrize("size", [1, 2, 4, 5, 7, 23, 24, 1000])
@pytest.mark.parametrize("method", ["list_snapshots", "list_volumes"])
def test_pages_of_every_size_hold_each_row_once(
    gateway: Gateway, region: Region, method: str, size: int
) -> None:
    made = fill(region, 23)
    if method == "list_volumes":
        made = {region.add_volume().id for _ in range(23)}
    found = [one for page in walk(gateway.driver(), method, size) for one in page]
    assert sorted(found) == sorted(made)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 10])
def test_a_list_that_ends_with_a_page_ends(connect: Connect, region: Region, count: int) -> None:
    made = fill(region, count)
    assert listed(connect(page_size=5), state="available") == made


@pytest.mark.parametrize("size", [5, 7, 1000])
def test_short_and_empty_pages_end_no_list(
    simulator: Simulator, connect: Connect, region: Region, size: int
) -> None:
    simulator.settings.short_pages = True
    fill(region, 40)
    wanted = fill(region, 3, tags={"Name": "wanted"})
    pages = list(connect(page_size=size).list_snapshots(where(name="wanted")).pages())
    assert {s.id for page in pages for s in page} == wanted
    assert len(pages) == -(-43 // size)
    assert size > 43 or [] in [list(page) for page in pages]


@pytest.mark.parametrize("size", [1, 5])
def test_short_pages_end_no_list_of_the_driver(
    simulator: Simulator, gateway: Gateway, region: Region, size: int
) -> None:
    simulator.settings.short_pages = True
    made = fill(region, 12)
    found = [one for page in walk(gateway.driver(), "list_snapshots", size) for one in page]
    assert sorted(found) == sorted(made)


def test_a_snapshot_is_found_behind_short_pages(
    simulator: Simulator, account: Account, region: Region
) -> None:
    simulator.settings.short_pages = True
    for snapshot_id in sorted(fill(region, 20)):
        assert account.get_snapshot(snapshot_id).id == snapshot_id


def test_a_volume_is_found_behind_short_pages(
    simulator: Simulator, account: Account, region: Region
) -> None:
    simulator.settings.short_pages = True
    for volume_id in sorted(region.add_volume().id for _ in range(20)):
        assert account.get_volume(volume_id).id == volume_id


@pytest.mark.parametrize("size", [5, 7])
def test_changes_between_pages_neither_hide_nor_double_what_stays(
    connect: Connect, region: Region, size: int
) -> None:
    made = sorted(fill(region, 30))
    doomed = iter(made[::3])
    found: list[str] = []
    for page in connect(page_size=size).list_snapshots(Query()).pages():
        found += [s.id for s in page]
        region.add_snapshot(id="snap-00000000000000000", tags={"n": str(len(found))})
        region.add_snapshot()
        region.snapshots.pop(next(doomed), None)
        region.snapshots.pop(found[-1], None)  # what the next page goes on from
    assert len(found) == len(set(found))
    stayed = set(made) & set(region.snapshots)
    assert stayed <= set(found)


def test_nothing_is_ever_described_without_a_page_size(
    simulator: Simulator, account: Account, region: Region, volume: Volume
) -> None:
    made = account.create_snapshot(CreateSnapshot(volume.id, name="n"))
    simulator.settings.clock.advance(60)
    ids(account.list_snapshots(Query()))
    ids(account.list_snapshots(where(id=made.id, state="available", owner="self")))
    ids(account.snapshots_of(volume.id))
    ids(account.list_volumes(Query()))
    account.get_snapshot(made.id)
    account.get_volume(volume.id)
    account.update_snapshot(made.id, UpdateSnapshot(metadata=MetadataChange({"k": "v"})))
    account.clone_snapshot(made.id, CloneSnapshot())
    account.check_credentials()
    asked = [form for name, form in simulator.calls if name.startswith("Describe")]
    assert len(asked) >= 10
    assert all(5 <= int(form["MaxResults"]) <= 1000 for form in asked)
    assert not any("SnapshotId.1" in form or "VolumeId.1" in form for form in asked)
