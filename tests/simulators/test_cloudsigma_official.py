"""CloudSigma's own client, unchanged, lives with the simulator.

It is the version 2.0.0 of PyPI, which works on Python 3.11 as it is. The steps are those
of its own acceptance tests of drives and snapshots, without their sleeping.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest

from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_state import OTHER, PASSWORD, USER

# It reads a file of the user's home when it is imported.
with patch.dict(os.environ, {"CLOUDSIGMA_CONFIG": os.devnull}):
    from cloudsigma import errors, resource  # type: ignore[import-untyped]

GIB = 1024**3
Client = Callable[..., Any]


@pytest.fixture
def cloud() -> Iterator[CloudSigma]:
    """A cloud where everything takes a minute of its own clock."""
    with running_cloudsigma(work_s=60) as found:
        yield found


@pytest.fixture
def client(cloud: CloudSigma) -> Client:
    """Give a resource of the client, like Drive, for an account."""

    def get(kind: Any, email: str = USER, **given: Any) -> Any:
        return kind(api_endpoint=cloud.url, username=email, password=PASSWORD, **given)

    return get


def test_a_snapshot_lives(cloud: CloudSigma, client: Client) -> None:
    drives, snapshots = client(resource.Drive), client(resource.Snapshot)
    drive = drives.create({"media": "disk", "name": "test", "size": GIB})
    assert drive["status"] == "creating"
    cloud.clock.advance(60)
    assert drives.get(drive["uuid"])["status"] == "unmounted"
    made = snapshots.create({"drive": drive["uuid"], "name": "first", "meta": {"key": "val"}})
    assert (made["status"], made["allocated_size"]) == ("creating", None)
    other = snapshots.create({"drive": drive["uuid"]})
    cloud.clock.advance(60)
    assert snapshots.get(made["uuid"])["status"] == "available"
    in_drive = [one["uuid"] for one in drives.get(drive["uuid"])["snapshots"]]
    assert in_drive == [other["uuid"], made["uuid"]]
    changed = made | {"name": "renamed", "meta": {"key": "changed", "new": "one"}}
    answer = snapshots.update(made["uuid"], changed)
    assert (answer["name"], answer["meta"]) == ("renamed", changed["meta"])
    assert (answer["status"], answer["allocated_size"]) == ("available", 0)
    listed = snapshots.list_detail(query_params={"drive": drive["uuid"]})
    assert {one["uuid"] for one in listed} == {made["uuid"], other["uuid"]}
    clone = snapshots.clone(made["uuid"], {"name": "cloned", "media": "cdrom"})
    assert (clone["name"], clone["media"], clone["status"]) == ("cloned", "cdrom", "cloning_dst")
    snapshots.delete(made["uuid"])
    cloud.clock.advance(60)
    with pytest.raises(errors.ClientError, match="notexist") as caught:
        snapshots.get(made["uuid"])
    assert caught.value.status_code == 404
    assert caught.value.request_id == cloud.requests[-1].request_id
    assert drives.get(clone["uuid"])["status"] == "unmounted"


def test_a_deleted_drive_takes_its_snapshots_along(cloud: CloudSigma, client: Client) -> None:
    cloud.settings.work_s = 0
    drives, snapshots = client(resource.Drive), client(resource.Snapshot)
    drive = drives.create({"media": "disk", "name": "test", "size": str(GIB)})
    drives.get(drive["uuid"])
    made = snapshots.create({"drive": drive["uuid"]})
    drives.delete(drive["uuid"])
    with pytest.raises(errors.ClientError):
        snapshots.get(made["uuid"])
    assert snapshots.list(query_params={"drive": drive["uuid"]}) == []


def test_a_remote_snapshot_outlives_its_drive(cloud: CloudSigma, client: Client) -> None:
    drives, remote = client(resource.Drive), client(resource.RemoteSnapshot)
    drive = cloud.add_drive(name="data", size=2 * GIB)
    made = remote.create({"drive": drive.uuid, "location": "ZRH", "name": "backup", "meta": {}})
    assert (made["status"], made["location"]) == ("creating", "ZRH")
    with pytest.raises(errors.PermissionError):
        remote.delete(made["uuid"])
    cloud.clock.advance(60)
    assert remote.get(made["uuid"])["status"] == "transferring"
    with pytest.raises(errors.PermissionError):
        remote.create({"drive": drive.uuid, "location": "ZRH"})
    cloud.clock.advance(60)
    found = remote.get(made["uuid"])
    assert (found["status"], found["allocated_size"]) == ("available", GIB // 4)
    assert remote.update(made["uuid"], found | {"name": "renamed"})["name"] == "renamed"
    drives.delete(drive.uuid)
    cloud.clock.advance(60)
    (found,) = remote.list_detail(query_params={"drive": drive.uuid})
    assert found["drive_meta"]["size"] == 2 * GIB
    clone = remote.clone(made["uuid"])
    cloud.clock.advance(60)
    restored = drives.get(clone["uuid"])
    assert (restored["name"], restored["size"]) == ("renamed", 2 * GIB)
    remote.delete(made["uuid"])
    cloud.clock.advance(60)
    assert remote.list() == []


def test_a_drive_is_cloned_and_its_job_ends(cloud: CloudSigma, client: Client) -> None:
    drives, jobs = client(resource.Drive), client(resource.Jobs)
    profile = client(resource.Profile)
    profile.update(profile.get() | {"clone_naming": "COUNTER"})
    drive = cloud.add_drive(name="data")
    clone = drives.clone(drive.uuid, avoid=drive.uuid)
    assert clone["name"] == "data_1"
    (job,) = clone["jobs"]
    assert jobs.get(job["uuid"])["state"] == "started"
    assert drives.get(drive.uuid)["status"] == "cloning_src"
    cloud.clock.advance(60)
    assert jobs.get(job["uuid"])["data"] == {"progress": 100}
    assert {one["status"] for one in drives.list()} == {"unmounted"}
    assert set(drives.list()[0]) == {"owner", "resource_uri", "status", "uuid"}


def test_a_drive_is_resized(cloud: CloudSigma, client: Client) -> None:
    drives = client(resource.Drive)
    drive = cloud.add_drive()
    whole = drives.get(drive.uuid)
    assert drives.resize(drive.uuid, whole | {"size": 2 * GIB})["status"] == "resizing"
    assert drives.get(drive.uuid)["size"] == GIB
    cloud.clock.advance(60)
    assert drives.get(drive.uuid)["size"] == 2 * GIB
    assert drives.update(drive.uuid, whole | {"size": 3 * GIB})["status"] == "resizing"


def test_a_session_is_used(cloud: CloudSigma, client: Client) -> None:
    drive = cloud.add_drive()
    snapshots = client(resource.Snapshot, login_method="session")
    made = snapshots.create({"drive": drive.uuid})
    assert snapshots.get(made["uuid"])["name"] == made["name"]
    assert [one.user for one in cloud.requests] == [USER] * 3
    snapshots.c.http.close()


def test_accounts_do_not_see_each_other(cloud: CloudSigma, client: Client) -> None:
    snapshot = cloud.add_snapshot()
    other = client(resource.Snapshot, OTHER)
    assert other.list() == []
    with pytest.raises(errors.PermissionError, match="does not have all of the permissions"):
        other.get(snapshot.uuid)
    with pytest.raises(errors.AuthError):
        client(resource.Snapshot, "nobody@example.com").list()


def test_capabilities_and_schemas_are_read(client: Client) -> None:
    assert client(resource.Capabilites).list()["snapshots"]["max"] == 700
    assert client(resource.Snapshot).get_schema()["default_limit"] == 20
    assert len(client(resource.Locations).list()) == 17
