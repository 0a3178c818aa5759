"""The life of a snapshot, local and remote: what is made, shown, changed, cloned and deleted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.snapshots import Account
from gateway.driver import (
    CloneSnapshot,
    CreateSnapshot,
    DriverError,
    ErrorCode,
    Owner,
    SnapshotState,
    StoredKind,
    Visibility,
    VolumeState,
)
from tests.cloudsigma.simulated.tools import (
    GIB,
    NOBODYS,
    Connect,
    calls,
    refused,
    update,
    without_marker,
)
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import OTHER_ID, USER_ID, Drive, RemoteSnapshot, Snapshot

KINDS = pytest.mark.parametrize("location", [None, "ZRH"])


@KINDS
def test_a_snapshot_is_made_shown_changed_and_deleted(
    cloud: CloudSigma, account: Account, drive: Drive, location: str | None
) -> None:
    cloud.hold()
    made = account.create_snapshot(
        CreateSnapshot(drive.uuid, "n", "d", {"k": "v"}, location=location)
    )
    assert (made.state, made.native_state, made.ready) == ("creating", "creating", False)
    assert (made.name, made.description, made.metadata) == ("n", "d", {"k": "v"})
    assert (made.volume_id, made.location) == (drive.uuid, location)
    assert made.stored_bytes == (None if location is None else 0)
    cloud.settle()
    cloud.hold(held=False)
    shown = account.get_snapshot(made.id)
    assert (shown.state, shown.ready) == (SnapshotState.AVAILABLE, True)
    assert shown.stored_kind is StoredKind.DELTA
    changed = account.update_snapshot(made.id, update(name="m", description=None, set={"x": "y"}))
    assert (changed.name, changed.description) == ("m", None)
    assert changed.metadata == {"k": "v", "x": "y"}
    assert account.get_snapshot(made.id) == changed
    account.delete_snapshot(made.id)
    for call in (account.get_snapshot, account.delete_snapshot):
        assert refused(call, made.id).code is ErrorCode.NOT_FOUND


def test_what_is_known_of_a_local_snapshot(account: Account, local: Snapshot, drive: Drive) -> None:
    found = account.get_snapshot(local.uuid)
    assert found.created == local.timestamp
    assert (found.updated, found.completed, found.progress) == (None, None, None)
    assert (found.volume_id, found.volume_exists, found.size_bytes) == (drive.uuid, True, None)
    assert (found.stored_bytes, found.stored_kind) == (0, StoredKind.DELTA)
    assert (found.owner, found.visibility) == (Owner(USER_ID, True), Visibility.PRIVATE)
    assert (found.location, found.kind, found.deletable) == (None, "local", True)
    assert (found.description, found.metadata) == ("before", {"a": "1", "b": "2"})


def test_what_is_known_of_a_remote_snapshot(
    account: Account, remote: RemoteSnapshot, drive: Drive
) -> None:
    remote.last_state_change = remote.timestamp + timedelta(minutes=5)
    found = account.get_snapshot(remote.uuid)
    assert (found.created, found.updated) == (remote.timestamp, remote.last_state_change)
    assert (found.volume_id, found.volume_exists) == (drive.uuid, None)
    assert (found.size_bytes, found.location, found.kind) == (10 * GIB, "ZRH", "remote")
    assert (found.description, found.metadata) == ("before", {"a": "1", "b": "2"})


@KINDS
def test_without_a_name_cloudsigma_makes_one_up(
    cloud: CloudSigma, account: Account, drive: Drive, location: str | None
) -> None:
    made = account.create_snapshot(CreateSnapshot(drive.uuid, location=location))
    assert made.name is not None
    assert made.name.startswith(f"{drive.uuid}__{datetime.now(UTC):%Y-}")
    assert (made.description, made.metadata) == (None, {})
    ((sent,),) = (one.json["objects"] for one in cloud.asked("POST *"))
    assert without_marker(sent.pop("meta")) == {}
    assert sent == {"drive": drive.uuid} | ({"location": location} if location else {})


def test_a_location_may_be_in_lower_case(cloud: CloudSigma, account: Account, drive: Drive) -> None:
    made = account.create_snapshot(CreateSnapshot(drive.uuid, location="fra"))
    assert made.location == "FRA"
    assert calls(cloud) == ["GET /capabilities/", REMOTES_OF_DRIVE, "POST /remotesnapshots/"]


REMOTES_OF_DRIVE = "GET /remotesnapshots/detail/"


def test_how_many_calls_each_operation_takes(
    cloud: CloudSigma, account: Account, local: Snapshot, remote: RemoteSnapshot
) -> None:
    both = ["GET /snapshots/ID/", "GET /remotesnapshots/ID/"]
    for one, looked in ((local, both[:1]), (remote, both)):
        kind = "snapshots" if one is local else "remotesnapshots"
        account.get_snapshot(one.uuid)
        assert calls(cloud) == looked
        account.update_snapshot(one.uuid, update(name="x"))
        assert calls(cloud) == [*looked, f"PUT /{kind}/ID/"]
        account.clone_snapshot(one.uuid, CloneSnapshot())
        assert calls(cloud) == [*looked, f"POST /{kind}/ID/action/"]
        account.delete_snapshot(one.uuid)
        assert calls(cloud) == [*looked, f"DELETE /{kind}/ID/"]


@pytest.mark.parametrize("answer", ["reference", "plain", "wrapped"])
@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_clone_is_a_volume_in_each_form_of_answer(
    cloud: CloudSigma, account: Account, drive: Drive, kind: str, answer: Any
) -> None:
    cloud.settings.clone_answer = answer
    add = cloud.add_snapshot if kind == "local" else cloud.add_remote_snapshot
    source = add(drive, name="source")
    cloud.hold()
    made = account.clone_snapshot(
        source.uuid,
        CloneSnapshot(
            "c", "of a day", media="cdrom", affinities=("ssd",), avoid=(drive.uuid, NOBODYS)
        ),
    )
    assert (made.state, made.native_state, made.progress) == ("creating", "cloning_dst", 0)
    assert (made.name, made.description, made.size_bytes) == ("c", "of a day", 10 * GIB)
    there = cloud.drives[made.id]
    assert (there.media, there.affinities, there.restored_from) == ("cdrom", ["ssd"], source.uuid)
    (asked,) = cloud.asked("POST *")
    assert dict(asked.parameters) == {"do": "clone", "avoid": f"{drive.uuid},{NOBODYS}"}
    cloud.settle()
    cloud.hold(held=False)
    done = account.get_volume(made.id)
    assert (done.state, done.progress) == (VolumeState.AVAILABLE, None)


@pytest.mark.parametrize("avoid", [("x",), ("",), (f"{NOBODYS},{NOBODYS}",), (NOBODYS, "../x")])
def test_what_is_no_id_cannot_be_avoided(
    cloud: CloudSigma, account: Account, local: Snapshot, avoid: tuple[str, ...]
) -> None:
    error = refused(account.clone_snapshot, local.uuid, CloneSnapshot(avoid=avoid))
    assert (error.code, list(error.fields)) == ("invalid", ["avoid"])
    assert not cloud.requests


def test_a_clone_of_nothing_given_is_as_cloudsigma_wants_it(
    cloud: CloudSigma, account: Account, local: Snapshot
) -> None:
    made = account.clone_snapshot(local.uuid, CloneSnapshot())
    assert (made.name, made.description, made.metadata) == ("old", None, {})
    (asked,) = cloud.asked("POST *")
    assert dict(asked.parameters) == {"do": "clone"}
    assert list(asked.json) == ["meta"]
    assert without_marker(asked.json["meta"]) == {}


@pytest.mark.parametrize(
    ("naming", "name"),
    [("NONE", "old"), ("COUNTER", "old_1"), ("DATE", "old-2026-"), ("TIMESTAMP", "old-2026-")],
)
def test_a_clone_is_named_as_the_profile_says(
    cloud: CloudSigma, account: Account, local: Snapshot, naming: str, name: str
) -> None:
    cloud.account().clone_naming = naming
    made = account.clone_snapshot(local.uuid, CloneSnapshot()).name or ""
    assert made.startswith(name.replace("2026", f"{datetime.now(UTC):%Y}"))
    assert account.clone_snapshot(local.uuid, CloneSnapshot("exact")).name == "exact"


def test_the_progress_of_a_clone_is_that_of_its_job(
    cloud: CloudSigma, account: Account, local: Snapshot
) -> None:
    cloud.hold()
    made = account.clone_snapshot(local.uuid, CloneSnapshot())
    (job,) = cloud.drives[made.id].jobs
    cloud.requests.clear()
    for progress in (0, 41, 99):
        cloud.jobs[job].progress = progress
        assert account.get_volume(made.id).progress == progress
    assert calls(cloud) == ["GET /drives/ID/", "GET /jobs/ID/"] * 3


JOBS = "GET /jobs/*"
GONE: dict[str, Callable[[CloudSigma], Any]] = {
    "job": lambda cloud: cloud.fail(JOBS, 404, times=9),
    "link": lambda cloud: cloud.jobs.clear(),
    "right": lambda cloud: cloud.fail(JOBS, 403, times=9),
    "server": lambda cloud: cloud.fail(JOBS, 500, times=9),
    "connection": lambda cloud: cloud.cut(JOBS, times=9),
    "rest": lambda cloud: cloud.cut(JOBS, "middle", times=9),
    "sense": lambda cloud: cloud.garble(JOBS, b"<html>", times=9),
    "time": lambda cloud: cloud.delay(JOBS, 3, times=9),
}


@pytest.mark.parametrize("gone", GONE)
def test_a_clone_is_shown_although_its_job_cannot_be_asked(
    cloud: CloudSigma, connect: Connect, local: Snapshot, gone: str
) -> None:
    """How far it is is an extra: a job that does not answer makes no drive unknown."""
    account = connect(call_timeout_s=0.6)
    cloud.hold()
    made = account.clone_snapshot(local.uuid, CloneSnapshot())
    GONE[gone](cloud)
    found = account.get_volume(made.id)
    assert (found.id, found.state, found.progress) == (made.id, "creating", None)


def test_of_many_jobs_one_is_asked(cloud: CloudSigma, account: Account, drive: Drive) -> None:
    drive.status, drive.jobs = "cloning_dst", [cloud.add_job().uuid for _ in range(50)]
    cloud.fail(JOBS, 404, times=99)
    assert account.get_volume(drive.uuid).progress is None
    assert cloud.count(JOBS) == 1


@KINDS
def test_a_snapshot_of_no_drive_is_not_found(
    cloud: CloudSigma, account: Account, location: str | None
) -> None:
    for status in (400, 404):
        cloud.settings.unknown_drive_status = status
        for volume_id in (NOBODYS, "no id", "../drives", "action"):
            error = refused(account.create_snapshot, CreateSnapshot(volume_id, location=location))
            assert (error.code, "volume" in error.message) == (ErrorCode.NOT_FOUND, True)
    assert not cloud.snapshots


@pytest.mark.parametrize("bad", ["x", "schema", "action", "..", "detail", NOBODYS, "%2e%2e"])
def test_what_is_no_id_is_not_found_and_never_gets_into_a_path(
    cloud: CloudSigma, account: Account, local: Snapshot, bad: str
) -> None:
    for call, given in (
        (account.get_snapshot, ()),
        (account.delete_snapshot, ()),
        (account.update_snapshot, (update(name="x"),)),
        (account.clone_snapshot, (CloneSnapshot(),)),
        (account.get_volume, ()),
        (account.delete_volume, ()),
    ):
        error = refused(call, bad, *given)
        assert (error.code, error.maybe_done) == (ErrorCode.NOT_FOUND, False)
    assert bad == NOBODYS or not cloud.requests


@pytest.mark.parametrize("status", [403, 404])
def test_what_is_somebody_elses_is_denied_or_unknown(
    cloud: CloudSigma, account: Account, status: Any
) -> None:
    cloud.settings.foreign_status = status
    local, remote = cloud.add_snapshot(owner=OTHER_ID), cloud.add_remote_snapshot(owner=OTHER_ID)
    expected = ErrorCode.DENIED if status == 403 else ErrorCode.NOT_FOUND
    found: list[DriverError] = []
    for one in (local, remote):
        found += [
            refused(account.get_snapshot, one.uuid),
            refused(account.delete_snapshot, one.uuid),
            refused(account.update_snapshot, one.uuid, update(name="x")),
            refused(account.clone_snapshot, one.uuid, CloneSnapshot()),
        ]
    found.append(refused(account.get_volume, local.drive))
    found.append(refused(account.delete_volume, local.drive))
    found.append(refused(account.create_snapshot, CreateSnapshot(local.drive)))
    assert {error.code for error in found} == {expected}
    assert local.uuid in cloud.snapshots
    assert local.drive in cloud.drives


def test_what_somebody_shares_is_seen_and_not_owned(cloud: CloudSigma, account: Account) -> None:
    shared = cloud.add_snapshot(owner=OTHER_ID, grants={USER_ID: ["LIST"]})
    given = cloud.add_snapshot(grants={OTHER_ID: ["LIST"]})
    assert account.get_snapshot(shared.uuid).owner == Owner(OTHER_ID, False)
    assert account.get_snapshot(given.uuid).visibility is Visibility.SHARED
    assert refused(account.delete_snapshot, shared.uuid).code is ErrorCode.DENIED
