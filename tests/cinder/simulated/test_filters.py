"""Filters: Cinder applies what its operator lets it, the core the rest; the result is the same."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import Filter, Query, SnapshotState
from tests.cinder.simulated.tools import (
    ADMIN,
    FILTERS,
    LIST,
    Connect,
    asked_for,
    by,
    calls,
    ids,
    listed,
    tagged,
    where,
)
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import DEMO_PROJECT, SNAPSHOT_STATES, Region

VOLUME = "11111111-2222-4333-8444-555555555555"
FOREIGN = "1" * 32
PUSHED: dict[str, tuple[Query, str, str]] = {
    "name": (where(name="a b&c=d"), "name", "a b&c=d"),
    "volume": (where(volume_id=VOLUME), "volume_id", VOLUME),
    "creating": (where(state="creating"), "status", "creating"),
    "available": (where(state="available"), "status", "available"),
    "metadata": (tagged(k="v"), "metadata", "{'k': 'v'}"),
    "quotes": (tagged(k='it\'s "x" \\ {}'), "metadata", repr({"k": 'it\'s "x" \\ {}'})),
    "two pairs": (tagged(k="v", l="w"), "metadata", "{'k': 'v', 'l': 'w'}"),
}


def filters_of(openstack: OpenStack) -> list[dict[str, str]]:
    """Return by what each list so far was filtered, and forget it."""
    found = [asked_for(one) for one in openstack.asked(LIST)]
    openstack.requests.clear()
    return [
        {k: v for k, v in one.items() if k not in ("limit", "marker", "all_tenants")}
        for one in found
    ]


@pytest.mark.parametrize("name", PUSHED)
def test_a_filter_is_cinders_to_apply(openstack: OpenStack, account: Account, name: str) -> None:
    query, key, value = PUSHED[name]
    assert listed(account, query) == set()
    assert filters_of(openstack) == [{key: value}]


@pytest.mark.parametrize("name", PUSHED)
def test_or_not_where_its_operator_forbids_it(
    openstack: OpenStack, account: Account, name: str
) -> None:
    query, key, _ = PUSHED[name]
    openstack.settings.resource_filters["snapshot"].remove(key)
    assert listed(account, query) == set()
    assert filters_of(openstack) == [{}]


@pytest.mark.parametrize("name", PUSHED)
def test_what_is_forbidden_later_is_asked_for_again_without(
    openstack: OpenStack, account: Account, region: Region, name: str
) -> None:
    query, key, value = PUSHED[name]
    wanted = region.add_snapshot(
        region.add_volume(id=VOLUME),
        name="a b&c=d",
        status="creating" if name == "creating" else "available",
        metadata={f.key: f.value for f in query.filters if f.key} or {},
    ).id
    assert listed(account, query) == {wanted}
    filters_of(openstack)
    region.add_snapshot(status="error")
    openstack.settings.resource_filters["snapshot"].remove(key)
    assert listed(account, query) == {wanted}
    assert filters_of(openstack) == [{key: value}, {}]


def test_an_order_stays_when_a_filter_goes(
    openstack: OpenStack, account: Account, region: Region
) -> None:
    made = region.add_snapshots(7, name="n")
    query = by("created", filters=where(name="n").filters)
    openstack.settings.page_maximum = 3
    listed(account, query)
    openstack.settings.resource_filters["snapshot"].remove("name")
    openstack.requests.clear()
    assert ids(account.list_snapshots(query)) == made
    assert {one.get("sort") for one in filters_of(openstack)} == {"created_at:asc,id:asc"}


def test_a_marker_that_is_gone_is_no_forbidden_filter(
    openstack: OpenStack, account: Account, region: Region
) -> None:
    made = region.add_snapshots(9, name="n")[::-1]
    openstack.settings.page_maximum = 3
    pages = account.list_snapshots(where(name="n")).pages()
    found = [one.id for one in next(pages)]
    del region.snapshots[found[-1]]
    openstack.settings.resource_filters["snapshot"].remove("name")
    found += [one.id for page in pages for one in page]
    assert found == made


def test_another_bad_request_is_not_asked_again(openstack: OpenStack, account: Account) -> None:
    openstack.fail(LIST, 400, "Invalid input received: no", times=9)
    with pytest.raises(Exception, match="refuses"):
        listed(account, where(name="n"))
    assert openstack.count(LIST) == 1


def test_an_administrator_may_filter_by_what_others_may_not(
    openstack: OpenStack, connect: Connect, region: Region
) -> None:
    openstack.settings.resource_filters["snapshot"] = []
    account = connect(ADMIN, all_projects=True)
    own = region.add_snapshot(name="n").id
    assert listed(account, where(name="n")) == {own}


def test_an_administrator_sees_the_snapshots_of_a_foreign_volume(
    connect: Connect, region: Region
) -> None:
    foreign = region.add_snapshot()
    account = connect(ADMIN)
    assert listed(account) == set()
    assert listed(account, where(volume_id=foreign.volume_id)) == {foreign.id}


def test_filters_are_asked_for_once_by_a_process(
    openstack: OpenStack, connect: Connect, region: Region
) -> None:
    account = connect()
    listed(account)
    listed(account, by("created"))
    assert openstack.count(FILTERS) == 0
    for query in (where(name="n"), where(state="available"), tagged(k="v")):
        listed(account, query)
    assert openstack.count(FILTERS) == 1
    (asked,) = openstack.asked(FILTERS)
    assert asked_for(asked) == {"resource": "snapshot"}


def test_a_cloud_that_fails_to_tell_them_is_asked_again(
    openstack: OpenStack, account: Account
) -> None:
    openstack.fail(FILTERS, 503, times=3)
    assert listed(account, where(name="n")) == set()
    assert calls(openstack) == [FILTERS] * 3 + [LIST]
    assert listed(account, where(name="n")) == set()
    assert calls(openstack) == [FILTERS, LIST]


@pytest.mark.parametrize(
    "query",
    [where(owner="self"), where(owner=DEMO_PROJECT), where(state="busy")],
    ids=["self", "by id", "busy"],
)
def test_what_is_never_pushed_needs_no_filters(
    openstack: OpenStack, account: Account, query: Query
) -> None:
    listed(account, query)
    assert calls(openstack) == [LIST]


@pytest.mark.parametrize("state", SnapshotState)
def test_each_state_finds_all_of_its_kind(
    account: Account, region: Region, state: SnapshotState
) -> None:
    for status in (*SNAPSHOT_STATES, "something-new"):
        region.add_snapshot(status=status)
    everything = list(account.list_snapshots(Query()).items())
    assert len(everything) == 11
    assert listed(account, where(state=state)) == {
        one.id for one in everything if one.state is state
    }


@pytest.mark.parametrize("id_", ["detail", "a.json", "..", "x", VOLUME, VOLUME.upper(), VOLUME[1:]])
def test_an_id_that_is_not_there_finds_nothing(account: Account, region: Region, id_: str) -> None:
    region.add_snapshot()
    assert listed(account, where(id=id_)) == set()
    assert ids(account.list_volumes(where(id=id_))) == []


def test_an_id_is_looked_up(openstack: OpenStack, account: Account, region: Region) -> None:
    one, _ = region.add_snapshot(name="a"), region.add_snapshot(name="b")
    assert listed(account, where(id=one.id)) == {one.id}
    assert calls(openstack) == ["GET /snapshots/ID"]
    assert listed(account, where(id=one.id, name="b")) == set()
    assert listed(account, where(id=one.id, owner="self")) == {one.id}
    assert ids(account.list_volumes(where(id=one.volume_id))) == [one.volume_id]


def test_an_owner_who_can_have_nothing_here_is_not_asked_for(
    openstack: OpenStack, account: Account, region: Region
) -> None:
    region.add_snapshot(project_id=FOREIGN)
    assert listed(account, where(owner=FOREIGN)) == set()
    assert calls(openstack) == []


def test_an_administrator_sees_all_projects_only_where_that_is_configured(
    openstack: OpenStack, connect: Connect, region: Region
) -> None:
    foreign, own = region.add_snapshot(), region.add_snapshot(project_id=FOREIGN)
    project = openstack.identity.project("admin").id
    mine = region.add_snapshot(project_id=project)
    everywhere, here = connect(ADMIN, all_projects=True), connect(ADMIN)
    assert listed(everywhere) == {foreign.id, own.id, mine.id}
    assert listed(everywhere, where(owner=FOREIGN)) == {own.id}
    assert listed(everywhere, where(owner="self")) == {mine.id}
    assert listed(everywhere, where(owner=project)) == {mine.id}
    assert len(ids(everywhere.list_volumes(Query()))) == 3
    assert listed(here) == {mine.id}
    owners = [one.owner for one in everywhere.list_snapshots(Query()).items()]
    assert {one.id: one.is_self for one in owners if one} == {
        DEMO_PROJECT: False,
        FOREIGN: False,
        project: True,
    }


def test_volumes_are_filtered_too(openstack: OpenStack, account: Account, region: Region) -> None:
    one, other = region.add_volume(name="a"), region.add_volume(name="b", status="in-use")
    assert ids(account.list_volumes(where(name="a"))) == [one.id]
    assert ids(account.list_volumes(where(state="in-use"))) == [other.id]
    assert ids(account.list_volumes(where(state="error"))) == []
    queries = [asked_for(call) for call in openstack.asked("GET /volumes/detail")]
    assert queries == [
        {"name": "a", "limit": "1000"},
        {"status": "in-use", "limit": "1000"},
        {"limit": "1000"},
    ]


def combinations() -> Iterator[tuple[Filter, ...]]:
    """Yield filters, also such as contradict each other or come twice."""
    single = [
        Filter("name", "a"),
        Filter("name", "b"),
        Filter("name", ""),
        Filter("state", "available"),
        Filter("state", "error"),
        Filter("metadata", "1", key="k"),
        Filter("metadata", "2", key="k"),
        Filter("metadata", "1", key="l"),
        Filter("owner", "self"),
    ]
    for count in (1, 2, 3):
        yield from itertools.combinations(single, count)


def fill(region: Region) -> None:
    chosen = random.Random(3)
    for _ in range(40):
        region.add_snapshot(
            name=chosen.choice(["a", "b", "A", "", None]),
            status=chosen.choice(["available", "error", "error_deleting", "creating"]),
            metadata={key: chosen.choice("12") for key in chosen.sample("klm", 2)},
        )


@pytest.mark.parametrize("allowed", ["name status volume_id metadata", "status", ""])
def test_any_combination_finds_what_matches(
    openstack: OpenStack, connect: Connect, region: Region, allowed: str
) -> None:
    openstack.settings.resource_filters["snapshot"] = allowed.split()
    fill(region)
    account: Any = connect()
    everything = list(account.list_snapshots(Query()).items())
    for filters in combinations():
        query = Query(filters)
        assert listed(account, query) == {one.id for one in everything if query.matches(one)}
