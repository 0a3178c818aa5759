"""Keystone is away, and comes back."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.integration.cinder.gateway import NOBODYS, SNAPSHOTS, Api
from tests.integration.cinder.people import Person, new_person
from tests.integration.cinder.server.cinder import RealCinder

Make = Callable[..., str]
SOON_S = 10


@pytest.fixture(scope="module")
def path(make: Make) -> str:
    """The path of a snapshot."""
    return make(name="here")


@pytest.fixture(scope="module")
def newcomer(cinder: RealCinder) -> Person:
    """Somebody whom the gateway has never seen."""
    return new_person(cinder)


@pytest.fixture(scope="module")
def first_answer(
    api: Api, cinder: RealCinder, path: str, newcomer: Person
) -> Iterator[tuple[int, float]]:
    """The first answer to a known caller after Keystone was stopped: its status, and how late."""
    assert api.get(path)["name"] == "here"
    start = time.monotonic()
    cinder.stop_keystone()
    try:
        status = api.request("GET", path).status_code
        yield status, time.monotonic() - start
    finally:
        cinder.start_keystone()
    for login in (api.login("demo"), newcomer.login):
        assert api.get(path, auth=login)["name"] == "here"


def test_a_known_caller_goes_on_while_cinder_remembers_the_token(
    first_answer: tuple[int, float],
) -> None:
    status, late_s = first_answer
    assert status == 200 or late_s > 0.9, first_answer


@pytest.mark.usefixtures("first_answer")
def test_a_known_caller_is_never_told_to_have_a_wrong_password(api: Api) -> None:
    time.sleep(1.1)  # Cinder remembers no token longer, and then asks Keystone thrice
    start = time.monotonic()
    found = api.refusal("DELETE", f"{SNAPSHOTS}/{NOBODYS}", 503)
    assert time.monotonic() - start < SOON_S
    assert found["error"] == "unavailable"


@pytest.mark.usefixtures("first_answer")
@pytest.mark.parametrize("format_", ["json"])
def test_who_is_new_is_told_to_try_again(api: Api, newcomer: Person, format_: str) -> None:
    start = time.monotonic()
    found = api.refusal("GET", SNAPSHOTS, 503, auth=newcomer.login, format_=format_)
    assert time.monotonic() - start < SOON_S
    assert (found["error"], found["retryable"]) == ("unavailable", True)


@pytest.mark.usefixtures("first_answer")
@pytest.mark.parametrize("token", ["gAAAAABnosuch", "another"])
def test_a_token_that_nobody_can_check_is_not_refused(api: Api, token: str) -> None:
    answer = api.server.request("GET", SNAPSHOTS, auth=None, headers={"X-Auth-Token": token})
    assert answer.status_code == 503
