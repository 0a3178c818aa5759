"""``Prefer: wait=N`` for many at once: each has an end of its own."""

import time
from pathlib import Path
from typing import Any

import pytest

from drivers.cinder.driver import CinderDriver
from gateway.driver import Deadline, DriverError, ErrorCode
from gateway.observability import Log
from tests.changes.clouds import ROOT, Cloud, cloudsigma, local
from tests.http.tools import facts_of_list, problem, results


def several(cloud: Cloud, count: int = 2, **more: Any) -> dict[str, Any]:
    """Return a body that asks for snapshots of one volume."""
    items = [{"volume_id": cloud.volume_id, "name": f"n{n}"} for n in range(count)]
    return {"storage_snapshots": [*items, *more.get("others", ())]}


def made(cloud: Cloud, count: int = 2) -> list[str]:
    """Return the ids of snapshots that are available."""
    return [cloud.make() for _ in range(count)]


def deletion(cloud: Cloud, ids: list[str], format_: str, **kw: Any) -> Any:
    return cloud.ask("DELETE", ROOT, format_, json={"ids": ids}, **kw)


def stored(tmp_path: Path, name: str) -> str:
    """Make one more image in the local store."""
    (tmp_path / "store" / "volumes" / name).write_bytes(b"y" * 1000)
    return name


def test_creations_are_answered_when_all_are_done(tmp_path: Path, format_: str) -> None:
    with local(tmp_path) as cloud:
        body = several(cloud, 1, others=[{"volume_id": stored(tmp_path, "small.img")}])
        cloud.slow(0.6)
        start = time.monotonic()
        answer = cloud.ask("POST", ROOT, format_, json=body, wait=20)
        assert 0.5 < time.monotonic() - start < 10
        assert answer.status_code == 201, answer.text
        assert answer.headers["Preference-Applied"] == "wait=20"
        assert "Retry-After" not in answer.headers
        assert [one["state"] for one in facts_of_list(answer)] == ["available"] * 2


def test_creations_of_which_one_takes_longer_are_accepted(tmp_path: Path, format_: str) -> None:
    """The one that is done is shown so: it does not wait for its turn behind the other."""
    with local(tmp_path) as cloud:
        body = several(cloud, 1, others=[{"volume_id": stored(tmp_path, "small.img")}])
        cloud.slow(30)
        start = time.monotonic()
        answer = cloud.ask("POST", ROOT, format_, json=body, wait=2)
        assert time.monotonic() - start < 4
        assert answer.status_code == 202, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert [one["state"] for one in facts_of_list(answer)] == ["creating", "available"]


def test_a_creation_that_fails_later_is_an_error_beside_the_others(
    openstack: Cloud, format_: str
) -> None:
    openstack.sim.region().order("create_snapshot", "error")
    answer = openstack.ask("POST", ROOT, format_, json=several(openstack), wait=20)
    assert answer.status_code == 207, answer.text
    bad, good = results(answer)
    assert (bad["status"], bad["error"]["error"]) == (502, "backend")
    assert bad["id"] in bad["error"]["message"]
    assert bad["storage_snapshot"] is None
    assert (good["status"], good["storage_snapshot"]["state"]) == (201, "available")
    assert {bad["id"], good["id"]} == set(openstack.sim.region().snapshots)


def test_results_of_creations_tell_which_are_unfinished(openstack: Cloud, format_: str) -> None:
    nowhere = {"volume_id": "00000000-0000-4000-8000-000000000000"}
    openstack.slow(30)
    body = several(openstack, 1, others=[nowhere])
    answer = openstack.ask("POST", ROOT, format_, json=body, wait=1)
    assert answer.status_code == 207, answer.text
    slow, refused = results(answer)
    assert (slow["status"], slow["storage_snapshot"]["state"]) == (202, "creating")
    assert slow["retry_after"] > 0
    assert refused["status"] == 404


def test_deletions_are_answered_when_all_are_gone(cloud: Cloud, format_: str) -> None:
    ids = made(cloud)
    cloud.slow(0.6)
    answer = deletion(cloud, ids, format_, wait=20)
    assert (answer.status_code, answer.content) == (204, b""), answer.text
    assert answer.headers["Preference-Applied"] == "wait=20"
    for one in ids:
        assert cloud.ask("GET", f"{ROOT}/{one}").status_code == 404


def test_each_deletion_tells_its_end(openstack: Cloud, format_: str) -> None:
    ids = made(openstack, 3)
    openstack.sim.region().order("delete_snapshot", "error_deleting", "available")
    answer = deletion(openstack, [*ids, "nosuch"], format_, wait=20)
    assert answer.status_code == 207, answer.text
    found = results(answer)
    assert [one["id"] for one in found] == [*ids, "nosuch"]
    assert sorted(one["status"] for one in found[:3]) == [204, 409, 502]
    assert found[3]["status"] == 404
    by_status = {one["status"]: one for one in found}
    assert "Snapshot is busy" in by_status[409]["error"]["message"]
    assert by_status[502]["error"]["backend"]["code"] == "error_deleting"


def test_a_deletion_that_takes_longer_shows_what_is_deleting(tmp_path: Path, format_: str) -> None:
    with cloudsigma(tmp_path) as cloud:
        ids = made(cloud)
        cloud.slow(30)
        start = time.monotonic()
        answer = deletion(cloud, ids, format_, wait=1)
        assert time.monotonic() - start < 3
        assert answer.status_code == 207, answer.text
        for one in results(answer):
            assert (one["status"], one["storage_snapshot"]["state"]) == (202, "deleting")
            assert one["storage_snapshot"]["id"] == one["id"]
            assert one["retry_after"] > 0


def test_a_deletion_whose_answer_is_lost_is_followed(openstack: Cloud, format_: str) -> None:
    ids = made(openstack)
    openstack.sim.cut("DELETE /snapshots/*", "answer")
    assert deletion(openstack, ids, format_, wait=20).status_code == 204
    ids = made(openstack)
    openstack.sim.cut("DELETE /snapshots/*", "before")
    answer = deletion(openstack, ids, format_, wait=2)
    assert answer.status_code == 207
    found = {one["status"]: one for one in results(answer)}
    assert set(found) == {204, 503}
    assert found[503]["error"]["outcome"] == "unknown"


@pytest.mark.parametrize(
    ("fault", "event"),
    [(KeyError("status"), "bug"), (DriverError(ErrorCode.DENIED, "no"), "a look failed")],
)
@pytest.mark.parametrize("count", [1, 2])
def test_looks_that_fail_are_logged_and_are_no_failure(
    *,
    openstack: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    event: str,
    count: int,
) -> None:
    def get_snapshot(_: CinderDriver, snapshot_id: str, *, deadline: Deadline) -> Any:
        raise fault

    events: list[str] = []
    monkeypatch.setattr(CinderDriver, "get_snapshot", get_snapshot)
    monkeypatch.setattr(Log, "write", lambda _, event, **told: events.append(event))
    openstack.slow(30)
    body = several(openstack, count) if count > 1 else {"volume_id": openstack.volume_id}
    answer = openstack.ask("POST", ROOT, json=body, wait=1)
    assert answer.status_code == 202, answer.text
    assert sum(one.startswith(event) for one in events) == count


def test_who_does_not_wait_is_answered_at_once(openstack: Cloud, format_: str) -> None:
    openstack.slow(0.3)
    ids = made(openstack)
    openstack.slow(30)
    answer = openstack.ask("POST", ROOT, format_, json=several(openstack))
    assert answer.status_code == 201
    assert {one["state"] for one in facts_of_list(answer)} == {"creating"}
    answer = deletion(openstack, ids, format_)
    assert answer.status_code == 204
    assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_dry_run_has_nothing_to_wait_for(openstack: Cloud, format_: str, method: str) -> None:
    body = several(openstack) if method == "POST" else {"ids": made(openstack)}
    before = set(openstack.sim.region().snapshots)
    answer = openstack.ask(method, f"{ROOT}?dry_run=true", format_, json=body, wait=20)
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers
    assert set(openstack.sim.region().snapshots) == before


def test_what_is_missing_may_be_said_in_any_body(cloud: Cloud, format_: str) -> None:
    one = cloud.make()
    xml = f"<storage_snapshots missing='ok'><storage_snapshot id='{one}'/></storage_snapshots>"
    bodies: list[dict[str, Any]] = [
        {"json": {"ids": [one], "missing": "ok"}},
        {"json": {"objects": [{"uuid": one}], "missing": "ok"}},
        {"data": {"id": one, "missing": "ok"}},
        {"data": xml, "content_type": "application/xml"},
    ]
    for body in bodies:
        answer = cloud.ask("DELETE", ROOT, format_, wait=20, **body)
        assert answer.status_code == 204, answer.text
    for bad in ("yes", "", None, ["ok"], 1):
        answer = cloud.ask("DELETE", ROOT, format_, json={"ids": [one], "missing": bad})
        assert (answer.status_code, list(problem(answer)["fields"])) == (400, ["missing"])
    answer = cloud.ask(
        "DELETE", f"{ROOT}?missing=error", format_, json={"ids": [one], "missing": "ok"}
    )
    assert answer.status_code == 400
