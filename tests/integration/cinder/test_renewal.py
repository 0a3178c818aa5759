"""Tokens that end while the gateway uses them."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from drivers.cinder.clients import Cloud
from drivers.cinder.driver import CinderDriver
from gateway.driver import Credentials, Deadline, DriverError, ErrorCode, Query
from tests.integration.cinder.gateway import Api
from tests.integration.cinder.people import Person, new_person
from tests.integration.cinder.server.cinder import RealCinder

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
Make = Callable[..., str]
HEARD_S = 1.2
"""After this time Cinder has heard that a token is none any more."""


@pytest.fixture(scope="module")
def kept(make: Make) -> str:
    """The path of a snapshot."""
    return make(name="old")


@contextlib.contextmanager
def opened(cinder: RealCinder, credentials: Credentials) -> Iterator[tuple[CinderDriver, Cloud]]:
    """Have an account that is logged in, and what it shares with others."""
    options = CinderDriver.Options().load({"auth_url": cinder.auth_url})
    cloud = CinderDriver.share(options)
    driver = CinderDriver.open(options, credentials, shared=cloud, deadline=Deadline(30))
    try:
        yield driver, cloud
    finally:
        driver.close()
        cloud.close()


def sent(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets every request that is sent from now on: method and last part."""
    found: list[str] = []
    send = cloud._transport.request

    def request(method: str, url: str, **kw: Any) -> Any:
        found.append(f"{method} {url.rpartition('/')[2]}")
        return send(method, url, **kw)

    monkeypatch.setattr(cloud._transport, "request", request)
    return found


def token_of(driver: CinderDriver) -> str:
    return str(driver._account._session.get_token())


@pytest.fixture(scope="module")
def people(api: Api, cinder: RealCinder, kept: str) -> dict[str, Person]:
    """Users whom the gateway knows with tokens that have ended since, each in a way of its own."""
    found = {way: new_person(cinder) for way in ("ended", "out", "password", "role")}
    for person in found.values():
        assert api.get(kept, auth=person.login)["name"] == "old"
    for enabled in (False, True):
        found["ended"].change(enabled=enabled)
    found["out"].change(enabled=False)
    found["password"].change(password="another one")
    found["role"].withdraw(cinder.project_id("demo"), "member")
    time.sleep(HEARD_S)
    return found


def test_a_password_login_gets_a_new_token_and_nobody_sees_it(
    api: Api, people: dict[str, Person], volume: str
) -> None:
    made = api.make(json={"volume_id": volume}, auth=people["ended"].login)
    changed = api.change("PATCH", made["href"], json={"name": "n"}, auth=people["ended"].login)
    assert changed["name"] == "n"


def test_who_is_kept_out_stays_out(api: Api, people: dict[str, Person], kept: str) -> None:
    for method in ("GET", "DELETE"):
        api.refusal(method, kept, 401, auth=people["out"].login)
    people["out"].change(enabled=True)
    assert api.get(kept, auth=people["out"].login)


def test_a_new_password_ends_the_old_one(api: Api, people: dict[str, Person], kept: str) -> None:
    person = people["password"]
    api.refusal("GET", kept, 401, auth=person.login)
    assert api.get(kept, auth=(person.login[0], "another one"))


def test_a_role_that_is_taken_away_and_another_one_that_is_given(
    api: Api, cinder: RealCinder, people: dict[str, Person], kept: str
) -> None:
    person = people["role"]
    api.refusal("GET", kept, 401, auth=person.login)
    person.grant(cinder.project_id("demo"), "reader")
    assert api.get(kept, auth=person.login)
    api.refusal("DELETE", kept, 403, auth=person.login)


def test_a_token_is_renewed_once(
    cinder: RealCinder, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(cinder, Credentials(username="demo+demo", password="secret")) as (driver, cloud):
        driver.get_snapshot(kept[-36:], deadline=Deadline(30))
        cinder.revoke(token_of(driver))
        calls = sent(cloud, monkeypatch)
        for _ in range(2):
            driver.list_snapshots(Query(), page_size=5, cursor=None, deadline=Deadline(30))
        assert calls == ["GET detail", "POST tokens", "GET detail", "GET detail"]


def test_many_at_once_get_one_new_token(
    cinder: RealCinder, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, start = kept[-36:], threading.Barrier(4)

    def show(_: int) -> str:
        start.wait(10)
        return driver.get_snapshot(snapshot, deadline=Deadline(30)).id

    with opened(cinder, Credentials(username="demo+demo", password="secret")) as (driver, cloud):
        cinder.revoke(token_of(driver))
        calls = sent(cloud, monkeypatch)
        with ThreadPoolExecutor(4) as threads:
            assert set(threads.map(show, range(4))) == {snapshot}
        assert calls.count("POST tokens") == 1


def test_a_ready_token_is_not_renewed_with_anything(
    cinder: RealCinder, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = cinder.token("demo").id
    with opened(cinder, Credentials(token=token)) as (driver, cloud):
        cinder.revoke(token)
        calls = sent(cloud, monkeypatch)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - classify() tells which
            driver.get_snapshot(kept[-36:], deadline=Deadline(30))
        error = CinderDriver.classify(caught.value)
        assert isinstance(error, DriverError)
        assert error.code is ErrorCode.UNAUTHENTICATED
        assert "POST tokens" not in calls
