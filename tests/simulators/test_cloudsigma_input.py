"""What the simulated CloudSigma reads in bodies, and what it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_judge import Caller

GIB = 1024**3
NOWHERE = "b49dc74a-f7a5-42f5-9842-290e7475d67a"


@pytest.fixture
def cloud() -> Iterator[CloudSigma]:
    with running_cloudsigma(work_s=60) as found:
        yield found


@pytest.fixture
def caller(cloud: CloudSigma) -> Iterator[Caller]:
    found = Caller(cloud)
    yield found
    found.close()


@pytest.mark.parametrize("shape", ["objects", "list", "bare"])
def test_a_body_may_have_three_shapes(cloud: CloudSigma, caller: Caller, shape: str) -> None:
    one = {"drive": cloud.add_drive().uuid, "name": "x"}
    shapes: dict[str, Any] = {"objects": {"objects": [one]}, "list": [one], "bare": one}
    body = shapes[shape]
    answer = caller("POST", "snapshots/", body)
    (made,) = answer.json()["objects"]
    assert answer.headers["Location"] == made["resource_uri"]
    assert set(answer.json()) == {"objects"}


@pytest.mark.parametrize("wrap", [str, lambda u: {"uuid": u}, lambda u: f"/api/2.0/drives/{u}/"])
def test_a_drive_may_be_told_in_several_ways(cloud: CloudSigma, caller: Caller, wrap: Any) -> None:
    uuid = cloud.add_drive().uuid
    assert caller.made("snapshots/", {"drive": wrap(uuid)})["drive"]["uuid"] == uuid


def test_put_is_a_full_definition(cloud: CloudSigma, caller: Caller) -> None:
    snapshot = cloud.add_snapshot(name="old", meta={"a": "b"}, allocated_size=1)
    snapshot.tags = [cloud.add_tag("t").uuid]
    path = f"snapshots/{snapshot.uuid}/"
    other = cloud.add_drive().uuid
    sent: dict[str, Any] = {
        "uuid": NOWHERE,
        "status": "creating",
        "allocated_size": None,
        "timestamp": "x",
    }
    sent |= {"owner": None, "resource_uri": "/", "unknown": 1, "drive": other, "name": "new"}
    found = caller("PUT", path, sent).json()
    assert (found["name"], found["meta"], found["allocated_size"]) == ("new", {}, 1)
    assert (found["uuid"], found["status"]) == (snapshot.uuid, "available")
    assert found["drive"]["uuid"] == snapshot.drive != other
    assert [one["uuid"] for one in found["tags"]] == snapshot.tags
    assert caller.refused("PUT", path, {"name": "x"}) == (400, "validation", "drive")
    cloud.settings.put_needs_all = False
    cloud.settings.put_resets = frozenset({"tags"})
    found = caller("PUT", path, {"meta": {"c": "d"}}).json()
    assert (found["name"], found["meta"], found["tags"]) == ("new", {"c": "d"}, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("meta", {"k" * 33: "v"}),
        ("meta", {"k": 1}),
        ("meta", []),
        ("name", 1),
        ("tags", [NOWHERE]),
        ("tags", "x"),
        ("drive", 1),
    ],
)
def test_bad_values_are_refused(cloud: CloudSigma, caller: Caller, field: str, value: Any) -> None:
    snapshot = cloud.add_snapshot(name="old")
    body = {"drive": snapshot.drive, "name": "new"} | {field: value}
    wanted = (400, "validation", field)
    assert caller.refused("POST", "snapshots/", body) == wanted
    if field != "drive":
        assert caller.refused("PUT", f"snapshots/{snapshot.uuid}/", body) == wanted
        assert snapshot.name == "old"


def test_meta_keeps_32_characters_and_what_is_before_nul(cloud: CloudSigma, caller: Caller) -> None:
    body: dict[str, Any] = {
        "drive": cloud.add_drive().uuid,
        "meta": {"k" * 32: "ü\0x"},
        "name": "n\0x",
    }
    made = caller.made("snapshots/", body)
    assert (made["meta"], made["name"]) == ({"k" * 32: "ü"}, "n")
    cloud.settings.keeps_other_meta_values = True
    body["meta"] = {"n": 1}
    assert caller.made("snapshots/", body)["meta"] == {"n": 1}


def test_malformed_json_is_refused(caller: Caller) -> None:
    answer = caller("POST", "snapshots/", data='{"objects": [')
    assert (answer.status_code, answer.json()[0]["error_type"]) == (400, "validation")
    for body in ("1", "[]", '"x"', ""):
        assert caller("POST", "snapshots/", data=body).status_code == 400


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (1207959631, 1207975936),
        ("1207959631", 1207975936),
        (GIB, GIB),
        (float(GIB), GIB),
        (536870912, 536870912),
    ],
)
def test_sizes_are_rounded_up(caller: Caller, given: Any, wanted: int) -> None:
    body = {"media": "disk", "name": "x", "size": given}
    assert caller.made("drives/", body)["size"] == wanted


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 536870912 - 16384),
        ("size", 2**60),
        ("size", "1 GiB"),
        ("size", True),
        ("size", 1.5),
        ("media", "tape"),
        ("storage_type", "magnetic"),
        ("name", None),
    ],
)
def test_bad_drives_are_refused(caller: Caller, field: str, value: Any) -> None:
    body = {"media": "disk", "name": "x", "size": GIB} | {field: value}
    assert caller.refused("POST", "drives/", body) == (400, "validation", field)


def test_all_missing_fields_are_told_at_once(caller: Caller) -> None:
    points = [one["error_point"] for one in caller("POST", "drives/", {}).json()]
    assert points == ["media", "name", "size"]
