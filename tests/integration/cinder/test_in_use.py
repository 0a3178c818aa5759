"""Snapshots of volumes that are attached, or busy with something else."""

from collections.abc import Iterator

import pytest

from tests.integration.cinder.gateway import SNAPSHOTS, Api, nothing_made, pair
from tests.integration.cinder.server.cinder import RealCinder


@pytest.fixture(scope="module")
def attached(cinder: RealCinder) -> Iterator[str]:
    """A volume that is in use."""
    volume = cinder.volume("fake")
    attachment = cinder.attach(volume)
    yield volume
    cinder.detach(attachment)


@pytest.fixture(scope="module")
def free(cinder: RealCinder) -> str:
    """A volume whose state tests set."""
    return cinder.volume("fake")


@pytest.mark.parametrize("more", [{}, {"in_use": "allow"}], ids=["default", "allow"])
def test_a_volume_in_use_is_snapshotted(
    api: Api, attached: str, format_: str, more: dict[str, str]
) -> None:
    made = api.make(json={"volume_id": attached, "name": "n", **more}, format_=format_)
    shown = api.settled(made["href"], "available", format_=format_)
    assert (shown["name"], shown["storage_volume"]["id"]) == ("n", attached)


def test_unless_that_is_refused(api: Api, cinder: RealCinder, attached: str, format_: str) -> None:
    fields = {"volume_id": attached, "in_use": "refuse"}
    with nothing_made(cinder):
        found = api.refusal("POST", SNAPSHOTS, 409, json=fields, format_=format_)
    assert found["error"] == "conflict"
    assert "in-use" in found["message"]


@pytest.mark.parametrize("format_", ["json"])
def test_a_volume_that_is_not_in_use_is_snapshotted_either_way(
    api: Api, volume: str, format_: str
) -> None:
    fields = {"volume_id": volume, "in_use": "refuse", "name": "n", "metadata": {"a": "b"}}
    made = api.make(json=fields, format_=format_)
    shown = api.settled(made["href"], "available")
    assert (shown["name"], shown["metadata"]) == ("n", {"a": "b"})


def test_another_word_for_in_use_is_refused(api: Api, cinder: RealCinder, volume: str) -> None:
    fields = {"volume_id": volume, "in_use": "perhaps"}
    with nothing_made(cinder):
        assert list(api.refusal("POST", SNAPSHOTS, json=fields)["fields"]) == ["in_use"]


@pytest.mark.parametrize(
    ("native", "in_use"),
    [
        ("creating", "allow"),
        ("error", "refuse"),
        ("maintenance", "allow"),
        ("error_deleting", "refuse"),
        ("attaching", "allow"),
        ("attaching", "refuse"),
    ],
)
def test_a_volume_in_another_state_is_a_conflict(
    api: Api, cinder: RealCinder, free: str, native: str, in_use: str
) -> None:
    cinder.reset_volume(free, native)
    fields = {"volume_id": free, "in_use": in_use}
    with nothing_made(cinder):
        answer = api.request("POST", SNAPSHOTS, json=fields)
    assert pair(answer) == (409, "conflict"), answer.text
    cinder.reset_volume(free, "available")
    api.make(json=fields)
