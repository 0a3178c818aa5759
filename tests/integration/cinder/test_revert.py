"""Volumes set back to a snapshot."""

from typing import Any

import pytest

from tests.http.tools import facts
from tests.integration.cinder.gateway import SNAPSHOTS, VOLUMES, Api, pair
from tests.integration.cinder.server.cinder import RealCinder


@pytest.fixture(scope="module")
def disk(cinder: RealCinder) -> str:
    """The volume of the tests here; the snapshot that a test makes is its latest."""
    return cinder.volume("fake")


@pytest.fixture
def path(cinder: RealCinder, disk: str) -> str:
    """The path of the volume's latest snapshot."""
    return f"{SNAPSHOTS}/{cinder.snapshot(disk, name='latest')}"


def test_a_revert_is_accepted_and_done(
    api: Api, cinder: RealCinder, path: str, disk: str, format_: str
) -> None:
    answer = api.request("POST", f"{path}/revert", format_=format_)
    assert answer.status_code == 202, answer.text
    found = facts(answer)
    assert (found["id"], found["state"], found["ready"]) == (path[-36:], "busy", False)
    api.settled(path, "available", format_=format_)
    cinder.wait("volumes", disk, "available")
    assert api.settled(f"{VOLUMES}/{disk}", "available")["state"] == "available"


@pytest.mark.parametrize(
    "given", [{}, {"json": {}}, {"data": b""}, {"data": {}}], ids=["none", "{}", "empty", "form"]
)
def test_a_revert_takes_nothing(api: Api, path: str, given: dict[str, Any]) -> None:
    assert api.request("POST", f"{path}/revert", **given).status_code == 202
    api.settled(path, "available")


@pytest.mark.parametrize("format_", ["json"])
def test_a_revert_refuses_parameters(
    api: Api, cinder: RealCinder, path: str, disk: str, format_: str
) -> None:
    for how in ("json", "params"):
        given: dict[str, Any] = {how: {"force": "1"}}
        found = api.refusal("POST", f"{path}/revert", format_=format_, **given)
        assert list(found["fields"]) == ["force"]
    assert cinder.status("volumes", disk) == "available"


@pytest.mark.parametrize("format_", ["json"])
def test_only_the_latest_snapshot_can_be_reverted_to(
    api: Api, cinder: RealCinder, path: str, disk: str, format_: str
) -> None:
    latest = f"{SNAPSHOTS}/{cinder.snapshot(disk)}"
    answer = api.request("POST", f"{path}/revert", format_=format_)
    assert pair(answer) == (409, "conflict")
    assert "latest" in answer.text
    assert cinder.status("volumes", disk) == "available"
    assert api.request("POST", f"{latest}/revert").status_code == 202
    api.settled(latest, "available")


@pytest.mark.parametrize("format_", ["xml"])
def test_a_volume_in_use_is_not_reverted(
    api: Api, cinder: RealCinder, path: str, disk: str, format_: str
) -> None:
    attachment = cinder.attach(disk)
    answer = api.request("POST", f"{path}/revert", format_=format_)
    assert pair(answer) == (409, "conflict")
    assert "volume" in answer.text
    assert cinder.status("volumes", disk) == "in-use"
    cinder.detach(attachment)
    cinder.wait("volumes", disk, "available")
    assert cinder.status("snapshots", path[-36:]) == "available"


@pytest.mark.parametrize("native", ["error", "maintenance", "creating"])
def test_a_volume_in_another_state_is_not_reverted(
    api: Api, cinder: RealCinder, path: str, disk: str, native: str
) -> None:
    cinder.reset_volume(disk, native)
    assert pair(api.request("POST", f"{path}/revert")) == (409, "conflict")
    assert cinder.status("volumes", disk) == native
    cinder.reset_volume(disk, "available")


@pytest.mark.parametrize("format_", ["json"])
def test_who_may_only_read_reverts_nothing(
    api: Api, cinder: RealCinder, path: str, disk: str, format_: str
) -> None:
    found = api.refusal("POST", f"{path}/revert", 403, user="demo-reader", format_=format_)
    assert found["error"] == "denied"
    assert "volume:revert_to_snapshot" in found["message"]
    assert cinder.status("volumes", disk) == "available"


@pytest.mark.parametrize("format_", ["xml"])
def test_another_project_does_not_find_the_snapshot(api: Api, path: str, format_: str) -> None:
    answer = api.request("POST", f"{path}/revert", user="other", format_=format_)
    assert pair(answer) == (404, "not_found")


def test_a_revert_can_depend_on_what_the_caller_has_seen(api: Api, path: str) -> None:
    etag = api.request("GET", path).headers["ETag"]
    api.change("PATCH", path, json={"name": "new"})
    old, new = ({"If-Match": tag} for tag in (etag, api.request("GET", path).headers["ETag"]))
    api.refusal("POST", f"{path}/revert", 412, headers=old)
    assert api.request("POST", f"{path}/revert", headers=new).status_code == 202
    api.settled(path, "available")
