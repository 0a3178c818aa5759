"""Every state that Cinder has for a snapshot, and what may be done in it."""

from collections.abc import Callable

import pytest

from tests.integration.cinder.gateway import SNAPSHOTS, Api, pair, rels
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]
STATES = {
    "creating": "creating",
    "available": "available",
    "deleting": "deleting",
    "error": "error",
    "error_deleting": "error",
    "updating": "busy",
    "backing-up": "busy",
    "restoring": "busy",
    "unmanaging": "busy",
}
ACTIONS = {
    "creating": ["update"],
    "available": ["clone", "revert", "update", "delete"],
    "deleting": [],
    "error": ["update", "delete"],
    "error_deleting": ["update"],
    "updating": ["update"],
    "backing-up": ["update"],
    "restoring": ["update"],
    "unmanaging": ["update"],
}


@pytest.fixture(scope="module")
def path(cinder: RealCinder) -> str:
    """The path of a snapshot, the only one of its volume, whose state each test sets."""
    return f"{SNAPSHOTS}/{cinder.snapshot(cinder.volume('fake'))}"


def reset(cinder: RealCinder, path: str, native: str) -> None:
    cinder.reset_snapshot(path[-36:], native)


@pytest.mark.parametrize("native", STATES)
def test_a_state_is_shown_as_the_gateways_and_as_cinders_own(
    api: Api, cinder: RealCinder, path: str, format_: str, native: str
) -> None:
    reset(cinder, path, native)
    shown = api.get(path, format_=format_)
    assert (shown["state"], shown["native_state"]) == (STATES[native], native)
    assert shown["ready"] is (native == "available")
    assert (shown["state_reason"] is not None) == (native == "error_deleting")


@pytest.mark.parametrize("native", STATES)
def test_what_may_be_done_is_what_is_offered(
    api: Api, cinder: RealCinder, path: str, native: str
) -> None:
    reset(cinder, path, native)
    assert rels(api.get(path)) == ACTIONS[native]


@pytest.mark.parametrize("native", [name for name in STATES if name != "available"])
def test_what_is_not_offered_is_a_conflict(
    api: Api, cinder: RealCinder, path: str, native: str
) -> None:
    reset(cinder, path, native)
    volume = api.get(path)["storage_volume"]["id"]
    for rel, method, end in (
        ("clone", "POST", "/clone"),
        ("revert", "POST", "/revert"),
        ("delete", "DELETE", ""),
    ):
        if rel not in ACTIONS[native]:
            assert pair(api.request(method, path + end)) == (409, "conflict"), rel
    assert cinder.status("snapshots", path[-36:]) == native
    assert cinder.status("volumes", volume) == "available"


@pytest.mark.parametrize("native", STATES)
def test_a_filter_on_the_state_finds_it(
    api: Api, cinder: RealCinder, path: str, native: str
) -> None:
    reset(cinder, path, native)
    volume = api.get(path)["storage_volume"]["id"]
    another = "error" if native == "creating" else "creating"
    for state, expected in ((STATES[native], [path[-36:]]), (another, [])):
        for more in ({"id": path[-36:]}, {"volume_id": volume}):
            assert api.ids(params={"state": state, **more}) == expected


def test_a_snapshot_in_error_can_be_deleted(api: Api, cinder: RealCinder, make: Make) -> None:
    path = make()
    reset(cinder, path, "error")
    api.delete(path)
    api.gone(path)


def test_a_state_that_is_none_is_refused(api: Api, format_: str) -> None:
    found = api.refusal("GET", "/storage_snapshots?state=nosuch", format_=format_)
    assert "available" in found["fields"]["state"]
