"""Cinder is away: stopped while a list is being read, and started again afterwards."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.http.tools import FORMATS, accept
from tests.integration.cinder.gateway import SNAPSHOTS, VOLUMES, Api
from tests.integration.cinder.people import new_person
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]
ROWS = 4000
SOON_S = 5


@pytest.fixture(scope="module")
def path(make: Make) -> str:
    """The path of a snapshot."""
    return make(name="here")


@pytest.fixture(scope="module")
def newcomer(cinder: RealCinder) -> tuple[str, str]:
    """The login of somebody whom the gateway has never seen."""
    return new_person(cinder).login


@pytest.fixture(scope="module")
def lists(
    api: Api, cinder: RealCinder, path: str, newcomer: tuple[str, str]
) -> Iterator[dict[str, requests.Response]]:
    """Lists, by their formats, that were being read when Cinder was stopped; it is back after."""
    with cinder.filled(ROWS, "other"), contextlib.ExitStack() as stack:
        begun = {name: stack.enter_context(_begun_list(api, name)) for name in FORMATS}
        cinder.stop_cinder()
        try:
            yield begun
        finally:
            cinder.start_cinder()
    for who in ({}, {"auth": newcomer}):
        assert api.get(path, **who)["name"] == "here"
    assert api.change("PATCH", path, json={"name": "still here"})["name"] == "still here"


def _begun_list(api: Api, format_: str) -> requests.Response:
    """Return a list of which a part has come."""
    answer = api.server.request(
        "GET", SNAPSHOTS, auth=api.login("other"), headers=accept(format_), stream=True
    )
    assert answer.status_code == 200
    assert len(answer.raw.read(1000)) == 1000
    return answer


@pytest.mark.parametrize("name", FORMATS)
def test_a_list_that_cannot_go_on_is_cut(lists: dict[str, requests.Response], name: str) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        for _ in lists[name].iter_content(65536):
            pass


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(
    ("method", "end", "json"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/revert", {}),
    ],
)
def test_a_request_fails_soon_and_may_be_tried_again(
    api: Api, path: str, method: str, end: str, json: dict[str, Any] | None
) -> None:
    start = time.monotonic()
    found = api.refusal(method, f"{path}{end}", 503, json=json)
    assert time.monotonic() - start < SOON_S
    assert (found["error"], found["retryable"]) == ("unavailable", True)
    assert "127.0.0.1" not in found["message"]


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(
    ("url", "format_"),
    [(SNAPSHOTS, "xml"), (VOLUMES, "json"), (f"{SNAPSHOTS}?name=x&sort=created", "json")],
)
def test_a_list_that_cannot_begin_is_an_error(api: Api, url: str, format_: str) -> None:
    start = time.monotonic()
    found = api.refusal("GET", url, 503, format_=format_)
    assert time.monotonic() - start < SOON_S
    assert (found["error"], found["retryable"]) == ("unavailable", True)


@pytest.mark.usefixtures("lists")
def test_a_snapshot_cannot_be_made(api: Api, volume: str, format_: str) -> None:
    found = api.refusal("POST", SNAPSHOTS, 503, json={"volume_id": volume}, format_=format_)
    assert found["retryable"] is True


@pytest.mark.usefixtures("lists")
def test_who_is_new_is_told_the_same(api: Api, newcomer: tuple[str, str]) -> None:
    assert api.refusal("GET", SNAPSHOTS, 503, auth=newcomer)["error"] == "unavailable"


@pytest.mark.usefixtures("lists")
def test_a_wrong_password_is_still_wrong(api: Api) -> None:
    api.refusal("GET", SNAPSHOTS, 401, auth=("demo+demo", "wrong"))


@pytest.mark.usefixtures("lists")
def test_the_gateway_itself_is_there(api: Api) -> None:
    assert api.server.request("GET", "", auth=None).status_code == 200
    assert api.server.request("GET", "/drivers", auth=None).status_code == 200
