"""Clouds that are slow, hang or break: the others are served, and no secret gets out."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.http.plugins.staged_cloud import SECRET
from tests.http.staged import go, staged_server, wait_for, wait_until_entered
from tests.http.tools import accept, problem
from tests.servers import Server

CLIENTS = 100
BUG_SECRET, EXIT_SECRET = f"{SECRET}-bug", f"{SECRET}-exit"


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with staged_server(
        tmp_path_factory.mktemp("faults"), {"cloud": {}, "watched": {"driver": "DawdlingDriver"}}
    ) as server:
        yield server


def test_fast_requests_are_served_while_100_clients_wait_for_a_cloud(folder: Path) -> None:
    with staged_server(folder, {"cloud": {}}) as server, ThreadPoolExecutor(CLIENTS) as pool:
        path = ";provider=cloud/storage_snapshots/wait"
        slow = [pool.submit(server.request, "GET", path, timeout=60) for _ in range(CLIENTS)]
        wait_until_entered(folder, CLIENTS)  # all of them wait in the cloud at one time
        for _ in range(20):
            assert server.request("GET", "/storage_snapshots").status_code == 200
            assert server.request("GET", "").status_code == 200
        assert not any(waiting.done() for waiting in slow)
        go(folder)
        assert {waiting.result().status_code for waiting in slow} == {200}


def test_100_clients_of_a_cloud_that_takes_its_time_are_all_served(staged: Server) -> None:
    def ask(path: str) -> int:
        return staged.request("GET", path, timeout=60).status_code

    with ThreadPoolExecutor(CLIENTS) as pool:
        slow = pool.map(ask, [";provider=cloud/storage_snapshots/sleep-0.2"] * CLIENTS)
        assert [ask("/storage_snapshots") for _ in range(5)] == [200] * 5
        assert set(slow) == {200}


def test_a_call_that_hangs_ends_at_its_deadline(folder: Path) -> None:
    with staged_server(
        folder,
        {"hanging": {"driver": "DawdlingDriver", "wait_at": 0}},
        gateway="call_timeout_s = 0.5",
    ) as server:
        for path, format_ in (("/storage_snapshots", "xml"), ("/storage_snapshots/wait", "json")):
            answer = server.request("GET", f";provider=hanging{path}", headers=accept(format_))
            assert answer.status_code == 504
            found = problem(answer)
            assert (found["error"], found["retryable"]) == ("timeout", True)
            assert "0.5 seconds" in found["message"]
        answer = server.request("GET", ";provider=hanging/storage_snapshots/snap-1")
        assert answer.status_code == 200, "calls that were given up must not block others"


def test_a_bug_in_a_driver_is_an_internal_error_without_its_message(
    staged: Server, format_: str
) -> None:
    for provider in ("cloud", "watched"):
        answer = staged.request(
            "GET", f";provider={provider}/storage_snapshots/fail-bug", headers=accept(format_)
        )
        assert answer.status_code == 500
        found = problem(answer)
        assert (found["error"], found["retryable"]) == ("internal", False)
        assert BUG_SECRET not in answer.text
        request_id = found["request_id"]
        wait_for(lambda: request_id in staged.log, "the log")  # noqa: B023 - used at once
    lines = [json.loads(line) for line in staged.log.splitlines() if line.startswith("{")]
    bugs = [line for line in lines if line["event"] == "bug"]
    assert request_id in {line["request_id"] for line in bugs}
    assert bugs[-1]["error"] == "RuntimeError"
    assert any("staged_cloud.py" in place for place in bugs[-1]["at"])
    assert BUG_SECRET not in staged.log


@pytest.mark.parametrize("provider", ["cloud", "watched"])
def test_a_driver_that_wants_to_exit_takes_no_worker_with_it(staged: Server, provider: str) -> None:
    pids = staged.worker_pids()
    answer = staged.request("GET", f";provider={provider}/storage_snapshots/fail-exit")
    assert answer.status_code == 500
    assert EXIT_SECRET not in answer.text
    assert staged.request("GET", "/storage_snapshots").status_code == 200
    assert staged.worker_pids() == pids
    assert EXIT_SECRET not in staged.log


CODES = {
    "invalid": 400,
    "denied": 403,
    "not_found": 404,
    "conflict": 409,
    "quota": 403,
    "rate_limited": 429,
    "unsupported": 501,
    "backend": 502,
    "unavailable": 503,
    "timeout": 504,
}


@pytest.mark.parametrize("code", CODES)
def test_every_error_of_a_cloud_has_its_status(staged: Server, code: str, format_: str) -> None:
    answer = staged.request(
        "GET", f";provider=cloud/storage_snapshots/fail-{code}", headers=accept(format_)
    )
    assert answer.status_code == CODES[code]
    found = problem(answer)
    assert (found["code"], found["error"]) == (CODES[code], code)
    assert found["message"] == f"the cloud says: {code}"
    assert found["backend"] == {
        "driver": "staged_cloud:StagedDriver",
        "provider": "cloud",
        "code": f"Cloud{code}",
    }


def test_credentials_that_the_cloud_refuses_are_401(staged: Server, format_: str) -> None:
    answer = staged.request(
        "GET",
        ";provider=cloud/storage_snapshots",
        auth=("demo", "wrong"),
        headers=accept(format_),
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


MISSING: list[tuple[str, str, Any, str]] = [
    ("POST", "/storage_snapshots", {"volume_id": "v"}, "snapshot_create"),
    ("PATCH", "/storage_snapshots/x", {"name": "n"}, "snapshot_update"),
    ("PUT", "/storage_snapshots/x/metadata", {"metadata": {}}, "snapshot_update"),
    ("PUT", "/storage_snapshots/x/metadata/k", {"value": "v"}, "snapshot_update"),
    ("DELETE", "/storage_snapshots/x", None, "snapshot_delete"),
    ("POST", "/storage_snapshots/x/clone", {}, "snapshot_clone"),
    ("GET", "/storage_volumes", None, "volume_read"),
    ("GET", "/storage_volumes/x", None, "volume_read"),
    ("POST", "/storage_volumes", {"size_bytes": 1}, "volume_create"),
    ("POST", "/storage_volumes", {"snapshot_id": "x"}, "snapshot_clone"),
    ("DELETE", "/storage_volumes/x", None, "volume_delete"),
]


@pytest.mark.parametrize(("method", "path", "fields", "capability"), MISSING)
def test_what_a_driver_cannot_do_is_refused_by_name(
    *, staged: Server, method: str, path: str, fields: Any, capability: str, format_: str
) -> None:
    answer = staged.request(method, f";provider=cloud{path}", json=fields, headers=accept(format_))
    assert answer.status_code == 501
    found = problem(answer)
    assert found["error"] == "unsupported"
    assert capability in found["message"]


def test_the_entry_point_hides_what_a_driver_cannot_do(staged: Server) -> None:
    api = staged.request("GET", ";provider=cloud").json()["api"]
    links = {link["rel"]: link["features"] for link in api["links"]}
    assert links == {"drivers": [], "storage_snapshots": []}
    shown = staged.request("GET", ";provider=cloud/storage_snapshots/x").json()
    assert shown["storage_snapshot"]["actions"] == []


def test_a_driver_by_class_name_can_be_shown(staged: Server) -> None:
    for driver in staged.request("GET", "/drivers").json()["drivers"]:
        path = driver["href"].removeprefix(staged.api)
        assert staged.request("GET", path).json() == {"driver": driver}
        selected = staged.request("GET", f";driver={driver['id']}")
        assert selected.headers["X-Deltacloud-Driver"] == driver["id"]
