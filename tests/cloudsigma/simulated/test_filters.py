"""Filters, their pushdown to CloudSigma's query string, and the order of lists."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from gateway.core.snapshots import Account
from gateway.driver import CreateSnapshot, Filter, Query
from tests.cloudsigma.simulated.conftest import Build
from tests.cloudsigma.simulated.tools import (
    LOCAL,
    MINE,
    NOBODYS,
    REMOTE,
    Connect,
    asked_for,
    by,
    calls,
    ids,
    in_order,
    listed,
    refused,
    where,
)
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import OTHER_ID, USER_ID, Drive, RemoteSnapshot, Snapshot

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
AWKWARD = (
    "a,b", "a", "b", "a\\,b", "a\\", "\\", ",", "\\\\,", "A,B", " a", "a&b=c#d?", "%2C", "+", "é",
    "uuid", "\u5099\u4efd", "'\"", "a\\,", ",,",
)  # fmt: skip


def pushed(cloud: CloudSigma, target: str = LOCAL) -> dict[str, str]:
    """Return the filters of the one request of a target."""
    (asked,) = cloud.asked(target)
    return {k: v for k, v in asked_for(asked).items() if k not in ("limit", "offset")}


def test_a_list_holds_both_kinds_in_two_calls(
    cloud: CloudSigma, account: Account, local: Snapshot, remote: RemoteSnapshot
) -> None:
    assert listed(account) == {local.uuid, remote.uuid}
    assert [asked_for(one) for one in cloud.asked()] == [{"limit": "1000", "offset": "0"}] * 2
    assert calls(cloud) == [LOCAL, REMOTE]


@pytest.mark.parametrize(
    ("conditions", "expected", "asked"),
    [
        ({"kind": "local"}, "l", [LOCAL]),
        ({"kind": "remote"}, "r", [REMOTE]),
        ({"location": "ZRH"}, "r", [REMOTE]),
        ({"location": "FRA"}, "", [REMOTE]),
        ({"location": "ZRH", "kind": "local"}, "", []),
        ({"location": "ZRH", "kind": "remote"}, "r", [REMOTE]),
        ({"state": "available"}, "lr", [LOCAL, REMOTE]),
        ({"state": "creating"}, "", [LOCAL, REMOTE]),
        ({"owner": "self"}, "lr", [LOCAL, REMOTE]),
        ({"owner": USER_ID}, "lr", [LOCAL, REMOTE]),
        ({"owner": OTHER_ID}, "", [LOCAL, REMOTE]),
    ],
)
def test_a_filter_asks_the_collections_that_can_hold_it(
    cloud: CloudSigma,
    account: Account,
    local: Snapshot,
    remote: RemoteSnapshot,
    *,
    conditions: dict[str, str],
    expected: str,
    asked: list[str],
) -> None:
    known = {"l": local.uuid, "r": remote.uuid}
    assert listed(account, where(**conditions)) == {known[letter] for letter in expected}
    assert calls(cloud) == asked


def test_filters_are_pushed_down(cloud: CloudSigma, account: Account, drive: Drive) -> None:
    tag = cloud.add_tag("blue")
    meant = cloud.add_snapshot(drive, name="Nightly 7", tags=[tag.uuid])
    far = cloud.add_remote_snapshot(drive, name="nightly 8", tags=[tag.uuid])
    cloud.add_snapshot(name="other")
    both = {meant.uuid, far.uuid}
    for conditions, sent, expected in (
        ({"name": "Nightly 7"}, {"name": "Nightly 7"}, {meant.uuid}),
        ({"name__contains": "NIGHT"}, {"name__contains": "G"}, both),
        ({"volume_id": drive.uuid}, {"drive": drive.uuid}, both),
        ({"label": tag.uuid}, {"tag": tag.uuid}, both),
        (
            {"label": tag.uuid, "name__contains": "7", "volume_id": drive.uuid, "owner": "self"},
            {"tag": tag.uuid, "name__contains": "7", "drive": drive.uuid},
            {meant.uuid},
        ),
    ):
        assert listed(account, where(**conditions)) == expected
        assert (pushed(cloud), pushed(cloud, REMOTE)) == (sent, sent)
        cloud.requests.clear()


def test_labels_are_tags_and_stay(cloud: CloudSigma, account: Account, local: Snapshot) -> None:
    tag = cloud.add_tag("blue", local)
    assert account.get_snapshot(local.uuid).labels == (tag.uuid,)


@pytest.mark.parametrize("lookup", ["name", "name__contains"])
def test_commas_and_backslashes_in_a_name_mean_themselves(
    cloud: CloudSigma, account: Account, drive: Drive, lookup: str
) -> None:
    names = {cloud.add_snapshot(drive, name=name).uuid: name for name in AWKWARD}
    names |= {cloud.add_remote_snapshot(drive, name=name).uuid: name for name in AWKWARD[:4]}
    for wanted in AWKWARD:
        expected = {
            uuid
            for uuid, name in names.items()
            if (name == wanted if lookup == "name" else wanted.casefold() in name.casefold())
        }
        assert listed(account, where(**{lookup: wanted})) == expected, wanted


def test_an_id_is_asked_for_itself(
    cloud: CloudSigma, account: Account, local: Snapshot, remote: RemoteSnapshot
) -> None:
    one, both = ["GET /snapshots/ID/"], ["GET /snapshots/ID/", "GET /remotesnapshots/ID/"]
    for query, expected, asked in (
        (where(id=local.uuid), {local.uuid}, one),
        (where(id=remote.uuid), {remote.uuid}, both),
        (where(id=NOBODYS), set(), both),
        (where(id="no id"), set(), []),
        (where(id=local.uuid, name="another"), set(), one),
        (where(id=local.uuid, kind="remote"), set(), one),
    ):
        assert listed(account, query) == expected
        assert calls(cloud) == asked


@pytest.mark.parametrize("status", [403, 404])
def test_a_list_holds_nothing_of_somebody_else(
    cloud: CloudSigma, account: Account, status: Any
) -> None:
    """A filter leaves out: what a whole list lacks no filtered one has, or fails by."""
    cloud.settings.foreign_status = status
    theirs = cloud.add_snapshot(owner=OTHER_ID)
    assert listed(account) == listed(account, where(volume_id=theirs.drive)) == set()
    assert listed(account, where(id=theirs.uuid)) == set()
    assert ids(account.list_volumes(where(id=theirs.drive))) == []


def test_a_list_that_is_denied_is_no_empty_one(
    cloud: CloudSigma, account: Account, local: Snapshot
) -> None:
    for query in (Query(), where(id=local.uuid), where(kind="local")):
        cloud.fail("GET /snapshots/*", 403, times=9)
        assert refused(listed, account, query).code == "denied"
        cloud.clear_faults()


def test_metadata_and_states_are_looked_at_here(
    cloud: CloudSigma, account: Account, local: Snapshot, remote: RemoteSnapshot
) -> None:
    cloud.add_snapshot(meta={"a": "2"})
    local.status = "unavailable"
    tagged = Query((Filter("metadata", "1", key="a"), Filter("metadata", "2", key="b")))
    assert listed(account, tagged) == {local.uuid, remote.uuid}
    assert pushed(cloud) == {}
    assert listed(account, Query((Filter("metadata", "before", key="description"),))) == set()
    assert listed(account, where(state="error")) == {local.uuid}


@pytest.mark.parametrize("order", ["moving", "reshuffled", "created"])
@pytest.mark.parametrize("turned", [False, True])
def test_lists_are_sorted_both_ways(
    cloud: CloudSigma, account: Account, *, order: Any, turned: bool
) -> None:
    cloud.settings.order = order
    made: list[Any] = []
    for n, name in enumerate(("b", "a", "", "a", "B", "é", "b")):
        add = cloud.add_remote_snapshot if n % 2 else cloud.add_snapshot
        made.append(add(name=name, timestamp=START + timedelta(seconds=n // 2)))
    read: dict[str, Callable[[Any], Any]] = {
        "created": lambda one: one.timestamp,
        "id": lambda one: one.uuid,
        "name": lambda one: (bool(one.name) if turned else not one.name, one.name),  # none: last
    }
    for names in (("created",), ("id",), ("name",), ("name", "created"), ("created", "name")):
        values = {one.uuid: tuple(read[name](one) for name in names) for one in made}
        expected = in_order(made, values, turned=turned)
        sort = by(*(f"-{name}" if turned else name for name in names))
        assert ids(account.list_snapshots(sort)) == expected


def test_an_order_may_turn_each_key_by_itself(cloud: CloudSigma, account: Account) -> None:
    made = [
        cloud.add_snapshot(name=name, timestamp=START + timedelta(seconds=seconds))
        for name, seconds in (("a", 1), ("b", 1), ("a", 2), ("b", 2))
    ]
    expected = [made[n].uuid for n in (2, 0, 3, 1)]
    assert ids(account.list_snapshots(by("name", "-created"))) == expected


def test_what_is_not_sorted_here_the_gateway_sorts(cloud: CloudSigma, account: Account) -> None:
    made = [cloud.add_snapshot(allocated_size=size).uuid for size in (5, 1, 3)]
    assert ids(account.list_snapshots(by("-stored_bytes"))) == [made[n] for n in (0, 2, 1)]


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_a_location_without_remote_snapshots_has_local_ones_only(
    cloud: CloudSigma, connect: Connect, local: Snapshot, status: int
) -> None:
    """What a location answers that has none is undocumented, but for its capabilities."""
    cloud.settings.has_remote_snapshots = False
    cloud.fail("GET /remotesnapshots/*", status, times=9)
    account = connect(MINE)
    assert listed(account) == listed(account, where(kind="local")) == {local.uuid}
    assert listed(account, where(kind="remote")) == listed(account, where(location="ZRH")) == set()
    assert account.count_snapshots(Query()) == (1, 0)
    assert set(calls(cloud)) == {LOCAL}
    error = refused(account.create_snapshot, CreateSnapshot(local.drive, location="ZRH"))
    assert (error.code, list(error.fields)) == ("invalid", ["location"])
    assert refused(account.get_snapshot, NOBODYS).code == "not_found"
    assert not cloud.count("POST *")


def test_a_cold_account_lists_without_asking_what_the_location_can_do(
    cloud: CloudSigma, build: Build, local: Snapshot, remote: RemoteSnapshot
) -> None:
    account = build(cloud).account()
    for _ in range(3):
        assert listed(account) == {local.uuid, remote.uuid}
    assert calls(cloud) == [LOCAL, REMOTE] * 3


@pytest.mark.parametrize("remote_snapshots", [{}, {"remote_locations": []}, None, {"max": 0}])
def test_what_there_is_is_listed_although_no_more_can_be_made(
    cloud: CloudSigma, account: Account, remote: RemoteSnapshot, *, remote_snapshots: Any
) -> None:
    body = orjson.dumps({"remote_snapshots": remote_snapshots})
    cloud.garble("GET /capabilities/", body, times=9)
    assert listed(account) == listed(account, where(kind="remote")) == {remote.uuid}
    assert refused(
        account.create_snapshot, CreateSnapshot(remote.drive, location="ZRH")
    ).fields.keys() == {"location"}


def test_remote_snapshots_that_come_to_a_location_are_listed_soon(
    cloud: CloudSigma,
    account: Account,
    remote: RemoteSnapshot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud.settings.has_remote_snapshots = False
    assert listed(account) == set()
    assert calls(cloud) == [LOCAL, REMOTE, "GET /capabilities/"]
    assert listed(account) == set()
    assert calls(cloud) == [LOCAL]
    cloud.settings.has_remote_snapshots = True
    later = time.monotonic() + 61
    monkeypatch.setattr("drivers.cloudsigma.account.time.monotonic", lambda: later)
    assert listed(account) == {remote.uuid}


@pytest.mark.parametrize("capabilities", [200, 404, 500])
@pytest.mark.parametrize("target", [LOCAL, REMOTE, "GET /capabilities/"])
def test_a_list_is_never_not_found(
    cloud: CloudSigma, account: Account, local: Snapshot, *, capabilities: int, target: str
) -> None:
    """A collection that CloudSigma has not, although it should, is no empty one."""
    if capabilities != 200:
        cloud.fail("GET /capabilities/", capabilities, times=9)
    cloud.fail(target, 404, times=9)
    if target == "GET /capabilities/" or (target, capabilities) == (REMOTE, 404):
        assert listed(account) == {local.uuid}
    else:
        assert refused(listed, account).code == "backend"


def test_a_remote_snapshot_that_does_not_tell_where_it_is_stays_remote(
    cloud: CloudSigma, account: Account, remote: RemoteSnapshot
) -> None:
    remote.location = ""
    for query in (Query(), where(kind="remote"), where(location="unknown"), where(id=remote.uuid)):
        (found,) = account.list_snapshots(query).items()
        assert (found.kind, found.location, found.volume_exists) == ("remote", "unknown", None)
    assert listed(account, where(kind="local")) == set()
