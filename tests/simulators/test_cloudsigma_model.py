"""What becomes of the simulated CloudSigma's drives and snapshots, and when."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_clones import cloned_name
from tests.simulators.cloudsigma_judge import Caller
from tests.simulators.ec2_state import Clock

GIB = 1024**3
NOW = datetime(2014, 6, 5, 9, 45, 56, 123456, tzinfo=UTC)
NOWHERE = "b49dc74a-f7a5-42f5-9842-290e7475d67a"


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


def status(caller: Caller, kind: str, uuid: str) -> Any:
    return caller.get(f"{kind}/{uuid}/")["status"]


def test_a_snapshot_without_a_name_is_called_after_drive_and_time(
    cloud: CloudSigma, caller: Caller
) -> None:
    drive = cloud.add_drive()
    made = [caller.made("snapshots/", {"drive": drive.uuid}) for _ in range(2)]
    assert {one["name"] for one in made} == {f"{drive.uuid}__2014-06-05__09_45_56"}
    assert made[0]["timestamp"] == "2014-06-05 09:45:56.123456+00:00"
    assert made[0]["uuid"] != made[1]["uuid"]


def test_allocated_size_is_null_until_available(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.snapshot_size = 4096
    drive = cloud.add_drive()
    made = caller.made("snapshots/", {"drive": drive.uuid})
    assert (made["status"], made["allocated_size"]) == ("creating", None)
    cloud.clock.advance(59)
    assert status(caller, "snapshots", made["uuid"]) == "creating"
    cloud.clock.advance(1)
    found = caller.get(f"snapshots/{made['uuid']}/")
    assert (found["status"], found["allocated_size"]) == ("available", 4096)
    assert caller.get(f"drives/{drive.uuid}/")["runtime"]["snapshots_allocated_size"] == 4096


def test_many_are_made_or_none(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive()
    bodies = [{"drive": drive.uuid, "name": name} for name in "ab"]
    answer = caller("POST", "snapshots/", {"objects": bodies})
    assert [one["name"] for one in answer.json()["objects"]] == ["a", "b"]
    bad = {"objects": [*bodies, {"drive": NOWHERE}]}
    assert caller.refused("POST", "snapshots/", bad) == (400, "validation", "drive")
    assert len(cloud.snapshots) == 2
    cloud.settings.unknown_drive_status = 404
    assert caller.refused("POST", "snapshots/", bad) == (404, "notexist", None)


def test_a_deleted_drive_takes_only_local_snapshots_along(
    cloud: CloudSigma, caller: Caller
) -> None:
    drive = cloud.add_drive(name="data", size=2 * GIB)
    local = caller.made("snapshots/", {"drive": drive.uuid})["uuid"]
    remote = cloud.add_remote_snapshot(drive).uuid
    assert caller("DELETE", f"drives/{drive.uuid}/").status_code == 204
    assert status(caller, "drives", drive.uuid) == "unmounted"
    cloud.clock.advance(60)
    for path in (f"drives/{drive.uuid}/", f"snapshots/{local}/"):
        assert caller.refused("GET", path) == (404, "notexist", None)
    assert caller.objects(f"snapshots/?drive={drive.uuid}") == []
    found = caller.get(f"remotesnapshots/{remote}/")
    assert found["drive"]["uuid"] == found["drive_meta"]["src_uuid"] == drive.uuid
    assert (found["drive_meta"]["size"], found["drive_meta"]["name"]) == (2 * GIB, "data")


def test_what_is_deleted_may_linger(cloud: CloudSigma, caller: Caller) -> None:
    path = f"snapshots/{cloud.add_snapshot().uuid}/"
    cloud.settings.deleting_status = "deleting"
    assert [caller("DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert caller.get(path)["status"] == "deleting"
    cloud.clock.advance(60)
    assert caller.refused("DELETE", path) == (404, "notexist", None)


def test_many_are_deleted_or_none(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.work_s = 0
    uuids = cloud.add_snapshots(3)
    known = {"objects": [{"uuid": uuid} for uuid in uuids[:2]]}
    mixed = {"objects": [*known["objects"], {"uuid": NOWHERE}]}
    assert caller.refused("DELETE", "snapshots/", mixed) == (404, "notexist", None)
    assert len(caller.objects("snapshots/")) == 3
    assert caller("DELETE", "snapshots/", known).status_code == 204
    assert [one["uuid"] for one in caller.objects("snapshots/")] == uuids[2:]
    nothing: list[Any] = [None, {}, {"objects": []}, [1]]
    for body in nothing:
        assert caller("DELETE", "snapshots/", body).status_code == 400
    cloud.settings.bulk_delete = "partial"
    rest = {"objects": [{"uuid": uuids[2]}, {"uuid": NOWHERE}]}
    assert caller.refused("DELETE", "snapshots/", rest)[0] == 404
    assert caller.objects("snapshots/") == []


@pytest.mark.parametrize("kind", ["drives", "remotesnapshots"])
def test_drives_and_remote_snapshots_are_deleted_in_bulk(
    cloud: CloudSigma, caller: Caller, kind: str
) -> None:
    adds: dict[str, Callable[[], Any]] = {
        "drives": cloud.add_drive,
        "remotesnapshots": cloud.add_remote_snapshot,
    }
    uuids = [adds[kind]().uuid for _ in range(2)]
    body = {"objects": [{"uuid": uuid} for uuid in uuids]}
    assert caller("DELETE", f"{kind}/", body).status_code == 204
    cloud.settle()
    assert not {one["uuid"] for one in caller.objects(f"{kind}/")} & set(uuids)


def test_a_new_drive_is_snapshotable_when_it_is_ready(cloud: CloudSigma, caller: Caller) -> None:
    made = caller.made("drives/", {"media": "disk", "name": "x", "size": GIB})
    assert (made["status"], made["runtime"]["is_snapshotable"]) == ("creating", None)
    body = {"drive": made["uuid"]}
    assert caller.refused("POST", "snapshots/", body) == (403, "permission", None)
    cloud.clock.advance(60)
    assert caller.get(f"drives/{made['uuid']}/")["runtime"]["is_snapshotable"]
    assert caller("POST", "snapshots/", body).status_code == 201


def test_there_are_no_snapshots_of_local_drives(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(storage_type="local_nvme")
    for kind in ("snapshots", "remotesnapshots"):
        assert caller.refused("POST", f"{kind}/", {"drive": drive.uuid})[0] == 403
    assert caller.refused("POST", f"drives/{drive.uuid}/action/?do=clone")[0] == 403
    assert caller.get(f"drives/{drive.uuid}/")["runtime"]["is_ephemeral"]


def test_wrong_states_are_worded_as_for_servers(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive(status="unavailable")
    (error,) = caller("POST", "snapshots/", {"drive": drive.uuid}).json()
    assert error["error_message"] == (
        'Cannot snapshot drive in state "unavailable". '
        "Drive should be in state \"['unmounted', 'mounted']\""
    )
    snapshot = cloud.add_snapshot(status="creating")
    path = f"snapshots/{snapshot.uuid}/"
    clone = f"{path}action/?do=clone"
    assert caller.refused("POST", clone) == (403, "permission", None)
    cloud.settings.wrong_state_status = 503
    assert caller.refused("POST", clone) == (503, "concurrency", None)
    cloud.settings.busy_snapshot_refuses = frozenset({"edit", "delete"})
    assert caller("POST", clone).status_code == 202
    assert caller.refused("DELETE", path)[0] == 503
    assert caller.refused("PUT", path, {"drive": snapshot.drive})[0] == 503


def test_limits_are_told_and_kept(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.snapshot_maximum, cloud.settings.snapshot_maximum_per_drive = 3, 2
    drives = [cloud.add_drive().uuid for _ in range(3)]
    body: dict[str, Any] = {"objects": [{"drive": drives[0]}] * 3}
    assert caller.refused("POST", "snapshots/", body) == (403, "permission", None)
    for drive, code in zip([0, 0, 0, 1, 2], [201, 201, 403, 201, 403], strict=True):
        assert caller("POST", "snapshots/", {"drive": drives[drive]}).status_code == code
    told = {"current": 3, "max": 3, "max_per_drive": 2}
    assert caller.get("capabilities/?limit=0")["snapshots"] == told
    cloud.settings.remote_snapshot_maximum = 0
    body = {"drive": drives[0], "location": "ZRH"}
    assert caller.refused("POST", "remotesnapshots/", body)[0] == 403


def test_without_funds_nothing_is_made(cloud: CloudSigma, caller: Caller) -> None:
    snapshot = cloud.add_snapshot()
    cloud.account().has_funds = False
    for path, body in (
        ("snapshots/", {"drive": snapshot.drive}),
        ("remotesnapshots/", {"drive": snapshot.drive}),
        (f"snapshots/{snapshot.uuid}/action/?do=clone", None),
        ("drives/", {"media": "disk", "name": "x", "size": GIB}),
    ):
        assert caller.refused("POST", path, body) == (402, "billing", None)


def test_features_vanish(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.has_snapshots = cloud.settings.has_remote_snapshots = False
    assert not {"snapshots", "remote_snapshots"} & set(caller.get("capabilities/"))
    for kind in ("snapshots", "remotesnapshots"):
        for path in (f"{kind}/", f"{kind}/schema/"):
            assert caller("GET", path).status_code == 404


def test_what_is_set_by_hand_stays(cloud: CloudSigma, caller: Caller) -> None:
    made = caller.made("snapshots/", {"drive": cloud.add_drive().uuid})
    cloud.snapshots[made["uuid"]].status = "unavailable"
    cloud.clock.advance(600)
    assert status(caller, "snapshots", made["uuid"]) == "unavailable"


def test_work_is_held_and_settled(cloud: CloudSigma, caller: Caller) -> None:
    made = caller.made("snapshots/", {"drive": cloud.add_drive().uuid})["uuid"]
    cloud.hold()
    cloud.clock.advance(600)
    assert status(caller, "snapshots", made) == "creating"
    cloud.hold(held=False)
    assert status(caller, "snapshots", made) == "available"
    remote = caller.made("remotesnapshots/", {"drive": cloud.add_drive().uuid})["uuid"]
    cloud.settle()
    assert status(caller, "remotesnapshots", remote) == "available"


def test_reads_may_be_counted(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.work_s, cloud.settings.work_reads = 0, 2
    made = caller.made("snapshots/", {"drive": cloud.add_drive().uuid})["uuid"]
    seen = [status(caller, "snapshots", made) for _ in range(3)]
    assert seen == ["creating", "creating", "available"]


def test_one_kind_of_work_may_take_longer(cloud: CloudSigma, caller: Caller) -> None:
    cloud.settings.works_s = {"delete_snapshot": 180}
    path = f"snapshots/{cloud.add_snapshot().uuid}/"
    caller("DELETE", path)
    cloud.clock.advance(179)
    assert caller("GET", path).status_code == 200
    cloud.clock.advance(1)
    assert caller("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("naming", "name", "wanted"),
    [
        ("NONE", "x_1", "x_1"),
        ("COUNTER", "x", "x_1"),
        ("COUNTER", "x_9", "x_10"),
        ("COUNTER", "x_y", "x_y_1"),
        ("DATE", "x", "x-2014-06-05"),
        ("DATE", "x-2013-01-01", "x-2014-06-05"),
        ("DATE", "x-2013-01-01 10:00:00", "x-2014-06-05"),
        ("DATE", "x-2014-06-05", "x-2014-06-05_1"),
        ("DATE", "x-2014-06-05_1", "x-2014-06-05_2"),
        ("TIMESTAMP", "x", "x-2014-06-05 09:45:56"),
        ("TIMESTAMP", "x-2014-06-05", "x-2014-06-05 09:45:56"),
        ("TIMESTAMP", "x-2014-06-05 09:45:56", "x-2014-06-05 09:45:56_1"),
    ],
)
def test_clones_are_named(naming: str, name: str, wanted: str) -> None:
    assert cloned_name(naming, name, NOW) == wanted


def test_clone_naming_is_of_the_profile(cloud: CloudSigma, caller: Caller) -> None:
    snapshot = cloud.add_snapshot(name="x")
    path = f"snapshots/{snapshot.uuid}/action/?do=clone"
    assert caller("POST", path).json()["name"] == "x"
    caller("PUT", "profile/", caller.get("profile/") | {"clone_naming": "COUNTER", "email": "z"})
    assert caller.get("profile/")["email"] == "user@example.com"
    assert caller("POST", path, {}).json()["name"] == "x_1"
    assert caller("POST", path, {"name": "y"}).json()["name"] == "y"
    bad = {"clone_naming": "LATER"}
    assert caller.refused("PUT", "profile/", bad) == (400, "validation", "clone_naming")
