"""``Prefer: wait=N``: the answer comes with the end of a change, or after N seconds."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.changes.clouds import CLOUDS, ROOT, VOLUMES, Cloud, ec2
from tests.http.tools import facts, problem


def made(cloud: Cloud, path: str, format_: str, **kw: Any) -> Any:
    fields = kw.pop("data", {"volume_id": cloud.volume_id} if path == ROOT else {})
    return cloud.ask("POST", path, format_, data=fields, **kw)


def test_a_creation_is_answered_when_it_is_done(cloud: Cloud, format_: str) -> None:
    cloud.slow(0.6)
    start = time.monotonic()
    answer = made(cloud, ROOT, format_, wait=20)
    assert 0.5 < time.monotonic() - start < 10
    assert answer.status_code == 201, answer.text
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert "Retry-After" not in answer.headers
    shown = facts(answer)
    assert (shown["state"], shown["ready"]) == ("available", True)
    assert answer.headers["Location"] == shown["href"]
    again = cloud.ask("GET", shown["href"].removeprefix("http://localhost"), format_)
    assert again.headers["ETag"] == answer.headers["ETag"]


def test_a_creation_that_takes_longer_is_accepted(cloud: Cloud, format_: str) -> None:
    cloud.slow(4)
    start = time.monotonic()
    answer = made(cloud, ROOT, format_, wait=1)
    assert time.monotonic() - start < 2.5
    assert answer.status_code == 202, answer.text
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert int(answer.headers["Retry-After"]) > 0
    shown = facts(answer)
    assert (shown["state"], shown["ready"]) == ("creating", False)
    assert answer.headers["Location"] == shown["href"]


def test_who_does_not_wait_is_answered_at_once(cloud: Cloud, format_: str) -> None:
    cloud.slow(5)
    answer = made(cloud, ROOT, format_)
    assert (answer.status_code, facts(answer)["state"]) == (201, "creating")
    assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    ("given", "applied"),
    [
        ("wait=0", "wait=0"),
        ("respond-async, wait=0", "wait=0"),
        ('respond-async; x="a, wait=9", WAIT = "0";y', "wait=0"),
        ("wait=9999", "wait=3"),
        ("wait=" + "9" * 200, "wait=3"),
        ("wait", None),
        ("wait=", None),
        ("wait=soon, wait=0", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ('x="wait=0', None),
        ("respond-async", None),
        ("nonsense, return=minimal", None),
    ],
)
def test_what_is_preferred(tmp_path: Path, given: str, applied: str | None) -> None:
    with ec2(tmp_path, max_wait_s=3) as cloud:
        answer = made(cloud, ROOT, "json", headers={"Prefer": given})
    assert answer.headers.get("Preference-Applied") == applied
    assert answer.status_code == (202 if applied == "wait=0" else 201)


def test_a_clone_and_a_volume_are_waited_for(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}/clone"
    cloud.slow(0.6)
    for where, fields in ((path, {}), (VOLUMES, {"size_bytes": str(1 << 30)})):
        answer = made(cloud, where, format_, data=fields, wait=20)
        assert answer.status_code == 201, answer.text
        assert answer.headers["Preference-Applied"] == "wait=20"
        shown = facts(answer)
        assert shown["state"] == "available"
        assert answer.headers["Location"] == shown["href"]


def test_a_clone_that_takes_longer_is_accepted(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}/clone"
    cloud.slow(4)
    answer = made(cloud, path, format_, wait=1)
    assert (answer.status_code, facts(answer)["state"]) == (202, "creating")
    assert "Retry-After" in answer.headers


def test_a_key_that_was_used_before_waits_as_well(format_: str, tmp_path: Path) -> None:
    headers = {"Idempotency-Key": "once"}
    with CLOUDS["local"](tmp_path) as cloud:
        cloud.slow(2)
        first = made(cloud, ROOT, format_, headers=headers, wait=0)
        assert first.status_code == 202
        early = made(cloud, ROOT, format_, headers=headers, wait=0)
        done = made(cloud, ROOT, format_, headers=headers, wait=20)
        assert (early.status_code, done.status_code) == (202, 200)
        assert early.headers["Idempotency-Replayed"] == done.headers["Idempotency-Replayed"]
        assert facts(done)["id"] == facts(first)["id"]
        assert facts(done)["state"] == "available"


def test_a_creation_that_ends_in_error_is_no_success(openstack: Cloud, format_: str) -> None:
    openstack.sim.region().order("create_snapshot", "error")
    answer = made(openstack, ROOT, format_, wait=20)
    found = problem(answer)
    assert (found["code"], found["error"], found["retryable"]) == (502, "backend", False)
    (snapshot,) = openstack.sim.region().snapshots.values()
    assert answer.headers["Location"].endswith(f"/{snapshot.id}")
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert snapshot.id in found["message"]
    assert "failed to create" in found["message"]
    assert found["backend"]["code"] == "error"


def test_a_repeat_that_waits_is_told_the_reason_too(openstack: Cloud, format_: str) -> None:
    openstack.sim.region().order("create_snapshot", "error")
    headers = {"Idempotency-Key": "once"}
    for _ in range(2):
        found = problem(made(openstack, ROOT, format_, wait=20, headers=headers))
        assert found["code"] == 502
        assert "failed to create" in found["message"]
    assert len(openstack.sim.region().snapshots) == 1


def test_a_volume_that_ends_in_error_is_no_success(openstack: Cloud, format_: str) -> None:
    path = f"{ROOT}/{openstack.make()}/clone"
    openstack.sim.region().order("create_volume", "error")
    answer = made(openstack, path, format_, wait=20)
    assert (problem(answer)["code"], problem(answer)["error"]) == (502, "backend")
    assert answer.headers["Location"].rpartition("/")[2] in problem(answer)["message"]


def test_a_revert_is_waited_for(openstack: Cloud, format_: str) -> None:
    path = f"{ROOT}/{openstack.make()}/revert"
    openstack.slow(0.6)
    answer = openstack.ask("POST", path, format_, wait=20)
    assert (answer.status_code, facts(answer)["state"]) == (200, "available")
    openstack.slow(5)
    answer = openstack.ask("POST", path, format_, wait=1)
    assert (answer.status_code, facts(answer)["state"]) == (202, "busy")
    assert "Retry-After" in answer.headers


def test_a_revert_that_fails_is_no_success(openstack: Cloud, format_: str) -> None:
    path = f"{ROOT}/{openstack.make()}/revert"
    openstack.sim.region().order("revert", "error")
    found = openstack.error("POST", path, format_, wait=20)
    assert (found["code"], found["error"]) == (502, "backend")
    assert openstack.volume_id in found["message"]


def test_a_look_that_fails_is_no_failure_of_the_change(openstack: Cloud, format_: str) -> None:
    """Fifteen answers of 503 are five looks, for each look is sent three times."""
    openstack.sim.fail("GET /snapshots/*", 503, times=15)
    answer = made(openstack, ROOT, format_, wait=20)
    assert (answer.status_code, facts(answer)["state"]) == (201, "available")


@pytest.mark.parametrize("status", [503, 429, 403, 500])
def test_when_no_look_works_what_is_known_is_told(
    openstack: Cloud, format_: str, status: int
) -> None:
    openstack.sim.fail("GET /snapshots/*", status, times=1000)
    answer = made(openstack, ROOT, format_, wait=1)
    assert (answer.status_code, facts(answer)["state"]) == (202, "creating")
    assert len(openstack.sim.region().snapshots) == 1


def test_what_ec2_does_not_show_yet_is_waited_for(tmp_path: Path, format_: str) -> None:
    with ec2(tmp_path) as cloud:
        cloud.sim.settings.hidden_reads = 12
        answer = made(cloud, ROOT, format_, wait=20)
        assert (answer.status_code, facts(answer)["state"]) == (201, "available")


def test_a_slow_look_does_not_outlast_the_wait(openstack: Cloud) -> None:
    openstack.slow(60)
    openstack.sim.delay("GET /snapshots/*", 8, times=100)
    start = time.monotonic()
    answer = made(openstack, ROOT, "json", wait=2)
    assert time.monotonic() - start < 4
    assert answer.status_code == 202


@pytest.mark.parametrize("path", [ROOT, VOLUMES])
def test_the_time_that_a_creation_takes_is_part_of_the_wait(openstack: Cloud, path: str) -> None:
    openstack.slow(60)
    openstack.ask("GET", ROOT)  # so that the login costs no time
    openstack.sim.delay("POST /snapshots", 2)
    openstack.sim.delay("POST /volumes", 2)
    body = {"size_bytes": 1 << 30} if path == VOLUMES else {"volume_id": openstack.volume_id}
    start = time.monotonic()
    answer = openstack.ask("POST", path, json=body, wait=3)
    assert 2.4 < time.monotonic() - start < 4.5
    assert answer.status_code == 202, answer.text
    assert answer.headers["Preference-Applied"] == "wait=3"


def test_a_copy_is_waited_for_where_it_goes(tmp_path: Path) -> None:
    with ec2(tmp_path) as cloud:
        cloud.core.providers._by_name["other"] = cloud.core.providers.default
        path = f"{ROOT}/{cloud.make()}/copy"
        cloud.slow(0.6)
        answer = made(cloud, path, "json", data={"destination": "main"}, wait=20)
        assert (answer.status_code, facts(answer)["state"]) == (201, "available")
        cloud.slow(9)
        answer = made(cloud, path, "json", data={"destination": "main"}, wait=1)
        assert (answer.status_code, facts(answer)["state"]) == (202, "creating")
