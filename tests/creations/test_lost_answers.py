"""A creation whose answer is lost is never repeated blindly: what it made is looked for."""

import re
from typing import Any

import pytest

from tests.creations.clouds import CLOUDS, Cloud, Replica, id_of

AFTER = ("answer", "after_headers", "middle")
PLACES = ("before", *AFTER)


@pytest.fixture(params=[name for name in CLOUDS if name != "local"])
def cloud(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """Each backend whose answers can be lost."""
    with CLOUDS[request.param](tmp_path) as found:
        yield found


def make(replica: Replica, what: str, **given: Any) -> Any:
    """Ask for a snapshot, a clone of one, or a volume."""
    if what == "snapshot":
        return replica.snapshot(**given)
    if what == "volume":
        return replica.volume(**given)
    (source,) = replica.cloud.snapshots()
    return replica.send("POST", f"/storage_snapshots/{source}/clone", json={}, **given)


@pytest.fixture(params=["snapshot", "clone", "volume"])
def what(request: pytest.FixtureRequest, replica: Replica) -> str:
    """Each thing that can be made."""
    if request.param == "clone":
        replica.ready(id_of(replica.snapshot()))
    return str(request.param)


def count(cloud: Cloud, what: str) -> int:
    return len(cloud.snapshots() if what == "snapshot" else cloud.volumes())


def target(cloud: Cloud, what: str) -> str:
    return str(getattr(cloud.targets, what))


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("where", AFTER)
def test_what_was_made_is_adopted(
    cloud: Cloud, replica: Replica, what: str, where: Any, key: str | None
) -> None:
    cloud.simulator.cut(target(cloud, what), where)
    answer = make(replica, what, key=key)
    assert answer.status_code in (201, 202), answer.text
    made = cloud.snapshots() if what == "snapshot" else cloud.volumes()
    assert list(made) == [id_of(answer)]


@pytest.mark.parametrize("key", [None, "k"])
def test_what_nobody_knows_is_told_with_its_marker(
    cloud: Cloud, replica: Replica, what: str, key: str | None
) -> None:
    cloud.simulator.cut(target(cloud, what), "before")
    answer = make(replica, what, key=key)
    assert answer.status_code == 504, answer.text
    assert count(cloud, what) == 0
    problem = answer.get_json()
    assert (problem["error"], problem["outcome"]) == ("timeout", "unknown")
    assert problem["retryable"] is False
    assert re.fullmatch("[0-9a-f]{32}", problem["marker"])
    assert f"created_by={problem['marker']}" in problem["message"]


def test_xml_tells_it_too(cloud: Cloud, replica: Replica) -> None:
    cloud.simulator.cut(cloud.targets.snapshot, "before")
    answer = replica.snapshot(accept="xml")
    assert answer.status_code == 504, answer.text
    assert "<outcome>unknown</outcome>" in answer.text
    (marker,) = re.findall("<marker>([0-9a-f]{32})</marker>", answer.text)
    assert f"created_by={marker}" in answer.text


def test_what_appears_later_is_found_by_the_marker(cloud: Cloud, replica: Replica) -> None:
    """The cloud takes longer than the gateway waits and looks, and makes it all the same."""
    with cloud.replica(call_timeout_s=1) as hasty:
        hasty.send("GET", "/storage_snapshots")  # so that the login costs no time
        cloud.simulator.delay(cloud.targets.snapshot, 1.8)
        answer = hasty.snapshot()
    assert answer.status_code == 504, answer.text
    marker = answer.get_json()["marker"]
    for _ in range(60):
        path = f"/storage_snapshots?created_by={marker}"
        found = replica.send("GET", path).get_json()["storage_snapshots"]
        if found:
            break
    assert [one["id"] for one in found] == list(cloud.snapshots())
    assert replica.send("GET", "/storage_snapshots?created_by=0").get_json() == {
        "storage_snapshots": []
    }


@pytest.mark.parametrize("where", PLACES)
def test_a_repeat_with_the_key_ends_with_one(
    cloud: Cloud, replica: Replica, other: Replica, what: str, where: Any
) -> None:
    cloud.simulator.cut(target(cloud, what), where)
    make(replica, what, key="k")
    for one in (replica, other):
        answer = make(one, what, key="k")
        assert answer.status_code in (200, 201, 202), answer.text
    assert count(cloud, what) == 1


def test_an_answer_that_makes_no_sense_is_no_failure(cloud: Cloud, replica: Replica) -> None:
    cloud.simulator.garble(cloud.targets.snapshot, b"<html>some page</html>")
    answer = replica.snapshot()
    assert answer.status_code == 201, answer.text
    assert list(cloud.snapshots()) == [id_of(answer)]


def test_what_certainly_made_nothing_keeps_its_error(cloud: Cloud, replica: Replica) -> None:
    answer = replica.snapshot(volume_id="00000000-0000-4000-8000-000000000000")
    assert answer.status_code == 404
    assert (answer.get_json()["outcome"], answer.get_json()["marker"]) == (None, None)


def test_a_backend_that_stays_away_is_looked_for_and_told(cloud: Cloud, replica: Replica) -> None:
    """Nothing is taken for sure while not even a look succeeds."""
    reads = {"ec2": "DescribeSnapshots", "cinder": "GET *", "cloudsigma": "GET *"}[cloud.name]
    replica.send("GET", "/storage_snapshots")
    cloud.simulator.cut(cloud.targets.snapshot, "answer")
    cloud.simulator.cut(reads, "before", times=10_000)
    answer = replica.snapshot("k")
    assert answer.status_code in (503, 504), answer.text
    cloud.simulator.clear_faults()
    again = replica.snapshot("k")
    assert again.status_code in (200, 201), again.text
    assert list(cloud.snapshots()) == [id_of(again)]
