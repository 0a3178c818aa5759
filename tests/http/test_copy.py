"""A driver that cannot copy a snapshot to another provider says so."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.http.tools import accept, problem
from tests.servers import Server

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]


@pytest.mark.parametrize("destination", ["local", "nosuch"])
def test_the_local_driver_cannot_copy(
    server: Server, kept: str, format_: str, unharmed: Unharmed, destination: str
) -> None:
    with unharmed():
        answer = server.request(
            "POST",
            f"/storage_snapshots/{kept}/copy",
            data={"destination": destination},
            headers=accept(format_),
        )
    assert answer.status_code == 501
    found = problem(answer)
    assert (found["error"], found["retryable"]) == ("unsupported", False)
    assert "snapshot_copy" in found["message"]
    assert found["backend"]["driver"] == "local"


def test_the_local_driver_cannot_copy_what_is_not_there_either(
    server: Server, format_: str
) -> None:
    path = "/storage_snapshots/nosuch/copy"
    answer = server.request("POST", path, data={"destination": "x"}, headers=accept(format_))
    assert answer.status_code == 501


def test_a_copy_needs_credentials(server: Server, kept: str, format_: str) -> None:
    path = f"/storage_snapshots/{kept}/copy"
    answer = server.request(
        "POST", path, data={"destination": "local"}, headers=accept(format_), auth=None
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_copy_is_made_by_post_only(server: Server, kept: str, format_: str, method: str) -> None:
    path = f"/storage_snapshots/{kept}/copy"
    answer = server.request(method, path, headers=accept(format_))
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "OPTIONS, POST"
    assert problem(answer)["error"] == "method_not_allowed"


def test_nothing_says_that_the_local_driver_can_copy(server: Server, kept: str) -> None:
    shown: dict[str, Any] = server.request("GET", f"/storage_snapshots/{kept}").json()
    actions = shown["storage_snapshot"]["actions"]
    assert "copy" not in [action["rel"] for action in actions]
    assert "copy" not in server.request("GET", "").text
    assert "snapshot_copy" not in server.request("GET", "/drivers/local").text
