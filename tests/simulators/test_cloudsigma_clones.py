"""Clones, jobs, resizing and remote snapshots of the simulated CloudSigma."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_judge import Caller
from tests.simulators.ec2_state import Clock

GIB = 1024**3
NOW = datetime(2016, 12, 6, 1, 5, 54, 139874, tzinfo=UTC)


@pytest.fixture
def cloud() -> Iterator[CloudSigma]:
    """A cloud where everything takes a minute of its own clock, which stands still."""
    with running_cloudsigma(work_s=60, clock=Clock(NOW)) as found:
        yield found


@pytest.fixture
def caller(cloud: CloudSigma) -> Iterator[Caller]:
    found = Caller(cloud)
    yield found
    found.close()


def cloned(caller: Caller, kind: str, uuid: str, body: Any = None) -> Any:
    answer = caller("POST", f"{kind}/{uuid}/action/?do=clone&avoid={uuid}", body)
    assert answer.status_code == 202, answer.text
    return answer.json()


def test_a_snapshot_becomes_a_drive(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(size=2 * GIB, media="cdrom", storage_type="zadara")
    snapshot = cloud.add_snapshot(drive, name="x", meta={"a": "b"})
    made = cloned(caller, "snapshots", snapshot.uuid)
    uri = f"/api/2.0/drives/{made['uuid']}/"
    assert made["resource_uri"] == {"resource_uri": uri, "uuid": made["uuid"]}
    assert (made["status"], made["size"], made["media"]) == ("cloning_dst", 2 * GIB, "cdrom")
    assert (made["storage_type"], made["meta"], made["snapshots"]) == ("zadara", {}, [])
    assert cloud.drives[made["uuid"]].restored_from == snapshot.uuid
    cloud.clock.advance(60)
    ready = caller.get(f"drives/{made['uuid']}/")
    assert (ready["status"], ready["resource_uri"]) == ("unmounted", uri)
    assert caller.get(f"jobs/{made['jobs'][0]['uuid']}/")["resources"] == [uri]


def test_a_clone_answers_in_three_forms(cloud: CloudSigma, caller: Caller) -> None:
    uuid = cloud.add_snapshot().uuid
    cloud.settings.clone_answer = "plain"
    assert cloned(caller, "snapshots", uuid)["resource_uri"].startswith("/api/2.0/drives/")
    cloud.settings.clone_answer = "wrapped"
    (made,) = cloned(caller, "snapshots", uuid, {})["objects"]
    assert made["resource_uri"].startswith("/api/2.0/drives/")


def test_a_clone_may_be_told_what_to_be(cloud: CloudSigma, caller: Caller) -> None:
    uuid = cloud.add_snapshot().uuid
    body = {"name": "n", "media": "cdrom", "size": 2 * GIB, "storage_type": "nvme"}
    made = cloned(caller, "snapshots", uuid, body)
    assert {name: made[name] for name in body} == body
    path = f"snapshots/{uuid}/action/?do=clone"
    for field, value in (("size", GIB - 16384), ("media", "x"), ("storage_type", "x")):
        assert caller.refused("POST", path, {field: value}) == (400, "validation", field)
    assert caller.refused("POST", f"snapshots/{uuid}/action/") == (400, "validation", "do")


def test_a_snapshot_may_say_that_it_is_cloned(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.cloning_snapshot_status = "cloning_src"
    uuid = cloud.add_snapshot().uuid
    cloned(caller, "snapshots", uuid)
    assert caller.get(f"snapshots/{uuid}/")["status"] == "cloning_src"
    cloud.clock.advance(60)
    assert caller.get(f"snapshots/{uuid}/")["status"] == "available"


def test_a_drive_is_lent_until_its_last_clone_is_done(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(name="x")
    (first,) = cloned(caller, "drives", drive.uuid)["objects"]
    cloud.clock.advance(30)
    cloned(caller, "drives", drive.uuid, {})
    path = f"drives/{drive.uuid}/"
    assert caller.get(path)["status"] == "cloning_src"
    assert caller.refused("DELETE", path) == (403, "permission", None)
    cloud.clock.advance(30)
    assert caller.get(path)["status"] == "cloning_src"
    assert caller.get(f"drives/{first['uuid']}/")["status"] == "unmounted"
    cloud.clock.advance(30)
    assert caller.get(path)["status"] == "unmounted"
    assert len(caller.get(path)["jobs"]) == 2


def test_jobs_end_and_are_forgotten(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive()
    (made,) = cloned(caller, "drives", drive.uuid)["objects"]
    path = f"jobs/{made['jobs'][0]['uuid']}/"
    job = caller.get(path)
    assert (job["state"], job["data"], job["operation"]) == (
        "started",
        {"progress": 0},
        "drive_clone",
    )
    assert job["created"] == "2016-12-06T01:05:54.139874+00:00"
    told = []
    for _ in range(3):
        cloud.clock.advance(14.9)
        told.append(caller.get(path)["data"]["progress"])
    assert told == [24, 49, 74]
    cloud.clock.advance(60 - 3 * 14.9)
    job = caller.get(path)
    assert (job["state"], job["data"]) == ("success", {"progress": 100})
    assert job["last_modified"] == "2016-12-06T01:06:54.139874+00:00"
    assert len(job["resources"]) == 2
    cloud.clock.advance(3 * 86_400 + 1)
    assert caller("GET", path).status_code == 404
    assert caller.get(f"drives/{made['uuid']}/")["jobs"] == []


def test_a_drive_on_a_running_server_is_hardly_changed(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive()
    server = cloud.add_server(drive, status="running")
    path = f"drives/{drive.uuid}/"
    body = {"name": "new", "media": "cdrom", "size": 2 * GIB, "allow_multimount": True}
    found = caller("PUT", path, body).json()
    assert (found["name"], found["allow_multimount"]) == ("new", True)
    assert (found["media"], found["size"], found["status"]) == ("disk", GIB, "mounted")
    assert caller.refused("POST", f"{path}action/?do=resize", body)[0] == 403
    assert caller.refused("DELETE", path)[0] == 403
    assert caller("POST", "snapshots/", {"drive": drive.uuid}).status_code == 201
    assert caller.get("servers/detail/")["objects"][0]["drives"][0]["drive"]["uuid"] == drive.uuid
    server.status = "stopped"
    assert caller("DELETE", path).status_code == 204
    cloud.clock.advance(60)
    assert caller.get(f"servers/{server.uuid}/")["drives"] == []


def test_a_drive_only_grows(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(size=2 * GIB)
    path = f"drives/{drive.uuid}/"
    body = {"name": "x", "media": "disk", "size": GIB}
    for method, one in (("PUT", path), ("POST", f"{path}action/?do=resize")):
        assert caller.refused(method, one, body) == (400, "validation", "size")
    assert caller("PUT", path, body | {"size": 3 * GIB}).json()["size"] == 2 * GIB
    assert caller.refused("PUT", path, body | {"size": 4 * GIB})[0] == 403
    cloud.clock.advance(60)
    found = caller.get(path)
    assert (found["size"], found["status"], found["name"]) == (3 * GIB, "unmounted", "x")


def remote(caller: Caller, drive: str, **fields: Any) -> dict[str, Any]:
    return caller.made("remotesnapshots/", {"drive": drive, "location": "ZRH"} | fields)


def test_a_remote_snapshot_goes_through_its_states(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(used=4096)
    made = remote(caller, drive.uuid)
    path = f"remotesnapshots/{made['uuid']}/"
    assert (made["status"], made["allocated_size"]) == ("creating", 0)
    assert made["last_state_change"] == "2016-12-06 01:05:54.139940+00:00"
    for state, size, change in (
        ("creating", 0, "2016-12-06 01:05:54.139940+00:00"),
        ("transferring", 0, "2016-12-06 01:06:54.139874+00:00"),
        ("available", 4096, "2016-12-06 01:07:54.139874+00:00"),
    ):
        found = caller.get(path)
        assert (found["status"], found["allocated_size"]) == (state, size)
        assert found["last_state_change"] == change
        assert found["timestamp"] == "2016-12-06 01:05:54.139874+00:00"
        busy = state != "available"
        sent = {"drive": drive.uuid, "name": state}
        assert caller("PUT", path, sent).status_code == (403 if busy else 200)
        assert caller("DELETE", path).status_code == (403 if busy else 204)
        clone = caller("POST", f"{path}action/?do=clone")
        assert clone.status_code == (403 if busy else 202)
        cloud.clock.advance(60)
    assert caller("GET", path).status_code == 404


def test_remote_snapshots_are_30_minutes_apart(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(used=4096)
    first = remote(caller, drive.uuid)
    body = {"drive": drive.uuid, "location": "ZRH"}
    (error,) = caller("POST", "remotesnapshots/", body).json()
    assert 'in state "creating"' in error["error_message"]
    cloud.clock.advance(120)
    (error,) = caller("POST", "remotesnapshots/", body).json()
    assert "within 30 minutes" in error["error_message"]
    assert remote(caller, cloud.add_drive().uuid)
    cloud.clock.advance(1680)
    second = remote(caller, drive.uuid)
    cloud.clock.advance(120)
    sizes = [caller.get(f"remotesnapshots/{one['uuid']}/") for one in (first, second)]
    assert [one["allocated_size"] for one in sizes] == [4096, 0]
    in_drive = caller.get(f"drives/{drive.uuid}/")["remote_snapshots"]
    assert [one["uuid"] for one in in_drive] == [second["uuid"], first["uuid"]]


@pytest.mark.parametrize("counts", [False, True])
def test_a_deleted_remote_snapshot_may_bar_the_next(
    cloud: CloudSigma, caller: Caller, counts: bool
) -> None:
    cloud.settings.interval_counts_deleted = counts
    snapshot = cloud.add_remote_snapshot()
    caller("DELETE", f"remotesnapshots/{snapshot.uuid}/")
    cloud.clock.advance(60)
    answer = caller("POST", "remotesnapshots/", {"drive": snapshot.drive})
    assert answer.status_code == (403 if counts else 201)


def test_locations_are_checked(cloud: CloudSigma, caller: Caller) -> None:
    body = {"drive": cloud.add_drive().uuid, "location": "zrh"}
    assert caller.refused("POST", "remotesnapshots/", body) == (400, "validation", "location")
    del body["location"]
    cloud.settings.needs_location = True
    assert caller.refused("POST", "remotesnapshots/", body) == (400, "validation", "location")
    cloud.settings.needs_location = False
    assert caller.made("remotesnapshots/", body)["location"] == "ZRH"


def test_a_backup_is_restored_after_its_drive_is_gone(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(name="data", size=2 * GIB, storage_type="nvme")
    tag = cloud.add_tag("gold")
    snapshot = cloud.add_remote_snapshot(drive, name="b", meta={"a": "b"}, tags=[tag.uuid])
    cloud.drop_drive(drive)
    made = cloned(caller, "remotesnapshots", snapshot.uuid)
    assert (made["name"], made["size"], made["storage_type"]) == ("b", 2 * GIB, "nvme")
    assert (made["meta"], made["tags"][0]["uuid"]) == ({"a": "b"}, tag.uuid)
    cloud.settings.clones_copy_meta = frozenset()
    assert cloned(caller, "remotesnapshots", snapshot.uuid)["meta"] == {}
