"""A gateway's core in front of a simulated OpenStack, and what the tests ask of both."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from drivers.cinder.driver import CinderDriver
from gateway.core.core import Core
from gateway.core.guard import Guard
from gateway.core.listing import Listing
from gateway.core.registry import Provider, Providers
from gateway.core.sessions import Sessions
from gateway.core.snapshots import Account
from gateway.driver import Credentials, Deadline, DriverError, Filter, Page, Query, SortKey
from tests.simulators.openstack import OpenStack
from tests.simulators.openstack_http import BLOCK_STORAGE, IDENTITY, Request
from tests.simulators.openstack_keystone import PASSWORD
from tests.unit.fakes import LISTS

DEMO = Credentials(username="demo+demo", password=PASSWORD)
OTHER = Credentials(username="other+other", password=PASSWORD)
READER = Credentials(username="demo-reader+demo", password=PASSWORD)
ADMIN = Credentials(username="admin+admin", password=PASSWORD)
LIST = "GET /snapshots/detail"
TOKEN = "POST /auth/tokens"
LOOK = "GET /auth/tokens"
FILTERS = "GET /resource_filters"
GIB = 1 << 30
Connect = Callable[..., Account]


class Gateway:
    """A core with the providers ``first`` and ``second`` at one cloud.

    Args:
        openstack: the cloud.
        call_timeout_s: how long a call may take.
        session_cache: how many accounts are remembered.
        second: options in which the second provider differs.
        options: the driver's, for both.
    """

    def __init__(
        self,
        openstack: OpenStack,
        *,
        call_timeout_s: float = 10,
        session_cache: int = 1024,
        second: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        load = CinderDriver.Options().load
        given = {"auth_url": openstack.auth_url, **options}
        found = [
            Provider(name, "cinder", CinderDriver, load(given | more))
            for name, more in (("first", {}), ("second", second or {}))
        ]
        providers = Providers(tuple(found), "first")
        sessions = Sessions(providers, maxsize=session_cache)
        self.core = Core(providers, sessions, Guard(timeout_s=call_timeout_s), LISTS)

    def account(self, credentials: Credentials = DEMO, *, provider: str = "first") -> Account:
        """Return an account, which is opened if it is not known yet."""
        return self.core.account(self.core.providers.select(provider=provider), credentials)

    def driver(self, credentials: Credentials = DEMO, *, provider: str = "first") -> CinderDriver:
        """Return the driver of an account itself, without the core around it."""
        selected = self.core.providers.select(provider=provider)
        opened = self.core.sessions.get(selected, credentials, Deadline(10))
        assert isinstance(opened.driver, CinderDriver)
        return opened.driver


def refused(call: Callable[..., Any], *args: Any, **kw: Any) -> DriverError:
    """Return the error that a call must end with."""
    with pytest.raises(DriverError) as caught:
        call(*args, **kw)
    return caught.value


def where(**conditions: str) -> Query:
    """Return a query with these conditions."""
    return Query(tuple(Filter(field, value) for field, value in conditions.items()))


def tagged(**pairs: str) -> Query:
    """Return a query for snapshots with this metadata."""
    return Query(tuple(Filter("metadata", value, key=key) for key, value in pairs.items()))


def by(*keys: str, filters: tuple[Filter, ...] = ()) -> Query:
    """Return a query in an order: ``-created`` is the newest first."""
    sort = tuple(SortKey(key.removeprefix("-"), key.startswith("-")) for key in keys)
    return Query(filters, sort)


def ids(listing: Listing[Any]) -> list[str]:
    """Return the ids of a whole list in its order."""
    return [item.id for item in listing.items()]


def listed(account: Account, query: Query | None = None) -> set[str]:
    """Return the ids of a whole list, in which nothing may come twice."""
    found = ids(account.list_snapshots(query or Query()))
    assert len(found) == len(set(found))
    return set(found)


def walk(
    driver: CinderDriver, page_size: int, query: Query | None = None, what: str = "list_snapshots"
) -> Iterable[Page[Any]]:
    """Yield the driver's own pages, to the end."""
    cursor: str | None = None
    while True:
        page = getattr(driver, what)(
            query or Query(), page_size=page_size, cursor=cursor, deadline=Deadline(10)
        )
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return


def calls(openstack: OpenStack, *, service: str | None = None) -> list[str]:
    """Return what was asked so far as ``METHOD /route``, and forget it."""
    found = [f"{one.method} {_general(one)}" for one in openstack.asked(service=service)]
    openstack.requests.clear()
    return found


def of_cinder(openstack: OpenStack) -> list[str]:
    """Return what Cinder was asked so far, and forget it all."""
    return calls(openstack, service=BLOCK_STORAGE)


def of_keystone(openstack: OpenStack) -> list[str]:
    """Return what Keystone was asked so far, and forget it all."""
    return calls(openstack, service=IDENTITY)


def _general(request: Request) -> str:
    """Return a route with ID in the place of an id."""
    parts = [part if len(part) < 32 else "ID" for part in request.route.split("/")]
    return "/".join(parts)


def asked_for(request: Request) -> dict[str, str]:
    """Return the parameters of a request."""
    found = request.parameters
    assert len(found) == len(dict(found))
    return dict(found)


def version_of(request: Request) -> str | None:
    """Return the microversion that a request was sent with."""
    header = request.headers.get("openstack-api-version")
    return header.removeprefix("volume ") if header else None


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """Return what a call returns in many threads that begin together."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def texts(error: BaseException) -> Iterable[str]:
    """Yield all that an error and its causes say of themselves."""
    one: BaseException | None = error
    while one is not None:
        yield from (str(one), repr(one), repr(one.args))
        one = one.__cause__ or one.__context__
