"""Operations that take their time, and operations that fail."""

from collections.abc import Iterator

import pytest

from tests.http.tools import facts
from tests.integration.cinder.gateway import SNAPSHOTS, VOLUMES, Api, nothing_made, pair, rels
from tests.integration.cinder.server.cinder import RealCinder


@pytest.fixture
def creating(api: Api, cinder: RealCinder, real_volume: str) -> Iterator[str]:
    """The path of a snapshot that goes on being made until the test ends."""
    with cinder.hold():
        made = api.make(json={"volume_id": real_volume, "name": "held"})
        yield f"{SNAPSHOTS}/{made['id']}"
    cinder.wait("snapshots", made["id"], "available")


@pytest.fixture
def failed(api: Api, cinder: RealCinder, real_volume: str) -> Iterator[str]:
    """The path of a snapshot that could not be made."""
    with cinder.fail():
        made = api.make(json={"volume_id": real_volume, "name": "failed"})
        cinder.wait("snapshots", made["id"], "error")
    yield f"{SNAPSHOTS}/{made['id']}"
    api.request("DELETE", f"{SNAPSHOTS}/{made['id']}")


def test_a_snapshot_that_is_being_made(
    api: Api, cinder: RealCinder, creating: str, format_: str
) -> None:
    shown = api.get(creating, format_=format_)
    assert (shown["state"], shown["native_state"], shown["ready"]) == (
        "creating",
        "creating",
        False,
    )
    assert (shown["progress"], shown["name"], rels(shown)) == (0, "held", ["update"])
    assert creating[-36:] in api.ids(params={"state": "creating"}, format_=format_)
    assert creating[-36:] not in api.ids(params={"state": "available"}, format_=format_)


def test_a_snapshot_is_made_in_the_end(api: Api, cinder: RealCinder, real_volume: str) -> None:
    with cinder.hold():
        made = api.make(json={"volume_id": real_volume})
        assert made["state"] == "creating"
    shown = api.settled(made["href"], "available")
    assert (shown["ready"], shown["progress"]) == (True, 100)
    api.delete(made["href"])
    api.gone(made["href"])


@pytest.mark.parametrize("format_", ["json"])
def test_what_is_being_made_cannot_be_used_and_its_volume_is_not_stuck(
    api: Api, cinder: RealCinder, creating: str, real_volume: str, format_: str
) -> None:
    with nothing_made(cinder):
        for method, path in (
            ("DELETE", creating),
            ("POST", f"{creating}/clone"),
            ("POST", f"{creating}/revert"),
        ):
            assert pair(api.request(method, path, format_=format_)) == (409, "conflict")
        body = {"snapshot_id": creating[-36:]}
        answer = api.request("POST", VOLUMES, json=body, format_=format_)
        assert pair(answer) == (409, "conflict")
    assert cinder.status("snapshots", creating[-36:]) == "creating"
    assert cinder.status("volumes", real_volume) == "available"


def test_a_refusal_says_in_what_state_the_snapshot_is(api: Api, creating: str) -> None:
    for verb in ("clone", "revert"):
        found = api.refusal("POST", f"{creating}/{verb}", 409)
        assert "is creating" in found["message"]
        assert found["retryable"] is False


def test_what_is_being_made_can_be_renamed(api: Api, creating: str) -> None:
    change = {"name": "new", "metadata": {"a": "b"}}
    assert api.change("PATCH", creating, json=change)["state"] == "creating"
    shown = api.get(creating)
    assert (shown["name"], shown["metadata"]) == ("new", {"a": "b"})


@pytest.mark.parametrize("format_", ["xml"])
def test_a_snapshot_that_is_being_deleted(
    api: Api, cinder: RealCinder, real_volume: str, format_: str
) -> None:
    id_ = cinder.snapshot(real_volume)
    path = f"{SNAPSHOTS}/{id_}"
    with cinder.hold():
        api.delete(path, format_=format_)
        shown = api.get(path, format_=format_)
        assert (shown["state"], shown["native_state"]) == ("deleting", "deleting")
        assert (shown["ready"], shown["actions"]) == (False, [])
        assert id_ in api.ids(params={"state": "deleting"}, format_=format_)
        for verb in ("clone", "revert"):
            answer = api.request("POST", f"{path}/{verb}", format_=format_)
            assert pair(answer) == (409, "conflict")
        assert pair(api.request("DELETE", path, format_=format_)) == (409, "conflict")
        assert cinder.status("volumes", real_volume) == "available"
    api.gone(path)


def test_a_snapshot_that_could_not_be_made(api: Api, failed: str, format_: str) -> None:
    shown = api.get(failed, format_=format_)
    assert (shown["state"], shown["native_state"], shown["ready"]) == ("error", "error", False)
    assert rels(shown) == ["update", "delete"]
    assert failed[-36:] in api.ids(params={"state": "error"}, format_=format_)
    for verb in ("clone", "revert"):
        answer = api.request("POST", f"{failed}/{verb}", format_=format_)
        assert pair(answer) == (409, "conflict")


def test_a_snapshot_that_could_not_be_made_can_be_deleted(api: Api, failed: str) -> None:
    api.delete(failed)
    api.gone(failed)


@pytest.mark.parametrize("format_", ["xml"])
def test_a_snapshot_that_could_not_be_deleted(api: Api, cinder: RealCinder, format_: str) -> None:
    id_ = cinder.snapshot(cinder.volume())
    path = f"{SNAPSHOTS}/{id_}"
    with cinder.fail():
        api.delete(path)
        cinder.wait("snapshots", id_, "error_deleting")
    shown = api.get(path, format_=format_)
    assert (shown["state"], shown["native_state"]) == ("error", "error_deleting")
    assert shown["state_reason"].startswith("delete_failed")
    assert pair(api.request("DELETE", path, format_=format_)) == (409, "conflict")
    (listed,) = api.all(params={"id": id_}, format_=format_)
    assert listed["state_reason"].startswith("delete_failed")


@pytest.mark.parametrize("format_", ["json"])
def test_a_clone_and_a_snapshot_of_a_volume_that_is_not_there_yet(
    api: Api, cinder: RealCinder, real_volume: str, format_: str
) -> None:
    source = cinder.snapshot(real_volume)
    with cinder.hold():
        answer = api.request("POST", f"{SNAPSHOTS}/{source}/clone", format_=format_)
        made = facts(answer)
        assert (answer.status_code, made["state"]) == (202, "creating")
        assert api.get(made["href"], format_=format_)["state"] == "creating"
        answer = api.request("POST", SNAPSHOTS, json={"volume_id": made["id"]}, format_=format_)
        assert pair(answer) == (409, "conflict")
    api.settled(made["href"], "available")
