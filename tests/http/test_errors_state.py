"""What is in the wrong state: 409, and nothing is made."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.http.tools import accept, everything, facts, problem
from tests.servers import Server, local_config, running

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]
SLOW = 1 << 20


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that copies so slowly that what it makes is still being made."""
    config = local_config(
        tmp_path_factory.mktemp("slow"), options={"copy_bytes_per_s": SLOW // 600}
    )
    with running(config) as server:
        (server.store / "volumes" / "disk.img").write_bytes(b"x" * SLOW)
        yield server


@pytest.fixture(scope="module")
def creating(slow: Server) -> str:
    """The id of a snapshot that is creating."""
    made = facts(slow.request("POST", "/storage_snapshots", data={"volume_id": "disk.img"}))
    if made["state"] != "creating":
        pytest.skip("this file system copies at once (reflink)")
    return str(made["id"])


def test_a_snapshot_that_is_creating_says_so(slow: Server, creating: str, format_: str) -> None:
    found = facts(slow.request("GET", f"/storage_snapshots/{creating}", headers=accept(format_)))
    assert (found["state"], found["ready"], found["completed"]) == ("creating", False, None)
    assert 0 <= found["progress"] < 100
    assert [action["rel"] for action in found["actions"]] == ["update"]


def test_a_snapshot_that_is_creating_cannot_be_cloned(slow: Server, creating: str) -> None:
    before = everything(slow)
    for format_ in ("xml", "json"):
        for path, fields in [
            (f"/storage_snapshots/{creating}/clone", {}),
            ("/storage_volumes", {"snapshot_id": creating}),
        ]:
            answer = slow.request("POST", path, data=fields, headers=accept(format_))
            assert answer.status_code == 409
            found = problem(answer)
            assert (found["code"], found["error"]) == (409, "conflict")
            assert creating in found["message"]
            assert "creating" in found["message"]
    assert everything(slow) == before


def test_a_snapshot_that_is_creating_cannot_be_deleted(
    slow: Server, creating: str, format_: str
) -> None:
    path = f"/storage_snapshots/{creating}"
    assert slow.request("DELETE", path, headers=accept(format_)).status_code == 409
    assert slow.request("GET", path).status_code == 200


def test_a_snapshot_that_is_creating_can_be_renamed(slow: Server, creating: str) -> None:
    path = f"/storage_snapshots/{creating}"
    answer = slow.request("PATCH", path, data={"name": "later"})
    assert (answer.status_code, facts(answer)["name"]) == (200, "later")
    assert facts(slow.request("GET", path))["state"] == "creating"


def test_a_volume_that_is_being_written_is_refused_on_request(
    server: Server, make_image: Callable[..., str], unharmed: Unharmed
) -> None:
    image = make_image()
    with unharmed(), (server.store / "volumes" / image).open("r+b"):
        for format_ in ("xml", "json"):
            answer = server.request(
                "POST",
                "/storage_snapshots",
                data={"volume_id": image, "in_use": "refuse"},
                headers=accept(format_),
            )
            assert answer.status_code == 409
            assert "in_use=allow" in problem(answer)["message"]
        assert server.request("DELETE", f"/storage_volumes/{image}").status_code == 409


def test_a_volume_that_is_being_written_is_taken_otherwise(
    server: Server, make_image: Callable[..., str]
) -> None:
    image = make_image()
    with (server.store / "volumes" / image).open("r+b"):
        for more in ({}, {"in_use": "allow"}):
            fields = {"volume_id": image, **more}
            answer = server.request("POST", "/storage_snapshots", data=fields)
            assert answer.status_code == 201
