"""``Prefer: wait=N`` at the real Cinder: what ends well, what ends badly, what takes longer."""

import pytest

from tests.http.tools import accept, facts, problem
from tests.integration.cinder.gateway import SNAPSHOTS, Api
from tests.integration.cinder.server.cinder import RealCinder

WAIT = 30


def waiting(format_: str, seconds: int = WAIT) -> dict[str, str]:
    return {**accept(format_), "Prefer": f"wait={seconds}"}


def test_a_snapshot_is_made_and_deleted_without_a_loop(
    api: Api, cinder: RealCinder, real_volume: str, format_: str
) -> None:
    body = {"volume_id": real_volume}
    made = api.request("POST", SNAPSHOTS, json=body, headers=waiting(format_))
    assert (made.status_code, facts(made)["state"]) == (201, "available")
    path = f"{SNAPSHOTS}/{facts(made)['id']}"
    gone = api.request("DELETE", path, headers=waiting(format_))
    assert gone.status_code == 204
    assert cinder.status("snapshots", path[-36:]) is None
    again = api.request("DELETE", f"{path}?missing=ok", headers=waiting(format_))
    assert again.status_code == 204


def test_what_is_held_is_accepted(
    api: Api, cinder: RealCinder, real_volume: str, format_: str
) -> None:
    with cinder.hold():
        body = {"volume_id": real_volume}
        made = api.request("POST", SNAPSHOTS, json=body, headers=waiting(format_, 1))
        assert (made.status_code, facts(made)["state"]) == (202, "creating")
    id_ = facts(made)["id"]
    cinder.wait("snapshots", id_, "available")
    with cinder.hold():
        gone = api.request("DELETE", f"{SNAPSHOTS}/{id_}", headers=waiting(format_, 1))
        assert (gone.status_code, facts(gone)["state"]) == (202, "deleting")
    api.gone(f"{SNAPSHOTS}/{id_}")


@pytest.mark.parametrize("format_", ["json"])
def test_what_cannot_be_made_or_deleted_is_a_failure(
    api: Api, cinder: RealCinder, format_: str
) -> None:
    volume_id = cinder.volume()
    id_ = cinder.snapshot(volume_id)
    with cinder.fail():
        body = {"volume_id": volume_id}
        made = api.request("POST", SNAPSHOTS, json=body, headers=waiting(format_))
        assert (made.status_code, problem(made)["backend"]["code"]) == (502, "error")
        assert made.headers["Location"][-36:] in problem(made)["message"]
        kept = api.request("DELETE", f"{SNAPSHOTS}/{id_}", headers=waiting(format_))
        assert (kept.status_code, problem(kept)["backend"]["code"]) == (502, "error_deleting")
        assert "failed to delete" in problem(kept)["message"].lower()
    cinder.reset_snapshot(id_, "available")
