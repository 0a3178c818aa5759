"""What the real server refuses for CloudSigma, and what it says of CloudSigma's failures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cloudsigma.simulated.conftest import Ask
from tests.cloudsigma.simulated.tools import GIB, NOBODYS, changes
from tests.http.tools import facts, problem
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_state import Drive

LIST, VOLUMES = "/storage_snapshots", "/storage_volumes"


@pytest.fixture
def disk(behind: CloudSigma) -> Drive:
    return behind.add_drive(size=10 * GIB)


@pytest.mark.parametrize(
    ("given", "status", "field"),
    [
        ({"location": "XXX"}, 400, "location"),
        ({"location": "GVA,ZRH"}, 400, "location"),
        ({"metadata[description]": "x"}, 400, "metadata[description]"),
        ({f"metadata[{'k' * 33}]": "x"}, 400, "metadata"),
        ({"metadata[]": "x"}, 400, "metadata"),
        ({"metadata[k]": "v" * 1025}, 400, "metadata[k]"),
        ({"name": "n" * 256}, 400, "name"),
        ({"description": "d" * 1025}, 400, "description"),
        ({"in_use": "refuse"}, 400, "in_use"),
        ({"zone": "a"}, 400, "zone"),
        ({"color": "red"}, 400, "color"),
        ({"volume_id": ""}, 400, "volume_id"),
        ({"volume_id": NOBODYS}, 404, None),
        ({"volume_id": "no id"}, 404, None),
        ({"volume_id": "../drives"}, 404, None),
        ({"volume_id": NOBODYS, "location": "ZRH"}, 404, None),
    ],
)
def test_a_bad_snapshot_is_refused_by_name_and_not_made(
    behind: CloudSigma, ask: Ask, disk: Drive, *, given: Any, status: int, field: str | None
) -> None:
    for _ in range(2):
        answer = ask("POST", LIST, data={"volume_id": disk.uuid} | given)
        told = problem(answer)
        assert answer.status_code == status, answer.text
        if field is not None:
            assert [name for name in told["fields"] if name.startswith(field)], told
    assert not behind.snapshots
    assert not behind.remote_snapshots


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"media": "tape"}, "media"),
        ({"size_bytes": str(20 * GIB)}, "size_bytes"),
        ({"zone": "a"}, "zone"),
        ({"name": "n" * 256}, "name"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_bad_clone_is_refused_by_name_and_not_made(
    behind: CloudSigma, ask: Ask, disk: Drive, given: Any, field: str
) -> None:
    for source in (behind.add_snapshot(disk), behind.add_remote_snapshot(disk)):
        answer = ask("POST", f"{LIST}/{source.uuid}/clone", data=given)
        assert (answer.status_code, list(problem(answer)["fields"])) == (400, [field])
    assert list(behind.drives) == [disk.uuid]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"size_bytes": "1"}, "size_bytes"),
        ({"size_bytes": str(1 << 62)}, "size_bytes"),
        ({"size_bytes": "-5"}, "size_bytes"),
        ({"size_bytes": "x"}, "size_bytes"),
        ({}, "capacity"),
        ({"size_bytes": str(GIB), "zone": "a"}, "zone"),
        ({"size_bytes": str(GIB), "name": "n" * 256}, "name"),
    ],
)
def test_a_bad_volume_is_refused_by_name_and_not_made(
    behind: CloudSigma, ask: Ask, given: Any, field: str
) -> None:
    answer = ask("POST", VOLUMES, data=given)
    assert (answer.status_code, field in problem(answer)["fields"]) == (400, True), answer.text
    assert not behind.drives


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "colour"},
        {"sort": ""},
        {"kind": "both"},
        {"state": "fine"},
        {"color": "red"},
        {"name__startswith": "x"},
    ],
)
def test_a_bad_list_is_refused_by_name(behind: CloudSigma, ask: Ask, params: Any) -> None:
    answer = ask("GET", LIST, params=params)
    assert (answer.status_code, list(problem(answer)["fields"])) == (400, list(params))
    assert not behind.count("GET /snapshots/*")


def test_a_remote_snapshot_too_soon_is_409_and_says_when(
    behind: CloudSigma, ask: Ask, disk: Drive
) -> None:
    before = datetime.now(UTC) - timedelta(minutes=10)
    behind.add_remote_snapshot(disk, timestamp=before)
    for _ in range(2):
        answer = ask("POST", LIST, data={"volume_id": disk.uuid, "location": "zrh"})
        told = problem(answer)
        assert (answer.status_code, told["error"]) == (409, "conflict")
        assert 1190 <= int(answer.headers["Retry-After"]) <= 1201
        assert f"{before + timedelta(minutes=30):%H:%M}" in told["message"]
    assert len(behind.remote_snapshots) == 1
    assert not behind.count("POST *")


@pytest.mark.parametrize("status", ["creating", "transferring"])
def test_an_unfinished_remote_snapshot_is_409_for_all_changes(
    behind: CloudSigma, ask: Ask, disk: Drive, status: str
) -> None:
    one = behind.add_remote_snapshot(disk, status=status)
    path = f"{LIST}/{one.uuid}"
    for answer in (
        ask("PATCH", path, json={"name": "x"}),
        ask("PUT", f"{path}/metadata/k", json={"value": "v"}),
        ask("DELETE", path),
        ask("POST", f"{path}/clone"),
        ask("POST", VOLUMES, data={"snapshot_id": one.uuid}),
        ask("POST", LIST, data={"volume_id": disk.uuid, "location": "ZRH"}),
    ):
        assert answer.status_code == 409, answer.text
        assert status in problem(answer)["message"]
    assert not changes(behind)


def test_what_this_driver_lacks_is_refused(behind: CloudSigma, ask: Ask, disk: Drive) -> None:
    one = behind.add_snapshot(disk)
    for answer in (
        ask("POST", f"{LIST}/{one.uuid}/revert"),
        ask("POST", f"{LIST}/{one.uuid}/copy", data={"destination": "hasty"}),
    ):
        assert 400 <= answer.status_code < 502
        assert problem(answer)["error"] in ("unsupported", "invalid")
    assert not changes(behind)


@pytest.mark.parametrize("path", ["x", "schema2", "..%2fdrives", NOBODYS, "a%20b"])
def test_what_is_not_there_is_404(behind: CloudSigma, ask: Ask, path: str) -> None:
    for collection in (LIST, VOLUMES):
        for method in ("GET", "DELETE"):
            assert ask(method, f"{collection}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("status", "expected", "kind", "after"),
    [
        (400, 400, "invalid", None),
        (402, 403, "quota", None),
        (403, 403, "denied", None),
        (409, 409, "conflict", None),
        (429, 429, "rate_limited", "7"),
        (500, 504, "timeout", None),
        (502, 504, "timeout", None),
        (503, 429, "rate_limited", "1"),
        (504, 504, "timeout", None),
    ],
)
def test_each_error_of_cloudsigmas_has_its_status_and_is_met_once(
    behind: CloudSigma,
    ask: Ask,
    disk: Drive,
    *,
    status: int,
    expected: int,
    kind: str,
    after: str | None,
) -> None:
    behind.fail("POST /snapshots/", status, times=9, retry_after=7 if status == 429 else None)
    answer = ask("POST", LIST, data={"volume_id": disk.uuid})
    told = problem(answer)
    assert (answer.status_code, told["error"]) == (expected, kind)
    assert told["backend"]["driver"] == "cloudsigma"
    assert answer.headers.get("Retry-After") == after
    assert told["retryable"] is (expected == 429)
    assert ("may have happened" in told["message"]) is (status in (500, 502, 504))
    assert behind.count("POST /snapshots/") == 1


@pytest.mark.parametrize("where", ["before", "answer", "after_headers", "middle"])
def test_a_creation_whose_answer_is_lost_is_not_repeated(
    behind: CloudSigma, ask: Ask, disk: Drive, where: Any
) -> None:
    behind.cut("POST /snapshots/", where)
    answer = ask("POST", LIST, data={"volume_id": disk.uuid})
    if where == "before":
        assert (answer.status_code, problem(answer)["retryable"]) == (504, False)
        assert "may have happened" in problem(answer)["message"]
        assert not behind.snapshots
    else:
        assert answer.status_code == 201
        assert list(behind.snapshots) == [facts(answer)["id"]]


def test_a_page_with_200_is_no_deletion(behind: CloudSigma, ask: Ask, disk: Drive) -> None:
    one = behind.add_snapshot(disk)
    page = {"content_type": "text/html", "executed": False}
    behind.garble("DELETE *", b"<html>Please log in</html>", **page)  # type: ignore[arg-type]
    answer = ask("DELETE", f"{LIST}/{one.uuid}")
    assert (answer.status_code, problem(answer)["error"]) == (502, "backend")
    assert one.uuid in behind.snapshots


def test_a_slow_cloudsigma_is_504_and_one_that_is_gone_503(behind: CloudSigma, ask: Ask) -> None:
    behind.delay("GET /snapshots/detail/", 1)
    slow = ask("GET", f";provider=hasty{LIST}")
    assert (slow.status_code, problem(slow)["error"]) == (504, "timeout")
    gone = ask("GET", f";provider=gone{LIST}")
    assert (gone.status_code, problem(gone)["error"]) == (503, "unavailable")
