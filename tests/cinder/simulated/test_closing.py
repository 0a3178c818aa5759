"""An account that is closed leaves nothing behind: no secret, no token, no memory."""

import gc
import time
import weakref
from collections.abc import Callable
from http.client import HTTPResponse
from types import FunctionType, ModuleType
from typing import Any

import pytest

from drivers.cinder.account import Account as CinderAccount
from gateway.core.snapshots import Account
from gateway.driver import Credentials, Query
from tests.cinder.simulated.conftest import Build
from tests.cinder.simulated.tools import DEMO, OTHER, Gateway, ids, listed
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_state import Region

PASSWORD = "the password of caller %d"


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[CinderAccount]:
    """The accounts that were closed."""
    found: list[CinderAccount] = []
    real = CinderAccount.close

    def spy(self: CinderAccount) -> None:
        found.append(self)
        real(self)

    monkeypatch.setattr(CinderAccount, "close", spy)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what a thread that has answered already still has to let go of."""
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def caller(openstack: OpenStack, number: int) -> Credentials:
    name, password = f"caller-{number}", PASSWORD % number
    demo = openstack.identity.project("demo")
    openstack.identity.add_user(name, demo, password=password)
    return Credentials(username=f"{name}+demo", password=password)


def test_a_closed_driver_reaches_no_secret(openstack: OpenStack, gateway: Gateway) -> None:
    driver = gateway.driver()
    session: Any = driver._account._session
    assert session.auth is not None
    driver.close()
    assert session.auth is None
    driver.close()


def reachable_texts(start: object) -> set[str]:
    """Return every text that is reachable from an object, except through modules and classes.

    Nor through the last answer on an idle connection, which Python's own HTTP client keeps
    until the next one: Keystone's has a token.
    """
    seen: set[int] = set()
    found: set[str] = set()
    pending = [start]
    while pending:
        one = pending.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType | HTTPResponse):
            continue
        seen.add(id(one))
        if isinstance(one, str | bytes):
            found.add(str(one))
        pending += gc.get_referents(one)
    return found


def test_nor_do_the_objects_that_the_sdk_keeps(openstack: OpenStack, gateway: Gateway) -> None:
    driver = gateway.driver(caller(openstack, 1))
    session: Any = driver._account._session
    (token,) = openstack.identity.tokens
    assert {PASSWORD % 1, token} <= reachable_texts(session)
    driver._account.close()
    assert not {PASSWORD % 1, token} & reachable_texts(session)


def test_the_accounts_of_the_past_are_forgotten(openstack: OpenStack, build: Build) -> None:
    gateway = build(openstack, session_cache=4)
    plugins, accounts = [], []
    for number in range(200):
        credentials = caller(openstack, number)
        gateway.account(credentials)
        inner: Any = gateway.driver(credentials)._account
        plugins.append(weakref.ref(inner._login))
        accounts.append(weakref.ref(inner))
    del inner

    def alive() -> tuple[int, int]:
        gc.collect()
        return sum(one() is not None for one in accounts), sum(one() is not None for one in plugins)

    wait_for(lambda: max(alive()) <= 8)
    gateway.core.close()
    wait_for(lambda: alive() == (0, 0))


def test_nothing_of_an_account_is_kept_by_the_cloud(openstack: OpenStack, build: Build) -> None:
    gateway = build(openstack, session_cache=1)
    cloud = gateway.driver()._lists._cloud
    listed(gateway.account())
    sizes = []
    for number in range(20):
        listed(gateway.account(caller(openstack, number)))
        sizes.append((len(cloud._discovered), len(cloud._transport.cookies)))
    assert set(sizes) == {sizes[0]}
    found = reachable_texts(cloud)
    assert not [text for text in found if "the password of" in text or text.startswith("gAAAA")]


def test_an_account_is_not_closed_under_a_list_that_is_being_read(
    openstack: OpenStack, build: Build, region: Region, closed: list[CinderAccount]
) -> None:
    openstack.settings.page_maximum = 5
    region.add_snapshots(12)
    gateway = build(openstack, session_cache=1)
    pages = gateway.account(DEMO).list_snapshots(Query()).pages()
    own = gateway.driver(DEMO)._account
    found = len(next(pages))
    assert ids(gateway.account(OTHER).list_snapshots(Query())) == []
    assert own not in closed
    assert found + sum(len(page) for page in pages) == 12
    del pages
    wait_for(lambda: own in closed)


def test_each_account_is_closed_once(
    openstack: OpenStack, build: Build, closed: list[CinderAccount]
) -> None:
    gateway = build(openstack, session_cache=2)
    made = []
    for number in range(6):
        credentials = caller(openstack, number)
        account: Account | None = gateway.account(credentials)
        made.append(gateway.driver(credentials)._account)
    account = None
    assert account is None
    wait_for(lambda: [one in closed for one in made] == [True] * 4 + [False] * 2)
    gateway.core.close()
    wait_for(lambda: all(closed.count(one) == 1 for one in made))
