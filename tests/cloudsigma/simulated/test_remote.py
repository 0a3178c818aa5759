"""The rules of remote snapshots: how often, in which states, and where to."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from gateway.core.snapshots import Account
from gateway.driver import CloneSnapshot, CreateSnapshot, ErrorCode
from tests.cloudsigma.simulated.tools import (
    REMOTE,
    Connect,
    asked_for,
    calls,
    changes,
    refused,
    update,
)
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_lists import FILTERS
from tests.simulators.cloudsigma_state import OTHER_ID, USER_ID, Drive, RemoteSnapshot

UNFINISHED = pytest.mark.parametrize("status", ["creating", "transferring"])


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


@pytest.mark.parametrize("minutes", [0, 10, 29.9])
def test_there_is_one_in_30_minutes(
    cloud: CloudSigma, account: Account, drive: Drive, minutes: float
) -> None:
    for one in (minutes, 100, 200):
        cloud.add_remote_snapshot(drive, timestamp=ago(one))
    error = refused(account.create_snapshot, CreateSnapshot(drive.uuid, location="ZRH"))
    assert (error.code, error.is_retryable, error.maybe_done) == ("conflict", True, False)
    left = (30 - minutes) * 60
    assert error.retry_after_s is not None
    assert left - 5 < error.retry_after_s <= left + 1
    found = re.search(r"at (?:\S+ )?(\d\d:\d\d:\d\d) UTC", error.message)
    assert found is not None
    at = datetime.strptime(found[1], "%H:%M:%S").replace(tzinfo=UTC)
    off = (at - (datetime.now(UTC) + timedelta(seconds=left))).total_seconds()
    assert abs((off + 43200) % 86400 - 43200) < 5
    assert not changes(cloud)


def test_after_30_minutes_there_is_another(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    cloud.add_remote_snapshot(drive, timestamp=ago(30.01))
    cloud.add_remote_snapshot(cloud.add_drive(), timestamp=ago(1))
    cloud.add_snapshot(drive)
    made = account.create_snapshot(CreateSnapshot(drive.uuid, location="ZRH"))
    assert made.id in cloud.remote_snapshots
    (asked,) = cloud.asked(REMOTE)
    assert asked_for(asked)["drive"] == drive.uuid


def test_one_of_another_drive_is_no_reason(
    cloud: CloudSigma, account: Account, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the filter by drive, which the schema does not list, be ignored."""
    monkeypatch.delitem(cast(Any, FILTERS["remotesnapshots"]), "drive")
    cloud.add_remote_snapshot(cloud.add_drive(), status="transferring")
    made = account.create_snapshot(CreateSnapshot(drive.uuid, location="ZRH"))
    assert made.id in cloud.remote_snapshots
    error = refused(account.create_snapshot, CreateSnapshot(drive.uuid.upper(), location="ZRH"))
    assert error.code is ErrorCode.CONFLICT


@pytest.mark.parametrize("year", [2036, 9999])
def test_one_that_is_yet_to_be_made_is_a_wrong_clock(
    cloud: CloudSigma, account: Account, drive: Drive, year: int
) -> None:
    cloud.add_remote_snapshot(drive, timestamp=datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))
    error = refused(account.create_snapshot, CreateSnapshot(drive.uuid, location="ZRH"))
    assert (error.code, error.retry_after_s) == ("conflict", None)
    assert f"{year}-12-31 23:59:59 UTC" in error.message
    assert "clock" in error.message


def test_local_ones_have_no_such_rule(cloud: CloudSigma, account: Account, drive: Drive) -> None:
    cloud.add_remote_snapshot(drive, status="transferring")
    for _ in range(2):
        account.create_snapshot(CreateSnapshot(drive.uuid))
    assert calls(cloud) == ["POST /snapshots/"] * 2


@UNFINISHED
def test_there_is_none_while_the_last_is_unfinished(
    cloud: CloudSigma, account: Account, drive: Drive, status: str
) -> None:
    cloud.add_remote_snapshot(drive, timestamp=ago(300))
    last = cloud.add_remote_snapshot(drive, timestamp=ago(200), status=status)
    error = refused(account.create_snapshot, CreateSnapshot(drive.uuid, location="ZRH"))
    assert (error.code, status in error.message) == ("conflict", True)
    assert last.uuid in error.message
    assert not changes(cloud)


@UNFINISHED
def test_an_unfinished_one_is_neither_changed_nor_deleted_nor_cloned(
    cloud: CloudSigma, account: Account, remote: RemoteSnapshot, status: str
) -> None:
    remote.status = status
    for call, given in (
        (account.update_snapshot, (update(name="x"),)),
        (account.update_snapshot, (update(set={"k": "v"}),)),
        (account.delete_snapshot, ()),
        (account.clone_snapshot, (CloneSnapshot(),)),
        (account.delete_metadata_key, ("a",)),
    ):
        error = refused(call, remote.uuid, *given)
        assert (error.code, error.maybe_done) == (ErrorCode.CONFLICT, False)
        assert status in error.message
        assert "once it is available" in error.message
    assert not changes(cloud)
    assert (remote.name, remote.meta["a"]) == ("far", "1")
    shown = account.get_snapshot(remote.uuid)
    assert (shown.state, shown.ready, shown.deletable) == ("creating", False, False)


def test_a_local_one_may_be_changed_and_deleted_while_creating(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    cloud.hold()
    made = account.create_snapshot(CreateSnapshot(drive.uuid))
    assert account.update_snapshot(made.id, update(name="x")).name == "x"
    error = refused(account.clone_snapshot, made.id, CloneSnapshot())
    assert (error.code, "creating" in error.message) == ("conflict", True)
    account.delete_snapshot(made.id)
    assert changes(cloud) == ["POST /snapshots/", "PUT /snapshots/ID/", "DELETE /snapshots/ID/"]


def test_a_remote_one_passes_through_its_states(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    cloud.settings.works_s = {"create_remote_snapshot": 60, "transfer_remote_snapshot": 600}
    made = account.create_snapshot(CreateSnapshot(drive.uuid, location="FRA"))
    met = []
    for _ in range(3):
        found = account.get_snapshot(made.id)
        met.append((found.native_state, found.state.value, found.ready))
        cloud.clock.advance(601)
    assert met == [
        ("creating", "creating", False),
        ("transferring", "creating", False),
        ("available", "available", True),
    ]
    assert found.stored_bytes == drive.size // 8
    assert found.updated is not None
    assert found.updated > made.created if made.created else False


@pytest.mark.parametrize("location", ["XXX", "GVA", "zürich", "Z", "ZRH,FRA", "x" * 300])
def test_an_unknown_location_is_refused_with_those_that_there_are(
    cloud: CloudSigma, account: Account, drive: Drive, location: str
) -> None:
    error = refused(account.create_snapshot, CreateSnapshot(drive.uuid, location=location))
    assert (error.code, list(error.fields)) == (ErrorCode.INVALID, ["location"])
    assert error.fields["location"].endswith("FRA, ZRH")
    assert calls(cloud) == ["GET /capabilities/"]


@pytest.mark.parametrize("locations", [("TBC",), ("gva", "Zrh"), ()])
def test_the_locations_are_those_of_the_capabilities(
    cloud: CloudSigma, connect: Connect, drive: Drive, locations: tuple[str, ...]
) -> None:
    cloud.settings.remote_locations = locations
    error = refused(connect().create_snapshot, CreateSnapshot(drive.uuid, location="FRA"))
    listed = ", ".join(sorted(one.upper() for one in locations)) or "nowhere"
    assert error.fields["location"].endswith(listed)


@pytest.mark.parametrize("status", [403, 409])
def test_what_only_cloudsigma_knows_is_a_conflict_too(
    cloud: CloudSigma, account: Account, drive: Drive, status: int
) -> None:
    """A deleted remote snapshot may bar the next one, and nobody can list that."""
    cloud.settings.interval_counts_deleted = True
    cloud.settings.interval_status = status
    last = cloud.add_remote_snapshot(drive)
    account.delete_snapshot(last.uuid)
    error = refused(account.create_snapshot, CreateSnapshot(drive.uuid, location="ZRH"))
    assert (error.code, error.maybe_done) == (ErrorCode.CONFLICT, False)
    assert status != 403 or "30 minutes" in error.message


def test_one_that_somebody_else_made_counts(
    cloud: CloudSigma, account: Account, drive: Drive
) -> None:
    cloud.add_remote_snapshot(drive, owner=OTHER_ID, grants={USER_ID: ["LIST"]})
    error = refused(account.create_snapshot, CreateSnapshot(drive.uuid, location="ZRH"))
    assert error.code is ErrorCode.CONFLICT
    assert not changes(cloud)


@pytest.mark.parametrize("maximum", [None, 2])
def test_the_last_of_many_counts(
    cloud: CloudSigma, account: Account, drive: Drive, maximum: Any
) -> None:
    cloud.settings.limit_maximum = maximum
    for n in range(25):
        cloud.add_remote_snapshot(drive, timestamp=ago(20 + 40 * n))
    error = refused(account.create_snapshot, CreateSnapshot(drive.uuid, location="ZRH"))
    assert error.retry_after_s is not None
    assert 590 < error.retry_after_s <= 600
