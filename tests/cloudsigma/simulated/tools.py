"""A gateway's core in front of a simulated CloudSigma, and what the tests ask of both."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from drivers.cloudsigma.driver import CloudSigmaDriver
from gateway.core.core import Core
from gateway.core.guard import Guard
from gateway.core.listing import Listing
from gateway.core.registry import Provider, Providers
from gateway.core.sessions import Sessions
from gateway.core.snapshots import Account
from gateway.driver import (
    Credentials,
    Deadline,
    DriverError,
    Filter,
    Lookup,
    MetadataChange,
    Page,
    Query,
    SortKey,
    UpdateSnapshot,
)
from tests.simulators.cloudsigma import CloudSigma
from tests.simulators.cloudsigma_http import Request
from tests.simulators.cloudsigma_state import OTHER, PASSWORD, USER
from tests.unit.fakes import LISTS

MINE = Credentials(username=USER, password=PASSWORD)
THEIRS = Credentials(username=OTHER, password=PASSWORD)
GIB = 1 << 30
NOBODYS = "00000000-0000-4000-8000-000000000000"
"""An id that nothing has."""
LOCAL, REMOTE = "GET /snapshots/detail/", "GET /remotesnapshots/detail/"
CHANGING = ("POST", "PUT", "DELETE")
Connect = Callable[..., Account]


class Gateway:
    """A core with one provider.

    Args:
        cloud: where the provider is.
        call_timeout_s: how long a call may take.
        options: the driver's.
    """

    def __init__(self, cloud: CloudSigma, *, call_timeout_s: float = 10, **options: Any) -> None:
        loaded = CloudSigmaDriver.Options().load({"endpoint": cloud.url, **options})
        providers = Providers((Provider("main", "cloudsigma", CloudSigmaDriver, loaded),), "main")
        self.core = Core(providers, Sessions(providers), Guard(timeout_s=call_timeout_s), LISTS)

    def account(self, credentials: Credentials = MINE) -> Account:
        """Return an account, which is opened if it is not known yet."""
        return self.core.account(self.core.providers.select(provider="main"), credentials)

    def driver(self, credentials: Credentials = MINE) -> CloudSigmaDriver:
        """Return the driver of an account itself, without the core around it."""
        selected = self.core.providers.select(provider="main")
        opened = self.core.sessions.get(selected, credentials, Deadline(10))
        assert isinstance(opened.driver, CloudSigmaDriver)
        return opened.driver


def refused(call: Callable[..., Any], *args: Any, **kw: Any) -> DriverError:
    """Return the error that a call must end with."""
    with pytest.raises(DriverError) as caught:
        call(*args, **kw)
    return caught.value


def where(**conditions: str) -> Query:
    """Return a query with these conditions; ``name__contains`` is one of them."""
    found = []
    for name, value in conditions.items():
        field, _, lookup = name.partition("__")
        found.append(Filter(field, value, Lookup(lookup) if lookup else Lookup.EXACT))
    return Query(tuple(found))


def by(*keys: str) -> Query:
    """Return a query in an order: ``-created`` is the newest first."""
    return Query(sort=tuple(SortKey(key.removeprefix("-"), key.startswith("-")) for key in keys))


def ids(listing: Listing[Any]) -> list[str]:
    """Return the ids of a whole list in its order, in which nothing may come twice."""
    found = [item.id for item in listing.items()]
    assert len(found) == len(set(found))
    return found


def listed(account: Account, query: Query | None = None) -> set[str]:
    """Return the ids of all snapshots that match."""
    return set(ids(account.list_snapshots(query or Query())))


def walk(
    driver: CloudSigmaDriver,
    page_size: int,
    query: Query | None = None,
    what: str = "list_snapshots",
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


def walked(driver: CloudSigmaDriver, page_size: int, query: Query | None = None) -> list[str]:
    """Return the ids of all pages."""
    return [item.id for page in walk(driver, page_size, query) for item in page.items]


def update(**given: Any) -> UpdateSnapshot:
    """Return a change; ``set``, ``remove`` and ``replace`` are about metadata."""
    about = {name: given.pop(name) for name in ("set", "remove", "replace") if name in given}
    if about:
        about["remove"] = frozenset(about.get("remove", ()))
        given["metadata"] = MetadataChange(**about)
    return UpdateSnapshot(**given)


def calls(cloud: CloudSigma) -> list[str]:
    """Return what was asked so far as ``METHOD /route/``, and forget it."""
    found = [f"{one.method} {general(one)}" for one in cloud.asked()]
    cloud.requests.clear()
    return found


def changes(cloud: CloudSigma) -> list[str]:
    """Return what was asked so far that changes something."""
    return [f"{one.method} {general(one)}" for one in cloud.asked() if one.method in CHANGING]


def without_marker(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return a meta without what is the gateway's own, which must be there."""
    assert {"snapgate:marker", "snapgate:request"} <= meta.keys()
    return {key: value for key, value in meta.items() if not key.startswith("snapgate:")}


def general(request: Request) -> str:
    """Return a route with ID in the place of an id."""
    return "/".join("ID" if len(part) == 36 else part for part in request.route.split("/"))


def asked_for(request: Request) -> dict[str, str]:
    """Return the parameters of a request."""
    found = request.parameters
    assert len(found) == len(dict(found))
    return dict(found)


def texts(error: BaseException) -> Iterable[str]:
    """Yield all that an error and its causes say of themselves."""
    one: BaseException | None = error
    while one is not None:
        yield from (str(one), repr(one), repr(one.args))
        one = one.__cause__ or one.__context__


def in_order(found: Sequence[Any], values: Mapping[str, Any], *, turned: bool = False) -> list[str]:
    """Return the ids of the simulator's objects as a list must have them: equals by id.

    Args:
        found: the objects.
        values: what they are sorted by, for each id.
        turned: whether the largest comes first.
    """
    return sorted(sorted(one.uuid for one in found), key=values.__getitem__, reverse=turned)
