"""The faults that a test orders of the simulated CloudSigma, as clients feel them."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.simulators.cloudsigma import CloudSigma, running_cloudsigma
from tests.simulators.cloudsigma_judge import Caller


@pytest.fixture
def cloud() -> Iterator[CloudSigma]:
    with running_cloudsigma() as found:
        yield found


@pytest.fixture
def caller(cloud: CloudSigma) -> Iterator[Caller]:
    found = Caller(cloud)
    yield found
    found.close()


def test_failures_come_when_they_should(cloud: CloudSigma, caller: Caller) -> None:
    cloud.fail("GET /snapshots/*", 503, "slow", times=2, after=1)
    statuses = [caller("GET", "snapshots/").status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]
    assert [one.status for one in cloud.asked("GET /snapshots/")] == statuses
    assert caller("GET", "drives/").status_code == 200


def test_a_failure_may_come_after_the_deed(cloud: CloudSigma, caller: Caller) -> None:
    drive = cloud.add_drive()
    for executed in (False, True):
        cloud.fail("POST /snapshots/", 500, executed=executed)
        answer = caller("POST", "snapshots/", {"drive": drive.uuid})
        assert answer.json()[0]["error_message"] == "unknown error"
        assert answer.json()[0]["error_type"] == "backend"
        assert len(cloud.snapshots) == executed


def test_an_error_may_have_any_entries(cloud: CloudSigma, caller: Caller) -> None:
    entry = {"error_type": "database", "error_message": "deadlock"}
    cloud.fail_with("GET /drives/", 500, entry, entry | {"error_point": "x"})
    assert caller("GET", "drives/").json() == [entry, entry | {"error_point": "x"}]


def test_answers_are_garbled(cloud: CloudSigma, caller: Caller) -> None:
    cloud.garble("GET /snapshots/", b'{"objects": [')
    answer = caller("GET", "snapshots/")
    assert (answer.status_code, answer.content) == (200, b'{"objects": [')
    assert "X-REQUEST-ID" in answer.headers
    cloud.bad_gateway("GET /snapshots/")
    answer = caller("GET", "snapshots/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    assert "X-REQUEST-ID" not in answer.headers


@pytest.mark.parametrize("where", ["before", "answer", "after_headers", "middle"])
def test_connections_are_cut(cloud: CloudSigma, caller: Caller, where: Any) -> None:
    drive = cloud.add_drive()
    cloud.cut("POST /snapshots/", where)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        caller("POST", "snapshots/", {"drive": drive.uuid})
    assert len(cloud.snapshots) == (where != "before")
    assert caller("GET", "snapshots/").status_code == 200


def test_a_delay_holds_up_nobody_else(cloud: CloudSigma, caller: Caller) -> None:
    cloud.delay("GET /snapshots/", 60)
    slow = Caller(cloud)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slow, "GET", "snapshots/", timeout=0.2)
        while not cloud.count("GET /snapshots/"):
            time.sleep(0.001)
        assert caller("GET", "snapshots/").status_code == 200
        assert not waiting.done()
        with pytest.raises(requests.ReadTimeout):
            waiting.result()
    slow.close()


def test_it_goes_down_and_comes_back(cloud: CloudSigma, caller: Caller) -> None:
    cloud.add_drive()
    url = cloud.url
    cloud.go_down()
    with pytest.raises(requests.ConnectionError):
        caller("GET", "drives/")
    cloud.come_back()
    assert cloud.url == url
    assert len(caller.objects("drives/")) == 1


def test_reset_forgets(cloud: CloudSigma, caller: Caller) -> None:
    cloud.add_remote_snapshot(cloud.add_drive())
    cloud.account().clone_naming = "DATE"
    cloud.fail("GET /drives/", 500)
    caller("GET", "jobs/")
    cloud.reset()
    assert cloud.requests == []
    assert caller.objects("drives/") == caller.objects("remotesnapshots/") == []
    assert caller.get("profile/")["clone_naming"] == "NONE"


@pytest.mark.parametrize("gzips", [True, False])
def test_long_answers_are_compressed(cloud: CloudSigma, caller: Caller, gzips: bool) -> None:
    cloud.settings.gzips = gzips
    cloud.add_snapshots(20)
    answer = caller("GET", "snapshots/")
    assert (answer.headers.get("Content-Encoding") == "gzip") == gzips
    assert len(answer.json()["objects"]) == 20


def test_a_bug_of_the_simulator_reaches_the_test() -> None:
    def see() -> None:
        with running_cloudsigma() as cloud:
            cloud.add_snapshot().timestamp = None  # type: ignore[assignment]
            caller = Caller(cloud)
            assert caller("GET", "snapshots/").status_code == 500
            caller.close()

    with pytest.raises(AttributeError):
        see()
