"""The servers are real, and a test can do to them what it needs."""

import pytest

from tests.integration.cinder.conftest import MAX_LIMIT
from tests.integration.cinder.server.cinder import Caller, RealCinder, send
from tests.integration.cinder.server.processes import left_over

SNAPSHOTS = "/snapshots"


@pytest.fixture(scope="module")
def volume(cinder: RealCinder) -> str:
    return cinder.volume()


def _refusal(cinder: RealCinder, user: str, volume: str) -> int:
    body = {"snapshot": {"volume_id": volume}}
    return cinder.as_user(user).request("POST", SNAPSHOTS, json=body).status_code


def _new_snapshot(cinder: RealCinder, volume: str) -> str:
    made = cinder.as_user("demo")("POST", SNAPSHOTS, {"snapshot": {"volume_id": volume}})
    return str(made["snapshot"]["id"])


def test_cinder_is_healthy_and_tells_its_versions(cinder: RealCinder) -> None:
    base = cinder.cinder_url.removesuffix("/v3")
    assert send("GET", f"{base}/healthcheck").text == "OK"
    (version,) = send("GET", f"{base}/").json()["versions"]
    assert version["version"] == "3.71"


def test_users_have_the_roles_they_are_said_to_have(cinder: RealCinder, volume: str) -> None:
    snapshot = cinder.snapshot(volume)
    path = f"{SNAPSHOTS}/{snapshot}"
    assert cinder.as_user("demo-reader")("GET", path)["snapshot"]["id"] == snapshot
    assert cinder.as_user("other").request("GET", path).status_code == 404
    assert cinder.admin("GET", path)["snapshot"]["id"] == snapshot
    assert _refusal(cinder, "demo-reader", volume) == 403
    assert _refusal(cinder, "other", volume) == 404
    assert cinder.token("demo").project_id == cinder.token("demo-reader").project_id
    assert cinder.token("other").project_id not in (cinder.token("demo").project_id, "")


def test_a_revoked_token_is_refused(cinder: RealCinder) -> None:
    kept, revoked = cinder.token("demo").id, cinder.token("demo").id
    callers = [Caller(cinder.cinder_url, token) for token in (kept, revoked)]
    assert [caller.request("GET", SNAPSHOTS).status_code for caller in callers] == [200, 200]
    cinder.revoke(revoked)
    assert [caller.request("GET", SNAPSHOTS).status_code for caller in callers] == [200, 401]


def test_an_application_credential_gets_a_token(cinder: RealCinder) -> None:
    id_, secret = cinder.application_credential("demo")
    method = "application_credential"
    identity = {"methods": [method], method: {"id": id_, "secret": secret}}
    answer = send("POST", f"{cinder.auth_url}/auth/tokens", json={"auth": {"identity": identity}})
    assert answer.json()["token"]["project"]["id"] == cinder.project_id("demo")


def test_held_operations_end_when_they_are_let(cinder: RealCinder, volume: str) -> None:
    with cinder.hold():
        snapshot = _new_snapshot(cinder, volume)
        assert cinder.status("snapshots", snapshot) == "creating"
        assert cinder.status("volumes", volume) == "available"
    cinder.wait("snapshots", snapshot, "available")
    with cinder.hold():
        cinder.as_user("demo")("DELETE", f"{SNAPSHOTS}/{snapshot}")
        assert cinder.status("snapshots", snapshot) == "deleting"
    cinder.wait("snapshots", snapshot, None)


def test_failing_operations_leave_errors(cinder: RealCinder) -> None:
    volume = cinder.volume()
    snapshot = cinder.snapshot(volume)
    with cinder.fail():
        failed = _new_snapshot(cinder, volume)
        cinder.wait("snapshots", failed, "error")
        cinder.as_user("demo")("DELETE", f"{SNAPSHOTS}/{snapshot}")
        cinder.wait("snapshots", snapshot, "error_deleting")


def test_states_can_be_set(cinder: RealCinder, volume: str) -> None:
    snapshot = cinder.snapshot(volume)
    cinder.reset_snapshot(snapshot, "restoring")
    assert cinder.status("snapshots", snapshot) == "restoring"
    cinder.reset_volume(volume, "maintenance")
    assert _refusal(cinder, "demo", volume) == 400
    cinder.reset_volume(volume, "available")


def test_a_volume_can_be_in_use(cinder: RealCinder) -> None:
    volume = cinder.volume("fake")
    attachment = cinder.attach(volume)
    cinder.snapshot(volume)
    cinder.detach(attachment)
    cinder.wait("volumes", volume, "available")


def test_a_snapshot_can_be_part_of_a_group(cinder: RealCinder) -> None:
    snapshot, group = cinder.group()
    path = f"{SNAPSHOTS}/{snapshot}"
    assert cinder.as_user("demo")("GET", path)["snapshot"]["group_snapshot_id"] == group
    assert cinder.as_user("demo").request("DELETE", path).status_code == 400


def test_a_quota_is_a_limit_and_comes_back(cinder: RealCinder) -> None:
    volume = cinder.volume("fake", "other")
    used = cinder.usage("other")["snapshots"]["in_use"]
    with cinder.quota("other", snapshots=used):
        assert _refusal(cinder, "other", volume) == 413
    assert cinder.snapshot(volume, "other")


def test_rows_fill_pages_of_the_limit(cinder: RealCinder) -> None:
    call = cinder.as_user("other")
    with cinder.filled(2 * MAX_LIMIT, "other") as ids:
        first = call("GET", "/snapshots/detail?sort=created_at:asc")
        assert [found["id"] for found in first["snapshots"]] == ids[:MAX_LIMIT]
        (link,) = first["snapshots_links"]
        second = call("GET", link["href"])["snapshots"]
        assert [found["id"] for found in second] == ids[MAX_LIMIT:]
        assert second[0]["metadata"] == {"n": str(MAX_LIMIT)}
    assert cinder.status("snapshots", ids[0]) is None


def test_both_come_back_as_they_were(cinder: RealCinder, volume: str) -> None:
    try:
        cinder.stop_cinder()
        with pytest.raises(OSError, match="refused"):
            cinder.status("volumes", volume)
        cinder.stop_keystone()
        with pytest.raises(OSError, match="refused"):
            cinder.token("demo")
        assert not left_over(cinder.folder)
    finally:
        cinder.start_keystone()
        cinder.start_cinder()
    assert cinder.status("volumes", volume) == "available"
    assert cinder.snapshot(volume)
