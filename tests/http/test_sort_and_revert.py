"""What not every driver can do: sort its list, and set a volume back."""

import contextlib
from collections.abc import Callable

import pytest

from tests.http.tools import accept, problem
from tests.servers import Server

Unharmed = Callable[[], contextlib.AbstractContextManager[None]]


@pytest.mark.parametrize("given", ["", ",", "created,", "-", "created,-created", "id,id"])
def test_an_order_that_makes_no_sense_is_refused(server: Server, format_: str, given: str) -> None:
    path = f"/storage_snapshots?sort={given}"
    answer = server.request("GET", path, headers=accept(format_))
    assert answer.status_code == 400
    assert list(problem(answer)["fields"]) == ["sort"]


@pytest.mark.parametrize("collection", ["storage_snapshots", "storage_volumes"])
def test_an_order_by_no_field_is_refused(server: Server, format_: str, collection: str) -> None:
    path = f"/{collection}?sort=-created,colour"
    answer = server.request("GET", path, headers=accept(format_))
    assert answer.status_code == 400
    assert problem(answer)["fields"]["sort"].startswith("no order by colour; one of id, name")


def test_the_local_driver_sets_no_volume_back(
    server: Server, kept: str, format_: str, unharmed: Unharmed
) -> None:
    with unharmed():
        path = f"/storage_snapshots/{kept}/revert"
        answer = server.request("POST", path, headers=accept(format_))
    assert answer.status_code == 501
    assert "snapshot_revert" in problem(answer)["message"]


@pytest.mark.parametrize("body", [{"volume_id": "x"}, {"force": "true"}])
def test_setting_a_volume_back_takes_no_field(
    server: Server, kept: str, body: dict[str, str], unharmed: Unharmed
) -> None:
    with unharmed():
        answer = server.request("POST", f"/storage_snapshots/{kept}/revert", data=body)
    assert (answer.status_code, list(problem(answer)["fields"])) == (400, list(body))


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_volume_is_set_back_by_post_only(server: Server, kept: str, method: str) -> None:
    answer = server.request(method, f"/storage_snapshots/{kept}/revert")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, POST")


def test_nothing_says_that_the_local_driver_can_set_a_volume_back(
    server: Server, kept: str
) -> None:
    shown = server.request("GET", f"/storage_snapshots/{kept}").json()["storage_snapshot"]
    assert "revert" not in [action["rel"] for action in shown["actions"]]
    assert "revert" not in server.request("GET", "").text
    assert "snapshot_revert" not in server.request("GET", "/drivers/local").text
