"""Deletions told truly: accepted, done, or failed after all."""

import time
from pathlib import Path
from typing import Any

import pytest

from drivers.cinder.driver import CinderDriver
from gateway.driver import Deadline
from gateway.observability import Log
from tests.changes.clouds import ROOT, VOLUMES, Cloud, cloudsigma
from tests.http.tools import facts, problem, results

ABSENT = {
    "local": "snap-nosuch",
    "ec2": "snap-00000000000000001",
    "cinder": "00000000-0000-4000-8000-000000000000",
    "cloudsigma": "00000000-0000-4000-8000-000000000000",
}
NOWHERE = ["nosuch", "snap-nosuch", "a b", "x" * 300]


def test_with_a_wait_204_means_gone(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}"
    cloud.slow(0.6)
    answer = cloud.ask("DELETE", path, format_, wait=20)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert cloud.ask("GET", path, format_).status_code == 404


@pytest.mark.parametrize("name", ["cinder", "cloudsigma"])
def test_a_deletion_that_takes_longer_is_accepted(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, format_: str
) -> None:
    if name == "cinder":
        cloud = request.getfixturevalue("openstack")
        _accepted(cloud, format_, "deleting")
    else:
        with cloudsigma(tmp_path) as cloud:
            _accepted(cloud, format_, "deleting")


def _accepted(cloud: Cloud, format_: str, state: str) -> None:
    path = f"{ROOT}/{cloud.make()}"
    cloud.slow(30)
    start = time.monotonic()
    answer = cloud.ask("DELETE", path, format_, wait=1)
    assert time.monotonic() - start < 3
    assert answer.status_code == 202, answer.text
    assert "Retry-After" in answer.headers
    assert (facts(answer)["state"], facts(answer)["ready"]) == (state, False)


def test_without_a_wait_204_means_accepted(openstack: Cloud, format_: str) -> None:
    path = f"{ROOT}/{openstack.make()}"
    openstack.slow(30)
    assert openstack.ask("DELETE", path, format_).status_code == 204
    shown = facts(openstack.ask("GET", path, format_))
    assert (shown["state"], shown["ready"]) == ("deleting", False)


@pytest.mark.parametrize("slow", [0, 0.6])
def test_error_deleting_is_a_failure_with_its_reason(
    openstack: Cloud, format_: str, slow: float
) -> None:
    snapshot_id = openstack.make()
    openstack.slow(slow)
    openstack.sim.region().order("delete_snapshot", "error_deleting")
    found = openstack.error("DELETE", f"{ROOT}/{snapshot_id}", format_, wait=20)
    assert (found["code"], found["error"], found["retryable"]) == (502, "backend", False)
    assert snapshot_id in found["message"]
    assert "failed to delete" in found["message"]
    assert found["backend"]["code"] == "error_deleting"
    shown = facts(openstack.ask("GET", f"{ROOT}/{snapshot_id}", format_))
    assert shown["native_state"] == "error_deleting"


@pytest.mark.parametrize("slow", [0, 0.6])
def test_back_to_available_is_a_conflict_with_its_reason(
    openstack: Cloud, format_: str, slow: float
) -> None:
    snapshot_id = openstack.make()
    openstack.slow(slow)
    openstack.sim.region().order("delete_snapshot", "available")
    found = openstack.error("DELETE", f"{ROOT}/{snapshot_id}", format_, wait=20)
    assert (found["code"], found["error"]) == (409, "conflict")
    assert snapshot_id in found["message"]
    assert "Snapshot is busy" in found["message"]
    assert facts(openstack.ask("GET", f"{ROOT}/{snapshot_id}", format_))["state"] == "available"


def test_a_reason_that_cannot_be_had_changes_no_verdict(openstack: Cloud, format_: str) -> None:
    snapshot_id = openstack.make()
    openstack.sim.region().order("delete_snapshot", "available")
    openstack.sim.fail("GET /messages", 500, times=10)
    assert openstack.error("DELETE", f"{ROOT}/{snapshot_id}", format_, wait=20)["code"] == 409


@pytest.mark.parametrize("answer", [["in use"], KeyError("messages")])
def test_a_bug_in_telling_the_reason_is_logged_and_changes_no_verdict(
    openstack: Cloud, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    def last_failure(_: CinderDriver, resource_id: str, *, deadline: Deadline) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(CinderDriver, "last_failure", last_failure)
    monkeypatch.setattr(Log, "write", lambda _, event, **told: lines.append(told | {"is": event}))
    snapshot_id = openstack.make()
    openstack.sim.region().order("delete_snapshot", "available")
    found = openstack.error("DELETE", f"{ROOT}/{snapshot_id}", "json", wait=20)
    assert (found["code"], found["backend"]["code"]) == (409, "available")
    assert snapshot_id in found["message"]
    assert "bug" not in found["message"]
    (bug,) = [line for line in lines if line["is"] == "bug"]
    assert (bug["bug_of"], bug["driver"]) == ("driver", "CinderDriver")
    assert bug["request_id"] == found["request_id"]
    assert bug["error"] == ("KeyError" if isinstance(answer, Exception) else "DriverBug")


@pytest.mark.parametrize(("outcome", "status"), [("error_deleting", 502), ("available", 409)])
def test_a_volume_that_stays_is_a_failure(
    openstack: Cloud, format_: str, outcome: str, status: int
) -> None:
    openstack.sim.region().order("delete_volume", outcome)
    path = f"{VOLUMES}/{openstack.volume_id}"
    found = openstack.error("DELETE", path, format_, wait=20)
    assert found["code"] == status
    assert openstack.volume_id in found["message"]


def test_a_volume_is_gone_when_the_wait_ends_well(cloud: Cloud, format_: str) -> None:
    cloud.slow(0.6)
    path = f"{VOLUMES}/{cloud.volume_id}"
    answer = cloud.ask("DELETE", path, format_, wait=20)
    assert answer.status_code == 204, answer.text
    assert cloud.ask("GET", path, format_).status_code == 404


def test_a_deletion_whose_answer_is_lost_is_followed(openstack: Cloud, format_: str) -> None:
    path = f"{ROOT}/{openstack.make()}"
    openstack.sim.cut("DELETE /snapshots/*", "answer")
    assert openstack.ask("DELETE", path, format_, wait=20).status_code == 204
    path = f"{ROOT}/{openstack.make()}"
    openstack.sim.cut("DELETE /snapshots/*", "before")
    answer = openstack.ask("DELETE", path, format_, wait=1)
    assert answer.status_code == 503, "that it is there does not say that it stays"
    found = problem(answer)
    assert found["outcome"] == "unknown"
    assert "something uses it" not in found["message"]
    assert facts(openstack.ask("GET", path, format_))["state"] == "available"


def test_what_is_not_there_is_404_unless_that_is_all_the_same(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}"
    assert cloud.ask("DELETE", path, format_, wait=20).status_code == 204
    assert cloud.ask("DELETE", path, format_, wait=20).status_code == 404
    assert cloud.ask("DELETE", path, format_).status_code == 404
    assert cloud.ask("DELETE", f"{path}?missing=error", format_).status_code == 404
    assert cloud.ask("DELETE", f"{path}?missing=ok", format_).status_code == 204
    for seconds in (0, 20):
        answer = cloud.ask("DELETE", f"{path}?missing=ok", format_, wait=seconds)
        assert answer.status_code == 204, "there is nothing to wait for"
        answer = cloud.ask(
            "DELETE", ROOT, format_, wait=seconds, json={"ids": [path[-36:]], "missing": "ok"}
        )
        assert answer.status_code == 204
    assert cloud.ask("DELETE", path, format_, data={"missing": "ok"}).status_code == 204
    assert cloud.ask("DELETE", path, format_, json={"missing": "ok"}).status_code == 204


@pytest.mark.parametrize("collection", [ROOT, VOLUMES])
def test_an_id_that_can_be_none_is_missing_too(cloud: Cloud, format_: str, collection: str) -> None:
    for absent in (ABSENT[cloud.name].replace("snap", "vol"), ABSENT[cloud.name], *NOWHERE):
        path = f"{collection}/{absent}"
        assert cloud.ask("DELETE", path, format_).status_code == 404
        assert cloud.ask("DELETE", f"{path}?missing=ok", format_).status_code == 204


@pytest.mark.parametrize("given", ["yes", "", "OK", "ok&missing=ok"])
def test_missing_is_ok_or_error(cloud: Cloud, format_: str, given: str) -> None:
    path = f"{ROOT}/{cloud.make()}"
    for url in (path, ROOT, f"{VOLUMES}/{cloud.volume_id}"):
        ids = f"id={path.rpartition('/')[2]}&" if url == ROOT else ""
        found = cloud.error("DELETE", f"{url}?{ids}missing={given}", format_)
        assert (found["code"], list(found["fields"])) == (400, ["missing"])
    assert cloud.ask("GET", path, format_).status_code == 200


def test_missing_ok_hides_no_other_failure(openstack: Cloud, format_: str) -> None:
    snapshot_id = openstack.make()
    openstack.sim.fail("DELETE /snapshots/*", 403)
    answer = openstack.ask("DELETE", f"{ROOT}/{snapshot_id}?missing=ok", format_)
    assert answer.status_code == 403


def test_several_of_which_some_are_missing(cloud: Cloud, format_: str) -> None:
    absent = ABSENT[cloud.name]
    ids = f"id={cloud.make()}&id={absent}"
    found = results(cloud.ask("DELETE", f"{ROOT}?{ids}", format_))
    assert [one["status"] for one in found] == [204, 404]
    ids = f"id={cloud.make()}&id={absent}"
    dry = results(cloud.ask("DELETE", f"{ROOT}?{ids}&missing=ok&dry_run=true", format_))
    assert [one["status"] for one in dry] == [204, 204]
    assert cloud.ask("DELETE", f"{ROOT}?{ids}&missing=ok", format_).status_code == 204
    form = {"id": [cloud.make(), absent], "missing": "ok"}
    assert cloud.ask("DELETE", ROOT, format_, data=form).status_code == 204
    answer = cloud.ask("DELETE", f"{ROOT}/{absent}?missing=ok&dry_run=true", format_)
    assert [one["status"] for one in results(answer)] == [204]


def test_if_match_on_what_is_gone_already(cloud: Cloud, format_: str) -> None:
    path = f"{ROOT}/{cloud.make()}"
    etag = cloud.ask("GET", path, format_).headers["ETag"]
    headers = {"If-Match": etag}
    stale = cloud.ask("DELETE", path, format_, headers={"If-Match": '"x"'})
    assert problem(stale)["code"] == 412
    assert cloud.ask("DELETE", path, format_, headers=headers, wait=20).status_code == 204
    again = cloud.ask("DELETE", f"{path}?missing=ok", format_, headers=headers)
    assert again.status_code == 204, "what it asks for is so (RFC 9110, 13.1.1)"
